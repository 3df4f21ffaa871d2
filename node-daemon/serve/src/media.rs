//! Bytes over HTTP: ranges, validators, lifetimes. Never copies media: a body is a row of shared slices.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, HttpBody};
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use hyper::body::{Frame, SizeHint};

/// For bytes whose address never names others: a year, the longest that caches honour.
pub(crate) const IMMUTABLE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// For what changes: ask every time.
pub(crate) const REVALIDATE: HeaderValue = HeaderValue::from_static("no-cache");

/// A file to answer with.
#[derive(Debug)]
pub(crate) struct File {
    pub(crate) pieces: Vec<Bytes>,
    pub(crate) tag: String,
    pub(crate) content_type: &'static str,
}

impl File {
    /// Answers a request with the file, the part of it that is asked for, or with the news that it has not changed.
    pub(crate) fn respond(self, request: &HeaderMap) -> Response {
        let whole: u64 = self.pieces.iter().map(|piece| piece.len() as u64).sum();
        let tag = format!("\"{}\"", self.tag);
        let mut response = Response::new(Body::empty());
        let headers = response.headers_mut();
        put(headers, header::ETAG, &tag);
        headers.insert(header::CACHE_CONTROL, IMMUTABLE);
        headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        if is_known(request, &tag) {
            headers.remove(header::CONTENT_TYPE);
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            return response;
        }
        match wanted(request, &tag, whole) {
            Wanted::Whole => {
                headers.insert(header::CONTENT_LENGTH, HeaderValue::from(whole));
                *response.body_mut() = Body::new(Rope::new(self.pieces));
            }
            Wanted::Stretch(range) => {
                put(
                    headers,
                    header::CONTENT_RANGE,
                    &format!("bytes {}-{}/{whole}", range.start, range.end - 1),
                );
                headers.insert(header::CONTENT_LENGTH, HeaderValue::from(range.end - range.start));
                *response.status_mut() = StatusCode::PARTIAL_CONTENT;
                *response.body_mut() = Body::new(Rope::new(cut(&self.pieces, &range)));
            }
            Wanted::Nothing => {
                put(headers, header::CONTENT_RANGE, &format!("bytes */{whole}"));
                // What is kept for a year is the media, not the news that one request asked beyond its end.
                headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
                headers.remove(header::CONTENT_TYPE);
                *response.status_mut() = StatusCode::RANGE_NOT_SATISFIABLE;
            }
        }
        response
    }
}

/// Sets a header to a text made here, which is always legal.
pub(crate) fn put(headers: &mut HeaderMap, name: HeaderName, text: &str) {
    if let Ok(value) = HeaderValue::from_str(text) {
        headers.insert(name, value);
    }
}

/// Returns whether the client holds what `tag` names (RFC 9110, section 13.1.2: weak comparison).
pub(crate) fn is_known(request: &HeaderMap, tag: &str) -> bool {
    let strong = |text: &str| text.trim().trim_start_matches("W/").to_owned();
    request
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .any(|list| list.trim() == "*" || list.split(',').any(|known| strong(known) == strong(tag)))
}

/// Returns whether the client takes gzip (RFC 9110, section 12.5.3).
pub(crate) fn takes_gzip(request: &HeaderMap) -> bool {
    let offers = request.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    offers.flat_map(|list| list.split(',')).any(|offer| {
        let mut words = offer.split(';').map(str::trim);
        let coding = words.next().unwrap_or_default();
        let weight = words.find_map(|word| word.strip_prefix("q="));
        let refused = weight.is_some_and(|weight| weight.parse::<f32>().is_ok_and(|weight| weight <= 0.0));
        (coding.eq_ignore_ascii_case("gzip") || coding == "*") && !refused
    })
}

#[derive(Debug, PartialEq, Eq)]
enum Wanted {
    Whole,
    Stretch(Range<u64>),
    Nothing,
}

/// Returns what a request asks for (RFC 9110, section 14). More than one range is answered with the whole.
fn wanted(request: &HeaderMap, tag: &str, whole: u64) -> Wanted {
    let Some(range) = request.get(header::RANGE).and_then(|value| value.to_str().ok()) else {
        return Wanted::Whole;
    };
    if request.get(header::IF_RANGE).is_some_and(|known| known.as_bytes() != tag.as_bytes()) {
        return Wanted::Whole;
    }
    let Some((first, last)) = range.strip_prefix("bytes=").and_then(|spec| spec.trim().split_once('-'))
    else {
        return Wanted::Whole;
    };
    let number = |text: &str| {
        (!text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()))
            .then(|| text.parse::<u64>().unwrap_or(u64::MAX))
    };
    let range = match (number(first), number(last)) {
        (Some(first), Some(last)) if first <= last => first..last.saturating_add(1).min(whole),
        (Some(first), None) if last.is_empty() => first..whole,
        (None, Some(suffix)) if first.is_empty() => whole.saturating_sub(suffix)..whole,
        _ => return Wanted::Whole,
    };
    if range.start < range.end { Wanted::Stretch(range) } else { Wanted::Nothing }
}

/// Returns the slices that make up `range` of the concatenated pieces.
fn cut(pieces: &[Bytes], range: &Range<u64>) -> Vec<Bytes> {
    let mut before = 0_u64;
    let mut slices = Vec::new();
    for piece in pieces {
        let length = piece.len() as u64;
        let from = range.start.saturating_sub(before).min(length);
        let to = range.end.saturating_sub(before).min(length);
        before += length;
        if let (Ok(from), Ok(to)) = (usize::try_from(from), usize::try_from(to))
            && from < to
        {
            slices.push(piece.slice(from..to));
        }
    }
    slices
}

/// A body of known length made of shared slices.
struct Rope(VecDeque<Bytes>);

impl Rope {
    fn new(pieces: Vec<Bytes>) -> Self {
        Self(pieces.into_iter().filter(|piece| !piece.is_empty()).collect())
    }
}

impl HttpBody for Rope {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.pop_front().map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.iter().map(|piece| piece.len() as u64).sum())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn request(name: HeaderName, value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_str(value).unwrap());
        headers
    }

    fn check_range(text: &str, expect: Wanted) {
        assert_eq!(wanted(&request(header::RANGE, text), "\"t\"", 100), expect, "{text}");
    }

    #[test]
    fn one_range_is_honoured_and_nonsense_gets_the_whole() {
        check_range("bytes=0-0", Wanted::Stretch(0..1));
        check_range("bytes=10-", Wanted::Stretch(10..100));
        check_range("bytes=-10", Wanted::Stretch(90..100));
        check_range("bytes=-1000", Wanted::Stretch(0..100));
        check_range("bytes=90-5000", Wanted::Stretch(90..100));
        check_range("bytes=100-", Wanted::Nothing);
        check_range("bytes=-0", Wanted::Nothing);
        check_range("bytes=99999999999999999999999-", Wanted::Nothing);
        for odd in ["bytes=5-4", "bytes=a-b", "bytes=", "bytes=-", "lines=1-2", "bytes=0-1,4-5", "bytes=+1-2"]
        {
            check_range(odd, Wanted::Whole);
        }
    }

    #[test]
    fn a_range_of_another_version_gets_the_whole() {
        let mut headers = request(header::RANGE, "bytes=1-2");
        headers.insert(header::IF_RANGE, HeaderValue::from_static("\"old\""));
        assert_eq!(wanted(&headers, "\"t\"", 100), Wanted::Whole);
        headers.insert(header::IF_RANGE, HeaderValue::from_static("\"t\""));
        assert_eq!(wanted(&headers, "\"t\"", 100), Wanted::Stretch(1..3));
    }

    #[test]
    fn gzip_is_sent_to_those_who_take_it() {
        for (offer, expect) in [
            ("gzip, deflate", true),
            ("br;q=1.0, GZIP;q=0.5", true),
            ("*", true),
            ("gzip;q=0", false),
            ("gzip;q=0.000", false),
            ("identity", false),
            ("br", false),
        ] {
            assert_eq!(takes_gzip(&request(header::ACCEPT_ENCODING, offer)), expect, "{offer}");
        }
        assert!(!takes_gzip(&HeaderMap::new()));
    }

    #[test]
    fn a_known_tag_is_recognised_in_a_list() {
        for (known, expect) in [("\"a\", \"t\"", true), ("W/\"t\"", true), ("*", true), ("\"x\"", false)] {
            assert_eq!(is_known(&request(header::IF_NONE_MATCH, known), "\"t\""), expect, "{known}");
        }
    }

    proptest! {
        #[test]
        fn a_cut_is_what_slicing_the_whole_would_give(pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..20), 0..6), from in 0_u32..60, length in 0_u32..60) {
            let whole = pieces.concat();
            let range = u64::from(from)..u64::from(from + length);
            let pieces: Vec<Bytes> = pieces.into_iter().map(Bytes::from).collect();
            let got: Vec<u8> = cut(&pieces, &range).concat();
            let wanted = |at: &(u64, u8)| range.contains(&at.0);
            let expect: Vec<u8> = (0_u64..).zip(whole).filter(wanted).map(|(_, byte)| byte).collect();
            prop_assert_eq!(got, expect);
        }
    }
}
