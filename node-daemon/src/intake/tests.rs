use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};

use cache::synthetic;
use model::wire::v1::{Close, End, Failure, FailureKind, Pace, Start};
use model::{
    BootId, GapCause, ManualClock, MediaTime, PartIndex, Run, SegmentKey, SegmentNumber, Session,
    SessionState, Ticks, WallTime,
};
use tempfile::TempDir;

use super::*;
use crate::carrier::Line;
use crate::config::Fragment;
use crate::note::Note;
use crate::resume;

const WALL: WallTime = WallTime::from_unix_ms(1_790_000_000_000);

/// Capture as the test plays it: the other ends of every line that the intake opens.
struct Stage(SyncSender<Actor>);

/// One capture process.
struct Actor {
    orders: Receiver<Order>,
    reports: SyncSender<Report>,
}

impl Carrier for Stage {
    fn open(&mut self) -> io::Result<Line> {
        let (orders, orders_in) = sync_channel(8);
        let (reports, reports_out) = sync_channel(64);
        self.0
            .send(Actor { orders: orders_in, reports })
            .map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
        Ok(Line { orders, reports: reports_out })
    }

    fn end(&mut self) {}
}

impl Actor {
    fn say(&self, report: Report) {
        self.reports.send(report).unwrap();
    }

    fn hello(&self) {
        self.say(Report::Hello { version: VERSION });
    }

    fn ordered(&self) -> Start {
        match self.orders.recv().unwrap() {
            Order::Start(start) => start,
            other => panic!("{other:?} instead of a start"),
        }
    }

    /// Plays a run from its start on, with so many whole segments.
    fn play(&self, start: &Start, clock: &dyn Clock, segments: u64) {
        let run = start.run;
        let origin = start.origin;
        self.say(Report::Started { run, origin, anchor: clock.wall(), mono: clock.monotonic() });
        let track = synthetic::track(&"audio".parse().unwrap());
        let origin = track.timescale.ticks(start.origin).0;
        self.say(Report::Track { run, track, init: synthetic::init(0).into() });
        for number in 0..segments {
            for index in 0..4_u32 {
                self.say(part(run, origin, number, index));
            }
        }
    }
}

fn part(run: RunNumber, origin: u64, number: u64, index: u32) -> Report {
    let at = Ticks(origin + (number * 4 + u64::from(index)) * 23 * u64::from(synthetic::SAMPLE_TICKS));
    let (part, media) = synthetic::part(PartIndex(index), at, 23, 3000, origin + number);
    Report::Part(PartReport {
        track: "audio".parse().unwrap(),
        segment: SegmentKey { run, number: SegmentNumber(number) },
        part,
        closes: (index == 3).then(Close::default),
        media: media.into(),
    })
}

/// An intake over a real data folder.
struct House {
    store: cache::Store,
    clock: Arc<ManualClock>,
    view: View,
    note: Place,
    commands: mpsc::Sender<Command>,
    thread: thread::JoinHandle<()>,
    actors: Receiver<Actor>,
    _settings: watch::Sender<Arc<Settings>>,
    folder: TempDir,
}

fn settings(inputs: &[&str]) -> Settings {
    let mut fragment = Fragment::default();
    fragment.input.sources = Some(inputs.iter().map(|input| input.parse().unwrap()).collect());
    fragment.complete()
}

impl House {
    fn new(inputs: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (store, _) = cache::Store::open(folder.path(), cache::Options::default()).unwrap();
        Self::open(inputs, folder, store, ManualClock::new(WALL))
    }

    fn open(inputs: &[&str], folder: TempDir, store: cache::Store, clock: ManualClock) -> Self {
        let clock = Arc::new(clock);
        Self::open_with(inputs, folder, store, clock.clone(), clock, BootId::UNKNOWN)
    }

    /// Opens an intake that asks `told` for the time, which moves with `clock`.
    fn open_with(
        inputs: &[&str],
        folder: TempDir,
        store: cache::Store,
        clock: Arc<ManualClock>,
        told: Arc<dyn Clock>,
        boot: BootId,
    ) -> Self {
        let live = Live::new(store.clone(), told.clone());
        let note = Place::new(folder.path());
        let now = Moment { mono: told.monotonic(), wall: told.wall(), boot };
        let (settings, watched) = watch::channel(Arc::new(settings(inputs)));
        let resumed = resume::take_up(&store, &note, &settings.borrow().input.sources, now).unwrap();
        let (stage, actors) = sync_channel(4);
        let view = View::default();
        let parts = Parts {
            clock: told,
            boot,
            carrier: Box::new(Stage(stage)),
            store: store.clone(),
            live: live.clone(),
            keeper: keep::Handle::start(store.clone(), live, keep::Health::default()).unwrap(),
            view: view.clone(),
            settings: watched,
            note: note.clone(),
            pace: Pace::RealTime,
        };
        let (commands, thread) = start(parts, resumed).unwrap();
        Self { store, clock, view, note, commands, thread, actors, _settings: settings, folder }
    }

    /// Opens capture as the intake does first.
    fn actor(&self) -> Actor {
        let actor = self.actors.recv().unwrap();
        actor.hello();
        actor
    }

    /// Lets time pass until capture is opened once more.
    fn next_actor(&self) -> Actor {
        loop {
            match self.actors.recv_timeout(Duration::from_millis(20)) {
                Ok(actor) => return actor,
                Err(_) => self.clock.advance(Duration::from_secs(1)),
            }
        }
    }

    fn ask(&self) -> oneshot::Receiver<Result<SessionId, Refusal>> {
        let (answer, answered) = oneshot::channel();
        self.commands.blocking_send(Command::Start(Title::new("Tides").unwrap(), answer)).unwrap();
        answered
    }

    fn stop(&self, session: SessionId) -> oneshot::Receiver<()> {
        let (answer, answered) = oneshot::channel();
        self.commands.blocking_send(Command::Stop(session, answer)).unwrap();
        answered
    }

    /// Leaves; the actor that is on stage goes when it is told to.
    fn leave(self, actor: Actor) -> (TempDir, cache::Store) {
        self.commands.blocking_send(Command::Leave).unwrap();
        assert_eq!(actor.orders.recv().unwrap(), Order::Leave);
        drop(actor);
        self.thread.join().unwrap();
        (self.folder, self.store)
    }

    fn audio(&self, session: SessionId) -> Vec<SegmentKey> {
        let segments = self.store.segments(session, &"audio".parse().unwrap(), None).unwrap();
        segments.iter().map(|segment| segment.key).collect()
    }
}

fn key(run: u32, number: u64) -> SegmentKey {
    SegmentKey { run: RunNumber(run), number: SegmentNumber(number) }
}

#[test]
fn a_session_goes_from_its_start_over_its_parts_to_its_end() {
    let house = House::new(&["test:audio"]);
    let actor = house.actor();
    let answer = house.ask();
    let start = actor.ordered();
    assert_eq!((start.run, start.origin), (RunNumber(0), MediaTime::ZERO));
    actor.play(&start, &*house.clock, 2);
    let session = answer.blocking_recv().unwrap().unwrap();
    assert_eq!(house.view.session(), Some(session));
    assert_eq!(house.note.read().map(|note| note.session), Some(session));
    assert_eq!(house.ask().blocking_recv().unwrap(), Err(Refusal::Busy(session)));

    let stopped = house.stop(session);
    assert_eq!(actor.orders.recv().unwrap(), Order::Stop);
    actor.say(part(RunNumber(0), 0, 2, 0));
    actor.say(Report::Ended { run: RunNumber(0), why: End::Stopped });
    stopped.blocking_recv().unwrap();
    assert_eq!(house.store.session(session).unwrap().unwrap().state, SessionState::Ended);
    assert_eq!(house.audio(session), [key(0, 0), key(0, 1), key(0, 2)], "the last part was on its way");
    assert_eq!((house.view.session(), house.note.read()), (None, None));
    house.stop(session).blocking_recv().unwrap();
    house.leave(actor);
}

#[test]
fn a_killed_capture_process_is_replaced_and_the_session_goes_on() {
    let house = House::new(&["test:audio"]);
    let actor = house.actor();
    let answer = house.ask();
    actor.play(&actor.ordered(), &*house.clock, 1);
    let session = answer.blocking_recv().unwrap().unwrap();
    house.clock.advance(Duration::from_secs(3));
    drop(actor);
    // The intake notices and asks for the time of its next try before the clock moves on.
    while house.view.is_capture_ready() {
        thread::yield_now();
    }
    house.clock.advance(Duration::from_secs(1));
    let actor = house.actor();
    let start = actor.ordered();
    assert_eq!((start.session, start.run), (session, RunNumber(1)));
    // Without a known boot only the wall clock tells, and it is to be believed here.
    assert_eq!(start.origin, MediaTime::from_millis(4000));
    actor.play(&start, &*house.clock, 1);
    let stopped = house.stop(session);
    assert_eq!(actor.orders.recv().unwrap(), Order::Stop);
    actor.say(Report::Ended { run: RunNumber(1), why: End::Stopped });
    stopped.blocking_recv().unwrap();
    assert_eq!(house.audio(session), [key(0, 0), key(1, 0)]);
    let gaps = house.store.gaps(session).unwrap();
    assert!(
        matches!(&gaps[..], [gap] if gap.cause == GapCause::CaptureLost && gap.to == start.origin),
        "{gaps:?}"
    );
    house.leave(actor);
}

/// The clocks of a machine whose wall clock is set by hand.
#[derive(Debug)]
struct Stepping {
    steady: Arc<ManualClock>,
    step_ms: AtomicI64,
}

impl Clock for Stepping {
    fn monotonic(&self) -> model::MonoTime {
        self.steady.monotonic()
    }

    fn wall(&self) -> WallTime {
        WallTime::from_unix_ms(self.steady.wall().unix_ms() + self.step_ms.load(Ordering::SeqCst))
    }
}

/// Steps the wall clock in a session of two runs; checks media time and dates.
fn check_step(step_ms: i64) {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = cache::Store::open(folder.path(), cache::Options::default()).unwrap();
    let steady = Arc::new(ManualClock::new(WALL));
    let clock = Arc::new(Stepping { steady: steady.clone(), step_ms: AtomicI64::new(0) });
    let boot = BootId::from_kernel("3f6c2b1e-8d53-4f0e-9a57-0f4b8c1d2e3f");
    assert_ne!(boot, BootId::UNKNOWN);
    let house = House::open_with(&["test:audio"], folder, store, steady, clock.clone(), boot);
    let actor = house.actor();
    let answer = house.ask();
    let first = actor.ordered();
    actor.play(&first, &*clock, 1);
    let session = answer.blocking_recv().unwrap().unwrap();
    house.clock.advance(Duration::from_secs(3));
    clock.step_ms.store(step_ms, Ordering::SeqCst);
    // In the run that goes on nothing reads the wall clock.
    let one_more = |index| part(RunNumber(0), 0, 1, index);
    (0..4).for_each(|index| actor.say(one_more(index)));
    while house.audio(session).len() < 2 {
        thread::yield_now();
    }
    drop(actor);
    while house.view.is_capture_ready() {
        thread::yield_now();
    }
    house.clock.advance(Duration::from_secs(1));
    let actor = house.actor();
    let second = actor.ordered();
    assert_eq!(second.origin, MediaTime::from_millis(4000), "media time is the monotonic clock's");
    actor.play(&second, &*clock, 1);
    let stopped = house.stop(session);
    assert_eq!(actor.orders.recv().unwrap(), Order::Stop);
    actor.say(Report::Ended { run: RunNumber(1), why: End::Stopped });
    stopped.blocking_recv().unwrap();
    let runs: Vec<_> =
        house.store.runs(session).unwrap().iter().map(|run| (run.origin, run.anchor)).collect();
    // Dates of the first run stay as they were told; the second one's are those of the clock as it is set.
    let anchor = WallTime::from_unix_ms(WALL.unix_ms() + 4000 + step_ms);
    assert_eq!(runs, [(MediaTime::ZERO, WALL), (MediaTime::from_millis(4000), anchor)]);
    let gaps = house.store.gaps(session).unwrap();
    assert!(matches!(&gaps[..], [gap] if gap.to == second.origin && gap.from < gap.to), "{gaps:?}");
    house.leave(actor);
}

#[test]
fn no_step_of_the_wall_clock_in_a_running_session_bends_media_time() {
    const TEN_YEARS_MS: i64 = 10 * 365 * 24 * 3600 * 1000;
    check_step(TEN_YEARS_MS);
    check_step(-TEN_YEARS_MS);
}

#[test]
fn a_gap_that_lasts_is_kept_as_far_as_it_has_come() {
    let house = House::new(&["test:audio"]);
    let actor = house.actor();
    let answer = house.ask();
    actor.play(&actor.ordered(), &*house.clock, 1);
    let session = answer.blocking_recv().unwrap().unwrap();
    let gap = |from_ms, to_ms| model::Gap {
        from: MediaTime::from_millis(from_ms),
        to: MediaTime::from_millis(to_ms),
        track: Some("audio".parse().unwrap()),
        cause: GapCause::SourceLost,
    };
    let say = |gap: &model::Gap, state| actor.say(Report::Gap { run: RunNumber(0), gap: gap.clone(), state });
    let until_kept = |gaps: &[model::Gap]| {
        while house.store.gaps(session).unwrap() != gaps {
            thread::yield_now();
        }
    };
    // A daemon that is killed here finds the gap as long as it was.
    for to_ms in [700, 1000, 1500] {
        say(&gap(600, to_ms), GapState::Open);
        until_kept(&[gap(600, to_ms)]);
    }
    say(&gap(600, 1640), GapState::Closed);
    until_kept(&[gap(600, 1640)]);
    // The run ends while the source is away.
    say(&gap(1800, 2000), GapState::Open);
    let stopped = house.stop(session);
    assert_eq!(actor.orders.recv().unwrap(), Order::Stop);
    actor.say(Report::Ended { run: RunNumber(0), why: End::Stopped });
    stopped.blocking_recv().unwrap();
    assert_eq!(house.store.gaps(session).unwrap(), [gap(600, 1640), gap(1800, 2000)]);
    house.leave(actor);
}

#[test]
fn a_capture_process_of_another_version_counts_as_one_failure() {
    let house = House::new(&["test:audio"]);
    let mut answer = house.ask();
    for _ in 0..2 {
        let stranger = house.next_actor();
        stranger.say(Report::Hello { version: VERSION + 1 });
    }
    let actor = house.next_actor();
    assert_eq!(answer.try_recv(), Err(oneshot::error::TryRecvError::Empty), "the third attempt is made");
    actor.hello();
    actor.play(&actor.ordered(), &*house.clock, 1);
    let session = answer.blocking_recv().unwrap().unwrap();
    let stopped = house.stop(session);
    assert_eq!(actor.orders.recv().unwrap(), Order::Stop);
    actor.say(Report::Ended { run: RunNumber(0), why: End::Stopped });
    stopped.blocking_recv().unwrap();
    house.leave(actor);
}

#[test]
fn a_refusal_reaches_the_one_who_asked_and_leaves_nothing_stored() {
    let house = House::new(&["file:missing.wav"]);
    let actor = house.actor();
    let answer = house.ask();
    let start = actor.ordered();
    let message = "missing.wav does not exist; check the path".to_owned();
    let why = Failure { kind: FailureKind::UnknownSource, message: message.clone() };
    actor.say(Report::Refused { run: start.run, why });
    assert_eq!(answer.blocking_recv().unwrap().unwrap_err().to_string(), message);
    assert_eq!(house.store.sessions().unwrap(), []);
    house.leave(actor);
}

#[test]
fn without_sources_a_start_says_how_to_name_some() {
    let house = House::new(&[]);
    let actor = house.actor();
    assert_eq!(house.ask().blocking_recv().unwrap(), Err(Refusal::NoSources));
    house.leave(actor);
}

#[test]
fn nothing_begins_any_more_once_the_daemon_is_leaving() {
    let house = House::new(&["test:audio"]);
    let actor = house.actor();
    let (answer, answered) = oneshot::channel();
    house.commands.blocking_send(Command::Close(answer)).unwrap();
    answered.blocking_recv().unwrap();
    assert_eq!(house.ask().blocking_recv().unwrap(), Err(Refusal::Leaving));
    house.leave(actor);
}

/// A data folder as a power cut leaves it: a live session with one run and nothing more.
fn cut(inputs: &[&str]) -> (TempDir, cache::Store, SessionId) {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = cache::Store::open(folder.path(), cache::Options::default()).unwrap();
    let session = SessionId::new(WALL, [5; 10]);
    let begun = Session {
        id: session,
        title: Title::new("Tides").unwrap(),
        state: SessionState::Live,
        started: WALL,
        end: MediaTime::ZERO,
    };
    store.begin_session(&begun).unwrap();
    let run = Run {
        number: RunNumber(0),
        origin: MediaTime::ZERO,
        anchor: WALL,
        mono: model::MonoTime::from_nanos(0),
        boot: BootId::UNKNOWN,
    };
    store.begin_run(session, &run).unwrap();
    let inputs = inputs.iter().map(|input| input.parse().unwrap()).collect();
    Place::new(folder.path()).write(&Note { session, inputs }).unwrap();
    (folder, store, session)
}

fn later(by: Duration) -> ManualClock {
    let clock = ManualClock::new(WALL);
    clock.advance(by);
    clock
}

#[test]
fn a_session_that_was_cut_goes_on_by_itself_and_says_what_is_missing() {
    let (folder, store, session) = cut(&["test:audio"]);
    let house = House::open(&["test:audio"], folder, store, later(Duration::from_millis(60_040)));
    let actor = house.actor();
    let start = actor.ordered();
    assert_eq!(
        (start.session, start.run, start.origin),
        (session, RunNumber(1), MediaTime::from_millis(60_100))
    );
    actor.play(&start, &*house.clock, 1);
    let stopped = house.stop(session);
    assert_eq!(actor.orders.recv().unwrap(), Order::Stop);
    actor.say(Report::Ended { run: RunNumber(1), why: End::EndOfInput });
    stopped.blocking_recv().unwrap();
    let gaps = house.store.gaps(session).unwrap();
    assert!(
        matches!(&gaps[..], [gap] if gap.cause == GapCause::Restart && gap.from == MediaTime::ZERO),
        "{gaps:?}"
    );
    house.leave(actor);
}

#[test]
fn a_session_that_was_cut_long_ago_or_elsewhere_is_ended() {
    for (inputs, after) in
        [(["test:audio"], Duration::from_secs(901)), (["test:video"], Duration::from_secs(1))]
    {
        let (folder, store, session) = cut(&["test:audio"]);
        let house = House::open(&inputs, folder, store, later(after));
        assert_eq!(house.store.session(session).unwrap().unwrap().state, SessionState::Ended);
        assert_eq!((house.view.session(), house.note.read()), (None, None));
        let actor = house.actor();
        house.leave(actor);
    }
}
