//! What the room does: one session at a time, carried over as many runs as capture needs.
//!
//! A pure state machine. It never reads a clock, sends a message or writes a byte: it is told what happened and answers
//! with what has to be done, in order.

mod action;
mod lecture;

use std::time::Duration;

pub(crate) use action::{Action, Event, Plan, Refusal};
pub(crate) use lecture::Cut;
use lecture::Lecture;
use model::wire::v1::{End, Failure, FailureKind, Order};
use model::{GapCause, Input, MediaTime, MonoTime, SessionId};

use crate::backoff::Backoff;
use crate::clock::Moment;

/// A network camera may take ten seconds to answer; after twice that nobody believes in it.
const OPEN_MAX: Duration = Duration::from_secs(20);

/// Flushing the encoders takes less than a second; a capture process that needs longer hangs.
const STOP_MAX: Duration = Duration::from_secs(8);

/// Levels come ten times a second: a hundred that do not come are a capture process that hangs.
const SILENCE_MAX: Duration = Duration::from_secs(10);

/// Loading the media plugins takes a second on a cold card.
const CONNECT_MAX: Duration = Duration::from_secs(15);

/// How often a session that never began is tried when capture dies over it.
const FIRST_ATTEMPTS: u32 = 3;

/// What held for this long works; the next failure is a new one.
const HEALTHY: Duration = Duration::from_secs(30);

/// The state of the room.
#[derive(Debug)]
pub(crate) struct Room {
    phase: Phase,
    capture: Capture,
    backoff: Backoff,
}

/// Where the session stands.
#[derive(Debug)]
enum Phase {
    /// There is none.
    Idle,
    /// A run is wanted.
    Opening { lecture: Lecture, ask: Ask },
    /// Media comes in.
    Running { lecture: Lecture, since: MonoTime, heard: MonoTime },
    /// The run was told to end.
    Stopping { lecture: Lecture, deadline: MonoTime },
}

/// How far the asking for a run is.
#[derive(Debug, Clone, Copy)]
enum Ask {
    /// It is asked for at this time, if capture is there.
    At(MonoTime),
    /// It was asked for, and must be answered by this time.
    Asked { deadline: MonoTime },
}

/// The state of the capture process.
#[derive(Debug, Clone, Copy)]
enum Capture {
    Gone { retry_at: MonoTime },
    Coming { deadline: MonoTime },
    Ready { since: MonoTime },
}

impl Room {
    /// Makes an empty room; the first event starts capture.
    pub(crate) const fn new(now: MonoTime, seed: u32) -> Self {
        Self { phase: Phase::Idle, capture: Capture::Gone { retry_at: now }, backoff: Backoff::new(seed) }
    }

    /// Goes on with a session that was cut, as its next run.
    pub(crate) fn resume(&mut self, plan: Plan, cut: Cut, now: MonoTime) {
        self.phase = Phase::Opening { lecture: Lecture::resumed(plan, cut), ask: Ask::At(now) };
    }

    /// Returns the session that is live, from its first run to its end.
    pub(crate) fn session(&self) -> Option<SessionId> {
        self.lecture().filter(|lecture| lecture.begun()).map(Lecture::session)
    }

    /// Returns the session that is wanted or live.
    pub(crate) fn wanted(&self) -> Option<SessionId> {
        self.lecture().map(Lecture::session)
    }

    /// Returns the sources of the session that is wanted or live.
    pub(crate) fn inputs(&self) -> &[Input] {
        self.lecture().map_or(&[], Lecture::inputs)
    }

    /// Returns whether capture is there.
    pub(crate) const fn is_ready(&self) -> bool {
        matches!(self.capture, Capture::Ready { .. })
    }

    /// Notes how far the media of the session reaches.
    pub(crate) fn media_until(&mut self, end: MediaTime) {
        if let Phase::Opening { lecture, .. }
        | Phase::Running { lecture, .. }
        | Phase::Stopping { lecture, .. } = &mut self.phase
        {
            lecture.media_until(end);
        }
    }

    /// Notes that capture says anything at all.
    pub(crate) const fn hear(&mut self, now: MonoTime) {
        if let Phase::Running { heard, .. } = &mut self.phase {
            *heard = now;
        }
    }

    /// Returns the time of the next thing that happens by itself.
    pub(crate) fn wake_at(&self) -> Option<MonoTime> {
        let of_phase = match self.phase {
            Phase::Opening { ask: Ask::Asked { deadline }, .. } | Phase::Stopping { deadline, .. } => {
                Some(deadline)
            }
            Phase::Opening { ask: Ask::At(at), .. } if self.is_ready() => Some(at),
            Phase::Running { heard, .. } => Some(later(heard, SILENCE_MAX)),
            _ => None,
        };
        let of_capture = match self.capture {
            Capture::Gone { retry_at } => Some(retry_at),
            Capture::Coming { deadline } => Some(deadline),
            Capture::Ready { .. } => None,
        };
        [of_phase, of_capture].into_iter().flatten().min()
    }

    /// Takes in what happened; returns what has to be done, in order.
    pub(crate) fn on(&mut self, event: Event, now: Moment) -> Vec<Action> {
        let mut actions = Vec::new();
        match event {
            Event::Start(plan) => self.start(plan, now, &mut actions),
            Event::Stop => self.stop(now, &mut actions),
            Event::Connected => self.capture = Capture::Ready { since: now.mono },
            Event::Gone => self.lost(now, &mut actions),
            Event::Started { run, origin, anchor, mono } => {
                let run = (run, origin, anchor, mono);
                self.started(run, now, &mut actions);
            }
            Event::Refused { run, why } if self.asked_for(run) => self.refused(why, now, &mut actions),
            Event::Ended { run, why } if self.asked_for(run) => {
                self.refused(ended_early(why), now, &mut actions)
            }
            Event::Ended { why, .. } => self.ended(why, now, &mut actions),
            Event::Refused { .. } => self.stopped(&mut actions),
            Event::NotKept(why) => self.not_kept(why, now, &mut actions),
            Event::Tick => {}
        }
        self.advance(now, &mut actions);
        actions
    }

    fn start(&mut self, plan: Plan, now: Moment, actions: &mut Vec<Action>) {
        match self.lecture() {
            Some(lecture) => actions.push(Action::StartDone(Err(Refusal::Busy(lecture.session())))),
            None => self.phase = Phase::Opening { lecture: Lecture::new(plan), ask: Ask::At(now.mono) },
        }
    }

    fn stop(&mut self, now: Moment, actions: &mut Vec<Action>) {
        self.phase = match std::mem::replace(&mut self.phase, Phase::Idle) {
            Phase::Idle => {
                actions.push(Action::StopDone);
                Phase::Idle
            }
            Phase::Opening { lecture, ask } => {
                if !lecture.begun() {
                    actions.push(Action::StartDone(Err(Refusal::Stopped)));
                }
                match ask {
                    Ask::At(_) => finish(lecture, actions),
                    Ask::Asked { .. } => stopping(lecture, now, actions),
                }
            }
            Phase::Running { lecture, .. } => stopping(lecture, now, actions),
            already @ Phase::Stopping { .. } => already,
        };
    }

    /// The run that was asked for has begun.
    fn started(&mut self, run: lecture::Begin, now: Moment, actions: &mut Vec<Action>) {
        self.phase = match std::mem::replace(&mut self.phase, Phase::Idle) {
            Phase::Opening { mut lecture, ask: Ask::Asked { .. } } if lecture.awaits(run.0) => {
                lecture.begin(run, now.boot, actions);
                Phase::Running { lecture, since: now.mono, heard: now.mono }
            }
            // Stopped while it was opening: what it still delivers belongs to a session that has begun.
            Phase::Stopping { mut lecture, deadline } if lecture.begun() && lecture.awaits(run.0) => {
                lecture.begin(run, now.boot, actions);
                Phase::Stopping { lecture, deadline }
            }
            other => other,
        };
    }

    /// The run that was asked for does not begin.
    fn refused(&mut self, why: Failure, now: Moment, actions: &mut Vec<Action>) {
        self.phase = match std::mem::replace(&mut self.phase, Phase::Idle) {
            Phase::Opening { lecture, .. } if !lecture.begun() => {
                actions.push(Action::StartDone(Err(Refusal::Failed(why))));
                Phase::Idle
            }
            Phase::Opening { lecture, .. } if lecture.only_files() => finish(lecture, actions),
            Phase::Opening { lecture, .. } => {
                Phase::Opening { lecture, ask: Ask::At(later(now.mono, self.backoff.failed())) }
            }
            other => other,
        };
    }

    /// The run is over.
    fn ended(&mut self, why: End, now: Moment, actions: &mut Vec<Action>) {
        self.phase = match std::mem::replace(&mut self.phase, Phase::Idle) {
            Phase::Running { mut lecture, since, .. } => {
                actions.push(Action::CloseRun);
                let goes_on = matches!(why, End::Failed(_)) && !lecture.only_files();
                if goes_on {
                    self.worked_since(since, now);
                    lecture.cut(GapCause::SourceLost);
                    Phase::Opening { lecture, ask: Ask::At(later(now.mono, self.backoff.failed())) }
                } else {
                    finish(lecture, actions)
                }
            }
            Phase::Stopping { lecture, .. } => {
                actions.push(Action::CloseRun);
                finish(lecture, actions)
            }
            other => other,
        };
    }

    /// A run that was stopped while it was opening is refused after all.
    fn stopped(&mut self, actions: &mut Vec<Action>) {
        self.phase = match std::mem::replace(&mut self.phase, Phase::Idle) {
            Phase::Stopping { lecture, .. } => finish(lecture, actions),
            other => other,
        };
    }

    /// The capture process is gone; whatever runs goes on with the next one.
    fn lost(&mut self, now: Moment, actions: &mut Vec<Action>) {
        if let Capture::Ready { since } = self.capture {
            self.worked_since(since, now);
        }
        let retry_at = later(now.mono, self.backoff.failed());
        self.capture = Capture::Gone { retry_at };
        self.phase = match std::mem::replace(&mut self.phase, Phase::Idle) {
            Phase::Idle => Phase::Idle,
            Phase::Opening { mut lecture, .. } => {
                if lecture.fail() >= FIRST_ATTEMPTS && !lecture.begun() {
                    actions.push(Action::StartDone(Err(Refusal::CaptureLost)));
                    Phase::Idle
                } else {
                    Phase::Opening { lecture, ask: Ask::At(retry_at) }
                }
            }
            Phase::Running { mut lecture, .. } => {
                actions.push(Action::CloseRun);
                lecture.cut(GapCause::CaptureLost);
                Phase::Opening { lecture, ask: Ask::At(retry_at) }
            }
            Phase::Stopping { lecture, .. } => {
                actions.push(Action::CloseRun);
                finish(lecture, actions)
            }
        };
    }

    /// The session could not be written down; it does not begin.
    fn not_kept(&mut self, why: String, now: Moment, actions: &mut Vec<Action>) {
        self.phase = match std::mem::replace(&mut self.phase, Phase::Idle) {
            Phase::Running { mut lecture, .. } => {
                lecture.unbegin();
                actions.push(Action::StartDone(Err(Refusal::NotKept(why))));
                stopping(lecture, now, actions)
            }
            other => other,
        };
    }

    /// Does what is due.
    fn advance(&mut self, now: Moment, actions: &mut Vec<Action>) {
        let overdue = match (&self.phase, &self.capture) {
            (Phase::Opening { ask: Ask::Asked { deadline }, .. } | Phase::Stopping { deadline, .. }, _)
            | (_, Capture::Coming { deadline }) => *deadline <= now.mono,
            (Phase::Running { heard, .. }, _) => later(*heard, SILENCE_MAX) <= now.mono,
            _ => false,
        };
        if overdue {
            actions.push(Action::Kill);
            self.lost(now, actions);
        }
        match self.capture {
            Capture::Gone { retry_at } if retry_at <= now.mono => {
                self.capture = Capture::Coming { deadline: later(now.mono, CONNECT_MAX) };
                actions.push(Action::Spawn);
            }
            Capture::Ready { .. } => {
                if let Phase::Opening { lecture, ask } = &mut self.phase
                    && matches!(ask, Ask::At(at) if *at <= now.mono)
                {
                    actions.push(Action::Order(Order::Start(lecture.order(now))));
                    *ask = Ask::Asked { deadline: later(now.mono, OPEN_MAX) };
                }
            }
            _ => {}
        }
    }

    fn worked_since(&mut self, since: MonoTime, now: Moment) {
        if now.mono.since(since) >= HEALTHY {
            self.backoff.works();
        }
    }

    fn asked_for(&self, run: model::RunNumber) -> bool {
        matches!(&self.phase, Phase::Opening { lecture, ask: Ask::Asked { .. } } if lecture.awaits(run))
    }

    const fn lecture(&self) -> Option<&Lecture> {
        match &self.phase {
            Phase::Idle => None,
            Phase::Opening { lecture, .. }
            | Phase::Running { lecture, .. }
            | Phase::Stopping { lecture, .. } => Some(lecture),
        }
    }
}

fn stopping(lecture: Lecture, now: Moment, actions: &mut Vec<Action>) -> Phase {
    actions.push(Action::Order(Order::Stop));
    Phase::Stopping { lecture, deadline: later(now.mono, STOP_MAX) }
}

/// Ends the session, if it ever began, and answers whoever waits for the end.
fn finish(lecture: Lecture, actions: &mut Vec<Action>) -> Phase {
    if let Some((session, end)) = lecture.finish() {
        actions.push(Action::EndSession { session, end });
    }
    actions.push(Action::StopDone);
    Phase::Idle
}

/// A run that ends before it began did not begin.
fn ended_early(why: End) -> Failure {
    match why {
        End::Failed(failure) => failure,
        End::Stopped | End::EndOfInput => Failure {
            kind: FailureKind::NoMedia,
            message: "the source ended before anything could be read from it; check that it holds sound or pictures"
                .to_owned(),
        },
    }
}

fn later(now: MonoTime, by: Duration) -> MonoTime {
    MonoTime::from_nanos(now.as_nanos().saturating_add(u64::try_from(by.as_nanos()).unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests;
