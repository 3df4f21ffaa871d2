//! What this crate asks of the daemon: to start and stop sessions, and how it is.

use futures_util::future::BoxFuture;
use model::wire::v1::{Levels, PictureCount};
use model::{Finding, SessionId, Title, Verdict};

/// The daemon, as the API sees it.
pub trait Control: Send + Sync + 'static {
    /// Begins a session; returns once it exists in the cache, whether or not its first sample has come.
    fn start(&self, title: Title) -> BoxFuture<'_, Result<SessionId, ControlError>>;

    /// Ends a live session properly; returns once its last segment is sealed.
    fn stop(&self, session: SessionId) -> BoxFuture<'_, Result<(), ControlError>>;

    /// Returns the live session.
    fn live(&self) -> Option<SessionId>;

    /// Returns the latest levels while a session is live.
    fn levels(&self) -> Option<Levels>;

    /// Returns what became of the pictures of each track since the daemon started.
    fn pictures(&self) -> Vec<PictureCount>;

    /// Returns how the node is. May wait for the disk.
    fn readiness(&self) -> Readiness;
}

/// How the node is: findings, and what follows from them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Readiness {
    /// Everything that was checked.
    pub findings: Vec<Finding>,
}

impl Readiness {
    /// Returns whether nothing fails.
    pub fn is_ready(&self) -> bool {
        self.findings.iter().all(|finding| finding.verdict != Verdict::Fail)
    }
}

/// An order that the daemon did not carry out. Each message is a sentence with the fix.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ControlError {
    /// A session is live already.
    #[error("a session is live; stop it first")]
    Live {
        /// The live session.
        session: SessionId,
    },
    /// No such session.
    #[error("there is no such session")]
    NoSuchSession,
    /// The session is not live.
    #[error("the session has already ended")]
    NotLive,
    /// The sources cannot be used: busy, unplugged, of the wrong format.
    #[error("{0}")]
    Source(String),
    /// The disk does not take it.
    #[error("{0}")]
    Storage(String),
    /// Something else.
    #[error("{0}")]
    Internal(String),
}
