//! A voice that says nothing: harmonics under moving formants in syllables, phrases and pauses, from a fixed seed.

use std::f32::consts::TAU;

/// Samples per second.
const RATE: f32 = 48_000.0;

/// Samples in one syllable: 4.5 syllables a second, as people lecture.
const SYLLABLE: u32 = 10_667;

/// Syllables in a phrase; the last [`PAUSE`] of them are silent.
const PHRASE: u32 = 16;

/// Silent syllables at the end of a phrase.
const PAUSE: u32 = 3;

/// Formants of five vowels, Hz (Peterson and Barney 1952, men).
const VOWELS: [[f32; 2]; 5] =
    [[730.0, 1090.0], [270.0, 2290.0], [530.0, 1840.0], [570.0, 840.0], [300.0, 870.0]];

/// Loudness of the voice, linear: about -23 LUFS.
const LEVEL: f32 = 0.28;

/// Loudness of the room, linear.
const ROOM: f32 = 0.0008;

/// The voice.
#[derive(Debug)]
pub(crate) struct Voice {
    sample: u64,
    phase: f32,
    seed: u32,
    resonators: [Resonator; 2],
}

/// A two-pole band-pass.
#[derive(Debug, Clone, Copy, Default)]
struct Resonator {
    y1: f32,
    y2: f32,
}

impl Resonator {
    fn step(&mut self, x: f32, hz: f32) -> f32 {
        // 80 Hz wide, as a mouth is.
        let r = (-std::f32::consts::PI * 80.0 / RATE).exp();
        let y = (1.0 - r) * x + 2.0 * r * (TAU * hz / RATE).cos() * self.y1 - r * r * self.y2;
        (self.y2, self.y1) = (self.y1, y);
        y
    }
}

impl Default for Voice {
    fn default() -> Self {
        Self { sample: 0, phase: 0.0, seed: 0x1ec7_0e21, resonators: Default::default() }
    }
}

impl Voice {
    /// Returns the next `frames` frames, the same on both sides.
    pub(crate) fn next_stereo(&mut self, frames: usize) -> Vec<f32> {
        (0..frames).map(|_| self.next()).flat_map(|value| [value, value]).collect()
    }

    fn next(&mut self) -> f32 {
        let syllable = self.sample / u64::from(SYLLABLE);
        let place = u32::try_from(self.sample % u64::from(SYLLABLE)).unwrap_or(0);
        let in_phrase = u32::try_from(syllable % u64::from(PHRASE)).unwrap_or(0);
        self.sample += 1;
        let along = small(place) / small(SYLLABLE);
        // The voice falls over a phrase and within each syllable.
        let pitch_hz = 125.0 - 2.0 * small(in_phrase) - 10.0 * along;
        self.phase = (self.phase + pitch_hz / RATE).fract();
        let open =
            if in_phrase >= PHRASE - PAUSE { 0.0 } else { (along * std::f32::consts::PI).sin().powi(2) };
        let buzz = if self.phase < 0.1 { 1.0 } else { -0.11 };
        let breath = self.noise();
        let excitation = (buzz + 0.05 * breath) * open;
        let vowel = VOWELS[usize::try_from(syllable % 5).unwrap_or(0)];
        let [first, second] = &mut self.resonators;
        let voiced = first.step(excitation, vowel[0]) + 0.5 * second.step(excitation, vowel[1]);
        voiced.clamp(-3.0, 3.0) * LEVEL + breath * ROOM
    }

    /// White noise in -1..1 (xorshift; Marsaglia 2003).
    fn noise(&mut self) -> f32 {
        self.seed ^= self.seed << 13;
        self.seed ^= self.seed >> 17;
        self.seed ^= self.seed << 5;
        small(self.seed >> 16) / 32_768.0 - 1.0
    }
}

/// Converts a number below 2^16 exactly.
fn small(value: u32) -> f32 {
    f32::from(u16::try_from(value).unwrap_or(u16::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_voice_is_the_same_in_every_run_and_never_clips() {
        let (mut one, mut other) = (Voice::default(), Voice::default());
        let (all, again) = (one.next_stereo(96_000), other.next_stereo(96_000));
        assert_eq!(all, again);
        let peak = all.iter().fold(0.0_f32, |peak, value| peak.max(value.abs()));
        assert!((0.05..0.9).contains(&peak), "{peak}");
    }

    #[test]
    fn the_voice_pauses_between_phrases() {
        let mut voice = Voice::default();
        let phrase = voice.next_stereo(usize::try_from(SYLLABLE * PHRASE).unwrap());
        let silent = phrase.len() - usize::try_from(SYLLABLE).unwrap() * 2;
        let loudest = phrase[silent..].iter().fold(0.0_f32, |peak, value| peak.max(value.abs()));
        assert!(loudest < 0.01, "{loudest}");
    }
}
