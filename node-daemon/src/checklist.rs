//! The checklist: findings in plain words, from a running node's health or, without one, from its folder and its sources.

use std::path::{Path, PathBuf};

use cache::{Error as CacheError, Kind, Store};
use capture::SourceInfo;
use model::wire::v1::NoSound;
use model::{Finding, Input, Verdict, chain};
use rustix::fs::{Access, access, statvfs};

use crate::control::size;

/// Three hours of 720p and its companions: below it, a person should make room before the next lecture.
const FREE_BYTES_WARN: u64 = 4 << 30;

/// Twenty minutes of the same.
const FREE_BYTES_FAIL: u64 = 400 << 20;

/// Makes a finding.
pub(crate) fn finding(id: &str, verdict: Verdict, what: &str, do_this: &str) -> Finding {
    Finding { id: id.to_owned(), verdict, what: what.to_owned(), do_this: do_this.to_owned() }
}

/// Judges what is free on the disk of recordings, bytes; `None` where that is not known.
pub(crate) fn space(free: Option<u64>) -> Finding {
    match free {
        Some(free) if free < FREE_BYTES_FAIL => low(Verdict::Fail, free),
        Some(free) if free < FREE_BYTES_WARN => low(Verdict::Warn, free),
        Some(free) => finding("storage.low", Verdict::Pass, &format!("{} are free.", size(free)), ""),
        None => finding("storage.low", Verdict::Unknown, "The free space is not known.", ""),
    }
}

fn low(verdict: Verdict, free: u64) -> Finding {
    let what = format!("Only {} are free for recordings.", size(free));
    finding("storage.low", verdict, &what, "Delete old sessions: `lectern sessions` lists them.")
}

/// Says that a source delivers nothing, and why.
pub(crate) fn lost(input: &Input, why: &str) -> Finding {
    let (id, fix) = if is_picture(input) {
        ("camera.lost", "Check the camera's cable and power.")
    } else {
        ("audio.dead", "Check the microphone's cable and that it is switched on.")
    };
    finding(id, Verdict::Fail, &format!("{} delivers nothing: {why}", input.shown()), fix)
}

/// Says that the lecture has no sound, or none any more.
pub(crate) fn silent(why: NoSound) -> Finding {
    let (id, what, fix) = match why {
        NoSound::Absent => (
            "audio.absent",
            "No source has sound: the lecture is silent.",
            "Name a microphone too, as `lectern sources` lists it, and start again.",
        ),
        NoSound::Ended => (
            "audio.ended",
            "The sound has ended: the picture goes on in silence.",
            "Choose a source of sound that lasts as long as the picture, and start again.",
        ),
    };
    finding(id, Verdict::Warn, what, fix)
}

const fn is_picture(input: &Input) -> bool {
    matches!(input, Input::Camera { .. } | Input::Rtsp { .. })
}

/// Checks, without a running node, the folder that it would record into and the sources that it would open; `connected`
/// are the devices that are there.
pub(crate) fn without_node(folder: &Path, inputs: &[Input], connected: &[SourceInfo]) -> Vec<Finding> {
    // What is not there yet will lie on the disk of what is there.
    let there = folder.ancestors().find(|path| path.exists()).unwrap_or(folder);
    let free = statvfs(there).ok().map(|disk| disk.f_bavail * disk.f_frsize);
    let mut findings = vec![kept(folder, there), space(free)];
    if inputs.is_empty() {
        let fix = "Name a source with --input or in the configuration; `lectern sources` lists them.";
        findings.push(finding("audio.dead", Verdict::Fail, "No source of sound or pictures is named.", fix));
    }
    findings.extend(inputs.iter().map(|input| source(input, connected)));
    findings
}

/// Judges whether recordings can be kept in `folder`, of which `there` is what exists.
fn kept(folder: &Path, there: &Path) -> Finding {
    let failing = |what: &str, fix: &str| finding("storage.failing", Verdict::Fail, what, fix);
    if !there.is_dir() {
        let what = format!("Recordings cannot be kept: `{}` is a file, not a folder.", there.display());
        return failing(&what, "Give another folder with --data.");
    }
    if access(there, Access::WRITE_OK | Access::EXEC_OK).is_err() {
        let what = format!("Recordings cannot be kept: `{}` cannot be written.", there.display());
        return failing(
            &what,
            "Give this account the folder (chown), mount its disk writable, or give another with --data.",
        );
    }
    match Store::open_read_only(folder).and_then(|store| store.remembers()) {
        Ok(()) => finding("storage.failing", Verdict::Pass, "Recordings can be kept.", ""),
        Err(CacheError::NoIndex { .. }) => {
            finding("storage.failing", Verdict::Pass, "Recordings can be kept; there are none yet.", "")
        }
        Err(error) if error.kind() == Kind::Locked => {
            finding("storage.failing", Verdict::Unknown, "Another program holds the index.", &error.advice())
        }
        Err(error) => {
            failing(&format!("The recordings are not in order: {}.", chain(&error)), &error.advice())
        }
    }
}

/// Judges a source by what can be seen of it without opening it.
fn source(input: &Input, connected: &[SourceInfo]) -> Finding {
    let id = if is_picture(input) { "camera.lost" } else { "audio.dead" };
    let fail = |what: &str, fix: &str| finding(id, Verdict::Fail, &format!("{} {what}", input.shown()), fix);
    let pass = |what: &str| finding(id, Verdict::Pass, &format!("{} {what}", input.shown()), "");
    match input {
        Input::Test(_) => pass("is built in."),
        Input::File { path, .. } => match file(path) {
            Ok(()) => pass("is there."),
            Err(why) => fail(&format!("cannot be played: {why}."), "Check the path, or choose another file."),
        },
        Input::Audio { .. } | Input::Camera { .. } => {
            match connected.iter().find(|source| source.input == *input).map(|source| &source.problem) {
                Some(None) => pass("is connected."),
                Some(Some(problem)) => lost(input, problem),
                None => fail("is not connected.", "Plug it in; `lectern sources` lists what is connected."),
            }
        }
        Input::Rtsp { .. } => {
            let what = format!("{} is only asked when a session begins.", input.shown());
            finding(id, Verdict::Unknown, &what, "Start the node and a session, then check again.")
        }
    }
}

fn file(path: &PathBuf) -> Result<(), String> {
    let meta = std::fs::metadata(path).map_err(|error| error.to_string())?;
    match (meta.is_file(), meta.len()) {
        (false, _) => Err("it is not a file".to_owned()),
        (true, 0) => Err("it is empty".to_owned()),
        (true, _) => std::fs::File::open(path).map(drop).map_err(|error| error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the verdicts by id, without the space on the tester's disk.
    fn verdicts(folder: &Path, inputs: &[&str]) -> Vec<(String, Verdict)> {
        let inputs: Vec<Input> = inputs.iter().map(|input| input.parse().unwrap()).collect();
        let findings = without_node(folder, &inputs, &[]);
        assert!(
            findings.iter().all(|one| one.verdict != Verdict::Fail || !one.do_this.is_empty()),
            "{findings:?}"
        );
        findings.into_iter().filter(|one| one.id != "storage.low").map(|one| (one.id, one.verdict)).collect()
    }

    fn check(folder: &Path, inputs: &[&str], expect: &[(&str, Verdict)]) {
        let expect: Vec<_> = expect.iter().map(|(id, verdict)| ((*id).to_owned(), *verdict)).collect();
        assert_eq!(verdicts(folder, inputs), expect);
    }

    #[test]
    fn a_folder_and_its_sources_are_judged_without_a_node() {
        let folder = tempfile::tempdir().unwrap();
        let kept = ("storage.failing", Verdict::Pass);
        check(&folder.path().join("fresh/one"), &["test:"], &[kept, ("audio.dead", Verdict::Pass)]);
        check(folder.path(), &[], &[kept, ("audio.dead", Verdict::Fail)]);
        check(folder.path(), &["file:/no/such.wav"], &[kept, ("audio.dead", Verdict::Fail)]);
        check(folder.path(), &["v4l2:/dev/video99"], &[kept, ("camera.lost", Verdict::Fail)]);
        check(folder.path(), &["rtsp://192.0.2.1/main"], &[kept, ("camera.lost", Verdict::Unknown)]);
        let file = folder.path().join("file");
        std::fs::write(&file, "mine").unwrap();
        check(
            &file.join("data"),
            &["test:"],
            &[("storage.failing", Verdict::Fail), ("audio.dead", Verdict::Pass)],
        );
        assert!(std::fs::read_dir(folder.path()).unwrap().count() == 1, "looking changes nothing");
    }

    #[test]
    fn little_space_is_told_before_it_is_none() {
        assert_eq!(space(Some(5 << 30)).verdict, Verdict::Pass);
        assert_eq!(space(Some(1 << 30)).verdict, Verdict::Warn);
        let low = space(Some(100 << 20));
        assert_eq!(
            (low.verdict, low.what.as_str()),
            (Verdict::Fail, "Only 100.0 MiB are free for recordings.")
        );
        assert_eq!(space(None).verdict, Verdict::Unknown);
    }
}
