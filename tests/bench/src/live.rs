//! `lectern-bench live`: how long sound and picture take to the listener, beside ffmpeg and GStreamer behind nginx.
//!
//! Every system gets the same film, paced in real time, one after the other on an otherwise idle machine. What counts as
//! captured is said by each system's own clock line, and every clock here is the same machine's.

mod ours;
mod peers;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use serde::Serialize;
use testkit::speech::Plan;
use testkit::talk::Talk;

use crate::bar::Bar;
use crate::delays::Delays;

/// Live delay above the look-ahead: median, milliseconds.
const DELAY_P50_MS: f64 = 150.0;
/// Live delay above the look-ahead: 99th percentile, milliseconds.
const DELAY_P99_MS: f64 = 300.0;
/// Position behind live with standard parts, seconds.
const BEHIND_STANDARD_S: f64 = 2.0;
/// Position behind live with short parts, seconds.
const BEHIND_LOW_S: f64 = 1.1;

/// How the bench is run.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    /// Whether the figures are printed as JSON.
    pub(crate) json: bool,
    /// How long each system is watched.
    pub(crate) watch: Duration,
}

/// What was measured of one system.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Measured {
    /// The system.
    pub(crate) name: String,
    /// From the last sample of a piece to the piece in the client's hands.
    pub(crate) delay: Delays,
    /// How far from the end the playlist tells players to stay, seconds.
    pub(crate) hold_back_s: f64,
    /// Median delay and hold-back: how far behind live a player is, seconds.
    pub(crate) behind_s: f64,
    /// Length of the pieces that are published, seconds.
    pub(crate) piece_s: f64,
}

impl Measured {
    fn new(name: &str, delays_ms: Vec<f64>, hold_back_s: f64, piece_s: f64) -> Result<Self> {
        let delay = Delays::of(delays_ms).with_context(|| format!("{name} published nothing"))?;
        let behind_s = delay.p50_ms / 1000.0 + hold_back_s;
        Ok(Self { name: name.to_owned(), delay, hold_back_s, behind_s, piece_s })
    }
}

#[derive(Debug, Serialize)]
struct Outcome {
    look_ahead_ms: f64,
    systems: Vec<Measured>,
    bars: Vec<Bar>,
}

/// Measures, prints and returns whether every bar was met.
///
/// # Errors
/// A system cannot be run.
pub(crate) fn run(options: &Options) -> Result<bool> {
    let home = tempfile::Builder::new().prefix("lectern-bench-").tempdir()?;
    let film = film(&home)?;
    let look_ahead_ms = f64::from(loudness::Settings::default().look_ahead.get());
    let mut systems = Vec::new();
    for latency in [ours::Latency::Standard, ours::Latency::Low] {
        systems.extend(ours::measure(latency, &film, options.watch)?);
    }
    systems.push(peers::ffmpeg(&film, home.path(), options.watch)?);
    systems.push(peers::gstreamer(&film, home.path(), options.watch)?);
    let bars = bars(&systems, look_ahead_ms);
    let outcome = Outcome { look_ahead_ms, systems, bars };
    if options.json {
        crate::show(&serde_json::to_string_pretty(&outcome)?)
    } else {
        print(&outcome)
    }
    Ok(outcome.bars.iter().all(|bar| bar.met))
}

fn film(home: &tempfile::TempDir) -> Result<PathBuf> {
    let talk =
        Talk::make(&Plan { levels: vec![(-20.0, 60.0), (-28.0, 60.0)], ..Talk::minute() }, home.path())?;
    talk.film(home.path())
}

fn bars(systems: &[Measured], look_ahead_ms: f64) -> Vec<Bar> {
    let mut bars = Vec::new();
    for system in systems.iter().filter(|system| system.name.starts_with("lectern")) {
        // Only sound passes the normaliser: pictures have no look-ahead to take off.
        let look_ahead_ms = if system.name.ends_with("audio") { look_ahead_ms } else { 0.0 };
        let above = |delay_ms: f64| delay_ms - look_ahead_ms;
        let name = &system.name;
        bars.push(Bar::at_most(
            format!("{name}: delay p50 above look-ahead, ms"),
            above(system.delay.p50_ms),
            DELAY_P50_MS,
        ));
        bars.push(Bar::at_most(
            format!("{name}: delay p99 above look-ahead, ms"),
            above(system.delay.p99_ms),
            DELAY_P99_MS,
        ));
        let behind = if name.contains("low") { BEHIND_LOW_S } else { BEHIND_STANDARD_S };
        bars.push(Bar::at_most(format!("{name}: player behind live, s"), system.behind_s, behind));
    }
    bars
}

fn print(outcome: &Outcome) {
    crate::show(&format!("look-ahead of the normaliser: {:.0} ms", outcome.look_ahead_ms));
    crate::show("system                    piece   delay p50    p95    p99    max   hold-back   behind live");
    let ours = outcome.systems.first().map_or(1.0, |system| system.behind_s);
    for Measured { name, delay, hold_back_s, behind_s, piece_s } in &outcome.systems {
        crate::show(&format!(
            "{name:24} {piece_s:5.2} s {:8.0} ms {:6.0} {:6.0} {:6.0} {hold_back_s:9.2} s {behind_s:9.2} s  {:.2} x",
            delay.p50_ms,
            delay.p95_ms,
            delay.p99_ms,
            delay.max_ms,
            behind_s / ours,
        ));
    }
    outcome.bars.iter().for_each(|bar| crate::show(&bar.to_string()));
}
