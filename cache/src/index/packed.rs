//! How the parts and the loudness of a segment lie in one cell each: some ten bytes a part, instead of a row.
//!
//! Parts: for each one, as unsigned LEB128: ticks since the end of the part before (the first: since the segment's start),
//! `duration << 1 | independent`, samples, bytes. Their index is their place.
//! Loudness: a byte that says which readings follow, a byte of flags, gain, readings; numbers as little-endian `f32`.

use model::loudness::Flags;
use model::{Part, PartIndex, SegmentLoudness, Ticks};

/// Packs parts; `start` is where the segment begins.
pub(crate) fn pack_parts(start: Ticks, parts: &[Part]) -> Vec<u8> {
    let mut cell = Vec::with_capacity(parts.len() * 12);
    let mut expected = start;
    for part in parts {
        put(&mut cell, part.start.0.wrapping_sub(expected.0));
        put(&mut cell, part.duration.0 << 1 | u64::from(part.independent));
        put(&mut cell, u64::from(part.samples));
        put(&mut cell, u64::from(part.bytes));
        expected = part.start.after(part.duration);
    }
    cell
}

/// Unpacks parts; `None` if the cell was not made by [`pack_parts`].
pub(crate) fn unpack_parts(start: Ticks, mut cell: &[u8]) -> Option<Vec<Part>> {
    let mut parts = Vec::with_capacity(cell.len() / 8);
    let mut expected = start;
    while !cell.is_empty() {
        let start = Ticks(expected.0.wrapping_add(take(&mut cell)?));
        let duration = take(&mut cell)?;
        let part = Part {
            index: PartIndex(u32::try_from(parts.len()).ok()?),
            start,
            duration: Ticks(duration >> 1),
            independent: duration & 1 == 1,
            samples: u32::try_from(take(&mut cell)?).ok()?,
            bytes: u32::try_from(take(&mut cell)?).ok()?,
        };
        expected = part.start.after(part.duration);
        parts.push(part);
    }
    Some(parts)
}

fn put(cell: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        cell.push(low_byte(value) | 0x80);
        value >>= 7;
    }
    cell.push(low_byte(value));
}

fn low_byte(value: u64) -> u8 {
    value.to_le_bytes()[0]
}

fn take(cell: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = cell.split_first()?;
        *cell = rest;
        value |= u64::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// Packs loudness.
pub(crate) fn pack_loudness(loudness: &SegmentLoudness) -> Vec<u8> {
    let readings = [
        loudness.momentary_max_lufs,
        loudness.short_term_max_lufs,
        loudness.integrated_lufs,
        loudness.true_peak_dbtp,
        loudness.input_lufs,
    ];
    let flags = loudness.flags;
    let flags = [flags.silent, flags.input_clipped, flags.limited, flags.no_speech, flags.filled];
    let mut cell = vec![bits(readings.iter().map(Option::is_some)), bits(flags)];
    cell.extend(loudness.gain_db.to_le_bytes());
    cell.extend(readings.iter().flatten().flat_map(|reading| reading.to_le_bytes()));
    cell
}

/// Unpacks loudness; `None` if the cell was not made by [`pack_loudness`].
pub(crate) fn unpack_loudness(cell: &[u8]) -> Option<SegmentLoudness> {
    let (&[present, flags], numbers) = cell.split_first_chunk::<2>()?;
    let (numbers, []) = numbers.as_chunks::<4>() else { return None };
    let mut numbers = numbers.iter().map(|bytes| f32::from_le_bytes(*bytes));
    let gain_db = numbers.next()?;
    let mut reading = |bit: u8| if present >> bit & 1 == 1 { numbers.next().map(Some) } else { Some(None) };
    let loudness = SegmentLoudness {
        momentary_max_lufs: reading(0)?,
        short_term_max_lufs: reading(1)?,
        integrated_lufs: reading(2)?,
        true_peak_dbtp: reading(3)?,
        input_lufs: reading(4)?,
        gain_db,
        flags: Flags {
            silent: flags & 1 != 0,
            input_clipped: flags & 2 != 0,
            limited: flags & 4 != 0,
            no_speech: flags & 8 != 0,
            filled: flags & 16 != 0,
        },
    };
    numbers.next().is_none().then_some(loudness)
}

/// Sets bit n when the n-th value holds.
fn bits(values: impl IntoIterator<Item = bool>) -> u8 {
    values.into_iter().zip(0..8).fold(0, |byte, (value, bit)| byte | u8::from(value) << bit)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn part() -> impl Strategy<Value = (u64, u64, u32, bool, u32)> {
        (0_u64..1 << 50, 0_u64..1 << 40, any::<u32>(), any::<bool>(), any::<u32>())
    }

    fn reading() -> impl Strategy<Value = Option<f32>> {
        proptest::option::of(-120.0_f32..20.0)
    }

    proptest! {
        #[test]
        fn parts_survive_their_cell(start in 0_u64..1 << 50, parts in proptest::collection::vec(part(), 0..12)) {
            let mut at = start;
            let parts: Vec<Part> = (0..).zip(parts).map(|(index, (skip, duration, samples, independent, bytes))| {
                let part = Part {
                    index: PartIndex(index),
                    start: Ticks(at + skip / 7 * 7),
                    duration: Ticks(duration),
                    samples, independent, bytes,
                };
                at = part.start.0 + duration;
                part
            }).collect();
            let cell = pack_parts(Ticks(start), &parts);
            prop_assert_eq!(unpack_parts(Ticks(start), &cell), Some(parts));
        }

        #[test]
        fn loudness_survives_its_cell(
            readings in [reading(), reading(), reading(), reading(), reading()],
            gain_db in -40.0_f32..40.0, flags: [bool; 5],
        ) {
            let [momentary_max_lufs, short_term_max_lufs, integrated_lufs, true_peak_dbtp, input_lufs] = readings;
            let [silent, input_clipped, limited, no_speech, filled] = flags;
            let loudness = SegmentLoudness {
                momentary_max_lufs, short_term_max_lufs, integrated_lufs, true_peak_dbtp, input_lufs, gain_db,
                flags: Flags { silent, input_clipped, limited, no_speech, filled },
            };
            prop_assert_eq!(unpack_loudness(&pack_loudness(&loudness)), Some(loudness));
        }

        #[test]
        fn no_cell_makes_it_panic(cell in proptest::collection::vec(any::<u8>(), 0..60), start: u64) {
            unpack_parts(Ticks(start), &cell);
            unpack_loudness(&cell);
        }
    }

    #[test]
    fn a_usual_part_takes_at_most_ten_bytes() {
        let part = |index: u32| Part {
            index: PartIndex(index),
            start: Ticks(u64::from(index) * 24_576),
            duration: Ticks(24_576),
            samples: 24,
            independent: true,
            bytes: 120_000,
        };
        assert!(pack_parts(Ticks(0), &[part(0), part(1), part(2), part(3)]).len() <= 40);
    }
}
