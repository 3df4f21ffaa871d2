//! Scripts and styles, built from `web/src` into `web/dist` and embedded compressed. Each has a version in its address,
//! so that it may be kept for ever.

use std::io::Read as _;
use std::sync::OnceLock;

use axum::body::Body;
use axum::extract::Path;
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};

use crate::media::{self, IMMUTABLE};
use crate::problem::{Kind, Problem};

struct Asset {
    name: &'static str,
    content_type: &'static str,
    gzip: &'static [u8],
    plain: OnceLock<Bytes>,
}

macro_rules! asset {
    ($name:literal, $content_type:literal) => {
        Asset {
            name: $name,
            content_type: $content_type,
            gzip: include_bytes!(concat!("../../../web/dist/", $name, ".gz")),
            plain: OnceLock::new(),
        }
    };
}

static ASSETS: [Asset; 4] = [
    asset!("app.css", "text/css; charset=utf-8"),
    asset!("app.js", "text/javascript; charset=utf-8"),
    asset!("hls.js", "text/javascript; charset=utf-8"),
    asset!("icon.svg", "image/svg+xml"),
];

impl Asset {
    fn version(&self) -> String {
        // A gzip file ends with the checksum of what it holds (RFC 1952, section 2.3.1).
        let trailer = self.gzip.len().saturating_sub(8);
        let crc = self.gzip.get(trailer..trailer + 4).unwrap_or_default();
        crc.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn plain(&self) -> Bytes {
        let unpack = || {
            let mut plain = Vec::new();
            let read = flate2::read::GzDecoder::new(self.gzip).read_to_end(&mut plain);
            debug_assert!(read.is_ok(), "web/dist holds whole gzip files");
            Bytes::from(plain)
        };
        self.plain.get_or_init(unpack).clone()
    }
}

/// Returns the address of an asset, with its version.
pub(crate) fn address(name: &str) -> String {
    let version = ASSETS.iter().find(|asset| asset.name == name).map_or_else(String::new, Asset::version);
    format!("/assets/{name}?v={version}")
}

/// `GET /assets/{file}`
pub(crate) async fn asset(Path(file): Path<String>, headers: HeaderMap) -> Result<Response, Problem> {
    let asset = ASSETS.iter().find(|asset| asset.name == file);
    std::future::ready(
        asset.map(|asset| answer(asset, &headers)).ok_or_else(|| Problem::plain(Kind::NO_PAGE)),
    )
    .await
}

fn answer(asset: &'static Asset, request: &HeaderMap) -> Response {
    let gzip = media::takes_gzip(request);
    let tag = format!("\"{}{}\"", asset.version(), if gzip { "z" } else { "" });
    let mut response = Response::new(Body::empty());
    let known = media::is_known(request, &tag);
    let headers = response.headers_mut();
    media::put(headers, header::ETAG, &tag);
    headers.insert(header::CACHE_CONTROL, IMMUTABLE);
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if known {
        *response.status_mut() = http::StatusCode::NOT_MODIFIED;
        return response;
    }
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.content_type));
    if gzip {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        *response.body_mut() = Body::from(Bytes::from_static(asset.gzip));
    } else {
        *response.body_mut() = Body::from(asset.plain());
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_asset_is_a_whole_gzip_file() {
        for asset in &ASSETS {
            let mut plain = Vec::new();
            flate2::read::GzDecoder::new(asset.gzip).read_to_end(&mut plain).unwrap();
            assert!(!plain.is_empty(), "{}", asset.name);
            assert_eq!(asset.plain(), plain);
            assert_eq!(asset.version().len(), 8);
        }
    }
}
