//! How loud the speech is, apart from the room around it and from how it was a moment ago.
//!
//! Speech is measured as BS.1770-4 would: the mean of 400 ms windows above a relative gate. Windows near the noise
//! floor are not speech. A jump of level starts the measurement afresh: upwards on a few loud moments, because
//! no voice at the old level makes them; downwards only once syllables have shown themselves, because a pause looks
//! the same at first. It must never take a pause for quieter speech.

mod memory;
mod syllables;

use std::collections::VecDeque;

use crate::{blocks::BLOCKS_PER_SECOND, floor::Floor, gate::Gate, num};
use memory::{Memory, gated_lufs};

/// Blocks of power remembered, 3 s: what any decision looks back on.
const REMEMBERED_BLOCKS: usize = BLOCKS_PER_SECOND * 3;

/// Blocks between two decisions on quiet things, 50 ms; loud things are looked at in every block.
const HOP_BLOCKS: usize = 5;

/// Blocks between two gating blocks of a programme, 100 ms (BS.1770-4).
const GATING_HOP_BLOCKS: usize = BLOCKS_PER_SECOND / 10;

/// Blocks of the window that BS.1770-4 gates, 400 ms.
const WINDOW_BLOCKS: usize = BLOCKS_PER_SECOND * 4 / 10;

/// Nothing below is speech in a room that anyone could follow.
const QUIETEST_WINDOW_LUFS: f64 = -58.0;

/// No speech level is believed below this: a microphone so far away needs a person, not gain.
const QUIETEST_LEVEL_LUFS: f64 = -47.0;

/// How far above the noise floor a window counts as speech, in LU.
const ABOVE_FLOOR_LU: f64 = 4.0;

/// How far below its level a window of speech counts towards it, in LU (the relative gate of BS.1770-4).
const BELOW_LEVEL_LU: f64 = 10.0;

/// A moment that comes this close to the level, in LU, shows that the level lasts.
const REACHES_LU: f64 = 4.0;

/// How loud speech gets over short windows: blocks, the most in LU above its level, and how loud a loud moment is.
/// A sound louder than the most is speech at a louder level. From four voices, with 2 to 5 LU to spare.
const LOUDEST: [(usize, f64, f64); 6] =
    [(5, 16.0, 6.5), (10, 14.5, 6.0), (20, 12.5, 5.5), (40, 10.0, 4.5), (100, 7.5, 3.5), (200, 5.5, 2.5)];

/// A block this far above the old level belongs to the louder one, in LU.
const ONSET_LU: f64 = 6.0;

/// Blocks searched for the onset of a louder level, 100 ms.
const ONSET_BLOCKS: usize = BLOCKS_PER_SECOND / 10;

/// Fall in LU, and the evidence of syllables that it takes to believe it: a small fall is a soft sentence, a very
/// large one the breathing after it. Falls of less than the first are left to the memory of the level.
const FALLS: [(f64, f64); 4] = [(5.0, 8.0), (8.0, 5.0), (17.0, 5.0), (28.0, 7.0)];

/// Evidence of syllables that begins the first level.
const FIRST_EVIDENCE: f64 = 4.0;

/// A fall of more than this is a jump for the gain; less is caught up with at the steady pace, in LU.
const JUMP_LU: f64 = 12.0;

/// Blocks after the last loud moment that may be its echo, 150 ms.
const ECHO_BLOCKS: usize = BLOCKS_PER_SECOND * 15 / 100;

/// Blocks in which quieter speech must show itself, 2 s: over longer times coughs and chairs add up to syllables.
const QUIET_BLOCKS: usize = BLOCKS_PER_SECOND * 2;

/// Blocks after a jump in which one jump is one, 500 ms.
const SETTLING_BLOCKS: usize = BLOCKS_PER_SECOND / 2;

/// How strongly the loudness of the whole programme pulls each level, and the most by which, in LU.
const PULL: (f64, f64) = (1.0, 0.5);

/// What the tracker says about the speech.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Heard {
    /// Level to steer by in LUFS, none before any speech.
    pub(crate) level_lufs: Option<f64>,
    /// Where the sound lies that comes out with the next block.
    pub(crate) pace: Pace,
}

/// How the gain may move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    /// A louder level was heard, but what comes out is still the one before.
    Wait,
    /// So many blocks after a jump.
    Jumped(usize),
}

/// Tracks the level of speech from the power of 10 ms blocks.
#[derive(Debug, Clone)]
pub(crate) struct Level {
    target_lufs: f64,
    /// Blocks by which the output lies behind the input.
    delay_blocks: usize,
    floor: Floor,
    inputs: VecDeque<f64>,
    outputs: VecDeque<f64>,
    programme: Gate,
    count: usize,
    memory: Memory,
    /// Block from which the gain may answer the last jump.
    jumped: usize,
    /// Last block at which speech reached the present level.
    reached: usize,
    level_lufs: Option<f64>,
    steering_lufs: Option<f64>,
    speech: bool,
}

impl Level {
    pub(crate) fn new(target_lufs: f64, delay_blocks: usize) -> Self {
        Self {
            target_lufs,
            delay_blocks,
            floor: Floor::new(),
            inputs: VecDeque::with_capacity(REMEMBERED_BLOCKS + 1),
            outputs: VecDeque::with_capacity(WINDOW_BLOCKS + 1),
            programme: Gate::new(),
            count: 0,
            memory: Memory::default(),
            jumped: 0,
            reached: 0,
            level_lufs: None,
            steering_lufs: None,
            speech: false,
        }
    }

    pub(crate) fn floor_lufs(&self) -> f64 {
        self.floor.lufs()
    }

    /// Returns the loudness of the speech in LUFS, none before any.
    pub(crate) fn level_lufs(&self) -> Option<f64> {
        self.level_lufs
    }

    /// Returns whether the last 400 ms were speech.
    pub(crate) fn is_speech(&self) -> bool {
        self.speech
    }

    /// Takes the power of the block that came in and of the block that went out.
    pub(crate) fn add(&mut self, input: f64, output: f64) -> Heard {
        self.floor.add(input);
        remember(&mut self.inputs, input, REMEMBERED_BLOCKS);
        remember(&mut self.outputs, output, WINDOW_BLOCKS);
        self.count += 1;
        if self.count.is_multiple_of(GATING_HOP_BLOCKS) {
            self.programme.add(mean_of_last(&self.outputs, WINDOW_BLOCKS));
        }
        self.notice_louder();
        if self.count.is_multiple_of(HOP_BLOCKS) {
            self.hop();
        }
        let pace = if self.count < self.jumped { Pace::Wait } else { Pace::Jumped(self.count - self.jumped) };
        Heard { level_lufs: self.steering_lufs, pace }
    }

    /// Starts afresh where the sound is louder than speech at the present level ever gets.
    fn notice_louder(&mut self) {
        let Some(level_lufs) = self.level_lufs else { return };
        let age_blocks = self.count - self.memory.since();
        let louder = LOUDEST.iter().filter(|(blocks, ..)| *blocks <= age_blocks).find_map(
            |(blocks, most_lu, loud_lu)| {
                let loud_lufs = num::lufs(mean_of_last(&self.inputs, *blocks));
                (loud_lufs > level_lufs + most_lu).then_some((*blocks, loud_lufs - loud_lu))
            },
        );
        let Some((blocks, louder_lufs)) = louder else { return };
        if self.count > self.jumped + SETTLING_BLOCKS {
            let loud = num::power(level_lufs + ONSET_LU);
            let recent = self.inputs.iter().rev().take(blocks.max(ONSET_BLOCKS));
            let onset = self.count - recent.take_while(|power| **power > loud).count();
            // What comes out until the onset does is still the level before, and keeps its gain.
            self.jump(self.count - blocks, self.count.max(onset + self.delay_blocks));
        }
        (self.level_lufs, self.steering_lufs) = (Some(louder_lufs), Some(louder_lufs));
    }

    fn jump(&mut self, since: usize, jumped: usize) {
        (self.jumped, self.reached) = (jumped, self.count);
        self.memory.restart(since);
    }

    fn hop(&mut self) {
        let age_blocks = (self.count - self.memory.since()).min(WINDOW_BLOCKS);
        let window = mean_of_last(&self.inputs, age_blocks);
        let gate_lufs = (self.floor.lufs() + ABOVE_FLOOR_LU).max(QUIETEST_WINDOW_LUFS);
        let recent = self.recent(BLOCKS_PER_SECOND);
        self.speech = num::lufs(window) > gate_lufs && syllables::moves(&syllables::moments(&recent));
        let Some(level_lufs) = self.level_lufs else {
            self.notice_first(gate_lufs);
            return;
        };
        if num::lufs(mean_of_last(&self.inputs, ONSET_BLOCKS)) > level_lufs - REACHES_LU {
            self.reached = self.count;
        }
        if self.speech && num::lufs(window) > level_lufs - BELOW_LEVEL_LU {
            self.memory.add(self.count, window, mean_of_last(&self.outputs, age_blocks));
            self.estimate();
        }
        self.notice_quieter(level_lufs, gate_lufs);
    }

    /// Begins the first level where syllables show themselves above the room.
    fn notice_first(&mut self, gate_lufs: f64) {
        let recent = self.recent(QUIET_BLOCKS);
        if self.speech && syllables::evidence(&syllables::moments(&recent), gate_lufs) >= FIRST_EVIDENCE {
            self.jump(self.count - recent.len(), self.count);
            self.relearn(&recent, gate_lufs);
        }
    }

    /// Starts afresh where syllables have lasted without reaching the present level.
    fn notice_quieter(&mut self, level_lufs: f64, gate_lufs: f64) {
        let quiet_blocks = (self.count - self.reached).saturating_sub(ECHO_BLOCKS);
        if quiet_blocks < WINDOW_BLOCKS {
            return;
        }
        let quiet = self.recent(quiet_blocks.min(QUIET_BLOCKS));
        let Some(quiet_lufs) = gated_lufs(windows_above(&quiet, gate_lufs).into_iter()) else { return };
        let fall_lu = level_lufs - quiet_lufs;
        let Some((_, needed)) = FALLS.iter().rfind(|(least_lu, _)| fall_lu > *least_lu) else { return };
        let evidence = syllables::evidence(&syllables::moments(&quiet), gate_lufs);
        if quiet_lufs > QUIETEST_LEVEL_LUFS && evidence >= *needed {
            let jumped = if fall_lu > JUMP_LU { self.count } else { self.jumped };
            self.jump(self.count - quiet.len(), jumped);
            self.relearn(&quiet, gate_lufs);
        }
    }

    /// Takes a stretch that turned out to be a level for the beginning of its memory.
    fn relearn(&mut self, powers: &[f64], gate_lufs: f64) {
        for window in windows_above(powers, gate_lufs) {
            self.memory.add(self.memory.since(), window, 0.0);
        }
        self.estimate();
    }

    fn estimate(&mut self) {
        let Some(level_lufs) = self.memory.level_lufs() else { return };
        self.level_lufs = Some(level_lufs.max(QUIETEST_LEVEL_LUFS));
        let off_lu =
            self.programme.integrated().map_or(0.0, |programme_lufs| programme_lufs - self.target_lufs);
        let pull_lu = (off_lu * PULL.0).clamp(-PULL.1, PULL.1);
        // The account is held against the pulled target, or it would take the pull for an error and undo it.
        let steering_lufs = self.memory.steering_lufs(self.target_lufs - pull_lu);
        self.steering_lufs = steering_lufs.map(|lufs| (lufs + pull_lu).max(QUIETEST_LEVEL_LUFS));
    }

    fn recent(&self, blocks: usize) -> Vec<f64> {
        self.inputs.iter().skip(self.inputs.len().saturating_sub(blocks)).copied().collect()
    }
}

fn remember(powers: &mut VecDeque<f64>, power: f64, most: usize) {
    powers.push_back(power);
    if powers.len() > most {
        powers.pop_front();
    }
}

/// Mean of the last powers, or of as many as there are.
fn mean_of_last(powers: &VecDeque<f64>, count: usize) -> f64 {
    let count = count.min(powers.len()).max(1);
    powers.iter().rev().take(count).sum::<f64>() / num::factor(count)
}

fn mean_of(powers: &[f64]) -> f64 {
    powers.iter().sum::<f64>() / num::factor(powers.len().max(1))
}

/// Mean powers of the windows of 400 ms that stand above a gate.
fn windows_above(powers: &[f64], gate_lufs: f64) -> Vec<f64> {
    let gate = num::power(gate_lufs);
    powers.windows(WINDOW_BLOCKS).step_by(HOP_BLOCKS).map(mean_of).filter(|window| *window > gate).collect()
}

#[cfg(test)]
mod tests;
