//! What the intake lets others see: the live session, its levels, and the state of its sources.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::wire::v1::{Levels, SourceState};
use model::{Input, SessionId};

/// The newest state of everything, behind a lock that nobody holds for longer than a copy takes.
#[derive(Debug, Clone, Default)]
pub(crate) struct View(Arc<Mutex<Seen>>);

#[derive(Debug, Default)]
struct Seen {
    session: Option<SessionId>,
    levels: Option<Levels>,
    capture_ready: bool,
    lost: BTreeMap<String, (Input, String)>,
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
