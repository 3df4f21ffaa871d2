//! What every request may use.

use std::sync::Arc;

use model::Clock;
use tokio_util::sync::CancellationToken;

use crate::Live;
use crate::api::idempotency::Keys;
use crate::control::{Control, Readiness};
use crate::metrics::Metrics;
use crate::problem::Problem;
use crate::server::Options;
use crate::shelf::Shelf;

/// What every request may use.
pub(crate) struct Deps {
    pub(crate) live: Live,
    pub(crate) shelf: Shelf,
    pub(crate) control: Arc<dyn Control>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) options: Options,
    /// Fires when the server stops: whoever waits answers at once.
    pub(crate) stopping: CancellationToken,
    /// Starts one at a time, so that a repeated order meets the first one's answer.
    pub(crate) keys: tokio::sync::Mutex<Keys>,
}

impl Deps {
    /// Asks the daemon how it is, on a thread that may wait for the disk.
    pub(crate) async fn readiness(&self) -> Result<Readiness, Problem> {
        let control = Arc::clone(&self.control);
        let asked = tokio::task::spawn_blocking(move || control.readiness()).await;
        asked.map_err(|error| Problem::fault(&error))
    }
}
