//! What the intake lets others see: the live session, its levels, and the state of its sources.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::wire::v1::{Levels, NoSound, PictureCount, SourceState};
use model::{Input, MonoTime, RunNumber, SessionId, TrackName};

/// The newest state of everything, behind a lock that nobody holds for longer than a copy takes.
#[derive(Debug, Clone, Default)]
pub(crate) struct View(Arc<Mutex<Seen>>);

#[derive(Debug, Default)]
struct Seen {
    session: Option<SessionId>,
    levels: Option<Levels>,
    capture_ready: bool,
    lost: BTreeMap<String, (Input, String)>,
    pictures: BTreeMap<TrackName, Pictures>,
    no_sound: Option<NoSound>,
    /// When pictures were left out last, and how many of the track that lost most in that run.
    dropped: Option<(MonoTime, u64)>,
}

/// What became of the pictures of a track since the daemon started.
#[derive(Debug, Default)]
struct Pictures {
    /// In the runs before, dropped and repeated.
    before: (u64, u64),
    run: Option<(SessionId, RunNumber)>,
    /// In the last run, dropped and repeated.
    last: (u64, u64),
}

impl View {
    fn lock(&self) -> MutexGuard<'_, Seen> {
        // Every change is one assignment, so a poisoned lock holds a good value.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes which session is live.
    pub(crate) fn set_session(&self, session: Option<SessionId>) {
        let mut seen = self.lock();
        seen.session = session;
        if session.is_none() {
            seen.levels = None;
            seen.lost.clear();
            seen.dropped = None;
            seen.no_sound = None;
        }
    }

    /// Notes whether capture is there; without it there are no levels.
    pub(crate) fn set_capture_ready(&self, ready: bool) {
        let mut seen = self.lock();
        seen.capture_ready = ready;
        if !ready {
            seen.levels = None;
        }
    }

    /// Notes the newest levels.
    pub(crate) fn set_levels(&self, levels: Levels) {
        self.lock().levels = Some(levels);
    }

    /// Notes what a source does.
    pub(crate) fn set_source(&self, input: Input, state: SourceState) {
        let name = input.to_string();
        match state {
            SourceState::Delivering => self.lock().lost.remove(&name),
            SourceState::Lost { why } => self.lock().lost.insert(name, (input, why)),
        };
    }

    /// Notes whether the run has no sound, and why.
    pub(crate) fn set_no_sound(&self, why: Option<NoSound>) {
        self.lock().no_sound = why;
    }

    /// Returns why the run has no sound.
    pub(crate) fn no_sound(&self) -> Option<NoSound> {
        self.lock().no_sound
    }

    /// Notes what was counted of the pictures of a run.
    pub(crate) fn set_pictures(
        &self,
        session: SessionId,
        run: RunNumber,
        counts: &[PictureCount],
        now: MonoTime,
    ) {
        let mut seen = self.lock();
        let mut most = 0;
        for PictureCount { track, dropped, repeated } in counts {
            let pictures = seen.pictures.entry(track.clone()).or_default();
            if pictures.run.replace((session, run)) != Some((session, run)) {
                let (before, last) = (pictures.before, std::mem::take(&mut pictures.last));
                pictures.before = (before.0 + last.0, before.1 + last.1);
            }
            if *dropped > pictures.last.0 {
                most = most.max(*dropped);
            }
            pictures.last = (*dropped, *repeated);
        }
        if most > 0 {
            seen.dropped = Some((now, most));
        }
    }

    /// Returns what became of the pictures of each track since the daemon started.
    pub(crate) fn pictures(&self) -> Vec<PictureCount> {
        let sum = |(track, of): (&TrackName, &Pictures)| PictureCount {
            track: track.clone(),
            dropped: of.before.0 + of.last.0,
            repeated: of.before.1 + of.last.1,
        };
        self.lock().pictures.iter().map(sum).collect()
    }

    /// Returns how many pictures of the run were left out, if the last of them was after `since`.
    pub(crate) fn dropped_since(&self, since: MonoTime) -> Option<u64> {
        self.lock().dropped.filter(|(at, _)| *at > since).map(|(_, dropped)| dropped)
    }

    /// Returns the live session.
    pub(crate) fn session(&self) -> Option<SessionId> {
        self.lock().session
    }

    /// Returns the newest levels.
    pub(crate) fn levels(&self) -> Option<Levels> {
        self.lock().levels
    }

    /// Returns whether capture is there.
    pub(crate) fn is_capture_ready(&self) -> bool {
        self.lock().capture_ready
    }

    /// Returns the sources that stopped delivering, and why.
    pub(crate) fn lost_sources(&self) -> Vec<(Input, String)> {
        self.lock().lost.values().cloned().collect()
    }
}
