//! Where things are: the root of the workspace, the build folder, what cargo knows about the crates.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use cargo_metadata::{CargoOpt, Metadata, MetadataCommand};

use crate::process;

/// Returns the folder that holds the root `Cargo.toml`.
///
/// The build folder may be shared between clones, so the place of the running clone, which cargo passes at run time,
/// comes before the one that was compiled in.
pub(crate) fn root() -> PathBuf {
    let crate_folder = std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    crate_folder.parent().map_or_else(|| crate_folder.clone(), Path::to_path_buf)
}

/// Asks cargo about the workspace's own crates; needs no network.
pub(crate) fn own_crates() -> Result<Metadata> {
    command().no_deps().exec().context("ask cargo about the crates of the workspace")
}

/// Asks cargo about every crate that is built for this machine.
pub(crate) fn all_crates() -> Result<Metadata> {
    let host = host()?;
    let mut command = command();
    command.features(CargoOpt::AllFeatures);
    command
        .other_options(["--locked".to_owned(), "--filter-platform".to_owned(), host])
        .exec()
        .context("ask cargo about every dependency")
}

fn command() -> MetadataCommand {
    let mut command = MetadataCommand::new();
    command.manifest_path(root().join("Cargo.toml"));
    command
}

/// Returns the target triple that this machine's compiler builds for.
fn host() -> Result<String> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = process::output(std::process::Command::new(rustc).arg("-vV"))?;
    version
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .map(str::to_owned)
        .context("`rustc -vV` names no host")
}

/// Returns the build folder: `CARGO_TARGET_DIR` where that is set.
pub(crate) fn target() -> Result<PathBuf> {
    Ok(own_crates()?.target_directory.into_std_path_buf())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_holds_the_workspace() {
        let manifest = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
        assert!(manifest.contains("[workspace]"));
    }
}
