//! Files of every kind become the same tracks.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use model::wire::v1::{End, NoSound, Order, Pace, Report};
use model::{ManualClock, WallTime};

use super::support::*;

/// Makes a file with ffmpeg.
pub(crate) fn make(path: &Path, arguments: &[&str]) {
    let status = Command::new("ffmpeg").args(["-v", "error", "-y"]).args(arguments).arg(path).status();
    assert!(status.expect("ffmpeg is installed").success(), "{arguments:?}");
}

const SINE: &str = "sine=frequency=440:sample_rate=44100:duration=2.5";
const PICTURE: &str = "testsrc2=size=640x480:rate=25:duration=2.5";

/// Records a file made by ffmpeg and checks which tracks come out, and that each is 2.5 s long.
fn check_file(name: &str, arguments: &[&str], tracks: &[&str]) -> Recording {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    make(&path, arguments);
    let recording = record(start(&[&format!("file:{}", path.display())]));
    assert_eq!(recording.ended, Some(End::EndOfInput), "{name}");
    assert_eq!(recording.tracks.keys().collect::<Vec<_>>(), tracks, "{name}");
    for recorded in recording.tracks.values() {
        let ticks: u64 = recorded.parts.iter().map(|part| part.part.duration.0).sum();
        let length = recorded.track.timescale.duration(model::Ticks(ticks)).as_secs_f64();
        assert!((length - 2.5).abs() < 0.15, "{name}: {} lasts {length} s", recorded.track.name);
        ffmpeg(&recorded.file(), &["-f", "null"]);
    }
    recording
}

#[test]
fn sound_comes_from_every_common_format() {
    let sine = |more: &[&'static str]| [&["-f", "lavfi", "-i", SINE], more].concat();
    check_file("a.mp3", &sine(&[]), &["audio"]);
    check_file("a.ogg", &sine(&["-c:a", "libvorbis"]), &["audio"]);
    check_file("a.m4a", &sine(&[]), &["audio"]);
    check_file("a.flac", &sine(&["-ar", "96000"]), &["audio"]);
    check_file("mono-8k.wav", &sine(&["-ar", "8000", "-ac", "1"]), &["audio"]);
    check_file("5.1.wav", &sine(&["-ac", "6"]), &["audio"]);
}

#[test]
fn thirty_two_channels_become_two() {
    let many = ["-f", "lavfi", "-i", SINE, "-filter_complex", "asplit=32,amerge=inputs=32", "-ac", "32"];
    let recording = check_file("32.wav", &many, &["audio"]);
    let decoded = decode_sound(&recording.tracks["audio"].file(), 2);
    let late = &decoded[decoded.len() / 2..];
    assert!(late.iter().any(|value| value.abs() > 0.05), "the channels are heard");
}

#[test]
fn picture_and_sound_come_from_mp4_webm_and_mkv() {
    let both =
        |more: &[&'static str]| [&["-f", "lavfi", "-i", SINE, "-f", "lavfi", "-i", PICTURE], more].concat();
    let all = ["270p", "720p", "audio"];
    check_file("a.mp4", &both(&["-c:v", "libx264", "-preset", "ultrafast"]), &all);
    check_file("a.webm", &both(&["-c:v", "libvpx", "-deadline", "realtime", "-c:a", "libopus"]), &all);
    check_file("a.mkv", &both(&["-c:v", "mpeg4", "-c:a", "pcm_s16le"]), &all);
}

#[test]
fn a_picture_without_sound_gets_silence_that_says_so() {
    let recording = check_file("mute.mp4", &["-f", "lavfi", "-i", PICTURE], &["270p", "720p", "audio"]);
    let audio = &recording.tracks["audio"];
    let closed = audio.parts.iter().find_map(|part| part.closes).unwrap().loudness.unwrap();
    assert!(closed.flags.filled && closed.flags.silent);
}

#[test]
fn sound_and_picture_may_come_from_two_files() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("talk.wav");
    wav(&path, 96_000, tone(440.0, 0.1));
    let recording = record(start(&[&format!("file:{}", path.display()), "test:video"]));
    assert_eq!(recording.ended, Some(End::EndOfInput));
    // The leader of two pictures, then two seconds.
    assert_eq!(recording.tracks["audio"].samples(), 97);
    assert_eq!(recording.tracks["720p"].samples(), 62);
}

#[test]
fn a_looped_file_has_no_seam() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("loop.wav");
    // A prime number of samples, so that no block or frame fits.
    let (length, click) = (30_011, 12_345);
    wav(&path, length, move |n| if n == click { [0.5, 0.5] } else { [0.0, 0.0] });
    let recording = record_until(start(&[&format!("file:{}?loop", path.display())]), |r| r.parts() >= 8);
    assert_eq!(recording.ended, Some(End::Stopped));
    let decoded = decode_sound(&recording.tracks["audio"].file(), 2);
    for turn in 0..6 {
        let place = LEADER + usize::try_from(turn * length + click).unwrap();
        let near = place - 2000..place + 2000;
        let loudest = near.max_by(|a, b| decoded[a * 2].abs().total_cmp(&decoded[b * 2].abs()));
        assert_eq!(loudest, Some(place), "turn {turn}");
    }
    for part in &recording.tracks["audio"].parts {
        assert!(part.closes.is_none_or(|close| !close.loudness.unwrap().flags.filled), "nothing was filled");
    }
}

#[test]
fn in_real_time_a_source_delivers_exactly_what_the_clock_allows() {
    let clock = Arc::new(ManualClock::new(WallTime::from_unix_ms(0)));
    // The leader lies before the moment at which capturing begins.
    clock.advance(std::time::Duration::from_secs(1));
    let link = capture::in_process(clock.clone()).unwrap();
    let mut start = start(&["test:audio"]);
    start.pace = Pace::RealTime;
    link.orders.send(Order::Start(start)).unwrap();
    let mut recording = Recording::default();
    while !recording.started {
        recording.take(link.reports.recv().unwrap());
    }
    clock.advance(std::time::Duration::from_millis(2945));
    let mut stopped = false;
    loop {
        if recording.take(link.reports.recv().unwrap()) {
            break;
        }
        if !stopped && recording.levels.last().is_some_and(|levels| levels.at.as_secs_f64() >= 3.0) {
            link.orders.send(Order::Stop).unwrap();
            stopped = true;
        }
    }
    link.close();
    // The leader and 294 whole blocks: 144320 samples, 140.9 AAC frames.
    assert_eq!(recording.tracks["audio"].samples(), 141);
}

#[test]
fn sound_that_ends_before_its_picture_is_said_and_is_a_gap_from_there_on() {
    let folder = tempfile::tempdir().unwrap();
    let (sound, film) = (folder.path().join("talk.wav"), folder.path().join("film.mkv"));
    wav(&sound, 48_000, tone(440.0, 0.25));
    make(&film, &["-f", "lavfi", "-i", "testsrc2=size=320x240:rate=30:duration=4", "-c:v", "mpeg4"]);
    let input = |path: &Path| format!("file:{}", path.display());
    let recording = record(start(&[&input(&sound), &input(&film)]));
    let said = |recording: &Recording| {
        recording.other.iter().find_map(|report| match report {
            Report::NoSound { why, .. } => Some(*why),
            _ => None,
        })
    };
    let last_gap = |recording: &Recording| {
        recording.other.iter().rev().find_map(|report| match report {
            Report::Gap { gap, .. } => Some((gap.from.as_nanos(), gap.to.as_nanos())),
            _ => None,
        })
    };
    let samples = |count: u64| (count * 1_000_000_000 + 24_000) / 48_000;
    let leader = u64::from(LEADER_SAMPLES);
    assert_eq!(said(&recording), Some(NoSound::Ended));
    let end = samples(4 * 48_000 + leader);
    assert_eq!(last_gap(&recording), Some((samples(48_000 + leader), end)));

    let silent = record(start(&[&input(&film)]));
    assert_eq!((said(&silent), last_gap(&silent)), (Some(NoSound::Absent), Some((samples(leader), end))));

    // Nearly as long is long enough.
    wav(&sound, 48_000 * 7 / 2, tone(440.0, 0.25));
    let whole = record(start(&[&input(&sound), &input(&film)]));
    assert_eq!((said(&whole), last_gap(&whole)), (None, None));
}
