//! API version 1: orders and questions as JSON, errors as problem documents, all of it in `/openapi.json`.

pub(crate) mod idempotency;
mod node;
mod sessions;

pub(crate) use sessions::{Overview, overview, sorted};

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use utoipa::OpenApi;

use crate::deps::Deps;

/// The OpenAPI 3.1 description; a test checks that it names every route below and no other.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Lectern",
        description = "The box in the room: sessions, live and recorded. Errors are RFC 9457 problem documents.",
        license(name = "Apache-2.0 OR MIT", identifier = "Apache-2.0 OR MIT")
    ),
    paths(
        sessions::list,
        sessions::start,
        sessions::detail,
        sessions::stop,
        node::levels,
        node::status,
        node::checklist,
        node::openapi,
        node::healthz,
        node::readyz,
        node::metrics,
    ),
    components(schemas(crate::problem::Problem))
)]
pub(crate) struct Description;

/// Returns the routes that `/openapi.json` describes.
pub(crate) fn routes() -> Router<Arc<Deps>> {
    Router::new()
        .route("/api/v1/sessions", get(sessions::list).post(sessions::start))
        .route("/api/v1/sessions/{id}", get(sessions::detail))
        .route("/api/v1/sessions/{id}/stop", post(sessions::stop))
        .route("/api/v1/levels", get(node::levels))
        .route("/api/v1/status", get(node::status))
        .route("/api/v1/checklist", get(node::checklist))
        .route("/openapi.json", get(node::openapi))
        .route("/healthz", get(node::healthz))
        .route("/readyz", get(node::readyz))
        .route("/metrics", get(node::metrics))
}
