//! Tracks: the demuxed renditions of a session.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Timescale;

/// The name of a rendition, such as `audio`, `opus`, `720p` or `270p`: 1 to 32 of `a-z 0-9 -`, safe in URLs and file names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TrackName(String);

impl TrackName {
    /// Longest name, in bytes.
    pub const LENGTH_MAX: usize = 32;

    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TrackName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The text cannot name a track.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` cannot name a track; use 1 to 32 of a-z, 0-9 and `-`")]
pub struct NotATrackName {
    /// What was given.
    pub text: String,
}

impl FromStr for TrackName {
    type Err = NotATrackName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if (1..=Self::LENGTH_MAX).contains(&text.len()) && text.bytes().all(legal) {
            Ok(Self(text.to_owned()))
        } else {
            Err(NotATrackName { text: text.to_owned() })
        }
    }
}

impl Serialize for TrackName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for TrackName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// What a track carries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Media {
    /// Sound.
    Audio {
        /// Samples per second.
        sample_rate_hz: u32,
        /// Channels, 1 or 2.
        channels: u8,
    },
    /// Picture.
    Video {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
        /// Frames per second, times 1000.
        frame_rate_millihertz: u32,
    },
}

impl Media {
    /// Returns whether this is sound.
    pub const fn is_audio(&self) -> bool {
        matches!(self, Self::Audio { .. })
    }
}

/// One rendition of a run, as its init segment describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Track {
    /// Its name, unique in the session.
    pub name: TrackName,
    /// What it carries.
    pub media: Media,
    /// The codec as RFC 6381 writes it, such as `mp4a.40.2` or `avc1.4d401f`.
    pub codec: String,
    /// Ticks per second of all its times.
    pub timescale: Timescale,
    /// The encoder's target rate, bit/s.
    pub bitrate_bps: u32,
    /// Longest part that the encoder will emit, in ticks: the floor of PART-TARGET.
    pub part_ticks_max: u32,
    /// Longest segment that the encoder will emit, in ticks.
    pub segment_ticks_max: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, legal: bool) {
        assert_eq!(text.parse::<TrackName>().is_ok(), legal, "{text:?}");
    }

    #[test]
    fn track_names_are_safe_in_urls_and_file_names() {
        check("audio", true);
        check("720p", true);
        check("slides-2", true);
        check("", false);
        check("..", false);
        check("a/b", false);
        check("Audio", false);
        check(&"a".repeat(33), false);
    }
}
