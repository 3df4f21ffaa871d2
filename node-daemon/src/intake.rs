//! The intake: reports come in, are published from memory, and are handed on to the keeper. One thread, never waiting
//! for the disk while a lecture runs.

mod act;

use std::sync::Arc;
use std::sync::mpsc::{SyncSender, TrySendError};
use std::time::Duration;
use std::{io, thread};

use model::wire::v1::{NoSound, Order, PartReport, Report, VERSION};
use model::{Clock, Gap, GapState, Input, RunNumber, SessionId, Timescale, Title, TrackName, chain};
use serve::Live;
use tokio::sync::{mpsc, oneshot, watch};

use crate::carrier::Carrier;
use crate::clock::Moment;
use crate::config::Settings;
use crate::keep;
use crate::note::Place;
use crate::room::{Cut, Event, Plan, Refusal, Room};
use crate::view::View;

/// Reports between the line and the intake. Small: what waits longer belongs into capture's own, bounded outbox, which
/// knows what to drop first.
const REPORTS_MAX: usize = 16;

/// Orders from the API; a host with both hands on the page does not fill it.
const COMMANDS_MAX: usize = 16;

/// A capture process with nothing to flush leaves at once.
const LEAVE_MAX: Duration = Duration::from_secs(3);

/// What others may want of the room.
#[derive(Debug)]
pub(crate) enum Command {
    /// Begin a session.
    Start(Title, oneshot::Sender<Result<SessionId, Refusal>>),
    /// End this session; answered when its last segment is kept.
    Stop(SessionId, oneshot::Sender<()>),
    /// End whatever is live and begin nothing more; answered when the last segment is kept.
    Close(oneshot::Sender<()>),
    /// End capture and leave.
    Leave,
}

/// What an intake works with.
pub(crate) struct Parts {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) boot: model::BootId,
    pub(crate) carrier: Box<dyn Carrier>,
    pub(crate) store: cache::Store,
    pub(crate) live: Live,
    pub(crate) keeper: keep::Handle,
    pub(crate) view: View,
    pub(crate) settings: watch::Receiver<Arc<Settings>>,
    pub(crate) note: Place,
    pub(crate) pace: model::wire::v1::Pace,
}

/// A session that goes on after a restart.
#[derive(Debug)]
pub(crate) struct Resumed {
    pub(crate) session: SessionId,
    pub(crate) title: Title,
    pub(crate) inputs: Vec<Input>,
    pub(crate) cut: Cut,
}

/// Something a line says; `None` when it ends.
type Said = (u64, Option<Report>);

/// The intake.
struct Intake {
    parts: Parts,
    room: Room,
    orders: Option<SyncSender<Order>>,
    /// Counts lines, so that a word of an old one is not taken for one of the new.
    generation: u64,
    said: (mpsc::Sender<Said>, mpsc::Receiver<Said>),
    running: Option<Running>,
    starting: Option<oneshot::Sender<Result<SessionId, Refusal>>>,
    stopping: Vec<oneshot::Sender<()>>,
    /// The daemon is leaving.
    closed: bool,
}

/// The run whose media comes in.
#[derive(Debug)]
struct Running {
    session: SessionId,
    run: RunNumber,
    tracks: Vec<(TrackName, Timescale)>,
    /// Gaps that last.
    open: Vec<Gap>,
}

/// Starts the intake on a thread of its own; it ends after [`Command::Leave`], when everything is kept.
///
/// # Errors
/// The system gives no thread or no random numbers.
pub(crate) fn start(
    parts: Parts,
    resumed: Option<Resumed>,
) -> io::Result<(mpsc::Sender<Command>, thread::JoinHandle<()>)> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let (commands, orders) = mpsc::channel(COMMANDS_MAX);
    let mut intake = Intake::new(parts, u32::from_le_bytes(random()?));
    if let Some(resumed) = resumed {
        intake.resume(resumed);
    }
    let thread = thread::Builder::new().name("intake".to_owned()).spawn(move || {
        runtime.block_on(intake.run(orders));
    })?;
    Ok((commands, thread))
}

impl Intake {
    fn new(parts: Parts, seed: u32) -> Self {
        let room = Room::new(parts.clock.monotonic(), seed);
        Self {
            parts,
            room,
            orders: None,
            generation: 0,
            said: mpsc::channel(REPORTS_MAX),
            running: None,
            starting: None,
            stopping: Vec::new(),
            closed: false,
        }
    }

    fn resume(&mut self, resumed: Resumed) {
        let Resumed { session, title, inputs, cut } = resumed;
        let plan = self.plan(session, title, inputs);
        self.parts.view.set_session(Some(session));
        self.room.resume(plan, cut, self.now().mono);
    }

    /// Works until it is told to leave.
    async fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        self.happen(Event::Tick);
        loop {
            let pause = self.room.wake_at().map(|at| at.since(self.now().mono));
            // An order waits for one report at most; reports come by the dozen.
            tokio::select! {
                biased;
                command = commands.recv() => match command {
                    Some(Command::Start(title, answer)) => self.start(title, answer),
                    Some(Command::Stop(session, answer)) if self.room.session() == Some(session) => self.stop(answer),
                    // It is over already; what is on its way to the disk comes first.
                    Some(Command::Stop(_, answer)) => self.parts.keeper.flush(answer),
                    Some(Command::Close(answer)) => {
                        self.closed = true;
                        self.stop(answer);
                    }
                    Some(Command::Leave) | None => break,
                },
                said = self.said.1.recv() => if let Some(said) = said { self.hear(said) },
                () = tokio::time::sleep(pause.unwrap_or(Duration::MAX)), if pause.is_some() => self.happen(Event::Tick),
            }
        }
        self.leave().await;
        self.parts.keeper.finish();
    }

    /// Lets capture go and waits for it, but not for long.
    async fn leave(&mut self) {
        self.order(Order::Leave);
        self.orders = None;
        let (generation, said) = (self.generation, &mut self.said.1);
        let gone = async { while said.recv().await.is_some_and(|word| word != (generation, None)) {} };
        if tokio::time::timeout(LEAVE_MAX, gone).await.is_err() {
            tracing::warn!("capture does not leave; it is ended");
        }
        self.parts.carrier.end();
    }

    fn start(&mut self, title: Title, answer: oneshot::Sender<Result<SessionId, Refusal>>) {
        let inputs = self.parts.settings.borrow().input.sources.clone();
        let refusal = match (self.room.wanted(), inputs.is_empty()) {
            _ if self.closed => Some(Refusal::Leaving),
            (Some(session), _) => Some(Refusal::Busy(session)),
            (None, true) => Some(Refusal::NoSources),
            (None, false) => None,
        };
        let session = match (refusal, random()) {
            (Some(refusal), _) => return reply(answer, Err(refusal)),
            (None, Err(error)) => {
                let why = format!("the system gives no random numbers ({error}); restart the machine");
                return reply(answer, Err(Refusal::NotKept(why)));
            }
            (None, Ok(random)) => SessionId::new(self.parts.clock.wall(), random),
        };
        let plan = self.plan(session, title, inputs);
        self.starting = Some(answer);
        self.happen(Event::Start(plan));
    }

    fn stop(&mut self, answer: oneshot::Sender<()>) {
        self.stopping.push(answer);
        self.happen(Event::Stop);
    }

    /// Makes the plan of a session from the settings that hold at this moment.
    fn plan(&self, session: SessionId, title: Title, inputs: Vec<Input>) -> Plan {
        let settings = self.parts.settings.borrow();
        let (encoding, loudness) = (settings.media_encoding(), settings.media_loudness());
        Plan { session, title, inputs, encoding, loudness, pace: self.parts.pace }
    }

    fn hear(&mut self, (generation, report): Said) {
        if generation != self.generation {
            return;
        }
        self.room.hear(self.parts.clock.monotonic());
        match report {
            None => {
                tracing::warn!("capture is gone; it is started again");
                self.end_capture();
                self.happen(Event::Gone);
            }
            Some(Report::Hello { version: VERSION }) => self.happen(Event::Connected),
            Some(Report::Hello { version }) => {
                tracing::error!(version, "capture speaks another version; install one version of everything");
                self.end_capture();
                self.happen(Event::Gone);
            }
            Some(Report::Started { run, origin, anchor, mono }) => {
                self.happen(Event::Started { run, origin, anchor, mono })
            }
            Some(Report::Refused { run, why }) => {
                // The first run's refusal is the answer to an order; later ones nobody else hears of.
                if run.0 > 0 {
                    tracing::warn!(%run, why = why.message, "the session's sources cannot be opened");
                }
                self.happen(Event::Refused { run, why })
            }
            Some(Report::Ended { run, why }) => self.happen(Event::Ended { run, why }),
            Some(Report::Levels(levels)) => self.parts.view.set_levels(levels),
            Some(Report::NoSound { run, why }) => self.no_sound(run, why),
            Some(Report::Pictures { run, counts }) => {
                if let Some(running) = self.running.as_ref().filter(|running| running.run == run) {
                    let now = self.parts.clock.monotonic();
                    self.parts.view.set_pictures(running.session, run, &counts, now);
                }
            }
            Some(Report::Source { input, state }) => {
                if let model::wire::v1::SourceState::Lost { why } = &state {
                    tracing::error!(source = input.shown(), why, "a source delivers nothing");
                }
                self.parts.view.set_source(input, state);
            }
            Some(Report::Track { run, track, init }) => self.track(run, track, init),
            Some(Report::Part(report)) => self.part(report),
            Some(Report::Gap { run, gap, state }) => self.gap(run, gap, state),
        }
    }

    /// Ends capture at once; whatever its line still says is not heard any more.
    fn end_capture(&mut self) {
        self.generation += 1;
        self.orders = None;
        self.parts.carrier.end();
    }

    fn track(&mut self, run: RunNumber, track: model::Track, init: bytes::Bytes) {
        let Some(running) = self.running.as_mut().filter(|running| running.run == run) else { return };
        running.tracks.push((track.name.clone(), track.timescale));
        let session = running.session;
        tracing::debug!(%session, %run, track = %track.name, codec = track.codec, "a track begins");
        if let Err(error) = self.parts.live.track(session, run, &track, init.clone()) {
            tracing::error!(%session, %run, error = %chain(&error), "a track is not live");
        }
        self.parts.keeper.track(session, run, track, init);
    }

    /// Publishes a part, then offers it to the keeper.
    fn part(&mut self, report: PartReport) {
        let Some(running) = self.running.as_ref().filter(|running| running.run == report.segment.run) else {
            return;
        };
        let session = running.session;
        if let Err(error) = self.parts.live.part(session, &report) {
            tracing::debug!(%session, track = %report.track, error = %chain(&error), "a part is not live");
        }
        let end = report.part.start.after(report.part.duration);
        let scale = running.tracks.iter().find(|(name, _)| *name == report.track).map(|(_, scale)| *scale);
        if let Some(scale) = scale {
            self.room.media_until(scale.media_time(end));
        }
        self.parts.keeper.part(session, report);
    }

    fn no_sound(&self, run: RunNumber, why: NoSound) {
        let Some(running) = self.running.as_ref().filter(|running| running.run == run) else { return };
        let session = running.session;
        match why {
            NoSound::Absent => tracing::warn!(%session, "no source has sound; the lecture is silent"),
            NoSound::Ended => tracing::warn!(%session, "the sound has ended; the picture goes on in silence"),
        }
        self.parts.view.set_no_sound(Some(why));
    }

    /// Takes what capture says of a gap: an open one is kept as far as it has come, whatever happens next.
    fn gap(&mut self, run: RunNumber, gap: Gap, state: GapState) {
        let Some(running) = self.running.as_mut().filter(|running| running.run == run) else { return };
        let session = running.session;
        let is_same = |other: &Gap| (other.from, &other.track) == (gap.from, &gap.track);
        let known = running.open.iter().position(is_same).map(|place| running.open.swap_remove(place));
        match (state, known) {
            (GapState::Closed, None) => self.add_gap(session, gap),
            (GapState::Closed, Some(_)) => {
                let (at_s, missing) = (gap.from.as_secs_f64(), gap.to.since(gap.from));
                let (track, after) = (track_of(&gap), format!("{:.1} s", missing.as_secs_f64()));
                let missing_ms = missing.as_millis();
                tracing::error!(%session, track, at_s, missing_ms, after, "a source is back");
                self.declare(session, gap, state);
            }
            (GapState::Open, None) => {
                running.open.push(gap.clone());
                self.declare(session, gap, state);
            }
            // Playlists tell its length when it is over.
            (GapState::Open, Some(_)) => {
                running.open.push(gap.clone());
                self.parts.keeper.gap(session, gap, state);
            }
        }
    }

    /// Ends the gaps that last: no more of the run comes.
    fn close_gaps(&mut self) {
        let Some(running) = &mut self.running else { return };
        let (session, open) = (running.session, std::mem::take(&mut running.open));
        open.into_iter().for_each(|gap| self.add_gap(session, gap));
    }

    fn add_gap(&self, session: SessionId, gap: Gap) {
        let missing_ms = gap.to.since(gap.from).as_millis();
        let (track, at_s) = (track_of(&gap), gap.from.as_secs_f64());
        tracing::error!(%session, cause = gap.cause.as_str(), track, at_s, missing_ms, "media is missing");
        self.declare(session, gap, GapState::Closed);
    }

    fn declare(&self, session: SessionId, gap: Gap, state: GapState) {
        if let Err(error) = self.parts.live.gap(session, &gap, state) {
            tracing::error!(%session, error = %chain(&error), "a gap is not marked live");
        }
        self.parts.keeper.gap(session, gap, state);
    }

    /// Gives capture an order; if it takes none, its end is heard soon.
    fn order(&mut self, order: Order) {
        let Some(orders) = &self.orders else { return };
        match orders.try_send(order) {
            Ok(()) | Err(TrySendError::Disconnected(_)) => {}
            // The deadline of what was ordered ends a capture process that hangs.
            Err(TrySendError::Full(_)) => tracing::warn!("capture takes no orders"),
        }
    }

    fn now(&self) -> Moment {
        let clock = &self.parts.clock;
        Moment { mono: clock.monotonic(), wall: clock.wall(), boot: self.parts.boot }
    }
}

/// Returns for the log which track a gap concerns.
fn track_of(gap: &Gap) -> &str {
    gap.track.as_ref().map_or("all", TrackName::as_str)
}

/// Answers whoever still waits.
fn reply<T>(answer: oneshot::Sender<T>, value: T) {
    if answer.send(value).is_err() {
        tracing::debug!("nobody waits for the answer any more");
    }
}

/// Returns random bytes from the kernel.
fn random<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    // Up to 256 bytes are never cut short (getrandom(2)).
    rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty())?;
    Ok(bytes)
}

#[cfg(test)]
mod tests;
