//! Kills a process that records, again and again, and looks whether anything it had promised is gone.
//!
//! `cache-faults --seeds N` runs N seeds of random `kill -9` and crash points; `cache-faults --points` visits every
//! crash point. Prints counts; exits with 1 on any loss. `--dir DIR` says where the data folders are made and, after a
//! loss, kept. What a kill proves is safety against a dying process; the page cache survives it, unlike a power cut.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool talks to its terminal")]

mod judge;
mod parent;
mod script;
mod worker;

use std::path::PathBuf;
use std::process::ExitCode;

/// What the command line asks for.
#[derive(Debug)]
enum Task {
    Seeds { count: u64, first: u64 },
    Points,
    Worker(worker::Orders),
}

fn main() -> ExitCode {
    let (task, dir) = match parse(std::env::args().skip(1)) {
        Ok(parsed) => parsed,
        Err(why) => {
            eprintln!("{why}\nusage: cache-faults (--seeds N [--first SEED] | --points) [--dir DIR]");
            return ExitCode::from(2);
        }
    };
    // A folder of its own: whatever else lies in `dir` is not to be removed.
    let own = dir.join(format!("cache-faults-{}", std::process::id()));
    let ran = match task {
        Task::Worker(orders) => worker::run(&dir, &orders).map_err(|why| vec![why]),
        Task::Seeds { count, first } => parent::seeds(&own, first, count).map(|counts| println!("{counts}")),
        Task::Points => parent::points(&own).map(|counts| println!("{counts}")),
    };
    match ran {
        Ok(()) => ExitCode::SUCCESS,
        Err(losses) => {
            losses.iter().for_each(|loss| eprintln!("LOST: {loss}"));
            ExitCode::FAILURE
        }
    }
}

fn parse(mut args: impl Iterator<Item = String>) -> Result<(Task, PathBuf), String> {
    let mut dir = std::env::temp_dir();
    let (mut task, mut first, mut orders) = (None, 1, worker::Orders::default());
    while let Some(flag) = args.next() {
        let mut value = || args.next().ok_or_else(|| format!("{flag} wants a value"));
        let number = |text: String| text.parse().map_err(|_| format!("{text} is no number"));
        match flag.as_str() {
            "--dir" => dir = PathBuf::from(value()?),
            "--seeds" => task = Some(Task::Seeds { count: number(value()?)?, first: 1 }),
            "--first" => first = number(value()?)?,
            "--points" => task = Some(Task::Points),
            "--worker" => orders = worker::Orders { seed: number(value()?)?, ..orders },
            "--run" => {
                orders.run = u32::try_from(number(value()?)?).map_err(|_| "--run is too large".to_owned())?
            }
            "--crash" => orders.crash_at = Some(worker::crash_at(&value()?)?),
            other => return Err(format!("{other} is not an option")),
        }
    }
    let task = match task {
        Some(Task::Seeds { count, .. }) => Task::Seeds { count, first },
        Some(task) => task,
        None if orders.seed > 0 => Task::Worker(orders),
        None => return Err("nothing to do".to_owned()),
    };
    Ok((task, dir))
}
