//! The real clock, and the name of the boot that it counts.

use model::{BootId, Clock, MonoTime, WallTime};
use rustix::time::{ClockId, Timespec, clock_gettime};

/// Where the kernel tells which boot this is (random(4)).
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// The clocks of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    /// `CLOCK_BOOTTIME`: goes on while the machine sleeps, as the lecture does.
    fn monotonic(&self) -> MonoTime {
        let Timespec { tv_sec, tv_nsec } = clock_gettime(ClockId::Boottime);
        let seconds = u64::try_from(tv_sec).unwrap_or(0);
        let nanos = u64::try_from(tv_nsec).unwrap_or(0);
        MonoTime::from_nanos(seconds.saturating_mul(1_000_000_000).saturating_add(nanos))
    }

    fn wall(&self) -> WallTime {
        let Timespec { tv_sec, tv_nsec } = clock_gettime(ClockId::Realtime);
        WallTime::from_unix_ms(tv_sec.saturating_mul(1000).saturating_add(tv_nsec / 1_000_000))
    }
}

/// Returns this boot's name; [`BootId::UNKNOWN`] where the kernel tells none.
pub(crate) fn boot() -> BootId {
    std::fs::read_to_string(BOOT_ID).map_or(BootId::UNKNOWN, |text| BootId::from_kernel(&text))
}

/// Now, on both clocks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    /// Monotonic time of `boot`.
    pub(crate) mono: MonoTime,
    /// Wall time, right or wrong.
    pub(crate) wall: WallTime,
    /// The boot that `mono` counts.
    pub(crate) boot: BootId,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_never_goes_back_and_the_boot_has_a_name() {
        let first = SystemClock.monotonic();
        assert!(SystemClock.monotonic() >= first && first.as_nanos() > 0);
        assert!(SystemClock.wall() > WallTime::from_unix_ms(0));
        assert_eq!(boot(), boot());
    }
}
