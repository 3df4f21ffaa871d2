//! An index of each released version opens with everything in it.

use cache::Repair;
use model::{GapCause, SessionState};

use crate::kit::{begin_run, key, name, open, record, segments, session};

/// Lays an index made by `fixtures/NAME.sql` into a folder.
fn lay(fixture: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let db = rusqlite::Connection::open(dir.path().join("index.sqlite")).unwrap();
    db.execute_batch(fixture).unwrap();
    dir
}

#[test]
fn an_index_of_version_1_opens_with_everything_in_it() {
    let dir = lay(include_str!("../fixtures/index-v1.sql"));
    let (store, recovery) = open(dir.path());
    // The fixture has no media beside it: its one segment is a gap, and everything else is there.
    assert_eq!((recovery.missing, recovery.inits_missing), (1, 1), "{recovery:?}");
    let id = session(1).id;
    let kept = store.session(id).unwrap().unwrap();
    assert_eq!((kept.title.as_str(), kept.state), ("Lecture 1", SessionState::Live));
    assert_eq!(store.runs(id).unwrap(), [crate::kit::run(0)]);
    assert_eq!(store.tracks(id).unwrap()[0].1, cache::synthetic::track(&name("audio")));
    let causes: Vec<_> = store.gaps(id).unwrap().into_iter().map(|gap| gap.cause).collect();
    assert_eq!(causes, [GapCause::Damaged, GapCause::Restart]);

    begin_run(&store, id, 1, &["audio"]);
    let (sealed, _) = record(&store, id, "audio", key(1, 0));
    assert_eq!(segments(&store, id, "audio"), [sealed]);
    assert_eq!(store.check(Repair::No, &mut |_| {}).unwrap().open, 1, "the init that the fixture has not");
}
