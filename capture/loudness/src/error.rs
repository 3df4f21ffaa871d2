//! What can be wrong with a stream or a setting. Processing itself never fails.

/// A stream that cannot be measured, or a setting outside its range.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The number of channels is outside 1..=8.
    #[error("measure {channels} channels: between 1 and 8 are supported")]
    Channels {
        /// What was asked for.
        channels: usize,
    },
    /// The sample rate is outside 8000..=192000 Hz.
    #[error("measure audio at {rate_hz} Hz: between 8000 and 192000 Hz are supported")]
    Rate {
        /// What was asked for, in Hz.
        rate_hz: u32,
    },
    /// A setting is outside its range or not a number.
    #[error("set {name} to {value} {unit}: between {min} and {max} {unit} are allowed")]
    Setting {
        /// The setting, as it is written in the configuration.
        name: &'static str,
        /// What was asked for.
        value: f32,
        /// The least value allowed.
        min: f32,
        /// The greatest value allowed.
        max: f32,
        /// The unit of all three.
        unit: &'static str,
    },
    /// The loudness filter refused the stream.
    #[error("build the loudness filter")]
    Filter(#[source] ebur128::Error),
}
