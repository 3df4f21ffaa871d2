//! `cargo xtask test`: everything that is checked, in the order in which it fails fastest. CI runs this and nothing else.

mod ledger;
mod pages;
mod suites;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};
use clap::Args;

use self::ledger::{Ledger, Tally};
use crate::apt::{self, Consent};
use crate::{process, tidy, workspace};

/// What is tested.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Run only the Rust tests whose name contains this, and no other check.
    filter: Option<String>,
    /// Leave out the end-to-end tests and the browser.
    #[arg(long)]
    fast: bool,
}

/// The crate of the end-to-end tests: it starts the real daemon and takes minutes.
const END_TO_END: &str = "lectern-tests";

/// Tells the tests where to put pictures that a person should look at.
const SCREENS_VARIABLE: &str = "LECTERN_SCREENS";

/// Tells tests and benches which daemon to start.
pub(crate) const BINARY_VARIABLE: &str = "LECTERN_BIN";

/// Runs the checks and prints one line of totals at the end.
pub(crate) fn run(options: &Options, consent: Consent) -> Result<ExitCode> {
    apt::ensure(&[apt::BUILD, apt::RUN, apt::DEMO, apt::TEST], consent)?;
    let screens = fresh(workspace::target()?.join("screens"))?;
    let mut ledger = Ledger::default();
    let sound = options.filter.is_some() || checks(&mut ledger)?;
    if sound {
        tests(options, &screens, &mut ledger)?;
    }
    ledger.print();
    let pictures = pictures(&screens);
    if pictures > 0 {
        println!("{pictures} screenshots to look at: {}", screens.display());
    }
    println!("{}", ledger.total());
    Ok(if ledger.total().failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Makes a folder without what an earlier run left in it.
fn fresh(folder: PathBuf) -> Result<PathBuf> {
    if folder.exists() {
        std::fs::remove_dir_all(&folder).with_context(|| format!("empty {}", folder.display()))?;
    }
    std::fs::create_dir_all(&folder).with_context(|| format!("make {}", folder.display()))?;
    Ok(folder)
}

/// Runs what needs no test run; returns whether it is worth going on.
fn checks(ledger: &mut Ledger) -> Result<bool> {
    let fine = ledger.check("format", || component("rustfmt", &["fmt", "--all", "--check"]))?
        && ledger.check("house rules", || Ok(tidy::run()? == ExitCode::SUCCESS))?
        && ledger.check("lints", || {
            let all =
                ["clippy", "--workspace", "--all-targets", "--locked", "--quiet", "--", "--deny", "warnings"];
            component("clippy", &all)
        })?
        && ledger.check("web pages", pages::check)?;
    Ok(fine)
}

/// Runs a cargo command that comes with a component of the toolchain, and adds the component where it is missing.
fn component(name: &str, arguments: &[&str]) -> Result<bool> {
    let asked = arguments.first().copied().unwrap_or(name);
    if process::output(&mut process::cargo(&[asked, "--version"])).is_err() {
        println!("The Rust component {name} is missing; adding it.");
        process::run(Command::new("rustup").args(["component", "add", name])).with_context(|| {
            format!("this check needs the Rust component {name}: install it (with rustup: `rustup component add {name}`)")
        })?;
    }
    process::lines(&mut process::cargo(arguments), |line| println!("{line}"))
}

/// Builds everything that the tests start, and runs them.
fn tests(options: &Options, screens: &Path, ledger: &mut Ledger) -> Result<()> {
    let ready = (options.fast || ledger.check("browser packages", pages::browser_packages)?)
        && ledger.check("build", || {
            let all = ["build", "--workspace", "--all-targets", "--locked"];
            process::lines(&mut process::cargo(&all), |line| println!("{line}"))
        })?;
    if !ready {
        return Ok(());
    }
    let mut arguments = vec!["test", "--workspace", "--locked", "--no-fail-fast"];
    if options.fast {
        arguments.extend(["--exclude", END_TO_END]);
        ledger.note("end to end, browser", Tally::default(), "left out, as asked");
    }
    arguments.extend(options.filter.as_deref());
    let mut command = process::cargo(&arguments);
    command.env(SCREENS_VARIABLE, screens);
    // What was just built is what is tested: the tests need not ask cargo once more.
    command.env(BINARY_VARIABLE, workspace::target()?.join("debug/lectern"));
    let ran = suites::run(&mut command, ledger)?;
    if let Some(filter) = options.filter.as_deref().filter(|_| ran == Tally::default()) {
        ledger.failure(format!("no test has `{filter}` in its name"));
        ledger.note("filter", Tally { failed: 1, ..Tally::default() }, "nothing to run");
    }
    Ok(())
}

fn pictures(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter(|entry| entry.path().extension().is_some_and(|end| end == "png")).count()
}
