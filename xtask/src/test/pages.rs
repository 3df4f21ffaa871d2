//! What npm has to say: the pages' types and their built form, and the packages of the browser tests.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::{process, workspace};

/// Checks that the pages' types hold and that their built form is that of their source.
pub(crate) fn check() -> Result<bool> {
    let folder = workspace::root().join("web");
    Ok(npm(&folder, &["ci"])?
        && npm(&folder, &["run", "--silent", "check"])?
        && npm(&folder, &["run", "--silent", "verify"])?)
}

/// Installs what the tests in a real browser are driven with; they themselves are Rust tests.
pub(crate) fn browser_packages() -> Result<bool> {
    npm(&workspace::root().join("tests/browser"), &["ci", "--ignore-scripts"])
}

fn npm(folder: &Path, arguments: &[&str]) -> Result<bool> {
    process::lines(Command::new("npm").args(arguments).current_dir(folder), |line| println!("{line}"))
}
