//! Identities. Each has its own type so that one can never be passed for another.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::WallTime;

/// One lecture: everything between a start and a stop, over any number of runs.
///
/// A version 7 UUID (RFC 9562, section 5.7). Its time part only helps people who list files; order and truth
/// come from the index, because a box without a clock chip may make it in 1970.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SessionId(Uuid);

impl SessionId {
    /// Makes an id from the wall time of the start and ten random bytes.
    pub fn new(wall: WallTime, random: [u8; 10]) -> Self {
        let millis = u64::try_from(wall.unix_ms()).unwrap_or(0);
        Self(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is not a session id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a session id; `lectern sessions` lists them")]
pub struct NotASessionId {
    /// What was given.
    pub text: String,
}

impl FromStr for SessionId {
    type Err = NotASessionId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // Only the hyphenated form, so that a session has exactly one URL.
        let parsed = Uuid::try_parse(text).map_err(|_| NotASessionId { text: text.to_owned() })?;
        let id = Self(parsed);
        if id.to_string() == text { Ok(id) } else { Err(NotASessionId { text: text.to_owned() }) }
    }
}

/// One boot of the machine, as the kernel names it (`/proc/sys/kernel/random/boot_id`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BootId(Uuid);

impl BootId {
    /// No known boot: never the boot that runs.
    pub const UNKNOWN: Self = Self(Uuid::nil());

    /// Reads the kernel's text; [`BootId::UNKNOWN`] when it is none.
    pub fn from_kernel(text: &str) -> Self {
        Uuid::try_parse(text.trim()).map_or(Self::UNKNOWN, Self)
    }
}

impl fmt::Display for BootId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

macro_rules! number {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl $name {
            /// Returns the number after this one.
            #[must_use]
            pub const fn next(self) -> Self {
                Self(self.0 + 1)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number! {
    /// Counts the runs of a session from 0: one unbroken stretch of capture. A crash or a power cut begins the next run.
    RunNumber(u32)
}
number! {
    /// Counts the segments of one track in one run from 0.
    SegmentNumber(u64)
}
number! {
    /// Counts the parts of one segment from 0.
    PartIndex(u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_rejected(text: &str) {
        assert_eq!(text.parse::<SessionId>(), Err(NotASessionId { text: text.to_owned() }));
    }

    #[test]
    fn a_session_id_survives_its_text() {
        let id = SessionId::new(WallTime::from_unix_ms(1_795_000_000_000), [7; 10]);
        assert_eq!(id.to_string().parse(), Ok(id));
    }

    #[test]
    fn a_session_id_is_made_even_before_1970() {
        let id = SessionId::new(WallTime::from_unix_ms(-5), [1; 10]);
        assert!(id.to_string().starts_with("00000000-0000-7"));
    }

    #[test]
    fn only_the_canonical_text_is_a_session_id() {
        check_rejected("");
        check_rejected("../../etc/passwd");
        check_rejected("0190B8F0-3C5A-7000-8000-000000000000");
        check_rejected("{0190b8f0-3c5a-7000-8000-000000000000}");
        check_rejected("0190b8f03c5a70008000000000000000");
    }
}
