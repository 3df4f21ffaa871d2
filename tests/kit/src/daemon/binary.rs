//! Finds the `lectern` binary that belongs to the running test, and builds it if it is older than its sources.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Context, Result, anyhow, ensure};

static BINARY: OnceLock<Result<PathBuf, String>> = OnceLock::new();

/// Returns the binary: `LECTERN_BIN` if it is set, else what `cargo build` makes beside the running test.
///
/// # Errors
/// It cannot be built.
pub fn lectern() -> Result<PathBuf> {
    BINARY
        .get_or_init(|| find().map_err(|error| format!("{error:#}")))
        .clone()
        .map_err(|error| anyhow!(error))
}

fn find() -> Result<PathBuf> {
    if let Some(given) = std::env::var_os("LECTERN_BIN") {
        let path = PathBuf::from(given);
        ensure!(path.is_file(), "LECTERN_BIN names {}, which is no file", path.display());
        return Ok(path);
    }
    let running = std::env::current_exe().context("find the running test")?;
    // target/PROFILE/deps/test-hash, or target/PROFILE/name for a bench.
    let folder = running.ancestors().skip(1).find(|folder| !folder.ends_with("deps"));
    let folder = folder.context("the running test lies in no target folder")?;
    build(folder)?;
    let path = folder.join("lectern");
    ensure!(path.is_file(), "cargo built no {}", path.display());
    Ok(path)
}

fn build(folder: &Path) -> Result<()> {
    let target = folder.parent().context("the profile's folder lies in the target folder")?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "--quiet", "--package", "lectern", "--bin", "lectern", "--target-dir"]);
    command.arg(target).current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    if folder.ends_with("release") {
        command.arg("--release");
    }
    let built = command.output().with_context(|| format!("run {command:?}"))?;
    ensure!(built.status.success(), "{command:?} failed:\n{}", String::from_utf8_lossy(&built.stderr));
    Ok(())
}
