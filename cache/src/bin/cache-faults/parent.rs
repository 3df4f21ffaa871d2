//! Starts workers, kills them, lets the judge look.

use std::fmt;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use cache::crash_point::{CrashAt, Point};

use crate::judge::Journal;
use crate::script::Dice;

/// Workers that die one after the other on one folder.
const LIVES: u32 = 5;

/// Promises a worker makes in a whole run, roughly; kills are spread over them.
const PROMISES: u64 = 360;

/// `abort` raises it (signal(7)).
const SIGABRT: i32 = 6;

/// What was done.
#[derive(Debug, Clone, Default)]
pub(crate) struct Counts {
    folders: u64,
    kills: u64,
    crash_points: u64,
    ended: u64,
    promises: u64,
    parts: u64,
    unacknowledged: u64,
    salvaged: u64,
    cut_bytes: u64,
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} folders: {} kill -9, {} crash points, {} workers that ended; {} promises; {} parts compared; \
             {} segments salvaged, {} torn bytes cut, {} whole parts found that were not yet acknowledged; 0 lost",
            self.folders,
            self.kills,
            self.crash_points,
            self.ended,
            self.promises,
            self.parts,
            self.salvaged,
            self.cut_bytes,
            self.unacknowledged
        )
    }
}

/// How one worker dies.
#[derive(Debug, Clone, Copy)]
enum Death {
    /// After so many promises and so many microseconds.
    Kill {
        promises: u64,
        micros: u64,
    },
    Crash(CrashAt),
}

/// Visits every crash point once, each in a folder of its own.
pub(crate) fn points(dir: &Path) -> Result<Counts, Vec<String>> {
    let mut counts = Counts::default();
    for point in Point::ALL {
        let folder = dir.join(point.name());
        let mut journal = Journal::default();
        let mut run = 0;
        if *point == Point::SalvageWritten {
            // There has to be something to salvage.
            let before = CrashAt { point: Point::PartSynced, hit: 11 };
            live(&folder, 1, run, Death::Crash(before), &mut journal, &mut counts)
                .map_err(|why| vec![why])?;
            run += 1;
        }
        let death = Death::Crash(CrashAt { point: *point, hit: 1 });
        let reached = live(&folder, 1, run, death, &mut journal, &mut counts).map_err(|why| vec![why])?;
        if !reached {
            return Err(vec![format!("crash point {point} was not reached")]);
        }
        judge(&folder, &journal, &mut counts)?;
        // The next worker goes on as if nothing had been, for a segment or two.
        let soon = Death::Kill { promises: 24, micros: 0 };
        live(&folder, 1, run + 1, soon, &mut journal, &mut counts).map_err(|why| vec![why])?;
        judge(&folder, &journal, &mut counts)?;
        forget(&folder)?;
        counts.folders += 1;
        counts.promises += journal.promises;
    }
    forget(dir)?;
    Ok(counts)
}

/// Runs seeds of random deaths.
pub(crate) fn seeds(dir: &Path, first: u64, count: u64) -> Result<Counts, Vec<String>> {
    let mut counts = Counts::default();
    for seed in first.max(1)..first.max(1).saturating_add(count) {
        let folder = dir.join(seed.to_string());
        let mut dice = Dice(seed);
        let mut journal = Journal::default();
        for run in 0..LIVES {
            let death = death(&mut dice);
            live(&folder, seed, run, death, &mut journal, &mut counts)
                .map_err(|why| vec![format!("seed {seed}, run {run}, {death:?}: {why}")])?;
            // Every other time the next worker recovers by itself, and may die while it does.
            if dice.below(2) == 0 || run + 1 == LIVES {
                judge(&folder, &journal, &mut counts).map_err(|mut losses| {
                    losses.insert(0, format!("seed {seed}, run {run}, {death:?}"));
                    losses
                })?;
            }
        }
        forget(&folder)?;
        counts.folders += 1;
        counts.promises += journal.promises;
    }
    forget(dir)?;
    Ok(counts)
}

fn death(dice: &mut Dice) -> Death {
    if dice.below(2) == 0 {
        return Death::Kill { promises: dice.below(PROMISES), micros: dice.below(4000) };
    }
    let points = Point::ALL;
    let index = usize::try_from(dice.below(points.len() as u64)).unwrap_or(0);
    let hit = 1 + u32::try_from(dice.below(20)).unwrap_or(0);
    Death::Crash(CrashAt { point: points[index], hit })
}

/// Lets one worker live and die; says whether it died at its crash point.
fn live(
    folder: &Path,
    seed: u64,
    run: u32,
    death: Death,
    journal: &mut Journal,
    counts: &mut Counts,
) -> Result<bool, String> {
    let mut command = Command::new(std::env::current_exe().map_err(|why| why.to_string())?);
    command.args(["--worker", &seed.to_string(), "--run", &run.to_string()]).arg("--dir").arg(folder);
    if let Death::Crash(at) = death {
        command.args(["--crash", &format!("{}:{}", at.point, at.hit)]);
    }
    let mut child = command.stdout(Stdio::piped()).spawn().map_err(|why| format!("start a worker: {why}"))?;
    listen(&mut child, death, journal)?;
    let status = child.wait().map_err(|why| format!("wait for a worker: {why}"))?;
    match (death, status.signal()) {
        _ if status.success() => counts.ended += 1,
        (Death::Kill { .. }, Some(9)) => counts.kills += 1,
        (Death::Crash(_), Some(SIGABRT)) => {
            counts.crash_points += 1;
            return Ok(true);
        }
        _ => return Err(format!("a worker ended with {status}")),
    }
    Ok(false)
}

/// Hears promises until the worker is dead, and kills it when its time has come.
fn listen(child: &mut Child, death: Death, journal: &mut Journal) -> Result<(), String> {
    let out = child.stdout.take().ok_or("the worker has no output")?;
    let mut heard = 0_u64;
    let mut lines = BufReader::new(out).lines();
    loop {
        if let Death::Kill { promises, micros } = death
            && heard == promises
        {
            pause(Duration::from_micros(micros));
            child.kill().map_err(|why| format!("kill a worker: {why}"))?;
        }
        let Some(line) = lines.next() else { return Ok(()) };
        journal.hear(&line.map_err(|why| format!("hear a worker: {why}"))?)?;
        heard += 1;
    }
}

#[expect(clippy::disallowed_methods, reason = "the moment of a kill is meant to be random")]
fn pause(time: Duration) {
    std::thread::sleep(time);
}

fn judge(folder: &Path, journal: &Journal, counts: &mut Counts) -> Result<(), Vec<String>> {
    let verdict = journal.judge(folder);
    counts.parts += verdict.parts;
    counts.unacknowledged += verdict.unacknowledged;
    counts.salvaged += verdict.salvaged;
    counts.cut_bytes += verdict.cut_bytes;
    if verdict.losses.is_empty() { Ok(()) } else { Err(verdict.losses) }
}

fn forget(folder: &Path) -> Result<(), Vec<String>> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(vec![format!("remove {}: {error}", folder.display())])
        }
        _ => Ok(()),
    }
}
