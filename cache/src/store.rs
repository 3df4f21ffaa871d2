//! The store: one data folder, open.

use std::collections::HashSet;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::{
    ContentHash, Gap, MediaTime, Run, RunNumber, Segment, SegmentKey, Session, SessionId, Track, TrackName,
};

use crate::crash_point::{Plan, Point};
use crate::index::rows::{gap, object as object_rows, segment, session, track};
use crate::index::{Index, Writer};
use crate::layout::{GrowingName, Layout};
use crate::lock::Lock;
use crate::recovery::Listing;
use crate::{Error, Growing, Kind, Options, Recovery, durable, object, recovery, reserve};

/// A data folder, open for reading or for reading and writing. Clones share it; the last one closes it.
#[derive(Debug, Clone)]
pub struct Store {
    pub(crate) inner: Arc<Inner>,
}

/// What all clones share.
#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) layout: Layout,
    pub(crate) index: Index,
    pub(crate) options: Options,
    pub(crate) crash: Plan,
    /// Segments that somebody holds a [`Growing`] of; nobody else touches their files.
    live: Mutex<HashSet<GrowingName>>,
    /// One at a time mends leftovers.
    pub(crate) settling: Mutex<()>,
    /// `None` when open for reading.
    _lock: Option<Lock>,
}

impl Store {
    /// Opens a data folder for reading and writing, makes it when it is missing, and mends what a crash has left.
    ///
    /// # Errors
    /// Another process writes there, the folder cannot be written, its disk is full, or its index is damaged.
    /// A single bad file is no error: [`Recovery`] tells of it.
    pub fn open(dir: &Path, options: Options) -> Result<(Self, Recovery), Error> {
        let layout = Layout::new(dir);
        layout.create()?;
        let lock = Lock::take(&layout)?;
        let index = match Index::open(&layout.index()) {
            Err(error) if error.kind() == Kind::Full && reserve::release(&layout)? => {
                Index::open(&layout.index())
            }
            opened => opened,
        }?;
        let inner = Inner {
            layout,
            index,
            options,
            crash: Plan::new(options.crash_at),
            live: Mutex::default(),
            settling: Mutex::default(),
            _lock: Some(lock),
        };
        let recovery = recovery::run(&inner)?;
        reserve::fill(&inner.layout);
        Ok((Self { inner: Arc::new(inner) }, recovery))
    }

    /// Opens a data folder for reading, beside a running daemon or without one; changes nothing on the disk.
    ///
    /// # Errors
    /// The folder holds no recordings or may not be read.
    pub fn open_read_only(dir: &Path) -> Result<Self, Error> {
        let layout = Layout::new(dir);
        let path = layout.index();
        match std::fs::metadata(&path) {
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let listing =
                    if layout.objects().is_dir() { Listing::of(&layout)? } else { Listing::default() };
                return Err(match listing.forgotten(&[]) {
                    0 => Error::NoIndex { path: dir.to_owned() },
                    files => Error::Forgotten { path: dir.to_owned(), files },
                });
            }
            Err(source) => return Err(Error::Read { path, source }),
        }
        let inner = Inner {
            index: Index::open_read_only(&path)?,
            layout,
            options: Options::default(),
            crash: Plan::default(),
            live: Mutex::default(),
            settling: Mutex::default(),
            _lock: None,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Brings everything into `index.sqlite` itself, so that a copy of that file alone is whole; says whether it is.
    /// Another process that reads at this moment stands in the way; nothing is lost then, the log beside the index has it.
    ///
    /// # Errors
    /// The index could not be written.
    pub fn fold(&self) -> Result<bool, Error> {
        self.inner.index.fold()
    }

    /// Says whether a process has this folder open for writing: without one, nothing in it is live.
    pub fn is_written(&self) -> bool {
        crate::lock::is_held(&self.inner.layout)
    }

    /// Returns the data folder.
    pub fn dir(&self) -> &Path {
        self.inner.layout.root()
    }

    /// Fails where the index knows nothing of the recordings beside it.
    ///
    /// # Errors
    /// It does not, the index cannot be read, or a folder cannot be listed.
    pub fn remembers(&self) -> Result<(), Error> {
        let listing = Listing::of(&self.inner.layout)?;
        let expected = self.inner.index.read("list objects", object_rows::expected)?;
        match listing.forgotten(&expected) {
            0 => Ok(()),
            files => Err(Error::Forgotten { path: self.dir().to_owned(), files }),
        }
    }

    /// Begins a session.
    ///
    /// # Errors
    /// Its id is taken, or the index could not be written.
    pub fn begin_session(&self, begun: &Session) -> Result<(), Error> {
        let inserted =
            self.inner.writer()?.change("write a session", |change| session::insert(change, begun))?;
        if inserted { Ok(()) } else { Err(Error::SessionExists { session: begun.id }) }
    }

    /// Begins a run of a session.
    ///
    /// # Errors
    /// There is no such session, the run exists, or the index could not be written.
    pub fn begin_run(&self, id: SessionId, run: &Run) -> Result<(), Error> {
        let inserted = self.change_session(id, "write a run", |change, key| {
            let inserted = session::insert_run(change, key, run)?;
            session::extend(change, key, run.origin).map(|()| inserted)
        })?;
        if inserted { Ok(()) } else { Err(Error::RunExists { session: id, run: run.number }) }
    }

    /// Adds a track to a run and keeps its init segment; returns the init's name. The same track twice is one.
    ///
    /// # Errors
    /// There is no such session or run, the run has another track of this name, or a step failed.
    pub fn add_track(
        &self,
        id: SessionId,
        run: RunNumber,
        added: &Track,
        init: &[u8],
    ) -> Result<ContentHash, Error> {
        let inner = &self.inner;
        let hash = object::hash_of(init);
        let mut writer = inner.writer()?;
        let (key, has_run, found) = writer.read("find a run", |db| {
            let Some(key) = session::key(db, id)? else { return Ok((None, false, None)) };
            Ok((Some(key), session::has_run(db, key, run)?, track::find(db, id, run, &added.name)?))
        })?;
        let key = key.ok_or(Error::NoSession { session: id })?;
        if !has_run {
            return Err(Error::NoRun { session: id, run });
        }
        match found {
            Some(same) if same.track == *added && same.init == hash => return Ok(hash),
            Some(_) => return Err(Error::TrackExists { session: id, run, track: added.name.clone() }),
            None => {}
        }
        let first_name = inner.layout.init_file(hash);
        durable::write_synced(&first_name, init)?;
        inner.crash.reach(Point::InitWritten);
        object::place(&inner.layout, &inner.crash, &first_name, hash)?;
        inner.crash.reach(Point::InitPlaced);
        writer.change("write a track", |change| track::insert(change, key, run, added, hash))?;
        inner.crash.reach(Point::InitIndexed);
        inner.discard(&first_name);
        Ok(hash)
    }

    /// Opens a segment for its parts.
    ///
    /// # Errors
    /// There is no such track in the run, the key is taken, or the file could not be made.
    pub fn open_segment(&self, id: SessionId, track: &TrackName, key: SegmentKey) -> Result<Growing, Error> {
        let inner = &self.inner;
        if !inner.index.is_writable() {
            return Err(Error::ReadOnly { path: inner.layout.root().to_owned() });
        }
        let (indexed, taken) = inner.index.read("find a track", |db| {
            let Some(indexed) = track::find(db, id, key.run, track)? else { return Ok((None, false)) };
            let taken = segment::exists(db, indexed.rendition, key)?;
            Ok((Some(indexed), taken))
        })?;
        let indexed =
            indexed.ok_or_else(|| Error::NoTrack { session: id, run: key.run, track: track.clone() })?;
        let name = GrowingName { session: id, track: track.clone(), key };
        if taken || !inner.live().insert(name.clone()) {
            return Err(Error::SegmentExists { track: track.clone(), key });
        }
        let created = Growing::create(Arc::clone(inner), name.clone(), indexed);
        if created.is_err() {
            inner.live().remove(&name);
        }
        created
    }

    /// Adds a gap to a session's timeline. One with the begin, track and cause of a known gap prolongs it: so a gap that
    /// lasts is written as far as it has come.
    ///
    /// # Errors
    /// There is no such session, or the index could not be written.
    pub fn add_gap(&self, id: SessionId, added: &Gap) -> Result<(), Error> {
        self.change_session(id, "write a gap", |change, key| gap::insert(change, key, added))
    }

    /// Ends a session at `end`, or where its media ends if that is later. Seals first what no one holds any more.
    ///
    /// # Errors
    /// There is no such session, or the index could not be written.
    pub fn end_session(&self, id: SessionId, end: MediaTime) -> Result<(), Error> {
        let settled = self.settle()?;
        for left in &settled.left {
            tracing::warn!(session = %id, file = %left.file, why = %left.why, "a segment is not sealed at the end");
        }
        self.change_session(id, "end a session", |change, key| {
            session::extend(change, key, end)?;
            session::end(change, key)
        })
    }

    /// Deletes a session: its rows, then its files. Works on a full disk.
    ///
    /// # Errors
    /// There is no such session, it is being recorded, or a step failed; files that are left are removed at the next start.
    pub fn delete_session(&self, id: SessionId) -> Result<(), Error> {
        let inner = &self.inner;
        if inner.live().iter().any(|name| name.session == id) {
            return Err(Error::SessionBusy { session: id });
        }
        // The rows need room before they give room back.
        match self.delete_rows(id) {
            Err(error) if error.kind() == Kind::Full && reserve::release(&inner.layout)? => {
                self.delete_rows(id)
            }
            deleted => deleted,
        }?;
        inner.crash.reach(Point::DeletedBeforeFiles);
        recovery::remove_growing_of(inner, id)?;
        recovery::remove_doomed(inner)?;
        reserve::fill(&inner.layout);
        Ok(())
    }

    fn delete_rows(&self, id: SessionId) -> Result<(), Error> {
        self.change_session(id, "delete a session", |change, key| {
            let files = object_rows::of_session(change, key)?;
            session::delete(change, key)?;
            for file in files {
                if !object_rows::is_referred_to(change, file)? {
                    object_rows::doom(change, file)?;
                }
            }
            Ok(())
        })
    }

    /// Seals the growing files that nobody holds, as after a seal that failed on a full disk. Cheap when there are none.
    ///
    /// # Errors
    /// The store is open for reading, or the folder cannot be listed. What cannot be sealed is listed in the answer.
    pub fn settle(&self) -> Result<Recovery, Error> {
        if !self.inner.index.is_writable() {
            return Err(Error::ReadOnly { path: self.dir().to_owned() });
        }
        recovery::settle(&self.inner)
    }

    fn change_session<T>(
        &self,
        id: SessionId,
        what: &'static str,
        change: impl FnOnce(&rusqlite::Transaction<'_>, i64) -> rusqlite::Result<T>,
    ) -> Result<T, Error> {
        let changed = self.inner.writer()?.change(what, |transaction| {
            session::key(transaction, id)?.map(|key| change(transaction, key)).transpose()
        })?;
        changed.ok_or(Error::NoSession { session: id })
    }
}

impl Inner {
    /// Takes the writer.
    pub(crate) fn writer(&self) -> Result<Writer<'_>, Error> {
        self.index.writer().ok_or_else(|| Error::ReadOnly { path: self.layout.root().to_owned() })
    }

    /// Returns the segments that somebody holds.
    pub(crate) fn live(&self) -> MutexGuard<'_, HashSet<GrowingName>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a synced file an object and writes its row. `from` stays; it goes when the row is there.
    ///
    /// The writer is held over both steps, so that no deletion removes the file in between.
    pub(crate) fn enter(&self, from: &Path, track: &track::Indexed, sealed: &Segment) -> Result<(), Error> {
        let mut writer = self.writer()?;
        object::place(&self.layout, &self.crash, from, sealed.hash)?;
        self.crash.reach(Point::SealedBeforeRow);
        let end = track.track.timescale.media_time(sealed.start.after(sealed.duration));
        writer.change("write a segment", |change| {
            segment::insert(change, track.rendition, sealed)?;
            session::extend(change, track.session, end)?;
            self.crash.reach(Point::RowBeforeCommit);
            Ok(())
        })?;
        self.crash.reach(Point::RowBeforeUnlink);
        Ok(())
    }

    /// Removes a file whose bytes are kept elsewhere. If it stays, the next start removes it.
    pub(crate) fn discard(&self, path: &Path) {
        if let Err(error) = durable::remove_if_there(path) {
            tracing::warn!(path = %path.display(), %error, "a file that is not needed any more stays");
        }
    }
}
