//! Rows of segments.

use model::{ContentHash, RunNumber, Segment, SegmentKey, SegmentNumber, SessionId, Ticks, TrackName};
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

use super::{Unknown, hash, int, uint, wrong};
use crate::index::packed;

/// Writes a sealed segment.
pub(crate) fn insert(change: &Transaction<'_>, rendition: i64, segment: &Segment) -> rusqlite::Result<()> {
    change
        .prepare_cached(
            "INSERT INTO segment (rendition, run, number, start_ticks, duration_ticks, bytes, hash, parts, loudness) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )?
        .execute(params![
            rendition,
            segment.key.run.0,
            int(segment.key.number.0),
            int(segment.start.0),
            int(segment.duration.0),
            int(segment.bytes),
            segment.hash.as_bytes(),
            packed::pack_parts(segment.start, &segment.parts),
            segment.loudness.as_ref().map(packed::pack_loudness),
        ])
        .map(|_| ())
}

/// Says whether a key is taken, sound or damaged.
pub(crate) fn exists(connection: &Connection, rendition: i64, key: SegmentKey) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("SELECT 1 FROM segment WHERE rendition = ? AND run = ? AND number = ?")?
        .exists(params![rendition, key.run.0, int(key.number.0)])
}

/// Returns the sound segments of a track after a key, in order.
pub(crate) fn after(
    connection: &Connection,
    session: SessionId,
    track: &TrackName,
    after: Option<SegmentKey>,
) -> rusqlite::Result<Vec<Segment>> {
    let (run, number) = after.map_or((-1, -1), |key| (i64::from(key.run.0), int(key.number.0)));
    connection
        .prepare_cached(
            "SELECT run, number, start_ticks, duration_ticks, bytes, hash, parts, loudness FROM session \
             JOIN rendition ON rendition.session = session.id JOIN segment ON segment.rendition = rendition.id \
             WHERE session.name = ?1 AND rendition.name = ?2 AND (run, number) > (?3, ?4) \
             AND segment.state = 'sealed' ORDER BY run, number",
        )?
        .query_map(params![session.to_string(), track.as_str(), run, number], read)?
        .collect()
}

fn read(row: &Row<'_>) -> rusqlite::Result<Segment> {
    let start = Ticks(uint(row, 2)?);
    let unreadable = |what| move || wrong(6, Unknown { what });
    let parts = packed::unpack_parts(start, row.get_ref(6)?.as_blob()?);
    let loudness = row
        .get_ref(7)?
        .as_blob_or_null()?
        .map(|cell| packed::unpack_loudness(cell).ok_or_else(unreadable("loudness that cannot be unpacked")));
    Ok(Segment {
        key: SegmentKey { run: RunNumber(row.get(0)?), number: SegmentNumber(uint(row, 1)?) },
        start,
        duration: Ticks(uint(row, 3)?),
        bytes: uint(row, 4)?,
        hash: hash(row, 5)?,
        parts: parts.ok_or_else(unreadable("parts that cannot be unpacked"))?,
        loudness: loudness.transpose()?,
    })
}

/// Returns the hash of one sound segment.
pub(crate) fn hash_of(
    connection: &Connection,
    session: SessionId,
    track: &TrackName,
    key: SegmentKey,
) -> rusqlite::Result<Option<ContentHash>> {
    connection
        .prepare_cached(
            "SELECT hash FROM session \
             JOIN rendition ON rendition.session = session.id JOIN segment ON segment.rendition = rendition.id \
             WHERE session.name = ? AND rendition.name = ? AND run = ? AND number = ? AND segment.state = 'sealed'",
        )?
        .query_row(params![session.to_string(), track.as_str(), key.run.0, int(key.number.0)], |row| hash(row, 0))
        .optional()
}
