use std::fs;

use cache::synthetic;
use model::wire::v1::Close;
use model::{
    BootId, GapCause, MonoTime, PartIndex, Segment, SegmentNumber, Session, SessionState, Ticks, Title,
    WallTime,
};
use tempfile::TempDir;

use super::*;
use crate::clock::SystemClock;

const SAMPLES: u32 = 23;

/// A keeper over a real data folder that holds one live session with one track.
struct Desk {
    folder: TempDir,
    store: cache::Store,
    session: SessionId,
    track: TrackName,
    health: Health,
    keeper: Handle,
}

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (store, _) = cache::Store::open(folder.path(), cache::Options::default()).unwrap();
        let live = Live::new(store.clone(), Arc::new(SystemClock));
        let session = SessionId::new(WallTime::from_unix_ms(1), [1; 10]);
        let begun = Session {
            id: session,
            title: Title::new("Tides").unwrap(),
            state: SessionState::Live,
            started: WallTime::from_unix_ms(1),
            end: MediaTime::ZERO,
        };
        store.begin_session(&begun).unwrap();
        let run = Run {
            number: RunNumber(0),
            origin: MediaTime::ZERO,
            anchor: WallTime::from_unix_ms(1),
            mono: MonoTime::from_nanos(0),
            boot: BootId::UNKNOWN,
        };
        live.begin_run(session, &run).unwrap();
        let health = Health::default();
        let mut keeper = Handle::start(store.clone(), live, health.clone()).unwrap();
        keeper.begin_run(session, run);
        let track: TrackName = "audio".parse().unwrap();
        keeper.track(session, RunNumber(0), synthetic::track(&track), synthetic::init(1).into());
        Self { folder, store, session, track, health, keeper }
    }

    /// Offers part `index` of segment `number`; four parts make a segment.
    fn part(&mut self, number: u64, index: u32) {
        let start = Ticks((number * 4 + u64::from(index)) * u64::from(SAMPLES * synthetic::SAMPLE_TICKS));
        let (part, media) = synthetic::part(PartIndex(index), start, SAMPLES, 4000, number * 4);
        let segment = SegmentKey { run: RunNumber(0), number: SegmentNumber(number) };
        let closes = (index == 3).then(Close::default);
        let report = PartReport { track: self.track.clone(), segment, part, closes, media: media.into() };
        self.keeper.part(self.session, report);
    }

    fn segment(&mut self, number: u64) {
        (0..4).for_each(|index| self.part(number, index));
    }

    fn wait(&self) {
        let (done, answer) = oneshot::channel();
        self.keeper.flush(done);
        answer.blocking_recv().unwrap();
    }

    fn kept(&self) -> Vec<(u64, usize)> {
        let describe = |segment: Segment| (segment.key.number.0, segment.parts.len());
        self.store.segments(self.session, &self.track, None).unwrap().into_iter().map(describe).collect()
    }

    /// Makes every new file fail, as a disk that went away does, even for root.
    fn break_disk(&self) {
        fs::rename(self.folder.path().join("growing"), self.folder.path().join("away")).unwrap();
    }

    fn mend_disk(&self) {
        fs::rename(self.folder.path().join("away"), self.folder.path().join("growing")).unwrap();
    }
}

#[test]
fn closed_segments_are_kept_whole() {
    let mut desk = Desk::new();
    desk.segment(0);
    desk.segment(1);
    desk.wait();
    assert_eq!(desk.kept(), [(0, 4), (1, 4)]);
    assert_eq!(desk.health.trouble(), None);
}

#[test]
fn a_run_that_is_cut_keeps_its_parts_as_a_shorter_segment() {
    let mut desk = Desk::new();
    desk.segment(0);
    desk.part(1, 0);
    desk.part(1, 1);
    desk.keeper.close_run();
    desk.wait();
    assert_eq!(desk.kept(), [(0, 4), (1, 2)]);
}

#[test]
fn a_segment_that_is_never_closed_ends_where_the_next_begins() {
    let mut desk = Desk::new();
    desk.part(0, 0);
    desk.segment(1);
    desk.wait();
    assert_eq!(desk.kept(), [(0, 1), (1, 4)]);
}

#[test]
fn a_disk_that_goes_and_comes_loses_only_what_came_meanwhile_and_says_so() {
    let mut desk = Desk::new();
    desk.segment(0);
    desk.wait();
    desk.break_disk();
    desk.segment(1);
    desk.segment(2);
    desk.wait();
    let trouble = desk.health.trouble().expect("the disk is away");
    assert!(trouble.what.contains("growing") && !trouble.advice.is_empty(), "{trouble:?}");
    desk.mend_disk();
    desk.segment(3);
    desk.wait();
    assert_eq!(desk.kept(), [(0, 4), (3, 4)]);
    assert_eq!(desk.health.trouble(), None);
    let gaps = desk.store.gaps(desk.session).unwrap();
    let scale = synthetic::track(&desk.track).timescale;
    let at =
        |segment: u64| scale.media_time(Ticks(segment * 4 * u64::from(SAMPLES * synthetic::SAMPLE_TICKS)));
    let gap = |from, to| Gap { from, to, track: Some(desk.track.clone()), cause: GapCause::Damaged };
    assert_eq!(gaps, [gap(at(1), at(2)), gap(at(2), at(3))]);
}

/// A handle whose queue holds `room` items and is emptied by the test alone.
fn stuck(room: usize) -> (Handle, Receiver<Item>) {
    let (items, queue) = sync_channel(room);
    let health = Health::default();
    let (timescales, missed) = (BTreeMap::new(), BTreeMap::new());
    (Handle { items, thread: thread::spawn(|| {}), health, timescales, missed }, queue)
}

#[test]
fn parts_that_the_disk_did_not_take_in_time_are_said_as_one_gap() {
    let (handle, queue) = stuck(2);
    let mut desk = Desk::new();
    let health = handle.health.clone();
    let true_keeper = std::mem::replace(&mut desk.keeper, handle);
    let scale = synthetic::track(&desk.track).timescale;
    desk.keeper.timescales.insert(desk.track.clone(), scale);
    desk.part(0, 0);
    desk.part(0, 1);
    // No room for the rest of this segment, nor for the begin of the next.
    desk.part(0, 2);
    assert!(health.trouble().is_some());
    desk.part(0, 3);
    desk.part(1, 0);
    assert_eq!(queue.try_iter().count(), 2);
    // There is room again: the segment that is torn stays away, the next one comes after the gap.
    desk.part(1, 1);
    assert!(queue.try_recv().is_err());
    desk.part(2, 0);
    let at = |part: u64| scale.media_time(Ticks(part * u64::from(SAMPLES * synthetic::SAMPLE_TICKS)));
    let Item::Gap(session, gap) = queue.try_recv().unwrap() else { panic!("a gap before the part") };
    let track = Some(desk.track.clone());
    assert_eq!(session, desk.session);
    assert_eq!(gap, Gap { from: at(2), to: at(6), track, cause: GapCause::Overload });
    let Item::Part(_, report, _) = queue.try_recv().unwrap() else { panic!("a part after the gap") };
    assert_eq!(report.segment.number, SegmentNumber(2));
    true_keeper.finish();
}

#[test]
fn what_was_not_taken_last_is_said_when_the_run_ends() {
    let (handle, queue) = stuck(1);
    let mut desk = Desk::new();
    let true_keeper = std::mem::replace(&mut desk.keeper, handle);
    desk.keeper.timescales.insert(desk.track.clone(), synthetic::track(&desk.track).timescale);
    desk.part(0, 0);
    desk.part(0, 1);
    let seen = thread::spawn(move || queue.iter().map(|item| format!("{item:?}")).collect::<Vec<_>>());
    desk.keeper.close_run();
    drop(desk.keeper);
    let seen = seen.join().unwrap();
    assert_eq!(seen.len(), 3);
    assert!(seen[1].contains("Overload") && seen[2].starts_with("CloseRun"), "{seen:?}");
    true_keeper.finish();
}

#[test]
fn an_ended_session_is_stored_as_ended_with_all_its_media() {
    let mut desk = Desk::new();
    desk.segment(0);
    desk.part(1, 0);
    desk.keeper.end(desk.session, MediaTime::from_millis(2500));
    desk.wait();
    let session = desk.store.session(desk.session).unwrap().unwrap();
    assert_eq!(session.state, SessionState::Ended);
    assert_eq!(desk.kept(), [(0, 4), (1, 1)]);
    desk.keeper.finish();
}
