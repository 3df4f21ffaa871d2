//! Sessions and runs.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};

use crate::{BootId, MediaTime, MonoTime, RunNumber, SessionId, WallTime};

/// The title of a session: 1 to 200 characters, no control characters, no white space at its ends.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct Title(String);

impl Title {
    /// Longest title, in characters.
    pub const CHARS_MAX: usize = 200;

    /// Makes a title; outer white space is cut.
    ///
    /// # Errors
    /// The text is empty, too long, or holds control characters.
    pub fn new(text: &str) -> Result<Self, NotATitle> {
        let text = text.trim();
        if text.is_empty() {
            Err(NotATitle::Empty)
        } else if text.chars().count() > Self::CHARS_MAX {
            Err(NotATitle::Long)
        } else if text.chars().any(char::is_control) {
            Err(NotATitle::Control)
        } else {
            Ok(Self(text.to_owned()))
        }
    }

    /// Returns the title.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Title {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Title {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// Why a text is no title.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotATitle {
    /// Nothing but white space.
    #[error("the title is empty; give the lecture a name")]
    Empty,
    /// Longer than [`Title::CHARS_MAX`].
    #[error("the title is longer than 200 characters; shorten it")]
    Long,
    /// Holds a control character.
    #[error("the title holds a control character, such as a line break; take it out")]
    Control,
}

/// Where a session stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SessionState {
    /// Media is coming in, or will again after a crash.
    Live,
    /// Ended; the recording is complete.
    Ended,
}

impl SessionState {
    /// Returns the stable name that the index and the API use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Ended => "ended",
        }
    }
}

/// One lecture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// Its title.
    pub title: Title,
    /// Where it stands.
    pub state: SessionState,
    /// Wall time of its start, as the box believed it.
    pub started: WallTime,
    /// End of its media on the session's timeline; grows while it is live.
    pub end: MediaTime,
}

/// One unbroken stretch of capture inside a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Its number.
    pub number: RunNumber,
    /// Media time of its first sample.
    pub origin: MediaTime,
    /// Wall time at `origin`, the anchor of EXT-X-PROGRAM-DATE-TIME.
    pub anchor: WallTime,
    /// Monotonic time at `origin`: after a crash, what tells how long the gap was.
    pub mono: MonoTime,
    /// The boot that `mono` belongs to.
    pub boot: BootId,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_trimmed_and_bounded() {
        assert_eq!(Title::new("  Sense and Sensibility ").unwrap().as_str(), "Sense and Sensibility");
        assert_eq!(Title::new(" \n "), Err(NotATitle::Empty));
        assert_eq!(Title::new("a\nb"), Err(NotATitle::Control));
        assert!(Title::new(&"ä".repeat(200)).is_ok());
        assert_eq!(Title::new(&"ä".repeat(201)), Err(NotATitle::Long));
    }
}
