//! The frame grid of a track: where parts and segments are cut.
//!
//! Pure arithmetic on frame numbers, counted from the run's origin; it must never see a clock or a rounded duration.

use model::rational::frames_nearest;
use model::settings::{Latency, SEGMENT_MS};
use model::{MediaTime, Ticks, Timescale};

/// What lies between two neighbouring frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Cut {
    /// A part ends; the segment goes on.
    Part,
    /// A segment ends, and with it a part.
    Segment,
}

/// The grid on which all frames of a track lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Grid {
    timescale: Timescale,
    frame_ticks: u32,
    part_ms: u32,
}

impl Grid {
    /// Makes the grid of frames of `frame_ticks` ticks, cut into parts as `latency` says.
    pub(crate) const fn new(timescale: Timescale, frame_ticks: u32, latency: Latency) -> Self {
        Self { timescale, frame_ticks, part_ms: latency.part_ms() }
    }

    /// Returns ticks per second.
    pub(crate) const fn timescale(&self) -> Timescale {
        self.timescale
    }

    /// Returns the length of a frame in ticks.
    pub(crate) const fn frame_ticks(&self) -> u32 {
        self.frame_ticks
    }

    /// Returns the frame with which segment `number` of the run begins.
    pub(crate) fn segment_start(&self, number: u64) -> u64 {
        frames_nearest(number.saturating_mul(u64::from(SEGMENT_MS)), self.per_second(), self.frame_ticks)
    }

    /// Returns the segment that `frame` lies in.
    pub(crate) fn segment_of(&self, frame: u64) -> u64 {
        self.piece_of(frame, SEGMENT_MS)
    }

    /// Returns what lies between `previous` and `frame`; `None` when both are in the same part.
    ///
    /// Frames between the two may be missing: the cut is where the first frame beyond a boundary is.
    pub(crate) fn cut_between(&self, previous: u64, frame: u64) -> Option<Cut> {
        if self.segment_of(previous) != self.segment_of(frame) {
            Some(Cut::Segment)
        } else if self.piece_of(previous, self.part_ms) != self.piece_of(frame, self.part_ms) {
            Some(Cut::Part)
        } else {
            None
        }
    }

    /// Returns the time on the session's timeline at which `frame` of a run with `origin` begins, in ticks.
    pub(crate) fn ticks(&self, origin: MediaTime, frame: u64) -> Ticks {
        let from_origin = Ticks(frame.saturating_mul(u64::from(self.frame_ticks)));
        self.timescale.ticks(origin).after(from_origin)
    }

    /// Returns the first nanosecond at or after that time: `cmafmux` rounds nanoseconds down to ticks, so a time
    /// rounded to nearest would come out one tick early.
    pub(crate) fn time(&self, origin: MediaTime, frame: u64) -> MediaTime {
        let nanos = u128::from(self.ticks(origin, frame).0) * 1_000_000_000;
        let nanos = nanos.div_ceil(u128::from(self.per_second()));
        MediaTime::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// Returns the longest part in ticks.
    pub(crate) fn part_ticks_max(&self) -> u32 {
        self.longest(self.part_ms)
    }

    /// Returns the longest segment in ticks.
    pub(crate) fn segment_ticks_max(&self) -> u32 {
        self.longest(SEGMENT_MS)
    }

    const fn per_second(&self) -> u32 {
        self.timescale.per_second()
    }

    fn piece_of(&self, frame: u64, piece_ms: u32) -> u64 {
        let boundary = |number: u64| {
            frames_nearest(number.saturating_mul(u64::from(piece_ms)), self.per_second(), self.frame_ticks)
        };
        // Rounding moves a boundary by half a frame at most, so the guess is one off at most.
        let guess = (u128::from(frame) * u128::from(self.frame_ticks) * 1000)
            / (u128::from(self.per_second()) * u128::from(piece_ms));
        let guess = u64::try_from(guess).unwrap_or(u64::MAX - 1);
        if boundary(guess) > frame {
            guess.saturating_sub(1)
        } else if boundary(guess + 1) <= frame {
            guess + 1
        } else {
            guess
        }
    }

    /// Returns the longest distance between neighbouring boundaries, in ticks.
    fn longest(&self, piece_ms: u32) -> u32 {
        let piece_ms = u64::from(piece_ms);
        let boundary = |number: u64| frames_nearest(number * piece_ms, self.per_second(), self.frame_ticks);
        // The distances are n or n + 1 frames; a thousand pieces see both.
        let frames = (0..1000).map(|number| boundary(number + 1) - boundary(number)).max().unwrap_or(0);
        u32::try_from(frames).unwrap_or(u32::MAX).saturating_mul(self.frame_ticks)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn grid(timescale: u32, frame_ticks: u32, latency: Latency) -> Grid {
        Grid::new(Timescale::new(timescale).unwrap(), frame_ticks, latency)
    }

    fn check_longest(grid: Grid, part_frames: u32, segment_frames: u32) {
        assert_eq!(grid.part_ticks_max(), part_frames * grid.frame_ticks());
        assert_eq!(grid.segment_ticks_max(), segment_frames * grid.frame_ticks());
    }

    #[test]
    fn the_longest_part_and_segment_are_known_beforehand() {
        check_longest(grid(48_000, 1024, Latency::Standard), 24, 94);
        check_longest(grid(48_000, 1024, Latency::Low), 10, 94);
        check_longest(grid(48_000, 960, Latency::Standard), 25, 100);
        check_longest(grid(3000, 100, Latency::Standard), 15, 60);
        check_longest(grid(3000, 100, Latency::Low), 6, 60);
        check_longest(grid(1500, 100, Latency::Standard), 8, 30);
        check_longest(grid(1500, 100, Latency::Low), 3, 30);
    }

    #[test]
    fn a_missing_frame_does_not_hide_a_cut() {
        let video = grid(3000, 100, Latency::Standard);
        assert_eq!(video.cut_between(13, 14), None);
        assert_eq!(video.cut_between(14, 15), Some(Cut::Part));
        assert_eq!(video.cut_between(13, 16), Some(Cut::Part));
        assert_eq!(video.cut_between(58, 61), Some(Cut::Segment));
    }

    proptest! {
        #[test]
        fn every_frame_lies_inside_its_segment(frame in 0_u64..1 << 40, ticks in 1_u32..3000, low: bool) {
            let grid = grid(48_000, ticks, if low { Latency::Low } else { Latency::Standard });
            let number = grid.segment_of(frame);
            prop_assert!(grid.segment_start(number) <= frame && frame < grid.segment_start(number + 1));
        }

        #[test]
        fn nanoseconds_rounded_down_are_the_tick_again(frame in 0_u64..1 << 32, tenths in 0_u64..1 << 20, aac: bool) {
            let origin = MediaTime::from_millis(tenths * 100);
            let grid = if aac { grid(48_000, 1024, Latency::Low) } else { grid(3000, 100, Latency::Low) };
            let nanos = u128::from(grid.time(origin, frame).as_nanos());
            let ticks = nanos * u128::from(grid.per_second()) / 1_000_000_000;
            prop_assert_eq!(ticks, u128::from(grid.ticks(origin, frame).0));
        }

        #[test]
        fn every_segment_boundary_is_a_part_boundary(number in 1_u64..1 << 30, aac: bool, low: bool) {
            let latency = if low { Latency::Low } else { Latency::Standard };
            let grid = if aac { grid(48_000, 1024, latency) } else { grid(1500, 100, latency) };
            let start = grid.segment_start(number);
            prop_assert_eq!(grid.cut_between(start - 1, start), Some(Cut::Segment));
            prop_assert_ne!(grid.piece_of(start - 1, grid.part_ms), grid.piece_of(start, grid.part_ms));
        }
    }
}
