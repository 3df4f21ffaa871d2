//! Keeps what the intake takes in: the only thread of the daemon that waits for the disk.
//!
//! The room never waits for it. A part is published before it is offered here; when the disk cannot follow, parts are
//! not kept and the recording says so with a gap.

mod keeper;
mod owed;

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use std::{io, thread};

use bytes::Bytes;
use model::wire::v1::PartReport;
use model::{
    Gap, GapCause, GapState, MediaTime, Run, RunNumber, SegmentKey, SessionId, Timescale, Track, TrackName,
};
use serve::Live;
use tokio::sync::oneshot;

use keeper::Keeper;

/// Half a minute of three tracks in 0.2 s parts, about 12 MB: a disk that hangs for longer loses parts.
const QUEUE_MAX: usize = 512;

/// How often what could not be written is tried again while nothing else comes.
const RETRY_EVERY: Duration = Duration::from_secs(2);

/// A stretch of the session's timeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    from: MediaTime,
    to: MediaTime,
}

impl Span {
    /// Returns the stretch from the first of both to the last of both.
    fn and(self, other: Self) -> Self {
        Self { from: self.from.min(other.from), to: self.to.max(other.to) }
    }

    /// Returns the gap that it is in one track.
    fn gap(self, track: &TrackName, cause: GapCause) -> Gap {
        Gap { from: self.from, to: self.to, track: Some(track.clone()), cause }
    }
}

/// Something to be kept.
#[derive(Debug)]
enum Item {
    BeginRun(SessionId, Run),
    Track(SessionId, RunNumber, Track, Bytes),
    /// A part, and where it lies.
    Part(SessionId, PartReport, Span),
    Gap(SessionId, Gap),
    CloseRun,
    End(SessionId, MediaTime),
    Flush(oneshot::Sender<()>),
}

/// How the keeping goes; shared with whoever has to tell people.
#[derive(Debug, Clone, Default)]
pub(crate) struct Health(Arc<Mutex<Option<Trouble>>>);

/// What is wrong with the data folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trouble {
    /// What did not work.
    pub(crate) what: String,
    /// What to do about it.
    pub(crate) advice: String,
}

impl Health {
    /// Returns what is wrong; `None` when everything is kept.
    pub(crate) fn trouble(&self) -> Option<Trouble> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes trouble; logs only when it is new, so that a full disk does not fill the log too.
    fn fails(&self, trouble: Trouble) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.is_none() {
            tracing::error!(
                what = trouble.what,
                advice = trouble.advice,
                "recording stops; the room still hears everything"
            );
        }
        *known = Some(trouble);
    }

    fn works(&self) {
        if self.0.lock().unwrap_or_else(PoisonError::into_inner).take().is_some() {
            tracing::warn!("recording goes on; what is missing is marked as a gap");
        }
    }
}

/// The intake's side of the keeper.
#[derive(Debug)]
pub(crate) struct Handle {
    items: SyncSender<Item>,
    thread: JoinHandle<()>,
    health: Health,
    timescales: BTreeMap<TrackName, Timescale>,
    /// What of each track was not taken and has not been said yet.
    missed: BTreeMap<TrackName, Missed>,
}

/// Parts of one track that the keeper did not take.
#[derive(Debug)]
struct Missed {
    session: SessionId,
    span: Span,
    /// The segment that lost a part last: the rest of it is of no use to the keeper.
    torn: SegmentKey,
}

impl Handle {
    /// Starts the thread.
    ///
    /// # Errors
    /// The system starts no more threads.
    pub(crate) fn start(store: cache::Store, live: Live, health: Health) -> io::Result<Self> {
        let (items, queue) = sync_channel(QUEUE_MAX);
        let keeper = Keeper::new(store, live, health.clone());
        let thread = thread::Builder::new().name("keeper".to_owned()).spawn(move || work(keeper, &queue))?;
        Ok(Self { items, thread, health, timescales: BTreeMap::new(), missed: BTreeMap::new() })
    }

    /// Offers a part; it is not kept when the disk is half a minute behind. A part of an unknown track is no part.
    pub(crate) fn part(&mut self, session: SessionId, report: PartReport) {
        let Some(scale) = self.timescales.get(&report.track) else { return };
        let part = &report.part;
        let from = scale.media_time(part.start);
        let span = Span { from, to: scale.media_time(part.start.after(part.duration)) };
        let (track, key) = (report.track.clone(), report.segment);
        let is_torn = self.missed.get(&track).is_some_and(|missed| missed.torn == key);
        if is_torn || !self.tell_missed(&track) || !self.offer(Item::Part(session, report, span)) {
            self.miss(session, track, key, span);
        }
    }

    /// Notes that a part was not taken.
    fn miss(&mut self, session: SessionId, track: TrackName, torn: SegmentKey, span: Span) {
        let before = self.missed.remove(&track).map_or(span, |missed| missed.span.and(span));
        self.missed.insert(track, Missed { session, span: before, torn });
    }

    /// Says what of a track was not taken, if there is room to say it; returns whether nothing is left to say.
    fn tell_missed(&mut self, track: &TrackName) -> bool {
        let Some(missed) = self.missed.get(track) else { return true };
        let told = self.offer(Item::Gap(missed.session, missed.span.gap(track, GapCause::Overload)));
        if told {
            self.missed.remove(track);
        }
        told
    }

    /// Hands an item on, if there is room.
    fn offer(&self, item: Item) -> bool {
        let offered = self.items.try_send(item);
        if let Err(TrySendError::Full(_)) = offered {
            self.health.fails(Trouble {
                what: "the disk does not take data fast enough".to_owned(),
                advice: "Use a faster disk or card, or lower the video rates below [encoding].".to_owned(),
            });
        }
        // A keeper that has ended takes no rows either, and that is said there.
        !matches!(offered, Err(TrySendError::Full(_)))
    }

    /// Keeps a run.
    pub(crate) fn begin_run(&mut self, session: SessionId, run: Run) {
        self.timescales.clear();
        self.send(Item::BeginRun(session, run));
    }

    /// Keeps a track of a run.
    pub(crate) fn track(&mut self, session: SessionId, run: RunNumber, track: Track, init: Bytes) {
        self.timescales.insert(track.name.clone(), track.timescale);
        self.send(Item::Track(session, run, track, init));
    }

    /// Keeps a gap; how far one has come that lasts is only offered, for it is said again.
    pub(crate) fn gap(&self, session: SessionId, gap: Gap, state: GapState) {
        let item = Item::Gap(session, gap);
        match state {
            GapState::Closed => self.send(item),
            GapState::Open => {
                self.offer(item);
            }
        }
    }

    /// Seals what is open, and says what of the run is missing.
    pub(crate) fn close_run(&mut self) {
        for (track, Missed { session, span, .. }) in std::mem::take(&mut self.missed) {
            self.send(Item::Gap(session, span.gap(&track, GapCause::Overload)));
        }
        self.send(Item::CloseRun);
    }

    /// Ends a session: everything before is kept first, then its playlists are complete.
    pub(crate) fn end(&self, session: SessionId, end: MediaTime) {
        self.send(Item::End(session, end));
    }

    /// Answers when everything before is done.
    pub(crate) fn flush(&self, done: oneshot::Sender<()>) {
        self.send(Item::Flush(done));
    }

    /// Finishes what was taken and ends the thread.
    pub(crate) fn finish(self) {
        drop(self.items);
        if self.thread.join().is_err() {
            tracing::error!(
                "the keeper ended with a fault; what it had not sealed is mended at the next start"
            );
        }
    }

    /// Rows are few and must not be lost, so they wait for room in the queue.
    fn send(&self, item: Item) {
        if self.items.send(item).is_err() {
            self.health.fails(Trouble {
                what: "the keeper has ended with a fault".to_owned(),
                advice: "Start the daemon again; the log tells the fault.".to_owned(),
            });
        }
    }
}

fn work(mut keeper: Keeper, queue: &Receiver<Item>) {
    loop {
        match queue.recv_timeout(RETRY_EVERY) {
            Ok(item) => keeper.take(item),
            Err(RecvTimeoutError::Timeout) => keeper.retry(),
            Err(RecvTimeoutError::Disconnected) => return keeper.finish(),
        }
    }
}

#[cfg(test)]
mod tests;
