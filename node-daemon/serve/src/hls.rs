//! The media routes: playlists that wait for what they are asked for, and the bytes they name.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, header};
use model::{ContentHash, SessionId, TrackName};
use tokio::time::{Instant, timeout_at};

use crate::deps::Deps;
use crate::feed::{Feed, Init, Located};
use crate::media::{self, File};
use crate::metrics::Blocking;
use crate::playlist::directive::{Answer, Directives, Edge};
use crate::playlist::media::{Form, Rendered};
use crate::playlist::multivariant::Entrance;
use crate::playlist::{self, MediaName};
use crate::problem::{Kind, Problem, session_id};
use crate::shelf;

/// Longest hold, in target durations (RFC 8216bis, 6.2.5.2 says three).
const HOLD_TARGETS: u64 = 3;

/// Longest hold while the target duration is not known: that of 2 s segments.
const HOLD_UNKNOWN: Duration = Duration::from_secs(6);

/// After how many seconds a client that waited in vain may try again.
const RETRY_SECONDS: u32 = 1;

/// `GET /hls/{session}/index.m3u8`
pub(crate) async fn whole(
    State(deps): State<Arc<Deps>>,
    Path(session): Path<String>,
) -> Result<Response, Problem> {
    multivariant(&deps, &session, Entrance::Whole).await
}

/// `GET /hls/{session}/audio.m3u8`
pub(crate) async fn audio(
    State(deps): State<Arc<Deps>>,
    Path(session): Path<String>,
) -> Result<Response, Problem> {
    multivariant(&deps, &session, Entrance::Audio).await
}

/// `GET /hls/{session}/thin.m3u8`
pub(crate) async fn thin(
    State(deps): State<Arc<Deps>>,
    Path(session): Path<String>,
) -> Result<Response, Problem> {
    multivariant(&deps, &session, Entrance::Thin).await
}

/// Answers with a multivariant playlist once every track has had the time to appear: when a segment is complete.
async fn multivariant(deps: &Deps, session: &str, entrance: Entrance) -> Result<Response, Problem> {
    let session = session_id(session)?;
    let deadline = Instant::now() + HOLD_UNKNOWN;
    let mut held = None;
    loop {
        let mut arrivals = deps.live.arrivals();
        let feed = find(deps, session).await?;
        let mut outline = feed.outline();
        let known = *outline.borrow_and_update();
        if known.ended || known.segments > 0 {
            let text = feed.multivariant(entrance).ok_or_else(|| nothing(&known_tracks(&feed)))?;
            return Ok(answer(deps, text.into(), Packing::Plain));
        }
        held.get_or_insert_with(|| deps.metrics.hold());
        tokio::select! {
            changed = timeout_at(deadline, outline.changed()) => if changed.is_err() { return Err(not_yet()) },
            _ = arrivals.changed() => {}
            () = deps.stopping.cancelled() => return Err(stopping()),
        }
    }
}

/// `GET /hls/{session}/{track}/{file}`: a media playlist, an init segment, a segment or a part.
pub(crate) async fn track(
    State(deps): State<Arc<Deps>>,
    Path((session, track, file)): Path<(String, String, String)>,
    RawQuery(query): RawQuery,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let session = session_id(&session)?;
    let track: TrackName = track.parse().map_err(|_| no_media())?;
    if file == "index.m3u8" {
        let wish = Directives::parse(query.as_deref().unwrap_or_default()).map_err(|wrong| {
            Problem::new(Kind::DIRECTIVES, format!("{wrong}. {}", Kind::DIRECTIVES.meaning))
        })?;
        return media_playlist(&deps, session, &track, wish, &headers).await;
    }
    let name = MediaName::parse(&file).ok_or_else(no_media)?;
    let file = media_file(&deps, session, &track, name).await?;
    let response = file.respond(&headers);
    if method == Method::GET {
        let sent = response
            .headers()
            .get(header::CONTENT_LENGTH)
            .and_then(|length| length.to_str().ok()?.parse().ok());
        deps.metrics.media(sent.unwrap_or(0));
    }
    Ok(open_to_all(response))
}

/// Answers with a media playlist, once it has reached what the client waits for.
async fn media_playlist(
    deps: &Deps,
    session: SessionId,
    track: &TrackName,
    wish: Directives,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let form = Form { delta: wish.skip, gzip: media::takes_gzip(headers) };
    let begun = Instant::now();
    let mut held = None;
    loop {
        let mut arrivals = deps.live.arrivals();
        let feed = find(deps, session).await?;
        let Some(mut playlist) = feed.playlist(track) else {
            return Err(no_media());
        };
        let rendered = Arc::clone(&playlist.borrow_and_update());
        let deadline = begun + Duration::from_secs(HOLD_TARGETS * rendered.target_seconds);
        match verdict(&rendered.edge, &wish) {
            Answer::Ready => {
                if wish.until.is_some() {
                    deps.metrics.blocking(if held.is_some() { Blocking::Waited } else { Blocking::AtOnce });
                }
                return Ok(rendered_answer(deps, &rendered, form, headers));
            }
            Answer::TooFar => {
                deps.metrics.blocking(Blocking::TooFar);
                return Err(Problem::plain(Kind::DIRECTIVES));
            }
            Answer::Wait => {}
        }
        held.get_or_insert_with(|| deps.metrics.hold());
        tokio::select! {
            changed = timeout_at(deadline, playlist.changed()) => if changed.is_err() {
                // Who set no condition gets what there is.
                if wish.until.is_none() && rendered.edge.last().is_some() {
                    return Ok(rendered_answer(deps, &rendered, form, headers));
                }
                deps.metrics.blocking(Blocking::TimedOut);
                return Err(not_yet());
            },
            _ = arrivals.changed() => {}
            () = deps.stopping.cancelled() => {
                deps.metrics.blocking(Blocking::Stopping);
                return Err(stopping());
            }
        }
    }
}

/// Returns what to do; who sets no condition waits for the first complete segment, since many players give up on less.
fn verdict(edge: &Edge, wish: &Directives) -> Answer {
    match wish.until {
        Some(_) => edge.answer(wish.until),
        None if edge.complete > 0 || edge.ended => Answer::Ready,
        None => Answer::Wait,
    }
}

fn rendered_answer(deps: &Deps, rendered: &Rendered, form: Form, headers: &HeaderMap) -> Response {
    let tag = rendered.edge.ended.then(|| format!("\"{}\"", rendered.tag(form)));
    if let Some(tag) = &tag
        && media::is_known(headers, tag)
    {
        let mut response = http::StatusCode::NOT_MODIFIED.into_response();
        media::put(response.headers_mut(), header::ETAG, tag);
        return open_to_all(response);
    }
    let packing = if form.gzip { Packing::Gzip } else { Packing::Plain };
    let mut response = answer(deps, rendered.body(form), packing);
    if let Some(tag) = &tag {
        media::put(response.headers_mut(), header::ETAG, tag);
    }
    response
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Packing {
    Plain,
    Gzip,
}

fn answer(deps: &Deps, body: Bytes, packing: Packing) -> Response {
    deps.metrics.playlist(body.len() as u64);
    let mut response = Response::new(Body::from(body));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(playlist::CONTENT_TYPE));
    headers.insert(header::CACHE_CONTROL, media::REVALIDATE);
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if packing == Packing::Gzip {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    open_to_all(response)
}

/// Lets pages of other sites read media and playlists, which carry no secrets of the reader's.
fn open_to_all(mut response: Response) -> Response {
    response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    response
}

/// Finds media; a part that a preload hint announces is waited for.
async fn media_file(
    deps: &Deps,
    session: SessionId,
    track: &TrackName,
    name: MediaName,
) -> Result<File, Problem> {
    let begun = Instant::now();
    let mut held = None;
    loop {
        let feed = find(deps, session).await?;
        let content_type = match feed.is_audio(track) {
            None => return Err(no_media()),
            Some(true) => "audio/mp4",
            Some(false) => "video/mp4",
        };
        let Some(mut playlist) = feed.playlist(track) else { return Err(no_media()) };
        let hold = Duration::from_secs(HOLD_TARGETS * playlist.borrow_and_update().target_seconds);
        let located = match name {
            MediaName::Init(run) => init(&feed, track, run),
            MediaName::Segment(_) | MediaName::Part(..) => feed.locate(track, name),
        };
        match located {
            Located::Edge { pieces, tag } => return Ok(File { pieces, tag, content_type }),
            Located::Stored { hash, range, tag } => {
                let object = stored(deps, session, track, hash).await?;
                let object = stretch(object, range).ok_or_else(no_media)?;
                return Ok(File { pieces: vec![object], tag, content_type });
            }
            Located::Absent => return Err(no_media()),
            Located::Coming => {}
        }
        held.get_or_insert_with(|| deps.metrics.hold());
        tokio::select! {
            changed = timeout_at(begun + hold, playlist.changed()) => if changed.is_err() {
                return Err(not_yet());
            },
            () = deps.stopping.cancelled() => return Err(stopping()),
        }
    }
}

/// Returns a sealed object whose bytes are those that were sealed. Whoever kept a stump as good would keep it for ever.
async fn stored(
    deps: &Deps,
    session: SessionId,
    track: &TrackName,
    hash: ContentHash,
) -> Result<Bytes, Problem> {
    let why = match deps.shelf.object(hash).await {
        Ok(Some(object)) => return Ok(object),
        Ok(None) => format!("object {hash} is gone"),
        Err(shelf::Error::Cache(error @ cache::Error::Altered { .. })) => error.to_string(),
        Err(error) => return Err(error.into()),
    };
    deps.metrics.damaged();
    if deps.shelf.note_damaged(hash) {
        tracing::error!(%session, %track, why, "media is damaged and not served; run `lectern cache check`");
    }
    Err(Problem::plain(Kind::DAMAGED))
}

fn init(feed: &Feed, track: &TrackName, run: model::RunNumber) -> Located {
    match feed.init(track, run) {
        Some(Init::Edge(bytes)) => Located::Edge { pieces: vec![bytes], tag: format!("{run}-init") },
        Some(Init::Stored(hash)) => Located::Stored { hash, range: None, tag: format!("{run}-init") },
        None => Located::Absent,
    }
}

fn stretch(object: Bytes, range: Option<std::ops::Range<u64>>) -> Option<Bytes> {
    let Some(range) = range else { return Some(object) };
    let range = usize::try_from(range.start).ok()?..usize::try_from(range.end).ok()?;
    (range.end <= object.len()).then(|| object.slice(range))
}

/// Finds a session: live, else recorded. One that has just been started is waited for.
async fn find(deps: &Deps, session: SessionId) -> Result<Arc<Feed>, Problem> {
    let deadline = Instant::now() + HOLD_UNKNOWN;
    loop {
        let mut arrivals = deps.live.arrivals();
        let feed = match deps.live.find(session) {
            Some(feed) => feed,
            None => deps.shelf.feed(session).await?.ok_or_else(|| Problem::plain(Kind::NO_SESSION))?,
        };
        let mut outline = feed.outline();
        let known = *outline.borrow_and_update();
        if known.tracks > 0 || known.ended {
            return Ok(feed);
        }
        tokio::select! {
            changed = timeout_at(deadline, outline.changed()) => if changed.is_err() { return Err(not_yet()) },
            _ = arrivals.changed() => {}
            () = deps.stopping.cancelled() => return Err(stopping()),
        }
    }
}

fn known_tracks(feed: &Feed) -> String {
    let names: Vec<String> = feed.tracks().iter().map(|track| track.name.to_string()).collect();
    names.join(", ")
}

fn nothing(tracks: &str) -> Problem {
    let detail = match tracks {
        "" => "nothing was recorded in this session".to_owned(),
        tracks => format!("this session has no such sound; its tracks are {tracks}"),
    };
    Problem::new(Kind::NO_MEDIA, detail)
}

fn no_media() -> Problem {
    Problem::plain(Kind::NO_MEDIA)
}

fn not_yet() -> Problem {
    Problem::plain(Kind::NOT_YET).retry_after(RETRY_SECONDS)
}

fn stopping() -> Problem {
    Problem::plain(Kind::STOPPING).retry_after(RETRY_SECONDS)
}
