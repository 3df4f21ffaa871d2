//! What surrounds every request: an id, a log line, limits, panics, and who may give orders.
//!
//! Logs carry neither addresses of clients nor query strings.

use std::any::Any;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header};
use tower_http::catch_panic::CatchPanicLayer;
use tracing::Instrument as _;

use crate::deps::Deps;
use crate::media::put;
use crate::page;
use crate::problem::{Kind, Problem};

/// Longest answer to anything but media and playlists, whose waits have limits of their own. Stopping a session waits
/// for the encoders and the disk.
const API_TIMEOUT: Duration = Duration::from_secs(30);

static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Puts the guards around the routes; the outermost is added last.
pub(super) fn around(routes: Router<Arc<Deps>>, deps: &Arc<Deps>) -> Router<Arc<Deps>> {
    let counted = Arc::clone(deps);
    routes
        .layer(from_fn_with_state(Arc::clone(deps), orders))
        .layer(CatchPanicLayer::custom(move |panic: Box<dyn Any + Send>| {
            counted.metrics.panicked();
            panicked(&*panic)
        }))
        .layer(from_fn_with_state(Arc::clone(deps), attend))
}

/// Answers what no route answers.
pub(super) async fn no_page(State(deps): State<Arc<Deps>>, headers: HeaderMap) -> Response {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    // A program that takes anything gets what programs read; a browser names HTML.
    let answer = match accept.contains("text/html") {
        true => page::nowhere(&deps.options.name),
        false => Problem::plain(Kind::NO_PAGE).into_response(),
    };
    std::future::ready(answer).await
}

/// Answers a method that a route does not have.
pub(super) async fn no_method() -> Problem {
    std::future::ready(Problem::plain(Kind::METHOD)).await
}

fn panicked(panic: &(dyn Any + Send)) -> Response {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let reason = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("unknown");
    tracing::error!(reason, "request panicked");
    Problem::plain(Kind::INTERNAL).into_response()
}

/// Gives the request an id, runs it in a span, and finishes the answer's headers.
async fn attend(State(deps): State<Arc<Deps>>, request: Request, next: Next) -> Response {
    static COUNTER: AtomicU64 = AtomicU64::new(1);
    let id = COUNTER.fetch_add(1, Ordering::Relaxed);
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let path = request.uri().path().to_owned();
    let method = request.method().clone();
    let span = tracing::debug_span!("request", id, %method, route);
    let mut response = next.run(request).instrument(span.clone()).await;
    if let Some(mut problem) = response.extensions_mut().remove::<Problem>() {
        let kept: Vec<_> = [header::ALLOW]
            .into_iter()
            .filter_map(|name| response.headers().get(&name).map(|value| (name, value.clone())))
            .collect();
        problem.instance = Some(path);
        response = problem.into_response();
        response.headers_mut().extend(kept.into_iter().map(|(name, value)| (Some(name), value)));
    }
    let status = response.status().as_u16();
    deps.metrics.answered(status);
    span.in_scope(|| tracing::debug!(status, "answered"));
    let headers = response.headers_mut();
    headers.insert(REQUEST_ID.clone(), HeaderValue::from(id));
    // Whatever does not say how long it holds, holds at this moment only.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    if deps.stopping.is_cancelled() {
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// Takes orders only from this node's own pages and from programs, and lets nothing but media take long.
async fn orders(State(deps): State<Arc<Deps>>, request: Request, next: Next) -> Response {
    if request.uri().path().starts_with("/hls/") {
        return next.run(request).await;
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS)
        && let Err(kind) = allowed(request.uri(), request.headers(), &deps.options.hosts)
    {
        return Problem::plain(kind).into_response();
    }
    match tokio::time::timeout(API_TIMEOUT, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::plain(Kind::SLOW).into_response(),
    }
}

/// Checks where an order comes from: a page of another site, or one that made its name point here ("DNS rebinding").
fn allowed(uri: &Uri, headers: &HeaderMap, hosts: &[String]) -> Result<(), Kind> {
    let text = |name: &HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let host = uri.authority().map(http::uri::Authority::as_str).or_else(|| text(&header::HOST));
    let host = host.ok_or(Kind::FOREIGN_HOST)?;
    if !is_ours(host, hosts) {
        return Err(Kind::FOREIGN_HOST);
    }
    if let Some(origin) = text(&header::ORIGIN) {
        let (_, site) = origin.split_once("://").ok_or(Kind::FOREIGN_ORIGIN)?;
        if !site.eq_ignore_ascii_case(host) {
            return Err(Kind::FOREIGN_ORIGIN);
        }
    }
    match headers.get("sec-fetch-site").map(HeaderValue::as_bytes) {
        Some(b"cross-site" | b"same-site") => Err(Kind::FOREIGN_ORIGIN),
        _ => Ok(()),
    }
}

/// Returns whether no public name server could have made this name: an address, one label, or a private suffix.
fn is_ours(host: &str, hosts: &[String]) -> bool {
    let Ok(authority) = host.parse::<http::uri::Authority>() else { return false };
    let name = authority.host().trim_start_matches('[').trim_end_matches(']').trim_end_matches('.');
    let name = name.to_ascii_lowercase();
    let private = [".local", ".lan", ".internal", ".localhost", ".test"];
    name.parse::<IpAddr>().is_ok()
        || (!name.is_empty() && !name.contains('.'))
        || private.iter().any(|suffix| name.ends_with(suffix))
        || hosts.iter().any(|known| known.eq_ignore_ascii_case(&name))
}

/// Sets what a page may load and do: itself, and media that scripts put together.
pub(crate) fn confine(headers: &mut HeaderMap) {
    put(
        headers,
        header::CONTENT_SECURITY_POLICY,
        "default-src 'self'; media-src 'self' blob: data:; worker-src 'self' blob:; img-src 'self' data:; \
         object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(host: &str, origin: Option<&str>, expect: Result<(), Kind>) {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_str(host).unwrap());
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, HeaderValue::from_str(origin).unwrap());
        }
        let got = allowed(&Uri::from_static("/"), &headers, &["box.example.org".to_owned()]);
        assert_eq!(got, expect, "{host} {origin:?}");
    }

    #[test]
    fn orders_are_taken_under_the_nodes_own_names() {
        for host in [
            "192.168.4.1",
            "192.168.4.1:8080",
            "[fe80::1]:80",
            "lectern",
            "lectern.local",
            "LEARN.lan:80",
            "localhost:1",
            "box.example.org",
        ] {
            check(host, None, Ok(()));
            check(host, Some(&format!("http://{host}")), Ok(()));
        }
    }

    #[test]
    fn a_name_that_was_made_to_point_here_gives_no_orders() {
        for host in ["evil.example", "local.evil.example:80", "127.0.0.1.evil.example", "", "a b"] {
            check(host, None, Err(Kind::FOREIGN_HOST));
        }
    }

    #[test]
    fn a_page_of_another_site_gives_no_orders() {
        for origin in ["http://evil.example", "null", "http://192.168.4.1:81", "https://192.168.4.2"] {
            check("192.168.4.1", Some(origin), Err(Kind::FOREIGN_ORIGIN));
        }
    }
}
