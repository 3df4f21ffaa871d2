//! Every sample and frame once, cut where the grid says.

use model::settings::{Encoding, Latency, ThinAudio, VideoEncoder};
use model::wire::v1::{End, PartReport};
use model::{MediaTime, Ticks, rational::frames_nearest};

use super::support::*;

/// Checks that parts and segments of a track follow each other without a hole and are cut on the grid.
fn check_cuts(recorded: &Recorded, origin_ms: u64, frame_ticks: u32, part_ms: u64, frames: u64) {
    let scale = recorded.track.timescale.per_second();
    let nearest = |ms: u64| frames_nearest(ms, scale, frame_ticks);
    let origin = recorded.track.timescale.ticks(MediaTime::from_millis(origin_ms));
    let mut expect = Vec::new();
    let (mut part, mut begin) = (1, 0);
    while begin < frames {
        let end = nearest(part * part_ms).min(frames);
        expect.push((Ticks(origin.0 + begin * u64::from(frame_ticks)), end - begin));
        (begin, part) = (end, part + 1);
    }
    let got: Vec<_> = recorded.parts.iter().map(|p| (p.part.start, u64::from(p.part.samples))).collect();
    assert_eq!(got, expect, "{}", recorded.track.name);
    for part in &recorded.parts {
        check_part(recorded, part, frame_ticks);
    }
    for pair in recorded.parts.windows(2) {
        let begins = pair[0].segment != pair[1].segment;
        assert_eq!(pair[0].closes.is_some(), begins);
        assert_eq!(pair[1].part.index.0, if begins { 0 } else { pair[0].part.index.0 + 1 });
    }
    assert!(recorded.parts.last().unwrap().closes.is_some());
}

fn check_part(recorded: &Recorded, part: &PartReport, frame_ticks: u32) {
    assert_eq!(part.part.duration, Ticks(u64::from(part.part.samples) * u64::from(frame_ticks)));
    assert!(part.part.duration.0 <= u64::from(recorded.track.part_ticks_max));
    assert_eq!(usize::try_from(part.part.bytes).unwrap(), part.media.len());
    let first = part.part.index.0 == 0;
    assert_eq!(part.part.independent, first || recorded.track.media.is_audio());
    let brand = if first { &b"styp"[..] } else { &b"moof"[..] };
    assert_eq!(&part.media[4..8], brand, "a segment begins with styp, a part with moof");
}

#[test]
fn every_sample_of_a_file_is_encoded_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("talk.wav");
    let frames = 5 * 48_000 + 123;
    wav(&path, frames, tone(440.0, 0.1));
    let recording = record(start(&[&format!("file:{}", path.display())]));
    assert_eq!(recording.ended, Some(End::EndOfInput));
    assert_eq!(recording.tracks.keys().collect::<Vec<_>>(), ["audio"]);
    let audio = &recording.tracks["audio"];
    assert_eq!(audio.track.codec, "mp4a.40.2");
    check_cuts(audio, 0, 1024, 500, u64::from(LEADER_SAMPLES + frames).div_ceil(1024));
    assert_eq!(decode_sound(&audio.file(), 2).len(), usize::try_from(audio.samples() * 1024 * 2).unwrap());
    assert!(!recording.levels.is_empty());
    for part in audio.parts.iter().filter(|part| part.closes.is_some()) {
        let loudness = part.closes.unwrap().loudness.expect("each audio segment is measured");
        assert!(!loudness.flags.filled && !loudness.flags.silent, "{loudness:?}");
    }
}

#[test]
fn captured_sample_n_is_decoded_in_its_place_behind_the_leader() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("clicks.wav");
    // A click with the first sample, then every half second, at places that are no frame boundaries.
    let clicks: Vec<u32> = (0..8).map(|n| n * 24_000 + n * 37).collect();
    let places = clicks.clone();
    wav(&path, 4 * 48_000, move |n| if places.contains(&n) { [0.5, 0.5] } else { [0.0, 0.0] });
    let mut start = start(&[&format!("file:{}", path.display())]);
    start.encoding.thin_audio = ThinAudio::Opus;
    let recording = record(start);
    // Opus models speech and smears a click; AAC keeps it to the sample.
    for (name, channels, off_max) in [("audio", 2, 0), ("opus", 1, 48)] {
        let decoded = decode_sound(&recording.tracks[name].file(), channels);
        let step = usize::try_from(channels).unwrap();
        let mut heights = Vec::new();
        for click in &clicks {
            let click = LEADER + usize::try_from(*click).unwrap();
            let near = click - 2000..click + 2000;
            let loudest = near.max_by(|a, b| decoded[a * step].abs().total_cmp(&decoded[b * step].abs()));
            let loudest = loudest.unwrap();
            let off = loudest.abs_diff(click);
            assert!(off <= off_max, "{name}: the click at {click} is {off} samples off");
            heights.push(decoded[loudest * step].abs());
        }
        // Next to nothing is left of a click where AAC begins to fade in.
        assert!(name != "audio" || heights[0] > 0.95 * heights[1], "the first click is weak: {heights:?}");
    }
}

fn check_test_signal(encoding: Encoding, origin_ms: u64) -> Recording {
    let mut start = start(&["test:"]);
    (start.encoding, start.origin) = (encoding, MediaTime::from_millis(origin_ms));
    let recording = record_until(start, |so_far| so_far.parts() >= 45);
    assert_eq!(recording.ended, Some(End::Stopped));
    let part_ms = u64::from(encoding.latency.part_ms());
    for (name, frame_ticks) in [("audio", 1024), ("720p", 100), ("270p", 100)] {
        let recorded = &recording.tracks[name];
        check_cuts(recorded, origin_ms, frame_ticks, part_ms, recorded.samples());
        let kind = if name == "audio" { "-vn" } else { "-an" };
        ffmpeg(&recorded.file(), &[kind, "-f", "null"]);
    }
    let seconds =
        |name: &str, rate: f64| f64::from(u32::try_from(recording.tracks[name].samples()).unwrap()) / rate;
    let audio = seconds("audio", 46.875);
    assert!((seconds("720p", 30.0) - audio).abs() < 0.06, "tracks end together");
    assert!((seconds("270p", 15.0) - audio).abs() < 0.12, "tracks end together");
    recording
}

#[test]
fn sound_and_picture_are_cut_at_the_same_boundaries() {
    let recording = check_test_signal(Encoding::default(), 0);
    assert!(recording.tracks["720p"].track.codec.starts_with("avc1.4d40"));
    assert!(recording.tracks["270p"].track.codec.starts_with("avc1.42c0"));
}

#[test]
fn a_later_run_begins_at_its_origin_with_short_parts_too() {
    let encoding = Encoding { latency: Latency::Low, ..Encoding::default() };
    check_test_signal(encoding, 7_260_300);
}

#[test]
fn openh264_keeps_the_same_grid() {
    let encoding = Encoding { video_encoder: VideoEncoder::Openh264, ..Encoding::default() };
    let recording = check_test_signal(encoding, 0);
    assert!(recording.tracks["720p"].track.codec.starts_with("avc1.42c0"));
}

/// Returns the frame number that stands in each decoded picture.
fn frame_numbers(file: &[u8]) -> Vec<u64> {
    let row = "scale=1280:720:flags=neighbor,crop=960:1:160:680,format=gray";
    let rows = ffmpeg(file, &["-an", "-vf", row, "-fps_mode", "passthrough", "-f", "rawvideo"]);
    let number =
        |row: &[u8]| row.chunks_exact(40).fold(0, |number, square| number << 1 | u64::from(square[20] > 128));
    rows.chunks_exact(960).map(number).collect()
}

#[test]
fn every_picture_stands_in_its_place_once() {
    let recording = record_until(start(&["test:"]), |so_far| so_far.parts() >= 20);
    for (name, every) in [("720p", 1), ("270p", 2)] {
        let recorded = &recording.tracks[name];
        // At the end the last picture is repeated until the sound ends.
        let whole = recorded.samples() - 2;
        let numbers = frame_numbers(&recorded.file());
        // The first picture stands in the leader too, which is two pictures long.
        let expect: Vec<u64> = (0..whole).map(|n| (n * every).max(2)).collect();
        assert_eq!(numbers[..usize::try_from(whole).unwrap()], expect, "{name}");
    }
}

#[test]
fn what_is_decoded_stays_below_minus_one_dbtp() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("loud.wav");
    // Syllables of clipped harmonics and noise, from quiet to far beyond full scale.
    wav(&path, 12 * 48_000, |n| {
        let seconds = f64::from(n) / 48_000.0;
        let buzz: f64 = (1..12).map(|k| (std::f64::consts::TAU * 131.0 * f64::from(k) * seconds).sin()).sum();
        let noise = f64::from(n.wrapping_mul(2_654_435_761) >> 16) / 32_768.0 - 1.0;
        let syllable = (std::f64::consts::PI * 4.0 * seconds).sin().powi(2);
        let level = if seconds % 4.0 < 2.0 { 0.05 } else { 3.0 };
        #[expect(clippy::cast_possible_truncation, reason = "a sample in -1..1")]
        let value = ((buzz * 0.2 + noise * 0.3) * syllable * level).clamp(-1.0, 1.0) as f32;
        [value, value * 0.8]
    });
    let mut start = start(&[&format!("file:{}", path.display())]);
    start.encoding.thin_audio = ThinAudio::Opus;
    let recording = record(start);
    for (name, channels) in [("audio", 2_u32), ("opus", 1)] {
        let recorded = &recording.tracks[name];
        let decoded = decode_sound(&recorded.file(), channels);
        let mut meter = loudness::Meter::new(usize::try_from(channels).unwrap(), 48_000).unwrap();
        meter.push(&decoded);
        let peak = meter.true_peak_dbtp().unwrap();
        assert!((-6.0..=-1.0).contains(&peak), "{name}: {peak} dBTP");
        let closed = recorded.parts.iter().filter_map(|part| part.closes?.loudness);
        assert!(closed.clone().any(|loudness| loudness.flags.input_clipped), "{name}: clipping is flagged");
        assert!(closed.map(|loudness| loudness.true_peak_dbtp.unwrap()).all(|peak| peak <= -1.9), "{name}");
    }
}
