//! Exact arithmetic for times.

/// Returns `value * numerator / denominator`, rounded to nearest, saturating at `u64::MAX`.
///
/// A `denominator` of zero counts as one, so that no input can panic.
pub fn rescale(value: u64, numerator: u64, denominator: u64) -> u64 {
    let denominator = u128::from(denominator.max(1));
    let scaled = (u128::from(value) * u128::from(numerator) + denominator / 2) / denominator;
    u64::try_from(scaled).unwrap_or(u64::MAX)
}

/// Returns how many frames of `frame_ticks` (in ticks of `1/timescale` s) end nearest to `boundary_ms`.
///
/// This is the rule that cuts every track: a boundary is a whole number of milliseconds from the start of the run, and
/// each track cuts at its frame nearest to it. Ties go to the later frame.
pub fn frames_nearest(boundary_ms: u64, timescale: u32, frame_ticks: u32) -> u64 {
    rescale(boundary_ms, u64::from(timescale), 1000 * u64::from(frame_ticks.max(1)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn aac_boundaries_follow_two_second_segments() {
        let ends: Vec<u64> = (0..=4).map(|n| frames_nearest(n * 2000, 48_000, 1024)).collect();
        assert_eq!(ends, [0, 94, 188, 281, 375]);
    }

    proptest! {
        #[test]
        fn a_boundary_is_within_half_a_frame(ms in 0_u64..100_000_000, frame in 1_u32..5000) {
            let frames = frames_nearest(ms, 48_000, frame);
            let cut_at = u128::from(frames) * u128::from(frame) * 1000;
            let wanted = u128::from(ms) * 48_000;
            prop_assert!(cut_at.abs_diff(wanted) * 2 <= u128::from(frame) * 1000);
        }

        #[test]
        fn rescaling_never_panics(value: u64, numerator: u64, denominator: u64) {
            rescale(value, numerator, denominator);
        }
    }
}
