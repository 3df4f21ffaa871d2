//! The promises of the tracker on bare block powers: what it must take for speech, and what it must not.

use super::*;

/// A syllable of 250 ms as differences from its level in LU, in moments of 50 ms.
const SYLLABLE_LU: [f64; 5] = [-3.0, 3.0, 1.0, -6.0, -22.0];

struct Room {
    level: Level,
    heard: Heard,
}

impl Room {
    fn new() -> Self {
        Self { level: Level::new(-16.0, 5), heard: Heard { level_lufs: None, pace: Pace::Jumped(0) } }
    }

    fn hear(&mut self, input: f64) {
        let gain_db = self.heard.level_lufs.map_or(0.0, |level_lufs| -16.0 - level_lufs);
        self.heard = self.level.add(input, input * num::amplitude(gain_db).powi(2));
    }

    fn speak(&mut self, level_lufs: f64, noise_lufs: f64, seconds: usize) {
        for block in 0..seconds * BLOCKS_PER_SECOND {
            let syllable_lu = SYLLABLE_LU[block / HOP_BLOCKS % SYLLABLE_LU.len()];
            self.hear(num::power(level_lufs + syllable_lu) + num::power(noise_lufs));
        }
    }

    /// Noise whose blocks vary by 3 LU, as those of pink noise do.
    fn hush(&mut self, noise_lufs: f64, seconds: usize) {
        for block in 0..seconds * BLOCKS_PER_SECOND {
            let ripple_lu = f64::from(u8::try_from(block * 7 % 13).unwrap()) / 4.0 - 1.5;
            self.hear(num::power(noise_lufs + ripple_lu));
        }
    }

    fn level_lufs(&self) -> f64 {
        self.heard.level_lufs.unwrap()
    }
}

#[test]
fn speech_is_found_at_any_level_within_three_seconds() {
    for level_lufs in [-40.0, -35.0, -23.0, -10.0, 0.0] {
        let mut room = Room::new();
        room.speak(level_lufs, -70.0, 3);
        assert!((room.level_lufs() - level_lufs).abs() < 1.5, "{level_lufs}: {}", room.level_lufs());
    }
}

#[test]
fn jumps_both_ways_are_found_within_three_seconds() {
    for (before_lufs, after_lufs) in [(-35.0, -10.0), (-10.0, -35.0), (-20.0, -28.0), (-28.0, -20.0)] {
        let mut room = Room::new();
        room.speak(before_lufs, -60.0, 10);
        room.speak(after_lufs, -60.0, 3);
        let off_lu = room.level_lufs() - after_lufs;
        assert!(off_lu.abs() < 2.0, "{before_lufs} to {after_lufs}: {off_lu:+.1} LU off");
    }
}

#[test]
fn a_pause_is_not_quieter_speech_however_long_and_however_loud_the_room() {
    for noise_lufs in [-80.0, -60.0, -45.0, -38.0] {
        let mut room = Room::new();
        room.hush(noise_lufs, 2);
        room.speak(-22.0, noise_lufs, 6);
        let before_lufs = room.level_lufs();
        room.hush(noise_lufs, 60);
        let fallen_lu = before_lufs - room.level_lufs();
        assert!(fallen_lu.abs() < 1.0, "room at {noise_lufs} LUFS: {fallen_lu:.1} LU");
    }
}

#[test]
fn a_room_that_grows_loud_in_a_pause_is_not_speech() {
    let mut room = Room::new();
    room.speak(-20.0, -75.0, 10);
    let before_lufs = room.level_lufs();
    room.hush(-75.0, 5);
    room.hush(-42.0, 30);
    assert!((room.level_lufs() - before_lufs).abs() < 1.0);
}

#[test]
fn a_room_alone_has_no_level() {
    let mut room = Room::new();
    room.hush(-40.0, 30);
    assert_eq!(room.heard.level_lufs, None);
    assert!(!room.level.is_speech());
}

#[test]
fn a_cough_in_an_empty_room_is_not_speech() {
    let mut room = Room::new();
    room.hush(-60.0, 5);
    for block in 0..30 {
        room.hear(num::power(-30.0 - f64::from(block) / 2.0));
    }
    room.hush(-60.0, 5);
    assert_eq!(room.heard.level_lufs, None);
}

#[test]
fn speech_in_a_noisy_room_is_measured_without_the_room() {
    let mut room = Room::new();
    room.hush(-45.0, 6);
    room.speak(-33.0, -45.0, 6);
    assert!((room.level_lufs() + 33.0).abs() < 1.5, "{}", room.level_lufs());
}

#[test]
fn gain_waits_until_the_louder_level_comes_out() {
    let mut room = Room::new();
    room.speak(-35.0, -70.0, 10);
    let mut waited = 0;
    for _ in 0..20 {
        room.hear(num::power(-8.0));
        waited += usize::from(room.heard.pace == Pace::Wait);
    }
    assert!((1..5).contains(&waited), "{waited} blocks");
}

#[test]
fn digital_silence_and_absurd_power_leave_a_finite_level() {
    let mut room = Room::new();
    room.speak(-20.0, -60.0, 3);
    (0..500).for_each(|_| room.hear(0.0));
    (0..500).for_each(|_| room.hear(num::power(40.0)));
    room.speak(-20.0, -60.0, 5);
    assert!(room.level_lufs().is_finite());
}
