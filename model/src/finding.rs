//! Findings: what is wrong, in words a host understands, with the one thing to do about it.

use serde::{Deserialize, Serialize};

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Evidence says it works.
    Pass,
    /// Works, but a person should look.
    Warn,
    /// Does not work.
    Fail,
    /// No evidence either way.
    Unknown,
}

/// One line of the checklist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Stable id for programs, such as `audio.dead`.
    pub id: String,
    /// How the check came out.
    pub verdict: Verdict,
    /// What is the case, in one plain sentence.
    pub what: String,
    /// The one thing to do; empty when nothing is to be done.
    pub do_this: String,
}
