//! `cargo xtask bench`: the release build measured beside its peers, in the same run.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use crate::apt::{self, Consent};
use crate::test::BINARY_VARIABLE;
use crate::{process, workspace};

/// What is measured.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The bench: loudness, live or encode; without one, all.
    name: Option<String>,
    /// What is passed on to the bench, after `--`.
    #[arg(last = true)]
    rest: Vec<String>,
}

/// The benches, in the order in which they run.
const ALL: &[&str] = &["loudness", "live", "encode"];

/// Builds and runs benches; each prints its figures and its bars, and ends with a failure where it misses one.
pub(crate) fn run(options: &Options, consent: Consent) -> Result<ExitCode> {
    apt::ensure(&[apt::BUILD, apt::RUN, apt::DEMO, apt::BENCH], consent)?;
    process::run(&mut process::cargo(&[
        "build",
        "--release",
        "--locked",
        "--bins",
        "-p",
        "lectern",
        "-p",
        "lectern-bench",
    ]))?;
    let daemon = workspace::target()?.join("release/lectern");
    let names: Vec<&str> = options.name.as_deref().map_or_else(|| ALL.to_vec(), |name| vec![name]);
    let mut missed = Vec::new();
    for name in names {
        println!("== bench {name}");
        let mut command =
            process::cargo(&["run", "--release", "--locked", "--quiet", "-p", "lectern-bench", "--", name]);
        command.args(&options.rest).env(BINARY_VARIABLE, &daemon);
        if !process::shown_status(&mut command)? {
            missed.push(name);
        }
    }
    if missed.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    println!("bars missed in: {}", missed.join(", "));
    Ok(ExitCode::FAILURE)
}
