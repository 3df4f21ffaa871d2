//! Whether a session that was cut goes on, and where on its timeline.
//!
//! Pure functions over stored facts: the media timeline must not bend, whatever the clocks did in between.

mod stored;

use std::time::Duration;

use model::{BootId, Input, MediaTime, MonoTime, Run, RunNumber, WallTime};

use crate::clock::Moment;
pub(crate) use stored::take_up;

/// Origins are whole in every timescale: a multiple of 100 ms is a whole number of frames at every rate used.
const ORIGIN_STEP: Duration = Duration::from_millis(100);

/// A longer silence is another lecture: nobody waits a quarter of an hour in front of a still page.
pub(crate) const GAP_MAX: Duration = Duration::from_secs(15 * 60);

/// 2025-01-01: a wall clock that shows less has never been set.
const WALL_PLAUSIBLE_FROM: WallTime = WallTime::from_unix_ms(1_735_689_600_000);

/// What is known of a session that was live when the daemon stopped.
#[derive(Debug, Clone)]
pub(crate) struct Cut {
    /// Its last run; `None` when it never had one.
    pub(crate) last: Option<Run>,
    /// The end of its media.
    pub(crate) end: MediaTime,
    /// What it was recorded from; `None` without a note that says so.
    pub(crate) inputs: Option<Vec<Input>>,
}

/// What is done with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It goes on with this run.
    GoOn(RunNumber),
    /// It is ended properly.
    End(Why),
}

/// Why a session that was cut does not go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    /// It holds nothing that could be gone on with.
    Empty,
    /// No note says that it was live: it was ended, and only the index could not hear of it any more.
    NoNote,
    /// The gap is longer than [`GAP_MAX`].
    LongAgo,
    /// The sources are other ones.
    OtherSources,
}

impl Why {
    /// Returns the reason for the log.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Empty => "it has no run",
            Self::NoNote => "it was ended before",
            Self::LongAgo => "it was cut more than 15 minutes ago",
            Self::OtherSources => "its sources are other ones",
        }
    }
}

/// Decides about a session that was cut.
pub(crate) fn decide(cut: &Cut, inputs: &[Input], now: Moment) -> Verdict {
    let Some(last) = cut.last else { return Verdict::End(Why::Empty) };
    let Some(before) = &cut.inputs else { return Verdict::End(Why::NoNote) };
    if before != inputs || inputs.is_empty() {
        return Verdict::End(Why::OtherSources);
    }
    if origin(&last, cut.end, now).since(cut.end) > GAP_MAX {
        return Verdict::End(Why::LongAgo);
    }
    Verdict::GoOn(last.number.next())
}

/// Returns the origin of the run after `last`, whose media ended at `end`: never before that end, and at or after now.
pub(crate) fn origin(last: &Run, end: MediaTime, now: Moment) -> MediaTime {
    place(last, end, now).round_up_to(ORIGIN_STEP)
}

/// Returns the monotonic time at that origin, which lies a step ahead at most.
pub(crate) fn mono_at_origin(last: &Run, end: MediaTime, now: Moment) -> MonoTime {
    let place = place(last, end, now);
    now.mono.after(place.round_up_to(ORIGIN_STEP).since(place))
}

/// Returns where on the timeline now is; where the clocks do not tell, it is the end of the media.
fn place(last: &Run, end: MediaTime, now: Moment) -> MediaTime {
    let elapsed = if now.boot == last.boot && now.boot != BootId::UNKNOWN {
        now.mono.since(last.mono)
    } else {
        wall_elapsed(last, end, now.wall).unwrap_or_default()
    };
    last.origin.after(elapsed).max(end)
}

/// Returns the wall time since the run's origin, where the wall clock can be believed on both sides of the gap.
fn wall_elapsed(last: &Run, end: MediaTime, now: WallTime) -> Option<Duration> {
    let elapsed = Duration::from_millis(u64::try_from(now.ms_since(last.anchor)).ok()?);
    let believable = last.anchor >= WALL_PLAUSIBLE_FROM && elapsed >= end.since(last.origin);
    believable.then_some(elapsed)
}

#[cfg(test)]
mod tests;
