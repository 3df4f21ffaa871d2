//! Recorded sessions: their timelines from the cache, and the bytes of sealed objects.
//!
//! The cache blocks, so every question goes to a thread that may; answers are kept for a short time.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use model::{Clock, ContentHash, MonoTime, SessionId, SessionState};

use crate::feed::Feed;

/// Recorded timelines in memory. One of 90 minutes takes about 1.5 MB.
const FEEDS_MAX: usize = 16;

/// How long a timeline is taken to be as the cache has it: a repaired or deleted session shows within this time.
const FEED_FRESH: Duration = Duration::from_secs(5);

/// Mapped objects in memory; mapping is cheap, so only the ones just asked for are worth keeping.
const OBJECTS_MAX: usize = 128;

/// Stored sessions, as requests see them.
#[derive(Debug)]
pub(crate) struct Shelf {
    store: cache::Store,
    clock: Arc<dyn Clock>,
    feeds: Mutex<VecDeque<(MonoTime, Arc<Feed>)>>,
    /// One at a time recalls a session: a room that opens a recording at once finds what the first one brought.
    recalling: tokio::sync::Mutex<()>,
    objects: Mutex<VecDeque<(ContentHash, Bytes)>>,
    /// Objects that were found damaged, so that a room that asks for one fills no log.
    damaged: Mutex<VecDeque<ContentHash>>,
}

/// Why a stored thing cannot be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The cache says why.
    #[error(transparent)]
    Cache(#[from] cache::Error),
    /// The thread that asked it is gone.
    #[error("ask the cache")]
    Thread(#[from] tokio::task::JoinError),
}

/// Whether a recalled session goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// As the cache has it.
    AsStored,
    /// A run is about to begin.
    StaysOpen,
}

impl Shelf {
    pub(crate) fn new(store: cache::Store, clock: Arc<dyn Clock>) -> Self {
        Self {
            store,
            clock,
            feeds: Mutex::default(),
            recalling: tokio::sync::Mutex::default(),
            objects: Mutex::default(),
            damaged: Mutex::default(),
        }
    }

    /// Asks the cache on a thread that may block.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&cache::Store) -> Result<T, cache::Error> + Send + 'static,
    ) -> Result<T, Error> {
        let store = self.store.clone();
        Ok(tokio::task::spawn_blocking(move || question(&store)).await??)
    }

    /// Returns a stored session; `None` if there is no such session.
    pub(crate) async fn feed(&self, session: SessionId) -> Result<Option<Arc<Feed>>, Error> {
        if let Some(feed) = self.fresh(session) {
            return Ok(Some(feed));
        }
        let _recalling = self.recalling.lock().await;
        if let Some(feed) = self.fresh(session) {
            return Ok(Some(feed));
        }
        let found = self
            .ask(move |store| match store.session(session)? {
                None => Ok(None),
                Some(_) => recall(store, session, End::AsStored).map(Some),
            })
            .await?;
        let mut feeds = self.feeds.lock().unwrap_or_else(PoisonError::into_inner);
        feeds.retain(|(_, feed)| feed.id() != session);
        let Some(feed) = found.map(Arc::new) else { return Ok(None) };
        if feeds.len() == FEEDS_MAX {
            feeds.pop_front();
        }
        feeds.push_back((self.clock.monotonic(), Arc::clone(&feed)));
        Ok(Some(feed))
    }

    fn fresh(&self, session: SessionId) -> Option<Arc<Feed>> {
        let at = self.clock.monotonic();
        let feeds = self.feeds.lock().unwrap_or_else(PoisonError::into_inner);
        let (read, feed) = feeds.iter().find(|(_, feed)| feed.id() == session)?;
        (at.since(*read) < FEED_FRESH).then(|| Arc::clone(feed))
    }

    /// Returns a sealed object; `None` if the cache does not have it. The cache reads every byte of it first, where
    /// waiting for the disk hurts nobody.
    pub(crate) async fn object(&self, hash: ContentHash) -> Result<Option<Bytes>, Error> {
        if let Some((_, bytes)) = self.objects().iter().find(|(known, _)| *known == hash) {
            return Ok(Some(bytes.clone()));
        }
        let found = self.ask(move |store| store.object(hash)).await?;
        if let Some(bytes) = &found {
            let mut objects = self.objects();
            if objects.iter().all(|(known, _)| *known != hash) {
                if objects.len() == OBJECTS_MAX {
                    objects.pop_front();
                }
                objects.push_back((hash, bytes.clone()));
            }
        }
        Ok(found)
    }

    /// Notes that an object is damaged; returns whether that is news.
    pub(crate) fn note_damaged(&self, hash: ContentHash) -> bool {
        let mut damaged = self.damaged.lock().unwrap_or_else(PoisonError::into_inner);
        if damaged.contains(&hash) {
            return false;
        }
        if damaged.len() == OBJECTS_MAX {
            damaged.pop_front();
        }
        damaged.push_back(hash);
        true
    }

    fn objects(&self) -> std::sync::MutexGuard<'_, VecDeque<(ContentHash, Bytes)>> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads a session's timeline from the cache. Blocks.
pub(crate) fn recall(store: &cache::Store, session: SessionId, end: End) -> Result<Feed, cache::Error> {
    let feed = Feed::new(session);
    let state = store.session(session)?.map(|session| session.state);
    let runs = store.runs(session)?;
    let tracks = store.tracks(session)?;
    let gaps = store.gaps(session)?;
    let mut segments = Vec::new();
    for (_, track, _) in &tracks {
        if segments.iter().all(|(name, _)| *name != track.name) {
            segments.push((track.name.clone(), store.segments(session, &track.name, None)?));
        }
    }
    feed.recall(|past| {
        let mut ignored = 0_u32;
        let mut count = |result: Result<(), crate::timeline::Ignored>| ignored += u32::from(result.is_err());
        for run in &runs {
            count(past.begin_run(run));
            for (_, track, init) in tracks.iter().filter(|(number, ..)| *number == run.number) {
                count(past.track(run.number, track, *init));
            }
            for (name, list) in &segments {
                let mine = list.iter().filter(|segment| segment.key.run == run.number);
                mine.for_each(|segment| count(past.segment(name, segment)));
            }
        }
        gaps.iter().for_each(|gap| past.gap(gap));
        if end == End::AsStored && state == Some(SessionState::Ended) {
            past.end();
        }
        if ignored > 0 {
            tracing::warn!(%session, ignored, "stored segments that fit nowhere on the timeline");
        }
    });
    Ok(feed)
}

#[cfg(test)]
mod tests {
    use futures_util::future::join_all;
    use model::{ManualClock, MediaTime, Session, Title, WallTime};

    use super::*;

    #[tokio::test]
    async fn a_recording_that_everybody_opens_at_once_is_read_once() {
        let folder = tempfile::tempdir().unwrap();
        let (store, _) = cache::Store::open(folder.path(), cache::Options::default()).unwrap();
        let started = WallTime::from_unix_ms(1);
        let id = SessionId::new(started, [1; 10]);
        let title = Title::new("Tides").unwrap();
        let (state, end) = (SessionState::Ended, MediaTime::ZERO);
        store.begin_session(&Session { id, title, state, started, end }).unwrap();
        let shelf = Shelf::new(store, Arc::new(ManualClock::new(started)));
        let feeds = join_all((0..20).map(|_| shelf.feed(id))).await;
        let feeds: Vec<Arc<Feed>> = feeds.into_iter().map(|feed| feed.unwrap().unwrap()).collect();
        assert!(feeds.windows(2).all(|pair| Arc::ptr_eq(&pair[0], &pair[1])));
    }
}
