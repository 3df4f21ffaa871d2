//! The SQLite index: one writer, a few readers that never wait for it (WAL).

mod packed;
pub(crate) mod rows;

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

use crate::{Error, schema};

/// As many as there are cores on the boxes this runs on: a reader computes more than it waits.
const READERS_MAX: usize = 4;

/// Only another process (a person with `sqlite3`) can hold the index; nobody waits for it longer.
const BUSY_TIMEOUT: Duration = Duration::from_secs(2);

/// The write-ahead log is cut back to this after a burst, bytes: twice what SQLite lets it grow to by itself.
const WAL_BYTES_MAX: i64 = 8 << 20;

/// An open index.
#[derive(Debug)]
pub(crate) struct Index {
    path: PathBuf,
    /// Before the writer: the last connection that closes folds the log into the index, and a reader cannot.
    readers: Readers,
    writer: Option<Mutex<Connection>>,
}

impl Index {
    /// Opens the index for writing; makes or upgrades it when needed.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let failed = |source| Error::Index { what: "open the tables", path: path.to_owned(), source };
        let mut writer = Connection::open(path).map_err(failed)?;
        writer.busy_timeout(BUSY_TIMEOUT).map_err(failed)?;
        writer.pragma_update(None, "journal_mode", "WAL").map_err(failed)?;
        // A row is a promise: it survives a power cut once it is committed.
        writer.pragma_update(None, "synchronous", "FULL").map_err(failed)?;
        writer.pragma_update(None, "foreign_keys", true).map_err(failed)?;
        writer.pragma_update(None, "journal_size_limit", WAL_BYTES_MAX).map_err(failed)?;
        schema::migrate(&mut writer, path)?;
        let readers = Readers::new(path, "");
        Ok(Self { path: path.to_owned(), writer: Some(Mutex::new(writer)), readers })
    }

    /// Opens the index for reading, beside a writer or without one.
    pub(crate) fn open_read_only(path: &Path) -> Result<Self, Error> {
        let index = Self { path: path.to_owned(), writer: None, readers: Readers::new(path, "") };
        let tried = index.read("read the version", |connection| schema_check(connection, path));
        match tried {
            // Without a writer there may be no log, and on a read-only disk none can be made: then the file is all there is.
            Err(Error::Index { .. }) if !path.with_extension("sqlite-wal").exists() => {
                let index = Self { readers: Readers::new(path, "&immutable=1"), ..index };
                index.read("read the version", |connection| schema_check(connection, path))??;
                Ok(index)
            }
            tried => tried?.map(|()| index),
        }
    }

    /// Returns the index file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Asks with a connection that sees one consistent state and waits for no writer.
    pub(crate) fn read<T>(
        &self,
        what: &'static str,
        ask: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, Error> {
        let mut seat = self.readers.seat();
        let connection = seat.take().map_err(|source| self.failed(what, source))?;
        let answer = ask(&connection).map_err(|source| self.failed(what, source));
        seat.connection = Some(connection);
        answer
    }

    /// Returns whether the index is open for writing.
    pub(crate) const fn is_writable(&self) -> bool {
        self.writer.is_some()
    }

    /// Takes the one writer; `None` in a store opened for reading.
    pub(crate) fn writer(&self) -> Option<Writer<'_>> {
        let connection = self.writer.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner);
        Some(Writer { connection, index: self })
    }

    /// Folds the log into the index file and empties it; says whether nobody stood in the way.
    pub(crate) fn fold(&self) -> Result<bool, Error> {
        let Some(writer) = self.writer() else { return Ok(true) };
        let fold = |db: &Connection| db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0));
        let busy: u32 = writer.read("fold the log", fold)?;
        Ok(busy == 0)
    }

    fn failed(&self, what: &'static str, source: rusqlite::Error) -> Error {
        Error::Index { what, path: self.path.clone(), source }
    }
}

fn schema_check(connection: &Connection, path: &Path) -> rusqlite::Result<Result<(), Error>> {
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    Ok(match schema::check(connection, path) {
        Ok(0) => Err(Error::NoIndex { path: path.to_owned() }),
        Ok(_) => Ok(()),
        Err(error) => Err(error),
    })
}

/// The one writer, as long as it is held.
pub(crate) struct Writer<'a> {
    connection: MutexGuard<'a, Connection>,
    index: &'a Index,
}

impl Writer<'_> {
    /// Changes the index in one transaction; all of it or nothing.
    pub(crate) fn change<T>(
        &mut self,
        what: &'static str,
        change: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, Error> {
        let changed = (|| {
            let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let value = change(&transaction)?;
            transaction.commit()?;
            Ok(value)
        })();
        changed.map_err(|source| self.index.failed(what, source))
    }

    /// Asks with the writer's own connection, for what has to hold until the next change.
    pub(crate) fn read<T>(
        &self,
        what: &'static str,
        ask: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, Error> {
        ask(&self.connection).map_err(|source| self.index.failed(what, source))
    }
}

/// A bounded set of reading connections, made when first needed.
#[derive(Debug)]
struct Readers {
    uri: String,
    state: Mutex<ReadersState>,
    returned: Condvar,
}

#[derive(Debug, Default)]
struct ReadersState {
    idle: Vec<Connection>,
    taken: usize,
}

impl Readers {
    fn new(path: &Path, options: &str) -> Self {
        let uri = format!("file:{}?mode=ro{options}", uri_path(path));
        Self { uri, state: Mutex::default(), returned: Condvar::new() }
    }

    /// Waits until fewer than [`READERS_MAX`] read.
    fn seat(&self) -> Seat<'_> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let full = |state: &mut ReadersState| state.taken >= READERS_MAX;
        let mut state = self.returned.wait_while(state, full).unwrap_or_else(PoisonError::into_inner);
        state.taken += 1;
        Seat { connection: state.idle.pop(), home: self }
    }

    fn connect(&self) -> rusqlite::Result<Connection> {
        let flags =
            OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.uri, flags)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        Ok(connection)
    }
}

/// The right to read; given back when dropped, with the connection if there is one.
struct Seat<'a> {
    connection: Option<Connection>,
    home: &'a Readers,
}

impl Seat<'_> {
    fn take(&mut self) -> rusqlite::Result<Connection> {
        self.connection.take().map_or_else(|| self.home.connect(), Ok)
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        let mut state = self.home.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.idle.extend(self.connection.take());
        state.taken -= 1;
        drop(state);
        self.home.returned.notify_one();
    }
}

/// Writes a path as an SQLite URI wants it.
fn uri_path(path: &Path) -> String {
    path.as_os_str().as_bytes().iter().fold(String::new(), |mut text, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' | b'~' => {
                text.push(char::from(*byte))
            }
            other => text.extend(['%', hex(other >> 4), hex(other & 15)]),
        }
        text
    })
}

fn hex(nibble: u8) -> char {
    char::from_digit(u32::from(nibble), 16).unwrap_or('0')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_with_odd_characters_is_found() {
        let dir = tempfile::Builder::new().prefix("100% ?a#b ü ").tempdir().unwrap();
        let path = dir.path().join("index.sqlite");
        let index = Index::open(&path).unwrap();
        let sessions: u32 = index
            .read("count", |db| db.query_row("SELECT count(*) FROM session", [], |row| row.get(0)))
            .unwrap();
        assert_eq!(sessions, 0);
    }

    #[test]
    fn a_fifth_reader_waits_for_a_seat_and_gets_it() {
        let dir = tempfile::tempdir().unwrap();
        let index = Index::open(&dir.path().join("index.sqlite")).unwrap();
        let seats: Vec<_> = (0..READERS_MAX).map(|_| index.readers.seat()).collect();
        std::thread::scope(|scope| {
            let fifth = scope
                .spawn(|| index.read("ask", |db| db.query_row("SELECT 5", [], |row| row.get::<_, u32>(0))));
            drop(seats);
            assert_eq!(fifth.join().unwrap().unwrap(), 5);
        });
        assert_eq!(index.readers.state.lock().unwrap().taken, 0);
    }
}
