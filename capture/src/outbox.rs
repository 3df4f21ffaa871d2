//! Reports on their way out, bounded. When nobody takes them in time, levels go first, then pictures, sound last.
//!
//! A dropped stretch is said as a gap, never papered over. It must never make the run wait, unless the run can.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use model::wire::v1::{PartReport, Report};
use model::{Gap, GapCause, GapState, MediaTime, RunNumber, Timescale, TrackName};

/// Parts of pictures that may wait: eight seconds of two renditions, about 2 MB.
const PICTURE_PARTS_MAX: usize = 32;

/// Parts of sound that may wait: five minutes of one rendition, about 4 MB.
const SOUND_PARTS_MAX: usize = 600;

/// What happens when there is no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Patience {
    /// The run waits: its sources can.
    Wait,
    /// The run goes on and the part is dropped.
    None,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Report>,
    tracks: BTreeMap<TrackName, Track>,
    closed: bool,
    abandoned: bool,
}

struct Track {
    audio: bool,
    timescale: Timescale,
    waiting: usize,
    dropped: Option<(RunNumber, MediaTime, MediaTime)>,
}

/// The queue between a run and its carrier.
#[derive(Default)]
pub(crate) struct Outbox {
    state: Mutex<State>,
    changed: Condvar,
}

impl Outbox {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Every change leaves the queue whole, so a poisoned lock holds a good one.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a report in.
    pub(crate) fn put(&self, report: Report, patience: Patience) {
        let mut state = self.lock();
        if patience == Patience::Wait
            && let Report::Part(part) = &report
        {
            state = self
                .changed
                .wait_while(state, |state| !state.abandoned && !state.has_room(&part.track))
                .unwrap_or_else(PoisonError::into_inner);
        }
        if !state.abandoned {
            state.put(report);
            self.changed.notify_all();
        }
    }

    /// Takes the next report; waits for it. `None` when the outbox is closed and empty.
    pub(crate) fn take(&self) -> Option<Report> {
        let mut state = self
            .changed
            .wait_while(self.lock(), |state| state.queue.is_empty() && !state.closed)
            .unwrap_or_else(PoisonError::into_inner);
        let report = state.queue.pop_front()?;
        if let Report::Part(part) = &report
            && let Some(track) = state.tracks.get_mut(&part.track)
        {
            track.waiting = track.waiting.saturating_sub(1);
        }
        self.changed.notify_all();
        Some(report)
    }

    /// Says that nothing more comes.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    /// Says that nobody takes reports any more; from here on they vanish.
    pub(crate) fn abandon(&self) {
        let mut state = self.lock();
        state.abandoned = true;
        state.closed = true;
        state.queue.clear();
        self.changed.notify_all();
    }
}

impl State {
    fn put(&mut self, report: Report) {
        match report {
            Report::Levels(_) => {
                // Only the latest reading is worth anything.
                self.queue.retain(|waiting| !matches!(waiting, Report::Levels(_)));
                self.queue.push_back(report);
            }
            Report::Gap { ref gap, .. } => {
                // Only the farthest reach of a gap is worth anything.
                self.queue.retain(|waiting| !is_earlier(waiting, gap));
                self.queue.push_back(report);
            }
            Report::Pictures { .. } => {
                // Each report tells everything since the run began.
                self.queue.retain(|waiting| !matches!(waiting, Report::Pictures { .. }));
                self.queue.push_back(report);
            }
            Report::Part(part) => self.put_part(part),
            Report::Track { ref track, .. } => {
                let (audio, timescale) = (track.media.is_audio(), track.timescale);
                let track = track.name.clone();
                self.tracks.insert(track, Track { audio, timescale, waiting: 0, dropped: None });
                self.queue.push_back(report);
            }
            Report::Ended { .. } => {
                self.say_gaps();
                self.queue.push_back(report);
            }
            _ => self.queue.push_back(report),
        }
    }

    fn put_part(&mut self, part: PartReport) {
        let room = self.has_room(&part.track);
        let Some(track) = self.tracks.get_mut(&part.track) else { return };
        let from = track.timescale.media_time(part.part.start);
        let to = track.timescale.media_time(part.part.start.after(part.part.duration));
        // A segment that lost a part is not worth more parts; the next one begins afresh.
        let resumes = part.part.index.0 == 0;
        match &mut track.dropped {
            None if room => {}
            None => {
                track.dropped = Some((part.segment.run, from, to));
                return;
            }
            Some((.., end)) if !(room && resumes) => {
                *end = to;
                return;
            }
            Some(_) => {
                let gap = gap_of(&part.track, track);
                self.queue.extend(gap);
            }
        }
        if let Some(track) = self.tracks.get_mut(&part.track) {
            track.waiting += 1;
        }
        self.queue.push_back(Report::Part(part));
    }

    fn has_room(&self, name: &TrackName) -> bool {
        let Some(track) = self.tracks.get(name) else { return true };
        let kind = self.tracks.values().filter(|other| other.audio == track.audio);
        let waiting: usize = kind.map(|track| track.waiting).sum();
        waiting < if track.audio { SOUND_PARTS_MAX } else { PICTURE_PARTS_MAX }
    }

    fn say_gaps(&mut self) {
        for (name, track) in &mut self.tracks {
            self.queue.extend(gap_of(name, track));
        }
    }
}

/// Returns whether a waiting report says how far an open gap had come before it came to `gap`.
fn is_earlier(waiting: &Report, gap: &Gap) -> bool {
    let Report::Gap { gap: before, state: GapState::Open, .. } = waiting else { return false };
    (before.from, &before.track, before.cause) == (gap.from, &gap.track, gap.cause)
}

fn gap_of(name: &TrackName, track: &mut Track) -> Option<Report> {
    let (run, from, to) = track.dropped.take()?;
    tracing::warn!(track = %name, from_ns = from.as_nanos(), to_ns = to.as_nanos(), "parts were not taken in time");
    let gap = Gap { from, to, track: Some(name.clone()), cause: GapCause::Overload };
    Some(Report::Gap { run, gap, state: GapState::Closed })
}

#[cfg(test)]
mod tests;
