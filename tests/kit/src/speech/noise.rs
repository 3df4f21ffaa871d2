//! Rooms: steady noise of a chosen loudness and colour.

use super::dice::Dice;

/// The noise of a room.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Room {
    /// No noise at all but what the recordings hold.
    Silent,
    /// Pink noise in LUFS that stays as it is while the speech jumps: a fan.
    Fan(f64),
    /// Pink noise in LU below the speech that jumps with it: someone turns the mixer's knob.
    Knob(f64),
}

/// Returns mono pink noise of about unit power (a sum of octave-spaced random walks, after Voss).
pub(crate) fn pink(seed: u64, frames: usize) -> Vec<f32> {
    const ROWS: usize = 12;
    let mut dice = Dice::new(seed);
    let mut rows = [0f64; ROWS];
    (0..frames)
        .map(|frame| {
            let row = usize::try_from((frame + 1).trailing_zeros()).unwrap_or(0).min(ROWS - 1);
            rows[row] = dice.between(-1.0, 1.0);
            let sum: f64 = rows.iter().sum::<f64>() + dice.between(-1.0, 1.0);
            narrow(sum / (ROWS as f64 / 3.0).sqrt())
        })
        .collect()
}

#[expect(clippy::cast_possible_truncation, reason = "rounding to f32 is the purpose")]
fn narrow(value: f64) -> f32 {
    value as f32
}
