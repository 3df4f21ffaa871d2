//! `lectern cache`: check what is kept, and sum it up.

use std::io::{IsTerminal, Write, stderr};

use cache::{CheckReport, Options, Outcome, Repair, Store};

use crate::cli::{Cache, Json, Place};
use crate::control::size;
use crate::error::Error;
use crate::out;

pub(super) fn carry_out(action: Cache) -> Result<(), Error> {
    match action {
        Cache::Check { repair, place, json } => check(repair, &place, json),
        Cache::Stats { place, json } => stats(&place, json),
    }
}

fn check(repair: bool, place: &Place, json: Json) -> Result<(), Error> {
    let folder = place.folder()?;
    let (store, repair) = match repair {
        true => (Store::open(&folder, Options::default())?.0, Repair::Yes),
        false => (Store::open_read_only(&folder)?, Repair::No),
    };
    let watched = stderr().is_terminal();
    let report = store.check(repair, &mut |progress| {
        if watched {
            show(&format!("\r{} of {} files", progress.files, progress.files_total));
        }
    })?;
    if watched {
        show("\r\x1b[K");
    }
    tell(&report, json)
}

/// Writes to the terminal; that it cannot be written is no reason to end a check.
fn show(text: &str) {
    let mut terminal = stderr().lock();
    if terminal.write_all(text.as_bytes()).and_then(|()| terminal.flush()).is_err() {
        tracing::trace!("the terminal is gone");
    }
}

fn tell(report: &CheckReport, Json { json }: Json) -> Result<(), Error> {
    if json {
        out::json(&value(report)?)?;
    } else {
        for problem in &report.problems {
            let cache::Problem { file, what, do_this, outcome, .. } = problem;
            out::line(format!("{file}: {what} {do_this}{}", became(*outcome)).trim_end())?;
        }
        out::line(&format!(
            "{} files, {} read, {} still growing",
            report.files,
            size(report.bytes),
            report.growing
        ))?;
    }
    if report.is_sound() { Ok(()) } else { Err(Error::Failed(format!("{} problems are open", report.open))) }
}

const fn became(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Found => "",
        Outcome::Mended => "Mended.",
        Outcome::Gap => "It is a gap on the timeline; the rest of the session plays.",
        Outcome::Quarantined => "It is in the quarantine folder.",
    }
}

fn stats(place: &Place, Json { json }: Json) -> Result<(), Error> {
    let stats = Store::open_read_only(&place.folder()?)?.stats()?;
    if json {
        return Ok(out::json(&value(&stats)?)?);
    }
    out::line(&format!("{} sessions, {:.1} hours, {}", stats.sessions, stats.hours, size(stats.bytes)))?;
    for track in &stats.tracks {
        let (name, segments) = (&track.name, track.segments);
        out::line(&format!(
            "  {name:<8} {segments:>7} segments, {:.1} hours, {}",
            track.hours,
            size(track.bytes)
        ))?;
    }
    if stats.damaged > 0 {
        out::line(&format!("{} segments are damaged: `lectern cache check` tells which", stats.damaged))?;
    }
    let more = stats.hours_left.map(|hours| format!(": room for {hours:.0} more hours")).unwrap_or_default();
    out::line(&format!("{} of {} are free{more}", size(stats.free_bytes), size(stats.disk_bytes)))?;
    Ok(())
}

/// Returns what programs read.
fn value(answer: &impl serde::Serialize) -> Result<serde_json::Value, Error> {
    serde_json::to_value(answer).map_err(|error| Error::Failed(error.to_string()))
}
