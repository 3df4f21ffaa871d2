//! Pages for attendees: complete without a script, better with one.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::{Html, IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use maud::{DOCTYPE, Markup, html};
use model::{SessionId, SessionState};

use crate::api::{Overview, overview, sorted};
use crate::assets::address;
use crate::deps::Deps;
use crate::feed::Feed;
use crate::problem::{Kind, Problem};
use crate::server::confine;

/// How long a waiting attendee's list may be out of date: short beside taking a seat, and 300 phones ask 20 times a second.
/// Once a lecture is live the list stands still, so that nothing moves under a finger.
const LIST_REFRESH_SECONDS: HeaderValue = HeaderValue::from_static("15");

/// `GET /`: every session, live first.
pub(crate) async fn list(State(deps): State<Arc<Deps>>) -> Result<Response, Problem> {
    let sessions: Vec<Overview> =
        sorted(&deps).await?.iter().map(|session| overview(&deps, session)).collect();
    let (live, recorded): (Vec<_>, Vec<_>) =
        sessions.iter().partition(|one| one.state == SessionState::Live.as_str());
    let body = html! {
        h1 { "Lectures" }
        @if live.is_empty() && recorded.is_empty() {
            p.empty { "Nothing has been recorded yet. When a lecture starts, it appears here." }
        }
        @if !live.is_empty() {
            section aria-labelledby="live" {
                h2 #live { "Live" }
                ul.sessions { @for one in &live { (entry(one)) } }
            }
        }
        @if !recorded.is_empty() {
            section aria-labelledby="recorded" {
                h2 #recorded { "Recorded" }
                ul.sessions { @for one in &recorded { (entry(one)) } }
            }
        }
    };
    let mut response = document(&deps.options.name, &deps.options.name, StatusCode::OK, &body, false);
    if live.is_empty() {
        response.headers_mut().insert(header::REFRESH, LIST_REFRESH_SECONDS);
    }
    Ok(response)
}

fn entry(one: &Overview) -> Markup {
    let live = one.state == SessionState::Live.as_str();
    html! {
        li.session data-state=(one.state) {
            a.title href=(one.page) dir="auto" { (one.title) }
            p.meta {
                @if live { span.badge.live { "Live" } " " }
                time datetime=(one.started) { (date(&one.started)) }
                " · " (length(one.duration_seconds))
            }
        }
    }
}

/// `GET /s/{id}`: plays a session, live or recorded.
pub(crate) async fn watch(
    State(deps): State<Arc<Deps>>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let name = deps.options.name.clone();
    let found = match id.parse::<SessionId>() {
        Err(_) => None,
        Ok(id) => deps.shelf.ask(move |store| store.session(id)).await?,
    };
    let Some(session) = found else {
        let body = html! {
            h1 { "Not here" }
            p { "There is no such lecture on this node. It may have been deleted." }
            p { a href="/" { "All lectures" } }
        };
        return Ok(document("Not here", &name, StatusCode::NOT_FOUND, &body, false));
    };
    let feed = match deps.live.find(session.id) {
        Some(feed) => Some(feed),
        None => deps.shelf.feed(session.id).await?,
    };
    let one = overview(&deps, &session);
    let nothing = feed.as_ref().is_some_and(|feed| {
        let known = *feed.outline().borrow();
        known.ended && known.segments == 0
    });
    if nothing {
        let body = html! {
            h1 dir="auto" { (one.title) }
            p { "Nothing was recorded: the lecture ended as it began." }
            p { a href="/" { "All lectures" } }
        };
        return Ok(document(&one.title, &name, StatusCode::OK, &body, false));
    }
    let body = player(&one, feed.as_deref());
    Ok(document(&one.title, &name, StatusCode::OK, &body, true))
}

/// Answers a person whose address leads nowhere.
pub(crate) fn nowhere(node: &str) -> Response {
    let body = html! {
        h1 { "Not here" }
        p { "This node has no page at this address. It may be mistyped." }
        p { a href="/" { "All lectures" } }
    };
    document("Not here", node, StatusCode::NOT_FOUND, &body, false)
}

fn player(one: &Overview, feed: Option<&Feed>) -> Markup {
    let live = one.state == SessionState::Live.as_str();
    let tracks = feed.map(Feed::tracks).unwrap_or_default();
    // A lecture that has just begun does not say yet whether pictures come.
    let video = tracks.iter().any(|track| !track.media.is_audio()) || (live && tracks.is_empty());
    html! {
        h1 dir="auto" { (one.title) }
        section #player aria-label="Player" data-state="idle" data-kind=(one.state)
            data-whole=(one.hls.whole) data-audio=(one.hls.audio) data-session=(one.id)
            data-hls=(address("hls.js")) data-video=(if video { "yes" } else { "no" }) {
            div.stage {
                video #media controls playsinline preload="none" aria-label=(one.title) {
                    source src=(one.hls.whole) type="application/vnd.apple.mpegurl";
                }
            }
            p #status role="status" aria-live="polite" {
                @if live { "Live" } @else { "Recorded, " (length(one.duration_seconds)) }
            }
            div #controls hidden {
                button #golive type="button" hidden { "Go live" }
                button #restart type="button" { "From the start" }
                button #listen type="button" aria-pressed="false" { "Sound only" }
                label.speed { "Speed " select #speed {
                    @for (value, text) in [("0.75", "0.75×"), ("1", "1×"), ("1.25", "1.25×"), ("1.5", "1.5×"), ("2", "2×")] {
                        option value=(value) selected[value == "1"] { (text) }
                    }
                } }
                button #retry type="button" hidden { "Try again" }
            }
            p #problem role="alert" hidden {}
        }
        noscript { p { "The player on this page needs JavaScript in most browsers. The links below work without it." } }
        section aria-labelledby="elsewhere" {
            h2 #elsewhere { "In another player" }
            p { "Open one of these in VLC, Safari or any player for network streams:" }
            ul.links {
                li { a href=(one.hls.whole) { "Sound and picture" } }
                li { a href=(one.hls.audio) { "Sound only" } }
                @if feed.is_some_and(Feed::has_thin_audio) {
                    li { a href={ "/hls/" (one.id) "/thin.m3u8" } { "Sound only, for thin links" } }
                }
            }
        }
    }
}

/// `GET /problems`: what each kind of problem means.
pub(crate) async fn problems(State(deps): State<Arc<Deps>>) -> Response {
    let body = html! {
        h1 { "Problems and what to do" }
        dl {
            @for kind in Kind::ALL {
                dt id=(kind.code) { (kind.title) " " code { (kind.code) } }
                dd { (kind.meaning) }
            }
        }
    };
    std::future::ready(document("Problems", &deps.options.name, StatusCode::OK, &body, false)).await
}

fn document(title: &str, node: &str, status: StatusCode, body: &Markup, script: bool) -> Response {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) @if title != node { " – " (node) } }
                link rel="icon" href=(address("icon.svg")) type="image/svg+xml";
                link rel="stylesheet" href=(address("app.css"));
                @if script { script type="module" src=(address("app.js")) {} }
            }
            body {
                a.skip href="#main" { "Skip to content" }
                header { nav aria-label="Main" { a href="/" { (node) } } }
                main #main { (body) }
                footer { p { "Served by the box in this room. No account, no tracking." } }
            }
        }
    };
    let mut response = (status, Html(page.into_string())).into_response();
    confine(response.headers_mut());
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

/// Returns a date for people, to the minute, in UTC: the node does not know the reader's zone.
fn date(rfc3339: &str) -> String {
    let (day, time) = rfc3339.split_once('T').unwrap_or((rfc3339, ""));
    let minute: String = time.chars().take(5).collect();
    format!("{day} {minute} UTC")
}

fn length(seconds: f64) -> String {
    let whole = std::time::Duration::try_from_secs_f64(seconds).unwrap_or_default().as_secs();
    let (hours, minutes, seconds) = (whole / 3600, whole / 60 % 60, whole % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_read_like_a_clock() {
        assert_eq!(length(0.4), "0:00");
        assert_eq!(length(65.0), "1:05");
        assert_eq!(length(5400.9), "1:30:00");
        assert_eq!(length(f64::NAN), "0:00");
    }
}
