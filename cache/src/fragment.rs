//! As much of fragmented MP4 as recovery needs: where a whole part ends, and what its `moof` says about it.
//!
//! ISO/IEC 14496-12: box headers 4.2, `moof` 8.8.4, `tfhd` 8.8.7, `trun` 8.8.8, `tfdt` 8.8.12, `trex` 8.8.3.
//! The input may be any bytes: it never panics, and the work is bounded by the input's length.

use model::{Part, PartIndex, Ticks};
use mp4_atom::{Atom, Moof, Mvex, Trex, TrunSamples};

/// Boxes that may stand before a `moof` and belong to its part.
const LEADING: [&[u8; 4]; 7] = [b"styp", b"sidx", b"prft", b"emsg", b"free", b"skip", b"uuid"];

/// `sample_is_non_sync_sample` (ISO/IEC 14496-12, 8.8.3.1).
const NON_SYNC: u32 = 0x0001_0000;

/// One box at the start of some bytes.
struct Atom4<'a> {
    kind: [u8; 4],
    /// Header and body.
    length: usize,
    body: &'a [u8],
}

/// Returns the first box, or why there is no whole one.
fn first_box(bytes: &[u8]) -> Result<Atom4<'_>, &'static str> {
    let (size, rest) = bytes.split_first_chunk::<4>().ok_or("a box header is cut off")?;
    let (kind, rest) = rest.split_first_chunk::<4>().ok_or("a box header is cut off")?;
    let (length, header) = match u32::from_be_bytes(*size) {
        0 => return Err("a box has no length"),
        1 => {
            let (large, _) = rest.split_first_chunk::<8>().ok_or("a box header is cut off")?;
            (usize::try_from(u64::from_be_bytes(*large)).map_err(|_| "a box is too long")?, 16)
        }
        small => (usize::try_from(small).map_err(|_| "a box is too long")?, 8),
    };
    let body = bytes
        .get(..length)
        .ok_or("a box is cut off")?
        .get(header..)
        .ok_or("a box is shorter than its header")?;
    Ok(Atom4 { kind: *kind, length, body })
}

/// Returns the first box inside `bytes` of this kind, searching one level.
fn find<'a>(mut bytes: &'a [u8], kind: &[u8; 4]) -> Option<&'a [u8]> {
    while let Ok(found) = first_box(bytes) {
        if &found.kind == kind {
            return Some(found.body);
        }
        bytes = bytes.get(found.length..)?;
    }
    None
}

/// One whole part at the start of some bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Chunk<'a> {
    /// Everything from the first leading box to the end of the `mdat`, bytes.
    pub(crate) length: usize,
    moof: &'a [u8],
    /// Length of the `mdat`'s body, bytes.
    payload: usize,
}

impl<'a> Chunk<'a> {
    /// Finds the first whole part.
    pub(crate) fn first(bytes: &'a [u8]) -> Result<Self, &'static str> {
        let mut length = 0;
        let moof = loop {
            let next = first_box(bytes.get(length..).ok_or("a box is cut off")?)?;
            length += next.length;
            if &next.kind == b"moof" {
                break next.body;
            }
            if !LEADING.contains(&&next.kind) {
                return Err("a box stands where no box of its kind belongs");
            }
        };
        let mdat = first_box(bytes.get(length..).ok_or("a box is cut off")?)?;
        if &mdat.kind != b"mdat" {
            return Err("no mdat follows the moof");
        }
        Ok(Self { length: length + mdat.length, moof, payload: mdat.body.len() })
    }

    /// Checks that `bytes` are exactly one part.
    pub(crate) fn exactly(bytes: &'a [u8]) -> Result<Self, &'static str> {
        let chunk = Self::first(bytes)?;
        if chunk.length == bytes.len() { Ok(chunk) } else { Err("bytes follow the mdat") }
    }

    /// Reads what the `moof` says about the part.
    pub(crate) fn part(&self, index: PartIndex, defaults: &Defaults) -> Result<Part, &'static str> {
        let moof = Moof::decode_body(&mut &*self.moof).map_err(|_| "the moof cannot be read")?;
        let [traf] = moof.traf.as_slice() else { return Err("the moof has not exactly one track") };
        let tfdt = traf.tfdt.as_ref().ok_or("the moof has no time")?.base_media_decode_time;
        let defaults = Defaults {
            duration: traf.tfhd.default_sample_duration.or(defaults.duration),
            size: traf.tfhd.default_sample_size.or(defaults.size),
            flags: traf.tfhd.default_sample_flags.or(defaults.flags),
        };
        let mut sum = Sum::default();
        for run in &traf.trun {
            sum.add(&run.samples, &defaults)?;
        }
        if sum.samples == 0 {
            return Err("the moof has no samples");
        }
        if sum.bytes > self.payload as u64 {
            return Err("the mdat is shorter than its samples");
        }
        let first_shown = i128::from(tfdt) + i128::from(sum.earliest.unwrap_or(0));
        Ok(Part {
            index,
            start: Ticks(u64::try_from(first_shown).map_err(|_| "the part begins before the session")?),
            duration: Ticks(sum.duration),
            samples: u32::try_from(sum.samples).map_err(|_| "the moof has too many samples")?,
            independent: sum.first_flags.unwrap_or(0) & NON_SYNC == 0,
            bytes: u32::try_from(self.length).map_err(|_| "the part is too long")?,
        })
    }
}

/// What holds for samples that say nothing themselves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Defaults {
    duration: Option<u32>,
    size: Option<u32>,
    flags: Option<u32>,
}

impl Defaults {
    /// Reads `moov/mvex/trex` of an init segment; an init without them has no defaults.
    pub(crate) fn of_init(init: &[u8]) -> Self {
        let trex: Option<Trex> = find(init, b"moov")
            .and_then(|moov| find(moov, b"mvex"))
            .and_then(|mvex| Mvex::decode_body(&mut &*mvex).ok())
            .and_then(|mvex| mvex.trex.into_iter().next());
        trex.map_or_else(Self::default, |trex| Self {
            duration: Some(trex.default_sample_duration).filter(|ticks| *ticks > 0),
            size: Some(trex.default_sample_size).filter(|bytes| *bytes > 0),
            flags: Some(trex.default_sample_flags),
        })
    }
}

/// Adds up the samples of a part.
#[derive(Default)]
struct Sum {
    samples: u64,
    duration: u64,
    bytes: u64,
    first_flags: Option<u32>,
    /// Smallest distance of a presentation time from the part's `tfdt`, ticks.
    earliest: Option<i64>,
}

impl Sum {
    fn add(&mut self, samples: &TrunSamples, defaults: &Defaults) -> Result<(), &'static str> {
        const NO_DURATION: &str = "a sample has no duration";
        if let TrunSamples::Inherited { count, first_flags } = samples {
            // Counted, not walked: the count is four bytes of somebody's file.
            let count = u64::from(*count);
            self.note_first(first_flags.or(defaults.flags));
            self.earliest.get_or_insert(self.offset());
            self.samples = self.samples.saturating_add(count);
            let duration = u64::from(defaults.duration.ok_or(NO_DURATION)?);
            self.duration = self.duration.saturating_add(duration.saturating_mul(count));
            self.bytes =
                self.bytes.saturating_add(u64::from(defaults.size.unwrap_or(0)).saturating_mul(count));
            return Ok(());
        }
        for sample in samples {
            self.note_first(sample.flags.or(defaults.flags));
            let shown = self.offset().saturating_add(sample.cts.unwrap_or(0));
            self.earliest = Some(self.earliest.map_or(shown, |earliest| earliest.min(shown)));
            self.samples = self.samples.saturating_add(1);
            let duration = sample.duration.or(defaults.duration).ok_or(NO_DURATION)?;
            self.duration = self.duration.saturating_add(u64::from(duration));
            self.bytes = self.bytes.saturating_add(u64::from(sample.size.or(defaults.size).unwrap_or(0)));
        }
        Ok(())
    }

    /// Decode time of the next sample, relative to the part's `tfdt`, ticks.
    fn offset(&self) -> i64 {
        i64::try_from(self.duration).unwrap_or(i64::MAX)
    }

    fn note_first(&mut self, flags: Option<u32>) {
        if self.samples == 0 {
            self.first_flags = flags;
        }
    }
}

/// The whole parts at the start of a growing file.
#[derive(Debug, Default)]
pub(crate) struct Whole {
    /// The parts, in order.
    pub(crate) parts: Vec<Part>,
    /// Their length together, bytes; what follows is torn.
    pub(crate) length: usize,
}

impl Whole {
    /// Reads whole parts until the first thing that is none.
    pub(crate) fn read(bytes: &[u8], defaults: &Defaults) -> Self {
        let mut whole = Self::default();
        while let Some(rest) = bytes.get(whole.length..).filter(|rest| !rest.is_empty()) {
            let index = PartIndex(u32::try_from(whole.parts.len()).unwrap_or(u32::MAX));
            let Ok(chunk) = Chunk::first(rest) else { break };
            let Ok(part) = chunk.part(index, defaults) else { break };
            let in_order =
                whole.parts.last().is_none_or(|last| last.start.after(last.duration) <= part.start);
            if !in_order {
                break;
            }
            whole.length += chunk.length;
            whole.parts.push(part);
        }
        whole
    }
}

#[cfg(test)]
mod tests;
