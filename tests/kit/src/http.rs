//! A plain HTTP/1.1 client for tests: every status is an answer, bodies stay as they came, times are kept.

use std::io::Read;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use ureq::http::{HeaderMap, Response};

use crate::stopwatch::{Stopwatch, wall};

/// Longest body that is taken, bytes: an hour of 720p video is about a gigabyte.
const BODY_BYTES_MAX: u64 = 2 << 30;

/// A client with its own connections.
#[derive(Debug, Clone)]
pub struct Client {
    agent: ureq::Agent,
}

/// What a server answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// What was asked for.
    pub url: String,
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as it travelled: a compressed one is still compressed.
    pub body: Vec<u8>,
    /// From the request to the last byte.
    pub took: Duration,
    /// Wall time of the last byte, since 1970.
    pub arrived: Duration,
}

impl Client {
    /// Makes a client that gives each request the time `patience`.
    pub fn new(patience: Duration) -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(patience))
            .max_redirects(0)
            .max_redirects_will_error(false)
            .no_delay(true)
            .proxy(None)
            .build();
        Self { agent: config.into() }
    }

    /// Asks for `url`.
    ///
    /// # Errors
    /// No whole answer came in time.
    pub fn get(&self, url: &str) -> Result<Answer> {
        self.get_with(url, &[])
    }

    /// Asks for `url` with `headers`.
    ///
    /// # Errors
    /// No whole answer came in time.
    pub fn get_with(&self, url: &str, headers: &[(&str, &str)]) -> Result<Answer> {
        let mut request = self.agent.get(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let watch = Stopwatch::start();
        let response = request.call().with_context(|| format!("GET {url}"))?;
        Answer::read(url, response, watch)
    }

    /// Asks for the headers of `url`.
    ///
    /// # Errors
    /// No answer came in time.
    pub fn head(&self, url: &str) -> Result<Answer> {
        let watch = Stopwatch::start();
        let response = self.agent.head(url).call().with_context(|| format!("HEAD {url}"))?;
        Answer::read(url, response, watch)
    }

    /// Posts `body` under `content_type`.
    ///
    /// # Errors
    /// No whole answer came in time.
    pub fn post(&self, url: &str, content_type: &str, body: &str) -> Result<Answer> {
        let watch = Stopwatch::start();
        let request = self.agent.post(url).content_type(content_type);
        let response = request.send(body).with_context(|| format!("POST {url}"))?;
        Answer::read(url, response, watch)
    }

    /// Posts a JSON value.
    ///
    /// # Errors
    /// No whole answer came in time.
    pub fn post_json(&self, url: &str, body: &serde_json::Value) -> Result<Answer> {
        self.post(url, "application/json", &body.to_string())
    }
}

impl Answer {
    fn read(url: &str, response: Response<ureq::Body>, watch: Stopwatch) -> Result<Self> {
        let (parts, body) = response.into_parts();
        let body = body
            .into_with_config()
            .limit(BODY_BYTES_MAX)
            .read_to_vec()
            .with_context(|| format!("read the body of {url}"))?;
        Ok(Self {
            url: url.to_owned(),
            status: parts.status.as_u16(),
            headers: parts.headers,
            body,
            took: watch.elapsed(),
            arrived: wall(),
        })
    }

    /// Returns a header, if it is there and is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Passes the answer on when it has this status.
    ///
    /// # Errors
    /// It has another; the error shows the start of the body.
    pub fn expect_status(self, status: u16) -> Result<Self> {
        if self.status == status {
            return Ok(self);
        }
        let body: String = String::from_utf8_lossy(&self.body).chars().take(400).collect();
        bail!("{} answered {} where {status} was due: {body}", self.url, self.status)
    }

    /// Returns the body as text, unpacked if it came gzipped.
    ///
    /// # Errors
    /// It is not UTF-8, or not what `Content-Encoding` says.
    pub fn text(&self) -> Result<String> {
        let plain = match self.header("content-encoding") {
            None | Some("identity") => self.body.clone(),
            Some("gzip") => {
                let mut plain = Vec::new();
                flate2::read::GzDecoder::new(self.body.as_slice())
                    .read_to_end(&mut plain)
                    .with_context(|| format!("unpack the body of {}", self.url))?;
                plain
            }
            Some(other) => bail!("{} came in the unasked encoding {other}", self.url),
        };
        String::from_utf8(plain).with_context(|| format!("the body of {} is not UTF-8", self.url))
    }

    /// Returns the body as JSON.
    ///
    /// # Errors
    /// It is none.
    pub fn json(&self) -> Result<serde_json::Value> {
        let text = self.text()?;
        serde_json::from_str(&text).with_context(|| format!("{} sent no JSON: {text}", self.url))
    }
}

/// Resolves `reference` against the absolute `base` (RFC 3986, section 5.2, without `..` above the root).
///
/// # Errors
/// `base` is not an absolute HTTP URL.
pub fn join(base: &str, reference: &str) -> Result<String> {
    if reference.starts_with("http://") || reference.starts_with("https://") {
        return Ok(reference.to_owned());
    }
    let (scheme, rest) = base.split_once("://").with_context(|| format!("`{base}` is no absolute URL"))?;
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    ensure!(!authority.is_empty(), "`{base}` names no host");
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let (reference_path, query) = match reference.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (reference, None),
    };
    let mut steps: Vec<&str> = if reference_path.starts_with('/') {
        Vec::new()
    } else {
        let mut folder: Vec<&str> = path.split('/').collect();
        folder.pop();
        folder
    };
    for step in reference_path.trim_start_matches('/').split('/') {
        match step {
            "." => {}
            ".." => drop(steps.pop()),
            step => steps.push(step),
        }
    }
    let query = query.map(|query| format!("?{query}")).unwrap_or_default();
    Ok(format!("{scheme}://{authority}/{}{query}", steps.join("/")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(base: &str, reference: &str, expect: &str) {
        assert_eq!(join(base, reference).unwrap(), expect, "{reference} in {base}");
    }

    #[test]
    fn references_resolve_as_rfc_3986_says() {
        check("http://h:1/hls/s/index.m3u8", "audio/index.m3u8", "http://h:1/hls/s/audio/index.m3u8");
        check("http://h/hls/s/audio/index.m3u8?_HLS_msn=1", "0-1.m4s", "http://h/hls/s/audio/0-1.m4s");
        check("http://h/a/b/c.m3u8", "../d/e?x=1", "http://h/a/d/e?x=1");
        check("http://h/a/b/c.m3u8", "/x/y", "http://h/x/y");
        check("http://h/a", "http://other/z", "http://other/z");
        assert!(join("a/b", "c").is_err());
    }
}
