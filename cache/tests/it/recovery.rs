//! What a crash leaves is put in order at the next start.

use std::fs;
use std::path::PathBuf;

use cache::Kind;
use model::{GapCause, MediaTime};

use crate::kit::{append, begin, begin_run, files, key, name, open, part, record, segments, try_open};

/// Opens the folder again after `damage`, with two whole parts and `tail` in a growing file.
fn torn(tail: &[u8]) -> (cache::Recovery, Vec<model::Segment>, Vec<u8>, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    let id = begin(&store, 1, &["audio"]);
    let mut growing = store.open_segment(id, &name("audio"), key(0, 0)).unwrap();
    let bytes = append(&mut growing, "audio", key(0, 0), 0..2);
    drop((growing, store));
    let path = files(&dir.path().join("growing")).remove(0);
    fs::write(path, [&bytes, tail].concat()).unwrap();
    let (store, recovery) = open(dir.path());
    let found = segments(&store, id, "audio");
    let kept = found.first().map(|segment| store.object(segment.hash).unwrap().unwrap());
    assert_eq!(kept.as_deref(), Some(bytes.as_slice()));
    (recovery, found, bytes, dir)
}

#[test]
fn a_torn_tail_is_sealed_as_a_shorter_segment() {
    let (_, third) = part("audio", key(0, 0), 2);
    let tail = &third[..third.len() - 7];
    let (recovery, found, bytes, dir) = torn(tail);
    let expected = [part("audio", key(0, 0), 0).0, part("audio", key(0, 0), 1).0];
    assert_eq!(found[0].parts, expected);
    assert_eq!((found[0].loudness, found[0].bytes), (None, bytes.len() as u64));
    assert_eq!(recovery.cut_bytes, tail.len() as u64);
    assert_eq!((recovery.salvaged.len(), recovery.salvaged[0].parts), (1, 2));
    assert_eq!(files(&dir.path().join("growing")), Vec::<PathBuf>::new());
}

#[test]
fn a_zero_filled_tail_is_cut() {
    let (recovery, found, ..) = torn(&[0; 5000]);
    assert_eq!((found[0].parts.len(), recovery.cut_bytes), (2, 5000));
}

#[test]
fn a_whole_part_that_was_not_acknowledged_is_kept_whole() {
    let (recovery, found, ..) = {
        let dir = tempfile::tempdir().unwrap();
        let (store, _) = open(dir.path());
        let id = begin(&store, 1, &["audio"]);
        let mut growing = store.open_segment(id, &name("audio"), key(0, 0)).unwrap();
        let mut bytes = append(&mut growing, "audio", key(0, 0), 0..1);
        drop((growing, store));
        bytes.extend(part("audio", key(0, 0), 1).1);
        fs::write(files(&dir.path().join("growing")).remove(0), &bytes).unwrap();
        let (store, recovery) = open(dir.path());
        (recovery, segments(&store, id, "audio"), dir)
    };
    assert_eq!((found[0].parts.len(), recovery.cut_bytes), (2, 0));
}

#[test]
fn a_growing_file_without_a_whole_part_is_removed() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    let id = begin(&store, 1, &["audio"]);
    drop(store.open_segment(id, &name("audio"), key(0, 0)).unwrap());
    drop(store.open_segment(id, &name("audio"), key(0, 1)).unwrap());
    drop(store);
    let growing = files(&dir.path().join("growing"));
    fs::write(&growing[1], &part("audio", key(0, 1), 0).1[..50]).unwrap();
    let (store, recovery) = open(dir.path());
    assert_eq!((recovery.empty, recovery.cut_bytes, recovery.salvaged.len()), (2, 50, 0));
    assert_eq!(segments(&store, id, "audio"), []);
    assert_eq!(files(&dir.path().join("growing")), Vec::<PathBuf>::new());
}

#[test]
fn a_second_recovery_finds_nothing_to_do() {
    let (_, found, _, dir) = torn(b"torn");
    let (_, recovery) = open(dir.path());
    assert!(recovery.is_clean(), "{recovery:?} {found:?}");
}

#[test]
fn one_bad_file_hides_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    let id = begin(&store, 1, &["audio"]);
    for number in 0..3 {
        let mut growing = store.open_segment(id, &name("audio"), key(0, number)).unwrap();
        append(&mut growing, "audio", key(0, number), 0..1);
    }
    drop(store);
    let growing = files(&dir.path().join("growing"));
    // A folder where a file belongs cannot be read, removed or moved aside by name as a file.
    fs::remove_file(&growing[0]).unwrap();
    fs::create_dir(&growing[0]).unwrap();
    fs::write(dir.path().join("growing/notes.txt"), b"hello").unwrap();
    let unknown = growing[1].to_string_lossy().replace(".audio.", ".slides.");
    fs::rename(&growing[1], &unknown).unwrap();

    let (store, recovery) = open(dir.path());
    assert_eq!(recovery.salvaged.len(), 1);
    assert_eq!(segments(&store, id, "audio")[0].key, key(0, 2));
    let mut quarantined = recovery.quarantined.clone();
    quarantined.sort();
    assert_eq!(quarantined.len(), 2, "{recovery:?}");
    assert_eq!(quarantined[1], "notes.txt");
    assert_eq!(fs::read(dir.path().join("quarantine/notes.txt")).unwrap(), b"hello");
}

#[test]
fn a_growing_file_whose_row_is_written_is_only_removed() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    let id = begin(&store, 1, &["audio"]);
    let (sealed, bytes) = record(&store, id, "audio", key(0, 0));
    drop(store);
    let path = dir.path().join("growing").join(format!("{id}.audio.0.0"));
    fs::write(&path, &bytes).unwrap();
    let (store, recovery) = open(dir.path());
    assert_eq!(recovery.salvaged, []);
    assert!(!path.exists());
    assert_eq!(segments(&store, id, "audio"), [sealed]);
}

#[test]
fn a_row_without_its_file_becomes_a_gap_and_comes_back_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    let id = begin(&store, 1, &["audio", "720p"]);
    let kept = [0, 1, 2].map(|number| record(&store, id, "audio", key(0, number)).0);
    record(&store, id, "720p", key(0, 1));
    let path = store.object_path(kept[1].hash);
    let bytes = fs::read(&path).unwrap();
    drop(store);
    fs::remove_file(&path).unwrap();

    let (store, recovery) = open(dir.path());
    assert_eq!(recovery.missing, 1);
    assert_eq!(segments(&store, id, "audio"), [kept[0].clone(), kept[2].clone()]);
    assert_eq!(store.segment_hash(id, &name("audio"), key(0, 1)).unwrap(), None);
    let gaps = store.gaps(id).unwrap();
    assert_eq!(gaps.len(), 1);
    assert_eq!((gaps[0].cause, gaps[0].track.clone()), (GapCause::Damaged, Some(name("audio"))));
    assert_eq!((gaps[0].from, gaps[0].to), (MediaTime::from_millis(2048), MediaTime::from_millis(4096)));
    assert_eq!(store.stats().unwrap().damaged, 1);
    drop(store);
    assert!(open(dir.path()).1.is_clean(), "a known gap is no news");

    fs::write(&path, bytes).unwrap();
    let (store, recovery) = open(dir.path());
    assert_eq!(recovery.returned, 1);
    assert_eq!(segments(&store, id, "audio"), kept);
    assert_eq!(store.gaps(id).unwrap(), []);
}

#[test]
fn a_file_without_a_row_is_counted_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    begin(&store, 1, &["audio"]);
    drop(store);
    let stray = dir.path().join("objects/00").join("0".repeat(64));
    fs::create_dir_all(stray.parent().unwrap()).unwrap();
    fs::write(&stray, b"x").unwrap();
    let (_, recovery) = open(dir.path());
    assert_eq!(recovery.strays, 1);
    assert!(stray.exists());
}

#[test]
fn a_lost_init_is_said_and_what_depends_on_it_is_not_thrown_away() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    let id = begin(&store, 1, &["audio"]);
    let mut growing = store.open_segment(id, &name("audio"), key(0, 0)).unwrap();
    append(&mut growing, "audio", key(0, 0), 0..1);
    let init = store.tracks(id).unwrap().remove(0).2;
    fs::remove_file(store.object_path(init)).unwrap();
    drop((growing, store));
    let (_, recovery) = open(dir.path());
    // The synthetic parts take their sample duration from the init.
    assert_eq!((recovery.inits_missing, recovery.quarantined.len(), recovery.empty), (1, 1, 0));
}

#[test]
fn a_segment_let_go_without_sealing_is_sealed_by_settling() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    let id = begin(&store, 1, &["audio"]);
    let mut held = store.open_segment(id, &name("audio"), key(0, 1)).unwrap();
    append(&mut held, "audio", key(0, 1), 0..1);
    let mut let_go = store.open_segment(id, &name("audio"), key(0, 0)).unwrap();
    append(&mut let_go, "audio", key(0, 0), 0..2);
    drop(let_go);
    let settled = store.settle().unwrap();
    assert_eq!(settled.salvaged.len(), 1);
    assert_eq!(segments(&store, id, "audio")[0].parts.len(), 2);
    // The one that is held goes on undisturbed.
    append(&mut held, "audio", key(0, 1), 1..4);
    assert_eq!(held.seal(None).unwrap().parts.len(), 4);
}

#[test]
fn the_next_run_goes_on_after_a_crash() {
    let (_, found, _, dir) = torn(b"");
    let (store, _) = open(dir.path());
    let id = store.sessions().unwrap()[0].id;
    begin_run(&store, id, 1, &["audio"]);
    let (next, _) = record(&store, id, "audio", key(1, 0));
    assert_eq!(segments(&store, id, "audio"), [found[0].clone(), next]);
}

#[test]
fn a_damaged_index_is_an_error_that_says_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("index.sqlite"), [7; 5000]).unwrap();
    let error = try_open(dir.path()).unwrap_err();
    assert_eq!(error.kind(), Kind::Damaged, "{error:?}");
    assert!(error.advice().contains("move it away"), "{}", error.advice());
}

#[test]
fn a_file_that_is_to_go_stays_when_its_bytes_were_sealed_again() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    let id = begin(&store, 1, &["audio"]);
    let (wanted, bytes) = record(&store, id, "audio", key(0, 0));
    let unwanted = blake3::hash(b"deleted");
    let fan = dir.path().join("objects").join(format!("{:02x}", unwanted.as_bytes()[0]));
    let path = fan.join(unwanted.to_hex().as_str());
    drop(store);
    fs::create_dir_all(&fan).unwrap();
    fs::write(&path, b"deleted").unwrap();
    // As a deletion leaves it that was cut off after its rows.
    let index = rusqlite::Connection::open(dir.path().join("index.sqlite")).unwrap();
    for hash in [wanted.hash.as_bytes(), unwanted.as_bytes()] {
        index.execute("INSERT INTO doomed (hash) VALUES (?)", [hash]).unwrap();
    }
    drop(index);
    let (store, recovery) = open(dir.path());
    assert_eq!((recovery.removed, recovery.strays), (1, 0));
    assert!(!path.exists());
    assert_eq!(store.object(wanted.hash).unwrap().unwrap(), bytes);
}
