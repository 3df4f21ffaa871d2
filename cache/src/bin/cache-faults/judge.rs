//! Holds the promises outside the store and compares them with what a restart finds.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

use cache::{Options, Recovery, Repair, Store};
use model::{RunNumber, Segment, SegmentKey, SessionId};

use crate::script::{self, PARTS, TRACKS};

/// What is promised of one session.
#[derive(Debug, Clone, Default)]
struct Promised {
    runs: BTreeSet<u32>,
    gaps: BTreeSet<u32>,
    tracks: BTreeSet<(usize, u32)>,
    /// Acknowledged parts of each segment.
    parts: BTreeMap<(usize, SegmentKey), u32>,
    sealed: BTreeSet<(usize, SegmentKey)>,
    ended: bool,
    deletion: Deletion,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Deletion {
    #[default]
    Never,
    Begun,
    Done,
}

/// All promises of one data folder, over any number of workers.
#[derive(Debug, Clone, Default)]
pub(crate) struct Journal {
    sessions: BTreeMap<SessionId, Promised>,
    /// Promises heard.
    pub(crate) promises: u64,
}

/// What was compared, and what came out.
#[derive(Debug, Clone, Default)]
pub(crate) struct Verdict {
    /// Parts compared byte by byte.
    pub(crate) parts: u64,
    /// Parts found that had been written and not acknowledged.
    pub(crate) unacknowledged: u64,
    /// Segments that recovery sealed.
    pub(crate) salvaged: u64,
    /// Torn bytes that recovery cut.
    pub(crate) cut_bytes: u64,
    /// What is wrong.
    pub(crate) losses: Vec<String>,
}

impl Journal {
    /// Takes down what a worker said.
    pub(crate) fn hear(&mut self, line: &str) -> Result<(), String> {
        let wrong = || format!("the worker said `{line}`");
        let words: Vec<&str> = line.split(' ').collect();
        let [kind, session, numbers @ ..] = words.as_slice() else {
            return if line == "open" { Ok(()) } else { Err(wrong()) };
        };
        let session: SessionId = session.parse().map_err(|_| wrong())?;
        let numbers: Vec<u32> =
            numbers.iter().map(|word| word.parse()).collect::<Result<_, _>>().map_err(|_| wrong())?;
        self.promises += 1;
        let promised = self.sessions.entry(session).or_default();
        match (*kind, numbers.as_slice()) {
            ("session", []) => {}
            ("run", [run]) => _ = promised.runs.insert(*run),
            ("gap", [run]) => _ = promised.gaps.insert(*run),
            ("track", [track, run]) => _ = promised.tracks.insert((*track as usize, *run)),
            ("part", [track, run, number, index]) => {
                promised.parts.insert((*track as usize, script::key(*run, (*number).into())), index + 1);
            }
            ("sealed", [track, run, number]) => {
                promised.sealed.insert((*track as usize, script::key(*run, (*number).into())));
            }
            ("ended", []) => promised.ended = true,
            ("deleting", []) => promised.deletion = Deletion::Begun,
            ("deleted", []) => promised.deletion = Deletion::Done,
            _ => return Err(wrong()),
        }
        Ok(())
    }

    /// Opens the folder as a restart does and compares everything.
    pub(crate) fn judge(&self, dir: &Path) -> Verdict {
        let mut verdict = Verdict::default();
        match Store::open(dir, Options::default()) {
            Ok((store, recovery)) => {
                if let Err(why) = self.compare(&store, &recovery, &mut verdict) {
                    verdict.losses.push(why);
                }
            }
            Err(error) => {
                verdict.losses.push(format!("the folder does not open: {error}: {}", error.advice()))
            }
        }
        verdict
    }

    fn compare(&self, store: &Store, recovery: &Recovery, verdict: &mut Verdict) -> Result<(), String> {
        let said = |error: cache::Error| error.to_string();
        verdict.salvaged += recovery.salvaged.len() as u64;
        verdict.cut_bytes += recovery.cut_bytes;
        let unexpected = recovery.missing + recovery.inits_missing + recovery.strays;
        if unexpected > 0 || !recovery.left.is_empty() || !recovery.quarantined.is_empty() {
            verdict.losses.push(format!("recovery found what no kill explains: {recovery:?}"));
        }
        let report = store.check(Repair::No, &mut |_| {}).map_err(said)?;
        if !report.is_sound() || report.growing > 0 {
            verdict.losses.push(format!("the check after recovery is not clean: {report:?}"));
        }
        for (id, promised) in &self.sessions {
            let found = store.session(*id).map_err(said)?;
            match (found, promised.deletion) {
                (None, Deletion::Never) => verdict.losses.push(format!("session {id} is gone")),
                (Some(_), Deletion::Done) => verdict.losses.push(format!("deleted session {id} is there")),
                (None, _) => {}
                (Some(session), _) => {
                    if promised.ended && session.state != model::SessionState::Ended {
                        verdict.losses.push(format!("session {id} is not ended"));
                    }
                    compare_session(store, *id, promised, verdict).map_err(said)?;
                }
            }
        }
        Ok(())
    }
}

fn compare_session(
    store: &Store,
    id: SessionId,
    promised: &Promised,
    verdict: &mut Verdict,
) -> Result<(), cache::Error> {
    let runs = store.runs(id)?;
    for run in &promised.runs {
        if !runs.contains(&script::run(*run)) {
            verdict.losses.push(format!("run {run} of {id} is gone or changed"));
        }
    }
    let gaps = store.gaps(id)?;
    for run in &promised.gaps {
        if !gaps.contains(&script::gap(*run)) {
            verdict.losses.push(format!("the gap before run {run} of {id} is gone"));
        }
    }
    let tracks = store.tracks(id)?;
    for (index, run) in &promised.tracks {
        let init = tracks.iter().find(|(number, track, _)| {
            *number == RunNumber(*run) && Some(&track.name.as_str()) == TRACKS.get(*index)
        });
        let bytes = init.map(|(_, _, hash)| store.object(*hash)).transpose()?.flatten();
        if bytes.as_deref() != Some(script::init(id, *index, *run).as_slice()) {
            verdict.losses.push(format!("init {index} of run {run} of {id} is gone or changed"));
        }
    }
    (0..TRACKS.len()).try_for_each(|track| compare_segments(store, id, track, promised, verdict))
}

fn compare_segments(
    store: &Store,
    id: SessionId,
    track: usize,
    promised: &Promised,
    verdict: &mut Verdict,
) -> Result<(), cache::Error> {
    let Ok(name) = script::track_name(track) else { return Ok(()) };
    let found: BTreeMap<SegmentKey, Segment> =
        store.segments(id, &name, None)?.into_iter().map(|segment| (segment.key, segment)).collect();
    for ((_, key), parts) in promised.parts.iter().filter(|((of, _), _)| *of == track) {
        let place = Place { id, track, key: *key };
        let kept = found.get(key).map_or(0, |segment| segment.parts.len());
        if kept < *parts as usize {
            verdict.losses.push(format!("{place}: {parts} parts were acknowledged, {kept} are there"));
        }
        if promised.sealed.contains(&(track, *key)) && kept != PARTS as usize {
            verdict.losses.push(format!("{place}: sealed with {PARTS} parts, {kept} are there"));
        }
    }
    for (key, segment) in &found {
        let place = Place { id, track, key: *key };
        let acknowledged = promised.parts.get(&(track, *key)).copied().unwrap_or(0);
        let extra = segment.parts.len().saturating_sub(acknowledged as usize);
        if extra > 1 {
            verdict.losses.push(format!("{place}: {extra} parts are there that nobody acknowledged"));
        }
        verdict.unacknowledged += extra as u64;
        verdict.parts += segment.parts.len() as u64;
        let (mut bytes, mut parts) = (Vec::new(), Vec::new());
        for index in 0..u32::try_from(segment.parts.len()).unwrap_or(u32::MAX) {
            let (part, media) = script::part(id, track, *key, index);
            parts.push(part);
            bytes.extend(media);
        }
        if store.object(segment.hash)?.as_deref() != Some(bytes.as_slice()) {
            verdict.losses.push(format!("{place}: other bytes than were recorded"));
        }
        if segment.parts != parts || segment.bytes != bytes.len() as u64 {
            verdict.losses.push(format!("{place}: its parts are described wrongly"));
        }
    }
    Ok(())
}

struct Place {
    id: SessionId,
    track: usize,
    key: SegmentKey,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "session {} track {} segment {}-{}", self.id, self.track, self.key.run, self.key.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::Which;

    fn judged(lines: &[&str], damage: impl FnOnce(&Path)) -> Vec<String> {
        let dir = tempfile::tempdir().unwrap();
        let session = script::session(1, Which::Lecture).unwrap();
        let (store, _) = Store::open(dir.path(), Options::default()).unwrap();
        store.begin_session(&session).unwrap();
        store.begin_run(session.id, &script::run(0)).unwrap();
        let name = script::track_name(0).unwrap();
        let track = cache::synthetic::track(&name);
        store.add_track(session.id, RunNumber(0), &track, &script::init(session.id, 0, 0)).unwrap();
        let mut growing = store.open_segment(session.id, &name, script::key(0, 0)).unwrap();
        for index in 0..2 {
            let (part, media) = script::part(session.id, 0, script::key(0, 0), index);
            growing.append(&part, &media).unwrap();
        }
        drop((growing, store));
        damage(dir.path());
        let mut journal = Journal::default();
        for line in lines {
            journal.hear(&line.replace("ID", &session.id.to_string())).unwrap();
        }
        journal.judge(dir.path()).losses
    }

    const TRUE: [&str; 5] = ["session ID", "run ID 0", "track ID 0 0", "part ID 0 0 0 0", "part ID 0 0 0 1"];

    #[test]
    fn promises_that_hold_are_not_called_lost() {
        assert_eq!(judged(&TRUE, |_| {}), Vec::<String>::new());
    }

    #[test]
    fn a_promised_part_that_is_not_there_is_a_loss() {
        let losses = judged(&[&TRUE[..], &["part ID 0 0 0 2"]].concat(), |_| {});
        assert!(
            losses.iter().any(|loss| loss.contains("3 parts were acknowledged, 2 are there")),
            "{losses:?}"
        );
    }

    #[test]
    fn two_parts_that_nobody_promised_are_a_fault() {
        let losses = judged(&TRUE[..3], |_| {});
        assert!(losses.iter().any(|loss| loss.contains("2 parts are there that nobody")), "{losses:?}");
    }

    #[test]
    fn a_changed_byte_is_a_loss() {
        let losses = judged(&TRUE, |dir| {
            let growing = std::fs::read_dir(dir.join("growing")).unwrap().next().unwrap().unwrap().path();
            let mut bytes = std::fs::read(&growing).unwrap();
            *bytes.last_mut().unwrap() ^= 1;
            std::fs::write(&growing, bytes).unwrap();
        });
        assert!(losses.iter().any(|loss| loss.contains("other bytes")), "{losses:?}");
    }

    #[test]
    fn a_deleted_session_that_is_there_is_a_fault() {
        let losses = judged(&[&TRUE[..], &["deleting ID", "deleted ID"]].concat(), |_| {});
        assert!(losses.iter().any(|loss| loss.contains("deleted session")), "{losses:?}");
    }

    #[test]
    fn an_unknown_word_is_not_taken_for_a_promise() {
        assert!(Journal::default().hear("hello world").is_err());
        assert!(Journal::default().hear("part").is_err());
    }
}
