//! How long to wait before the next attempt: longer each time, never too long, never all nodes at once.

use std::time::Duration;

/// Wait after the first failure, at most: short, because a room is listening.
const FIRST: Duration = Duration::from_millis(200);

/// Longest wait: a cable that is pushed back in is heard within this time.
const LONGEST: Duration = Duration::from_secs(5);

/// Counts failures in a row.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Backoff {
    failures: u32,
    dice: u32,
}

impl Backoff {
    /// Makes a backoff; `seed` spreads the waits of many nodes that lost the same thing.
    pub(crate) const fn new(seed: u32) -> Self {
        // A seed of zero would stay zero.
        Self { failures: 0, dice: seed | 1 }
    }

    /// Notes a failure; returns how long to wait: between half of the step and the whole of it.
    pub(crate) fn failed(&mut self) -> Duration {
        let step = FIRST.saturating_mul(1_u32.checked_shl(self.failures).unwrap_or(u32::MAX)).min(LONGEST);
        self.failures = self.failures.saturating_add(1).min(31);
        step / 2 + step / 2 * self.roll() / 255
    }

    /// Notes that it works: the next failure is the first one again.
    pub(crate) const fn works(&mut self) {
        self.failures = 0;
    }

    /// Returns 0 to 255 (Marsaglia's xorshift: cheap, and good enough to spread waits).
    fn roll(&mut self) -> u32 {
        self.dice ^= self.dice << 13;
        self.dice ^= self.dice >> 17;
        self.dice ^= self.dice << 5;
        self.dice >> 24
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn waits_grow_to_their_bound_and_never_vanish(seed: u32, failures in 1_usize..80) {
            let mut backoff = Backoff::new(seed);
            let mut shortest = Duration::ZERO;
            for _ in 0..failures {
                let wait = backoff.failed();
                prop_assert!(wait >= FIRST / 2 && wait <= LONGEST);
                prop_assert!(wait >= shortest, "half of a step is at least half of the step before");
                shortest = wait / 2;
            }
            prop_assert!(failures < 6 || shortest >= LONGEST / 4);
            backoff.works();
            prop_assert!(backoff.failed() <= FIRST);
        }
    }
}
