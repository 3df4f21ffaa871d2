//! Sums over segments.

use model::{SessionId, Timescale, Track, TrackName};
use rusqlite::{Connection, Row};

use super::{parsed, uint, wrong};

/// A minute of segments of two seconds: long enough to even out still pictures, short enough to follow a change.
const RECENT_SEGMENTS: u32 = 30;

/// What one track of one run holds.
#[derive(Debug, Clone)]
pub(crate) struct Totals {
    pub(crate) session: SessionId,
    pub(crate) track: TrackName,
    pub(crate) timescale: Timescale,
    /// Sound segments, their size and their length.
    pub(crate) segments: u64,
    pub(crate) bytes: u64,
    pub(crate) ticks: u64,
    /// Damaged segments.
    pub(crate) damaged: u64,
}

/// Counts sessions.
pub(crate) fn sessions(connection: &Connection) -> rusqlite::Result<u64> {
    connection.query_row("SELECT count(*) FROM session", [], |row| uint(row, 0))
}

/// Adds up the segments of each track of each run, tracks without a segment included.
pub(crate) fn by_track(connection: &Connection) -> rusqlite::Result<Vec<Totals>> {
    connection
        .prepare_cached(
            "SELECT session.name, track.description, count(segment.number) FILTER (WHERE segment.state = 'sealed'), \
                    coalesce(sum(bytes) FILTER (WHERE segment.state = 'sealed'), 0), \
                    coalesce(sum(duration_ticks) FILTER (WHERE segment.state = 'sealed'), 0), \
                    count(segment.number) FILTER (WHERE segment.state = 'damaged') \
             FROM session JOIN rendition ON rendition.session = session.id JOIN track ON track.rendition = rendition.id \
             LEFT JOIN segment ON segment.rendition = rendition.id AND segment.run = track.run \
             GROUP BY rendition.id, track.run ORDER BY session.id, track.run, rendition.id",
        )?
        .query_map([], read)?
        .collect()
}

/// Adds up the latest segments of each track in the latest run of the latest session.
pub(crate) fn recent(connection: &Connection) -> rusqlite::Result<Vec<Totals>> {
    connection
        .prepare_cached(
            "WITH latest AS (SELECT session, max(number) AS run FROM run \
                             WHERE session = (SELECT max(id) FROM session) GROUP BY session) \
             SELECT session.name, track.description, count(*), sum(tail.bytes), sum(tail.duration_ticks), 0 \
             FROM latest JOIN session ON session.id = latest.session \
             JOIN rendition ON rendition.session = latest.session \
             JOIN track ON track.rendition = rendition.id AND track.run = latest.run \
             JOIN segment AS tail ON tail.rendition = rendition.id AND tail.run = latest.run \
             WHERE tail.number > (SELECT max(number) FROM segment \
                                  WHERE segment.rendition = rendition.id AND segment.run = latest.run) - ? \
             GROUP BY rendition.id",
        )?
        .query_map([RECENT_SEGMENTS], read)?
        .collect()
}

fn read(row: &Row<'_>) -> rusqlite::Result<Totals> {
    let track: Track = serde_json::from_str(row.get_ref(1)?.as_str()?).map_err(|why| wrong(1, why))?;
    Ok(Totals {
        session: parsed(row, 0)?,
        track: track.name,
        timescale: track.timescale,
        segments: uint(row, 2)?,
        bytes: uint(row, 3)?,
        ticks: uint(row, 4)?,
        damaged: uint(row, 5)?,
    })
}
