use bytes::Bytes;
use model::wire::v1::{End, Levels};
use model::{Media, Part, PartIndex, SegmentKey, SegmentNumber, Ticks};

use super::*;

const RUN: RunNumber = RunNumber(0);

fn track(name: &str, media: Media) -> Report {
    let track = model::Track {
        name: name.parse().unwrap(),
        media,
        codec: String::new(),
        timescale: Timescale::new(1000).unwrap(),
        bitrate_bps: 1,
        part_ticks_max: 500,
        segment_ticks_max: 2000,
    };
    Report::Track { run: RUN, track, init: Bytes::new() }
}

/// Part `n` of a track with four parts of 500 ms in each segment.
fn part(name: &str, n: u32) -> Report {
    Report::Part(PartReport {
        track: name.parse().unwrap(),
        segment: SegmentKey { run: RUN, number: SegmentNumber(u64::from(n / 4)) },
        part: Part {
            index: PartIndex(n % 4),
            start: Ticks(u64::from(n) * 500),
            duration: Ticks(500),
            samples: 1,
            independent: true,
            bytes: 0,
        },
        closes: None,
        media: Bytes::new(),
    })
}

fn outbox() -> Outbox {
    let outbox = Outbox::default();
    outbox.put(track("audio", Media::Audio { sample_rate_hz: 48_000, channels: 2 }), Patience::None);
    outbox.put(
        track("720p", Media::Video { width: 1280, height: 720, frame_rate_millihertz: 30_000 }),
        Patience::None,
    );
    outbox.take().unwrap();
    outbox.take().unwrap();
    outbox
}

fn levels(at_ms: u64) -> Report {
    Report::Levels(Levels {
        at: MediaTime::from_millis(at_ms),
        input_momentary_lufs: None,
        input_peak_dbfs: None,
        momentary_lufs: None,
        short_term_lufs: None,
        gain_db: 0.0,
        noise_floor_lufs: None,
    })
}

fn drain(outbox: &Outbox) -> Vec<Report> {
    outbox.close();
    std::iter::from_fn(|| outbox.take()).collect()
}

#[test]
fn only_the_latest_levels_wait() {
    let outbox = outbox();
    outbox.put(levels(100), Patience::None);
    outbox.put(part("audio", 0), Patience::None);
    outbox.put(levels(200), Patience::None);
    assert_eq!(drain(&outbox), [part("audio", 0), levels(200)]);
}

#[test]
fn dropped_pictures_become_one_gap_that_ends_where_a_segment_begins() {
    let outbox = outbox();
    for n in 0..50 {
        outbox.put(part("720p", n), Patience::None);
        outbox.put(part("audio", n), Patience::None);
    }
    for _ in 0..60 {
        outbox.take().unwrap();
    }
    // Part 50 and 51 lie in the middle of a segment, so they are lost as well.
    for n in 50..53 {
        outbox.put(part("720p", n), Patience::None);
    }
    let rest = drain(&outbox);
    let gap = Report::Gap {
        run: RUN,
        gap: Gap {
            from: MediaTime::from_millis(16_000),
            to: MediaTime::from_millis(26_000),
            track: Some("720p".parse().unwrap()),
            cause: GapCause::Overload,
        },
        state: GapState::Closed,
    };
    assert_eq!(rest[rest.len() - 2..], [gap, part("720p", 52)]);
    let sound = rest.iter().filter(|r| matches!(r, Report::Part(p) if p.track.as_str() == "audio"));
    assert_eq!(sound.count(), 20, "no part of sound is lost");
}

#[test]
fn a_gap_that_lasts_takes_one_place_however_long_nobody_listens() {
    let outbox = outbox();
    let gap = |track: &str, to, state| Report::Gap {
        run: RUN,
        gap: Gap {
            from: MediaTime::from_millis(0),
            to: MediaTime::from_millis(to),
            track: Some(track.parse().unwrap()),
            cause: GapCause::SourceLost,
        },
        state,
    };
    for to in 1..100 {
        outbox.put(gap("audio", to, GapState::Open), Patience::None);
        outbox.put(gap("720p", to, GapState::Open), Patience::None);
    }
    outbox.put(gap("audio", 100, GapState::Closed), Patience::None);
    let rest = drain(&outbox);
    assert_eq!(rest, [gap("720p", 99, GapState::Open), gap("audio", 100, GapState::Closed)]);
}

#[test]
fn a_gap_at_the_end_is_said_before_the_end() {
    let outbox = outbox();
    for n in 0..40 {
        outbox.put(part("720p", n), Patience::None);
    }
    let ended = Report::Ended { run: RUN, why: End::Stopped };
    outbox.put(ended.clone(), Patience::None);
    let all = drain(&outbox);
    assert!(matches!(all[all.len() - 2], Report::Gap { .. }));
    assert_eq!(all.last(), Some(&ended));
}

#[test]
fn a_run_that_can_wait_loses_nothing() {
    let outbox = std::sync::Arc::new(outbox());
    let run = std::thread::spawn({
        let outbox = outbox.clone();
        move || (0..200).for_each(|n| outbox.put(part("720p", n), Patience::Wait))
    });
    let taken: Vec<Report> = (0..200).map(|_| outbox.take().unwrap()).collect();
    run.join().unwrap();
    assert_eq!(taken, (0..200).map(|n| part("720p", n)).collect::<Vec<_>>());
}

#[test]
fn a_run_whose_listener_left_goes_on() {
    let outbox = outbox();
    outbox.abandon();
    for n in 0..1000 {
        outbox.put(part("720p", n), Patience::Wait);
    }
    assert_eq!(outbox.take(), None);
}
