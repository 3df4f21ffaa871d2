//! Parts and segments: the pieces in which media travels and is kept.

use serde::{Deserialize, Serialize};

use crate::{ContentHash, PartIndex, RunNumber, SegmentLoudness, SegmentNumber, Ticks};

/// One CMAF chunk: the smallest piece that is published (an `EXT-X-PART`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Its place in the segment.
    pub index: PartIndex,
    /// Presentation time of its first sample on the session's timeline, in the track's timescale.
    pub start: Ticks,
    /// Length in the track's timescale; the sum of its sample durations.
    pub duration: Ticks,
    /// Media samples in it: AAC or Opus frames, or pictures.
    pub samples: u32,
    /// Whether decoding can begin with it.
    pub independent: bool,
    /// Its size, bytes.
    pub bytes: u32,
}

/// Names a segment inside its session and track.
///
/// Run and number together never repeat, even when a crash loses the live edge; so a URL made of them may be cached for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SegmentKey {
    /// The run that made it.
    pub run: RunNumber,
    /// Its number in the run.
    pub number: SegmentNumber,
}

/// A sealed segment: immutable, named by its hash.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Segment {
    /// Run and number.
    pub key: SegmentKey,
    /// Presentation time of its first sample on the session's timeline, in the track's timescale.
    pub start: Ticks,
    /// Length in the track's timescale.
    pub duration: Ticks,
    /// Size in bytes: the sum of its parts.
    pub bytes: u64,
    /// BLAKE3 of the file.
    pub hash: ContentHash,
    /// Its parts, in order.
    pub parts: Vec<Part>,
    /// Measured loudness, for audio.
    pub loudness: Option<SegmentLoudness>,
}
