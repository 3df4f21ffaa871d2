//! `lectern`: the box in the room.
//!
//! The only crate that reads configuration, environment and signals. It puts the parts together and watches over them;
//! what a lecture is, how it is kept and how it is served belongs to the crates below.

mod backoff;
mod carrier;
mod checklist;
mod cli;
mod clock;
mod command;
mod config;
mod control;
mod error;
mod intake;
mod keep;
mod log;
mod note;
mod out;
mod progress;
mod resume;
mod room;
mod run;
mod view;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    match command::carry_out(cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Where not even standard error can be written, the exit code is all that is left to say.
            writeln!(std::io::stderr(), "lectern: {error}")
                .map_or(ExitCode::FAILURE, |()| error.exit_code().into())
        }
    }
}
