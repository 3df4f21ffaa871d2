//! The client against an origin that is right, and against one that is wrong in one way.

use std::time::Duration;

use super::origin::{Fault, Origin, PART_TICKS};
use super::{Goal, Track, rules};

fn follow(fault: Fault) -> Track {
    let origin = Origin::start(fault);
    let mut track = Track::new(&origin.url);
    let within = Duration::from_secs(if fault == Fault::Impatient { 1 } else { 20 });
    let outcome = track.follow(&Goal::Ended, within);
    assert_eq!(outcome.is_ok(), fault != Fault::Impatient, "{outcome:?}");
    track.fetch_again();
    track
}

#[test]
fn a_right_origin_passes_and_everything_is_fetched_once() {
    let track = follow(Fault::None);
    let needed =
        [&rules::BLOCKING_ANSWER, &rules::DELTA, &rules::PARTS_JOIN, &rules::PART_LENGTH, &rules::HINT];
    track.report.verdict(&needed).unwrap();
    assert_eq!(track.fetched.segments.len(), 8);
    let total: u64 = track.fetched.segments.values().map(|segment| segment.duration).sum();
    assert_eq!(total, 16 * PART_TICKS);
    let last = track.fetched.segments.values().next_back().unwrap();
    assert_eq!((last.samples, last.parts.len()), (48, 2));
}

fn check_found(fault: Fault, rule: &str) {
    assert_eq!(follow(fault).report.broken(), [rule], "{fault:?}");
}

#[test]
fn each_fault_on_the_wire_is_found_by_its_rule_and_no_other() {
    check_found(Fault::HoleInTime, "decode-times-are-contiguous");
    check_found(Fault::OtherSegment, "parts-join-to-their-segment");
    check_found(Fault::Mutable, "media-may-be-cached-for-ever");
    check_found(Fault::Impatient, "a-blocking-reload-brings-what-was-asked");
    check_found(Fault::SkipsTooMuch, "a-delta-rebuilds-the-playlist");
    check_found(Fault::Renames, "segments-stay-as-they-were");
    check_found(Fault::Rewrites, "one-url-one-content");
}

#[test]
fn a_part_that_is_shorter_than_it_says_is_found_with_what_follows_from_it() {
    let broken = follow(Fault::ShortPart).report.broken();
    assert_eq!(broken, ["decode-times-are-contiguous", "part-length-is-exact", "segment-length-is-exact"]);
}
