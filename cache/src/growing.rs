//! A segment while its parts come in.
//!
//! Its file lies in `growing/` under a name that says which segment it is, so it needs no row and no journal. An
//! acknowledged part is never given up: a failed write is cut off, a failed sync ends the file's use.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;

use model::{ContentHash, Part, Segment, SegmentLoudness, Ticks};

use crate::crash_point::Point;
use crate::fragment::Chunk;
use crate::index::rows::track::Indexed;
use crate::layout::GrowingName;
use crate::store::Inner;
use crate::{Durability, Error, durable, object};

/// A segment that takes parts. Dropped without [`Growing::seal`], its file waits for [`crate::Store::settle`] or the next start.
#[derive(Debug)]
pub struct Growing {
    store: Arc<Inner>,
    name: GrowingName,
    track: Indexed,
    path: PathBuf,
    file: File,
    hasher: blake3::Hasher,
    parts: Vec<Part>,
    /// Length of the acknowledged parts, bytes. What lies behind it in the file is nothing.
    length: u64,
    /// A sync failed, or the file could not be cut back to `length`.
    failed: bool,
}

impl Growing {
    /// Makes the file. The name is in the store's set of live segments already.
    pub(crate) fn create(store: Arc<Inner>, name: GrowingName, track: Indexed) -> Result<Self, Error> {
        let path = store.layout.growing_file(&name);
        let file = match durable::create(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                return Err(Error::SegmentExists { track: name.track, key: name.key });
            }
            Err(source) => return Err(Error::Create { path, source }),
        };
        store.crash.reach(Point::GrowingCreated);
        if store.options.durability == Durability::Fsync
            && let Err(error) = durable::sync_dir(&store.layout.growing())
        {
            // Nobody holds the segment, so nothing may stand in the way of the next try.
            store.discard(&path);
            return Err(error);
        }
        Ok(Self {
            store,
            name,
            track,
            path,
            file,
            hasher: blake3::Hasher::new(),
            parts: Vec::new(),
            length: 0,
            failed: false,
        })
    }

    /// Appends a part: `moof` and `mdat`, with `styp` before the first. Once this returns, the part is kept
    /// ([`Durability`] says against what).
    ///
    /// # Errors
    /// The bytes are not one part or not the next one; or they could not be written. After a failed write the segment
    /// goes on without the part; after a failed sync it takes no more, and can still be sealed.
    pub fn append(&mut self, part: &Part, media: &[u8]) -> Result<(), Error> {
        self.accept(part, media)?;
        if let Err(source) = self.write(media) {
            // A torn tail would stand between this part and the next.
            self.failed |= self.file.set_len(self.length).is_err();
            return Err(Error::Write { path: self.path.clone(), source });
        }
        self.store.crash.reach(Point::PartWritten);
        if self.store.options.durability == Durability::Fsync
            && let Err(source) = self.file.sync_data()
        {
            self.failed = true;
            return Err(Error::Sync { path: self.path.clone(), source });
        }
        self.store.crash.reach(Point::PartSynced);
        self.hasher.update(media);
        self.length += media.len() as u64;
        self.parts.push(*part);
        Ok(())
    }

    fn accept(&self, part: &Part, media: &[u8]) -> Result<(), Error> {
        let (track, key, index) = (&self.name.track, self.name.key, part.index.0);
        if self.failed {
            return Err(Error::Failed { track: track.clone(), key });
        }
        let not_a_part = |why| Error::NotAPart { track: track.clone(), key, index, why };
        Chunk::exactly(media).map_err(not_a_part)?;
        if usize::try_from(part.bytes) != Ok(media.len()) {
            return Err(not_a_part("its length is another than it says"));
        }
        let expected = u32::try_from(self.parts.len()).unwrap_or(u32::MAX);
        let not_before = self.parts.last().map_or(Ticks(0), |last| last.start.after(last.duration));
        if index != expected || part.start < not_before {
            return Err(Error::PartOrder { track: track.clone(), key, index, expected });
        }
        Ok(())
    }

    fn write(&self, media: &[u8]) -> std::io::Result<()> {
        if self.store.crash.due(Point::PartHalfWritten) {
            let half = media.get(..media.len() / 2).unwrap_or_default();
            self.file.write_all_at(half, self.length)?;
            std::process::abort();
        }
        self.file.write_all_at(media, self.length)
    }

    /// Returns the parts that are kept.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Seals the segment: synced, named by its hash, in the index. Once this returns, it is immutable and found by
    /// [`crate::Store::segments`].
    ///
    /// # Errors
    /// The segment has no part, or a step failed. Its parts stay where they are and are sealed by
    /// [`crate::Store::settle`] or at the next start.
    pub fn seal(mut self, loudness: Option<SegmentLoudness>) -> Result<Segment, Error> {
        let Some(segment) = segment(&self.name, &self.parts, self.hash(), loudness) else {
            durable::remove_if_there(&self.path)?;
            return Err(Error::Empty { track: self.name.track.clone(), key: self.name.key });
        };
        // A sync that failed is not asked again; its bytes go to a file of their own instead.
        let mut from = self.path.clone();
        if self.failed || self.file.sync_all().is_err() {
            self.failed = true;
            from = self.copy_kept_parts(segment.hash)?;
        }
        self.store.crash.reach(Point::SegmentSynced);
        self.store.enter(&from, &self.track, &segment)?;
        self.store.discard(&from);
        if self.failed {
            self.store.discard(&self.path);
        }
        self.store.crash.reach(Point::SealedBeforeAnswer);
        Ok(segment)
    }

    fn hash(&self) -> ContentHash {
        ContentHash::from_bytes(*self.hasher.finalize().as_bytes())
    }

    /// Writes the acknowledged parts to a fresh file, if they can still be read as they were given.
    fn copy_kept_parts(&self, hash: ContentHash) -> Result<PathBuf, Error> {
        let failed = |source| Error::Read { path: self.path.clone(), source };
        let length =
            usize::try_from(self.length).map_err(|_| failed(std::io::ErrorKind::FileTooLarge.into()))?;
        let mut kept = vec![0; length];
        self.file.read_exact_at(&mut kept, 0).map_err(failed)?;
        if object::hash_of(&kept) != hash {
            return Err(failed(std::io::ErrorKind::InvalidData.into()));
        }
        let fresh = self.store.layout.salvage_file(&self.name);
        durable::write_synced(&fresh, &kept)?;
        Ok(fresh)
    }
}

impl Drop for Growing {
    fn drop(&mut self) {
        self.store.live().remove(&self.name);
    }
}

/// Makes the segment that some parts are; `None` when there are none.
pub(crate) fn segment(
    name: &GrowingName,
    parts: &[Part],
    hash: ContentHash,
    loudness: Option<SegmentLoudness>,
) -> Option<Segment> {
    let (first, last) = (parts.first()?, parts.last()?);
    Some(Segment {
        key: name.key,
        start: first.start,
        duration: Ticks(last.start.after(last.duration).0.saturating_sub(first.start.0)),
        bytes: parts.iter().map(|part| u64::from(part.bytes)).sum(),
        hash,
        parts: parts.to_vec(),
        loudness,
    })
}

#[cfg(test)]
mod tests;
