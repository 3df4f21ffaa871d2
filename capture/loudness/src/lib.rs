//! Live loudness: EBU R 128 meters and the normaliser, in plain Rust.
//!
//! Samples in, samples and readings out. No device, no clock, no file, no thread: the caller owns all of those.

mod blocks;
mod clean;
mod error;
mod floor;
mod gain;
mod gate;
mod high_pass;
mod level;
mod limiter;
mod meter;
mod normaliser;
mod num;
mod settings;
mod summary;
mod true_peak;

pub use error::Error;
pub use meter::{Meter, Reading};
pub use normaliser::{Normaliser, State};
pub use settings::{Ceiling, HighPass, LookAhead, Settings, Target};
pub use summary::{Flags, Summary};
