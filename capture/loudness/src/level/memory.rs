//! What is remembered of the present level, and the level to steer by so that the level as a whole, and not only its
//! last seconds, comes out at the target. It must never remember anything of the level before.

use std::collections::VecDeque;

use super::HOP_BLOCKS;
use crate::{blocks::BLOCKS_PER_SECOND, num};

/// The longest memory, in windows: 20 s of speech, long enough to stand above a sentence and short enough to follow
/// a voice that tires.
const WINDOWS: usize = 400;

/// Windows of the newest part that may already be another level, 3 s of speech.
const NEWEST: usize = 60;

/// How far the newest part may lie from the older in LU before it is a level of its own. A reader varies by up to
/// 4.5 LU over 3 s; with less, or over 2 s, soft sentences were taken for levels and lost their account.
const SMALL_JUMP_LU: f64 = 5.0;

/// Windows of the present moment, 1 s of speech, and how far gain leans from the whole level towards it: what comes
/// out then differs less from sentence to sentence, and a last sentence can spoil less.
const MOMENT: (usize, f64) = (20, 0.3);

/// How much of the difference between the settled part and the whole level is left in what comes out: 1 is one constant
/// gain for the whole level, 0 brings the settled part alone to the target.
const CONSTANT: f64 = 0.8;

/// Time after a jump from which the output is held to account, 3 s: the promise of docs/PROMISES.md.
const SETTLED_BLOCKS: usize = BLOCKS_PER_SECOND * 3;

/// Settled windows before there is anything to account for, and with which the account weighs fully.
const ACCOUNT_WINDOWS: (usize, usize) = (8, 60);

/// How much of what came out too loud or too soft is made up for, and the most by which, in LU.
const REPAYMENT: (f64, f64) = (3.0, 3.0);

/// How much louder than measured a level is taken to be, in LU: gain that follows a guess comes out too loud on
/// average, because power is not linear in decibels. The second part fades as the guess gets better.
const CAUTION_LU: (f64, f64) = (0.3, 1.0);

/// Windows over which the second part of the caution fades.
const CAUTION_WINDOWS: f64 = 40.0;

/// The relative gate of BS.1770-4, in LU.
const GATE_LU: f64 = 10.0;

/// One window of 400 ms that was speech.
#[derive(Debug, Clone, Copy)]
struct Window {
    input: f64,
    output: f64,
    settled: bool,
}

/// The speech of the present level.
#[derive(Debug, Clone, Default)]
pub(super) struct Memory {
    windows: VecDeque<Window>,
    /// First block of the present level.
    since: usize,
}

impl Memory {
    /// First block that belongs to the present level.
    pub(super) fn since(&self) -> usize {
        self.since
    }

    /// Forgets the level before.
    pub(super) fn restart(&mut self, since: usize) {
        self.since = since;
        self.windows.clear();
    }

    /// Takes the mean power of a window of speech that ends at block `now`, on its way in and out. Returns whether
    /// the newest windows turned out to be another level.
    pub(super) fn add(&mut self, now: usize, input: f64, output: f64) -> bool {
        let settled = now > self.since + SETTLED_BLOCKS;
        self.windows.push_back(Window { input, output, settled });
        if self.windows.len() > WINDOWS {
            self.windows.pop_front();
        }
        let jumped = self.jumped();
        if jumped {
            self.windows.drain(..self.windows.len() - NEWEST);
            self.windows.iter_mut().for_each(|window| window.settled = false);
            self.since = now - NEWEST * HOP_BLOCKS;
        }
        jumped
    }

    /// Returns the loudness of what is remembered in LUFS.
    pub(super) fn level_lufs(&self) -> Option<f64> {
        gated_lufs(self.windows.iter().map(|window| window.input))
    }

    /// Returns the level by which gain must be set so that the settled part comes out as under one constant gain, the
    /// one that brings the whole level to the target.
    pub(super) fn steering_lufs(&self, target_lufs: f64) -> Option<f64> {
        let level_lufs = self.level_lufs()?;
        let moment = self.windows.iter().rev().take(MOMENT.0).map(|window| window.input);
        let lean_lu = gated_lufs(moment).map_or(0.0, |moment_lufs| MOMENT.1 * (moment_lufs - level_lufs));
        let fading = (-num::factor(self.windows.len()) / CAUTION_WINDOWS).exp();
        let cautious_lufs = level_lufs + lean_lu + CAUTION_LU.0 + CAUTION_LU.1 * fading;
        Some(cautious_lufs + self.account_lu(level_lufs, target_lufs))
    }

    /// Returns by how much the level must be taken to be louder, so that what came out too loud is made up for.
    fn account_lu(&self, level_lufs: f64, target_lufs: f64) -> f64 {
        let settled = self.windows.iter().filter(|window| window.settled);
        let count = settled.clone().count();
        let input = gated_lufs(settled.clone().map(|window| window.input));
        let output = gated_lufs(settled.map(|window| window.output));
        let (true, Some(input), Some(output)) = (count >= ACCOUNT_WINDOWS.0, input, output) else {
            return 0.0;
        };
        let apart_lu = input - level_lufs;
        let too_loud_lu = output - (target_lufs + CONSTANT * apart_lu);
        let weight = REPAYMENT.0 * (num::factor(count) / num::factor(ACCOUNT_WINDOWS.1)).min(1.0);
        (1.0 - CONSTANT) * apart_lu + (weight * too_loud_lu).clamp(-REPAYMENT.1, REPAYMENT.1)
    }

    /// Returns whether the newest windows lie so far from the older that they are another level.
    fn jumped(&self) -> bool {
        if self.windows.len() < 2 * NEWEST {
            return false;
        }
        let older = self.windows.len() - NEWEST;
        let inputs = || self.windows.iter().map(|window| window.input);
        match (gated_lufs(inputs().take(older)), gated_lufs(inputs().skip(older))) {
            (Some(older), Some(newest)) => (newest - older).abs() > SMALL_JUMP_LU,
            _ => false,
        }
    }
}

/// Returns the gated loudness of windows in LUFS (BS.1770-4, eq. 5 to 7), none of no windows or of silence.
pub(super) fn gated_lufs(windows: impl Iterator<Item = f64> + Clone) -> Option<f64> {
    let mean = |gate: f64| {
        let (sum, count) = windows
            .clone()
            .filter(|window| *window > gate)
            .fold((0.0, 0), |(sum, count), window| (sum + window, count + 1));
        (count > 0).then(|| sum / num::factor(count))
    };
    let gate_lufs = num::lufs(mean(0.0)?) - GATE_LU;
    mean(num::power(gate_lufs)).map(num::lufs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory_of(levels: &[(f64, usize)]) -> Memory {
        let mut memory = Memory::default();
        let mut now = 0;
        for &(level_lufs, count) in levels {
            for _ in 0..count {
                now += HOP_BLOCKS;
                memory.add(now, num::power(level_lufs), num::power(-16.0));
            }
        }
        memory
    }

    #[test]
    fn a_small_jump_that_lasts_is_a_level_of_its_own() {
        let level_lufs = memory_of(&[(-20.0, 100), (-26.0, 60)]).level_lufs().unwrap();
        assert!((level_lufs + 26.0).abs() < 1.0, "{level_lufs}");
    }

    #[test]
    fn a_quiet_word_is_not_a_level() {
        let memory = memory_of(&[(-20.0, 100), (-27.0, 8), (-20.0, 30)]);
        assert_eq!(memory.since(), 0);
    }

    #[test]
    fn output_that_was_too_loud_is_made_up_for() {
        let mut memory = Memory::default();
        let mut even = Memory::default();
        for n in 1..=200 {
            memory.add(n * HOP_BLOCKS, num::power(-26.0), num::power(-15.0));
            even.add(n * HOP_BLOCKS, num::power(-26.0), num::power(-16.0));
        }
        let (loud, even) = (memory.steering_lufs(-16.0).unwrap(), even.steering_lufs(-16.0).unwrap());
        assert!(loud > even + 1.0, "{loud} against {even}");
        assert!((even + 26.0).abs() < 0.5, "{even}");
    }

    #[test]
    fn silence_has_no_level() {
        assert_eq!(gated_lufs([0.0, 0.0].into_iter()), None);
        assert_eq!(Memory::default().steering_lufs(-16.0), None);
    }
}
