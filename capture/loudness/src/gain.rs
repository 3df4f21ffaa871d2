//! Turns the level of speech into a gain that moves without being heard to move. It must never lift a room in which
//! nobody has spoken.

use crate::{
    blocks::BLOCKS_PER_SECOND,
    level::{Heard, Pace},
    num,
};

/// Gain before anyone was heard, in dB. Docs/PROMISES.md allows 6; a room alone needs none.
const UNHEARD_DB: f64 = 0.0;

/// Least and greatest gain in dB: speech at -40 LUFS comes to -16, and so does speech at +14.
const GAIN_DB: (f64, f64) = (-30.0, 24.0);

/// Fastest change while a level lasts, in dB per second: 0.46 dB in 100 ms, where 0.5 is promised.
const STEADY_DB_PER_S: f64 = 4.6;

/// Part of the distance to the wanted gain that is covered in a second while a level lasts.
const STEADY_PER_S: f64 = 5.0;

/// Fastest rise and part covered in a second right after a jump: a quarter of a second too late is not heard as such.
const RISE: (f64, f64) = (40.0, 25.0);

/// Fastest fall and part covered in a second right after a jump: what is too loud hurts at once.
const FALL: (f64, f64) = (600.0, 60.0);

/// Blocks after a jump during which the gain may move fast, 1.2 s.
const FAST_BLOCKS: usize = BLOCKS_PER_SECOND * 12 / 10;

/// The gain, moved once in each block.
#[derive(Debug, Clone)]
pub(crate) struct Gain {
    target_lufs: f64,
    gain_db: f64,
}

impl Gain {
    pub(crate) fn new(target_lufs: f64) -> Self {
        Self { target_lufs, gain_db: UNHEARD_DB }
    }

    pub(crate) fn db(&self) -> f64 {
        self.gain_db
    }

    /// Moves the gain by one block and returns it in dB.
    pub(crate) fn step(&mut self, heard: Heard) -> f64 {
        let (Some(level_lufs), Pace::Jumped(blocks)) = (heard.level_lufs, heard.pace) else {
            return self.gain_db;
        };
        let missing_db = (self.target_lufs - level_lufs).clamp(GAIN_DB.0, GAIN_DB.1) - self.gain_db;
        let (most_db_per_s, part_per_s) = match (blocks < FAST_BLOCKS, missing_db < 0.0) {
            (true, true) => FALL,
            (true, false) => RISE,
            (false, _) => (STEADY_DB_PER_S, STEADY_PER_S),
        };
        let rate_db_per_s = (missing_db * part_per_s).clamp(-most_db_per_s, most_db_per_s);
        self.gain_db += rate_db_per_s / num::factor(BLOCKS_PER_SECOND);
        self.gain_db
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gain_after(heard: Heard, blocks: usize, gain: &mut Gain) -> f64 {
        (0..blocks).for_each(|_| {
            gain.step(heard);
        });
        gain.db()
    }

    #[test]
    fn nothing_is_lifted_before_anyone_speaks() {
        let heard = Heard { level_lufs: None, pace: Pace::Jumped(10_000) };
        assert_eq!(gain_after(heard, 1_000, &mut Gain::new(-16.0)), 0.0);
    }

    #[test]
    fn a_jump_is_met_within_a_second_and_drift_slowly() {
        let mut gain = Gain::new(-16.0);
        let jumped = Heard { level_lufs: Some(-36.0), pace: Pace::Jumped(0) };
        assert!((gain_after(jumped, 100, &mut gain) - 20.0).abs() < 0.5);
        let drift = Heard { level_lufs: Some(-30.0), pace: Pace::Jumped(FAST_BLOCKS) };
        let before = gain.db();
        let after = gain_after(drift, 10, &mut gain);
        assert!((before - after).abs() <= 0.5, "{before} to {after}");
    }

    #[test]
    fn gain_waits_for_the_sound_it_belongs_to() {
        let mut gain = Gain::new(-16.0);
        let waiting = Heard { level_lufs: Some(-10.0), pace: Pace::Wait };
        assert_eq!(gain_after(waiting, 10, &mut gain), 0.0);
    }

    #[test]
    fn gain_stays_within_its_limits() {
        for (level_lufs, limit_db) in [(-47.0, GAIN_DB.1), (30.0, GAIN_DB.0)] {
            let heard = Heard { level_lufs: Some(level_lufs), pace: Pace::Jumped(0) };
            assert!((gain_after(heard, 500, &mut Gain::new(-16.0)) - limit_db).abs() < 0.1);
        }
    }
}
