//! Brings clips to 48 kHz with a windowed sinc: 32 taps on each side, Kaiser window, stop band below -80 dB.

use super::RATE_HZ;

/// Taps on each side of a sample, at the lower of the two rates.
const REACH: u32 = 32;

/// Shape of the Kaiser window for 80 dB.
const KAISER_BETA: f64 = 8.0;

/// Returns mono audio at `RATE_HZ`.
pub(crate) fn to_48k(samples: &[f32], from_hz: u32) -> Vec<f32> {
    if from_hz == RATE_HZ {
        return samples.to_vec();
    }
    let common = gcd(from_hz, RATE_HZ);
    let (up, down) = (index(RATE_HZ / common), index(from_hz / common));
    // Below the lower of the two Nyquist rates, with room for the filter's slope.
    let cutoff = 0.95 * (f64::from(RATE_HZ) / f64::from(from_hz)).min(1.0);
    let reach = i64::from(REACH * from_hz.div_ceil(RATE_HZ));
    let phases: Vec<Vec<f32>> = (0..up).map(|phase| taps(phase as f64 / up as f64, reach, cutoff)).collect();
    let count = samples.len() * up / down;
    (0..count)
        .map(|n| {
            let (base, phase) = ((n * down / up) as i64, n * down % up);
            let first = base - reach + 1;
            let products = phases[phase].iter().enumerate().map(|(tap, weight)| {
                let at = usize::try_from(first + tap as i64).ok();
                weight * at.and_then(|at| samples.get(at)).copied().unwrap_or(0.0)
            });
            products.sum()
        })
        .collect()
}

/// Weights of the samples around a position `fraction` after a sample.
fn taps(fraction: f64, reach: i64, cutoff: f64) -> Vec<f32> {
    (1 - reach..=reach)
        .map(|offset| {
            let distance = offset as f64 - fraction;
            let x = std::f64::consts::PI * cutoff * distance;
            let sinc = if x.abs() < 1e-9 { 1.0 } else { x.sin() / x };
            let edge = (1.0 - (distance / reach as f64).powi(2)).max(0.0).sqrt();
            narrow(cutoff * sinc * bessel(KAISER_BETA * edge) / bessel(KAISER_BETA))
        })
        .collect()
}

/// The modified Bessel function of order zero.
fn bessel(x: f64) -> f64 {
    let quarter = x * x / 4.0;
    let terms = (1..40).scan(1.0, |term, n| {
        *term *= quarter / f64::from(n * n);
        Some(*term)
    });
    1.0 + terms.sum::<f64>()
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

fn index(value: u32) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

#[expect(clippy::cast_possible_truncation, reason = "rounding to f32 is the purpose")]
fn narrow(value: f64) -> f32 {
    value as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(tone_hz: f64, rate_hz: u32) -> Vec<f32> {
        let step = std::f64::consts::TAU * tone_hz / f64::from(rate_hz);
        (0..rate_hz).map(|n| narrow((step * f64::from(n)).sin() * 0.5)).collect()
    }

    #[test]
    fn a_tone_keeps_its_pitch_and_level() {
        for from_hz in [8_000, 16_000, 22_050, 44_100, 96_000] {
            let made = to_48k(&tone(1_000.0, from_hz), from_hz);
            let wanted = tone(1_000.0, RATE_HZ);
            assert_eq!(made.len(), wanted.len());
            let middle = 2_000..46_000;
            let worst = made[middle.clone()]
                .iter()
                .zip(&wanted[middle])
                .map(|(a, b)| (a - b).abs())
                .fold(0.0, f32::max);
            assert!(worst < 1e-3, "from {from_hz} Hz: {worst}");
        }
    }
}
