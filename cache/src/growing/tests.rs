use std::fs::OpenOptions;
use std::path::Path;

use model::{
    BootId, MediaTime, MonoTime, PartIndex, Run, RunNumber, SegmentKey, SegmentNumber, Session, SessionId,
    SessionState, Title, WallTime,
};

use super::*;
use crate::{Options, Store, synthetic};

const KEY: SegmentKey = SegmentKey { run: RunNumber(0), number: SegmentNumber(0) };

fn growing(dir: &Path) -> (Store, SessionId, Growing) {
    let (store, _) = Store::open(dir, Options::default()).unwrap();
    let wall = WallTime::from_unix_ms(0);
    let id = SessionId::new(wall, [1; 10]);
    let title = Title::new("Lecture").unwrap();
    let session = Session { id, title, state: SessionState::Live, started: wall, end: MediaTime::ZERO };
    let (mono, boot) = (MonoTime::from_nanos(0), BootId::UNKNOWN);
    let run = Run { number: RunNumber(0), origin: MediaTime::ZERO, anchor: wall, mono, boot };
    store.begin_session(&session).unwrap();
    store.begin_run(id, &run).unwrap();
    let track = synthetic::track(&"audio".parse().unwrap());
    store.add_track(id, RunNumber(0), &track, &synthetic::init(0)).unwrap();
    let growing = store.open_segment(id, &track.name, KEY).unwrap();
    (store, id, growing)
}

fn part(index: u32) -> (Part, Vec<u8>) {
    synthetic::part(PartIndex(index), Ticks(u64::from(index) * 10_240), 10, 500, 7)
}

/// A file that takes bytes and refuses to sync them, as a failing disk does.
fn refuses_to_sync() -> File {
    OpenOptions::new().read(true).write(true).open("/dev/null").unwrap()
}

/// A file that takes no bytes, as a full disk does.
fn refuses_bytes() -> File {
    OpenOptions::new().read(true).write(true).open("/dev/full").unwrap()
}

#[test]
fn after_a_failed_sync_no_part_is_taken_and_the_kept_ones_go_to_a_fresh_file() {
    let dir = tempfile::tempdir().unwrap();
    let (store, id, mut growing) = growing(dir.path());
    let (first, media) = part(0);
    growing.append(&first, &media).unwrap();
    let inode = std::os::unix::fs::MetadataExt::ino(&growing.file.metadata().unwrap());

    let sound = std::mem::replace(&mut growing.file, refuses_to_sync());
    let (second, more) = part(1);
    assert!(matches!(growing.append(&second, &more), Err(Error::Sync { .. })));
    growing.file = sound;
    // The disk would say "done" this time, and that proves nothing.
    assert!(matches!(growing.append(&second, &more), Err(Error::Failed { .. })));

    let sealed = growing.seal(None).unwrap();
    assert_eq!(sealed.parts, [first]);
    let object = store.object_path(sealed.hash);
    assert_eq!(std::fs::read(&object).unwrap(), media);
    assert_ne!(std::os::unix::fs::MetadataExt::ino(&std::fs::metadata(&object).unwrap()), inode);
    assert_eq!(store.segments(id, &"audio".parse().unwrap(), None).unwrap(), [sealed]);
    assert_eq!(std::fs::read_dir(dir.path().join("growing")).unwrap().count(), 0);
}

#[test]
fn a_sync_that_fails_when_sealing_is_not_asked_again() {
    let dir = tempfile::tempdir().unwrap();
    let (_store, _, mut growing) = growing(dir.path());
    let (first, media) = part(0);
    growing.append(&first, &media).unwrap();
    growing.file = refuses_to_sync();
    // Neither synced nor readable: the segment is not sealed, and its file waits for the next start.
    assert!(growing.seal(None).is_err());
    drop(_store);
    let (store, recovery) = Store::open(dir.path(), Options::default()).unwrap();
    assert_eq!(recovery.salvaged.len(), 1);
    assert_eq!(store.stats().unwrap().bytes, media.len() as u64);
}

#[test]
fn a_full_disk_is_called_full() {
    let dir = tempfile::tempdir().unwrap();
    let (_, _, mut growing) = growing(dir.path());
    growing.file = refuses_bytes();
    let (first, media) = part(0);
    let error = growing.append(&first, &media).unwrap_err();
    assert_eq!(error.kind(), crate::Kind::Full, "{error:?}");
}

#[test]
fn readers_do_not_wait_while_the_writer_is_held() {
    let dir = tempfile::tempdir().unwrap();
    let (store, id, _growing) = growing(dir.path());
    let mut writer = store.inner.writer().unwrap();
    writer
        .change("hold the writer", |change| {
            change.execute("UPDATE session SET title = 'half-written'", [])?;
            let reader = store.clone();
            let seen = std::thread::spawn(move || reader.session(id).unwrap().unwrap()).join().unwrap();
            assert_eq!(seen.title.as_str(), "Lecture", "a reader sees what is committed");
            Ok(())
        })
        .unwrap();
}
