//! Text that no longer changes, kept rendered and compressed, so that a playlist of 90 minutes costs no more per part
//! than one of 90 seconds.
//!
//! A gzip body is put together from raw deflate pieces that each end on a byte boundary, under one checksum that is
//! combined from theirs (RFC 1951, section 3.2.4; RFC 1952). It is one member: browsers ignore what follows the first.

use std::io::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};

/// Segments per chunk: about 7 kB of text, long enough to compress well on its own.
pub(crate) const CHUNK_SEGMENTS: usize = 64;

/// A stretch of playlist text.
#[derive(Debug)]
pub(crate) struct Chunk {
    text: String,
    deflated: Vec<u8>,
    crc: Crc,
}

impl Chunk {
    /// Keeps `text`, compressed.
    pub(crate) fn new(text: String) -> Self {
        let deflated = deflate(text.as_bytes(), Compression::new(6), Piece::Inner);
        let mut crc = Crc::new();
        crc.update(text.as_bytes());
        Self { text, deflated, crc }
    }

    /// Returns the text.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }
}

/// Puts a gzip body together: `head`, then chunks, then `tail`.
pub(crate) fn gzip(head: &str, chunks: &[Arc<Chunk>], tail: &str) -> Bytes {
    // Deflate, no flags, no time, no extra flags, unknown system (RFC 1952, section 2.3).
    const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let kept: usize = chunks.iter().map(|chunk| chunk.deflated.len()).sum();
    let mut body = Vec::with_capacity(kept + (head.len() + tail.len()) / 3 + 64);
    body.extend_from_slice(&HEADER);
    let mut crc = Crc::new();
    crc.update(head.as_bytes());
    if chunks.is_empty() {
        crc.update(tail.as_bytes());
        body.extend(deflate([head, tail].concat().as_bytes(), Compression::fast(), Piece::Last));
    } else {
        body.extend(deflate(head.as_bytes(), Compression::fast(), Piece::Inner));
        for chunk in chunks {
            body.extend_from_slice(&chunk.deflated);
            crc.combine(&chunk.crc);
        }
        let mut last = Crc::new();
        last.update(tail.as_bytes());
        crc.combine(&last);
        body.extend(deflate(tail.as_bytes(), Compression::fast(), Piece::Last));
    }
    body.extend_from_slice(&crc.sum().to_le_bytes());
    body.extend_from_slice(&crc.amount().to_le_bytes());
    Bytes::from(body)
}

/// Whether a deflate stream goes on after a piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Piece {
    Inner,
    Last,
}

/// Returns `text` as raw deflate blocks that end on a byte boundary and refer to nothing before them.
#[expect(clippy::expect_used, reason = "a Vec takes every byte")]
fn deflate(text: &[u8], level: Compression, piece: Piece) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::with_capacity(text.len() / 4 + 64), level);
    encoder.write_all(text).expect("a Vec takes every byte");
    match piece {
        Piece::Last => encoder.finish().expect("a Vec takes every byte"),
        Piece::Inner => {
            encoder.flush().expect("a Vec takes every byte");
            encoder.get_ref().clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use proptest::prelude::*;

    use super::*;

    fn gunzip(body: &[u8]) -> String {
        let mut text = String::new();
        flate2::read::GzDecoder::new(body).read_to_string(&mut text).unwrap();
        text
    }

    proptest! {
        #[test]
        fn a_body_in_pieces_is_one_gzip_member(head in ".{0,80}", kept in proptest::collection::vec("(?s).{0,300}", 0..5), tail in "(?s).{0,300}") {
            let chunks: Vec<_> = kept.iter().map(|text| Arc::new(Chunk::new(text.clone()))).collect();
            let body = gzip(&head, &chunks, &tail);
            prop_assert_eq!(gunzip(&body), [head, kept.concat(), tail].concat());
        }
    }

    #[test]
    fn long_lists_stay_small() {
        let line = |n: usize| {
            format!(
                "#EXT-X-PROGRAM-DATE-TIME:2026-11-22T10:{:02}:{:02}.{:03}Z\n#EXTINF:2.005333,\n0-{n}.m4s\n",
                n / 30 % 60,
                n * 2 % 60,
                n * 37 % 1000
            )
        };
        let chunks: Vec<_> =
            (0..40).map(|c| Arc::new(Chunk::new((c * 64..c * 64 + 64).map(line).collect()))).collect();
        let text: usize = chunks.iter().map(|chunk| chunk.text().len()).sum();
        let body = gzip("#EXTM3U\n", &chunks, "#EXT-X-ENDLIST\n");
        assert!(body.len() * 6 < text, "{} of {text}", body.len());
    }
}
