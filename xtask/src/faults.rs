//! `cargo xtask faults`: kills the parts at every durable step, over many seeds, and checks what is left.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use crate::apt::{self, Consent};
use crate::process;

/// How much is broken.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// How many different orders of events each fault is tried in.
    #[arg(long, default_value_t = 32)]
    seeds: u32,
    /// Leave out the tests that kill the whole daemon.
    #[arg(long)]
    storage_only: bool,
}

/// The end-to-end tests that kill the daemon.
const KILLS: &str = "crash";

/// Runs the fault programs.
pub(crate) fn run(options: &Options, consent: Consent) -> Result<ExitCode> {
    apt::ensure(&[apt::BUILD, apt::RUN, apt::DEMO], consent)?;
    let seeds = options.seeds.to_string();
    println!("== storage: every crash point");
    let mut fine = storage(&["--points"])?;
    println!("== storage: {seeds} seeds");
    fine &= storage(&["--seeds", &seeds])?;
    if !options.storage_only {
        println!("== the daemon");
        let daemon = ["test", "--locked", "-p", "lectern-tests", "--test", KILLS, "--no-fail-fast"];
        fine &= process::shown_status(&mut process::cargo(&daemon))?;
    }
    Ok(if fine { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn storage(arguments: &[&str]) -> Result<bool> {
    let mut command =
        process::cargo(&["run", "--locked", "--quiet", "-p", "lectern-cache", "--bin", "cache-faults", "--"]);
    process::shown_status(command.args(arguments))
}
