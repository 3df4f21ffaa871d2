//! Measures decoded sound.

use anyhow::{Context, Result};

use super::Sound;

/// Measures the frequency of a clean tone in the first channel by its upward zero crossings.
///
/// # Errors
/// There are less than two crossings.
#[expect(clippy::cast_precision_loss, reason = "sample counts stay far below 2^53")]
pub fn tone_hz(sound: &Sound) -> Result<f64> {
    let first: Vec<f64> = sound
        .samples
        .iter()
        .step_by(usize::from(sound.channels.max(1)))
        .map(|sample| f64::from(*sample))
        .collect();
    let crossings: Vec<f64> = first
        .windows(2)
        .enumerate()
        .filter_map(|(index, pair)| match pair {
            [before, after] if *before < 0.0 && *after >= 0.0 => {
                Some(index as f64 - before / (after - before))
            }
            _ => None,
        })
        .collect();
    let (from, to) = crossings.first().zip(crossings.last()).context("no crossing at all")?;
    Ok((crossings.len() - 1) as f64 * f64::from(sound.rate_hz) / (to - from))
}

/// Returns by how many samples the window of `heard` at `at` lies behind the same window of `said`, with the strength of
/// the match (1 is perfect). Both are mono at the same rate; a gain that moves slowly does not matter.
///
/// # Errors
/// The window, moved by up to `reach`, does not fit into `said`.
pub fn lag(said: &[f32], heard: &[f32], at: usize, window: usize, reach: usize) -> Result<(isize, f64)> {
    let heard = heard.get(at..at + window).context("the window lies outside of what was heard")?;
    let from = at.checked_sub(reach).context("the window begins before what was said")?;
    let near = said.get(from..at + window + reach).context("the window ends after what was said")?;
    let energy =
        |samples: &[f32]| samples.iter().map(|sample| f64::from(*sample).powi(2)).sum::<f64>().sqrt();
    let heard_energy = energy(heard);
    let mut best = (0_isize, f64::MIN);
    for shift in 0..=2 * reach {
        let place = near.get(shift..shift + window).unwrap_or_default();
        let product: f64 = place.iter().zip(heard).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
        let match_ = product / (energy(place) * heard_energy).max(f64::MIN_POSITIVE);
        if match_ > best.1 {
            best = (isize::try_from(reach)? - isize::try_from(shift)?, match_);
        }
    }
    Ok(best)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shifted_copy_is_found_where_it_is() {
        let mut state = 1_u32;
        let mut noise = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f32::from(u16::try_from(state >> 16).unwrap()) / 65_536.0 - 0.5
        };
        let said: Vec<f32> = (0..4000).map(|_| noise()).collect();
        let heard: Vec<f32> = std::iter::repeat_n(0.0, 37).chain(said.iter().map(|s| s * 0.3)).collect();
        let (found, strength) = lag(&said, &heard, 1000, 500, 100).unwrap();
        assert_eq!(found, 37);
        assert!(strength > 0.999, "{strength}");
    }

    #[test]
    fn a_tone_is_measured_to_a_hundredth_of_a_hertz() {
        let wave = |index: u32| (f64::from(index) * 997.0 * std::f64::consts::TAU / 48_000.0).sin() * 0.1;
        #[expect(clippy::cast_possible_truncation, reason = "samples are f32")]
        let samples = (0..96_000_u32).map(|index| wave(index) as f32).collect();
        let sound = Sound { samples, rate_hz: 48_000, channels: 1 };
        assert!((tone_hz(&sound).unwrap() - 997.0).abs() < 0.01);
    }
}
