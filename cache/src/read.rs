//! What a store is asked. None of it waits for the writer.

use std::path::PathBuf;

use bytes::Bytes;
use model::{ContentHash, Gap, Run, RunNumber, Segment, SegmentKey, Session, SessionId, Track, TrackName};

use crate::index::rows::{gap, segment, session, track};
use crate::{Error, Store, object};

impl Store {
    /// Returns all sessions in the order in which they began.
    ///
    /// # Errors
    /// The index could not be read; so with all that follow.
    pub fn sessions(&self) -> Result<Vec<Session>, Error> {
        self.inner.index.read("list sessions", session::all)
    }

    /// Returns one session.
    ///
    /// # Errors
    /// The index could not be read.
    pub fn session(&self, id: SessionId) -> Result<Option<Session>, Error> {
        self.inner.index.read("find a session", |db| session::find(db, id))
    }

    /// Returns the runs of a session in order; none for an unknown session.
    ///
    /// # Errors
    /// The index could not be read.
    pub fn runs(&self, id: SessionId) -> Result<Vec<Run>, Error> {
        self.inner.index.read("list runs", |db| session::runs(db, id))
    }

    /// Returns the tracks of a session by run, each with the name of its init segment.
    ///
    /// # Errors
    /// The index could not be read.
    pub fn tracks(&self, id: SessionId) -> Result<Vec<(RunNumber, Track, ContentHash)>, Error> {
        self.inner.index.read("list tracks", |db| track::all(db, id))
    }

    /// Returns the gaps of a session by time: the declared ones, and a [`model::GapCause::Damaged`] one for each segment
    /// whose file is missing or wrong.
    ///
    /// # Errors
    /// The index could not be read.
    pub fn gaps(&self, id: SessionId) -> Result<Vec<Gap>, Error> {
        self.inner.index.read("list gaps", |db| gap::all(db, id))
    }

    /// Returns the sealed segments of a track over all runs, in order; those after `after` if it is given.
    /// A damaged segment is left out and listed by [`Store::gaps`].
    ///
    /// # Errors
    /// The index could not be read.
    pub fn segments(
        &self,
        id: SessionId,
        track: &TrackName,
        after: Option<SegmentKey>,
    ) -> Result<Vec<Segment>, Error> {
        self.inner.index.read("list segments", |db| segment::after(db, id, track, after))
    }

    /// Returns the hash of one sealed segment.
    ///
    /// # Errors
    /// The index could not be read.
    pub fn segment_hash(
        &self,
        id: SessionId,
        track: &TrackName,
        key: SegmentKey,
    ) -> Result<Option<ContentHash>, Error> {
        self.inner.index.read("find a segment", |db| segment::hash_of(db, id, track, key))
    }

    /// Returns the bytes of a sealed file, mapped and not copied; `None` when there is no such file. They stay good after
    /// the file is deleted. Every byte is read: what was altered on the disk is never handed out.
    ///
    /// # Errors
    /// The file could not be read, or it holds other bytes than were sealed.
    pub fn object(&self, hash: ContentHash) -> Result<Option<Bytes>, Error> {
        let found = object::open(&self.inner.layout, hash)?;
        match found {
            Some(bytes) if object::hash_of(&bytes) != hash => {
                Err(Error::Altered { path: self.object_path(hash), bytes: bytes.len() as u64 })
            }
            sound => Ok(sound),
        }
    }

    /// Returns where a sealed file lies, whether it is there or not; for exports that read it in their own way.
    pub fn object_path(&self, hash: ContentHash) -> PathBuf {
        self.inner.layout.object(hash)
    }
}
