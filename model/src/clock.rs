//! The one way to ask for time.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::{MonoTime, WallTime};

/// Tells the time. Passed in wherever time is needed; only binaries hold a real one.
pub trait Clock: Send + Sync + std::fmt::Debug {
    /// Returns the monotonic time of this boot.
    fn monotonic(&self) -> MonoTime;

    /// Returns the wall-clock time, right or wrong.
    fn wall(&self) -> WallTime;
}

/// A clock that moves only when told to; its wall and its monotonic time move together.
#[derive(Debug)]
pub struct ManualClock {
    start: WallTime,
    elapsed_ns: AtomicU64,
}

impl ManualClock {
    /// Makes a clock that shows `wall` and a monotonic time of zero.
    pub const fn new(wall: WallTime) -> Self {
        Self { start: wall, elapsed_ns: AtomicU64::new(0) }
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        let nanos = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
        self.elapsed_ns.fetch_add(nanos, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn monotonic(&self) -> MonoTime {
        MonoTime::from_nanos(self.elapsed_ns.load(Ordering::SeqCst))
    }

    fn wall(&self) -> WallTime {
        self.start.after(Duration::from_nanos(self.elapsed_ns.load(Ordering::SeqCst)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_steps_move_the_wall_as_far_as_large_ones() {
        let clock = ManualClock::new(WallTime::from_unix_ms(5));
        (0..4).for_each(|_| clock.advance(Duration::from_micros(500)));
        assert_eq!(
            (clock.wall(), clock.monotonic()),
            (WallTime::from_unix_ms(7), MonoTime::from_nanos(2_000_000))
        );
    }
}
