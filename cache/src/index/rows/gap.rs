//! Rows of gaps.

use model::{Gap, GapCause, MediaTime, SessionId, Ticks, Track, TrackName};
use rusqlite::{Connection, Transaction, params};

use super::{Unknown, int, parsed, uint, wrong};

/// Writes a gap; one with the begin of a known one is that one, which reaches as far as the longer of both.
pub(crate) fn insert(change: &Transaction<'_>, session: i64, gap: &Gap) -> rusqlite::Result<()> {
    let track = gap.track.as_ref().map_or("", TrackName::as_str);
    let key = params![session, int(gap.from.as_nanos()), track, gap.cause.as_str(), int(gap.to.as_nanos())];
    let known = change.execute(
        "UPDATE OR REPLACE gap SET to_ns = max(to_ns, ?5) WHERE session = ?1 AND from_ns = ?2 AND track = ?3 AND cause = ?4",
        key,
    )?;
    if known > 0 {
        return Ok(());
    }
    change
        .execute("INSERT INTO gap (session, from_ns, track, cause, to_ns) VALUES (?, ?, ?, ?, ?)", key)
        .map(|_| ())
}

/// Returns the gaps of a session by time: the declared ones and its damaged segments.
pub(crate) fn all(connection: &Connection, session: SessionId) -> rusqlite::Result<Vec<Gap>> {
    let mut gaps = declared(connection, session)?;
    gaps.extend(damaged(connection, session)?);
    gaps.sort_by(|a, b| (a.from, a.to, &a.track).cmp(&(b.from, b.to, &b.track)));
    Ok(gaps)
}

fn declared(connection: &Connection, session: SessionId) -> rusqlite::Result<Vec<Gap>> {
    connection
        .prepare_cached(
            "SELECT from_ns, to_ns, track, cause FROM gap JOIN session ON session.id = gap.session WHERE session.name = ?",
        )?
        .query_map([session.to_string()], |row| {
            Ok(Gap {
                from: MediaTime::from_nanos(uint(row, 0)?),
                to: MediaTime::from_nanos(uint(row, 1)?),
                track: if row.get_ref(2)?.as_str()?.is_empty() { None } else { Some(parsed(row, 2)?) },
                cause: cause(row.get_ref(3)?.as_str()?)
                    .ok_or_else(|| wrong(3, Unknown { what: "no cause of a gap" }))?,
            })
        })?
        .collect()
}

fn cause(name: &str) -> Option<GapCause> {
    use GapCause::{CaptureLost, Damaged, Overload, Restart, SourceLost};
    [Restart, CaptureLost, SourceLost, Overload, Damaged].into_iter().find(|cause| cause.as_str() == name)
}

fn damaged(connection: &Connection, session: SessionId) -> rusqlite::Result<Vec<Gap>> {
    connection
        .prepare_cached(
            "SELECT start_ticks, duration_ticks, description FROM session \
             JOIN rendition ON rendition.session = session.id \
             JOIN segment INDEXED BY segment_damaged ON segment.rendition = rendition.id \
             JOIN track ON track.rendition = rendition.id AND track.run = segment.run \
             WHERE session.name = ? AND segment.state = 'damaged'",
        )?
        .query_map([session.to_string()], |row| {
            let track: Track =
                serde_json::from_str(row.get_ref(2)?.as_str()?).map_err(|why| wrong(2, why))?;
            let start = Ticks(uint(row, 0)?);
            Ok(Gap {
                from: track.timescale.media_time(start),
                to: track.timescale.media_time(start.after(Ticks(uint(row, 1)?))),
                track: Some(track.name),
                cause: GapCause::Damaged,
            })
        })?
        .collect()
}
