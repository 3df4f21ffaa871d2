//! Makes samples harmless before any filter sees them: one NaN in a recursive filter is silence for ever.

/// Greatest magnitude let through, +36 dBFS: above any float source, far below what overflows a power.
const GREATEST: f32 = 64.0;

/// Least magnitude let through, -400 dBFS: below it lie the denormals that slow a processor a hundredfold.
const LEAST: f32 = 1e-20;

/// Returns whether every sample can be processed as it is.
pub(crate) fn is_clean(samples: &[f32]) -> bool {
    // Summed rather than searched, so that it is done in vectors: almost always there is nothing to find.
    samples.iter().map(|sample| u32::from(!harmless(*sample))).sum::<u32>() == 0
}

/// Replaces what cannot be processed; returns how many samples were not finite or absurdly large.
pub(crate) fn clean(samples: &mut [f32]) -> u64 {
    let mut harmful = 0;
    for sample in samples.iter_mut().filter(|sample| !harmless(**sample)) {
        if sample.is_nan() {
            harmful += 1;
            *sample = 0.0;
        } else if sample.abs() > GREATEST {
            harmful += 1;
            *sample = GREATEST.copysign(*sample);
        } else {
            *sample = 0.0;
        }
    }
    harmful
}

fn harmless(sample: f32) -> bool {
    let magnitude = sample.abs();
    (LEAST..=GREATEST).contains(&magnitude) || magnitude == 0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn harmful_samples_are_replaced_and_counted() {
        let mut samples =
            [0.5, f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e30, f32::MIN_POSITIVE / 2.0, -0.0];
        assert!(!is_clean(&samples));
        assert_eq!(clean(&mut samples), 4);
        assert_eq!(samples, [0.5, 0.0, GREATEST, -GREATEST, GREATEST, 0.0, 0.0]);
        assert!(is_clean(&samples));
    }
}
