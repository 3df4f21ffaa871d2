//! What the tests record.

use std::fs;
use std::path::{Path, PathBuf};

use cache::{Error, Growing, Kind, Options, Recovery, Store, synthetic};
use model::{
    BootId, MediaTime, MonoTime, Part, PartIndex, Run, RunNumber, Segment, SegmentKey, SegmentNumber,
    Session, SessionId, SessionState, Ticks, Title, TrackName, WallTime,
};

/// AAC frames in a part of the tests.
pub(crate) const SAMPLES: u32 = 24;

pub(crate) fn open(dir: &Path) -> (Store, Recovery) {
    try_open(dir).unwrap()
}

/// Opens a folder that no store in this process holds. A child that another test is just starting holds a copy of every
/// open file, locks included, until it runs its own program.
pub(crate) fn try_open(dir: &Path) -> Result<(Store, Recovery), Error> {
    let mut opened = Store::open(dir, Options::default());
    for _ in 0..100_000 {
        if !opened.as_ref().is_err_and(|error| error.kind() == Kind::Locked) {
            break;
        }
        std::thread::yield_now();
        opened = Store::open(dir, Options::default());
    }
    opened
}

pub(crate) fn session(n: u8) -> Session {
    let started = WallTime::from_unix_ms(1_795_000_000_000);
    Session {
        id: SessionId::new(started, [n; 10]),
        title: Title::new(&format!("Lecture {n}")).unwrap(),
        state: SessionState::Live,
        started,
        end: MediaTime::ZERO,
    }
}

pub(crate) fn run(number: u32) -> Run {
    Run {
        number: RunNumber(number),
        origin: MediaTime::from_millis(u64::from(number) * 100_000),
        anchor: WallTime::from_unix_ms(1_795_000_000_000),
        mono: MonoTime::from_nanos(5),
        boot: BootId::from_kernel("f6b1b1d2-9a57-4a0e-8d6b-0c9d5b3f0a11"),
    }
}

pub(crate) fn name(text: &str) -> TrackName {
    text.parse().unwrap()
}

pub(crate) fn key(run: u32, number: u64) -> SegmentKey {
    SegmentKey { run: RunNumber(run), number: SegmentNumber(number) }
}

/// Begins session `n` with run 0 and the tracks.
pub(crate) fn begin(store: &Store, n: u8, tracks: &[&str]) -> SessionId {
    let session = session(n);
    store.begin_session(&session).unwrap();
    begin_run(store, session.id, 0, tracks);
    session.id
}

pub(crate) fn begin_run(store: &Store, session: SessionId, number: u32, tracks: &[&str]) {
    store.begin_run(session, &run(number)).unwrap();
    for track in tracks {
        let track = synthetic::track(&name(track));
        store.add_track(session, RunNumber(number), &track, &synthetic::init(u64::from(number))).unwrap();
    }
}

/// Returns part `index` of a segment of four parts; the track's name makes its bytes its own.
pub(crate) fn part(track: &str, key: SegmentKey, index: u32) -> (Part, Vec<u8>) {
    let ticks = u64::from(SAMPLES * synthetic::SAMPLE_TICKS);
    let start = u64::from(key.run.0) * 4_800_000 + (key.number.0 * 4 + u64::from(index)) * ticks;
    let seed = start * 31 + track.bytes().map(u64::from).sum::<u64>();
    synthetic::part(PartIndex(index), Ticks(start), SAMPLES, 3000, seed)
}

pub(crate) fn append(
    growing: &mut Growing,
    track: &str,
    key: SegmentKey,
    parts: std::ops::Range<u32>,
) -> Vec<u8> {
    parts.fold(Vec::new(), |mut all, index| {
        let (part, media) = part(track, key, index);
        growing.append(&part, &media).unwrap();
        all.extend(media);
        all
    })
}

/// Records and seals one segment of four parts; returns it with its bytes.
pub(crate) fn record(store: &Store, session: SessionId, track: &str, key: SegmentKey) -> (Segment, Vec<u8>) {
    let mut growing = store.open_segment(session, &name(track), key).unwrap();
    let bytes = append(&mut growing, track, key, 0..4);
    (growing.seal(None).unwrap(), bytes)
}

pub(crate) fn segments(store: &Store, session: SessionId, track: &str) -> Vec<Segment> {
    store.segments(session, &name(track), None).unwrap()
}

pub(crate) fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] })
        .collect();
    found.sort();
    found
}
