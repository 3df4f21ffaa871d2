//! Settings: complete and valid, whatever they were made from. Fragments and files belong to the daemon.

use serde::{Deserialize, Serialize};

/// A loudness target in tenths of LUFS, -24.0 to -14.0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct TargetLoudness(i16);

impl TargetLoudness {
    /// -16 LUFS: loud enough for a phone in a train, within AES TD1008's range for streams.
    pub const DEFAULT: Self = Self(-160);

    /// Makes a target, rounded to a tenth.
    ///
    /// # Errors
    /// Outside -24.0..=-14.0 LUFS.
    pub fn new(lufs: f64) -> Result<Self, OutOfRange> {
        tenths(lufs, -240, -140).map(Self).ok_or(OutOfRange {
            value: lufs,
            low: -24.0,
            high: -14.0,
            unit: "LUFS",
        })
    }

    /// Returns LUFS.
    pub fn lufs(self) -> f64 {
        f64::from(self.0) / 10.0
    }
}

/// A true-peak ceiling before the encoder in tenths of dBTP, -9.0 to -1.0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Ceiling(i16);

impl Ceiling {
    /// -2 dBTP: AAC at 96 kbit/s overshoots by up to 0.4 dB, and what is decoded must stay at or below -1 dBTP.
    pub const DEFAULT: Self = Self(-20);

    /// Makes a ceiling, rounded to a tenth.
    ///
    /// # Errors
    /// Outside -9.0..=-1.0 dBTP.
    pub fn new(dbtp: f64) -> Result<Self, OutOfRange> {
        tenths(dbtp, -90, -10).map(Self).ok_or(OutOfRange {
            value: dbtp,
            low: -9.0,
            high: -1.0,
            unit: "dBTP",
        })
    }

    /// Returns dBTP.
    pub fn dbtp(self) -> f64 {
        f64::from(self.0) / 10.0
    }
}

/// A value outside its range.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("{value} {unit} is out of range; use {low} to {high} {unit}")]
pub struct OutOfRange {
    /// What was given.
    pub value: f64,
    /// Lowest legal value.
    pub low: f64,
    /// Highest legal value.
    pub high: f64,
    /// Its unit.
    pub unit: &'static str,
}

/// Returns `value` in tenths when it lies in `low..=high` (tenths).
fn tenths(value: f64, low: i16, high: i16) -> Option<i16> {
    let rounded = (value * 10.0).round();
    (low..=high).find(|candidate| f64::from(*candidate) == rounded)
}

macro_rules! as_f64 {
    ($name:ident, $unit:ident) => {
        impl TryFrom<f64> for $name {
            type Error = OutOfRange;

            fn try_from(value: f64) -> Result<Self, Self::Error> {
                Self::new(value)
            }
        }

        impl From<$name> for f64 {
            fn from(value: $name) -> Self {
                value.$unit()
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self::DEFAULT
            }
        }
    };
}

as_f64!(TargetLoudness, lufs);
as_f64!(Ceiling, dbtp);

/// How long parts are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Latency {
    /// 0.5 s parts: the default, easy on Wi-Fi.
    #[default]
    Standard,
    /// 0.2 s parts: about a second behind live, at 2.5 times the requests.
    Low,
}

impl Latency {
    /// Returns the nominal part length in milliseconds.
    pub const fn part_ms(self) -> u32 {
        match self {
            Self::Standard => 500,
            Self::Low => 200,
        }
    }
}

/// Nominal segment length: a multiple of both part lengths and of the frame times of 25, 30 and 50 Hz video.
pub const SEGMENT_MS: u32 = 2000;

/// Which H.264 encoder is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum VideoEncoder {
    /// x264 when it is installed, else openh264.
    #[default]
    Auto,
    /// x264, a plugin under the GPL that is loaded at run time.
    X264,
    /// openh264 (BSD).
    Openh264,
}

/// Which extra audio rendition is made beside AAC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ThinAudio {
    /// None.
    #[default]
    Off,
    /// Opus, 24 kbit/s mono, for links that cannot carry AAC.
    Opus,
}

/// How a session is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Encoding {
    /// Part length.
    pub latency: Latency,
    /// AAC-LC rate, bit/s: 48 000 to 192 000.
    pub audio_bps: u32,
    /// Whether a thin audio rendition is made.
    pub thin_audio: ThinAudio,
    /// H.264 encoder.
    pub video_encoder: VideoEncoder,
    /// Rate of the 720p rendition, bit/s; 0 leaves it out.
    pub video_720p_bps: u32,
    /// Rate of the 270p rendition, bit/s; 0 leaves it out.
    pub video_270p_bps: u32,
}

impl Default for Encoding {
    fn default() -> Self {
        Self {
            latency: Latency::Standard,
            audio_bps: 96_000,
            thin_audio: ThinAudio::Off,
            video_encoder: VideoEncoder::Auto,
            video_720p_bps: 1_800_000,
            video_270p_bps: 220_000,
        }
    }
}

/// How the sound is normalised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Loudness {
    /// Where speech is brought to.
    pub target: TargetLoudness,
    /// What no sample exceeds before the encoder.
    pub ceiling: Ceiling,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_lies_between_minus_24_and_minus_14() {
        assert_eq!(TargetLoudness::new(-16.04).unwrap().lufs(), -16.0);
        assert_eq!(TargetLoudness::new(-24.0).unwrap().lufs(), -24.0);
        assert_eq!(TargetLoudness::new(-14.0).unwrap().lufs(), -14.0);
        for wrong in [-24.1, -13.9, 0.0, 16.0, f64::NAN, f64::INFINITY] {
            let message = TargetLoudness::new(wrong).unwrap_err().to_string();
            assert!(message.ends_with("use -24 to -14 LUFS"), "{message}");
        }
    }
}
