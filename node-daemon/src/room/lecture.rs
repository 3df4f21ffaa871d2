//! One session as the room carries it: its plan, its runs so far, and how far its media reaches.

use model::wire::v1::Start;
use model::{
    BootId, Gap, GapCause, Input, MediaTime, MonoTime, Run, RunNumber, Session, SessionId, SessionState,
    WallTime,
};

use super::action::{Action, Plan};
use crate::clock::Moment;
use crate::resume;

/// What capture says of a run that begins: number, origin, and wall time and monotonic time there.
pub(super) type Begin = (RunNumber, MediaTime, WallTime, MonoTime);

/// How far a session had come when it was cut.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cut {
    /// Its last run.
    pub(crate) last: Run,
    /// The end of its media.
    pub(crate) end: MediaTime,
}

/// A session from the wish to its end.
#[derive(Debug)]
pub(super) struct Lecture {
    plan: Plan,
    /// The run that goes on, or the one that comes next.
    run: RunNumber,
    /// The last run that began; `None` until the session has begun.
    last: Option<Run>,
    end: MediaTime,
    /// Why media is missing before the next run.
    cause: GapCause,
    failures: u32,
}

impl Lecture {
    pub(super) const fn new(plan: Plan) -> Self {
        Self {
            plan,
            run: RunNumber(0),
            last: None,
            end: MediaTime::ZERO,
            cause: GapCause::Restart,
            failures: 0,
        }
    }

    pub(super) fn resumed(plan: Plan, cut: Cut) -> Self {
        let run = cut.last.number.next();
        Self { run, last: Some(cut.last), end: cut.end, ..Self::new(plan) }
    }

    pub(super) const fn session(&self) -> SessionId {
        self.plan.session
    }

    pub(super) fn inputs(&self) -> &[Input] {
        &self.plan.inputs
    }

    /// Returns whether `run` is the one that is wanted and has not begun.
    pub(super) fn awaits(&self, run: RunNumber) -> bool {
        self.run == run && self.last.is_none_or(|last| last.number != run)
    }

    pub(super) const fn begun(&self) -> bool {
        self.last.is_some()
    }

    /// Returns whether nothing but files is read: what fails in them fails again.
    pub(super) fn only_files(&self) -> bool {
        self.plan.inputs.iter().all(|input| matches!(input, Input::File { .. }))
    }

    pub(super) fn media_until(&mut self, end: MediaTime) {
        self.end = self.end.max(end);
    }

    /// Notes a failure before the run began; returns how many there were.
    pub(super) const fn fail(&mut self) -> u32 {
        self.failures += 1;
        self.failures
    }

    /// The run was cut; the next one is wanted.
    pub(super) const fn cut(&mut self, cause: GapCause) {
        self.run = self.run.next();
        self.cause = cause;
    }

    /// Returns the order for the run that is wanted.
    pub(super) fn order(&self, now: Moment) -> Start {
        let origin = self.last.map_or(MediaTime::ZERO, |last| resume::origin(&last, self.end, now));
        let since = self.last.map(|last| resume::mono_at_origin(&last, self.end, now));
        let Plan { session, inputs, encoding, loudness, pace, title: _ } = self.plan.clone();
        Start { session, run: self.run, origin, since, inputs, encoding, loudness, pace }
    }

    /// The run begins; the first one begins the session.
    pub(super) fn begin(
        &mut self,
        (number, origin, anchor, mono): Begin,
        boot: BootId,
        actions: &mut Vec<Action>,
    ) {
        let (session, end) = (self.plan.session, self.end);
        // Whatever capture says, runs do not overlap.
        let run = Run { number, origin: origin.max(end), anchor, mono, boot };
        if self.last.replace(run).is_none() {
            let title = self.plan.title.clone();
            let state = SessionState::Live;
            actions.push(Action::BeginSession(Session { id: session, title, state, started: anchor, end }));
            actions.push(Action::BeginRun { session, run });
            actions.push(Action::StartDone(Ok(session)));
            return;
        }
        actions.push(Action::BeginRun { session, run });
        if run.origin > end {
            let gap = Gap { from: end, to: run.origin, track: None, cause: self.cause };
            actions.push(Action::AddGap { session, gap });
        }
    }

    /// Takes the beginning back.
    pub(super) const fn unbegin(&mut self) {
        self.last = None;
    }

    /// Returns what is to be ended: nothing, if the session never began.
    pub(super) fn finish(self) -> Option<(SessionId, MediaTime)> {
        self.last.map(|_| (self.plan.session, self.end))
    }
}
