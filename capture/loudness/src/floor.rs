//! The room's noise floor by minimum statistics: the quietest moment of the last seconds is the room, because nobody
//! speaks without a breath. It must never follow speech upwards within a sentence.

use std::collections::VecDeque;

use crate::{blocks::BLOCKS_PER_SECOND, num};

/// Blocks over which power is averaged before its minimum is taken, 100 ms: noise alone then varies by about 1 dB.
const SMOOTH_BLOCKS: usize = BLOCKS_PER_SECOND / 10;

/// Blocks of one stretch whose minimum is kept, 500 ms.
const STRETCH_BLOCKS: usize = BLOCKS_PER_SECOND / 2;

/// Stretches remembered, 5 s: longer than a sentence without a pause, short enough to learn of a fan.
const STRETCHES: usize = 10;

/// How far the minimum of steady noise lies below its mean, in LU.
const BIAS_LU: f64 = 1.5;

/// Tracks the noise floor from the power of 10 ms blocks.
#[derive(Debug, Clone)]
pub(crate) struct Floor {
    recent: VecDeque<f64>,
    stretch_blocks: usize,
    stretch_min: f64,
    minima: VecDeque<f64>,
}

impl Floor {
    pub(crate) fn new() -> Self {
        Self {
            recent: VecDeque::with_capacity(SMOOTH_BLOCKS + 1),
            stretch_blocks: 0,
            stretch_min: f64::INFINITY,
            minima: VecDeque::with_capacity(STRETCHES + 1),
        }
    }

    pub(crate) fn add(&mut self, power: f64) {
        self.recent.push_back(power);
        if self.recent.len() < SMOOTH_BLOCKS {
            return;
        }
        if self.recent.len() > SMOOTH_BLOCKS {
            self.recent.pop_front();
        }
        let smooth = self.recent.iter().sum::<f64>() / num::factor(SMOOTH_BLOCKS);
        self.stretch_min = self.stretch_min.min(smooth);
        self.stretch_blocks += 1;
        if self.stretch_blocks == STRETCH_BLOCKS {
            self.minima.push_back(self.stretch_min);
            if self.minima.len() > STRETCHES {
                self.minima.pop_front();
            }
            (self.stretch_blocks, self.stretch_min) = (0, f64::INFINITY);
        }
    }

    /// Returns the loudness of the room in LUFS, negative infinity before anything was heard or in digital silence.
    pub(crate) fn lufs(&self) -> f64 {
        let least = self.minima.iter().copied().fold(self.stretch_min, f64::min);
        if least.is_finite() { num::lufs(least) + BIAS_LU } else { f64::NEG_INFINITY }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hear(floor: &mut Floor, level_lufs: f64, seconds: usize) {
        (0..seconds * BLOCKS_PER_SECOND).for_each(|_| floor.add(num::power(level_lufs)));
    }

    #[test]
    fn speech_does_not_raise_the_floor_within_a_sentence() {
        let mut floor = Floor::new();
        hear(&mut floor, -60.0, 1);
        hear(&mut floor, -20.0, 4);
        assert!((floor.lufs() + 58.5).abs() < 0.1, "{}", floor.lufs());
    }

    #[test]
    fn a_louder_room_is_learnt_within_six_seconds_and_a_quieter_one_at_once() {
        let mut floor = Floor::new();
        hear(&mut floor, -70.0, 5);
        hear(&mut floor, -45.0, 6);
        assert!((floor.lufs() + 43.5).abs() < 0.1, "{}", floor.lufs());
        hear(&mut floor, -65.0, 1);
        assert!((floor.lufs() + 63.5).abs() < 0.1, "{}", floor.lufs());
    }
}
