//! `lectern sessions`: what is kept, and how a session is deleted.

use std::io::{IsTerminal, stdin};

use cache::{Kind, Options, Store, Summary};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use model::{Session, SessionId, SessionState, WallTime};

use crate::cli::{Json, Place, Sessions};
use crate::control::size;
use crate::error::Error;
use crate::out;

pub(super) fn list(place: &Place, Json { json }: Json) -> Result<(), Error> {
    let mut is_written = true;
    let summaries = match Store::open_read_only(&place.folder()?) {
        Ok(store) => {
            is_written = store.is_written();
            let summaries = store.summaries()?;
            if summaries.is_empty() {
                store.remembers()?;
            }
            summaries
        }
        // A node that never held a lecture holds none.
        Err(error) if error.kind() == Kind::NotFound => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    if json {
        let list: Vec<_> = summaries.iter().map(|summary| object(summary, is_written)).collect();
        return Ok(out::json(&list.into())?);
    }
    if summaries.is_empty() {
        out::line("no sessions")?;
    }
    for summary in &summaries {
        out::line(&row(summary, is_written))?;
    }
    Ok(())
}

pub(super) fn change(action: Sessions) -> Result<(), Error> {
    let Sessions::Delete { session, yes, place } = action;
    let folder = place.folder()?;
    let summaries = Store::open_read_only(&folder)?.summaries()?;
    let Some(summary) = summaries.iter().find(|summary| summary.session.id == session) else {
        return Err(cache::Error::NoSession { session }.into());
    };
    if !yes {
        confirm(summary, session)?;
    }
    Store::open(&folder, Options::default())?.0.delete_session(session)?;
    out::line(&format!("deleted {session}"))?;
    Ok(())
}

fn confirm(summary: &Summary, session: SessionId) -> Result<(), Error> {
    if !stdin().is_terminal() {
        return Err(Error::Usage(format!(
            "deleting {session} cannot be undone; add --yes to do it without a question"
        )));
    }
    out::text(&format!(
        "{}\ndelete it with all its media? It cannot be brought back. [y/N] ",
        row(summary, true)
    ))?;
    let mut answer = String::new();
    stdin().read_line(&mut answer)?;
    match answer.trim() {
        "y" | "Y" | "yes" => Ok(()),
        _ => Err(Error::Failed("nothing was deleted".to_owned())),
    }
}

/// Returns the state of a session for people: one that is live without a daemon was cut, and goes on at the next start.
const fn state(session: &Session, is_written: bool) -> &'static str {
    match session.state {
        SessionState::Live if !is_written => "cut",
        state => state.as_str(),
    }
}

fn row(summary: &Summary, is_written: bool) -> String {
    let Summary { session, bytes, gaps, .. } = summary;
    let seconds = session.end.since(model::MediaTime::ZERO).as_secs();
    let length = format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    let gaps = match gaps {
        0 => String::new(),
        1 => "  1 gap".to_owned(),
        many => format!("  {many} gaps"),
    };
    format!(
        "{}  {}  {:<5}  {length:>8}  {:>9}  {}{gaps}",
        session.id,
        local(session.started),
        state(session, is_written),
        size(*bytes),
        session.title,
    )
}

fn object(summary: &Summary, is_written: bool) -> serde_json::Value {
    let Summary { session, runs, tracks, segments, bytes, gaps } = summary;
    serde_json::json!({
        "id": session.id,
        "title": session.title,
        "state": session.state.as_str(),
        "cut": session.state == SessionState::Live && !is_written,
        "started": timestamp(session.started).map(|started| started.to_string()),
        "duration_ms": session.end.as_nanos() / 1_000_000,
        "runs": runs,
        "tracks": tracks,
        "segments": segments,
        "bytes": bytes,
        "gaps": gaps,
    })
}

fn timestamp(wall: WallTime) -> Option<Timestamp> {
    Timestamp::from_millisecond(wall.unix_ms()).ok()
}

/// Returns a wall time as the clock on the wall shows it.
fn local(wall: WallTime) -> String {
    let unknown = || "time unknown    ".to_owned();
    timestamp(wall)
        .map_or_else(unknown, |at| at.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M").to_string())
}
