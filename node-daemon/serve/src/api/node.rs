//! The node itself: levels, status, checklist, health, metrics.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use model::{Finding, Verdict};
use serde::Serialize;
use utoipa::{OpenApi as _, ToSchema};

use crate::deps::Deps;
use crate::problem::Problem;

/// The node in brief.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Status {
    /// What the node is called.
    name: String,
    /// The program's version.
    version: &'static str,
    /// The live session.
    #[serde(skip_serializing_if = "Option::is_none")]
    live: Option<String>,
    /// The node's clock (RFC 3339).
    #[schema(format = DateTime)]
    clock: String,
    /// Nothing fails.
    ready: bool,
}

/// What meters show. A level is absent where there is no reading.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LevelsView {
    /// Media time of the reading, seconds.
    at_seconds: f64,
    /// Momentary loudness of the source, LUFS.
    input_momentary_lufs: Option<f32>,
    /// Sample peak of the source, dBFS.
    input_peak_dbfs: Option<f32>,
    /// Momentary loudness after normalisation, LUFS.
    momentary_lufs: Option<f32>,
    /// Short-term loudness after normalisation, LUFS.
    short_term_lufs: Option<f32>,
    /// Gain, dB.
    gain_db: f32,
    /// The room's noise floor, LUFS.
    noise_floor_lufs: Option<f32>,
}

/// The checklist.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Checklist {
    /// Nothing fails.
    ready: bool,
    /// Everything that was checked.
    findings: Vec<FindingView>,
}

/// One line of the checklist.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FindingView {
    /// Stable id, such as `audio.dead`.
    id: String,
    /// `pass`, `warn`, `fail` or `unknown`.
    verdict: &'static str,
    /// What is the case.
    what: String,
    /// What to do about it; empty if nothing.
    do_this: String,
}

impl From<Finding> for FindingView {
    fn from(finding: Finding) -> Self {
        let verdict = match finding.verdict {
            Verdict::Pass => "pass",
            Verdict::Warn => "warn",
            Verdict::Fail => "fail",
            Verdict::Unknown => "unknown",
        };
        Self { id: finding.id, verdict, what: finding.what, do_this: finding.do_this }
    }
}

/// Returns the levels of this moment.
#[utoipa::path(get, path = "/api/v1/levels", tag = "node", responses(
    (status = 200, description = "The latest reading; null while nothing is live", body = Option<LevelsView>),
))]
pub(crate) async fn levels(State(deps): State<Arc<Deps>>) -> Response {
    let view = deps.control.levels().map(|levels| LevelsView {
        at_seconds: levels.at.as_secs_f64(),
        input_momentary_lufs: levels.input_momentary_lufs,
        input_peak_dbfs: levels.input_peak_dbfs,
        momentary_lufs: levels.momentary_lufs,
        short_term_lufs: levels.short_term_lufs,
        gain_db: levels.gain_db,
        noise_floor_lufs: levels.noise_floor_lufs,
    });
    fresh(Json(view))
}

/// Returns the node in brief.
#[utoipa::path(get, path = "/api/v1/status", tag = "node", responses(
    (status = 200, description = "The node", body = Status),
))]
pub(crate) async fn status(State(deps): State<Arc<Deps>>) -> Result<Response, Problem> {
    Ok(fresh(Json(Status {
        name: deps.options.name.clone(),
        version: env!("CARGO_PKG_VERSION"),
        live: deps.control.live().map(|id| id.to_string()),
        clock: crate::playlist::media::Date(deps.clock.wall()).to_string(),
        ready: deps.readiness().await?.is_ready(),
    })))
}

/// Returns what was checked, and what to do about it.
#[utoipa::path(get, path = "/api/v1/checklist", tag = "node", responses(
    (status = 200, description = "The checklist", body = Checklist),
))]
pub(crate) async fn checklist(State(deps): State<Arc<Deps>>) -> Result<Response, Problem> {
    Ok(fresh(Json(checked(&deps).await?)))
}

async fn checked(deps: &Deps) -> Result<Checklist, Problem> {
    let readiness = deps.readiness().await?;
    Ok(Checklist {
        ready: readiness.is_ready(),
        findings: readiness.findings.into_iter().map(FindingView::from).collect(),
    })
}

/// Returns this description.
#[utoipa::path(get, path = "/openapi.json", tag = "node", responses(
    (status = 200, description = "OpenAPI 3.1", content_type = "application/json"),
))]
pub(crate) async fn openapi() -> Result<Response, Problem> {
    let text = super::Description::openapi().to_json().map_err(|error| Problem::fault(&error))?;
    Ok(([(header::CONTENT_TYPE, "application/json")], text).into_response())
}

/// Says that the process answers; nothing more.
#[utoipa::path(get, path = "/healthz", tag = "node", responses(
    (status = 200, description = "It answers", body = String, content_type = "text/plain"),
))]
pub(crate) async fn healthz() -> Response {
    fresh("ok\n")
}

/// Says whether the node can do its work, and what keeps it from it.
#[utoipa::path(get, path = "/readyz", tag = "node", responses(
    (status = 200, description = "It can", body = Checklist),
    (status = 503, description = "It cannot: see the findings that fail", body = Checklist),
))]
pub(crate) async fn readyz(State(deps): State<Arc<Deps>>) -> Result<Response, Problem> {
    let checklist = checked(&deps).await?;
    let ready = checklist.ready && !deps.stopping.is_cancelled();
    let mut response = fresh(Json(Checklist { ready, ..checklist }));
    if !ready {
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    }
    Ok(response)
}

/// Returns counters for Prometheus.
#[utoipa::path(get, path = "/metrics", tag = "node", responses(
    (status = 200, description = "Prometheus text format 0.0.4", body = String, content_type = "text/plain"),
))]
pub(crate) async fn metrics(State(deps): State<Arc<Deps>>) -> Response {
    let (control, now) = (&deps.control, deps.clock.monotonic());
    let text =
        deps.metrics.exposition(now, control.live().is_some(), &control.readiness(), &control.pictures());
    let mut response = fresh(text);
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

/// Answers with what is true at this moment only.
fn fresh(answer: impl IntoResponse) -> Response {
    let mut response = answer.into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
