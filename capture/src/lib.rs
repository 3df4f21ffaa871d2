//! Capture: devices and files to normalised sound to encoders to parts and segments.
//!
//! Orders in, reports out ([`model::wire::v1`]), over a [`Link`]. Capture knows no cache, no network and no passes; it
//! reads no environment and handles no signal; if nobody takes its reports it still runs. GStreamer stays inside.
//!
//! - [`in_process`], [`serve`], [`connect`]: the carriers.
//! - [`sources`]: what is connected.
//! - [`export`]: a recording as one file.

mod encode;
mod engine;
mod export;
mod failure;
mod grid;
mod inbox;
mod leader;
mod link;
mod outbox;
mod plugin;
mod run;
mod source;
mod sources;

pub use export::{BoxError, ExportError, ExportTrack, export};
pub use link::{Error, Link, connect, in_process, serve};
pub use sources::{Probe, SourceInfo, sources};
