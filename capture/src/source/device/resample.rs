//! Brings the sound of a device without a 48 kHz mode to 48 kHz.
//!
//! By a fixed ratio of whole numbers: n samples in are exactly n times that ratio out, for ever. What the device's clock is
//! off by stays in the samples, as with a device at 48 kHz. It must never follow a clock of its own.

use std::time::Duration;

use model::rational::rescale;
use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Resampler};

use crate::encode::rendition::SAMPLE_RATE_HZ;

/// Sound is resampled in pieces of about 20 ms: long enough for a steep filter, short against a part.
const PIECES_PER_SECOND: usize = 50;

/// The least common divisor with 48 kHz that makes pieces of 100 ms or less; every rate that cards have does.
const COMMON_HZ_MIN: u32 = 20;

/// Stereo sound from one rate to 48 kHz.
pub(crate) struct Resample {
    fft: Fft<f32>,
    from_hz: u32,
    /// Interleaved samples that wait for a whole piece.
    waiting: Vec<f32>,
    piece: Vec<f32>,
    /// Frames of the filter's delay that are still to be left out.
    delay: usize,
    taken: u64,
    given: u64,
}

/// What came out, and when it was captured.
#[derive(Debug, PartialEq)]
pub(crate) struct Resampled {
    /// Left, right, left, … at 48 kHz; empty while a piece is not whole.
    pub(crate) stereo: Vec<f32>,
    /// How long before the first frame that was pushed its first frame was captured.
    pub(crate) before: Duration,
}

/// The rate cannot be brought to 48 kHz.
#[derive(Debug, thiserror::Error)]
#[error("bring {from_hz} Hz to 48 kHz")]
pub(crate) struct Error {
    from_hz: u32,
    #[source]
    source: rubato::ResamplerConstructionError,
}

/// Returns whether a rate can be brought to 48 kHz without long pieces.
pub(crate) fn fits(from_hz: u32) -> bool {
    common(from_hz) >= COMMON_HZ_MIN
}

/// Returns the greatest common divisor of a rate and 48 kHz.
fn common(from_hz: u32) -> u32 {
    let (mut a, mut b) = (from_hz.max(1), SAMPLE_RATE_HZ);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

impl Resample {
    /// Makes a resampler for stereo sound at `from_hz`.
    pub(crate) fn new(from_hz: u32) -> Result<Self, Error> {
        let (from, to) = (index(u64::from(from_hz)), index(u64::from(SAMPLE_RATE_HZ)));
        // The filter is as long as a piece, and its delay is whole only if that is even.
        let unit = index(u64::from(2 * from_hz / common(from_hz)));
        let piece_frames = (from / PIECES_PER_SECOND).div_ceil(unit) * unit;
        let fft = Fft::new(from, to, piece_frames, 2, FixedSync::Both)
            .map_err(|source| Error { from_hz, source })?;
        let piece = vec![0.0; fft.output_frames_max() * 2];
        let delay = fft.output_delay();
        Ok(Self { fft, from_hz, waiting: Vec::new(), piece, delay, taken: 0, given: 0 })
    }

    /// Takes interleaved stereo and gives what is whole.
    pub(crate) fn push(&mut self, stereo: &[f32]) -> Result<Resampled, rubato::ResampleError> {
        // The next frame out was captured at this place of what came in.
        let first = rescale(self.given, u64::from(self.from_hz), u64::from(SAMPLE_RATE_HZ));
        let before = rescale(self.taken.saturating_sub(first), 1_000_000_000, u64::from(self.from_hz));
        self.taken += stereo.len() as u64 / 2;
        self.waiting.extend_from_slice(stereo);
        let frames = self.fft.input_frames_next();
        let mut out = Vec::new();
        while let Some(whole) = self.waiting.get(..frames * 2) {
            let given_max = self.piece.len() / 2;
            let (Ok(from), Ok(mut to)) = (
                InterleavedSlice::new(whole, 2, frames),
                InterleavedSlice::new_mut(&mut self.piece, 2, given_max),
            ) else {
                break;
            };
            let (_, given) = self.fft.process_into_buffer(&from, &mut to, None)?;
            self.waiting.drain(..frames * 2);
            let left_out = self.delay.min(given);
            self.delay -= left_out;
            out.extend_from_slice(self.piece.get(left_out * 2..given * 2).unwrap_or_default());
        }
        self.given += out.len() as u64 / 2;
        Ok(Resampled { stereo: out, before: Duration::from_nanos(before) })
    }
}

fn index(value: u64) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(hz: f64, rate_hz: u32, n: u64) -> f32 {
        let phase = hz * n as f64 / f64::from(rate_hz);
        #[expect(clippy::cast_possible_truncation, reason = "a sample in -1..1")]
        let value = (0.5 * (std::f64::consts::TAU * phase).sin()) as f32;
        value
    }

    /// Resamples three seconds of a tone in uneven bursts; checks count, pitch, place and reported ages.
    fn check(rate_hz: u32) {
        let mut resample = Resample::new(rate_hz).unwrap();
        let mut out: Vec<f32> = Vec::new();
        let (mut n, mut step) = (0_u64, 1_u64);
        while n < u64::from(rate_hz) * 3 {
            step = step * 37 % 997;
            let burst: Vec<f32> = (n..n + step).flat_map(|n| [tone(997.0, rate_hz, n); 2]).collect();
            let captured = std::time::Duration::from_secs_f64(n as f64 / f64::from(rate_hz));
            let given = resample.push(&burst).unwrap();
            if !given.stereo.is_empty() {
                let due = std::time::Duration::from_secs_f64((out.len() / 2) as f64 / 48_000.0);
                let off = captured.saturating_sub(given.before).abs_diff(due);
                assert!(off < Duration::from_micros(130), "{rate_hz} Hz: the age is off by {off:?}");
            }
            out.extend(given.stereo);
            n += step;
        }
        let frames = out.len() as u64 / 2;
        let due = n * 48_000 / u64::from(rate_hz);
        assert!((due - 4000..=due).contains(&frames), "{rate_hz} Hz: {frames} frames of {due}");
        // Away from the begin, where the filter fills, each sample is the tone's own.
        let worst = (4800..frames)
            .map(|n| (out[index(n) * 2] - tone(997.0, 48_000, n)).abs())
            .fold(0.0_f32, f32::max);
        assert!(worst < 0.0005, "{rate_hz} Hz: off by {worst}");
    }

    #[test]
    fn rates_that_no_card_has_are_not_taken() {
        assert!([8000, 11_025, 16_000, 22_050, 32_000, 44_100, 176_400].into_iter().all(fits));
        assert!(!fits(44_099));
    }

    #[test]
    fn every_sample_stays_in_its_place_at_any_rate() {
        for rate_hz in [8000, 11_025, 16_000, 22_050, 32_000, 44_100, 88_200, 96_000, 192_000] {
            check(rate_hz);
        }
    }
}
