//! Three kinds of time that never mix unnamed: media time, wall time and monotonic time.

use std::fmt;
use std::num::NonZeroU32;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::rational;

/// A place on a session's one media timeline: nanoseconds since the first moment of its first run.
///
/// Media time only moves with captured media and declared gaps. No step of the wall clock can bend it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MediaTime(u64);

impl MediaTime {
    /// The first moment of a session.
    pub const ZERO: Self = Self(0);

    /// Makes a media time from nanoseconds since the start of the session.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Makes a media time from milliseconds since the start of the session.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }

    /// Returns nanoseconds since the start of the session.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Returns seconds since the start of the session, for people and playlists.
    pub fn as_secs_f64(self) -> f64 {
        Duration::from_nanos(self.0).as_secs_f64()
    }

    /// Returns the distance from `earlier`, zero if `earlier` lies later.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// Returns the media time `distance` later.
    #[must_use]
    pub fn after(self, distance: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(distance.as_nanos()).unwrap_or(u64::MAX)))
    }

    /// Returns the first multiple of `step` at or after this time. `step` must not be zero.
    #[must_use]
    pub fn round_up_to(self, step: Duration) -> Self {
        let step = u64::try_from(step.as_nanos()).unwrap_or(u64::MAX).max(1);
        Self(self.0.div_ceil(step).saturating_mul(step))
    }
}

/// Wall-clock time: milliseconds since 1970-01-01 UTC. May be wrong, may step, may go back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WallTime(i64);

impl WallTime {
    /// Makes a wall time from milliseconds since 1970-01-01 UTC.
    pub const fn from_unix_ms(millis: i64) -> Self {
        Self(millis)
    }

    /// Returns milliseconds since 1970-01-01 UTC.
    pub const fn unix_ms(self) -> i64 {
        self.0
    }

    /// Returns the wall time `distance` later.
    #[must_use]
    pub fn after(self, distance: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(distance.as_millis()).unwrap_or(i64::MAX)))
    }

    /// Returns the wall time `distance` earlier, to the nearest millisecond.
    #[must_use]
    pub fn before(self, distance: Duration) -> Self {
        let millis = (distance.as_micros() + 500) / 1000;
        Self(self.0.saturating_sub(i64::try_from(millis).unwrap_or(i64::MAX)))
    }

    /// Returns the distance from `earlier` in milliseconds; negative when the clock went back.
    pub const fn ms_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// Monotonic time of this boot: nanoseconds since an arbitrary moment, suspend included (`CLOCK_BOOTTIME`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MonoTime(u64);

impl MonoTime {
    /// Makes a monotonic time from nanoseconds.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Returns nanoseconds since the arbitrary start.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Returns the distance from `earlier`, zero if `earlier` lies later.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// Returns the monotonic time `distance` later.
    #[must_use]
    pub fn after(self, distance: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(distance.as_nanos()).unwrap_or(u64::MAX)))
    }

    /// Returns the monotonic time `distance` earlier, not before zero.
    #[must_use]
    pub fn before(self, distance: Duration) -> Self {
        Self(self.0.saturating_sub(u64::try_from(distance.as_nanos()).unwrap_or(u64::MAX)))
    }
}

/// Ticks per second of a track, never zero (ISO/IEC 14496-12, `mdhd.timescale`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timescale(NonZeroU32);

impl Timescale {
    /// Makes a timescale; `None` for zero.
    pub const fn new(ticks_per_second: u32) -> Option<Self> {
        match NonZeroU32::new(ticks_per_second) {
            Some(value) => Some(Self(value)),
            None => None,
        }
    }

    /// Returns ticks per second.
    pub const fn per_second(self) -> u32 {
        self.0.get()
    }

    /// Returns the media time of `ticks`, rounded to the nearest nanosecond.
    pub fn media_time(self, ticks: Ticks) -> MediaTime {
        MediaTime(rational::rescale(ticks.0, 1_000_000_000, u64::from(self.0.get())))
    }

    /// Returns the length of `ticks`, rounded to the nearest nanosecond.
    pub fn duration(self, ticks: Ticks) -> Duration {
        Duration::from_nanos(self.media_time(ticks).0)
    }

    /// Returns the ticks nearest to `time`.
    pub fn ticks(self, time: MediaTime) -> Ticks {
        Ticks(rational::rescale(time.0, u64::from(self.0.get()), 1_000_000_000))
    }
}

/// A time or a length counted in a track's own [`Timescale`]: exact, which nanoseconds are not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Ticks(pub u64);

impl Ticks {
    /// Returns the end of something that starts here and lasts `length`.
    #[must_use]
    pub const fn after(self, length: Self) -> Self {
        Self(self.0.saturating_add(length.0))
    }
}

impl fmt::Display for Ticks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn ticks_survive_media_time(ticks in 0_u64..1 << 40, scale in 1_u32..200_000) {
            let scale = Timescale::new(scale).unwrap();
            prop_assert_eq!(scale.ticks(scale.media_time(Ticks(ticks))), Ticks(ticks));
        }

        #[test]
        fn rounding_up_reaches_a_multiple_within_one_step(nanos in 0_u64..1 << 50, step in 1_u64..1 << 32) {
            let rounded = MediaTime(nanos).round_up_to(Duration::from_nanos(step)).0;
            prop_assert_eq!(rounded % step, 0);
            prop_assert!(rounded >= nanos && rounded - nanos < step);
        }
    }

    #[test]
    fn an_aac_frame_is_exact_in_ticks_and_rounded_in_nanoseconds() {
        let scale = Timescale::new(48_000).unwrap();
        assert_eq!(scale.media_time(Ticks(1024)), MediaTime::from_nanos(21_333_333));
        assert_eq!(scale.media_time(Ticks(1024 * 3)), MediaTime::from_nanos(64_000_000));
    }
}
