//! Notices that a configuration file was saved.

use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;

/// Editors write, rename and touch; what follows within this time is the same save.
const SETTLE: Duration = Duration::from_millis(250);

/// Watches the folders that hold the configuration files; a file that is replaced by a new one is noticed too.
#[derive(Debug)]
pub(crate) struct Watch {
    _watcher: RecommendedWatcher,
    saved: mpsc::Receiver<()>,
}

impl Watch {
    /// Watches `paths`, files or folders.
    ///
    /// # Errors
    /// The system allows no more watches, or a folder is gone.
    pub(crate) fn new(paths: &[PathBuf]) -> Result<Self, notify::Error> {
        // One: a second save before the first is read changes nothing about what has to be done.
        let (notice, saved) = mpsc::channel(1);
        let watched = paths.to_vec();
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            let touches = |event: &notify::Event| {
                !event.kind.is_access()
                    && event.paths.iter().any(|path| watched.iter().any(|of| concerns(of, path)))
            };
            if event.as_ref().map_or(true, touches) && notice.try_send(()).is_err() {
                tracing::trace!("a reading of the configuration is due already");
            }
        })?;
        for path in paths {
            watcher.watch(folder_of(path), RecursiveMode::NonRecursive)?;
        }
        Ok(Self { _watcher: watcher, saved })
    }

    /// Waits until a file was saved and has settled; `None` when nothing can be noticed any more.
    pub(crate) async fn saved(&mut self) -> Option<()> {
        self.saved.recv().await?;
        tokio::time::sleep(SETTLE).await;
        while self.saved.try_recv().is_ok() {}
        Some(())
    }
}

/// Returns whether a change of `path` concerns the configured `of`.
fn concerns(of: &Path, path: &Path) -> bool {
    if of.is_dir() {
        path.extension().is_some_and(|e| e == "toml")
    } else {
        of.file_name() == path.file_name()
    }
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        _ if path.is_dir() => path,
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(of: &Path, path: &Path, expect: bool) {
        assert_eq!(concerns(of, path), expect, "{} for {}", path.display(), of.display());
    }

    #[test]
    fn only_configuration_files_concern_anybody() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("venue.toml");
        check(&file, &file, true);
        check(&file, &folder.path().join("venue.toml.swp"), false);
        check(folder.path(), &folder.path().join("20-site.toml"), true);
        check(folder.path(), &folder.path().join("notes.txt"), false);
    }

    #[tokio::test]
    async fn a_file_that_is_replaced_is_noticed_as_one_save() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("venue.toml");
        std::fs::write(&file, "").unwrap();
        let mut watch = Watch::new(std::slice::from_ref(&file)).unwrap();
        std::fs::write(folder.path().join("fresh"), "[log]").unwrap();
        std::fs::rename(folder.path().join("fresh"), &file).unwrap();
        assert_eq!(watch.saved().await, Some(()));
        assert!(watch.saved.try_recv().is_err());
    }
}
