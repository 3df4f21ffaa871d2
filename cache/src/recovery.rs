//! What a crash leaves, put in order: at every start, and for single files while the store is open.
//!
//! Never here: a guess. What a file's own boxes prove is kept, the torn tail goes, what cannot be told is quarantined.

mod scan;

pub(crate) use scan::Listing;

use std::sync::PoisonError;

use model::{ContentHash, Segment, SegmentKey, SessionId, TrackName};
use serde::Serialize;

use crate::crash_point::Point;
use crate::fragment::{Chunk, Defaults, Whole};
use crate::index::rows::track::Indexed;
use crate::index::rows::{object as object_rows, segment, track};
use crate::layout::{GrowingName, Leftover};
use crate::store::Inner;
use crate::{Error, Kind, durable, growing, object, reserve};

/// No segment of two seconds comes near this, bytes; a longer file is none.
const GROWING_BYTES_MAX: u64 = 256 << 20;

/// Files removed while the writer is held once: few enough that a segment being sealed does not wait noticeably.
const REMOVALS_AT_ONCE: u32 = 32;

/// What was found and mended.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Recovery {
    /// Segments that were growing when the process died, sealed with their whole parts.
    pub salvaged: Vec<Salvaged>,
    /// Torn ends that were cut off, bytes. None of it was acknowledged.
    pub cut_bytes: u64,
    /// Growing files without one whole part, removed.
    pub empty: u64,
    /// Files of deleted sessions that were still there, removed.
    pub removed: u64,
    /// Segments whose file is gone; they are gaps from here on.
    pub missing: u64,
    /// Segments that were gaps and whose file is there again.
    pub returned: u64,
    /// Init segments whose file is gone: their track cannot be played.
    pub inits_missing: u64,
    /// Files among the objects that no row speaks of; they are left where they are. `check` moves them to the quarantine.
    pub strays: u64,
    /// How many of the strays are recordings that the index does not know, since it is new or older than they are.
    pub forgotten: u64,
    /// Files that were moved to the quarantine, by their name there.
    pub quarantined: Vec<String>,
    /// Files that could not be dealt with and wait for the next try.
    pub left: Vec<Left>,
}

/// A segment that was sealed from its whole parts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Salvaged {
    /// Its session.
    pub session: SessionId,
    /// Its track.
    pub track: TrackName,
    /// Its key.
    pub key: SegmentKey,
    /// How many parts it has.
    pub parts: u32,
    /// Its size, bytes.
    pub bytes: u64,
}

/// A file that could not be dealt with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Left {
    /// Its name in `growing/`.
    pub file: String,
    /// Why.
    pub why: String,
    /// What to do about it, in one sentence.
    pub advice: String,
}

impl Recovery {
    /// Returns whether nothing had to be done and nothing is wrong.
    pub fn is_clean(&self) -> bool {
        *self == Self::default()
    }
}

/// Mends everything, as every start does.
pub(crate) fn run(inner: &Inner) -> Result<Recovery, Error> {
    let mut recovery = settle(inner)?;
    recovery.removed += remove_doomed(inner)?;
    scan::compare(inner, &mut recovery)?;
    Ok(recovery)
}

/// Deals with the files in `growing/` that nobody holds. One that resists does not stop the others.
pub(crate) fn settle(inner: &Inner) -> Result<Recovery, Error> {
    let _one_at_a_time = inner.settling.lock().unwrap_or_else(PoisonError::into_inner);
    let mut recovery = Recovery::default();
    let mut names = durable::file_names(&inner.layout.growing())?;
    names.sort_unstable();
    for name in names {
        if let Err(error) = mend(inner, &name, &mut recovery) {
            recovery.left.push(Left { file: name, why: model::chain(&error), advice: error.advice() });
        }
    }
    Ok(recovery)
}

fn mend(inner: &Inner, file_name: &str, recovery: &mut Recovery) -> Result<(), Error> {
    let path = inner.layout.growing().join(file_name);
    match Leftover::of(file_name) {
        Leftover::Segment(name) if is_live(inner, &name) => Ok(()),
        Leftover::Segment(name) => match salvage(inner, &name, recovery) {
            Err(error) if error.kind() == Kind::Full && reserve::release(&inner.layout)? => {
                salvage(inner, &name, recovery)
            }
            salvaged => salvaged,
        },
        Leftover::Salvage(name) if is_live(inner, &name) => Ok(()),
        Leftover::Salvage(_) => durable::remove_if_there(&path).map(|_| ()),
        Leftover::Copy => {
            // Copies are made while the writer is held.
            let _writer = inner.writer()?;
            durable::remove_if_there(&path).map(|_| ())
        }
        Leftover::Init(hash) => settle_init(inner, hash),
        Leftover::Foreign => {
            recovery.quarantined.push(object::quarantine(&inner.layout, &path)?);
            Ok(())
        }
    }
}

fn is_live(inner: &Inner, name: &GrowingName) -> bool {
    inner.live().contains(name)
}

/// An init whose first name is left: with a row, it is done; without, it was never acknowledged.
fn settle_init(inner: &Inner, hash: ContentHash) -> Result<(), Error> {
    let writer = inner.writer()?;
    if !writer.read("find an init", |db| object_rows::is_referred_to(db, hash))? {
        durable::remove_if_there(&inner.layout.object(hash))?;
    }
    durable::remove_if_there(&inner.layout.init_file(hash)).map(|_| ())
}

/// Seals the whole parts of a growing file.
fn salvage(inner: &Inner, name: &GrowingName, recovery: &mut Recovery) -> Result<(), Error> {
    let path = inner.layout.growing_file(name);
    let found = inner.index.read("find a track", |db| {
        let Some(indexed) = track::find(db, name.session, name.key.run, &name.track)? else {
            return Ok(None);
        };
        let is_sealed = segment::exists(db, indexed.rendition, name.key)?;
        Ok(Some((indexed, is_sealed)))
    })?;
    let length = std::fs::metadata(&path).map_err(|source| Error::Read { path: path.clone(), source })?.len();
    let Some((indexed, is_sealed)) = found.filter(|_| length <= GROWING_BYTES_MAX) else {
        recovery.quarantined.push(object::quarantine(&inner.layout, &path)?);
        return Ok(());
    };
    if is_sealed {
        return durable::remove_if_there(&path).map(|_| ());
    }
    let bytes = object::read(&path)?;
    let (segment, kept) = match whole_segment(inner, name, &indexed, &bytes)? {
        Found::Segment(segment, kept) => (segment, kept),
        Found::Nothing => {
            recovery.empty += 1;
            recovery.cut_bytes += length;
            return durable::remove_if_there(&path).map(|_| ());
        }
        Found::Unreadable => {
            recovery.quarantined.push(object::quarantine(&inner.layout, &path)?);
            return Ok(());
        }
    };
    // A file of its own: if a sync of the old one has failed before, asking it again proves nothing.
    let fresh = inner.layout.salvage_file(name);
    durable::write_synced(&fresh, kept)?;
    inner.crash.reach(Point::SalvageWritten);
    let entered = inner.enter(&fresh, &indexed, &segment);
    inner.discard(&fresh);
    entered?;
    inner.discard(&path);
    recovery.cut_bytes += length - segment.bytes;
    recovery.salvaged.push(Salvaged {
        session: name.session,
        track: name.track.clone(),
        key: name.key,
        parts: u32::try_from(segment.parts.len()).unwrap_or(u32::MAX),
        bytes: segment.bytes,
    });
    Ok(())
}

enum Found<'a> {
    Segment(Segment, &'a [u8]),
    Nothing,
    Unreadable,
}

fn whole_segment<'a>(
    inner: &Inner,
    name: &GrowingName,
    indexed: &Indexed,
    bytes: &'a [u8],
) -> Result<Found<'a>, Error> {
    let init = object::open(&inner.layout, indexed.init)?.unwrap_or_default();
    let whole = Whole::read(bytes, &Defaults::of_init(&init));
    let kept = bytes.get(..whole.length).unwrap_or_default();
    Ok(match growing::segment(name, &whole.parts, object::hash_of(kept), None) {
        Some(segment) => Found::Segment(segment, kept),
        // Whole boxes that say too little, as with a lost init: not torn, and not ours to throw away.
        None if Chunk::first(bytes).is_ok() => Found::Unreadable,
        None => Found::Nothing,
    })
}

/// Removes the growing files of a session that is deleted.
pub(crate) fn remove_growing_of(inner: &Inner, session: SessionId) -> Result<(), Error> {
    let dir = inner.layout.growing();
    for file in durable::file_names(&dir)? {
        let of_it = match Leftover::of(&file) {
            Leftover::Segment(name) | Leftover::Salvage(name) => name.session == session,
            Leftover::Copy | Leftover::Init(_) | Leftover::Foreign => false,
        };
        if of_it {
            durable::remove_if_there(&dir.join(file))?;
        }
    }
    Ok(())
}

/// Removes the files whose last row is gone; returns how many there were.
pub(crate) fn remove_doomed(inner: &Inner) -> Result<u64, Error> {
    let mut removed = 0;
    loop {
        // Taken anew for each few, so that recording goes on beside a long deletion.
        let mut writer = inner.writer()?;
        let doomed = writer.read("list doomed files", |db| object_rows::doomed(db, REMOVALS_AT_ONCE))?;
        if doomed.is_empty() {
            return Ok(removed);
        }
        for hash in &doomed {
            // The same bytes may have been sealed again since.
            let is_wanted = writer.read("find an object", |db| object_rows::is_referred_to(db, *hash))?;
            if !is_wanted && durable::remove_if_there(&inner.layout.object(*hash))? {
                removed += 1;
                inner.crash.reach(Point::DeletedHalfTheFiles);
            }
        }
        writer.change("forget doomed files", |change| {
            doomed.iter().try_for_each(|hash| object_rows::undoom(change, *hash))
        })?;
    }
}
