use model::input::{AtEnd, TestSignal};
use model::wire::v1::Pace;
use model::{BootId, RunNumber, Title, WallTime};
use proptest::prelude::*;

use super::*;

const WALL: WallTime = WallTime::from_unix_ms(1_790_000_000_000);

fn at(ms: u64) -> Moment {
    Moment {
        mono: MonoTime::from_nanos(ms * 1_000_000),
        wall: WALL.after(Duration::from_millis(ms)),
        boot: BootId::from_kernel("10000000-0000-4000-8000-000000000000"),
    }
}

fn plan(number: u8, input: Input) -> Plan {
    Plan {
        session: SessionId::new(WALL, [number; 10]),
        title: Title::new("Tides").unwrap(),
        inputs: vec![input],
        encoding: model::settings::Encoding::default(),
        loudness: model::settings::Loudness::default(),
        pace: Pace::RealTime,
    }
}

fn live() -> Input {
    Input::Test(TestSignal::Both)
}

fn file() -> Input {
    Input::File { path: "talk.wav".into(), at_end: AtEnd::Stop }
}

fn failure() -> Failure {
    Failure {
        kind: FailureKind::Busy,
        message: "the microphone is in use; close the other program".to_owned(),
    }
}

fn started(run: u32, origin_ms: u64, now: Moment) -> Event {
    let origin = MediaTime::from_millis(origin_ms);
    Event::Started { run: RunNumber(run), origin, anchor: now.wall, mono: now.mono }
}

/// A room in which capture is ready at 0 ms.
fn ready() -> Room {
    let mut room = Room::new(at(0).mono, 1);
    assert_eq!(room.on(Event::Tick, at(0)), [Action::Spawn]);
    assert_eq!(room.on(Event::Connected, at(0)), []);
    room
}

/// A room in which a session runs from 1000 ms on, its media known until 5 s of its timeline.
fn running(input: Input) -> Room {
    let mut room = ready();
    let ordered = room.on(Event::Start(plan(1, input)), at(900));
    assert!(matches!(&ordered[..], [Action::Order(Order::Start(start))] if start.origin == MediaTime::ZERO));
    let begun = room.on(started(0, 0, at(1000)), at(1010));
    assert!(matches!(
        &begun[..],
        [Action::BeginSession(_), Action::BeginRun { .. }, Action::StartDone(Ok(_))]
    ));
    room.media_until(MediaTime::from_millis(5000));
    room
}

/// Lets time pass until the room does something by itself.
fn wait(room: &mut Room) -> (Moment, Vec<Action>) {
    let wake = room.wake_at().expect("something is due");
    let now = at(wake.as_nanos().div_ceil(1_000_000));
    (now, room.on(Event::Tick, now))
}

#[test]
fn a_stopped_session_is_sealed_before_it_is_ended() {
    let mut room = running(live());
    assert_eq!(room.on(Event::Stop, at(6000)), [Action::Order(Order::Stop)]);
    assert_eq!(room.on(Event::Stop, at(6001)), [], "a second stop waits for the first");
    let ended = room.on(Event::Ended { run: RunNumber(0), why: End::Stopped }, at(6100));
    let end = MediaTime::from_millis(5000);
    let session = plan(1, live()).session;
    assert_eq!(ended, [Action::CloseRun, Action::EndSession { session, end }, Action::StopDone]);
    assert!(room.wanted().is_none());
    assert_eq!(room.on(Event::Stop, at(6200)), [Action::StopDone]);
}

#[test]
fn a_second_session_is_refused_while_one_is_live() {
    let mut room = running(live());
    let session = plan(1, live()).session;
    let answer = room.on(Event::Start(plan(2, live())), at(2000));
    assert_eq!(answer, [Action::StartDone(Err(Refusal::Busy(session)))]);
    assert_eq!(room.session(), Some(session));
}

#[test]
fn a_refused_start_leaves_nothing_behind() {
    let mut room = ready();
    room.on(Event::Start(plan(1, live())), at(10));
    let answer = room.on(Event::Refused { run: RunNumber(0), why: failure() }, at(20));
    assert_eq!(answer, [Action::StartDone(Err(Refusal::Failed(failure())))]);
    assert!(room.wanted().is_none() && room.session().is_none());
}

#[test]
fn a_lost_capture_process_is_back_on_the_same_timeline_with_its_gap() {
    let mut room = running(live());
    assert_eq!(room.on(Event::Gone, at(6200)), [Action::CloseRun]);
    let (again, actions) = wait(&mut room);
    assert_eq!(actions, [Action::Spawn]);
    assert!(again.mono.since(at(6200).mono) <= Duration::from_millis(200));
    let Ok([Action::Order(Order::Start(start))]) =
        <[Action; 1]>::try_from(room.on(Event::Connected, at(6950)))
    else {
        panic!("the next run is asked for at once");
    };
    // The session's timeline began at 1000 ms; 6950 ms is 5950 ms into it, rounded up to a tenth of a second.
    assert_eq!((start.run, start.origin), (RunNumber(1), MediaTime::from_millis(6000)));
    // 50 ms from the order to the tenth of a second.
    assert_eq!(start.since, Some(at(7000).mono));
    // The sources took 300 ms to open: the gap is that much longer.
    let begun = room.on(started(1, 6300, at(7300)), at(7310));
    let gap = model::Gap {
        from: MediaTime::from_millis(5000),
        to: MediaTime::from_millis(6300),
        track: None,
        cause: GapCause::CaptureLost,
    };
    let session = plan(1, live()).session;
    assert_eq!(begun[1..], [Action::AddGap { session, gap }]);
}

#[test]
fn a_source_that_fails_is_tried_again_but_a_file_that_fails_is_not() {
    let why = || Event::Ended { run: RunNumber(0), why: End::Failed(failure()) };
    let mut room = running(live());
    assert_eq!(room.on(why(), at(6000)), [Action::CloseRun]);
    assert!(room.session().is_some());
    let mut room = running(file());
    assert!(matches!(
        room.on(why(), at(6000))[..],
        [Action::CloseRun, Action::EndSession { .. }, Action::StopDone]
    ));
}

#[test]
fn capture_that_dies_over_its_sources_three_times_is_a_refusal() {
    let mut room = ready();
    room.on(Event::Start(plan(1, file())), at(10));
    for _ in 0..2 {
        assert_eq!(room.on(Event::Gone, at(20)), []);
        let (now, actions) = wait(&mut room);
        assert_eq!(actions, [Action::Spawn]);
        assert!(matches!(room.on(Event::Connected, now)[..], [Action::Order(Order::Start(_))]));
    }
    assert_eq!(room.on(Event::Gone, at(5000)), [Action::StartDone(Err(Refusal::CaptureLost))]);
}

#[test]
fn capture_that_hangs_is_killed_and_the_session_is_ended_all_the_same() {
    let mut room = running(live());
    room.on(Event::Stop, at(6000));
    let (now, actions) = wait(&mut room);
    assert_eq!(now.mono.since(at(6000).mono), STOP_MAX);
    assert!(matches!(
        actions[..],
        [Action::Kill, Action::CloseRun, Action::EndSession { .. }, Action::StopDone]
    ));
}

#[test]
fn capture_that_falls_silent_is_replaced_and_the_session_goes_on() {
    let mut room = running(live());
    room.hear(at(4000).mono);
    let (now, actions) = wait(&mut room);
    assert_eq!((now.mono, actions), (at(14_000).mono, vec![Action::Kill, Action::CloseRun]));
    assert!(room.session().is_some());
    assert_eq!(wait(&mut room).1, [Action::Spawn]);
}

#[test]
fn a_session_that_cannot_be_written_down_does_not_begin() {
    let mut room = running(live());
    let actions = room.on(Event::NotKept("no space left".to_owned()), at(1011));
    let refusal = Refusal::NotKept("no space left".to_owned());
    assert_eq!(actions, [Action::StartDone(Err(refusal)), Action::Order(Order::Stop)]);
    let ended = room.on(Event::Ended { run: RunNumber(0), why: End::Stopped }, at(1100));
    assert_eq!(ended, [Action::CloseRun, Action::StopDone]);
}

#[test]
fn a_resumed_session_keeps_its_id_and_takes_the_next_run() {
    let mut room = ready();
    let last = model::Run {
        number: RunNumber(4),
        origin: MediaTime::from_millis(1000),
        anchor: WALL,
        mono: at(0).mono,
        boot: at(0).boot,
    };
    room.resume(plan(1, live()), Cut { last, end: MediaTime::from_millis(3000) }, at(8000).mono);
    assert_eq!(room.session(), Some(plan(1, live()).session));
    let actions = room.on(Event::Tick, at(8000));
    let [Action::Order(Order::Start(start))] = &actions[..] else { panic!("{actions:?}") };
    assert_eq!((start.run, start.origin), (RunNumber(5), MediaTime::from_millis(9000)));
    let begun = room.on(started(5, 9000, at(8100)), at(8110));
    assert!(
        matches!(&begun[..], [Action::BeginRun { .. }, Action::AddGap { gap, .. }] if gap.cause == GapCause::Restart)
    );
}

/// What the world may do to a room.
#[derive(Debug, Clone)]
enum Act {
    Start(bool),
    Stop,
    Connected,
    Gone,
    Started,
    Refused,
    Ended(bool),
    Media(u64),
    Pass(u64),
}

fn any_act() -> impl Strategy<Value = Act> {
    prop_oneof![
        any::<bool>().prop_map(Act::Start),
        Just(Act::Stop),
        Just(Act::Connected),
        Just(Act::Gone),
        Just(Act::Started),
        Just(Act::Started),
        Just(Act::Refused),
        any::<bool>().prop_map(Act::Ended),
        (0_u64..10_000).prop_map(Act::Media),
        (0_u64..20_000).prop_map(Act::Pass),
    ]
}

/// Plays the world's part and checks every promise of the room.
struct Watcher {
    room: Room,
    now_ms: u64,
    connected: bool,
    asked: Option<RunNumber>,
    origin: MediaTime,
    live: Option<(SessionId, RunNumber, MediaTime)>,
    media: MediaTime,
    spawned_at: Option<u64>,
    waiting: u32,
}

impl Watcher {
    fn play(&mut self, act: &Act) {
        let now = at(self.now_ms);
        let run = self.asked.unwrap_or(RunNumber(9));
        let event = match act {
            Act::Start(file_only) => {
                self.waiting += 1;
                Event::Start(plan(1, if *file_only { file() } else { live() }))
            }
            Act::Stop => Event::Stop,
            Act::Connected if !self.connected && self.spawned_at.is_some() => {
                self.connected = true;
                Event::Connected
            }
            Act::Gone if self.spawned_at.is_some() => {
                (self.connected, self.asked) = (false, None);
                Event::Gone
            }
            Act::Started if self.connected => {
                Event::Started { run, origin: self.origin, anchor: now.wall, mono: now.mono }
            }
            Act::Refused if self.connected => Event::Refused { run, why: failure() },
            Act::Ended(fails) if self.connected => {
                Event::Ended { run, why: if *fails { End::Failed(failure()) } else { End::EndOfInput } }
            }
            Act::Media(more_ms) => {
                self.media = self.media.after(Duration::from_millis(*more_ms));
                self.room.media_until(self.media);
                self.room.hear(now.mono);
                return;
            }
            Act::Pass(ms) => {
                self.now_ms += ms;
                Event::Tick
            }
            _ => Event::Tick,
        };
        let done = self.room.on(event, at(self.now_ms));
        done.iter().for_each(|action| self.check(action));
        assert_eq!(self.room.session(), self.live.map(|(session, ..)| session));
        assert!(
            self.room.wanted().is_some() || self.waiting == 0,
            "every start is answered by the time the room is idle"
        );
        assert!(
            self.room.wake_at().is_none_or(|wake| wake > at(self.now_ms).mono),
            "nothing due is left undone"
        );
    }

    fn check(&mut self, action: &Action) {
        match action {
            Action::Spawn => {
                assert!(
                    self.spawned_at.is_none_or(|before| before + 100 <= self.now_ms),
                    "capture restarts spin"
                );
                (self.spawned_at, self.connected) = (Some(self.now_ms), false);
            }
            Action::Kill => (self.connected, self.asked) = (false, None),
            Action::Order(Order::Start(start)) => {
                assert!(self.connected && start.origin >= self.live.map_or(MediaTime::ZERO, |(.., end)| end));
                assert_eq!(start.origin.as_nanos() % 100_000_000, 0);
                (self.asked, self.origin) = (Some(start.run), start.origin);
            }
            Action::Order(_) => assert!(self.connected),
            Action::BeginSession(session) => {
                assert_eq!(self.live, None, "one session at a time");
                self.media = MediaTime::ZERO;
                self.live = Some((session.id, RunNumber(0), MediaTime::ZERO));
            }
            Action::BeginRun { session, run } => {
                let (live, before, end) = self.live.expect("a run belongs to a session");
                assert!(live == *session && run.origin >= end);
                assert!(run.number > before || run.number == RunNumber(0));
                self.live = Some((live, run.number, run.origin));
                self.media = self.media.max(run.origin);
            }
            Action::AddGap { gap, .. } => assert!(gap.to > gap.from),
            Action::EndSession { session, .. } => {
                assert_eq!(self.live.take().map(|(live, ..)| live), Some(*session));
            }
            Action::StartDone(_) => self.waiting -= 1,
            Action::CloseRun | Action::StopDone => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn whatever_happens_the_room_keeps_its_promises(acts in prop::collection::vec(any_act(), 1..60), seed: u32) {
        let mut watcher = Watcher {
            room: Room::new(at(0).mono, seed),
            now_ms: 0,
            connected: false,
            asked: None,
            origin: MediaTime::ZERO,
            live: None,
            media: MediaTime::ZERO,
            spawned_at: None,
            waiting: 0,
        };
        acts.iter().for_each(|act| watcher.play(act));
        watcher.play(&Act::Stop);
        // No answer from capture ever comes: deadlines alone must bring the room to rest.
        for _ in 0..4 {
            watcher.play(&Act::Pass(20_000));
        }
        prop_assert!(watcher.room.wanted().is_none() && watcher.live.is_none());
    }
}
