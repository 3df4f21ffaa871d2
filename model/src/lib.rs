//! The nouns of Lectern: ids, times, tracks, segments, gaps, inputs, settings and the messages that cross a process.
//!
//! Nothing here performs an effect: no I/O, no async, no clock. Time is passed in through [`Clock`].

pub mod chain;
pub mod clock;
pub mod finding;
pub mod gap;
pub mod hash;
pub mod id;
pub mod input;
pub mod loudness;
pub mod rational;
pub mod segment;
pub mod session;
pub mod settings;
pub mod time;
pub mod track;
pub mod wire;

pub use chain::chain;
pub use clock::{Clock, ManualClock};
pub use finding::{Finding, Verdict};
pub use gap::{Gap, GapCause, GapState};
pub use hash::ContentHash;
pub use id::{BootId, PartIndex, RunNumber, SegmentNumber, SessionId};
pub use input::Input;
pub use loudness::SegmentLoudness;
pub use segment::{Part, Segment, SegmentKey};
pub use session::{Run, Session, SessionState, Title};
pub use time::{MediaTime, MonoTime, Ticks, Timescale, WallTime};
pub use track::{Media, Track, TrackName};
