//! What rows say about files: which are meant to be there, and which are to go.

use model::ContentHash;
use rusqlite::{Connection, Transaction, params};

use super::{hash, uint};

/// Returns every hash that a segment or a track refers to, sorted, each once.
pub(crate) fn expected(connection: &Connection) -> rusqlite::Result<Vec<ContentHash>> {
    connection
        .prepare("SELECT hash FROM segment UNION SELECT init FROM track ORDER BY 1")?
        .query_map([], |row| hash(row, 0))?
        .collect()
}

/// A file that rows refer to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Expected {
    pub(crate) hash: ContentHash,
    /// Its size, bytes; `None` for an init, whose row does not say.
    pub(crate) bytes: Option<u64>,
    /// Whether all its segments are marked as damaged.
    pub(crate) damaged: bool,
    /// Where it belongs, for people.
    pub(crate) place: String,
}

/// Returns every file that rows refer to, by hash.
pub(crate) fn expected_files(connection: &Connection) -> rusqlite::Result<Vec<Expected>> {
    connection
        .prepare(
            "SELECT hash, max(bytes), min(segment.state = 'damaged'), \
                    'session ' || session.name || ', track ' || rendition.name || ', segment ' || run || '-' || number \
             FROM segment JOIN rendition ON rendition.id = segment.rendition JOIN session ON session.id = rendition.session \
             GROUP BY hash \
             UNION ALL \
             SELECT init, NULL, 0, 'session ' || session.name || ', track ' || rendition.name || ', init of run ' || run \
             FROM track JOIN rendition ON rendition.id = track.rendition JOIN session ON session.id = rendition.session \
             GROUP BY init ORDER BY 1",
        )?
        .query_map([], |row| {
            let is_segment = row.get_ref(1)? != rusqlite::types::ValueRef::Null;
            Ok(Expected {
                hash: hash(row, 0)?,
                bytes: if is_segment { Some(uint(row, 1)?) } else { None },
                damaged: row.get(2)?,
                place: row.get(3)?,
            })
        })?
        .collect()
}

/// Returns hash and size of segments marked as damaged, sorted by hash.
pub(crate) fn damaged(connection: &Connection) -> rusqlite::Result<Vec<(ContentHash, u64)>> {
    connection
        .prepare("SELECT hash, max(bytes) FROM segment INDEXED BY segment_damaged WHERE state = 'damaged' GROUP BY hash ORDER BY hash")?
        .query_map([], |row| Ok((hash(row, 0)?, uint(row, 1)?)))?
        .collect()
}

/// Returns how many segments are marked as damaged.
pub(crate) fn damaged_segments(connection: &Connection) -> rusqlite::Result<u64> {
    connection.query_row(
        "SELECT count(*) FROM segment INDEXED BY segment_damaged WHERE state = 'damaged'",
        [],
        |row| uint(row, 0),
    )
}

/// Says whether a segment or a track refers to a file.
pub(crate) fn is_referred_to(connection: &Connection, object: ContentHash) -> rusqlite::Result<bool> {
    connection
        .prepare_cached(
            "SELECT 1 WHERE EXISTS (SELECT 1 FROM segment WHERE hash = ?1) OR EXISTS (SELECT 1 FROM track WHERE init = ?1)",
        )?
        .exists([object.as_bytes()])
}

/// Marks the segments of a file as damaged; returns how many there are.
pub(crate) fn mark_damaged(change: &Transaction<'_>, object: ContentHash) -> rusqlite::Result<usize> {
    change.execute("UPDATE segment SET state = 'damaged' WHERE hash = ?", [object.as_bytes()])
}

/// Marks the segments of a file as sound again; returns how many there are.
pub(crate) fn mark_sound(change: &Transaction<'_>, object: ContentHash) -> rusqlite::Result<usize> {
    change.execute("UPDATE segment SET state = 'sealed' WHERE hash = ?", [object.as_bytes()])
}

/// Returns the files of a session, each once.
pub(crate) fn of_session(connection: &Connection, session: i64) -> rusqlite::Result<Vec<ContentHash>> {
    connection
        .prepare(
            "SELECT hash FROM segment JOIN rendition ON rendition.id = segment.rendition WHERE rendition.session = ?1 \
             UNION SELECT init FROM track JOIN rendition ON rendition.id = track.rendition WHERE rendition.session = ?1",
        )?
        .query_map([session], |row| hash(row, 0))?
        .collect()
}

/// Notes that a file is to be removed.
pub(crate) fn doom(change: &Transaction<'_>, object: ContentHash) -> rusqlite::Result<()> {
    change
        .prepare_cached("INSERT OR IGNORE INTO doomed (hash) VALUES (?)")?
        .execute([object.as_bytes()])
        .map(|_| ())
}

/// Returns up to `limit` files that are to be removed.
pub(crate) fn doomed(connection: &Connection, limit: u32) -> rusqlite::Result<Vec<ContentHash>> {
    connection
        .prepare_cached("SELECT hash FROM doomed LIMIT ?")?
        .query_map(params![limit], |row| hash(row, 0))?
        .collect()
}

/// Notes that a file is removed, or is wanted after all.
pub(crate) fn undoom(change: &Transaction<'_>, object: ContentHash) -> rusqlite::Result<()> {
    change.prepare_cached("DELETE FROM doomed WHERE hash = ?")?.execute([object.as_bytes()]).map(|_| ())
}
