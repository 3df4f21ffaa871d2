//! What is kept is found again, exactly.

use cache::{Error, Kind, Options, Store, synthetic};
use model::loudness::Flags;
use model::{Gap, GapCause, MediaTime, RunNumber, SegmentLoudness, SessionState, Ticks};

use crate::kit::{append, begin, begin_run, files, key, name, open, part, record, run, segments, session};

#[test]
fn a_sealed_segment_is_found_by_track_key_and_hash() {
    let dir = tempfile::tempdir().unwrap();
    let (store, recovery) = open(dir.path());
    assert!(recovery.is_clean(), "{recovery:?}");
    let id = begin(&store, 1, &["audio", "720p"]);
    let (sealed, bytes) = record(&store, id, "audio", key(0, 0));

    assert_eq!(segments(&store, id, "audio"), std::slice::from_ref(&sealed));
    assert_eq!(segments(&store, id, "720p"), []);
    assert_eq!(store.segment_hash(id, &name("audio"), key(0, 0)).unwrap(), Some(sealed.hash));
    assert_eq!(store.segment_hash(id, &name("audio"), key(0, 1)).unwrap(), None);
    assert_eq!(store.object(sealed.hash).unwrap().unwrap(), bytes);
    assert_eq!(sealed.bytes, bytes.len() as u64);
    assert_eq!(sealed.hash.as_bytes(), blake3::hash(&bytes).as_bytes());
    assert_eq!(sealed.duration, Ticks(4 * 24 * 1024));
    assert_eq!(files(&dir.path().join("growing")), Vec::<std::path::PathBuf>::new());
}

/// Copies the index file, and nothing beside it, into a folder of its own; returns the sessions that are found there.
fn sessions_of_a_copy(dir: &std::path::Path) -> Vec<model::Session> {
    let copy = tempfile::tempdir().unwrap();
    std::fs::copy(dir.join("index.sqlite"), copy.path().join("index.sqlite")).unwrap();
    Store::open_read_only(copy.path()).unwrap().sessions().unwrap()
}

#[test]
fn the_index_file_alone_is_whole_once_the_store_is_closed() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    begin(&store, 1, &["audio"]);
    let sessions = store.sessions().unwrap();
    drop(store);
    assert_eq!(sessions_of_a_copy(dir.path()), sessions);
    assert!(!dir.path().join("index.sqlite-wal").exists());
}

#[test]
fn the_index_file_alone_is_whole_once_it_is_folded_whoever_still_holds_the_store() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    begin(&store, 1, &["audio"]);
    let held = store.clone();
    assert!(store.fold().unwrap());
    assert_eq!(sessions_of_a_copy(dir.path()), held.sessions().unwrap());
}

#[test]
fn everything_is_there_after_the_folder_is_opened_again() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    let id = begin(&store, 1, &["audio"]);
    let loudness = SegmentLoudness {
        integrated_lufs: Some(-16.1),
        gain_db: 7.5,
        flags: Flags { limited: true, ..Flags::default() },
        ..SegmentLoudness::default()
    };
    let mut growing = store.open_segment(id, &name("audio"), key(0, 0)).unwrap();
    append(&mut growing, "audio", key(0, 0), 0..3);
    let sealed = growing.seal(Some(loudness)).unwrap();
    let all = Gap {
        from: MediaTime::from_millis(2),
        to: MediaTime::from_millis(9),
        track: None,
        cause: GapCause::Restart,
    };
    let one = Gap { track: Some(name("audio")), cause: GapCause::Overload, ..all.clone() };
    // A gap that lasts is written as far as it has come.
    let grown = |to_ms| Gap { to: MediaTime::from_millis(to_ms), ..one.clone() };
    for gap in [&grown(5), &one, &all, &all, &grown(7)] {
        store.add_gap(id, gap).unwrap();
    }
    let before = (store.sessions().unwrap(), store.runs(id).unwrap(), store.tracks(id).unwrap());
    drop(store);

    let (store, recovery) = open(dir.path());
    assert!(recovery.is_clean(), "{recovery:?}");
    assert_eq!((store.sessions().unwrap(), store.runs(id).unwrap(), store.tracks(id).unwrap()), before);
    assert_eq!(store.runs(id).unwrap(), [run(0)]);
    assert_eq!(segments(&store, id, "audio"), [sealed]);
    assert_eq!(store.gaps(id).unwrap(), [all, one]);
    let (number, track, init) = store.tracks(id).unwrap().remove(0);
    assert_eq!((number, track), (RunNumber(0), synthetic::track(&name("audio"))));
    assert_eq!(store.object(init).unwrap().unwrap(), synthetic::init(0));
}

#[test]
fn segments_come_in_order_over_runs_and_after_a_cursor() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    let id = begin(&store, 1, &["audio"]);
    begin_run(&store, id, 1, &["audio"]);
    let keys = [key(0, 0), key(0, 1), key(0, 10), key(1, 0), key(1, 2)];
    for at in [3, 1, 4, 0, 2] {
        record(&store, id, "audio", keys[at]);
    }
    let after = |cursor| -> Vec<_> {
        store.segments(id, &name("audio"), cursor).unwrap().into_iter().map(|segment| segment.key).collect()
    };
    assert_eq!(after(None), keys);
    assert_eq!(after(Some(key(0, 1))), keys[2..]);
    assert_eq!(after(Some(key(0, 7))), keys[2..]);
    assert_eq!(after(Some(key(1, 2))), []);
}

#[test]
fn the_end_of_a_session_follows_its_media_and_never_goes_back() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    let id = begin(&store, 1, &["audio"]);
    let end = || store.session(id).unwrap().unwrap().end;
    assert_eq!(end(), MediaTime::ZERO);
    record(&store, id, "audio", key(0, 1));
    assert_eq!(end(), MediaTime::from_millis(8 * 512));
    record(&store, id, "audio", key(0, 0));
    assert_eq!(end(), MediaTime::from_millis(8 * 512));
    store.end_session(id, MediaTime::from_millis(7)).unwrap();
    assert_eq!(end(), MediaTime::from_millis(8 * 512));
    assert_eq!(store.session(id).unwrap().unwrap().state, SessionState::Ended);
}

#[test]
fn a_session_that_was_live_is_live_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    let id = begin(&store, 1, &["audio"]);
    drop(store);
    let (store, _) = open(dir.path());
    assert_eq!(store.session(id).unwrap().unwrap().state, SessionState::Live);
}

#[test]
fn equal_segments_of_two_sessions_share_a_file_until_the_last_is_deleted() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    let (one, two) = (begin(&store, 1, &["audio"]), begin(&store, 2, &["audio"]));
    let (first, bytes) = record(&store, one, "audio", key(0, 0));
    let (second, _) = record(&store, two, "audio", key(0, 0));
    assert_eq!(first.hash, second.hash);
    assert_eq!(files(&dir.path().join("objects")).len(), 2, "one segment, one init");

    store.delete_session(one).unwrap();
    assert_eq!(store.object(second.hash).unwrap().unwrap(), bytes);
    store.delete_session(two).unwrap();
    assert_eq!(store.object(second.hash).unwrap(), None);
    assert_eq!(files(&dir.path().join("objects")), Vec::<std::path::PathBuf>::new());
}

#[test]
fn bytes_in_use_survive_the_deletion_of_their_session() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    let id = begin(&store, 1, &["audio"]);
    let (sealed, bytes) = record(&store, id, "audio", key(0, 0));
    let held = store.object(sealed.hash).unwrap().unwrap();
    store.delete_session(id).unwrap();
    assert_eq!(held, bytes);
    assert_eq!(store.session(id).unwrap(), None);
    assert_eq!((store.runs(id).unwrap(), store.gaps(id).unwrap()), (vec![], vec![]));
}

#[test]
fn a_session_that_is_being_recorded_cannot_be_deleted() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    let id = begin(&store, 1, &["audio"]);
    let growing = store.open_segment(id, &name("audio"), key(0, 0)).unwrap();
    assert!(matches!(store.delete_session(id), Err(Error::SessionBusy { session }) if session == id));
    drop(growing);
    store.delete_session(id).unwrap();
    assert_eq!(files(&dir.path().join("growing")), Vec::<std::path::PathBuf>::new());
}

#[test]
fn what_does_not_exist_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    let id = begin(&store, 1, &["audio"]);
    let other = session(9).id;
    let errors = [
        store.begin_run(other, &run(0)).unwrap_err(),
        store.end_session(other, MediaTime::ZERO).unwrap_err(),
        store.delete_session(other).unwrap_err(),
        store.add_track(id, RunNumber(3), &synthetic::track(&name("audio")), b"init").unwrap_err(),
        store.open_segment(id, &name("270p"), key(0, 0)).unwrap_err(),
        store.open_segment(id, &name("audio"), key(1, 0)).unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.kind(), Kind::NotFound, "{error}");
    }
}

#[test]
fn nothing_is_begun_twice() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    let id = begin(&store, 1, &["audio"]);
    assert!(matches!(store.begin_session(&session(1)), Err(Error::SessionExists { .. })));
    assert!(matches!(store.begin_run(id, &run(0)), Err(Error::RunExists { .. })));
    let track = synthetic::track(&name("audio"));
    assert!(store.add_track(id, RunNumber(0), &track, &synthetic::init(0)).is_ok(), "the same track is one");
    assert!(matches!(store.add_track(id, RunNumber(0), &track, b"other"), Err(Error::TrackExists { .. })));
    record(&store, id, "audio", key(0, 0));
    let taken = |at| matches!(store.open_segment(id, &name("audio"), at), Err(Error::SegmentExists { .. }));
    assert!(taken(key(0, 0)), "a sealed key");
    let growing = store.open_segment(id, &name("audio"), key(0, 1)).unwrap();
    assert!(taken(key(0, 1)), "a growing key");
    drop(growing);
    assert!(taken(key(0, 1)), "a key whose file waits to be settled");
}

#[test]
fn only_the_next_whole_part_is_taken() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    let id = begin(&store, 1, &["audio"]);
    let mut growing = store.open_segment(id, &name("audio"), key(0, 0)).unwrap();
    let (first, media) = part("audio", key(0, 0), 0);
    let (third, third_media) = part("audio", key(0, 0), 2);
    assert!(matches!(growing.append(&first, b"no boxes at all"), Err(Error::NotAPart { .. })));
    assert!(matches!(growing.append(&first, &media[..media.len() - 1]), Err(Error::NotAPart { .. })));
    assert!(matches!(
        growing.append(&third, &third_media),
        Err(Error::PartOrder { index: 2, expected: 0, .. })
    ));
    growing.append(&first, &media).unwrap();
    assert!(matches!(growing.append(&first, &media), Err(Error::PartOrder { index: 0, expected: 1, .. })));
    assert_eq!(growing.seal(None).unwrap().parts, [first]);
}

#[test]
fn a_segment_without_parts_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    let id = begin(&store, 1, &["audio"]);
    let growing = store.open_segment(id, &name("audio"), key(0, 0)).unwrap();
    assert!(matches!(growing.seal(None), Err(Error::Empty { .. })));
    assert_eq!(files(&dir.path().join("growing")), Vec::<std::path::PathBuf>::new());
    record(&store, id, "audio", key(0, 0));
}

#[test]
fn statistics_add_up() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    assert_eq!(store.stats().unwrap().bytes_per_hour, None);
    let id = begin(&store, 1, &["audio", "720p"]);
    let mut bytes = 0;
    for number in 0..40 {
        bytes += record(&store, id, "audio", key(0, number)).0.bytes;
    }
    bytes += record(&store, id, "720p", key(0, 0)).0.bytes;
    let stats = store.stats().unwrap();
    assert_eq!((stats.sessions, stats.segments, stats.bytes, stats.damaged), (1, 41, bytes, 0));
    assert!((stats.hours - 40.0 * 2.048 / 3600.0).abs() < 1e-9, "{stats:?}");
    let names: Vec<_> = stats.tracks.iter().map(|track| (track.name.as_str(), track.segments)).collect();
    assert_eq!(names, [("720p", 1), ("audio", 40)]);
    // Every segment has the same size and length but for a few bytes of its boxes.
    let rate = stats.bytes_per_hour.unwrap();
    let wanted = 2.0 * (bytes as f64 / 41.0) / 2.048 * 3600.0;
    assert!((rate / wanted - 1.0).abs() < 0.01, "{rate} {wanted}");
    assert!((stats.hours_left.unwrap() * rate / stats.free_bytes as f64 - 1.0).abs() < 1e-9);
    let summary = store.summaries().unwrap().remove(0);
    assert_eq!((summary.runs, summary.segments, summary.bytes, summary.gaps), (1, 41, bytes, 0));
    assert_eq!(summary.tracks, [name("audio"), name("720p")]);
}

#[test]
fn a_second_writer_is_told_who_holds_the_folder() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    let error = Store::open(dir.path(), Options::default()).unwrap_err();
    assert_eq!(error.kind(), Kind::Locked);
    let said = error.to_string();
    assert!(said.contains(&format!("in use by process {}", std::process::id())), "{said}");
    assert!(error.advice().contains("Stop the other process"), "{}", error.advice());
    let clone = store.clone();
    drop(store);
    assert_eq!(Store::open(dir.path(), Options::default()).unwrap_err().kind(), Kind::Locked);
    drop(clone);
    open(dir.path());
}
