//! Sessions: list, detail, start, stop.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};
use model::{Gap, Media, Segment, Session, SessionId, Title, Track};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::api::idempotency::{Key, Known};
use crate::deps::Deps;
use crate::media::put;
use crate::playlist::media::Date;
use crate::problem::{Kind, Problem, session_id};

/// Sessions on one page of the list, unless asked otherwise.
const PAGE: usize = 50;

/// Sessions on one page of the list at most.
const PAGE_MAX: usize = 200;

/// A session in a list.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct Overview {
    /// Its id.
    pub(crate) id: String,
    /// Its title.
    pub(crate) title: String,
    /// `live` or `ended`.
    pub(crate) state: &'static str,
    /// When it began, as the node's clock had it (RFC 3339).
    #[schema(format = DateTime)]
    pub(crate) started: String,
    /// Length of its timeline, seconds; grows while live.
    pub(crate) duration_seconds: f64,
    /// Where it is played from.
    pub(crate) hls: Entrances,
    /// The page that plays it.
    pub(crate) page: String,
}

/// Where a session is played from; the same addresses live and recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Entrances {
    /// Sound and picture.
    pub(crate) whole: String,
    /// Sound alone.
    pub(crate) audio: String,
}

/// A page of the list.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct Page {
    /// Live first, then the latest.
    pub(crate) sessions: Vec<Overview>,
    /// What to give as `after` for the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next: Option<String>,
}

/// A session in detail.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct Detail {
    /// What the list says.
    #[serde(flatten)]
    pub(crate) overview: Overview,
    /// Its renditions.
    pub(crate) tracks: Vec<TrackView>,
    /// Stretches without media.
    pub(crate) gaps: Vec<GapView>,
    /// How loud it is; absent without measured sound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) loudness: Option<LoudnessView>,
}

/// A rendition.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct TrackView {
    /// Its name.
    pub(crate) name: String,
    /// `audio` or `video`.
    pub(crate) kind: &'static str,
    /// RFC 6381 codec.
    pub(crate) codec: String,
    /// The encoder's target, bit/s.
    pub(crate) bitrate_bps: u32,
    /// Complete segments.
    pub(crate) segments: u64,
    /// Their size, bytes.
    pub(crate) size_bytes: u64,
    /// Width, pixels; video only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) width: Option<u32>,
    /// Height, pixels; video only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) height: Option<u32>,
    /// Samples per second; audio only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sample_rate_hz: Option<u32>,
    /// Its media playlist.
    pub(crate) playlist: String,
}

/// A stretch without media.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct GapView {
    /// Where it begins, seconds from the start of the session.
    pub(crate) from_seconds: f64,
    /// Where it ends, or how far it has come while it lasts.
    pub(crate) to_seconds: f64,
    /// The rendition that misses it; absent when all do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) track: Option<String>,
    /// Why: `restart`, `capture_lost`, `source_lost`, `overload` or `damaged`.
    pub(crate) cause: &'static str,
}

/// Measured loudness over all segments of the first audio rendition.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
pub(crate) struct LoudnessView {
    /// Energy mean of the segments' gated loudness, those 10 LU below it left out, LUFS.
    pub(crate) integrated_lufs: Option<f64>,
    /// The same before normalisation, LUFS.
    pub(crate) input_lufs: Option<f64>,
    /// Highest short-term loudness, LUFS.
    pub(crate) short_term_max_lufs: Option<f64>,
    /// Highest true peak before the encoder, dBTP.
    pub(crate) true_peak_dbtp: Option<f64>,
    /// Segments measured.
    pub(crate) segments: u64,
    /// Segments with nothing above the absolute gate.
    pub(crate) silent_segments: u64,
    /// Segments in which the source clipped.
    pub(crate) clipped_segments: u64,
}

/// An order to begin a session.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Start {
    /// What the lecture is called: 1 to 200 characters.
    #[schema(
        min_length = 1,
        max_length = 200,
        pattern = r"^[^\x00-\x1F\x7F-\x9F]*[^\x00-\x20\x7F-\xA0][^\x00-\x1F\x7F-\x9F]*$"
    )]
    title: String,
}

/// Which page of the list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Turn {
    /// Sessions on the page, 1 to 200; 50 if absent.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<usize>,
    /// Begin after this session: `next` of the page before.
    after: Option<String>,
}

/// Lists sessions: live first, then the latest.
#[utoipa::path(get, path = "/api/v1/sessions", tag = "sessions", params(Turn), responses(
    (status = 200, description = "A page of sessions", body = Page),
    (status = 400, description = "The query cannot be used", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "There is no session `after`; begin with the first page", body = Problem, content_type = "application/problem+json"),
    (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn list(
    State(deps): State<Arc<Deps>>,
    turn: Result<Query<Turn>, axum::extract::rejection::QueryRejection>,
) -> Result<Json<Page>, Problem> {
    let Query(turn) = turn.map_err(|wrong| Problem::new(Kind::QUERY, wrong.body_text()))?;
    let limit = turn.limit.unwrap_or(PAGE);
    if !(1..=PAGE_MAX).contains(&limit) {
        return Err(Problem::new(Kind::QUERY, format!("limit: {limit} is not from 1 to {PAGE_MAX}")));
    }
    let all = sorted(&deps).await?;
    let from = match turn.after {
        None => 0,
        Some(after) => {
            let after = session_id(&after)?;
            let at = all.iter().position(|session| session.id == after);
            at.ok_or_else(|| Problem::plain(Kind::NO_SESSION))? + 1
        }
    };
    let rest = all.get(from..).unwrap_or_default();
    let sessions: Vec<Overview> = rest.iter().take(limit).map(|session| overview(&deps, session)).collect();
    let next = (rest.len() > limit).then(|| sessions.last().map(|last| last.id.clone())).flatten();
    Ok(Json(Page { sessions, next }))
}

/// Returns every session: live first, then the latest.
pub(crate) async fn sorted(deps: &Deps) -> Result<Vec<Session>, Problem> {
    let mut all = deps.shelf.ask(cache::Store::sessions).await?;
    all.sort_by_key(|session| {
        (
            session.state == model::SessionState::Ended,
            std::cmp::Reverse((session.started.unix_ms(), session.id)),
        )
    });
    Ok(all)
}

/// Begins a session.
#[utoipa::path(post, path = "/api/v1/sessions", tag = "sessions", request_body = Start,
    params(("Idempotency-Key" = Option<String>, Header, pattern = "^[!-~]{1,200}$", description = "Makes the order safe to send again: 1 to 200 visible ASCII characters. The last 100 keys are known until the node restarts. After a restart, a session that is live answers 409 and names itself; if it has ended, the order begins another one, so look at the list first")),
    responses(
    (status = 201, description = "It is live", body = Overview, headers(("Location" = String, description = "The session"))),
    (status = 409, description = "Another session is live", body = Problem, content_type = "application/problem+json"),
    (status = 422, description = "The title cannot be used, or the key came with another title before", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "The sources cannot be used", body = Problem, content_type = "application/problem+json"),
    (status = 507, description = "The disk does not take it", body = Problem, content_type = "application/problem+json"),
    (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn start(
    State(deps): State<Arc<Deps>>,
    headers: HeaderMap,
    order: Result<Json<Start>, JsonRejection>,
) -> Result<Response, Problem> {
    let Json(order) = order.map_err(|wrong| unreadable(&wrong))?;
    let title = Title::new(&order.title).map_err(|wrong| Problem::new(Kind::TITLE, wrong.to_string()))?;
    let key = match headers.get("idempotency-key") {
        None => None,
        Some(value) => {
            let key = value.to_str().ok().and_then(Key::parse);
            Some(key.ok_or_else(|| Problem::plain(Kind::BAD_KEY))?)
        }
    };
    let mut keys = deps.keys.lock().await;
    let known = key.as_ref().map_or(Known::Fresh, |key| keys.look_up(key, &title));
    let session = match known {
        Known::Other => return Err(Problem::plain(Kind::KEY_REUSED)),
        Known::Done(session) => session,
        Known::Fresh => {
            let session = deps.control.start(title.clone()).await?;
            if let Some(key) = key {
                keys.remember(key, title, session);
            }
            session
        }
    };
    drop(keys);
    let view = overview(&deps, &stored(&deps, session).await?);
    let mut response = (StatusCode::CREATED, Json(view)).into_response();
    put(response.headers_mut(), header::LOCATION, &format!("/api/v1/sessions/{session}"));
    Ok(response)
}

fn unreadable(wrong: &JsonRejection) -> Problem {
    match wrong {
        JsonRejection::MissingJsonContentType(_) => Problem::plain(Kind::MEDIA_TYPE),
        other if other.status() == StatusCode::PAYLOAD_TOO_LARGE => Problem::plain(Kind::LARGE),
        other => Problem::new(Kind::BODY, format!("{}. {}", other.body_text(), Kind::BODY.meaning)),
    }
}

/// Returns one session.
#[utoipa::path(get, path = "/api/v1/sessions/{id}", tag = "sessions",
    params(("id" = String, Path, description = "The session's id")), responses(
    (status = 200, description = "The session", body = Detail),
    (status = 404, description = "No such session", body = Problem, content_type = "application/problem+json"),
    (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn detail(
    State(deps): State<Arc<Deps>>,
    Path(id): Path<String>,
) -> Result<Json<Detail>, Problem> {
    let id = session_id(&id)?;
    let session = stored(&deps, id).await?;
    let (tracks, gaps) = deps
        .shelf
        .ask(move |store| {
            let mut tracks: Vec<(Track, Vec<Segment>)> = Vec::new();
            for (_, track, _) in store.tracks(id)? {
                if tracks.iter().all(|(known, _)| known.name != track.name) {
                    let segments = store.segments(id, &track.name, None)?;
                    tracks.push((track, segments));
                }
            }
            Ok((tracks, store.gaps(id)?))
        })
        .await?;
    Ok(Json(Detail {
        loudness: loudness(&tracks),
        tracks: tracks.iter().map(|(track, segments)| track_view(id, track, segments)).collect(),
        gaps: gaps.iter().map(gap_view).collect(),
        overview: overview(&deps, &session),
    }))
}

/// Ends a live session; answered once its recording is complete.
#[utoipa::path(post, path = "/api/v1/sessions/{id}/stop", tag = "sessions",
    params(("id" = String, Path, description = "The session's id")), responses(
    (status = 200, description = "It has ended", body = Overview),
    (status = 404, description = "No such session", body = Problem, content_type = "application/problem+json"),
    (status = 409, description = "It is not live", body = Problem, content_type = "application/problem+json"),
    (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn stop(
    State(deps): State<Arc<Deps>>,
    Path(id): Path<String>,
) -> Result<Json<Overview>, Problem> {
    let id = session_id(&id)?;
    stored(&deps, id).await?;
    deps.control.stop(id).await?;
    Ok(Json(overview(&deps, &stored(&deps, id).await?)))
}

pub(crate) async fn stored(deps: &Deps, id: SessionId) -> Result<Session, Problem> {
    deps.shelf.ask(move |store| store.session(id)).await?.ok_or_else(|| Problem::plain(Kind::NO_SESSION))
}

/// Returns what a list says of a session; of a live one, with the end of its media as of this moment.
pub(crate) fn overview(deps: &Deps, session: &Session) -> Overview {
    let edge = deps.live.find(session.id).map(|feed| feed.end_of_media());
    let id = session.id;
    Overview {
        id: id.to_string(),
        title: session.title.to_string(),
        state: session.state.as_str(),
        started: Date(session.started).to_string(),
        duration_seconds: millis(edge.map_or(session.end, |edge| edge.max(session.end)).as_secs_f64()),
        hls: Entrances { whole: format!("/hls/{id}/index.m3u8"), audio: format!("/hls/{id}/audio.m3u8") },
        page: format!("/s/{id}"),
    }
}

fn track_view(id: SessionId, track: &Track, segments: &[Segment]) -> TrackView {
    let (mut width, mut height, mut sample_rate_hz) = (None, None, None);
    match track.media {
        Media::Audio { sample_rate_hz: rate, .. } => sample_rate_hz = Some(rate),
        Media::Video { width: w, height: h, .. } => (width, height) = (Some(w), Some(h)),
    }
    TrackView {
        name: track.name.to_string(),
        kind: if track.media.is_audio() { "audio" } else { "video" },
        codec: track.codec.clone(),
        bitrate_bps: track.bitrate_bps,
        segments: segments.len() as u64,
        size_bytes: segments.iter().map(|segment| segment.bytes).sum(),
        width,
        height,
        sample_rate_hz,
        playlist: format!("/hls/{id}/{}/index.m3u8", track.name),
    }
}

fn gap_view(gap: &Gap) -> GapView {
    GapView {
        from_seconds: millis(gap.from.as_secs_f64()),
        to_seconds: millis(gap.to.as_secs_f64()),
        track: gap.track.as_ref().map(ToString::to_string),
        cause: gap.cause.as_str(),
    }
}

/// Sums the measurements of the first audio track up; `None` without any.
fn loudness(tracks: &[(Track, Vec<Segment>)]) -> Option<LoudnessView> {
    let (_, segments) = tracks.iter().find(|(track, segments)| {
        track.media.is_audio() && segments.iter().any(|segment| segment.loudness.is_some())
    })?;
    let measured: Vec<_> = segments.iter().filter_map(|segment| segment.loudness).collect();
    let highest = |values: Vec<f32>| values.into_iter().map(f64::from).reduce(f64::max).map(tenths);
    let count =
        |flag: fn(&model::SegmentLoudness) -> bool| measured.iter().filter(|one| flag(one)).count() as u64;
    Some(LoudnessView {
        integrated_lufs: energy_mean(measured.iter().filter_map(|one| one.integrated_lufs)),
        input_lufs: energy_mean(measured.iter().filter_map(|one| one.input_lufs)),
        short_term_max_lufs: highest(measured.iter().filter_map(|one| one.short_term_max_lufs).collect()),
        true_peak_dbtp: highest(measured.iter().filter_map(|one| one.true_peak_dbtp).collect()),
        segments: measured.len() as u64,
        silent_segments: count(|one| one.flags.silent),
        clipped_segments: count(|one| one.flags.input_clipped),
    })
}

/// Returns the energy mean, without what lies more than 10 LU below it (the relative gate of BS.1770-4).
fn energy_mean(levels_lufs: impl Iterator<Item = f32>) -> Option<f64> {
    let levels: Vec<f64> = levels_lufs.map(f64::from).filter(|level| level.is_finite()).collect();
    let mean = |floor: f64| {
        let kept: Vec<f64> =
            levels.iter().filter(|level| **level >= floor).map(|level| 10_f64.powf(level / 10.0)).collect();
        let count = u32::try_from(kept.len()).ok().filter(|count| *count > 0)?;
        Some(10.0 * (kept.iter().sum::<f64>() / f64::from(count)).log10())
    };
    mean(mean(f64::NEG_INFINITY)? - 10.0).map(tenths)
}

fn tenths(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

fn millis(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loudness_is_averaged_by_energy_and_pauses_do_not_count() {
        assert_eq!(energy_mean([-16.0, -16.0].into_iter()), Some(-16.0));
        assert_eq!(energy_mean([-16.0, -16.0, -60.0].into_iter()), Some(-16.0));
        assert_eq!(energy_mean([-13.0, -19.0].into_iter()), Some(-15.0));
        assert_eq!(energy_mean(std::iter::empty()), None);
        assert_eq!(energy_mean([f32::NAN].into_iter()), None);
    }
}
