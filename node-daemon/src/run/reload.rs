//! Reads the configuration again when it is saved, and lets what can change at run time change.

use std::sync::Arc;

use tokio::sync::watch;

use crate::cli;
use crate::config::{Reload, Settings, Watch, load};
use crate::log::Dial;

/// Reads the configuration again.
#[derive(Debug)]
pub(super) struct Reloader {
    arguments: cli::Run,
    settings: watch::Sender<Arc<Settings>>,
    dial: Dial,
    watch: Option<Watch>,
}

impl Reloader {
    pub(super) fn new(arguments: cli::Run, settings: watch::Sender<Arc<Settings>>, dial: Dial) -> Self {
        let files = &arguments.place.files;
        let watch = match (!files.is_empty()).then(|| Watch::new(files)) {
            Some(Err(error)) => {
                tracing::warn!(%error, "changes of the configuration are read after SIGHUP only");
                None
            }
            Some(Ok(watch)) => Some(watch),
            None => None,
        };
        Self { arguments, settings, dial, watch }
    }

    /// Waits until a file is saved; for ever when none is watched.
    pub(super) async fn saved(&mut self) {
        let saved = match &mut self.watch {
            Some(watch) => watch.saved().await,
            None => std::future::pending().await,
        };
        if saved.is_none() {
            tracing::warn!("changes of the configuration are read after SIGHUP only");
            self.watch = None;
        }
    }

    /// Reads all files again. A mistake in one changes nothing.
    pub(super) fn reload(&self) {
        let newer = match load(&self.arguments.place.files, self.arguments.fragment()) {
            Ok(newer) => newer,
            Err(mistakes) => {
                return tracing::error!("the configuration stays as it was\n{mistakes}");
            }
        };
        let before = Arc::clone(&self.settings.borrow());
        for (section, key, reload) in before.changed(&newer) {
            match reload {
                Reload::AtOnce => tracing::info!(section, key, "a setting has changed"),
                Reload::NextSession => {
                    tracing::info!(section, key, "a setting has changed; the next session has it")
                }
                Reload::Restart => {
                    tracing::warn!(section, key, "a setting has changed; start the daemon again to use it")
                }
            }
        }
        self.dial.set(newer.log.level);
        self.settings.send_replace(Arc::new(newer));
    }
}
