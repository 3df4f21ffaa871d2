//! Rows beside files: which rows have lost their file, which files have no row. By name only; bytes are `check`'s.

use model::ContentHash;

use super::Recovery;
use crate::index::rows::object as object_rows;
use crate::layout::Layout;
use crate::store::Inner;
use crate::{Error, durable};

/// The files among the objects.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    /// Sorted.
    pub(crate) objects: Vec<ContentHash>,
    /// Paths below `objects/` that no object is called.
    pub(crate) foreign: Vec<String>,
}

/// A crash leaves a file per track without its row. Where more are, or where no row speaks of any file, nothing has
/// crashed: the index is new, or older than the files, which are recordings.
const STRAYS_MAX: usize = 16;

impl Listing {
    /// Returns how many files an index that speaks of `expected` does not know, where they are too many for a crash; 0
    /// where they are few.
    pub(crate) fn forgotten(&self, expected: &[ContentHash]) -> u64 {
        let strays = self.strays(expected).count();
        if strays > STRAYS_MAX || (expected.is_empty() && strays > 0) { strays as u64 } else { 0 }
    }

    /// Returns the objects that no row speaks of.
    pub(crate) fn strays<'a>(
        &'a self,
        expected: &'a [ContentHash],
    ) -> impl Iterator<Item = ContentHash> + 'a {
        self.objects.iter().copied().filter(|hash| expected.binary_search(hash).is_err())
    }

    pub(crate) fn of(layout: &Layout) -> Result<Self, Error> {
        let objects = layout.objects();
        let mut listing = Self { foreign: durable::file_names(&objects)?, ..Self::default() };
        for fan in durable::dir_names(&objects)? {
            let dir = objects.join(&fan);
            for name in durable::file_names(&dir)? {
                match name.parse() {
                    Ok(hash) if layout.fan(hash) == dir => listing.objects.push(hash),
                    _ => listing.foreign.push(format!("{fan}/{name}")),
                }
            }
        }
        listing.objects.sort_unstable();
        Ok(listing)
    }

    pub(crate) fn has(&self, hash: ContentHash) -> bool {
        self.objects.binary_search(&hash).is_ok()
    }
}

/// Marks segments without a file as damaged and those whose file is back as sound; counts files without a row.
pub(super) fn compare(inner: &Inner, recovery: &mut Recovery) -> Result<(), Error> {
    let mut writer = inner.writer()?;
    let listing = Listing::of(&inner.layout)?;
    let (expected, damaged) =
        writer.read("list objects", |db| Ok((object_rows::expected(db)?, object_rows::damaged(db)?)))?;
    recovery.strays += (listing.strays(&expected).count() + listing.foreign.len()) as u64;
    recovery.forgotten = listing.forgotten(&expected);

    let is_damaged = |hash: &ContentHash| damaged.binary_search_by_key(hash, |(hash, _)| *hash).is_ok();
    let missing: Vec<_> =
        expected.iter().copied().filter(|hash| !listing.has(*hash) && !is_damaged(hash)).collect();
    let returned: Vec<_> = damaged
        .iter()
        .filter(|(hash, bytes)| {
            // The name and the size; the bytes are hashed by the next check.
            std::fs::metadata(inner.layout.object(*hash)).is_ok_and(|meta| meta.len() == *bytes)
        })
        .collect();
    if missing.is_empty() && returned.is_empty() {
        return Ok(());
    }
    writer.change("mark damaged segments", |change| {
        for hash in missing {
            match object_rows::mark_damaged(change, hash)? {
                0 => recovery.inits_missing += 1,
                segments => recovery.missing += segments as u64,
            }
        }
        for (hash, _) in returned {
            recovery.returned += object_rows::mark_sound(change, *hash)? as u64;
        }
        Ok(())
    })
}
