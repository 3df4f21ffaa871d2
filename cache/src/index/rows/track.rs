//! Rows of tracks and renditions.

use model::{ContentHash, RunNumber, SessionId, Track, TrackName};
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

use super::{hash, wrong};

/// A track with the short keys that its segments are written under.
#[derive(Debug, Clone)]
pub(crate) struct Indexed {
    pub(crate) session: i64,
    pub(crate) rendition: i64,
    pub(crate) track: Track,
    pub(crate) init: ContentHash,
}

/// Writes a track; the caller knows that there is none of this name in the run.
pub(crate) fn insert(
    change: &Transaction<'_>,
    session: i64,
    run: RunNumber,
    track: &Track,
    init: ContentHash,
) -> rusqlite::Result<()> {
    let name = track.name.as_str();
    change
        .execute("INSERT OR IGNORE INTO rendition (session, name) VALUES (?, ?)", params![session, name])?;
    let description =
        serde_json::to_string(track).map_err(|why| rusqlite::Error::ToSqlConversionFailure(Box::new(why)))?;
    change
        .execute(
            "INSERT INTO track (rendition, run, description, init) \
             SELECT id, ?, ?, ? FROM rendition WHERE session = ? AND name = ?",
            params![run.0, description, init.as_bytes(), session, name],
        )
        .map(|_| ())
}

/// Returns one track of a run.
pub(crate) fn find(
    connection: &Connection,
    session: SessionId,
    run: RunNumber,
    name: &TrackName,
) -> rusqlite::Result<Option<Indexed>> {
    connection
        .prepare_cached(
            "SELECT description, init, session.id, rendition.id FROM session \
             JOIN rendition ON rendition.session = session.id JOIN track ON track.rendition = rendition.id \
             WHERE session.name = ? AND rendition.name = ? AND track.run = ?",
        )?
        .query_row(params![session.to_string(), name.as_str(), run.0], |row| {
            Ok(Indexed {
                track: described(row)?,
                init: hash(row, 1)?,
                session: row.get(2)?,
                rendition: row.get(3)?,
            })
        })
        .optional()
}

/// Returns the tracks of a session by run, in the order in which their names first came.
pub(crate) fn all(
    connection: &Connection,
    session: SessionId,
) -> rusqlite::Result<Vec<(RunNumber, Track, ContentHash)>> {
    connection
        .prepare_cached(
            "SELECT description, init, track.run FROM session \
             JOIN rendition ON rendition.session = session.id JOIN track ON track.rendition = rendition.id \
             WHERE session.name = ? ORDER BY track.run, rendition.id",
        )?
        .query_map([session.to_string()], |row| Ok((RunNumber(row.get(2)?), described(row)?, hash(row, 1)?)))?
        .collect()
}

fn described(row: &Row<'_>) -> rusqlite::Result<Track> {
    serde_json::from_str(row.get_ref(0)?.as_str()?).map_err(|why| wrong(0, why))
}
