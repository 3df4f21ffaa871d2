//! `check` finds what is wrong, mends or quarantines it, and says so.

use std::fs;

use cache::{CheckReport, Outcome, ProblemKind, Repair, Store};

use crate::kit::{begin, files, key, open, record, segments};

struct Folder {
    dir: tempfile::TempDir,
    store: Store,
    id: model::SessionId,
    kept: Vec<model::Segment>,
}

fn folder() -> Folder {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    let id = begin(&store, 1, &["audio"]);
    let kept = (0..4).map(|number| record(&store, id, "audio", key(0, number)).0).collect();
    Folder { dir, store, id, kept }
}

fn check(store: &Store, repair: Repair) -> CheckReport {
    store.check(repair, &mut |_| {}).unwrap()
}

/// Damages segment 1 and checks twice with and once after repair.
fn check_damage(kind: ProblemKind, damage: impl FnOnce(&std::path::Path), outcome: Outcome) {
    let folder = folder();
    damage(&folder.store.object_path(folder.kept[1].hash));
    let found = check(&folder.store, Repair::No);
    assert_eq!((found.open, found.counts.get(&kind)), (1, Some(&1)), "{found:?}");
    assert!(found.problems[0].what.contains("track audio, segment 0-1"), "{found:?}");
    assert!(found.problems[0].do_this.contains("--repair"), "{found:?}");
    assert_eq!(segments(&folder.store, folder.id, "audio").len(), 4, "looking changes nothing");

    let mended = check(&folder.store, Repair::Yes);
    assert_eq!(mended.problems[0].outcome, outcome);
    assert!(mended.is_sound(), "{mended:?}");
    assert_eq!(segments(&folder.store, folder.id, "audio").len(), 3);
    assert_eq!(folder.store.gaps(folder.id).unwrap().len(), 1);
    let after = check(&folder.store, Repair::No);
    assert!(after.problems.is_empty(), "{after:?}");
}

#[test]
fn a_sound_folder_has_no_problems_and_every_byte_is_read() {
    let folder = folder();
    let mut heard = Vec::new();
    let report = folder
        .store
        .check(Repair::No, &mut |progress| heard.push((progress.files, progress.files_total)))
        .unwrap();
    assert!(report.problems.is_empty(), "{report:?}");
    let bytes: u64 =
        files(&folder.dir.path().join("objects")).iter().map(|path| path.metadata().unwrap().len()).sum();
    assert_eq!((report.files, report.bytes), (5, bytes));
    assert_eq!(heard, [(1, 5), (2, 5), (3, 5), (4, 5), (5, 5)]);
}

#[test]
fn a_missing_file_becomes_a_gap() {
    check_damage(ProblemKind::Missing, |path| fs::remove_file(path).unwrap(), Outcome::Gap);
}

#[test]
fn a_truncated_file_is_quarantined() {
    check_damage(
        ProblemKind::Torn,
        |path| {
            let bytes = fs::read(path).unwrap();
            fs::remove_file(path).unwrap();
            fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
        },
        Outcome::Quarantined,
    );
}

#[test]
fn a_flipped_bit_is_found_and_quarantined() {
    check_damage(
        ProblemKind::Rotten,
        |path| {
            let mut bytes = fs::read(path).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 4;
            fs::remove_file(path).unwrap();
            fs::write(path, bytes).unwrap();
        },
        Outcome::Quarantined,
    );
}

#[test]
fn foreign_files_are_quarantined_and_not_deleted() {
    let folder = folder();
    let objects = folder.dir.path().join("objects");
    let hash = blake3::hash(b"left behind");
    let stray = objects.join(format!("{:02x}", hash.as_bytes()[0])).join(hash.to_hex().as_str());
    fs::create_dir_all(stray.parent().unwrap()).unwrap();
    fs::write(&stray, b"left behind").unwrap();
    fs::write(objects.join("README"), b"hello").unwrap();
    let report = check(&folder.store, Repair::No);
    assert_eq!(report.counts.get(&ProblemKind::Foreign), Some(&2), "{report:?}");
    let report = check(&folder.store, Repair::Yes);
    assert_eq!((report.open, report.quarantined), (0, 2));
    let quarantine = folder.dir.path().join("quarantine");
    assert_eq!(fs::read(quarantine.join(hash.to_hex().as_str())).unwrap(), b"left behind");
    assert_eq!(fs::read(quarantine.join("README")).unwrap(), b"hello");
    assert!(check(&folder.store, Repair::No).problems.is_empty());
}

/// Takes the index away, so that the next start makes an empty one.
fn forget(folder: Folder) -> tempfile::TempDir {
    let Folder { dir, store, .. } = folder;
    drop(store);
    fs::remove_file(dir.path().join("index.sqlite")).unwrap();
    dir
}

#[test]
fn recordings_beside_a_new_index_are_one_problem_and_no_repair_touches_them() {
    let dir = forget(folder());
    let error = Store::open_read_only(dir.path()).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("`{}` holds 5 recorded files and no index that knows them", dir.path().display())
    );
    let recordings = files(&dir.path().join("objects"));
    let (store, recovery) = open(dir.path());
    assert_eq!(recovery.forgotten, 5);
    for repair in [Repair::No, Repair::Yes] {
        let report = check(&store, repair);
        assert_eq!((report.open, report.problems.len()), (1, 1), "{report:?}");
        let problem = &report.problems[0];
        assert_eq!(problem.kind, ProblemKind::Forgotten);
        assert!(
            problem.do_this.contains("put index.sqlite back") && !problem.do_this.contains("--repair"),
            "{problem:?}"
        );
    }
    assert!(store.remembers().is_err());
    assert_eq!(files(&dir.path().join("objects")), recordings);
}

#[test]
fn recordings_stay_forgotten_when_the_new_index_has_recordings_of_its_own() {
    let before = folder();
    (4..20).for_each(|number| drop(record(&before.store, before.id, "audio", key(0, number))));
    let dir = forget(before);
    let (store, _) = open(dir.path());
    let id = begin(&store, 2, &["video"]);
    record(&store, id, "video", key(0, 0));
    let report = check(&store, Repair::Yes);
    assert_eq!((report.open, report.quarantined), (1, 0), "{report:?}");
    assert_eq!(report.counts.get(&ProblemKind::Forgotten), Some(&1), "{report:?}");
    assert_eq!(files(&dir.path().join("quarantine")), Vec::<std::path::PathBuf>::new());
}

#[test]
fn what_is_gone_for_good_is_told_by_every_check() {
    let folder = folder();
    fs::remove_file(folder.store.object_path(folder.kept[1].hash)).unwrap();
    assert_eq!(check(&folder.store, Repair::Yes).lost, 1);
    let after = check(&folder.store, Repair::No);
    assert_eq!((after.is_sound(), after.lost), (true, 1), "{after:?}");
}

#[test]
fn a_file_that_came_back_is_taken_from_the_gaps() {
    let folder = folder();
    let path = folder.store.object_path(folder.kept[2].hash);
    let bytes = fs::read(&path).unwrap();
    fs::remove_file(&path).unwrap();
    check(&folder.store, Repair::Yes);
    fs::write(&path, bytes).unwrap();
    let report = check(&folder.store, Repair::Yes);
    assert_eq!(report.counts.get(&ProblemKind::Returned), Some(&1), "{report:?}");
    assert_eq!(segments(&folder.store, folder.id, "audio"), folder.kept);
    assert_eq!(folder.store.gaps(folder.id).unwrap(), []);
}

#[test]
fn a_missing_init_cannot_be_mended_and_stays_open() {
    let folder = folder();
    let init = folder.store.tracks(folder.id).unwrap().remove(0).2;
    fs::remove_file(folder.store.object_path(init)).unwrap();
    let report = check(&folder.store, Repair::Yes);
    assert_eq!((report.open, report.problems[0].outcome), (1, Outcome::Found));
    assert!(report.problems[0].what.contains("cannot be played"), "{report:?}");
}

#[test]
fn a_rotten_init_is_put_aside_and_stays_open_too() {
    let folder = folder();
    let init = folder.store.object_path(folder.store.tracks(folder.id).unwrap().remove(0).2);
    fs::remove_file(&init).unwrap();
    fs::write(&init, b"rotten").unwrap();
    let report = check(&folder.store, Repair::Yes);
    let outcomes: Vec<_> = report.problems.iter().map(|problem| (problem.kind, problem.outcome)).collect();
    let (rotten, missing) = (ProblemKind::Rotten, ProblemKind::Missing);
    assert_eq!(outcomes, [(rotten, Outcome::Quarantined), (missing, Outcome::Found)]);
    assert!(!report.is_sound(), "{report:?}");
    let after = check(&folder.store, Repair::No);
    assert_eq!((after.open, after.problems[0].kind), (1, missing), "{after:?}");
}

#[test]
fn a_damaged_file_of_equal_content_is_replaced_when_it_is_sealed_again() {
    let folder = folder();
    let path = folder.store.object_path(folder.kept[0].hash);
    let good = fs::read(&path).unwrap();
    fs::remove_file(&path).unwrap();
    fs::write(&path, b"rotten").unwrap();
    let again = begin(&folder.store, 2, &["audio"]);
    let (sealed, _) = record(&folder.store, again, "audio", key(0, 0));
    assert_eq!(sealed.hash, folder.kept[0].hash);
    assert_eq!(fs::read(&path).unwrap(), good);
    assert!(check(&folder.store, Repair::No).problems.is_empty());
}

#[test]
fn the_report_is_stable_for_programs() {
    let folder = folder();
    fs::remove_file(folder.store.object_path(folder.kept[3].hash)).unwrap();
    let report: serde_json::Value = serde_json::to_value(check(&folder.store, Repair::No)).unwrap();
    assert_eq!(report["counts"]["missing"], 1);
    assert_eq!(report["problems"][0]["kind"], "missing");
    assert_eq!(report["problems"][0]["outcome"], "found");
}
