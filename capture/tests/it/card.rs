//! Sound cards that give one rate and no other: an ALSA plugin of the tests' own (`tone_device.c`), through ALSA and cpal.
//!
//! ALSA takes its configuration from the environment, so the recording runs in a child: this test binary again.

use std::path::{Path, PathBuf};
use std::process::Command;

use model::wire::v1::Pace;

use super::device::{hand_over_whole, pitch, run_child};
use super::support::*;

/// How long a card is recorded.
const SECONDS: usize = 12;

/// Builds the plugin and writes an ALSA configuration with `card` in it; returns the configuration's path.
pub(crate) fn configuration(folder: &Path, card: &str) -> PathBuf {
    let library = folder.join("tone_device.so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/tone_device.c");
    let built = Command::new("cc")
        .args(["-shared", "-fPIC", "-DPIC", "-O1", "-Wall", "-Werror", "-o"])
        .args([&library, &source])
        .args(["-lasound", "-lm"])
        .output()
        .expect("a C compiler is installed");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let configuration = folder.join("alsa.conf");
    let text = format!(
        "</usr/share/alsa/alsa.conf>\npcm_type.tone {{ lib \"{}\" }}\npcm.card {{ type tone {card} hint {{ show on description \"Card\" }} }}\n",
        library.display()
    );
    std::fs::write(&configuration, text).unwrap();
    configuration
}

#[test]
#[ignore = "run in a child by a_card_with_one_rate_keeps_its_pitch_and_every_sample"]
fn child_records_the_card() {
    let mut start = start(&["alsa:card"]);
    start.pace = Pace::RealTime;
    hand_over_whole(&record_until(start, |so_far| so_far.levels.len() >= SECONDS * 10));
}

fn check(rate_hz: u32, channels: u32) {
    let folder = tempfile::tempdir().unwrap();
    let card = format!("rate {rate_hz} channels {channels} hz 997");
    let configuration = configuration(folder.path(), &card);
    let out = folder.path().join("out.mp4");
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.env("ALSA_CONFIG_PATH", configuration);
    run_child(child, "card::child_records_the_card", &out);
    let decoded = decode_sound(&std::fs::read(out).unwrap(), 1);
    // The first seconds belong to the normaliser, which settles.
    let steady = &decoded[4 * 48_000..(SECONDS - 1) * 48_000];
    let (hz, worst) = pitch(steady, 997.0);
    assert!((hz - 997.0).abs() < 0.01, "{rate_hz} Hz: {hz} Hz");
    assert!(worst < 0.1, "{rate_hz} Hz: the phase is off by {worst} samples: one was added or lost");
}

#[test]
fn a_card_with_one_rate_keeps_its_pitch_and_every_sample() {
    check(44_100, 1);
    check(16_000, 2);
}
