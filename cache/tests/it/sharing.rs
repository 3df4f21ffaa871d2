//! Many readers, one writer, one folder.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use cache::{Kind, Repair, Store};
use model::{MediaTime, SegmentNumber};

use crate::kit::{append, begin, key, name, open, record, run, segments, session};

#[test]
fn readers_always_see_an_unbroken_row_of_whole_segments() {
    const SEGMENTS: u64 = 40;
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    let id = begin(&store, 1, &["audio"]);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let readers: Vec<_> = (0..6)
            .map(|_| {
                let (store, done) = (store.clone(), &done);
                scope.spawn(move || {
                    let mut most = 0;
                    while !done.load(Ordering::SeqCst) || most < SEGMENTS {
                        let found = segments(&store, id, "audio");
                        for (number, segment) in (0..).zip(&found) {
                            assert_eq!(segment.key.number, SegmentNumber(number));
                        }
                        if let Some(last) = found.last() {
                            let bytes = store.object(last.hash).unwrap().unwrap();
                            assert_eq!(blake3::hash(&bytes).as_bytes(), last.hash.as_bytes());
                        }
                        assert!(found.len() as u64 >= most, "segments never vanish");
                        most = found.len() as u64;
                    }
                    most
                })
            })
            .collect();
        for number in 0..SEGMENTS {
            record(&store, id, "audio", key(0, number));
        }
        done.store(true, Ordering::SeqCst);
        for reader in readers {
            assert_eq!(reader.join().unwrap(), SEGMENTS);
        }
    });
}

#[test]
fn a_reading_store_works_beside_the_writing_one_and_cannot_write() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    let id = begin(&store, 1, &["audio"]);
    let reader = Store::open_read_only(dir.path()).unwrap();
    let (sealed, bytes) = record(&store, id, "audio", key(0, 0));
    let mut growing = store.open_segment(id, &name("audio"), key(0, 1)).unwrap();
    append(&mut growing, "audio", key(0, 1), 0..1);

    assert_eq!(segments(&reader, id, "audio"), std::slice::from_ref(&sealed));
    assert_eq!(reader.object(sealed.hash).unwrap().unwrap(), bytes);
    assert_eq!(reader.stats().unwrap().segments, 1);
    let report = reader.check(Repair::No, &mut |_| {}).unwrap();
    assert!(report.is_sound() && report.problems.is_empty(), "{report:?}");
    assert_eq!(report.growing, 1);

    let refused = [
        reader.begin_session(&session(2)).unwrap_err(),
        reader.begin_run(id, &run(1)).unwrap_err(),
        reader.open_segment(id, &name("audio"), key(0, 2)).unwrap_err(),
        reader.end_session(id, MediaTime::ZERO).unwrap_err(),
        reader.delete_session(id).unwrap_err(),
        reader.check(Repair::Yes, &mut |_| {}).unwrap_err(),
    ];
    for error in refused {
        assert_eq!(error.kind(), Kind::ReadOnly, "{error}");
    }
}

#[test]
fn a_reading_store_knows_whether_somebody_writes() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    let reader = Store::open_read_only(dir.path()).unwrap();
    assert!(reader.is_written());
    drop(store);
    // Another test's child may hold a copy of the lock for a moment longer.
    assert!((0..100_000).any(|_| {
        std::thread::yield_now();
        !reader.is_written()
    }));
}

#[test]
fn a_reading_store_opens_what_a_dead_writer_left() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    let id = begin(&store, 1, &["audio"]);
    let (sealed, _) = record(&store, id, "audio", key(0, 0));
    // The log is not folded into the index: as after a kill.
    let copy = tempfile::tempdir().unwrap();
    for file in ["index.sqlite", "index.sqlite-wal"] {
        std::fs::copy(dir.path().join(file), copy.path().join(file)).unwrap();
    }
    let reader = Store::open_read_only(copy.path()).unwrap();
    assert_eq!(segments(&reader, id, "audio"), [sealed]);
}

#[test]
fn a_folder_without_recordings_is_no_store_to_read() {
    let dir = tempfile::tempdir().unwrap();
    let error = Store::open_read_only(dir.path()).unwrap_err();
    assert_eq!(error.kind(), Kind::NotFound);
    assert!(error.to_string().ends_with("holds no recordings"), "{error}");
    assert!(error.advice().contains("--data"), "{}", error.advice());
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "looking changes nothing");
}
