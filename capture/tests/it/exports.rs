//! A recording as one file.

use std::process::Command;

use capture::{ExportError, ExportTrack, export};
use model::MediaTime;

use super::support::*;

fn export_track(recorded: &Recorded, keep: impl Fn(u64) -> bool) -> ExportTrack {
    let mut segments: Vec<Vec<u8>> = Vec::new();
    for part in recorded.parts.iter().filter(|part| keep(part.segment.number.0)) {
        if part.part.index.0 == 0 {
            segments.push(Vec::new());
        }
        segments.last_mut().unwrap().extend_from_slice(&part.media);
    }
    ExportTrack {
        init: recorded.init.clone().into(),
        segments: segments.into_iter().map(Into::into).collect(),
    }
}

/// Asks ffprobe for one number of each packet of a stream.
fn packets(path: &std::path::Path, stream: &str, entry: &str) -> Vec<f64> {
    let output = Command::new("ffprobe")
        .args([
            "-v",
            "error",
            "-select_streams",
            stream,
            "-show_entries",
            &format!("packet={entry}"),
            "-of",
            "csv=p=0",
        ])
        .arg(path)
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().filter_map(|line| line.trim_end_matches(',').parse().ok()).collect()
}

fn recording() -> Recording {
    let mut start = start(&["test:"]);
    start.origin = MediaTime::from_millis(300_100);
    record_until(start, |so_far| so_far.parts() >= 45)
}

#[test]
fn an_export_holds_every_sample_and_plays_without_complaint() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("talk.mp4");
    let recording = recording();
    let tracks = ["720p", "audio"].map(|name| export_track(&recording.tracks[name], |_| true));
    export(&tracks, &out).unwrap();
    let bytes = std::fs::read(&out).unwrap();
    assert_eq!(&bytes[4..8], b"ftyp");
    let whole = ffmpeg(&bytes, &["-vn", "-f", "f32le", "-ac", "1"]);
    let frames = recording.tracks["audio"].samples();
    assert_eq!(whole.len(), usize::try_from(frames * 1024 * 4).unwrap());
    ffmpeg(&bytes, &["-an", "-f", "null"]);
    let pictures = packets(&out, "v:0", "pts_time");
    assert_eq!(u64::try_from(pictures.len()).unwrap(), recording.tracks["720p"].samples());
    let sound = packets(&out, "a:0", "pts_time");
    assert_eq!((pictures[0], sound[0]), (0.0, 0.0), "both begin together");
}

#[test]
fn a_hole_in_one_track_keeps_the_tracks_in_step() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("talk.mp4");
    let recording = recording();
    let video = export_track(&recording.tracks["720p"], |number| number != 1);
    let audio = export_track(&recording.tracks["audio"], |_| true);
    export(&[video, audio], &out).unwrap();
    let pictures = packets(&out, "v:0", "pts_time");
    // Frame 59 lasts until the third segment begins.
    assert!((pictures[60] - 4.0).abs() < 0.001, "{}", pictures[60]);
    let late = [
        export_track(&recording.tracks["720p"], |n| n > 0),
        export_track(&recording.tracks["audio"], |_| true),
    ];
    export(&late, &out).unwrap();
    let (pictures, sound) = (packets(&out, "v:0", "pts_time"), packets(&out, "a:0", "pts_time"));
    assert!((pictures[0] - 2.0).abs() < 0.002 && sound[0] == 0.0, "{} {}", pictures[0], sound[0]);
}

#[test]
fn an_export_that_fails_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("talk.mp4");
    assert!(matches!(export(&[], &out), Err(ExportError::Nothing)));
    let broken = ExportTrack { init: vec![0; 10].into(), segments: Vec::new() };
    assert!(matches!(export(&[broken], &out), Err(ExportError::Init { track: 0, .. })));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}
