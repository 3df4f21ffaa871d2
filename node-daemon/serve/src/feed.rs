//! One session as it is served: its timeline, the media at its edge, and its playlists, each rendered once per change
//! for everybody.
//!
//! Events come in from one thread; any number of requests read. No lock is held across an await, and nothing here
//! touches the disk.

mod edge;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use model::segment::{Segment, SegmentKey};
use model::wire::v1::PartReport;
use model::{ContentHash, Gap, GapState, MediaTime, PartIndex, Run, RunNumber, SessionId, Track, TrackName};
use tokio::sync::watch;

use crate::playlist::MediaName;
use crate::playlist::media::{Rendered, Scribe, edge, hinted};
use crate::playlist::multivariant::{self, Entrance};
use crate::timeline::{Content, Ignored, Timeline};
use edge::Ring;

/// One session as it is served.
#[derive(Debug)]
pub(crate) struct Feed {
    id: SessionId,
    state: Mutex<State>,
    outline: watch::Sender<Outline>,
}

/// What a multivariant playlist waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Outline {
    /// Tracks announced.
    pub(crate) tracks: usize,
    /// Complete segments of the longest track.
    pub(crate) segments: u64,
    /// The session has ended.
    pub(crate) ended: bool,
}

#[derive(Debug, Default)]
struct State {
    timeline: Timeline,
    inits: BTreeMap<(TrackName, RunNumber), Init>,
    desks: BTreeMap<TrackName, Desk>,
}

/// Where one track's playlist is written and handed out.
#[derive(Debug)]
struct Desk {
    scribe: Scribe,
    ring: Ring,
    out: watch::Sender<Arc<Rendered>>,
}

/// An init segment: at the edge, or in the cache.
#[derive(Debug, Clone)]
pub(crate) enum Init {
    /// Its bytes.
    Edge(Bytes),
    /// Its hash.
    Stored(ContentHash),
}

/// Where requested media is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Located {
    /// In memory, in pieces.
    Edge {
        /// The bytes.
        pieces: Vec<Bytes>,
        /// What identifies them.
        tag: String,
    },
    /// In the cache.
    Stored {
        /// The object.
        hash: ContentHash,
        /// The stretch of it; all of it if `None`.
        range: Option<Range<u64>>,
        /// What identifies that stretch.
        tag: String,
    },
    /// Announced by a preload hint: it comes next.
    Coming,
    /// Nowhere.
    Absent,
}

impl Feed {
    pub(crate) fn new(id: SessionId) -> Self {
        Self { id, state: Mutex::default(), outline: watch::Sender::new(Outline::default()) }
    }

    /// Returns the session's id.
    pub(crate) const fn id(&self) -> SessionId {
        self.id
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change below leaves the state whole before it can panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change<T>(&self, refresh: Refresh, work: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.state();
        let done = work(&mut state);
        state.refresh(refresh);
        let outline = state.outline();
        drop(state);
        self.outline.send_if_modified(|known| {
            let changed = *known != outline;
            *known = outline;
            changed
        });
        done
    }

    pub(crate) fn begin_run(&self, run: &Run) -> Result<(), Ignored> {
        self.change(Refresh::All, |state| state.timeline.begin_run(run))
    }

    pub(crate) fn track(&self, run: RunNumber, track: &Track, init: Init) -> Result<(), Ignored> {
        self.change(Refresh::All, |state| {
            state.timeline.track(run, track)?;
            state.inits.insert((track.name.clone(), run), init);
            Ok(())
        })
    }

    pub(crate) fn part(&self, report: &PartReport) -> Result<(), Ignored> {
        self.change(Refresh::Moved, |state| {
            let closes = report.closes.is_some();
            state.timeline.part(&report.track, report.segment, report.part, closes)?;
            if let Some(desk) = state.desks.get_mut(&report.track) {
                desk.ring.push(report.segment, report.part.index, report.media.clone());
                for key in desk.ring.overflow() {
                    state.timeline.lost(&report.track, key);
                }
            }
            Ok(())
        })
    }

    pub(crate) fn sealed(&self, name: &TrackName, segment: &Segment) -> Result<(), Ignored> {
        self.change(Refresh::Moved, |state| {
            state.timeline.sealed(name, segment)?;
            if let Some(desk) = state.desks.get_mut(name) {
                desk.ring.sealed(segment.key);
            }
            Ok(())
        })
    }

    pub(crate) fn gap(&self, gap: &Gap, gap_state: GapState) {
        self.change(Refresh::All, |state| state.timeline.gap(gap, gap_state));
    }

    /// Takes a whole history in at once and renders it once.
    pub(crate) fn recall(&self, work: impl FnOnce(&mut Recall<'_>)) {
        self.change(Refresh::All, |state| work(&mut Recall { state }));
    }

    pub(crate) fn end(&self) {
        self.change(Refresh::All, |state| state.timeline.end());
    }

    /// Returns what a multivariant playlist waits for, and when it changes.
    pub(crate) fn outline(&self) -> watch::Receiver<Outline> {
        self.outline.subscribe()
    }

    /// Returns a track's playlist, and when it changes; `None` for an unknown track.
    pub(crate) fn playlist(&self, name: &TrackName) -> Option<watch::Receiver<Arc<Rendered>>> {
        self.state().desks.get(name).map(|desk| desk.out.subscribe())
    }

    /// Returns the multivariant playlist.
    pub(crate) fn multivariant(&self, entrance: Entrance) -> Option<String> {
        multivariant::render(&self.state().timeline, entrance)
    }

    /// Returns whether the session has ended.
    pub(crate) fn is_ended(&self) -> bool {
        self.state().timeline.is_ended()
    }

    /// Returns the tracks as last announced.
    pub(crate) fn tracks(&self) -> Vec<Track> {
        self.state().timeline.lines().values().map(|line| line.latest().clone()).collect()
    }

    /// Returns whether a track is sound; `None` for an unknown track.
    pub(crate) fn is_audio(&self, name: &TrackName) -> Option<bool> {
        self.state().timeline.line(name).map(|line| line.latest().media.is_audio())
    }

    /// Returns whether there is sound for thin links beside the sound for everybody.
    pub(crate) fn has_thin_audio(&self) -> bool {
        self.tracks().iter().filter(|track| track.media.is_audio()).count() > 1
    }

    /// Returns where the media ends, so far.
    pub(crate) fn end_of_media(&self) -> MediaTime {
        let state = self.state();
        let ends = state.timeline.lines().values().filter_map(|line| line.entries().last());
        ends.map(crate::timeline::Entry::end).max().unwrap_or_default()
    }

    /// Returns an init segment.
    pub(crate) fn init(&self, name: &TrackName, run: RunNumber) -> Option<Init> {
        self.state().inits.get(&(name.clone(), run)).cloned()
    }

    /// Finds a segment or a part.
    pub(crate) fn locate(&self, name: &TrackName, media: MediaName) -> Located {
        let state = self.state();
        match media {
            MediaName::Init(_) => Located::Absent,
            MediaName::Segment(key) => state.segment(name, key),
            MediaName::Part(key, index) => state.part(name, key, index),
        }
    }
}

/// Takes a stored history in.
#[derive(Debug)]
pub(crate) struct Recall<'a> {
    state: &'a mut State,
}

impl Recall<'_> {
    pub(crate) fn begin_run(&mut self, run: &Run) -> Result<(), Ignored> {
        self.state.timeline.begin_run(run)
    }

    pub(crate) fn track(&mut self, run: RunNumber, track: &Track, init: ContentHash) -> Result<(), Ignored> {
        self.state.timeline.track(run, track)?;
        self.state.inits.insert((track.name.clone(), run), Init::Stored(init));
        Ok(())
    }

    pub(crate) fn segment(&mut self, name: &TrackName, segment: &Segment) -> Result<(), Ignored> {
        self.state.timeline.sealed(name, segment)
    }

    pub(crate) fn gap(&mut self, gap: &Gap) {
        self.state.timeline.gap(gap, GapState::Closed);
    }

    pub(crate) fn end(&mut self) {
        self.state.timeline.end();
    }
}

/// Which playlists an event may have changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refresh {
    /// All: what changed stands in every head or tail.
    All,
    /// Those that reach further than before.
    Moved,
}

impl State {
    fn refresh(&mut self, refresh: Refresh) {
        for (name, line) in self.timeline.lines() {
            if let Some(desk) = self.desks.get_mut(name) {
                if (refresh == Refresh::All || desk.out.borrow().edge != edge(&self.timeline, line))
                    && let Some(rendered) = desk.scribe.render(&self.timeline, name)
                {
                    desk.out.send_replace(Arc::new(rendered));
                }
            } else {
                let mut scribe = Scribe::default();
                if let Some(rendered) = scribe.render(&self.timeline, name) {
                    let out = watch::Sender::new(Arc::new(rendered));
                    self.desks.insert(name.clone(), Desk { scribe, ring: Ring::default(), out });
                }
            }
        }
    }

    fn outline(&self) -> Outline {
        let segments = self.timeline.lines().values().map(|line| edge(&self.timeline, line).complete).max();
        Outline {
            tracks: self.timeline.lines().len(),
            segments: segments.unwrap_or(0),
            ended: self.timeline.is_ended(),
        }
    }

    fn segment(&self, name: &TrackName, key: SegmentKey) -> Located {
        let Some(entry) = self.timeline.line(name).and_then(|line| line.entry(key)) else {
            return Located::Absent;
        };
        let pieces = self.desks.get(name).and_then(|desk| desk.ring.segment(key, entry.bytes));
        match (entry.content, pieces) {
            (Content::Missing, _) | (Content::Edge, None) => Located::Absent,
            (Content::Sealed(hash), Some(pieces)) => Located::Edge { pieces, tag: hash.to_string() },
            (Content::Sealed(hash), None) => Located::Stored { hash, range: None, tag: hash.to_string() },
            (Content::Edge, Some(pieces)) => {
                Located::Edge { pieces, tag: format!("{}-{}-{}", key.run, key.number, entry.bytes) }
            }
        }
    }

    fn part(&self, name: &TrackName, key: SegmentKey, index: PartIndex) -> Located {
        let tag = || format!("{}-{}.{index}", key.run, key.number);
        if let Some(piece) = self.desks.get(name).and_then(|desk| desk.ring.part(key, index)) {
            return Located::Edge { pieces: vec![piece], tag: tag() };
        }
        let Some(line) = self.timeline.line(name) else { return Located::Absent };
        if let Some(entry) = line.entry(key)
            && let Content::Sealed(hash) = entry.content
            && let Some((part, offset)) = entry.part(index)
        {
            let range = Some(offset..offset + u64::from(part.bytes));
            return Located::Stored { hash, range, tag: tag() };
        }
        if hinted(&self.timeline, line) == Some((key, index)) { Located::Coming } else { Located::Absent }
    }
}
