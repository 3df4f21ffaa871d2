//! Carries out one command of the command line.

mod cache;
mod capture;
mod check;
mod config;
mod export;
mod sessions;
mod sources;

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;

use crate::cli::{Command, Json, Place};
use crate::config::Folder;
use crate::error::Error;
use crate::{out, run};

/// Carries out `command`.
///
/// # Errors
/// It did not work; the error says why and what to do.
pub(crate) fn carry_out(command: Command) -> Result<(), Error> {
    match command {
        Command::Run(arguments) => run::run(&arguments),
        Command::Check(arguments) => check::check(&arguments),
        Command::Sources { quick, json } => sources::list(quick, json),
        Command::Sessions { action: None, place, json } => sessions::list(&place, json),
        Command::Sessions { action: Some(action), .. } => sessions::change(action),
        Command::Cache(action) => cache::carry_out(action),
        Command::Export(arguments) => export::export(&arguments),
        Command::Config(action) => config::carry_out(action),
        Command::Version { json } => version(json),
        Command::Capture(arguments) => capture::serve(&arguments),
    }
}

fn version(Json { json }: Json) -> Result<(), Error> {
    let version = env!("CARGO_PKG_VERSION");
    match json {
        true => out::json(&serde_json::json!({ "name": "lectern", "version": version }))?,
        false => out::line(&format!("lectern {version}"))?,
    }
    Ok(())
}

impl Place {
    /// Returns the data folder that the flags, the files and the environment name.
    fn folder(&self) -> Result<PathBuf, Error> {
        data_folder(&crate::config::load(&self.files, self.fragment())?.node.data)
    }
}

/// Returns where recordings are kept.
///
/// # Errors
/// The environment names no place.
pub(crate) fn data_folder(folder: &Folder) -> Result<PathBuf, Error> {
    let path = match folder {
        Folder::At(path) => Some(path.clone()),
        Folder::Standard => standard_folder(|name| env::var_os(name)),
    };
    let path = path.ok_or(Error::NoHome)?;
    // What is relative on the command line must not depend on where a child process stands.
    std::path::absolute(path).map_err(|source| Error::System { what: "the current folder is gone", source })
}

/// Returns the folder that the environment names; `None` when it names none.
fn standard_folder(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let set = |name| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let below_home = || set("HOME").map(|home| home.join(".local/share"));
    // The XDG base directory specification wants relative paths to be ignored.
    let xdg = || set("XDG_DATA_HOME").filter(|path| path.is_absolute()).or_else(below_home);
    set("STATE_DIRECTORY").or_else(|| xdg().map(|data| data.join("lectern")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(variables: &[(&str, &str)], expect: Option<&str>) {
        let variable =
            |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into());
        assert_eq!(standard_folder(variable), expect.map(PathBuf::from));
    }

    #[test]
    fn recordings_are_kept_where_the_system_wants_them() {
        let home = ("HOME", "/home/host");
        check(&[("STATE_DIRECTORY", "/var/lib/lectern"), home], Some("/var/lib/lectern"));
        check(&[("XDG_DATA_HOME", "/data"), home], Some("/data/lectern"));
        check(&[("XDG_DATA_HOME", "data"), home], Some("/home/host/.local/share/lectern"));
        check(&[home], Some("/home/host/.local/share/lectern"));
        check(&[("HOME", "")], None);
    }
}
