//! Tells speech from a room by its movement: syllables rise and fall four times a second, a fan does not move, a
//! breath or an echo moves once. It must never need more than two seconds to know.

use super::{HOP_BLOCKS, mean_of};
use crate::num;

/// Rise and fall of a syllable against its surroundings, in LU.
const RISE_LU: f64 = 6.0;

/// What moves less than this is noise, in LU between its quiet and its loud tenth.
const MOVING_LU: f64 = 6.5;

/// How far above the gate a moment counts as active, in LU.
const ACTIVE_LU: f64 = 2.0;

/// Rises without which nothing is speech.
const RISES_MIN: usize = 2;

/// Active time that weighs as much as one more rise, in blocks: 400 ms.
const BLOCKS_PER_RISE: usize = 40;

/// Returns the loudness in LUFS of moments of 50 ms, the newest complete.
pub(super) fn moments(powers: &[f64]) -> Vec<f64> {
    powers.rchunks_exact(HOP_BLOCKS).rev().map(mean_of).map(num::lufs).collect()
}

/// Returns whether moments rise and fall as those of speech do.
pub(super) fn moves(moments: &[f64]) -> bool {
    let mut sorted = moments.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (low, high) = (sorted.len() / 10, sorted.len() * 9 / 10);
    matches!((sorted.get(low), sorted.get(high)), (Some(low), Some(high)) if *high > *low + MOVING_LU)
}

/// Returns how much speaks for speech above a gate: about three for each second of it, zero for a room.
pub(super) fn evidence(moments: &[f64], gate_lufs: f64) -> f64 {
    let active = moments.iter().filter(|moment| **moment > gate_lufs + ACTIVE_LU).count() * HOP_BLOCKS;
    let rises = rises(moments, gate_lufs);
    if rises < RISES_MIN {
        0.0
    } else {
        num::factor(rises) + num::factor(active) / num::factor(BLOCKS_PER_RISE)
    }
}

/// Counts how often moments rise by `RISE_LU` after they fell by as much. What lies below the gate is one low.
fn rises(moments: &[f64], gate_lufs: f64) -> usize {
    let (mut count, mut low, mut high) = (0, f64::INFINITY, f64::NEG_INFINITY);
    for moment in moments.iter().map(|moment| moment.max(gate_lufs)) {
        if high.is_finite() {
            high = high.max(moment);
            if moment < high - RISE_LU {
                (low, high) = (moment, f64::NEG_INFINITY);
            }
        } else {
            low = low.min(moment);
            if moment > low + RISE_LU {
                count += 1;
                high = moment;
            }
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_room_is_no_speech() {
        let fan: Vec<f64> = [-45.2, -44.6, -45.9, -44.1, -45.0].repeat(8);
        assert!(!moves(&fan));
        assert_eq!(evidence(&fan, -60.0), 0.0);
    }

    #[test]
    fn one_breath_is_no_speech() {
        let mut breath = vec![-60.0; 15];
        breath.extend([-52.0, -45.0, -43.0, -42.0, -42.0, -43.0, -46.0, -53.0]);
        breath.extend([-60.0; 15]);
        assert_eq!(evidence(&breath, -55.0), 0.0);
    }

    #[test]
    fn syllables_are_speech() {
        let second: Vec<f64> = [-30.0, -26.0, -31.0, -44.0, -45.0].repeat(4);
        assert!(moves(&second));
        assert!(evidence(&second, -55.0) > 5.0);
    }

    #[test]
    fn digital_silence_between_syllables_does_no_harm() {
        let stuttering = [-20.0, f64::NEG_INFINITY].repeat(10);
        assert!(moves(&stuttering));
        assert!(evidence(&stuttering, -58.0) > 5.0);
    }
}
