//! Gaps: stretches of a session's timeline for which no media exists. A gap is said, never papered over.

use serde::{Deserialize, Serialize};

use crate::{MediaTime, TrackName};

/// Why media is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GapCause {
    /// The daemon or the machine stopped and came back.
    Restart,
    /// The capture process stopped and came back.
    CaptureLost,
    /// The source delivered nothing.
    SourceLost,
    /// Parts were dropped because they could not be taken in time.
    Overload,
    /// A stored file was found damaged or missing.
    Damaged,
}

impl GapCause {
    /// Returns the stable name that the index and the API use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Restart => "restart",
            Self::CaptureLost => "capture_lost",
            Self::SourceLost => "source_lost",
            Self::Overload => "overload",
            Self::Damaged => "damaged",
        }
    }
}

/// Whether a gap is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GapState {
    /// It lasts: its `to` is how far it has come.
    Open,
    /// It is over, or was when it was noticed.
    Closed,
}

/// A stretch without media.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// First missing moment.
    pub from: MediaTime,
    /// First moment with media again.
    pub to: MediaTime,
    /// The track that misses it; `None` when all do.
    pub track: Option<TrackName>,
    /// Why.
    pub cause: GapCause,
}
