use proptest::prelude::*;

use super::*;
use crate::synthetic;

/// A growing file: its bytes, its parts, and where each part ends.
fn growing(sizes: &[(u32, u32)], start: u64) -> (Vec<u8>, Vec<Part>, Vec<usize>) {
    let (mut bytes, mut parts, mut ends) = (Vec::new(), Vec::new(), Vec::new());
    let mut at = Ticks(start);
    for (index, (samples, payload)) in sizes.iter().enumerate() {
        let index = PartIndex(u32::try_from(index).unwrap());
        let (part, media) = synthetic::part(index, at, *samples, *payload, start + u64::from(index.0));
        at = at.after(part.duration);
        bytes.extend(media);
        parts.push(part);
        ends.push(bytes.len());
    }
    (bytes, parts, ends)
}

fn defaults() -> Defaults {
    Defaults::of_init(&synthetic::init(1))
}

fn sizes() -> impl Strategy<Value = Vec<(u32, u32)>> {
    proptest::collection::vec((1_u32..30, 1_u32..600), 1..5)
}

proptest! {
    #[test]
    fn any_truncation_yields_exactly_the_whole_parts_before_it(
        sizes in sizes(), start in 0_u64..1 << 40, cut in any::<prop::sample::Index>(),
    ) {
        let (bytes, parts, ends) = growing(&sizes, start);
        let cut = cut.index(bytes.len() + 1);
        let whole = Whole::read(&bytes[..cut], &defaults());
        let kept = ends.iter().filter(|end| **end <= cut).count();
        prop_assert_eq!(&whole.parts, &parts[..kept]);
        prop_assert_eq!(whole.length, kept.checked_sub(1).map_or(0, |last| ends[last]));
    }

    #[test]
    fn a_zero_filled_tail_is_no_part(sizes in sizes(), zeros in 0_usize..9000) {
        let (mut bytes, parts, ends) = growing(&sizes, 0);
        bytes.resize(bytes.len() + zeros, 0);
        let whole = Whole::read(&bytes, &defaults());
        prop_assert_eq!(whole.parts, parts);
        prop_assert_eq!(Some(&whole.length), ends.last());
    }

    #[test]
    fn no_bytes_make_it_panic_or_read_past_the_end(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let whole = Whole::read(&bytes, &Defaults::of_init(&bytes));
        prop_assert!(whole.length <= bytes.len());
    }

    #[test]
    fn a_flipped_byte_never_yields_more_bytes_than_there_are(
        sizes in sizes(), at in any::<prop::sample::Index>(), flip in 1_u8..,
    ) {
        let (mut bytes, ..) = growing(&sizes, 5);
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        let whole = Whole::read(&bytes, &defaults());
        prop_assert!(whole.length <= bytes.len());
        let sum: u64 = whole.parts.iter().map(|part| u64::from(part.bytes)).sum();
        prop_assert_eq!(sum, whole.length as u64);
    }
}

#[test]
fn every_offset_of_one_file_is_cut_right() {
    let (bytes, parts, ends) = growing(&[(3, 90), (2, 50), (1, 20)], 48_000);
    for cut in 0..=bytes.len() {
        let kept = ends.iter().filter(|end| **end <= cut).count();
        assert_eq!(Whole::read(&bytes[..cut], &defaults()).parts, parts[..kept], "cut at {cut}");
    }
}

#[test]
fn a_part_is_one_moof_with_its_mdat_and_nothing_else() {
    let (bytes, _, ends) = growing(&[(3, 90), (2, 50)], 0);
    assert!(Chunk::exactly(&bytes[..ends[0]]).is_ok());
    assert_eq!(Chunk::exactly(&bytes).unwrap_err(), "bytes follow the mdat");
    assert_eq!(Chunk::exactly(&bytes[..ends[0] - 1]).unwrap_err(), "a box is cut off");
    assert_eq!(Chunk::exactly(b"").unwrap_err(), "a box header is cut off");
    assert_eq!(Chunk::exactly(b"hello, world").unwrap_err(), "a box is cut off");
}

#[test]
fn a_sample_count_of_four_billion_is_not_walked() {
    let mut sum = Sum::default();
    let defaults = Defaults { duration: Some(u32::MAX), size: Some(1), flags: None };
    for _ in 0..3 {
        sum.add(&TrunSamples::Inherited { count: u32::MAX, first_flags: None }, &defaults).unwrap();
    }
    assert_eq!(sum.samples, 3 * u64::from(u32::MAX));
}

#[test]
fn a_reordered_picture_begins_with_the_first_one_shown() {
    let mut sum = Sum::default();
    let entry = |cts| mp4_atom::TrunEntry { duration: Some(10), size: Some(1), flags: None, cts: Some(cts) };
    sum.add(&vec![entry(20), entry(40), entry(0)].into(), &Defaults::default()).unwrap();
    assert_eq!((sum.earliest, sum.duration), (Some(20), 30));
}
