//! Playlists as RFC 8216bis (draft-pantos-hls-rfc8216bis) writes them. Pure: from a timeline to text.

pub(crate) mod archive;
pub(crate) mod directive;
pub(crate) mod media;
pub(crate) mod multivariant;
#[cfg(test)]
mod tests;

use std::fmt;

use model::segment::SegmentKey;
use model::{PartIndex, RunNumber};

/// The content type of a playlist (RFC 8216bis, section 4).
pub(crate) const CONTENT_TYPE: &str = "application/vnd.apple.mpegurl";

/// Nanoseconds as decimal seconds, rounded to nearest, with six places.
pub(crate) struct Seconds(pub(crate) u64);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = self.0.saturating_add(500) / 1000;
        write!(f, "{}.{:06}", micros / 1_000_000, micros % 1_000_000)
    }
}

/// The name of an init segment, relative to its track's playlist.
pub(crate) struct InitName(pub(crate) RunNumber);

impl fmt::Display for InitName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-init.mp4", self.0)
    }
}

/// The name of a segment, relative to its track's playlist.
pub(crate) struct SegmentName(pub(crate) SegmentKey);

impl fmt::Display for SegmentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}.m4s", self.0.run, self.0.number)
    }
}

/// The name of a part, relative to its track's playlist.
pub(crate) struct PartName(pub(crate) SegmentKey, pub(crate) PartIndex);

impl fmt::Display for PartName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}.{}.m4s", self.0.run, self.0.number, self.1)
    }
}

/// What a media file's name says, the inverse of the three names above.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MediaName {
    /// An init segment.
    Init(RunNumber),
    /// A whole segment.
    Segment(SegmentKey),
    /// One part of a segment.
    Part(SegmentKey, PartIndex),
}

impl MediaName {
    /// Reads a file name; `None` for anything but the one spelling that playlists use.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let name = Self::read(text)?;
        (name.to_string() == text).then_some(name)
    }

    fn read(text: &str) -> Option<Self> {
        let (run, rest) = text.split_once('-')?;
        let run = RunNumber(run.parse().ok()?);
        if rest == "init.mp4" {
            return Some(Self::Init(run));
        }
        let stem = rest.strip_suffix(".m4s")?;
        let (number, part) = stem.split_once('.').map_or((stem, None), |(number, part)| (number, Some(part)));
        let key = SegmentKey { run, number: model::SegmentNumber(number.parse().ok()?) };
        match part {
            None => Some(Self::Segment(key)),
            Some(part) => Some(Self::Part(key, PartIndex(part.parse().ok()?))),
        }
    }
}

impl fmt::Display for MediaName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Init(run) => InitName(*run).fmt(f),
            Self::Segment(key) => SegmentName(*key).fmt(f),
            Self::Part(key, part) => PartName(*key, *part).fmt(f),
        }
    }
}
