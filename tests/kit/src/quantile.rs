//! Quantiles of what was measured.

/// Returns the smallest value that `percent` of the sorted values do not exceed (nearest rank); `None` of none.
pub fn quantile(sorted: &[f64], percent: usize) -> Option<f64> {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_that_occurred() {
        let sorted: Vec<f64> = (1..=200).map(f64::from).collect();
        assert_eq!((quantile(&sorted, 50), quantile(&sorted, 99)), (Some(100.0), Some(198.0)));
        assert_eq!((quantile(&[7.0], 99), quantile(&[], 50)), (Some(7.0), None));
    }
}
