//! The media at the edge of one track, in memory: what is not sealed yet, and a little more.

use std::collections::BTreeMap;

use bytes::Bytes;
use model::PartIndex;
use model::segment::SegmentKey;

/// Sealed segments that stay in memory: the ones a live player asks for.
const SEALED_MAX: usize = 4;

/// Segments in memory at most, sealed or not. When the disk takes nothing for two minutes, the oldest are given up:
/// 64 segments of 720p are 30 MB.
const SEGMENTS_MAX: usize = 64;

/// Segments by key, each with its parts.
#[derive(Debug, Default)]
pub(super) struct Ring {
    held: BTreeMap<SegmentKey, Held>,
}

#[derive(Debug, Default)]
struct Held {
    parts: Vec<(PartIndex, Bytes)>,
    sealed: bool,
}

impl Ring {
    /// Keeps a part.
    pub(super) fn push(&mut self, key: SegmentKey, index: PartIndex, media: Bytes) {
        self.held.entry(key).or_default().parts.push((index, media));
    }

    /// Takes note that a segment can be had from the cache, and drops the oldest ones that can.
    pub(super) fn sealed(&mut self, key: SegmentKey) {
        if let Some(held) = self.held.get_mut(&key) {
            held.sealed = true;
        }
        let sealed: Vec<SegmentKey> =
            self.held.iter().filter(|(_, held)| held.sealed).map(|(key, _)| *key).collect();
        for key in sealed.iter().take(sealed.len().saturating_sub(SEALED_MAX)) {
            self.held.remove(key);
        }
    }

    /// Drops what exceeds the bound, and returns those of it that were in memory only.
    pub(super) fn overflow(&mut self) -> Vec<SegmentKey> {
        let mut lost = Vec::new();
        while self.held.len() > SEGMENTS_MAX {
            let Some((key, held)) = self.held.pop_first() else { break };
            if !held.sealed {
                lost.push(key);
            }
        }
        lost
    }

    /// Returns the parts of a segment if they are all here, `bytes` in sum.
    pub(super) fn segment(&self, key: SegmentKey, bytes: u64) -> Option<Vec<Bytes>> {
        let held = self.held.get(&key)?;
        let here: usize = held.parts.iter().map(|(_, media)| media.len()).sum();
        (u64::try_from(here) == Ok(bytes))
            .then(|| held.parts.iter().map(|(_, media)| media.clone()).collect())
    }

    /// Returns one part.
    pub(super) fn part(&self, key: SegmentKey, index: PartIndex) -> Option<Bytes> {
        let held = self.held.get(&key)?;
        held.parts.iter().find(|(known, _)| *known == index).map(|(_, media)| media.clone())
    }
}
