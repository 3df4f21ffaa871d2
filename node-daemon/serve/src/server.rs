//! The HTTP server: routes, connections, and an ordered end.

mod guard;
mod patient;

pub(crate) use guard::confine;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::get;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use model::Clock;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::Live;
use crate::control::Control;
use crate::deps::Deps;
use crate::shelf::Shelf;
use crate::{api, assets, hls, page};
use patient::Patient;

/// Connections at a time: 300 phones with the six that a browser opens, and room for tools. The next one waits.
const CONNECTIONS_MAX: usize = 2048;

/// How long a client may take to send its request's head.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a client may take nothing of what is sent to it before it is hung up on.
const STALL_TIMEOUT: Duration = Duration::from_secs(30);

/// Largest request head, bytes; also hyper's least.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// Largest request body, bytes: orders are small.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// How long answers under way may take after the end was ordered.
const DRAIN: Duration = Duration::from_secs(5);

/// How long accepting rests after an error, such as no file descriptors being left.
const ACCEPT_REST: Duration = Duration::from_millis(50);

/// How a server behaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// What the node is called, for people.
    pub name: String,
    /// Names beside addresses, single labels, `.local`, `.lan` and `.internal` under which orders are taken.
    pub hosts: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self { name: "Lectern".to_owned(), hosts: Vec::new() }
    }
}

/// The HTTP server.
pub struct Server {
    deps: Arc<Deps>,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("options", &self.deps.options).finish_non_exhaustive()
    }
}

impl Server {
    /// Makes a server of what the cache holds and of what is live.
    pub fn new(
        store: cache::Store,
        live: Live,
        control: Arc<dyn Control>,
        clock: Arc<dyn Clock>,
        options: Options,
    ) -> Self {
        let metrics = live.metrics();
        let deps = Deps {
            live,
            shelf: Shelf::new(store, Arc::clone(&clock)),
            control,
            clock,
            metrics,
            options,
            stopping: CancellationToken::new(),
            keys: tokio::sync::Mutex::default(),
        };
        Self { deps: Arc::new(deps) }
    }

    /// Returns all routes.
    pub fn router(&self) -> Router {
        let routes = Router::new()
            .merge(api::routes())
            .route("/", get(page::list))
            .route("/s/{id}", get(page::watch))
            .route("/problems", get(page::problems))
            .route("/assets/{file}", get(assets::asset))
            .route("/hls/{session}/index.m3u8", get(hls::whole))
            .route("/hls/{session}/audio.m3u8", get(hls::audio))
            .route("/hls/{session}/thin.m3u8", get(hls::thin))
            .route("/hls/{session}/{track}/{file}", get(hls::track))
            .fallback(guard::no_page)
            .method_not_allowed_fallback(guard::no_method)
            .layer(DefaultBodyLimit::max(BODY_BYTES_MAX));
        guard::around(routes, &self.deps).with_state(Arc::clone(&self.deps))
    }

    /// Serves until `shutdown`, then drains: accepting ends, whoever waits is answered, what is being sent gets a few
    /// seconds. Returns when every connection is closed.
    pub async fn run(self, listener: TcpListener, shutdown: CancellationToken) {
        let router = self.router();
        let permits = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        let tracker = TaskTracker::new();
        let graceful = GracefulShutdown::new();
        // 1. Accept until told to stop.
        loop {
            let accepted = tokio::select! {
                () = shutdown.cancelled() => break,
                accepted = accept(&listener, &permits) => accepted,
            };
            let Some((stream, permit)) = accepted else { continue };
            let connection = self.connection(stream, router.clone());
            let watched = graceful.watch(connection);
            let metrics = Arc::clone(&self.deps.metrics);
            tracker.spawn(async move {
                let _permit = permit;
                let _gauge = metrics.connection();
                if let Err(error) = watched.await {
                    tracing::debug!(%error, "connection closed early");
                }
            });
        }
        drop(listener);
        // 2. Wake whoever waits, so that the connections become idle.
        self.deps.stopping.cancel();
        // 3. Let answers under way finish, for a while.
        tracker.close();
        let drained = async {
            graceful.shutdown().await;
            tracker.wait().await;
        };
        if tokio::time::timeout(DRAIN, drained).await.is_err() {
            tracing::warn!(connections = tracker.len(), "connections cut at the end");
        }
    }

    fn connection(
        &self,
        stream: TcpStream,
        router: Router,
    ) -> http1::Connection<TokioIo<Patient<TcpStream>>, TowerToHyperService<Router>> {
        let stream = Patient::new(stream, STALL_TIMEOUT, Arc::clone(&self.deps.metrics));
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT)
            .max_buf_size(HEAD_BYTES_MAX)
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router))
    }
}

/// Accepts one connection when there is room for it; `None` after an error that passes.
async fn accept(
    listener: &TcpListener,
    permits: &Arc<Semaphore>,
) -> Option<(TcpStream, OwnedSemaphorePermit)> {
    let permit = Arc::clone(permits).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => {
            // Without this, the last bytes of a part wait for an acknowledgement: 40 ms of delay for nothing.
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%error, "set nodelay");
            }
            Some((stream, permit))
        }
        Err(error) => {
            tracing::warn!(%error, "accept a connection");
            tokio::time::sleep(ACCEPT_REST).await;
            None
        }
    }
}
