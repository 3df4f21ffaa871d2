//! The JSON form of every capture message, held in golden files: what is written here is what the other side reads.

#![allow(clippy::unwrap_used, reason = "test helpers; a panic is the failure report")]

use expect_test::expect_file;
use model::settings::{Encoding, Loudness};
use model::wire::v1::{
    Close, End, Failure, FailureKind, Levels, NoSound, Order, Pace, PartReport, PictureCount, Report,
    SourceState, Start,
};
use model::*;

fn session() -> SessionId {
    SessionId::new(WallTime::from_unix_ms(1_795_000_000_000), [7; 10])
}

fn run() -> RunNumber {
    RunNumber(1)
}

fn gap() -> Gap {
    Gap {
        from: MediaTime::from_millis(4000),
        to: MediaTime::from_millis(5500),
        track: Some("720p".parse().unwrap()),
        cause: GapCause::Overload,
    }
}

fn track() -> Track {
    Track {
        name: "audio".parse().unwrap(),
        media: Media::Audio { sample_rate_hz: 48_000, channels: 2 },
        codec: "mp4a.40.2".to_owned(),
        timescale: Timescale::new(48_000).unwrap(),
        bitrate_bps: 96_000,
        part_ticks_max: 24_576,
        segment_ticks_max: 96_256,
    }
}

fn part() -> PartReport {
    PartReport {
        track: "audio".parse().unwrap(),
        segment: SegmentKey { run: run(), number: SegmentNumber(9) },
        part: Part {
            index: PartIndex(3),
            start: Ticks(887_808),
            duration: Ticks(23_552),
            samples: 23,
            independent: true,
            bytes: 6123,
        },
        closes: Some(Close {
            loudness: Some(SegmentLoudness {
                integrated_lufs: Some(-16.25),
                gain_db: 7.5,
                ..SegmentLoudness::default()
            }),
        }),
        media: bytes::Bytes::new(),
    }
}

#[test]
fn orders_keep_their_json() {
    let orders = [
        Order::Start(Start {
            session: session(),
            run: run(),
            origin: MediaTime::from_millis(6000),
            since: Some(MonoTime::from_nanos(80_700_000_000)),
            inputs: vec!["file:talk.wav?loop".parse().unwrap(), "v4l2:/dev/video0".parse().unwrap()],
            encoding: Encoding::default(),
            loudness: Loudness::default(),
            pace: Pace::RealTime,
        }),
        Order::Stop,
        Order::Leave,
    ];
    let json = serde_json::to_string_pretty(&orders).unwrap();
    expect_file!["golden/orders.v1.json"].assert_eq(&json);
    assert_eq!(serde_json::from_str::<Vec<Order>>(&json).unwrap(), orders);
}

#[test]
fn reports_keep_their_json() {
    let failure = Failure {
        kind: FailureKind::Busy,
        message: "`alsa:mic` is in use by another program; close it".to_owned(),
    };
    let reports = [
        Report::Hello { version: wire::v1::VERSION },
        Report::Started {
            run: run(),
            origin: MediaTime::from_millis(6300),
            anchor: WallTime::from_unix_ms(1_795_000_006_000),
            mono: MonoTime::from_nanos(81_000_000_000),
        },
        Report::Track { run: run(), track: track(), init: bytes::Bytes::new() },
        Report::Part(part()),
        Report::Gap { run: run(), gap: gap(), state: GapState::Open },
        Report::Levels(Levels {
            at: MediaTime::from_millis(6100),
            input_momentary_lufs: Some(-31.5),
            input_peak_dbfs: Some(-12.0),
            momentary_lufs: None,
            short_term_lufs: None,
            gain_db: 12.0,
            noise_floor_lufs: Some(-58.5),
        }),
        Report::NoSound { run: run(), why: NoSound::Ended },
        Report::Pictures {
            run: run(),
            counts: vec![PictureCount { track: "720p".parse().unwrap(), dropped: 6, repeated: 2 }],
        },
        Report::Source {
            input: "test:".parse().unwrap(),
            state: SourceState::Lost { why: "the cable is out".to_owned() },
        },
        Report::Refused { run: run(), why: failure.clone() },
        Report::Ended { run: run(), why: End::Failed(failure) },
        Report::Ended { run: run(), why: End::EndOfInput },
    ];
    let json = serde_json::to_string_pretty(&reports).unwrap();
    expect_file!["golden/reports.v1.json"].assert_eq(&json);
    assert_eq!(serde_json::from_str::<Vec<Report>>(&json).unwrap(), reports);
}
