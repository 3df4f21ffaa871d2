//! Whatever is named or lies in a file: a sentence with the fix, never a panic, never a hang.

use std::path::Path;

use model::wire::v1::{End, FailureKind};

use super::files::make;
use super::support::*;

/// Runs a start that must not succeed; returns the kind and the sentence.
fn refusal(input: &str) -> (FailureKind, String) {
    let recording = record(start(&[input]));
    let failure = match (recording.refused, recording.ended) {
        (Some(failure), None) | (None, Some(End::Failed(failure))) => failure,
        other => panic!("{input}: {other:?}"),
    };
    assert!(!failure.message.contains('\n') && failure.message.len() > 20, "{}", failure.message);
    (failure.kind, failure.message)
}

fn check(input: &str, kind: FailureKind, says: &str) {
    let (got, message) = refusal(input);
    assert_eq!(got, kind, "{message}");
    assert!(message.contains(says), "{message}");
}

fn check_file(path: &Path, kind: FailureKind, says: &str) {
    check(&format!("file:{}", path.display()), kind, says);
}

#[test]
fn what_is_not_there_is_named() {
    check("file:/no/such/talk.wav", FailureKind::UnknownSource, "check the path");
    check("file:/", FailureKind::WrongFormat, "is not a file; give the path of a recording");
    check("v4l2:/dev/video99", FailureKind::UnknownSource, "lectern sources");
    check("alsa:no-such-device", FailureKind::UnknownSource, "lectern sources");
    check("rtsp://127.0.0.1:1/main", FailureKind::WrongFormat, "check its address");
    let failure = record(start(&[])).refused.unwrap();
    assert_eq!(failure.kind, FailureKind::NoMedia);
}

#[test]
fn what_is_no_media_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.mp4");
    std::fs::write(&path, []).unwrap();
    check_file(&path, FailureKind::WrongFormat, "is empty; copy the recording again");
    std::fs::write(&path, "Dear students,\n".repeat(200)).unwrap();
    check_file(&path, FailureKind::WrongFormat, "convert it");
    let noise: Vec<u8> = (0..200_000_u32).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect();
    std::fs::write(&path, noise).unwrap();
    check_file(&path, FailureKind::WrongFormat, "convert it");
}

/// A wav header that claims what it likes, with a second of data.
fn wav_header(channels: u16, rate: u32, bits: u16) -> Vec<u8> {
    let block = channels.wrapping_mul(bits / 8);
    let mut bytes = b"RIFF\x24\x77\x01\x00WAVEfmt \x10\x00\x00\x00\x01\x00".to_vec();
    bytes.extend(channels.to_le_bytes());
    bytes.extend(rate.to_le_bytes());
    bytes.extend(rate.wrapping_mul(u32::from(block)).to_le_bytes());
    bytes.extend(block.to_le_bytes());
    bytes.extend(bits.to_le_bytes());
    bytes.extend(b"data\x00\x77\x01\x00");
    bytes.resize(bytes.len() + 96_000, 7);
    bytes
}

#[test]
fn absurd_formats_are_refused_or_played() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("absurd.wav");
    for (channels, rate, bits) in [
        (0, 48_000, 16),
        (1, 0, 16),
        (1, 1, 16),
        (1, u32::MAX, 16),
        (u16::MAX, 48_000, 16),
        (2, 48_000, 0),
        (2, 48_000, 7),
    ] {
        std::fs::write(&path, wav_header(channels, rate, bits)).unwrap();
        let (kind, message) = refusal(&format!("file:{}", path.display()));
        assert_eq!(kind, FailureKind::WrongFormat, "{channels} {rate} {bits}: {message}");
    }
    std::fs::write(&path, wav_header(1, 4000, 16)).unwrap();
    let recording = record(start(&[&format!("file:{}", path.display())]));
    assert_eq!(recording.ended, Some(End::EndOfInput));
}

#[test]
fn a_file_cut_off_anywhere_ends_in_a_sentence_or_earlier() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("whole.mp4");
    let source = [
        "-f",
        "lavfi",
        "-i",
        "sine=duration=2",
        "-f",
        "lavfi",
        "-i",
        "testsrc2=size=320x180:rate=15:duration=2",
    ];
    make(
        &path,
        &[&source[..], &["-c:v", "libx264", "-preset", "ultrafast", "-movflags", "+faststart"]].concat(),
    );
    let whole = std::fs::read(&path).unwrap();
    let cut = folder.path().join("cut.mp4");
    for tenth in 0..12 {
        // Every tenth, and just inside the first boxes.
        let length = if tenth < 10 { whole.len() * tenth / 10 } else { 20 + (tenth - 10) * 600 };
        std::fs::write(&cut, &whole[..length]).unwrap();
        let recording = record(start(&[&format!("file:{}", cut.display())]));
        match (recording.refused, recording.ended) {
            (Some(failure), None) | (None, Some(End::Failed(failure))) => {
                assert_eq!(failure.kind, FailureKind::WrongFormat, "cut at {length}: {}", failure.message);
            }
            (None, Some(End::EndOfInput)) => {}
            other => panic!("cut at {length}: {other:?}"),
        }
    }
}

#[test]
fn flipped_bytes_never_hang_or_panic() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("whole.mp4");
    make(&path, &["-f", "lavfi", "-i", "sine=duration=1", "-movflags", "+faststart"]);
    let whole = std::fs::read(&path).unwrap();
    let hostile = folder.path().join("hostile.mp4");
    for seed in 1_usize..=10 {
        let mut bytes = whole.clone();
        // Mostly in the index, where lengths and counts are.
        for n in 0..8 {
            let at = (seed * 7919 + n * 104_729) % 1400.min(bytes.len());
            bytes[at] ^= 0xff;
        }
        std::fs::write(&hostile, bytes).unwrap();
        let recording = record(start(&[&format!("file:{}", hostile.display())]));
        assert!(recording.refused.is_some() || recording.ended.is_some());
    }
}
