//! `cargo xtask golden`: writes golden files and generated documents anew, and says which changed.
//!
//! Golden files are held by `expect-test`: the same tests that compare them write them when they are told to.

use std::process::{Command, ExitCode};

use anyhow::{Result, bail};
use clap::Args;

use crate::apt::{self, Consent};
use crate::tree::Tree;
use crate::{process, workspace};

/// What is written.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Only this crate's golden files, by its name such as `lectern-model`.
    #[arg(short, long)]
    package: Option<String>,
}

/// The crate whose presence says that a crate has golden files.
const HOLDER: &str = "expect-test";

/// Writes them.
pub(crate) fn run(options: &Options, consent: Consent) -> Result<ExitCode> {
    apt::ensure(&[apt::BUILD], consent)?;
    let metadata = workspace::own_crates()?;
    let packages = metadata.workspace_packages();
    let holders =
        packages.iter().filter(|package| package.dependencies.iter().any(|needed| needed.name == HOLDER));
    let mut names: Vec<String> = holders.map(|package| package.name.to_string()).collect();
    if let Some(only) = &options.package {
        names.retain(|name| name == only);
        if names.is_empty() {
            bail!("`{only}` is no crate with golden files (none depends on {HOLDER} under that name)");
        }
    }
    let before = Tree::read(&workspace::root())?;
    let mut command = process::cargo(&["test", "--locked", "--quiet", "--no-fail-fast"]);
    command.args(names.iter().flat_map(|name| ["-p", name.as_str()])).env("UPDATE_EXPECT", "1");
    let fine = process::shown_status(&mut command)?;
    let built = options.package.is_some() || web()?;
    let after = Tree::read(&workspace::root())?;
    let changed = after.changes_since(&before);
    match changed.len() {
        0 => println!("nothing changed"),
        _ => println!("changed; look at each before you keep it:\n  {}", changed.join("\n  ")),
    }
    Ok(if fine && built { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Builds the pages that `serve` embeds.
fn web() -> Result<bool> {
    let folder = workspace::root().join("web");
    if !folder.join("package.json").is_file() {
        return Ok(true);
    }
    let npm =
        |arguments: &[&str]| process::shown_status(Command::new("npm").args(arguments).current_dir(&folder));
    Ok(npm(&["ci", "--no-audit", "--no-fund"])? && npm(&["run", "--silent", "build"])?)
}
