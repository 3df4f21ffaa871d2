//! Reads what a chunk says of itself: `tfdt`, sample count and durations (ISO/IEC 14496-12, 8.8).
//!
//! Times come from the bytes that players read, never from the pipeline's rounded nanoseconds.

use model::Ticks;
use mp4_atom::{Atom, Decode, FourCC, Header, Moof};

/// `sample_is_non_sync_sample` in sample flags (ISO/IEC 14496-12, 8.8.3.1).
pub(crate) const NON_SYNC: u32 = 0x0001_0000;

/// What one `moof` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Chunk {
    /// Decode time of the first sample; without reordering, its presentation time too.
    pub(crate) start: Ticks,
    /// Sum of the sample durations.
    pub(crate) duration: Ticks,
    /// Number of samples.
    pub(crate) samples: u32,
    /// Whether the first sample can be decoded alone.
    pub(crate) sync: bool,
    /// Where the `moof` begins, in bytes: what stands before belongs to the segment.
    pub(crate) moof_at: usize,
}

/// The bytes are no chunk of one track.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// A box is damaged.
    #[error("read a box of the chunk")]
    Box(#[source] mp4_atom::Error),
    /// There is no `moof` with one `traf` and a `tfdt`.
    #[error("the chunk has no movie fragment of one track")]
    NoFragment,
}

/// Reads a chunk: boxes before the `moof` (such as `styp`) are passed over.
pub(crate) fn read(media: &[u8]) -> Result<Chunk, Error> {
    let mut rest = media;
    while !rest.is_empty() {
        let moof_at = media.len() - rest.len();
        let (kind, mut body) = next_box(&mut rest).map_err(Error::Box)?;
        if kind == Moof::KIND {
            return from_moof(&Moof::decode_body(&mut body).map_err(Error::Box)?, moof_at);
        }
    }
    Err(Error::NoFragment)
}

/// Takes one box off the front of `bytes`.
pub(crate) fn next_box<'a>(bytes: &mut &'a [u8]) -> Result<(FourCC, &'a [u8]), mp4_atom::Error> {
    let header = Header::decode(bytes)?;
    let size = header.size.unwrap_or(bytes.len());
    let (body, rest) = bytes.split_at_checked(size).ok_or(mp4_atom::Error::OutOfBounds)?;
    *bytes = rest;
    Ok((header.kind, body))
}

fn from_moof(moof: &Moof, moof_at: usize) -> Result<Chunk, Error> {
    let [traf] = moof.traf.as_slice() else { return Err(Error::NoFragment) };
    let Some(tfdt) = &traf.tfdt else { return Err(Error::NoFragment) };
    let (mut duration, mut samples, mut sync) = (0_u64, 0_u32, None);
    for sample in traf.trun.iter().flat_map(|trun| trun.samples.iter()) {
        duration += u64::from(sample.duration.or(traf.tfhd.default_sample_duration).unwrap_or(0));
        samples += 1;
        let flags = sample.flags.or(traf.tfhd.default_sample_flags).unwrap_or(0);
        sync.get_or_insert(flags & NON_SYNC == 0);
    }
    Ok(Chunk {
        start: Ticks(tfdt.base_media_decode_time),
        duration: Ticks(duration),
        samples,
        sync: sync.ok_or(Error::NoFragment)?,
        moof_at,
    })
}

#[cfg(test)]
mod tests {
    use mp4_atom::{Encode, Mfhd, Tfdt, Tfhd, Traf, Trun, TrunEntry};
    use proptest::prelude::*;

    use super::*;

    fn moof(start: u64, durations: &[u32], default: u32) -> Vec<u8> {
        let entries = durations.iter().map(|duration| TrunEntry {
            duration: (*duration != default).then_some(*duration).or(Some(default)),
            size: Some(1),
            ..TrunEntry::default()
        });
        let traf = Traf {
            tfhd: Tfhd { track_id: 1, default_sample_duration: Some(default), ..Tfhd::default() },
            tfdt: Some(Tfdt { base_media_decode_time: start }),
            trun: vec![Trun { data_offset: Some(0), samples: entries.collect::<Vec<_>>().into() }],
            ..Traf::default()
        };
        let mut bytes = Vec::new();
        Moof { mfhd: Mfhd { sequence_number: 1 }, traf: vec![traf] }.encode(&mut bytes).unwrap();
        bytes
    }

    proptest! {
        #[test]
        fn times_are_the_sum_of_what_the_boxes_say(start in 0_u64..1 << 60, durations in prop::collection::vec(1_u32..5000, 1..50)) {
            let chunk = read(&moof(start, &durations, 1024)).unwrap();
            prop_assert_eq!(chunk.start, Ticks(start));
            prop_assert_eq!(chunk.duration, Ticks(durations.iter().map(|d| u64::from(*d)).sum()));
            prop_assert_eq!(usize::try_from(chunk.samples).unwrap(), durations.len());
        }

        #[test]
        fn damaged_bytes_never_panic(cut in 0_usize..200, at in 0_usize..200, to: u8) {
            let mut bytes = moof(7, &[1024, 1024], 1024);
            if let Some(byte) = bytes.get_mut(at) {
                *byte = to;
            }
            bytes.truncate(cut);
            if let Ok(chunk) = read(&bytes) {
                prop_assert!(chunk.samples > 0);
            }
        }
    }
}
