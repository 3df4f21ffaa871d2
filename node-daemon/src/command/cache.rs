//! `lectern cache`: check what is kept, and sum it up.

use cache::{CheckReport, Options, Outcome, Recovery, Repair, Salvaged, Store, TrackStats};

use crate::cli::{Cache, Json, Place};
use crate::control::size;
use crate::error::Error;
use crate::out;
use crate::progress::Progress;

pub(super) fn carry_out(action: Cache) -> Result<(), Error> {
    match action {
        Cache::Check { repair, place, json } => check(repair, &place, json),
        Cache::Stats { place, json } => stats(&place, json),
    }
}

fn check(repair: bool, place: &Place, json: Json) -> Result<(), Error> {
    let folder = place.folder()?;
    // Opening a folder for writing mends it as every start does: that belongs to what is told.
    let (store, mended, repair) = match repair {
        true => {
            let (store, recovery) = Store::open(&folder, Options::default())?;
            (store, Some(recovery), Repair::Yes)
        }
        false => (Store::open_read_only(&folder)?, None, Repair::No),
    };
    let progress = Progress::new();
    let report = store.check(repair, &mut |at| {
        progress.say(&format!("{} of {} files", at.files, at.files_total));
    })?;
    progress.end();
    tell(mended.as_ref(), &report, json)
}

fn tell(mended: Option<&Recovery>, report: &CheckReport, Json { json }: Json) -> Result<(), Error> {
    if json {
        let mut answer = value(report)?;
        if let Some(mended) = mended {
            answer["recovery"] = value(mended)?;
        }
        out::json(&answer)?;
    } else {
        for line in mended.into_iter().flat_map(recovered) {
            out::line(&line)?;
        }
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
        if report.lost > 0 {
            out::line(&format!(
                "{} segments are gaps: their files are gone or damaged, and only a copy of them brings them back",
                report.lost
            ))?;
        }
        if report.quarantined > 0 {
            out::line(&format!("{} files are in the quarantine folder", report.quarantined))?;
        }
    }
    if report.is_sound() { Ok(()) } else { Err(Error::Failed(format!("{} problems are open", report.open))) }
}

/// Returns a line for everything that opening the folder has put right.
fn recovered(mended: &Recovery) -> Vec<String> {
    let mut lines: Vec<String> = mended
        .salvaged
        .iter()
        .map(|Salvaged { session, track, key, .. }| {
            format!(
                "session {session}, track {track}, segment {}-{}: It was still growing when its process died. Mended.",
                key.run, key.number
            )
        })
        .collect();
    let in_quarantine =
        |name| format!("growing/{name}: No session speaks of this file. It is in the quarantine folder.");
    lines.extend(mended.quarantined.iter().map(in_quarantine));
    let counts = [
        (mended.missing, "whose file is gone: gaps on the timeline; the rest of the session plays"),
        (mended.returned, "whose file is there again: no gaps any more"),
    ];
    let counted = counts.into_iter().filter(|(count, _)| *count > 0);
    lines.extend(counted.map(|(count, what)| format!("{count} segments {what}")));
    lines
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
    out::line(&format!("{} sessions, {}, {}", stats.sessions, length(stats.hours), size(stats.bytes)))?;
    for row in rows(&stats.tracks) {
        out::line(&row)?;
    }
    if stats.damaged > 0 {
        out::line(&format!("{} segments are damaged: `lectern cache check` tells which", stats.damaged))?;
    }
    let more = stats.hours_left.map(|hours| format!(": room for {hours:.0} more hours")).unwrap_or_default();
    out::line(&format!("{} of {} are free{more}", size(stats.free_bytes), size(stats.disk_bytes)))?;
    Ok(())
}

/// Returns a line for each track, in columns.
fn rows(tracks: &[TrackStats]) -> Vec<String> {
    let width = tracks.iter().map(|track| track.name.as_str().len()).max().unwrap_or(0);
    let row = |track: &TrackStats| {
        let (name, segments, length) = (track.name.as_str(), track.segments, length(track.hours));
        format!("  {name:<width$} {segments:>7} segments, {length:>10}, {:>10}", size(track.bytes))
    };
    tracks.iter().map(row).collect()
}

/// Writes a length for people, in the unit that leaves a digit before the point.
fn length(hours: f64) -> String {
    match hours {
        long if long >= 1.0 => format!("{long:.1} hours"),
        short if short * 60.0 >= 1.0 => format!("{:.1} min", short * 60.0),
        tiny => format!("{:.1} s", tiny * 3600.0),
    }
}

/// Returns what programs read.
fn value(answer: &impl serde::Serialize) -> Result<serde_json::Value, Error> {
    serde_json::to_value(answer).map_err(|error| Error::Failed(error.to_string()))
}

#[cfg(test)]
mod tests {
    use model::{RunNumber, SegmentKey, SegmentNumber, SessionId, WallTime};

    use super::*;

    #[test]
    fn columns_stand_below_each_other_and_a_minute_is_no_hour() {
        let track =
            |name: &str, hours| TrackStats { name: name.parse().unwrap(), segments: 45, bytes: 999, hours };
        let rows = rows(&[track("270p", 1.0 / 60.0), track("audio-long", 1.5), track("opus", 0.001)]);
        let column = |word: &str| rows.iter().filter_map(|row| row.find(word)).collect::<Vec<_>>();
        assert!(column("segments").windows(2).all(|pair| pair[0] == pair[1]), "{rows:#?}");
        assert!(rows.windows(2).all(|pair| pair[0].len() == pair[1].len()), "{rows:#?}");
        assert!(
            rows[0].contains(" 1.0 min,") && rows[1].contains(" 1.5 hours,") && rows[2].contains(" 3.6 s,")
        );
    }

    #[test]
    fn what_was_mended_by_opening_the_folder_is_told() {
        let session = SessionId::new(WallTime::from_unix_ms(1), [1; 10]);
        let key = SegmentKey { run: RunNumber(2), number: SegmentNumber(7) };
        let salvaged = Salvaged { session, track: "audio".parse().unwrap(), key, parts: 3, bytes: 9 };
        let mended = Recovery { salvaged: vec![salvaged], missing: 4, ..Recovery::default() };
        let lines = recovered(&mended);
        assert_eq!(lines.len(), 2);
        assert!(lines[0].contains("track audio, segment 2-7") && lines[0].ends_with("Mended."), "{lines:?}");
        assert!(lines[1].starts_with("4 segments whose file is gone"), "{lines:?}");
        assert_eq!(recovered(&Recovery::default()), Vec::<String>::new());
    }
}
