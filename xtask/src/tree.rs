//! The files of the repository, read once, so that every rule is a function of them.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};

/// Folders that hold nothing of ours, by name.
const SKIPPED: &[&str] = &[".git", "node_modules", "data"];

/// The files of the repository.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    files: BTreeMap<String, Vec<u8>>,
}

impl Tree {
    /// Reads every file under `root`, build folders and installed packages left out.
    pub(crate) fn read(root: &Path) -> Result<Self> {
        let mut tree = Self::default();
        tree.folder(root, "")?;
        Ok(tree)
    }

    fn folder(&mut self, folder: &Path, prefix: &str) -> Result<()> {
        let listed = std::fs::read_dir(folder).with_context(|| format!("list {}", folder.display()))?;
        for entry in listed {
            let entry = entry.with_context(|| format!("list {}", folder.display()))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let kind = entry.file_type().with_context(|| format!("look at {}", entry.path().display()))?;
            if kind.is_dir() && !is_skipped(prefix, &name) {
                self.folder(&entry.path(), &format!("{prefix}{name}/"))?;
            } else if kind.is_file() {
                let bytes = std::fs::read(entry.path())
                    .with_context(|| format!("read {}", entry.path().display()))?;
                self.files.insert(format!("{prefix}{name}"), bytes);
            }
        }
        Ok(())
    }

    /// Makes a tree of texts, for tests.
    #[cfg(test)]
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        let files = files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect();
        Self { files }
    }

    /// Returns a file's bytes.
    pub(crate) fn bytes(&self, path: &str) -> Option<&[u8]> {
        self.files.get(path).map(Vec::as_slice)
    }

    /// Returns a file as text; `None` when it is not there or no UTF-8.
    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        self.bytes(path).and_then(|bytes| std::str::from_utf8(bytes).ok())
    }

    /// Returns whether a file or folder is there.
    pub(crate) fn has(&self, path: &str) -> bool {
        let path = path.trim_end_matches('/');
        path.is_empty()
            || self.files.contains_key(path)
            || self.files.keys().any(|file| file.strip_prefix(path).is_some_and(|rest| rest.starts_with('/')))
    }

    /// Returns every path, in order.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    /// Returns every text file with its path, in order of path.
    pub(crate) fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().filter_map(|(path, bytes)| Some((path.as_str(), std::str::from_utf8(bytes).ok()?)))
    }

    /// Returns every text file whose name ends so.
    pub(crate) fn ending(&self, end: &str) -> impl Iterator<Item = (&str, &str)> {
        self.texts().filter(move |(path, _)| path.ends_with(end))
    }

    /// Returns the paths of the files that differ from an earlier reading, or were not in it.
    pub(crate) fn changes_since(&self, earlier: &Self) -> Vec<&str> {
        let changed = self.files.iter().filter(|(path, bytes)| earlier.files.get(*path) != Some(bytes));
        changed.map(|(path, _)| path.as_str()).collect()
    }

    /// Returns the names of the folders at the top.
    pub(crate) fn top_folders(&self) -> impl Iterator<Item = &str> {
        let mut last = "";
        self.files.keys().filter_map(|path| path.split_once('/')).map(|(top, _)| top).filter(move |top| {
            let fresh = *top != last;
            last = top;
            fresh
        })
    }
}

fn is_skipped(prefix: &str, name: &str) -> bool {
    SKIPPED.contains(&name) || (prefix.is_empty() && (name == "target" || name.starts_with("target-")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_there_when_a_file_lies_in_them() {
        let tree = Tree::of(&[("docs/guide/host.md", ""), ("README.md", "")]);
        assert!(tree.has("docs") && tree.has("docs/guide/") && tree.has("README.md") && tree.has(""));
        assert!(!tree.has("doc") && !tree.has("docs/guide/ops.md"));
        assert_eq!(tree.top_folders().collect::<Vec<_>>(), ["docs"]);
    }

    #[test]
    fn only_what_changed_is_told() {
        let before = Tree::of(&[("a", "1"), ("b", "2")]);
        assert_eq!(Tree::of(&[("a", "1"), ("b", "3"), ("c", "")]).changes_since(&before), ["b", "c"]);
    }

    #[test]
    fn build_folders_are_no_part_of_it() {
        assert!(
            is_skipped("", "target") && is_skipped("", "target-ci") && is_skipped("web/", "node_modules")
        );
        assert!(!is_skipped("docs/", "target") && !is_skipped("", "tests"));
    }
}
