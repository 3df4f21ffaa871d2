//! Where on the timeline a run begins.
//!
//! Known only when its sources are open: what opening took belongs to the gap before the run. Origins are whole in every
//! timescale used, so a later run begins up to a step after its sources are open. The line of media time never bends.

use std::time::Duration;

use model::wire::v1::Start;
use model::{Clock, MediaTime, MonoTime, WallTime};

use crate::leader;

/// Origins are multiples of this.
const STEP: Duration = Duration::from_millis(100);

/// The begin of a run on all three clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Begin {
    /// Media time.
    pub(crate) origin: MediaTime,
    /// Monotonic time at the origin; it may lie a step ahead.
    pub(crate) mono: MonoTime,
    /// Wall time at the origin.
    pub(crate) anchor: WallTime,
}

impl Begin {
    /// Returns the begin of a run whose sources are open now: its leader ends now, or up to a step later.
    pub(crate) fn of(start: &Start, clock: &dyn Clock) -> Self {
        let (now, wall) = (clock.monotonic(), clock.wall());
        let earliest = now.before(leader::length());
        let (origin, mono) = match start.since {
            None => (start.origin, earliest),
            Some(since) => {
                let origin = start.origin.after(earliest.since(since)).round_up_to(STEP);
                (origin, since.after(origin.since(start.origin)))
            }
        };
        let anchor = wall.before(now.since(mono)).after(mono.since(now));
        Self { origin, mono, anchor }
    }
}

#[cfg(test)]
mod tests {
    use model::{ManualClock, RunNumber, SessionId};
    use proptest::prelude::*;

    use super::*;

    fn start(origin_ms: u64, since: Option<MonoTime>) -> Start {
        Start {
            session: SessionId::new(WallTime::from_unix_ms(0), [1; 10]),
            run: RunNumber(1),
            origin: MediaTime::from_millis(origin_ms),
            since,
            inputs: Vec::new(),
            encoding: model::settings::Encoding::default(),
            loudness: model::settings::Loudness::default(),
            pace: model::wire::v1::Pace::RealTime,
        }
    }

    #[test]
    fn a_first_run_begins_at_its_origin_with_its_leader_just_over() {
        let clock = ManualClock::new(WallTime::from_unix_ms(5000));
        clock.advance(Duration::from_secs(1));
        let begin = Begin::of(&start(0, None), &clock);
        assert_eq!(begin.origin, MediaTime::ZERO);
        assert_eq!(begin.mono.after(leader::length()), clock.monotonic());
        assert_eq!(begin.anchor, WallTime::from_unix_ms(5933));
    }

    proptest! {
        #[test]
        fn a_later_run_keeps_to_the_line_of_media_time(tenths in 0_u64..1000, since_ns in 0_u64..1 << 33, opened_ns in 0_u64..1 << 34) {
            let clock = ManualClock::new(WallTime::from_unix_ms(0));
            clock.advance(Duration::from_nanos(since_ns + opened_ns));
            let since = MonoTime::from_nanos(since_ns);
            let order = start(tenths * 100, Some(since));
            let begin = Begin::of(&order, &clock);
            // As far from the order in media time as in monotonic time, whole, not early, and at most a step late.
            prop_assert_eq!(begin.origin.since(order.origin), begin.mono.since(since));
            prop_assert_eq!(begin.origin.as_nanos() % 100_000_000, 0);
            let captured = begin.mono.after(leader::length());
            prop_assert!(captured >= clock.monotonic());
            let late = captured.since(clock.monotonic());
            prop_assert!(late < STEP || begin.origin == order.origin);
            // Dates follow, to the millisecond in which they are counted.
            let due = i64::try_from(begin.mono.as_nanos() / 1_000_000).unwrap();
            prop_assert!(begin.anchor.unix_ms().abs_diff(due) <= 2);
        }
    }
}
