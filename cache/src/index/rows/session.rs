//! Rows of sessions and runs.

use model::{BootId, MediaTime, MonoTime, Run, RunNumber, Session, SessionId, SessionState, Title, WallTime};
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

use super::{Unknown, int, parsed, uint, wrong};

const COLUMNS: &str = "SELECT name, title, state, started_unix_ms, end_ns FROM session";

/// Writes a session; says whether its id was free.
pub(crate) fn insert(change: &Transaction<'_>, session: &Session) -> rusqlite::Result<bool> {
    let inserted = change.execute(
        "INSERT OR IGNORE INTO session (name, title, state, started_unix_ms, end_ns) VALUES (?, ?, ?, ?, ?)",
        params![
            session.id.to_string(),
            session.title.as_str(),
            session.state.as_str(),
            session.started.unix_ms(),
            int(session.end.as_nanos())
        ],
    )?;
    Ok(inserted == 1)
}

/// Returns the short key of a session.
pub(crate) fn key(connection: &Connection, id: SessionId) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached("SELECT id FROM session WHERE name = ?")?
        .query_row([id.to_string()], |row| row.get(0))
        .optional()
}

/// Returns all sessions in the order in which they began.
pub(crate) fn all(connection: &Connection) -> rusqlite::Result<Vec<Session>> {
    connection.prepare_cached(&format!("{COLUMNS} ORDER BY id"))?.query_map([], read)?.collect()
}

/// Returns one session.
pub(crate) fn find(connection: &Connection, id: SessionId) -> rusqlite::Result<Option<Session>> {
    connection
        .prepare_cached(&format!("{COLUMNS} WHERE name = ?"))?
        .query_row([id.to_string()], read)
        .optional()
}

fn read(row: &Row<'_>) -> rusqlite::Result<Session> {
    let state = match row.get_ref(2)?.as_str()? {
        "live" => SessionState::Live,
        "ended" => SessionState::Ended,
        _ => return Err(wrong(2, Unknown { what: "no state of a session" })),
    };
    Ok(Session {
        id: parsed(row, 0)?,
        title: Title::new(row.get_ref(1)?.as_str()?).map_err(|why| wrong(1, why))?,
        state,
        started: WallTime::from_unix_ms(row.get(3)?),
        end: MediaTime::from_nanos(uint(row, 4)?),
    })
}

/// Moves the end of a session; it never goes back.
pub(crate) fn extend(change: &Transaction<'_>, session: i64, end: MediaTime) -> rusqlite::Result<()> {
    change
        .prepare_cached("UPDATE session SET end_ns = max(end_ns, ?) WHERE id = ?")?
        .execute(params![int(end.as_nanos()), session])
        .map(|_| ())
}

/// Ends a session.
pub(crate) fn end(change: &Transaction<'_>, session: i64) -> rusqlite::Result<()> {
    change.execute("UPDATE session SET state = 'ended' WHERE id = ?", [session]).map(|_| ())
}

/// Removes a session and everything that refers to it.
pub(crate) fn delete(change: &Transaction<'_>, session: i64) -> rusqlite::Result<()> {
    change.execute("DELETE FROM session WHERE id = ?", [session]).map(|_| ())
}

/// Writes a run; says whether its number was free.
pub(crate) fn insert_run(change: &Transaction<'_>, session: i64, run: &Run) -> rusqlite::Result<bool> {
    let inserted = change.execute(
        "INSERT OR IGNORE INTO run (session, number, origin_ns, anchor_unix_ms, mono_ns, boot) VALUES (?, ?, ?, ?, ?, ?)",
        params![
            session,
            run.number.0,
            int(run.origin.as_nanos()),
            run.anchor.unix_ms(),
            int(run.mono.as_nanos()),
            run.boot.to_string()
        ],
    )?;
    Ok(inserted == 1)
}

/// Says whether a run exists.
pub(crate) fn has_run(connection: &Connection, session: i64, run: RunNumber) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("SELECT 1 FROM run WHERE session = ? AND number = ?")?
        .exists(params![session, run.0])
}

/// Returns the runs of a session in order.
pub(crate) fn runs(connection: &Connection, id: SessionId) -> rusqlite::Result<Vec<Run>> {
    connection
        .prepare_cached(
            "SELECT run.number, origin_ns, anchor_unix_ms, mono_ns, boot FROM run \
             JOIN session ON session.id = run.session WHERE session.name = ? ORDER BY run.number",
        )?
        .query_map([id.to_string()], |row| {
            Ok(Run {
                number: RunNumber(row.get(0)?),
                origin: MediaTime::from_nanos(uint(row, 1)?),
                anchor: WallTime::from_unix_ms(row.get(2)?),
                mono: MonoTime::from_nanos(uint(row, 3)?),
                boot: BootId::from_kernel(row.get_ref(4)?.as_str()?),
            })
        })?
        .collect()
}
