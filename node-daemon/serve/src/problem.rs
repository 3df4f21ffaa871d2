//! Errors as RFC 9457 problem documents: a kind for programs, a sentence with the fix for people.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use model::SessionId;
use serde::Serialize;
use utoipa::ToSchema;

use crate::control::ControlError;

/// An error document (RFC 9457).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Problem {
    /// Names the kind of problem; a URL on this node that explains it.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// The kind in a few words, always the same for one kind.
    pub(crate) title: &'static str,
    /// The HTTP status.
    pub(crate) status: u16,
    /// What is the case here, and what to do about it.
    pub(crate) detail: String,
    /// The path of the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) instance: Option<String>,
    /// The kind for programs; translations go by it.
    pub(crate) code: &'static str,
    /// Seconds after which it is worth trying again.
    #[serde(skip)]
    pub(crate) retry_after_seconds: Option<u32>,
}

/// Kinds of problem: code, status, title, and what each means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Kind {
    pub(crate) code: &'static str,
    pub(crate) status: StatusCode,
    pub(crate) title: &'static str,
    pub(crate) meaning: &'static str,
}

macro_rules! kinds {
    ($($name:ident = $code:literal, $status:ident, $title:literal, $meaning:literal;)*) => {
        impl Kind {
            $(pub(crate) const $name: Self =
                Self { code: $code, status: StatusCode::$status, title: $title, meaning: $meaning };)*
            /// Every kind there is.
            pub(crate) const ALL: &'static [Self] = &[$(Self::$name),*];
        }
    };
}

kinds! {
    NO_SESSION = "no_such_session", NOT_FOUND, "No such session",
        "The session was never recorded here, or it was deleted. The list of sessions shows what there is.";
    NO_MEDIA = "no_such_media", NOT_FOUND, "No such media",
        "The track, segment or part does not exist in this session. Load the playlist again: it lists what there is.";
    DAMAGED = "media_damaged", NOT_FOUND, "The media is damaged",
        "The file on the node's disk is gone or holds other bytes than were recorded, so it is not sent. Skip this segment; on the node, `lectern cache check` names the file.";
    NO_PAGE = "no_such_page", NOT_FOUND, "No such page",
        "Nothing is served under this address. The start page links to everything there is.";
    METHOD = "method_not_allowed", METHOD_NOT_ALLOWED, "Method not allowed",
        "This address exists, but not for this method. /openapi.json lists what there is.";
    DIRECTIVES = "bad_directives", BAD_REQUEST, "Delivery directives make no sense",
        "_HLS_msn and _HLS_part name a place at most two segments ahead (RFC 8216bis, 6.2.5.2). Load the playlist without them and go on from there.";
    BODY = "bad_body", BAD_REQUEST, "The body cannot be used",
        "The body is JSON as /openapi.json describes it.";
    QUERY = "bad_query", BAD_REQUEST, "The query cannot be used",
        "/openapi.json describes what may stand behind the question mark.";
    MEDIA_TYPE = "json_expected", UNSUPPORTED_MEDIA_TYPE, "JSON expected",
        "Send the body with `Content-Type: application/json`.";
    TITLE = "bad_title", UNPROCESSABLE_ENTITY, "The title cannot be used",
        "A title has 1 to 200 characters and no control characters.";
    KEY_REUSED = "idempotency_key_reused", UNPROCESSABLE_ENTITY, "Idempotency key reused",
        "The same Idempotency-Key came with a different body before. Use a fresh key for every new request.";
    BAD_KEY = "bad_idempotency_key", BAD_REQUEST, "Idempotency key cannot be used",
        "An Idempotency-Key is 1 to 200 visible ASCII characters.";
    LIVE = "session_live", CONFLICT, "A session is live",
        "One session at a time. Stop the live one, then start the next.";
    NOT_LIVE = "session_not_live", CONFLICT, "The session is not live",
        "It has already ended; nothing is left to stop.";
    SOURCE = "source_unusable", SERVICE_UNAVAILABLE, "The sources cannot be used",
        "The microphone or camera is missing, busy, or of a format that cannot be used. The detail says which and what to do.";
    STORAGE = "storage_unusable", INSUFFICIENT_STORAGE, "The disk does not take it",
        "The data folder is full or cannot be written. Free some space or repair the disk.";
    NOT_YET = "not_yet", SERVICE_UNAVAILABLE, "Not there yet",
        "The session is live, but what was asked for has not come. Try again in a moment.";
    STOPPING = "stopping", SERVICE_UNAVAILABLE, "The node is stopping",
        "The node is being stopped or restarted. Try again in a few seconds.";
    FOREIGN_HOST = "foreign_host", FORBIDDEN, "The address is not this node's",
        "Orders are only taken under the node's own address, so that no page elsewhere can give them. Use its IP address or its .local name.";
    FOREIGN_ORIGIN = "foreign_origin", FORBIDDEN, "The order comes from another site",
        "Orders are only taken from the node's own pages and from programs, not from pages of other sites.";
    LARGE = "body_too_large", PAYLOAD_TOO_LARGE, "The body is too large",
        "No order needs more than 64 KiB.";
    SLOW = "request_timeout", REQUEST_TIMEOUT, "The request took too long",
        "The request did not come in, or could not be carried out, in time. Try again.";
    INTERNAL = "internal", INTERNAL_SERVER_ERROR, "The node has a fault",
        "Something that should work did not; the node's log has the reason under the request's id.";
}

impl Problem {
    /// Makes a problem of one kind with what is the case here.
    pub(crate) fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("/problems#{}", kind.code),
            title: kind.title,
            status: kind.status.as_u16(),
            detail: detail.into(),
            instance: None,
            code: kind.code,
            retry_after_seconds: None,
        }
    }

    /// Makes a problem whose kind says it all.
    pub(crate) fn plain(kind: Kind) -> Self {
        Self::new(kind, kind.meaning)
    }

    /// Adds when to try again.
    #[must_use]
    pub(crate) const fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after_seconds = Some(seconds);
        self
    }

    /// Makes the problem of a fault inside, and logs its reason.
    pub(crate) fn fault(error: &(dyn std::error::Error + 'static)) -> Self {
        tracing::error!(reasons = model::chain(error), "request failed");
        Self::plain(Kind::INTERNAL)
    }
}

/// Reads the id of a session from an address; what is no id names no session.
pub(crate) fn session_id(text: &str) -> Result<SessionId, Problem> {
    text.parse().map_err(|_| Problem::plain(Kind::NO_SESSION))
}

impl From<ControlError> for Problem {
    fn from(error: ControlError) -> Self {
        let detail = error.to_string();
        match error {
            ControlError::Live { session } => {
                Self::new(Kind::LIVE, format!("session {session} is live; stop it first"))
            }
            ControlError::NoSuchSession => Self::plain(Kind::NO_SESSION),
            ControlError::NotLive => Self::plain(Kind::NOT_LIVE),
            ControlError::Source(_) => Self::new(Kind::SOURCE, detail),
            ControlError::Storage(_) => Self::new(Kind::STORAGE, detail),
            ControlError::Internal(_) => Self::new(Kind::INTERNAL, detail),
        }
    }
}

impl From<crate::shelf::Error> for Problem {
    fn from(error: crate::shelf::Error) -> Self {
        Self::fault(&error)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = self.retry_after_seconds {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response.extensions_mut().insert(self);
        response
    }
}
