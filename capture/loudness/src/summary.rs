//! What is kept about the loudness of each segment, beside its media. It must never hold a number that JSON cannot.

use serde::{Deserialize, Serialize};

/// What was remarkable about a segment's sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Flags {
    /// Nothing above the absolute gate of -70 LUFS came in.
    pub silent: bool,
    /// The input touched full scale: distorted before it arrived here.
    pub clipped_input: bool,
    /// The limiter took off more than 1 dB.
    pub limited: bool,
    /// Nothing that moves like speech was heard.
    pub no_speech: bool,
}

/// The loudness of one segment as it is stored. None where there is no reading: silence, or too short.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Summary {
    /// Greatest momentary loudness of the output in LUFS.
    pub momentary_max_lufs: Option<f32>,
    /// Greatest short-term loudness of the output in LUFS.
    pub short_term_max_lufs: Option<f32>,
    /// Gated loudness of the output over the segment in LUFS.
    pub integrated_lufs: Option<f32>,
    /// Greatest true peak of the output in dBTP.
    pub true_peak_dbtp: Option<f32>,
    /// Greatest momentary loudness of the input in LUFS, after the high-pass.
    pub input_momentary_max_lufs: Option<f32>,
    /// Greatest sample peak of the input in dBFS.
    pub input_peak_dbfs: Option<f32>,
    /// Loudness of the room in LUFS at the end of the segment.
    pub noise_floor_lufs: Option<f32>,
    /// Gain at the end of the segment in dB, before the limiter.
    pub gain_db: Option<f32>,
    /// The most the limiter took off in dB, zero or more.
    pub limited_db: Option<f32>,
    /// Samples that were not numbers or absurdly large and were made harmless.
    pub harmful_samples: u64,
    /// What was remarkable.
    pub flags: Flags,
}
