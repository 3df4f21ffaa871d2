//! `cargo xtask demo --selfcheck`: attends the demo for a while and holds what was received against what is promised.

use std::fmt;
use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::node::Node;
use crate::process;

/// What the demo is normalised to: the default target, LUFS.
const TARGET_LUFS: f64 = -16.0;
/// How far the loudness may be from the target, LU. Short windows hold it too: the demo's material came out 0.29 LU above
/// the target over its first 10 s, and 0.03 above to 0.15 below it over 20, 30 and 60 s.
const LOUDNESS_OFF_LU_MAX: f64 = 0.5;
/// Highest true peak of the decoded sound, dBTP.
const TRUE_PEAK_DBTP_MAX: f64 = -1.0;
/// How far behind the room a player may be, milliseconds, with parts of half a second.
const BEHIND_MS_MAX: f64 = 2000.0;

/// How long after its last sample half of the parts may be fetched, milliseconds, above the look-ahead.
const PUBLISHED_MS_P50_MAX: f64 = 150.0;
/// The same for all but one in a hundred.
const PUBLISHED_MS_P99_MAX: f64 = 300.0;
/// The normaliser's look-ahead, milliseconds: all sound is later by it.
const LOOK_AHEAD_MS: f64 = 5.0;

/// What `attend` prints: see `tests/kit/src/bin/attend/heard.rs`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Heard {
    seconds: f64,
    integrated_lufs: Option<f64>,
    true_peak_dbtp: f64,
    sound: Delay,
    picture: Option<Delay>,
    renditions: usize,
    gaps: usize,
    complaints: Vec<String>,
    broken_rules: Vec<String>,
    node: Resources,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Delay {
    parts: usize,
    published_ms_p50: f64,
    published_ms_p99: f64,
    hold_back_ms: f64,
    behind_ms: f64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Resources {
    cores: f64,
    resident_mib: f64,
    processes: u32,
}

/// One line of the result.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Line {
    what: &'static str,
    measured: String,
    bar: String,
    kept: bool,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = if self.kept { "kept" } else { "BROKEN" };
        write!(f, "{:<30} {:>14}   {:<28} {verdict}", self.what, self.measured, self.bar)
    }
}

/// What is written with `--json`.
#[derive(Debug, Serialize)]
struct Outcome<'a> {
    heard: &'a Heard,
    promises: &'a [Line],
}

/// Attends for `seconds`, prints what was measured, and fails where a promise is broken.
pub(super) fn run(node: &Node, programs: &Path, seconds: u32, json: Option<&Path>) -> Result<ExitCode> {
    println!("Attending for {seconds} s, as a phone would.");
    let mut command = Command::new(programs.join("attend"));
    command
        .arg(format!("http://127.0.0.1:{}", node.port()))
        .args([seconds.to_string(), node.id().to_string()]);
    let told = process::output(&mut command)
        .with_context(|| format!("attend the demo; the node's last words:\n{}", node.last_words()))?;
    let heard: Heard = serde_json::from_str(&told).context("read what `attend` measured")?;
    let promises = promises(&heard);
    print(&heard, &promises);
    if let Some(file) = json {
        let outcome = serde_json::to_string_pretty(&Outcome { heard: &heard, promises: &promises })?;
        std::fs::write(file, outcome + "\n").with_context(|| format!("write {}", file.display()))?;
    }
    let broken = promises.iter().filter(|line| !line.kept).count();
    println!("{} passed, {broken} failed", promises.len() - broken);
    Ok(if broken == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn print(heard: &Heard, promises: &[Line]) {
    println!("\n{:.1} s of sound in {} renditions", heard.seconds, heard.renditions);
    for line in promises {
        println!("{line}");
    }
    let delays = [("sound", Some(&heard.sound)), ("picture", heard.picture.as_ref())];
    for (name, delay) in delays.into_iter().filter_map(|(name, delay)| Some((name, delay?))) {
        println!(
            "{name}: {} parts, fetched so long after their last sample; hold-back {:.0} ms",
            delay.parts, delay.hold_back_ms
        );
    }
    let node = &heard.node;
    println!(
        "the node used {:.2} cores and {:.0} MiB in {} processes",
        node.cores, node.resident_mib, node.processes
    );
    for said in heard.complaints.iter().take(10) {
        println!("ffmpeg: {said}");
    }
    for rule in &heard.broken_rules {
        println!("broken on the wire: {rule}");
    }
}

/// Holds what was received against what is promised.
fn promises(heard: &Heard) -> Vec<Line> {
    let off_lu = heard.integrated_lufs.map(|lufs| (lufs - TARGET_LUFS).abs());
    let mut lines = vec![
        Line {
            what: "loudness",
            measured: heard
                .integrated_lufs
                .map_or_else(|| "silence".to_owned(), |lufs| format!("{lufs:.2} LUFS")),
            bar: format!("{TARGET_LUFS} ± {LOUDNESS_OFF_LU_MAX} LUFS"),
            kept: off_lu.is_some_and(|off| off <= LOUDNESS_OFF_LU_MAX),
        },
        Line {
            what: "true peak, decoded",
            measured: format!("{:.2} dBTP", heard.true_peak_dbtp),
            bar: format!("at most {TRUE_PEAK_DBTP_MAX} dBTP"),
            kept: heard.true_peak_dbtp <= TRUE_PEAK_DBTP_MAX,
        },
    ];
    lines.extend(delays(
        ["sound fetched, median", "sound fetched, 99 %", "sound behind the room"],
        &heard.sound,
        LOOK_AHEAD_MS,
    ));
    let names = ["picture fetched, median", "picture fetched, 99 %", "picture behind the room"];
    lines.extend(heard.picture.iter().flat_map(|delay| delays(names, delay, 0.0)));
    lines.extend([
        none("gaps in what was received", heard.gaps),
        none("decoder's complaints", heard.complaints.len()),
        none("broken rules of LL-HLS", heard.broken_rules.len()),
    ]);
    lines
}

/// Holds the delays of a rendition against what is promised; `later_ms` is what it is late by itself.
fn delays(what: [&'static str; 3], delay: &Delay, later_ms: f64) -> [Line; 3] {
    let [median, most, behind] = what;
    let line = |what, ms: f64, ms_max: f64| Line {
        what,
        measured: format!("{ms:.0} ms"),
        bar: format!("at most {ms_max} ms"),
        kept: ms <= ms_max,
    };
    [
        line(median, delay.published_ms_p50, PUBLISHED_MS_P50_MAX + later_ms),
        line(most, delay.published_ms_p99, PUBLISHED_MS_P99_MAX + later_ms),
        line(behind, delay.behind_ms, BEHIND_MS_MAX),
    ]
}

fn none(what: &'static str, count: usize) -> Line {
    Line { what, measured: count.to_string(), bar: "none".to_owned(), kept: count == 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delay(behind_ms: f64) -> Delay {
        Delay { parts: 60, published_ms_p50: 120.0, published_ms_p99: 240.0, hold_back_ms: 1500.0, behind_ms }
    }

    fn heard() -> Heard {
        Heard {
            seconds: 31.0,
            integrated_lufs: Some(-16.3),
            true_peak_dbtp: -1.4,
            sound: delay(1620.0),
            picture: Some(delay(1700.0)),
            renditions: 3,
            gaps: 0,
            complaints: Vec::new(),
            broken_rules: Vec::new(),
            node: Resources { cores: 0.9, resident_mib: 210.0, processes: 2 },
        }
    }

    fn check_broken(heard: &Heard, expect: &[&str]) {
        let broken: Vec<&str> =
            promises(heard).iter().filter(|line| !line.kept).map(|line| line.what).collect();
        assert_eq!(broken, expect);
    }

    #[test]
    fn kept_promises_are_kept() {
        check_broken(&heard(), &[]);
        check_broken(&Heard { picture: None, ..heard() }, &[]);
    }

    #[test]
    fn each_promise_can_break() {
        check_broken(&Heard { integrated_lufs: Some(-16.51), ..heard() }, &["loudness"]);
        check_broken(&Heard { integrated_lufs: Some(-15.49), ..heard() }, &["loudness"]);
        check_broken(&Heard { true_peak_dbtp: -0.9, ..heard() }, &["true peak, decoded"]);
        check_broken(&Heard { sound: delay(2001.0), ..heard() }, &["sound behind the room"]);
        check_broken(&Heard { picture: Some(delay(9000.0)), ..heard() }, &["picture behind the room"]);
        let late =
            |published_ms_p50, published_ms_p99| Delay { published_ms_p50, published_ms_p99, ..delay(0.0) };
        check_broken(&Heard { sound: late(156.0, 305.0), ..heard() }, &["sound fetched, median"]);
        check_broken(&Heard { sound: late(155.0, 306.0), ..heard() }, &["sound fetched, 99 %"]);
        check_broken(
            &Heard { picture: Some(late(151.0, 301.0)), ..heard() },
            &["picture fetched, median", "picture fetched, 99 %"],
        );
        check_broken(&Heard { gaps: 1, ..heard() }, &["gaps in what was received"]);
        check_broken(&Heard { complaints: vec!["x".to_owned()], ..heard() }, &["decoder's complaints"]);
        check_broken(&Heard { broken_rules: vec!["x".to_owned()], ..heard() }, &["broken rules of LL-HLS"]);
    }

    #[test]
    fn silence_is_not_loud_enough() {
        check_broken(&Heard { integrated_lufs: None, ..heard() }, &["loudness"]);
    }

    #[test]
    fn what_attend_prints_is_read() {
        let text = serde_json::to_string(&heard()).unwrap();
        assert_eq!(serde_json::from_str::<Heard>(&text).unwrap(), heard());
    }
}
