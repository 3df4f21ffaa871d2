//! Named places between two durable steps where a test lets the process die.
//!
//! Armed only through [`crate::Options::crash_at`]; a store opened without it pays one comparison per place.

use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicU32, Ordering};

macro_rules! points {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// A place where a crash is worth trying.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Point {
            $($(#[$doc])* $variant,)*
        }

        impl Point {
            /// Every place, in the order in which a segment passes them.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// Returns the stable name.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }
    };
}

points! {
    /// The init file is synced and has no place among the objects.
    InitWritten = "init-written",
    /// The init file is an object and has no row.
    InitPlaced = "init-placed",
    /// The init has its row; its first name is still there.
    InitIndexed = "init-indexed",
    /// The growing file exists, its name is not durable.
    GrowingCreated = "growing-created",
    /// Half of a part's bytes are written.
    PartHalfWritten = "part-half-written",
    /// All of a part's bytes are written and not synced.
    PartWritten = "part-written",
    /// A part is synced and not acknowledged.
    PartSynced = "part-synced",
    /// The whole growing file is synced and has no other name.
    SegmentSynced = "segment-synced",
    /// The object's name exists and is not durable.
    ObjectLinked = "object-linked",
    /// The object is durable and has no row.
    SealedBeforeRow = "sealed-before-row",
    /// The row is written and not committed.
    RowBeforeCommit = "row-before-commit",
    /// The row is committed; the growing name is still there.
    RowBeforeUnlink = "row-before-unlink",
    /// The segment is sealed and not acknowledged.
    SealedBeforeAnswer = "sealed-before-answer",
    /// A torn file's whole parts are written to their own file.
    SalvageWritten = "salvage-written",
    /// A session's rows are gone, its files are not.
    DeletedBeforeFiles = "deleted-before-files",
    /// Some of a deleted session's files are gone.
    DeletedHalfTheFiles = "deleted-half-the-files",
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The text names no crash point.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a crash point")]
pub struct NotACrashPoint {
    /// What was given.
    pub text: String,
}

impl FromStr for Point {
    type Err = NotACrashPoint;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.iter().find(|point| point.name() == text);
        found.copied().ok_or_else(|| NotACrashPoint { text: text.to_owned() })
    }
}

/// Where and when a process kills itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CrashAt {
    /// The place.
    pub point: Point,
    /// Which time it is reached: 1 is the first.
    pub hit: u32,
}

/// Counts the times a place is reached and kills the process at the one that was asked for.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    at: Option<CrashAt>,
    hits: AtomicU32,
}

impl Plan {
    pub(crate) const fn new(at: Option<CrashAt>) -> Self {
        Self { at, hits: AtomicU32::new(0) }
    }

    /// Returns whether the process has to die at this passing of `point`.
    pub(crate) fn due(&self, point: Point) -> bool {
        self.at.is_some_and(|at| {
            at.point == point && self.hits.fetch_add(1, Ordering::SeqCst).saturating_add(1) == at.hit
        })
    }

    /// Kills the process if it has to die here. No destructor runs, as with `kill -9`.
    pub(crate) fn reach(&self, point: Point) {
        if self.due(point) {
            std::process::abort();
        }
    }
}
