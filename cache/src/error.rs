//! What can go wrong, by operation, with the path or id, and what a person does about it.

use std::io;
use std::path::{Path, PathBuf};

use model::{RunNumber, SegmentKey, SessionId, TrackName};
use rusqlite::ErrorCode;

use crate::check::FORGOTTEN_FIX;

/// An operation of the store that did not happen.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another process writes in this data folder.
    #[error("data folder `{}` is in use by {}", path.display(), holder(*.pid))]
    Locked {
        /// The data folder.
        path: PathBuf,
        /// The process that holds it, if its lock file says so.
        pid: Option<u32>,
    },
    /// The store was opened for reading only.
    #[error("data folder `{}` is open for reading only", path.display())]
    ReadOnly {
        /// The data folder.
        path: PathBuf,
    },
    /// There is no index in the folder.
    #[error("`{}` holds no recordings", path.display())]
    NoIndex {
        /// The data folder.
        path: PathBuf,
    },
    /// There is no index, or an empty one, beside recordings.
    #[error("`{}` holds {files} recorded files and no index that knows them", path.display())]
    Forgotten {
        /// The data folder.
        path: PathBuf,
        /// How many files there are.
        files: u64,
    },
    /// The index was written by a later version of this program.
    #[error("index `{}` has version {found}, this program knows versions up to {known}", path.display())]
    IndexNewer {
        /// The index.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// The newest version this program knows.
        known: u32,
    },
    /// The file is a SQLite database of some other program.
    #[error("`{}` is not an index of this program", path.display())]
    IndexForeign {
        /// The file.
        path: PathBuf,
    },
    /// The index could not be asked or changed.
    #[error("{what} in index `{}`", path.display())]
    Index {
        /// What was being done.
        what: &'static str,
        /// The index.
        path: PathBuf,
        /// Why not.
        source: rusqlite::Error,
    },
    /// A folder could not be made.
    #[error("create folder `{}`", path.display())]
    CreateFolder {
        /// The folder.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A folder could not be listed.
    #[error("list folder `{}`", path.display())]
    ListFolder {
        /// The folder.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A folder's names could not be brought to the disk.
    #[error("sync folder `{}`", path.display())]
    SyncFolder {
        /// The folder.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A file could not be made.
    #[error("create `{}`", path.display())]
    Create {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A file could not be read.
    #[error("read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A file could not be written.
    #[error("write `{}`", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A file's bytes could not be brought to the disk. They are not taken for kept, whatever a later try says.
    #[error("sync `{}`", path.display())]
    Sync {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A file could not get its final name.
    #[error("name `{}` as `{}`", from.display(), to.display())]
    Name {
        /// The file.
        from: PathBuf,
        /// Its final name.
        to: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A file could not be removed.
    #[error("remove `{}`", path.display())]
    Remove {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The free space could not be asked for.
    #[error("measure free space under `{}`", path.display())]
    Space {
        /// The data folder.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A sealed file does not hold what was sealed.
    #[error("`{}` does not hold the bytes that were sealed ({bytes} bytes are there)", path.display())]
    Altered {
        /// The file.
        path: PathBuf,
        /// Its size, bytes.
        bytes: u64,
    },
    /// No such session.
    #[error("there is no session {session}")]
    NoSession {
        /// The id.
        session: SessionId,
    },
    /// The session exists already.
    #[error("session {session} exists already")]
    SessionExists {
        /// The id.
        session: SessionId,
    },
    /// Segments of the session are growing.
    #[error("session {session} is being recorded")]
    SessionBusy {
        /// The id.
        session: SessionId,
    },
    /// The run exists already.
    #[error("run {run} of session {session} exists already")]
    RunExists {
        /// The session.
        session: SessionId,
        /// The run.
        run: RunNumber,
    },
    /// No such run.
    #[error("session {session} has no run {run}")]
    NoRun {
        /// The session.
        session: SessionId,
        /// The run.
        run: RunNumber,
    },
    /// No such track in this run.
    #[error("run {run} of session {session} has no track {track}")]
    NoTrack {
        /// The session.
        session: SessionId,
        /// The run.
        run: RunNumber,
        /// The track.
        track: TrackName,
    },
    /// The run has another track of this name.
    #[error("run {run} of session {session} has another track {track}")]
    TrackExists {
        /// The session.
        session: SessionId,
        /// The run.
        run: RunNumber,
        /// The track.
        track: TrackName,
    },
    /// The segment is growing or sealed already; a key is never used twice.
    #[error("segment {}-{} of track {track} exists already", key.run, key.number)]
    SegmentExists {
        /// The track.
        track: TrackName,
        /// The segment.
        key: SegmentKey,
    },
    /// The bytes are not one part, so nothing could be recovered from them after a crash.
    #[error("part {index} of segment {}-{} of track {track} is not one moof with its mdat: {why}", key.run, key.number)]
    NotAPart {
        /// The track.
        track: TrackName,
        /// The segment.
        key: SegmentKey,
        /// The part.
        index: u32,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The part does not follow the one before it.
    #[error("part {index} of segment {}-{} of track {track} comes where part {expected} belongs", key.run, key.number)]
    PartOrder {
        /// The track.
        track: TrackName,
        /// The segment.
        key: SegmentKey,
        /// The part that came.
        index: u32,
        /// The part that should have come.
        expected: u32,
    },
    /// A segment without parts cannot be sealed.
    #[error("segment {}-{} of track {track} is empty", key.run, key.number)]
    Empty {
        /// The track.
        track: TrackName,
        /// The segment.
        key: SegmentKey,
    },
    /// An earlier sync of this segment failed; it takes no more parts. Sealing it keeps the parts before the failure.
    #[error("segment {}-{} of track {track} takes no more parts after a failed sync", key.run, key.number)]
    Failed {
        /// The track.
        track: TrackName,
        /// The segment.
        key: SegmentKey,
    },
}

/// What kind of failure it is; programs decide on these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// No space or no inodes are left, or a quota is used up.
    Full,
    /// The folder cannot be written: a read-only mount, or a store opened for reading.
    ReadOnly,
    /// The account of this process may not.
    Permission,
    /// Another process holds the folder.
    Locked,
    /// What was asked for does not exist.
    NotFound,
    /// The caller broke a rule of the store.
    Misuse,
    /// The disk or the index is damaged.
    Damaged,
    /// Something else.
    Other,
}

fn holder(pid: Option<u32>) -> String {
    pid.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"))
}

impl Error {
    /// Returns what kind of failure it is.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Locked { .. } => Kind::Locked,
            Self::ReadOnly { .. } => Kind::ReadOnly,
            Self::NoIndex { .. } | Self::NoSession { .. } | Self::NoRun { .. } | Self::NoTrack { .. } => {
                Kind::NotFound
            }
            Self::IndexNewer { .. } | Self::IndexForeign { .. } => Kind::Other,
            Self::Altered { .. } | Self::Forgotten { .. } => Kind::Damaged,
            Self::Index { source, .. } => kind_of_index(source),
            Self::CreateFolder { source, .. }
            | Self::ListFolder { source, .. }
            | Self::SyncFolder { source, .. }
            | Self::Create { source, .. }
            | Self::Read { source, .. }
            | Self::Write { source, .. }
            | Self::Sync { source, .. }
            | Self::Name { source, .. }
            | Self::Remove { source, .. }
            | Self::Space { source, .. } => kind_of_io(source),
            Self::SessionExists { .. }
            | Self::SessionBusy { .. }
            | Self::RunExists { .. }
            | Self::TrackExists { .. }
            | Self::SegmentExists { .. }
            | Self::NotAPart { .. }
            | Self::PartOrder { .. }
            | Self::Empty { .. }
            | Self::Failed { .. } => Kind::Misuse,
        }
    }

    /// Returns the path that is concerned, if one is.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Locked { path, .. }
            | Self::ReadOnly { path }
            | Self::NoIndex { path }
            | Self::IndexNewer { path, .. }
            | Self::IndexForeign { path }
            | Self::Index { path, .. }
            | Self::Altered { path, .. }
            | Self::Forgotten { path, .. }
            | Self::CreateFolder { path, .. }
            | Self::ListFolder { path, .. }
            | Self::SyncFolder { path, .. }
            | Self::Create { path, .. }
            | Self::Read { path, .. }
            | Self::Write { path, .. }
            | Self::Sync { path, .. }
            | Self::Name { to: path, .. }
            | Self::Remove { path, .. }
            | Self::Space { path, .. } => Some(path),
            _ => None,
        }
    }

    /// Returns one sentence for people that says what to do.
    pub fn advice(&self) -> String {
        if let Self::IndexNewer { .. } = self {
            return "Use the version of lectern that wrote it, or a later one.".to_owned();
        }
        if let Self::Forgotten { .. } = self {
            return FORGOTTEN_FIX.to_owned();
        }
        if let Self::NoIndex { .. } = self {
            return "Name the folder that `lectern run` records into with --data.".to_owned();
        }
        if let Self::IndexForeign { path } = self {
            return format!("Give another folder with --data, or move `{}` away.", path.display());
        }
        if let Some(advice) = self.advice_on_path() {
            return advice;
        }
        let place =
            self.path().map_or_else(|| "the data folder".to_owned(), |path| format!("`{}`", path.display()));
        match self.kind() {
            Kind::Full => format!(
                "The disk of {place} is full: delete old sessions or free space; what is stored is safe, and recording goes on once there is room."
            ),
            Kind::ReadOnly => {
                format!("{place} cannot be written: mount its disk writable, or give another folder with --data.")
            }
            Kind::Permission => {
                format!("This account may not use {place}: give it the folder (chown), or give another folder with --data.")
            }
            Kind::Locked => {
                "Stop the other process first, or give another folder with --data; commands that only read work beside it.".to_owned()
            }
            Kind::NotFound => "`lectern sessions` lists what there is.".to_owned(),
            Kind::Damaged if matches!(self, Self::Index { .. }) => format!(
                "The index is damaged: put {place} back from a copy, or move it away to begin an empty one; no media file is touched."
            ),
            Kind::Damaged => format!("Run `lectern cache check --repair`; if {place} is named again, replace the disk."),
            Kind::Misuse => "This is a fault in lectern: please report it with the log.".to_owned(),
            Kind::Other if self.is_path_gone() => {
                format!("{place} is gone: mount its disk again, or give another folder with --data.")
            }
            Kind::Other => "Look at the log for the cause; `lectern cache check` tells what is stored.".to_owned(),
        }
    }
}

impl Error {
    fn io_kind(&self) -> Option<io::ErrorKind> {
        let source = std::error::Error::source(self).and_then(|source| source.downcast_ref::<io::Error>());
        source.map(io::Error::kind)
    }

    fn is_path_gone(&self) -> bool {
        self.io_kind() == Some(io::ErrorKind::NotFound)
    }

    /// Returns what to do where the path itself is what is wrong, and no disk or right helps.
    fn advice_on_path(&self) -> Option<String> {
        const OTHER: &str = "give another folder with --data";
        let path = self.path()?;
        // The nearest thing that is there is what stands in the way.
        let there = path.ancestors().find(|path| path.exists()).unwrap_or(path);
        let shown = there.display();
        match (self, self.io_kind()?) {
            (Self::CreateFolder { .. }, io::ErrorKind::AlreadyExists) | (_, io::ErrorKind::NotADirectory) => {
                Some(format!("`{shown}` is a file, not a folder: {OTHER}."))
            }
            (Self::CreateFolder { .. }, io::ErrorKind::NotFound) => {
                Some(format!("No folder can be made in `{shown}`: {OTHER}."))
            }
            (_, io::ErrorKind::IsADirectory) => {
                Some(format!("`{shown}` is a folder where a file belongs: move it away, or {OTHER}."))
            }
            (_, io::ErrorKind::InvalidFilename) => Some(format!("The path is too long: {OTHER}.")),
            _ => None,
        }
    }
}

fn kind_of_io(error: &io::Error) -> Kind {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Kind::Full,
        io::ErrorKind::ReadOnlyFilesystem => Kind::ReadOnly,
        io::ErrorKind::PermissionDenied => Kind::Permission,
        _ if error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error()) => Kind::Damaged,
        _ => Kind::Other,
    }
}

fn kind_of_index(error: &rusqlite::Error) -> Kind {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => Kind::Full,
        Some(ErrorCode::ReadOnly) => Kind::ReadOnly,
        Some(ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => Kind::Permission,
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::SystemIoFailure) => {
            Kind::Damaged
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Kind::Locked,
        _ => Kind::Other,
    }
}
