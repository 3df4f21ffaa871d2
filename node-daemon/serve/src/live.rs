//! The live door of this crate: what the daemon's intake tells about running sessions.
//!
//! Every call is synchronous and short. [`Live::begin_run`] alone reads the cache, when it meets a session that an
//! earlier process began. A part may be fetched, and those who wait for it wake, before the call returns.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use model::segment::Segment;
use model::wire::v1::PartReport;
use model::{Clock, Gap, GapState, Run, RunNumber, SessionId, Track, TrackName};
use tokio::sync::watch;

use crate::feed::{Feed, Init};
use crate::metrics::Metrics;
use crate::shelf;
pub use crate::timeline::Ignored;

/// Sessions kept after their end: their last segments may still be on the way to the disk.
const ENDED_MAX: usize = 2;

/// Running sessions, written by the daemon's intake and read by requests.
#[derive(Debug, Clone)]
pub struct Live {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    store: cache::Store,
    clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
    feeds: Mutex<Vec<Arc<Feed>>>,
    arrivals: watch::Sender<u64>,
}

/// An event that did not become part of any playlist.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The session's history could not be read.
    #[error("recall session {session}")]
    Recall {
        /// The session.
        session: SessionId,
        /// Why not.
        source: cache::Error,
    },
    /// No run of the session was begun.
    #[error("session {session} has not begun")]
    UnknownSession {
        /// The session.
        session: SessionId,
    },
    /// The session's timeline has no place for it.
    #[error("session {session}")]
    Ignored {
        /// The session.
        session: SessionId,
        /// Why not.
        source: Ignored,
    },
}

impl Live {
    /// Makes the live door. The cache is asked for the history of sessions that go on after a restart.
    pub fn new(store: cache::Store, clock: Arc<dyn Clock>) -> Self {
        let inner = Inner {
            store,
            clock,
            metrics: Arc::default(),
            feeds: Mutex::default(),
            arrivals: watch::Sender::new(0),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Begins a run. The first run met of a session brings its stored history along.
    ///
    /// # Errors
    /// The history cannot be read, or the session has ended.
    pub fn begin_run(&self, session: SessionId, run: &Run) -> Result<(), Error> {
        let feed = match self.find(session) {
            Some(feed) => feed,
            None => self.open(session)?,
        };
        feed.begin_run(run).map_err(|source| Error::Ignored { session, source })
    }

    /// Announces a track of a run with its init segment (`ftyp` + `moov`).
    ///
    /// # Errors
    /// The session or the run was never begun.
    pub fn track(&self, session: SessionId, run: RunNumber, track: &Track, init: Bytes) -> Result<(), Error> {
        let feed = self.known(session)?;
        feed.track(run, track, Init::Edge(init)).map_err(|source| Error::Ignored { session, source })
    }

    /// Publishes a part.
    ///
    /// # Errors
    /// The part has no place on the timeline: it came too late, or its track or run is unknown.
    pub fn part(&self, session: SessionId, report: &PartReport) -> Result<(), Error> {
        let feed = self.known(session)?;
        feed.part(report).map_err(|source| Error::Ignored { session, source })?;
        self.inner.metrics.published(self.inner.clock.monotonic());
        Ok(())
    }

    /// Takes note that a segment is in the cache.
    ///
    /// # Errors
    /// The segment has no place on the timeline.
    pub fn sealed(&self, session: SessionId, track: &TrackName, segment: &Segment) -> Result<(), Error> {
        let feed = self.known(session)?;
        feed.sealed(track, segment).map_err(|source| Error::Ignored { session, source })
    }

    /// Declares a gap, whether it lasts or is over.
    ///
    /// # Errors
    /// No run of the session was begun.
    pub fn gap(&self, session: SessionId, gap: &Gap, state: GapState) -> Result<(), Error> {
        self.known(session)?.gap(gap, state);
        Ok(())
    }

    /// Ends a session: its playlists are complete from this moment.
    pub fn ended(&self, session: SessionId) {
        if let Some(feed) = self.find(session) {
            feed.end();
        }
        let mut feeds = self.feeds();
        let ended: Vec<SessionId> =
            feeds.iter().filter(|feed| feed.is_ended()).map(|feed| feed.id()).collect();
        let surplus = ended.len().saturating_sub(ENDED_MAX);
        feeds.retain(|feed| !ended.iter().take(surplus).any(|old| *old == feed.id()));
    }

    pub(crate) fn find(&self, session: SessionId) -> Option<Arc<Feed>> {
        self.feeds().iter().find(|feed| feed.id() == session).cloned()
    }

    /// Returns a counter that moves when a session begins.
    pub(crate) fn arrivals(&self) -> watch::Receiver<u64> {
        self.inner.arrivals.subscribe()
    }

    pub(crate) fn metrics(&self) -> Arc<Metrics> {
        Arc::clone(&self.inner.metrics)
    }

    fn known(&self, session: SessionId) -> Result<Arc<Feed>, Error> {
        self.find(session).ok_or(Error::UnknownSession { session })
    }

    fn open(&self, session: SessionId) -> Result<Arc<Feed>, Error> {
        let feed = shelf::recall(&self.inner.store, session, shelf::End::StaysOpen)
            .map_err(|source| Error::Recall { session, source })?;
        let feed = Arc::new(feed);
        self.feeds().push(Arc::clone(&feed));
        self.inner.arrivals.send_modify(|count| *count += 1);
        Ok(feed)
    }

    fn feeds(&self) -> std::sync::MutexGuard<'_, Vec<Arc<Feed>>> {
        self.inner.feeds.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
