//! The intake's hands: carries out what the room decides.

use std::collections::VecDeque;
use std::{io, thread};

use model::{MediaTime, Run, Session, SessionId, chain};

use super::{Intake, Running, reply};
use crate::carrier::Line;
use crate::note::Note;
use crate::room::{Action, Event};

impl Intake {
    /// Tells the room what happened, and does what it answers until it has nothing more to say.
    pub(super) fn happen(&mut self, event: Event) {
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            for action in self.room.on(event, self.now()) {
                let follows = self.act(action);
                let is_taken_back = matches!(follows, Some(Event::NotKept(_)));
                events.extend(follows);
                if is_taken_back {
                    break;
                }
            }
        }
        self.parts.view.set_capture_ready(self.room.is_ready());
    }

    /// Does one thing; returns what follows from it at once.
    fn act(&mut self, action: Action) -> Option<Event> {
        match action {
            Action::Spawn => return self.spawn(),
            Action::Kill => {
                tracing::warn!("capture does not answer; it is ended and started again");
                self.end_capture();
            }
            Action::Order(order) => self.order(order),
            Action::BeginSession(session) => return self.begin_session(session),
            Action::BeginRun { session, run } => self.begin_run(session, run),
            Action::AddGap { session, gap } => self.add_gap(session, gap),
            Action::CloseRun => {
                self.close_gaps();
                self.running = None;
                self.parts.keeper.close_run();
            }
            Action::EndSession { session, end } => self.end_session(session, end),
            Action::StartDone(outcome) => {
                if let Some(answer) = self.starting.take() {
                    reply(answer, outcome);
                }
            }
            Action::StopDone => {
                for answer in self.stopping.drain(..) {
                    self.parts.keeper.flush(answer);
                }
            }
        }
        None
    }

    fn spawn(&mut self) -> Option<Event> {
        self.generation += 1;
        let opened = self.parts.carrier.open().and_then(|line| self.listen(line));
        let Err(error) = opened else { return None };
        tracing::error!(%error, "capture cannot be started; it is tried again");
        Some(Event::Gone)
    }

    /// Hears a line out on a thread of its own, because its reports come by a blocking door.
    fn listen(&mut self, line: Line) -> io::Result<()> {
        let Line { orders, reports } = line;
        self.orders = Some(orders);
        let (generation, said) = (self.generation, self.said.0.clone());
        let hear_out = move || {
            for report in reports {
                if said.blocking_send((generation, Some(report))).is_err() {
                    return;
                }
            }
            if said.blocking_send((generation, None)).is_err() {
                tracing::trace!("nobody listens to capture any more");
            }
        };
        thread::Builder::new().name(format!("reports-{generation}")).spawn(hear_out).map(|_| ())
    }

    fn begin_session(&mut self, session: Session) -> Option<Event> {
        if let Err(error) = self.parts.store.begin_session(&session) {
            tracing::error!(error = %chain(&error), "a session cannot be written down");
            return Some(Event::NotKept(format!("{}. {}", chain(&error), error.advice())));
        }
        let inputs = self.room.inputs().to_vec();
        if let Err(error) = self.parts.note.write(&Note { session: session.id, inputs }) {
            tracing::warn!(%error, "after a crash this session would not go on");
        }
        tracing::info!(session = %session.id, title = %session.title, "a session begins");
        None
    }

    fn begin_run(&mut self, session: SessionId, run: Run) {
        tracing::info!(%session, run = %run.number, origin_s = run.origin.as_secs_f64(), "a run begins");
        // The live door reads the session's history here, so the row of the run must not be there yet.
        if let Err(error) = self.parts.live.begin_run(session, &run) {
            tracing::error!(%session, error = %chain(&error), "a run is not live");
        }
        self.parts.keeper.begin_run(session, run);
        self.parts.view.set_session(Some(session));
        self.parts.view.set_no_sound(None);
        self.running = Some(Running { session, run: run.number, tracks: Vec::new(), open: Vec::new() });
    }

    fn end_session(&mut self, session: SessionId, end: MediaTime) {
        tracing::info!(%session, end_s = end.as_secs_f64(), "a session ends");
        if let Err(error) = self.parts.note.remove() {
            tracing::warn!(%session, %error, "the note of the live session stays");
        }
        self.parts.view.set_session(None);
        self.parts.keeper.end(session, end);
    }
}
