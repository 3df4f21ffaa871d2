//! Takes out rumble below speech: Butterworth, second order, 12 dB per octave. It must never ring on digital silence.

use crate::{num, settings::HighPass};

/// Below this a state is inaudible (-300 dBFS) and would become a denormal, which slows a processor a hundredfold.
const SILENCE: f64 = 1e-15;

/// One second-order section for every channel, transposed direct form II.
#[derive(Debug, Clone)]
pub(crate) struct Filter {
    forward: [f64; 3],
    back: [f64; 2],
    state: Vec<[f64; 2]>,
}

impl Filter {
    pub(crate) fn new(corner: HighPass, channels: usize, rate_hz: u32) -> Self {
        let corner = (std::f64::consts::PI * f64::from(corner.get()) / f64::from(rate_hz)).tan();
        let norm = 1.0 / (1.0 + std::f64::consts::SQRT_2 * corner + corner * corner);
        Self {
            forward: [norm, -2.0 * norm, norm],
            back: [
                2.0 * (corner * corner - 1.0) * norm,
                (1.0 - std::f64::consts::SQRT_2 * corner + corner * corner) * norm,
            ],
            state: vec![[0.0; 2]; channels],
        }
    }

    /// Filters interleaved frames in place.
    pub(crate) fn process(&mut self, interleaved: &mut [f32]) {
        let channels = self.state.len();
        let ([b0, b1, b2], [a1, a2]) = (self.forward, self.back);
        for (channel, state) in self.state.iter_mut().enumerate() {
            let [mut s1, mut s2] = *state;
            for sample in interleaved.iter_mut().skip(channel).step_by(channels) {
                let x = f64::from(*sample);
                let y = b0 * x + s1;
                s1 = b1 * x - a1 * y + s2;
                s2 = b2 * x - a2 * y;
                *sample = num::narrow(y);
            }
            *state = [s1, s2];
        }
    }

    /// Forgets what is inaudible. Called at block borders, so that it does not depend on how the stream was cut.
    pub(crate) fn settle(&mut self) {
        for value in self.state.iter_mut().flatten() {
            if value.abs() < SILENCE {
                *value = 0.0;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gain_db_at(tone_hz: f64) -> f64 {
        let mut filter = Filter::new(HighPass::default(), 1, 48_000);
        let mut tone: Vec<f32> = (0..48_000)
            .map(|n| num::narrow((std::f64::consts::TAU * tone_hz * f64::from(n) / 48_000.0).sin()))
            .collect();
        filter.process(&mut tone);
        num::decibels(f64::from(tone.iter().skip(24_000).fold(0f32, |greatest, x| greatest.max(x.abs()))))
    }

    #[test]
    fn rumble_goes_and_speech_stays() {
        assert!(gain_db_at(20.0) < -23.0);
        assert!((gain_db_at(80.0) + 3.0).abs() < 0.1);
        assert!(gain_db_at(200.0) > -0.2);
    }

    #[test]
    fn silence_after_sound_settles_to_zero() {
        let mut filter = Filter::new(HighPass::default(), 1, 48_000);
        let mut sound = vec![0.5; 480];
        filter.process(&mut sound);
        for _ in 0..300 {
            let mut silence = vec![0.0; 480];
            filter.process(&mut silence);
            filter.settle();
        }
        assert_eq!(filter.state, vec![[0.0; 2]]);
    }
}
