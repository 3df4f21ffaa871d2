//! The few number conversions that signal code needs, each named once. It must never hide a wrong unit.

/// The power that BS.1770-4, eq. 2 reads as 0 LUFS is 10^0.0691.
const OFFSET_LU: f64 = -0.691;

/// Returns the nearest `f32`; audio values carry no more precision than that.
#[expect(clippy::cast_possible_truncation, reason = "rounding to f32 is the purpose")]
pub(crate) const fn narrow(value: f64) -> f32 {
    value as f32
}

/// Returns a count as a factor for arithmetic; exact below 2^53.
#[expect(clippy::cast_precision_loss, reason = "counts of frames stay far below 2^53")]
pub(crate) const fn factor(count: usize) -> f64 {
    count as f64
}

/// Returns the whole number of frames nearest to `seconds`; negative and absurd spans give zero.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the value was clamped to a range that fits"
)]
pub(crate) fn frames(seconds: f64, rate_hz: u32) -> usize {
    (seconds * f64::from(rate_hz)).round().clamp(0.0, 1e9) as usize
}

/// Returns the amplitude factor of a gain in decibels.
pub(crate) fn amplitude(gain_db: f64) -> f64 {
    10f64.powf(gain_db / 20.0)
}

/// Returns an amplitude in decibels relative to full scale; silence is negative infinity.
pub(crate) fn decibels(amplitude: f64) -> f64 {
    20.0 * amplitude.log10()
}

/// Returns the loudness in LUFS of a K-weighted, channel-summed mean power (BS.1770-4, eq. 2).
pub(crate) fn lufs(power: f64) -> f64 {
    10.0 * power.log10() + OFFSET_LU
}

/// Returns the K-weighted, channel-summed mean power of a loudness in LUFS.
pub(crate) fn power(lufs: f64) -> f64 {
    10f64.powf((lufs - OFFSET_LU) / 10.0)
}

/// Returns the value as a stored reading: nothing that JSON cannot hold leaves the crate.
pub(crate) fn reading(value: f64) -> Option<f32> {
    value.is_finite().then(|| narrow(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loudness_and_power_are_inverse() {
        for level_lufs in [-69.5, -23.0, 0.0, 4.0] {
            assert!((lufs(power(level_lufs)) - level_lufs).abs() < 1e-9);
        }
    }

    #[test]
    fn silence_has_no_reading() {
        assert_eq!(reading(lufs(0.0)), None);
        assert_eq!(reading(f64::NAN), None);
        assert_eq!(reading(-16.0), Some(-16.0));
    }

    #[test]
    fn frames_round_and_never_wrap() {
        assert_eq!(frames(0.010, 44_100), 441);
        assert_eq!(frames(-1.0, 48_000), 0);
        assert_eq!(frames(f64::NAN, 48_000), 0);
    }
}
