//! `cargo xtask`: every chore of this repository, from a bare Debian machine with Rust on it.
//!
//! It has no C dependency, so it builds before anything is installed; what a chore needs beyond Rust it finds out,
//! explains and installs itself. It never links against the product: it builds and runs it.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line tool speaks to the person who ran it"
)]

mod apt;
mod bench;
mod demo;
mod faults;
mod golden;
mod process;
mod rust_code;
mod stopwatch;
mod test;
mod tidy;
mod tree;
mod workspace;

use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::apt::Consent;

/// Every chore of this repository.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", disable_help_subcommand = true)]
struct Cli {
    #[command(flatten)]
    install: Install,
    #[command(subcommand)]
    chore: Chore,
}

/// What may be installed.
#[derive(Debug, Clone, Copy, Args)]
struct Install {
    /// Install missing Debian packages without asking.
    #[arg(long, global = true)]
    yes: bool,
    /// Install nothing and do not look for what is missing.
    #[arg(long, global = true, conflicts_with = "yes")]
    no_install: bool,
}

impl Install {
    const fn consent(self) -> Consent {
        match (self.yes, self.no_install) {
            (_, true) => Consent::Never,
            (true, false) => Consent::Given,
            (false, false) => Consent::AskAtTerminal,
        }
    }
}

#[derive(Debug, Subcommand)]
enum Chore {
    /// Start a node that plays real speech with wild level jumps; with --selfcheck, measure what an attendee gets.
    Demo(demo::Options),
    /// Check everything that is checked: format, lints, house rules, golden files, tests, browser.
    Test(test::Options),
    /// Measure beside the peers in the same run.
    Bench(bench::Options),
    /// Kill the parts at every durable step and check what is left.
    Faults(faults::Options),
    /// Check the house rules and print all findings at once.
    Tidy,
    /// Write golden files and generated documents anew.
    Golden(golden::Options),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let consent = cli.install.consent();
    let outcome = match &cli.chore {
        Chore::Demo(options) => demo::run(options, consent),
        Chore::Test(options) => test::run(options, consent),
        Chore::Bench(options) => bench::run(options, consent),
        Chore::Faults(options) => faults::run(options, consent),
        Chore::Tidy => tidy::run(),
        Chore::Golden(options) => golden::run(options, consent),
    };
    match outcome {
        Ok(code) => code,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn saying_no_to_installs_wins() {
        assert_eq!(Install { yes: false, no_install: true }.consent(), Consent::Never);
        assert_eq!(Install { yes: true, no_install: false }.consent(), Consent::Given);
        assert_eq!(Install { yes: false, no_install: false }.consent(), Consent::AskAtTerminal);
    }
}
