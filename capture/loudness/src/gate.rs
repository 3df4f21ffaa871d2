//! Gated sums over a whole programme in constant memory: integrated loudness (BS.1770-4) and loudness range
//! (Tech 3342). It must never grow with the length of the programme.

use crate::num;

/// Blocks below are never counted (BS.1770-4 and Tech 3342).
const ABSOLUTE_GATE_LUFS: f64 = -70.0;

/// Loudness above which all blocks share the last bin; nothing a sane microphone gives.
const TOP_LUFS: f64 = 30.0;

/// Bins in one LU. Sums are exact; only which blocks fall below the relative gate is rounded to a bin.
const BINS_PER_LU: f64 = 20.0;

/// How far below the ungated mean the relative gate lies for integrated loudness, in LU.
const INTEGRATED_GATE_LU: f64 = 10.0;

/// How far below the ungated mean the relative gate lies for loudness range, in LU.
const RANGE_GATE_LU: f64 = 20.0;

#[derive(Debug, Clone, Copy, Default)]
struct Bin {
    count: u64,
    power: f64,
}

/// A histogram of block powers that keeps the exact sum of each bin.
#[derive(Debug, Clone)]
pub(crate) struct Gate {
    bins: Vec<Bin>,
}

impl Gate {
    pub(crate) fn new() -> Self {
        Self { bins: vec![Bin::default(); bin_of(TOP_LUFS) + 1] }
    }

    pub(crate) fn add(&mut self, power: f64) {
        let level_lufs = num::lufs(power);
        if level_lufs >= ABSOLUTE_GATE_LUFS {
            let last = self.bins.len() - 1;
            let bin = &mut self.bins[bin_of(level_lufs).min(last)];
            bin.count += 1;
            bin.power += power;
        }
    }

    pub(crate) fn clear(&mut self) {
        self.bins.fill(Bin::default());
    }

    /// Returns the gated loudness in LUFS, none where every block lies below the absolute gate.
    pub(crate) fn integrated(&self) -> Option<f64> {
        let gate_lufs = num::lufs(self.mean_from(0)?) - INTEGRATED_GATE_LU;
        self.mean_from(bin_of(gate_lufs).min(self.bins.len() - 1)).map(num::lufs)
    }

    /// Returns the loudness range in LU: the distance from the 10th to the 95th percentile above the gate.
    pub(crate) fn range(&self) -> Option<f64> {
        let from = bin_of(num::lufs(self.mean_from(0)?) - RANGE_GATE_LU).min(self.bins.len() - 1);
        let count: u64 = self.bins[from..].iter().map(|bin| bin.count).sum();
        let last = count.checked_sub(1)?;
        Some(self.ranked(from, (last * 95 + 50) / 100)? - self.ranked(from, (last * 10 + 50) / 100)?)
    }

    /// Returns the mean power of the blocks at and above a bin.
    fn mean_from(&self, from: usize) -> Option<f64> {
        let (count, power) = self.bins[from..]
            .iter()
            .fold((0, 0.0), |(count, power), bin| (count + bin.count, power + bin.power));
        usize::try_from(count).ok().filter(|count| *count > 0).map(|count| power / num::factor(count))
    }

    /// Returns the loudness of the block with this rank among those at and above a bin.
    fn ranked(&self, from: usize, rank: u64) -> Option<f64> {
        let mut seen = 0;
        self.bins[from..].iter().find_map(|bin| {
            seen += bin.count;
            (seen > rank)
                .then(|| num::lufs(bin.power / num::factor(usize::try_from(bin.count).unwrap_or(usize::MAX))))
        })
    }
}

/// Returns the bin that holds a loudness; below the absolute gate, the first.
fn bin_of(level_lufs: f64) -> usize {
    num::frames((level_lufs - ABSOLUTE_GATE_LUFS) * BINS_PER_LU - 0.5, 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate_of(levels: &[(f64, usize)]) -> Gate {
        let mut gate = Gate::new();
        for &(level_lufs, count) in levels {
            (0..count).for_each(|_| gate.add(num::power(level_lufs)));
        }
        gate
    }

    #[test]
    fn silence_has_no_loudness_and_no_range() {
        let gate = gate_of(&[(-80.0, 100), (f64::NEG_INFINITY, 5)]);
        assert_eq!((gate.integrated(), gate.range()), (None, None));
    }

    #[test]
    fn quiet_blocks_fall_below_the_relative_gate() {
        let level_lufs = gate_of(&[(-23.0, 600), (-36.0, 600), (-72.0, 100)]).integrated().unwrap();
        assert!((level_lufs + 23.0).abs() < 1e-9, "{level_lufs}");
    }

    #[test]
    fn range_is_between_percentiles() {
        let range_lu = gate_of(&[(-20.0, 100), (-30.0, 100)]).range().unwrap();
        assert!((range_lu - 10.0).abs() < 1e-9, "{range_lu}");
    }

    #[test]
    fn absurd_levels_share_the_last_bin() {
        let level_lufs = gate_of(&[(100.0, 3)]).integrated().unwrap();
        assert!((level_lufs - 100.0).abs() < 1e-6, "{level_lufs}");
    }
}
