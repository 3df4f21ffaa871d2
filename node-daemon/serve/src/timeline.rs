//! What a session's playlists are made from: its runs, its tracks and their segments, on one media timeline.
//!
//! Pure state: fed with events, asked by [`crate::playlist`]. It holds no media bytes, takes no lock and tells no time.
//! A segment's place in its track (its Media Sequence Number) never changes once it has one, and every segment that
//! one track has within a run has its counterpart in every other track, if need be a segment marked as missing.

mod line;
#[cfg(test)]
pub(crate) mod tests;

use std::collections::BTreeMap;

use model::segment::{Part, Segment, SegmentKey};
use model::settings::SEGMENT_MS;
use model::{
    Gap, GapState, MediaTime, Run, RunNumber, SegmentNumber, Ticks, Timescale, Track, TrackName, WallTime,
};

pub(crate) use line::{Content, Entry, Line, Slot};

/// Segments by which one track may trail the furthest one before its missing segments are declared missing.
///
/// Video comes later than sound by an encoder's delay, never by two whole segments; and a player that plays both
/// stops both when one does not go on.
const LAG_SEGMENTS_MAX: u64 = 3;

/// Longest stretch of segment numbers that one event may skip: 100 minutes. More is a fault in the numbering.
const SKIP_SEGMENTS_MAX: u64 = 3000;

/// Gaps that a playlist declares. Beyond that the latest ones are kept: a header of thousands of lines helps nobody.
const GAPS_MAX: usize = 256;

/// Why an event leaves the timeline as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Ignored {
    /// The session has ended.
    #[error("the session has ended")]
    Ended,
    /// The run was never begun.
    #[error("no such run")]
    UnknownRun,
    /// The track was never announced in this run.
    #[error("no such track in this run")]
    UnknownTrack,
    /// Its place is taken: it was published, or declared missing, before.
    #[error("its place in the playlist is already taken")]
    Late,
    /// Its number lies absurdly far ahead.
    #[error("its number lies too far ahead")]
    FarAhead,
}

/// A session's timeline.
#[derive(Debug, Clone, Default)]
pub(crate) struct Timeline {
    runs: Vec<RunLine>,
    lines: BTreeMap<TrackName, Line>,
    gaps: Vec<(Gap, GapState)>,
    ended: bool,
}

/// A run, and how far the furthest of its tracks has come.
#[derive(Debug, Clone)]
struct RunLine {
    run: Run,
    /// Complete segments of that track.
    segments: u64,
    /// Where the last of them ends.
    end: MediaTime,
}

impl RunLine {
    /// Returns where segment `number` ends if no track is cut short: on the grid of nominal segments.
    fn grid(&self, number: u64) -> MediaTime {
        let grid_ms = number.saturating_add(1).saturating_mul(u64::from(SEGMENT_MS));
        self.run.origin.after(std::time::Duration::from_millis(grid_ms))
    }

    /// Returns where a missing segment `number` ends: on the grid, or with the run.
    fn end_of(&self, number: u64) -> MediaTime {
        let nominal = self.grid(number);
        if number + 1 == self.segments { nominal.min(self.end) } else { nominal }
    }
}

impl Timeline {
    /// Begins a run. What the runs before it left open is closed; a run that is known changes nothing.
    pub(crate) fn begin_run(&mut self, run: &Run) -> Result<(), Ignored> {
        if self.ended {
            return Err(Ignored::Ended);
        }
        if self.runs.last().is_some_and(|last| run.number <= last.run.number) {
            let known = self.runs.iter().any(|line| line.run.number == run.number);
            return if known { Ok(()) } else { Err(Ignored::Late) };
        }
        self.close_run();
        self.runs.push(RunLine { run: *run, segments: 0, end: run.origin });
        Ok(())
    }

    /// Announces a track of a run. A track that joins later has every earlier segment marked as missing.
    pub(crate) fn track(&mut self, run: RunNumber, track: &Track) -> Result<(), Ignored> {
        let at = self.runs.iter().position(|line| line.run.number == run).ok_or(Ignored::UnknownRun)?;
        let line = self.lines.entry(track.name.clone()).or_insert_with(|| Line::new(track.clone()));
        line.announce(run, track.clone());
        for earlier in self.runs.iter().take(at) {
            fill(line, earlier, earlier.segments, None);
        }
        Ok(())
    }

    /// Publishes a part; with `closes` its segment is complete.
    pub(crate) fn part(
        &mut self,
        name: &TrackName,
        key: SegmentKey,
        part: Part,
        closes: bool,
    ) -> Result<(), Ignored> {
        if self.ended {
            return Err(Ignored::Ended);
        }
        let run = self.runs.last().ok_or(Ignored::UnknownRun)?;
        if key.run != run.run.number {
            return Err(if key.run < run.run.number { Ignored::Late } else { Ignored::UnknownRun });
        }
        let line = self.lines.get_mut(name).ok_or(Ignored::UnknownTrack)?;
        let scale = line.timescale_in(key.run).ok_or(Ignored::UnknownTrack)?;
        if line.open().is_some_and(|open| open.key.number < key.number) {
            line.close();
        }
        let next = line.next_number(key.run);
        if key.number.0 < next {
            return Err(Ignored::Late);
        }
        if key.number.0 - next > SKIP_SEGMENTS_MAX {
            return Err(Ignored::FarAhead);
        }
        fill(line, run, key.number.0, Some(part.start));
        line.push_part(key, scale, part)?;
        if closes {
            line.close();
        }
        self.settle_run(name);
        self.declare_laggards(key.number.0);
        Ok(())
    }

    /// Takes note that a segment is sealed under its hash; appends it if no part of it was ever published here.
    pub(crate) fn sealed(&mut self, name: &TrackName, segment: &Segment) -> Result<(), Ignored> {
        let run =
            self.runs.iter().find(|line| line.run.number == segment.key.run).ok_or(Ignored::UnknownRun)?;
        let latest = self.runs.last().map(|line| line.run.number);
        let line = self.lines.get_mut(name).ok_or(Ignored::UnknownTrack)?;
        if line.open().is_some_and(|open| open.key == segment.key) {
            line.close();
        }
        if line.settle(segment) {
            self.settle_run(name);
            return Ok(());
        }
        let next = line.next_number(segment.key.run);
        if self.ended || Some(segment.key.run) != latest || segment.key.number.0 < next {
            return Err(Ignored::Late);
        }
        if segment.key.number.0 - next > SKIP_SEGMENTS_MAX {
            return Err(Ignored::FarAhead);
        }
        let scale = line.timescale_in(segment.key.run).ok_or(Ignored::UnknownTrack)?;
        line.close();
        fill(line, run, segment.key.number.0, Some(segment.start));
        line.push(Entry::sealed(segment, scale));
        self.settle_run(name);
        Ok(())
    }

    /// Marks a segment as missing: its media cannot be had any more.
    pub(crate) fn lost(&mut self, name: &TrackName, key: SegmentKey) {
        if let Some(line) = self.lines.get_mut(name) {
            line.lose(key);
        }
    }

    /// Declares a gap. One that touches another of its track, for the same reason, prolongs that one.
    pub(crate) fn gap(&mut self, gap: &Gap, state: GapState) {
        let touches = |known: &Gap| {
            (&known.track, known.cause) == (&gap.track, gap.cause)
                && (known.from..=known.to).contains(&gap.from)
        };
        if let Some((known, known_state)) = self.gaps.iter_mut().rev().find(|(known, _)| touches(known)) {
            known.to = known.to.max(gap.to);
            *known_state = state;
            return;
        }
        if self.gaps.len() == GAPS_MAX {
            self.gaps.remove(0);
        }
        self.gaps.push((gap.clone(), state));
    }

    /// Ends the session: what is open is complete as it is.
    pub(crate) fn end(&mut self) {
        for line in self.lines.values_mut() {
            line.close();
        }
        self.gaps.iter_mut().for_each(|(_, state)| *state = GapState::Closed);
        self.ended = true;
    }

    /// Returns whether the session has ended.
    pub(crate) const fn is_ended(&self) -> bool {
        self.ended
    }

    /// Returns the tracks by name.
    pub(crate) const fn lines(&self) -> &BTreeMap<TrackName, Line> {
        &self.lines
    }

    /// Returns one track.
    pub(crate) fn line(&self, name: &TrackName) -> Option<&Line> {
        self.lines.get(name)
    }

    /// Returns the declared gaps, oldest first.
    pub(crate) fn gaps(&self) -> &[(Gap, GapState)] {
        &self.gaps
    }

    /// Returns the number of the latest run.
    pub(crate) fn latest_run(&self) -> Option<RunNumber> {
        self.runs.last().map(|line| line.run.number)
    }

    /// Returns the wall time of a media time, by the anchor of the last run that begins at or before it.
    pub(crate) fn wall(&self, at: MediaTime) -> Option<WallTime> {
        let run = self.runs.iter().rev().find(|line| line.run.origin <= at).or(self.runs.first())?;
        Some(wall_of(&run.run, at))
    }

    /// Returns the wall time of a media time inside the given run.
    pub(crate) fn wall_in(&self, run: RunNumber, at: MediaTime) -> Option<WallTime> {
        self.runs.iter().find(|line| line.run.number == run).map(|line| wall_of(&line.run, at))
    }

    /// Closes what is open and gives every track of the latest run the same number of segments.
    fn close_run(&mut self) {
        for line in self.lines.values_mut() {
            line.close();
        }
        let names: Vec<TrackName> = self.lines.keys().cloned().collect();
        names.iter().for_each(|name| self.settle_run(name));
        if let Some(run) = self.runs.last() {
            for line in self.lines.values_mut() {
                fill(line, run, run.segments, None);
            }
        }
    }

    /// Takes note of how far a track has come in the latest run.
    fn settle_run(&mut self, name: &TrackName) {
        let (Some(run), Some(line)) = (self.runs.last_mut(), self.lines.get(name)) else { return };
        let segments = line.complete_in(run.run.number);
        let Some(last) = line.entries().last().filter(|_| segments > 0) else { return };
        if segments >= run.segments {
            run.end = if segments > run.segments { last.end() } else { run.end.max(last.end()) };
            run.segments = segments;
        }
    }

    /// Declares missing what tracks lack that trail too far behind segment `front` of the latest run.
    fn declare_laggards(&mut self, front: u64) {
        let (Some(run), Some(upto)) = (self.runs.last(), front.checked_sub(LAG_SEGMENTS_MAX)) else { return };
        for line in self.lines.values_mut() {
            if line.complete_in(run.run.number) <= upto {
                line.close_before(run.run.number, upto);
                fill(line, run, upto + 1, None);
            }
        }
    }
}

/// Marks the segments of `run` from the line's next one up to, not including, number `upto` as missing.
fn fill(line: &mut Line, run: &RunLine, upto: u64, before: Option<Ticks>) {
    let scale = line.timescale_in(run.run.number).unwrap_or_else(|| line.latest().timescale);
    for number in line.next_number(run.run.number)..upto {
        // Where the segment before should have ended, which a dropped tail may have kept it from.
        let due = number.checked_sub(1).map_or(run.run.origin, |before| run.grid(before));
        let reached = line.entries().last().map_or(Ticks(0), |last| last.end_ticks(scale));
        let start = scale.ticks(due).max(reached);
        let wanted = scale.ticks(run.end_of(number)).max(start);
        let end = before.map_or(wanted, |before| wanted.min(before.max(start)));
        let key = SegmentKey { run: run.run.number, number: SegmentNumber(number) };
        line.push(Entry::missing(key, scale, start, end));
    }
}

fn wall_of(run: &Run, at: MediaTime) -> WallTime {
    // Half a millisecond rounds to nearest, so that tracks with different timescales show the same date.
    let from_origin = at.since(run.origin) + std::time::Duration::from_micros(500);
    run.anchor.after(from_origin)
}

/// Returns `ticks` of `from` in ticks of `to`.
pub(crate) fn convert(ticks: Ticks, from: Timescale, to: Timescale) -> Ticks {
    if from == to { ticks } else { to.ticks(from.media_time(ticks)) }
}
