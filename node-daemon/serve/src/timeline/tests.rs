//! A small lecture to test with, and what the timeline promises.

use std::num::NonZeroU64;

use model::settings::SEGMENT_MS;
use model::{BootId, ContentHash, GapCause, Media, MonoTime, PartIndex, Ticks};

use super::*;

pub(crate) const AUDIO: &str = "audio";
pub(crate) const VIDEO: &str = "720p";

/// Parts of a nominal segment.
pub(crate) const PARTS: u32 = 4;

pub(crate) fn name(text: &str) -> TrackName {
    text.parse().unwrap()
}

pub(crate) fn track(text: &str) -> Track {
    let audio = Track {
        name: name(text),
        media: Media::Audio { sample_rate_hz: 48_000, channels: 2 },
        codec: "mp4a.40.2".to_owned(),
        timescale: Timescale::new(48_000).unwrap(),
        bitrate_bps: 96_000,
        part_ticks_max: 24 * 1024,
        segment_ticks_max: 94 * 1024,
    };
    match text {
        VIDEO => Track {
            media: Media::Video { width: 1280, height: 720, frame_rate_millihertz: 30_000 },
            codec: "avc1.4d401f".to_owned(),
            timescale: Timescale::new(30_000).unwrap(),
            bitrate_bps: 1_800_000,
            part_ticks_max: 15_000,
            segment_ticks_max: 60_000,
            ..audio
        },
        _ => audio,
    }
}

pub(crate) fn run(number: u32, origin_ms: u64) -> Run {
    Run {
        number: RunNumber(number),
        origin: MediaTime::from_millis(origin_ms),
        anchor: WallTime::from_unix_ms(1_795_000_000_000 + i64::try_from(origin_ms).unwrap()),
        mono: MonoTime::from_nanos(0),
        boot: BootId::UNKNOWN,
    }
}

pub(crate) fn key(run: u32, number: u64) -> SegmentKey {
    SegmentKey { run: RunNumber(run), number: SegmentNumber(number) }
}

/// Cuts a part as capture does: at the frames nearest to multiples of 500 ms from the run's origin.
pub(crate) fn part(text: &str, run: &Run, number: u64, index: u32) -> Part {
    let track = track(text);
    let scale = track.timescale.per_second();
    let frame: u32 = if track.media.is_audio() { 1024 } else { 1000 };
    let origin = track.timescale.ticks(run.origin).0;
    let cut = |at: u64| {
        let ms = at * u64::from(SEGMENT_MS) / u64::from(PARTS);
        model::rational::frames_nearest(ms, scale, frame) * u64::from(frame)
    };
    let at = number * u64::from(PARTS) + u64::from(index);
    let (from, to) = (cut(at), cut(at + 1));
    Part {
        index: PartIndex(index),
        start: Ticks(origin + from),
        duration: Ticks(to - from),
        samples: u32::try_from((to - from) / u64::from(frame)).unwrap(),
        independent: track.media.is_audio() || index == 0,
        bytes: u32::try_from((to - from) / NonZeroU64::new(8).unwrap()).unwrap(),
    }
}

pub(crate) fn segment(text: &str, run: &Run, number: u64) -> Segment {
    let parts: Vec<Part> = (0..PARTS).map(|index| part(text, run, number, index)).collect();
    Segment {
        key: SegmentKey { run: run.number, number: SegmentNumber(number) },
        start: parts[0].start,
        duration: Ticks(parts.iter().map(|part| part.duration.0).sum()),
        bytes: parts.iter().map(|part| u64::from(part.bytes)).sum(),
        hash: ContentHash::from_bytes([u8::try_from(number % 251).unwrap(); 32]),
        parts,
        loudness: None,
    }
}

/// A timeline with both tracks announced in run 0.
pub(crate) fn begun() -> Timeline {
    let mut timeline = Timeline::default();
    timeline.begin_run(&run(0, 0)).unwrap();
    timeline.track(RunNumber(0), &track(AUDIO)).unwrap();
    timeline.track(RunNumber(0), &track(VIDEO)).unwrap();
    timeline
}

/// Publishes all parts of a segment.
pub(crate) fn publish(timeline: &mut Timeline, text: &str, run: &Run, number: u64) {
    for index in 0..PARTS {
        let key = SegmentKey { run: run.number, number: SegmentNumber(number) };
        timeline.part(&name(text), key, part(text, run, number, index), index + 1 == PARTS).unwrap();
    }
}

fn contents(timeline: &Timeline, text: &str) -> Vec<(u32, u64, bool)> {
    let entries = timeline.line(&name(text)).unwrap().entries().iter();
    entries.map(|entry| (entry.key.run.0, entry.key.number.0, entry.content == Content::Missing)).collect()
}

#[test]
fn a_dropped_segment_leaves_a_gap_in_its_place() {
    let (mut timeline, run) = (begun(), run(0, 0));
    for number in 0..4 {
        publish(&mut timeline, AUDIO, &run, number);
        if number == 0 || number == 3 {
            publish(&mut timeline, VIDEO, &run, number);
        }
    }
    assert_eq!(contents(&timeline, VIDEO), [(0, 0, false), (0, 1, true), (0, 2, true), (0, 3, false)]);
    let entries = timeline.line(&name(VIDEO)).unwrap().entries();
    let ends: Vec<u64> = entries.iter().map(|entry| entry.end().as_nanos() / 100_000_000).collect();
    assert_eq!(ends, [20, 40, 60, 80]);
}

#[test]
fn a_track_that_stops_does_not_hold_the_others_up() {
    let (mut timeline, run) = (begun(), run(0, 0));
    publish(&mut timeline, VIDEO, &run, 0);
    timeline.part(&name(VIDEO), key(0, 1), part(VIDEO, &run, 1, 0), false).unwrap();
    for number in 0..6 {
        publish(&mut timeline, AUDIO, &run, number);
    }
    assert_eq!(contents(&timeline, VIDEO), [(0, 0, false), (0, 1, false), (0, 2, true)]);
    let late = timeline.part(&name(VIDEO), key(0, 2), part(VIDEO, &run, 2, 0), false);
    assert_eq!(late, Err(Ignored::Late));
    publish(&mut timeline, VIDEO, &run, 5);
    assert_eq!(contents(&timeline, VIDEO).len(), 6);
}

#[test]
fn a_track_that_joins_later_is_aligned_with_the_others() {
    let mut timeline = Timeline::default();
    let (first, second) = (run(0, 0), run(1, 20_000));
    timeline.begin_run(&first).unwrap();
    timeline.track(RunNumber(0), &track(AUDIO)).unwrap();
    publish(&mut timeline, AUDIO, &first, 0);
    publish(&mut timeline, AUDIO, &first, 1);
    timeline.begin_run(&second).unwrap();
    timeline.track(RunNumber(1), &track(AUDIO)).unwrap();
    timeline.track(RunNumber(1), &track(VIDEO)).unwrap();
    publish(&mut timeline, AUDIO, &second, 0);
    publish(&mut timeline, VIDEO, &second, 0);
    assert_eq!(contents(&timeline, VIDEO), [(0, 0, true), (0, 1, true), (1, 0, false)]);
    assert_eq!(contents(&timeline, AUDIO).len(), 3);
}

#[test]
fn a_new_run_completes_what_the_one_before_left_open() {
    let (mut timeline, first, second) = (begun(), run(0, 0), run(1, 10_000));
    publish(&mut timeline, AUDIO, &first, 0);
    publish(&mut timeline, VIDEO, &first, 0);
    timeline.part(&name(AUDIO), key(0, 1), part(AUDIO, &first, 1, 0), false).unwrap();
    timeline.begin_run(&second).unwrap();
    assert_eq!(contents(&timeline, AUDIO), [(0, 0, false), (0, 1, false)]);
    assert_eq!(contents(&timeline, VIDEO), [(0, 0, false), (0, 1, true)]);
    let stray = timeline.part(&name(AUDIO), key(0, 1), part(AUDIO, &first, 1, 1), false);
    assert_eq!(stray, Err(Ignored::Late));
}

#[test]
fn a_dropped_part_keeps_its_index_and_its_time() {
    let (mut timeline, run) = (begun(), run(0, 0));
    for index in [0, 3] {
        timeline.part(&name(AUDIO), key(0, 0), part(AUDIO, &run, 0, index), index == 3).unwrap();
    }
    let entry = &timeline.line(&name(AUDIO)).unwrap().entries()[0];
    assert_eq!(entry.parts.len(), 4);
    assert!(matches!(entry.parts[1], Slot::Hole(..)) && matches!(entry.parts[2], Slot::Hole(..)));
    assert_eq!(entry.duration, Ticks(94 * 1024));
    assert_eq!(entry.part(PartIndex(3)).unwrap().1, u64::from(part(AUDIO, &run, 0, 0).bytes));
}

#[test]
fn a_stored_history_reads_like_the_live_one() {
    let (mut live, run) = (begun(), run(0, 0));
    let mut stored = begun();
    for number in 0..3 {
        publish(&mut live, AUDIO, &run, number);
        stored.sealed(&name(AUDIO), &segment(AUDIO, &run, number)).unwrap();
        live.sealed(&name(AUDIO), &segment(AUDIO, &run, number)).unwrap();
    }
    let read = |timeline: &Timeline| {
        let entries = timeline.line(&name(AUDIO)).unwrap().entries().to_vec();
        entries
            .into_iter()
            .map(|e| (e.key, e.start, e.duration, e.content, e.bytes, e.parts))
            .collect::<Vec<_>>()
    };
    assert_eq!(read(&live), read(&stored));
}

#[test]
fn absurd_events_change_nothing() {
    let (mut timeline, run) = (begun(), run(0, 0));
    let far = timeline.part(&name(AUDIO), key(0, u64::MAX), part(AUDIO, &run, 0, 0), true);
    assert_eq!(far, Err(Ignored::FarAhead));
    let index = Part { index: PartIndex(u32::MAX), ..part(AUDIO, &run, 0, 0) };
    assert_eq!(timeline.part(&name(AUDIO), key(0, 0), index, false), Err(Ignored::FarAhead));
    assert_eq!(
        timeline.part(&name("x"), key(0, 0), part(AUDIO, &run, 0, 0), false),
        Err(Ignored::UnknownTrack)
    );
    assert_eq!(
        timeline.part(&name(AUDIO), key(7, 0), part(AUDIO, &run, 0, 0), false),
        Err(Ignored::UnknownRun)
    );
    assert_eq!(timeline.track(RunNumber(9), &track(AUDIO)), Err(Ignored::UnknownRun));
    assert!(contents(&timeline, AUDIO).is_empty());
    timeline.end();
    assert_eq!(timeline.begin_run(&self::run(1, 0)), Err(Ignored::Ended));
    assert_eq!(timeline.part(&name(AUDIO), key(0, 0), part(AUDIO, &run, 0, 0), false), Err(Ignored::Ended));
}

#[test]
fn gaps_that_touch_are_one() {
    let mut timeline = begun();
    let gap = |from, to| Gap {
        from: MediaTime::from_millis(from),
        to: MediaTime::from_millis(to),
        track: None,
        cause: GapCause::Overload,
    };
    let of_sound = |from, to| Gap { track: Some(name(AUDIO)), ..gap(from, to) };
    timeline.gap(&gap(100, 200), GapState::Closed);
    timeline.gap(&of_sound(100, 150), GapState::Open);
    timeline.gap(&gap(200, 300), GapState::Closed);
    timeline.gap(&of_sound(100, 500), GapState::Open);
    timeline.gap(&gap(900, 950), GapState::Closed);
    let closed = |gap| (gap, GapState::Closed);
    assert_eq!(
        timeline.gaps(),
        [closed(gap(100, 300)), (of_sound(100, 500), GapState::Open), closed(gap(900, 950))]
    );
    timeline.end();
    assert_eq!(timeline.gaps()[1], closed(of_sound(100, 500)), "nothing lasts beyond the end");
}
