//! What the room is told, and what it answers with.

use model::settings::{Encoding, Loudness};
use model::wire::v1::{End, Failure, Order, Pace};
use model::{Gap, Input, MediaTime, MonoTime, Run, RunNumber, Session, SessionId, Title, WallTime};

/// A session as it is wanted.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Plan {
    pub(crate) session: SessionId,
    pub(crate) title: Title,
    pub(crate) inputs: Vec<Input>,
    pub(crate) encoding: Encoding,
    pub(crate) loudness: Loudness,
    pub(crate) pace: Pace,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Event {
    /// Somebody wants a session.
    Start(Plan),
    /// Somebody wants the session to end.
    Stop,
    /// Capture is there and speaks our version.
    Connected,
    /// Capture is gone.
    Gone,
    /// A run has begun.
    Started { run: RunNumber, origin: MediaTime, anchor: WallTime, mono: MonoTime },
    /// A run does not begin.
    Refused { run: RunNumber, why: Failure },
    /// A run is over.
    Ended { run: RunNumber, why: End },
    /// The session could not be written down, so it must not begin.
    NotKept(String),
    /// Time passed.
    Tick,
}

/// Something to be done.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Action {
    /// Start the capture process.
    Spawn,
    /// End the capture process at once and forget it; [`Event::Gone`] is not expected for it.
    Kill,
    /// Tell capture.
    Order(Order),
    /// Write the session down; if that fails, tell [`Event::NotKept`] instead of going on.
    BeginSession(Session),
    /// A run begins.
    BeginRun { session: SessionId, run: Run },
    /// A stretch without media is known.
    AddGap { session: SessionId, gap: Gap },
    /// No more media comes for the run: seal what is open.
    CloseRun,
    /// The session is over.
    EndSession { session: SessionId, end: MediaTime },
    /// Answer the one who wanted the session.
    StartDone(Result<SessionId, Refusal>),
    /// Answer everyone who wanted the end.
    StopDone,
}

/// Why a session does not begin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// Another session is going on.
    #[error("session {0} is still going on; stop it first")]
    Busy(SessionId),
    /// No sources are set.
    #[error("no source is set; name one with --input, or `sources` below [input] in the configuration")]
    NoSources,
    /// Capture says why.
    #[error("{}", .0.message)]
    Failed(Failure),
    /// The capture process ends over these sources again and again.
    #[error(
        "the capture process ended {} times while it opened the sources; try each source alone, and look in the log",
        super::FIRST_ATTEMPTS
    )]
    CaptureLost,
    /// It was stopped before it began.
    #[error("the session was stopped before it began")]
    Stopped,
    /// The data folder cannot take it; the text says what to do.
    #[error("it cannot be written down: {0}")]
    NotKept(String),
    /// The daemon is leaving.
    #[error("the daemon is shutting down")]
    Leaving,
}
