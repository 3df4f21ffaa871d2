//! What a check has found, for people and for programs.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

/// More than anybody reads; all are counted.
const PROBLEMS_LISTED_MAX: usize = 1000;

/// What a check has found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct CheckReport {
    /// Files read.
    pub files: u64,
    /// Bytes read.
    pub bytes: u64,
    /// Segments that are being recorded; not a problem.
    pub growing: u64,
    /// Segments that are gaps since their file is gone or damaged; their media is lost unless a copy is put back.
    pub lost: u64,
    /// Files in the quarantine, from this check or earlier ones.
    pub quarantined: u64,
    /// How many problems of each kind there are.
    pub counts: BTreeMap<ProblemKind, u64>,
    /// How many of them are still there after the check.
    pub open: u64,
    /// The first thousand.
    pub problems: Vec<Problem>,
}

/// What can be wrong with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ProblemKind {
    /// A row speaks of it and it is not there.
    Missing,
    /// No row speaks of it.
    Foreign,
    /// It ends too early, or it was growing when a process died.
    Torn,
    /// Its bytes are others than when it was sealed.
    Rotten,
    /// It cannot be read.
    Unreadable,
    /// It was marked as damaged and is sound.
    Returned,
    /// The index itself is damaged.
    Index,
    /// The index knows nothing of the recordings beside it.
    Forgotten,
}

/// What became of a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It is still there.
    Found,
    /// It is put right; nothing is lost.
    Mended,
    /// The segment is a gap on the timeline; the rest of the session plays.
    Gap,
    /// The file is out of the way, in the quarantine folder.
    Quarantined,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// What kind of thing.
    pub kind: ProblemKind,
    /// The file, relative to the data folder.
    pub file: String,
    /// What is the case, in one sentence.
    pub what: String,
    /// What became of it.
    pub outcome: Outcome,
    /// The one thing to do; empty when nothing is to be done.
    pub do_this: String,
}

const REPAIR: &str = "Stop the daemon and run `lectern cache check --repair`.";

/// What to do about an index that knows nothing of the recordings beside it.
pub(crate) const FORGOTTEN_FIX: &str = "Stop the daemon and put index.sqlite back from the newest copy; the recordings are left where they are, and without a copy ask for help before you remove anything.";

/// Says that the index knows nothing of the recordings beside it.
pub(crate) fn forgotten(files: u64) -> String {
    format!("The index is new or old: {files} recorded files lie beside it that it knows nothing of.")
}

impl CheckReport {
    /// Returns whether nothing is wrong, or nothing any more.
    pub const fn is_sound(&self) -> bool {
        self.open == 0
    }

    pub(super) fn add(&mut self, problem: Problem) {
        *self.counts.entry(problem.kind).or_default() += 1;
        if problem.outcome == Outcome::Found {
            self.open += 1;
        }
        if problem.outcome == Outcome::Quarantined {
            self.quarantined += 1;
        }
        if self.problems.len() < PROBLEMS_LISTED_MAX {
            self.problems.push(problem);
        }
    }
}

impl Problem {
    fn new(kind: ProblemKind, file: String, what: String, outcome: Outcome, when_found: &str) -> Self {
        let do_this = if outcome == Outcome::Found { when_found.to_owned() } else { String::new() };
        Self { kind, file, what, outcome, do_this }
    }

    pub(super) fn torn(name: String, outcome: Outcome) -> Self {
        let what = "A segment was still growing when its process died.".to_owned();
        Self::new(
            ProblemKind::Torn,
            format!("growing/{name}"),
            what,
            outcome,
            "Start the daemon, or run `lectern cache check --repair`.",
        )
    }

    pub(super) fn short(file: String, place: &str, bytes: u64, expected: u64, outcome: Outcome) -> Self {
        let what = format!("The file of {place} has {bytes} bytes where {expected} were sealed.");
        Self::new(ProblemKind::Torn, file, what, outcome, REPAIR)
    }

    pub(super) fn rotten(file: String, place: &str, outcome: Outcome) -> Self {
        let what = format!("The file of {place} holds other bytes than were sealed.");
        Self::new(ProblemKind::Rotten, file, what, outcome, REPAIR)
    }

    pub(super) fn missing(file: String, place: &str, outcome: Outcome) -> Self {
        let what = format!("The file of {place} is not there.");
        Self::new(ProblemKind::Missing, file, what, outcome, REPAIR)
    }

    pub(super) fn missing_init(file: String, place: &str) -> Self {
        let what = format!("The file of {place} is not there, so that run of the track cannot be played.");
        Self::new(
            ProblemKind::Missing,
            file,
            what,
            Outcome::Found,
            "Put the file back from a copy of the data folder.",
        )
    }

    pub(super) fn returned(file: String, place: &str, outcome: Outcome) -> Self {
        let what = format!("The file of {place} is marked as damaged and is sound.");
        Self::new(ProblemKind::Returned, file, what, outcome, REPAIR)
    }

    pub(super) fn foreign(file: String, outcome: Outcome) -> Self {
        let what = "No session speaks of this file.".to_owned();
        Self::new(ProblemKind::Foreign, file, what, outcome, REPAIR)
    }

    pub(super) fn unreadable(file: String, why: &str, outcome: Outcome) -> Self {
        let what = format!("The file cannot be read: {why}.");
        Self::new(
            ProblemKind::Unreadable,
            file,
            what,
            outcome,
            "Check the disk and the rights of the data folder.",
        )
    }

    pub(super) fn forgotten(path: &Path, files: u64) -> Self {
        let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let what = forgotten(files);
        Self::new(ProblemKind::Forgotten, file, what, Outcome::Found, FORGOTTEN_FIX)
    }

    pub(super) fn index(path: &Path, line: &str) -> Self {
        let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let fix = "Put the index back from a copy of the data folder; the media files are not touched.";
        Self::new(ProblemKind::Index, file, format!("The index is damaged: {line}."), Outcome::Found, fix)
    }
}
