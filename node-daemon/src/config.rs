//! Configuration: TOML fragments and flags become one complete, valid [`Settings`], or a list of every mistake.
//!
//! Nothing here changes anything: a wrong file is described, and what ran before goes on running.

mod diagnostic;
mod fragment;
mod keys;
mod reference;
mod value;
mod watch;

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use diagnostic::Mistake;
pub(crate) use diagnostic::Mistakes;
pub(crate) use keys::{Fragment, Reload, Settings};
pub(crate) use reference::reference;
pub(crate) use value::{Folder, Format, Level, NodeName};
pub(crate) use watch::Watch;

/// A configuration is a few kilobytes; whatever is larger is not one.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// Reads `paths` in order, later ones over earlier ones, then `flags` over all, and fills in the defaults.
///
/// A folder stands for its `*.toml` files in the order of their names.
///
/// # Errors
/// Every mistake in every file.
pub(crate) fn load(paths: &[PathBuf], flags: Fragment) -> Result<Settings, Mistakes> {
    let mut mistakes = Vec::new();
    let mut merged = Fragment::default();
    for path in paths {
        for file in files(path, &mut mistakes) {
            if let Some(text) = read(&file, &mut mistakes) {
                let fragment = fragment::parse(&file.display().to_string(), &text, &mut mistakes);
                merged = fragment.or(merged);
            }
        }
    }
    if mistakes.is_empty() { Ok(flags.or(merged).complete()) } else { Err(Mistakes(mistakes)) }
}

/// Returns the files that `path` stands for.
fn files(path: &Path, mistakes: &mut Vec<Mistake>) -> Vec<PathBuf> {
    if !path.is_dir() {
        return vec![path.to_owned()];
    }
    let entries = path.read_dir().and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match entries {
        Ok(entries) => {
            let paths = entries.into_iter().map(|entry| entry.path());
            let mut files: Vec<_> =
                paths.filter(|file| file.extension().is_some_and(|e| e == "toml")).collect();
            files.sort();
            files
        }
        Err(error) => {
            mistakes.push(Mistake::of_file(path, &format!("cannot be listed: {error}; check the path")));
            Vec::new()
        }
    }
}

fn read(path: &Path, mistakes: &mut Vec<Mistake>) -> Option<String> {
    let mut bytes = Vec::new();
    let outcome = File::open(path).and_then(|file| file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes));
    let mistake = match outcome {
        Err(error) => format!("cannot be read: {error}; check the path and who may read it"),
        Ok(_) if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > FILE_BYTES_MAX => {
            "is larger than 1 MiB; a configuration file holds TOML text".to_owned()
        }
        Ok(_) => match String::from_utf8(bytes) {
            Ok(text) => return Some(text),
            Err(_) => "is not UTF-8 text; save it as UTF-8".to_owned(),
        },
    };
    mistakes.push(Mistake::of_file(path, &mistake));
    None
}

#[cfg(test)]
mod tests;
