//! The one way to ask for time.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use crate::{MonoTime, WallTime};

/// Tells the time. Passed in wherever time is needed; only binaries hold a real one.
pub trait Clock: Send + Sync + std::fmt::Debug {
    /// Returns the monotonic time of this boot.
    fn monotonic(&self) -> MonoTime;

    /// Returns the wall-clock time, right or wrong.
    fn wall(&self) -> WallTime;
}

/// A clock that moves only when told to.
#[derive(Debug)]
pub struct ManualClock {
    mono_ns: AtomicU64,
    wall_ms: AtomicI64,
}

impl ManualClock {
    /// Makes a clock that shows `wall` and a monotonic time of zero.
    pub const fn new(wall: WallTime) -> Self {
        Self { mono_ns: AtomicU64::new(0), wall_ms: AtomicI64::new(wall.unix_ms()) }
    }

    /// Moves both clocks forward.
    pub fn advance(&self, by: Duration) {
        let nanos = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
        self.mono_ns.fetch_add(nanos, Ordering::SeqCst);
        self.wall_ms.fetch_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX), Ordering::SeqCst);
    }

    /// Steps the wall clock alone, as NTP or a person does.
    pub fn step_wall(&self, wall: WallTime) {
        self.wall_ms.store(wall.unix_ms(), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn monotonic(&self) -> MonoTime {
        MonoTime::from_nanos(self.mono_ns.load(Ordering::SeqCst))
    }

    fn wall(&self) -> WallTime {
        WallTime::from_unix_ms(self.wall_ms.load(Ordering::SeqCst))
    }
}
