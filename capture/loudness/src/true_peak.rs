//! Peaks between samples by fourfold oversampling (BS.1770-4, Annex 2). It must never read lower than the samples.

/// Taps of one phase of the interpolation filter.
const TAPS: usize = 12;

/// Frames by which the interpolated peak lies behind the newest sample.
pub(crate) const DELAY_FRAMES: usize = TAPS / 2;

/// Outputs computed side by side; two vectors of a 128-bit unit.
const LANES: usize = 8;

/// The interpolation filter of BS.1770-4, Annex 2, phases 0 and 1; phases 3 and 2 are their mirror images.
const PHASES: [[f32; TAPS]; 2] = [
    [
        0.001_708_984_4,
        0.010_986_328,
        -0.019_653_32,
        0.033_203_125,
        -0.059_448_242,
        0.137_329_1,
        0.972_167_97,
        -0.102_294_92,
        0.047_607_42,
        -0.026_611_328,
        0.014_892_578,
        -0.008_300_781,
    ],
    [
        -0.029_174_805,
        0.029_296_875,
        -0.051_757_813,
        0.089_111_33,
        -0.166_503_9,
        0.465_087_9,
        0.779_785_16,
        -0.200_317_38,
        0.101_562_5,
        -0.058_227_54,
        0.033_081_055,
        -0.018_920_898,
    ],
];

/// No phase raises a signal by more than the sum of its taps' magnitudes: 2.024 for phase 1.
const GAIN_MAX: f32 = 2.03;

/// Finds peaks per frame, over all channels.
#[derive(Debug, Clone)]
pub(crate) struct Oversampler {
    channels: usize,
    /// Per channel, the last `TAPS - 1` samples.
    history: Vec<[f32; TAPS - 1]>,
    /// One channel at a time: history, then the piece.
    line: Vec<f32>,
}

impl Oversampler {
    pub(crate) fn new(channels: usize) -> Self {
        Self { channels, history: vec![[0.0; TAPS - 1]; channels], line: Vec::new() }
    }

    /// Puts the greatest magnitude of each frame into `peaks`, `DELAY_FRAMES` late between samples and not late
    /// at them. Where no peak can pass `floor`, sample peaks alone are given: they cannot pass it either.
    pub(crate) fn peaks(&mut self, interleaved: &[f32], floor: f32, peaks: &mut Vec<f32>) {
        let frames = interleaved.len() / self.channels;
        peaks.clear();
        peaks.resize(frames, 0.0);
        for channel in 0..self.channels {
            self.load(interleaved, channel);
            let greatest = self.line.iter().fold(0f32, |greatest, sample| greatest.max(sample.abs()));
            for (peak, sample) in peaks.iter_mut().zip(self.line.iter().skip(TAPS - 1)) {
                *peak = peak.max(sample.abs());
            }
            if greatest * GAIN_MAX > floor {
                interpolate(&self.line, peaks);
            }
        }
    }

    /// Moves one channel of the piece into the line and keeps its end for the next piece.
    fn load(&mut self, interleaved: &[f32], channel: usize) {
        let history = &mut self.history[channel];
        self.line.clear();
        self.line.extend_from_slice(history);
        self.line.extend(interleaved.iter().skip(channel).step_by(self.channels));
        let end = self.line.len() - history.len();
        history.copy_from_slice(&self.line[end..]);
    }
}

/// Raises `peaks` to the interpolated magnitudes of `line`, which starts `TAPS - 1` samples earlier.
///
/// Each output adds its taps in the same order whichever lane it falls in, so that results do not depend on how
/// the stream was cut.
fn interpolate(line: &[f32], peaks: &mut [f32]) {
    let mut start = 0;
    for chunk in peaks.chunks_mut(LANES) {
        let mut window = [0f32; LANES + TAPS - 1];
        let wanted = chunk.len() + TAPS - 1;
        window[..wanted].copy_from_slice(&line[start..start + wanted]);
        let greatest = chunk_peaks(&window);
        for (peak, value) in chunk.iter_mut().zip(greatest) {
            *peak = peak.max(value);
        }
        start += chunk.len();
    }
}

#[inline]
fn chunk_peaks(window: &[f32; LANES + TAPS - 1]) -> [f32; LANES] {
    let mut greatest = [0f32; LANES];
    for phase in &PHASES {
        let mut forward = [0f32; LANES];
        let mut mirrored = [0f32; LANES];
        for tap in 0..TAPS {
            for lane in 0..LANES {
                forward[lane] += phase[tap] * window[lane + TAPS - 1 - tap];
                mirrored[lane] += phase[tap] * window[lane + tap];
            }
        }
        for lane in 0..LANES {
            greatest[lane] = greatest[lane].max(forward[lane].abs()).max(mirrored[lane].abs());
        }
    }
    greatest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peaks_in_pieces(signal: &[f32], piece: usize) -> Vec<f32> {
        let mut oversampler = Oversampler::new(1);
        let (mut all, mut some) = (Vec::new(), Vec::new());
        for part in signal.chunks(piece) {
            oversampler.peaks(part, 0.0, &mut some);
            all.extend_from_slice(&some);
        }
        all
    }

    #[test]
    fn a_peak_between_samples_is_found() {
        let signal: Vec<f32> = (0u16..400)
            .map(|n| {
                (f32::from(n).mul_add(std::f32::consts::FRAC_PI_2, std::f32::consts::FRAC_PI_4)).sin() * 0.5
            })
            .collect();
        let greatest = peaks_in_pieces(&signal, 400).into_iter().skip(20).fold(0f32, f32::max);
        assert!((greatest - 0.5).abs() < 0.015, "{greatest}");
    }

    #[test]
    fn pieces_of_any_size_give_the_same_peaks() {
        let signal: Vec<f32> =
            (0u16..997).map(|n| (f32::from(n) * 0.37).sin() * (f32::from(n) * 0.011).cos()).collect();
        let whole = peaks_in_pieces(&signal, signal.len());
        for piece in [1, 2, 7, 8, 13, 480] {
            assert_eq!(peaks_in_pieces(&signal, piece), whole, "pieces of {piece}");
        }
    }

    #[test]
    fn the_bound_on_the_filter_holds() {
        let greatest =
            PHASES.iter().map(|phase| phase.iter().map(|tap| tap.abs()).sum::<f32>()).fold(0f32, f32::max);
        assert!(greatest < GAIN_MAX, "{greatest}");
    }
}
