//! Real speech with wild level jumps: the material that the normaliser is judged on, and the score it gets.
//! Everything random follows from a seed, so that any failure can be made again.

pub mod clips;
pub mod codec;
mod dice;
pub mod noise;
pub mod programme;
mod resample;
pub mod score;

pub use clips::Clips;
pub use noise::Room;
pub use programme::{Level, Plan, Programme, Span};
pub use score::{Bars, Score};

/// Sample rate of all material in Hz.
pub const RATE_HZ: u32 = 48_000;

/// Channels of all material: one microphone on both.
pub const CHANNELS: usize = 2;
