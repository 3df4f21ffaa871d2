//! Measured loudness as it is kept with each segment.

use serde::{Deserialize, Serialize};

/// Loudness of one audio segment, measured on the samples that go into the encoder (EBU R 128, ITU-R BS.1770-4).
///
/// `None` means that the measure has no reading, as with silence below the absolute gate.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct SegmentLoudness {
    /// Highest momentary loudness (400 ms) inside the segment, LUFS.
    pub momentary_max_lufs: Option<f32>,
    /// Highest short-term loudness (3 s) inside the segment, LUFS.
    pub short_term_max_lufs: Option<f32>,
    /// Gated loudness of the segment alone, LUFS.
    pub integrated_lufs: Option<f32>,
    /// True peak, dBTP.
    pub true_peak_dbtp: Option<f32>,
    /// The same segment before normalisation, gated, LUFS.
    pub input_lufs: Option<f32>,
    /// Gain at the end of the segment, dB.
    pub gain_db: f32,
    /// What was noticed.
    pub flags: Flags,
}

/// What was noticed in one audio segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Flags {
    /// Nothing above the absolute gate.
    pub silent: bool,
    /// The source delivered samples at full scale.
    pub input_clipped: bool,
    /// The limiter took at least 1 dB away.
    pub limited: bool,
    /// Sound, but nothing above the room's noise floor.
    pub no_speech: bool,
    /// Samples were missing at the source and were filled with silence.
    pub filled: bool,
}
