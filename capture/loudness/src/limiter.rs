//! Keeps the true peak below a ceiling by looking a few milliseconds ahead. It must never let a sample through
//! above the ceiling, step the gain, or touch a signal that stays below.

use std::collections::VecDeque;

use crate::{
    blocks::Format,
    num,
    true_peak::{DELAY_FRAMES, Oversampler},
};

/// Attack of the limiter: long enough for no audible edge, and all that the default look-ahead leaves.
const ATTACK_S: f64 = 0.005;

/// Time constant of the release: slower pumps, faster distorts low voices.
const RELEASE_S: f64 = 0.080;

/// Gain this close to one is one; -0.00001 dB.
const UNITY: f64 = 0.999_999;

/// A true-peak limiter with a constant delay.
#[derive(Debug, Clone)]
pub(crate) struct Limiter {
    channels: usize,
    ceiling: f32,
    window_frames: usize,
    release: f64,
    oversampler: Oversampler,
    peaks: Vec<f32>,
    delayed: VecDeque<f32>,
    clock: u64,
    /// Lowest gains of the window, oldest and lowest first, with the frame at which each was asked for.
    lowest: VecDeque<(u64, f32)>,
    /// Held in double precision: in single precision a release stalls just below one.
    envelope: f64,
    recent: VecDeque<f64>,
    recent_sum: f64,
    /// Frames since the envelope was last below one.
    idle_frames: usize,
    least_gain: f32,
}

impl Limiter {
    /// Builds a limiter whose whole delay is at most `delay_frames_max`, which is more than `DELAY_FRAMES + 1`.
    pub(crate) fn new(format: Format, ceiling: f32, delay_frames_max: usize) -> Self {
        let window_frames = num::frames(ATTACK_S, format.rate_hz).min(delay_frames_max - DELAY_FRAMES);
        let channels = format.channels;
        let delay_frames = window_frames + DELAY_FRAMES - 1;
        Self {
            channels,
            ceiling,
            window_frames,
            release: (-1.0 / (RELEASE_S * f64::from(format.rate_hz))).exp(),
            oversampler: Oversampler::new(channels),
            peaks: Vec::new(),
            delayed: VecDeque::from(vec![0.0; delay_frames * channels]),
            clock: 0,
            lowest: VecDeque::with_capacity(window_frames + 2),
            envelope: 1.0,
            recent: VecDeque::from(vec![1.0; window_frames]),
            recent_sum: num::factor(window_frames),
            idle_frames: window_frames,
            least_gain: 1.0,
        }
    }

    /// Returns by how many frames the output lies behind the input.
    pub(crate) fn delay_frames(&self) -> usize {
        self.window_frames + DELAY_FRAMES - 1
    }

    /// Returns the lowest gain since the last call, as a factor.
    pub(crate) fn take_least_gain(&mut self) -> f32 {
        std::mem::replace(&mut self.least_gain, 1.0)
    }

    /// Limits interleaved frames in place.
    pub(crate) fn process(&mut self, interleaved: &mut [f32]) {
        let mut peaks = std::mem::take(&mut self.peaks);
        self.oversampler.peaks(interleaved, self.ceiling, &mut peaks);
        for (frame, peak) in interleaved.chunks_exact_mut(self.channels).zip(&peaks) {
            let gain = self.gain_for(*peak);
            for sample in frame {
                self.delayed.push_back(*sample);
                *sample = self.delayed.pop_front().unwrap_or(0.0) * gain;
            }
        }
        self.peaks = peaks;
    }

    /// Returns the gain of the frame that leaves as the frame with this peak enters.
    fn gain_for(&mut self, peak: f32) -> f32 {
        self.clock += 1;
        if peak <= self.ceiling && self.idle_frames > self.window_frames && self.lowest.is_empty() {
            return 1.0;
        }
        let lowest = f64::from(self.lowest_gain(peak));
        self.envelope =
            if lowest <= self.envelope { lowest } else { lowest + (self.envelope - lowest) * self.release };
        if self.envelope > UNITY {
            self.envelope = 1.0;
        }
        let oldest = self.recent.pop_front().unwrap_or(1.0);
        self.recent.push_back(self.envelope);
        self.recent_sum += self.envelope - oldest;
        self.idle_frames = if self.envelope < 1.0 { 0 } else { self.idle_frames + 1 };
        if self.idle_frames > self.window_frames {
            // All values of the window are one: the exact sum takes out what rounding left.
            self.recent_sum = num::factor(self.window_frames);
        }
        let gain = num::narrow(self.recent_sum / num::factor(self.window_frames));
        self.least_gain = self.least_gain.min(gain);
        gain
    }

    /// Returns the lowest gain asked for within the window and the two frames between which a peak may lie.
    fn lowest_gain(&mut self, peak: f32) -> f32 {
        let wanted = if peak > self.ceiling { self.ceiling / peak } else { 1.0 };
        if wanted < 1.0 {
            while self.lowest.back().is_some_and(|(_, gain)| *gain >= wanted) {
                self.lowest.pop_back();
            }
            self.lowest.push_back((self.clock, wanted));
        }
        // A sample peak needs its frame, an interpolated peak the two frames around it, `DELAY_FRAMES` earlier.
        let hold_frames = self.window_frames + DELAY_FRAMES;
        while self.lowest.front().is_some_and(|(asked, _)| asked + hold_frames as u64 <= self.clock) {
            self.lowest.pop_front();
        }
        self.lowest.front().map_or(1.0, |(_, gain)| *gain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE_HZ: u32 = 48_000;

    fn limiter(ceiling: f32) -> Limiter {
        Limiter::new(Format::new(1, RATE_HZ).unwrap(), ceiling, 2_400)
    }

    fn noise(count: usize, scale: f32) -> Vec<f32> {
        let mut state = 1u32;
        (0..count)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (f32::from(u16::try_from(state >> 16).unwrap()) / 32_768.0 - 1.0) * scale
            })
            .collect()
    }

    fn greatest_true_peak(signal: &[f32]) -> f32 {
        let mut peaks = Vec::new();
        Oversampler::new(1).peaks(signal, 0.0, &mut peaks);
        peaks.into_iter().fold(0.0, f32::max)
    }

    #[test]
    fn quiet_sound_passes_untouched_and_late_by_the_stated_delay() {
        let mut limiter = limiter(0.8);
        let sound = noise(4_800, 0.3);
        let mut out = sound.clone();
        limiter.process(&mut out);
        let delay = limiter.delay_frames();
        assert_eq!(out[delay..], sound[..sound.len() - delay]);
        assert_eq!(limiter.take_least_gain(), 1.0);
    }

    #[test]
    fn no_peak_passes_the_ceiling() {
        for scale in [0.9, 2.0, 8.0, 60.0] {
            let mut limiter = limiter(0.8);
            let mut sound = noise(20_000, 0.05);
            sound.extend(noise(20_000, scale));
            sound.extend(noise(20_000, 0.05));
            limiter.process(&mut sound);
            let greatest = greatest_true_peak(&sound);
            assert!(greatest <= 0.8 * 1.006, "scale {scale}: {greatest}");
            assert!(sound.iter().all(|sample| sample.abs() <= 0.8 * 1.000_01), "scale {scale}");
        }
    }

    #[test]
    fn a_single_peak_is_met_by_a_smooth_gain() {
        let mut limiter = limiter(0.5);
        let mut sound = vec![0.25f32; 6_000];
        sound[3_000] = 4.0;
        limiter.process(&mut sound);
        let steps = sound.windows(2).map(|pair| (pair[1] - pair[0]).abs());
        let at = 3_000 + limiter.delay_frames();
        let greatest =
            steps.enumerate().filter(|(n, _)| n.abs_diff(at) > 2 && *n > 400).map(|(_, step)| step);
        assert!(greatest.fold(0.0, f32::max) < 0.01);
    }

    #[test]
    fn the_gain_comes_back_to_exactly_one() {
        let mut limiter = limiter(0.5);
        let mut sound = noise(4_800, 2.0);
        sound.extend(vec![0.25f32; 96_000]);
        limiter.process(&mut sound);
        assert_eq!(sound.last(), Some(&0.25));
    }
}
