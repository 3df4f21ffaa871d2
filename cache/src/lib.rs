//! Segment files and their SQLite index: keep, find, repair.
//!
//! One folder, one writer. A part is a promise once [`Growing::append`] returns; a segment is immutable once
//! [`Growing::seal`] returns. Everything blocks: callers give it a thread that is meant for it.
//!
//! Never here: playlists, HTTP, GStreamer, the hub, the clock, the environment.

mod check;
pub mod crash_point;
mod durable;
mod error;
mod fragment;
mod growing;
mod index;
mod layout;
mod lock;
mod object;
mod options;
mod read;
mod recovery;
mod reserve;
mod schema;
mod stats;
mod store;
pub mod synthetic;

pub use check::{CheckReport, Outcome, Problem, ProblemKind, Progress, Repair};
pub use error::{Error, Kind};
pub use growing::Growing;
pub use options::{Durability, Options};
pub use recovery::{Left, Recovery, Salvaged};
pub use stats::{Stats, Summary, TrackStats};
pub use store::Store;
