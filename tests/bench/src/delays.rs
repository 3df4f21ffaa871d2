//! Delays and their percentiles.

use serde::Serialize;
use testkit::quantile::quantile;

/// Percentiles of a list of delays, milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Delays {
    /// How many were measured.
    pub(crate) count: usize,
    /// Median.
    pub(crate) p50_ms: f64,
    /// 95th percentile.
    pub(crate) p95_ms: f64,
    /// 99th percentile.
    pub(crate) p99_ms: f64,
    /// The longest.
    pub(crate) max_ms: f64,
}

impl Delays {
    /// Sums delays up; `None` for none.
    pub(crate) fn of(mut delays_ms: Vec<f64>) -> Option<Self> {
        delays_ms.sort_by(f64::total_cmp);
        let rank = |percent| quantile(&delays_ms, percent);
        Some(Self {
            count: delays_ms.len(),
            p50_ms: rank(50)?,
            p95_ms: rank(95)?,
            p99_ms: rank(99)?,
            max_ms: rank(100)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_nearest_ranks() {
        let hundred = Delays::of((1..=100).rev().map(f64::from).collect()).unwrap();
        assert_eq!(
            (hundred.p50_ms, hundred.p95_ms, hundred.p99_ms, hundred.max_ms),
            (50.0, 95.0, 99.0, 100.0)
        );
        let one = Delays::of(vec![7.0]).unwrap();
        assert_eq!((one.count, one.p50_ms, one.p99_ms), (1, 7.0, 7.0));
        assert!(Delays::of(Vec::new()).is_none());
    }
}
