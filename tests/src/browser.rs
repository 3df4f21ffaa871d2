//! The scripts that drive a real browser, and what they say.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// Returns the folder for screenshots: `LECTERN_SCREENS`, else beside the running test.
///
/// # Errors
/// It cannot be made.
pub fn screens() -> Result<PathBuf> {
    let folder = match std::env::var_os("LECTERN_SCREENS") {
        Some(given) => PathBuf::from(given),
        None => {
            let test = std::env::current_exe()?;
            test.ancestors().nth(3).context("the test lies in a target folder")?.join("screens")
        }
    };
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

/// Returns the command that runs a script of `tests/browser` for a page.
///
/// # Errors
/// The browser's driver is not installed.
pub fn script(name: &str, page: &str) -> Result<Command> {
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("browser");
    ensure!(
        scripts.join("node_modules/playwright-core").is_dir(),
        "playwright-core is not installed: run `npm ci --ignore-scripts` in tests/browser, or `cargo xtask test`"
    );
    let mut command = Command::new("node");
    command.arg(scripts.join(name)).args(["--page", page]);
    Ok(command)
}

/// Returns a number of what a script saw.
///
/// # Errors
/// It is not there.
pub fn number(seen: &Value, pointer: &str) -> Result<f64> {
    seen.pointer(pointer).and_then(Value::as_f64).with_context(|| format!("no {pointer} in {seen:#}"))
}
