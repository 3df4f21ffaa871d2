//! Keeps what the intake takes in: the only thread of the daemon that waits for the disk.
//!
//! The room never waits for it. A part is published before it is offered here; when the disk cannot follow, parts are
//! not kept and the recording says so with a gap.

mod keeper;
mod owed;

use std::collections::BTreeSet;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use std::{io, thread};

use bytes::Bytes;
use model::wire::v1::PartReport;
use model::{Gap, MediaTime, Run, RunNumber, SegmentKey, SessionId, Track, TrackName};
use serve::Live;
use tokio::sync::oneshot;

use keeper::Keeper;

/// Half a minute of three tracks in 0.2 s parts, about 12 MB: a disk that hangs for longer loses parts.
const QUEUE_MAX: usize = 512;

/// How often what could not be written is tried again while nothing else comes.
const RETRY_EVERY: Duration = Duration::from_secs(2);

/// Something to be kept.
#[derive(Debug)]
enum Item {
    BeginRun(SessionId, Run),
    Track(SessionId, RunNumber, Track, Bytes),
    Part(SessionId, PartReport),
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
    /// Segments of which a part was not taken: the rest of them is of no use to the keeper.
    torn: BTreeSet<(TrackName, SegmentKey)>,
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
        Ok(Self { items, thread, health, torn: BTreeSet::new() })
    }

    /// Offers a part; it is not kept when the disk is half a minute behind.
    pub(crate) fn part(&mut self, session: SessionId, report: PartReport) {
        let name = (report.track.clone(), report.segment);
        let closes = report.closes.is_some();
        if self.torn.contains(&name) {
            if closes {
                self.torn.remove(&name);
            }
            return;
        }
        if let Err(TrySendError::Full(_)) = self.items.try_send(Item::Part(session, report)) {
            self.health.fails(Trouble {
                what: "the disk does not take data fast enough".to_owned(),
                advice: "Use a faster disk or card, or lower the video rates below [encoding].".to_owned(),
            });
            if !closes {
                self.torn.insert(name);
            }
        }
    }

    /// Keeps a run.
    pub(crate) fn begin_run(&mut self, session: SessionId, run: Run) {
        // Segments of earlier runs never come again.
        self.torn.clear();
        self.send(Item::BeginRun(session, run));
    }

    /// Keeps a track of a run.
    pub(crate) fn track(&self, session: SessionId, run: RunNumber, track: Track, init: Bytes) {
        self.send(Item::Track(session, run, track, init));
    }

    /// Keeps a gap.
    pub(crate) fn gap(&self, session: SessionId, gap: Gap) {
        self.send(Item::Gap(session, gap));
    }

    /// Seals what is open.
    pub(crate) fn close_run(&self) {
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
