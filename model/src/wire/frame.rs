//! How a message is written on a byte stream: two lengths, a JSON head, the media bytes.
//!
//! Layout: `head length` (u32 LE), `body length` (u32 LE), head (JSON), body. Pure functions; the stream is the caller's.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::v1::{Order, Report};

/// Longest head: the largest known is under 2 KiB.
pub const HEAD_BYTES_MAX: usize = 64 * 1024;

/// Longest body: two seconds of video at 64 Mbit/s.
pub const BODY_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Bytes before the head.
const LENGTHS: usize = 8;

/// The bytes are no frame; the stream cannot be read on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A length is beyond its bound.
    #[error("frame of {head} + {body} bytes is beyond the bound")]
    Length {
        /// Claimed head length.
        head: usize,
        /// Claimed body length.
        body: usize,
    },
    /// The head is not a message of this version.
    #[error("frame head is not a message of version {}", super::v1::VERSION)]
    Head(#[source] serde_json::Error),
}

/// A message whose media travels beside its JSON.
pub trait Message: Serialize + DeserializeOwned {
    /// Returns the media, empty where there is none.
    fn body(&self) -> Bytes;

    /// Puts the media back after reading.
    #[must_use]
    fn with_body(self, body: Bytes) -> Self;
}

impl Message for Order {
    fn body(&self) -> Bytes {
        Bytes::new()
    }

    fn with_body(self, _: Bytes) -> Self {
        self
    }
}

impl Message for Report {
    fn body(&self) -> Bytes {
        match self {
            Self::Track { init, .. } => init.clone(),
            Self::Part(part) => part.media.clone(),
            _ => Bytes::new(),
        }
    }

    fn with_body(mut self, body: Bytes) -> Self {
        match &mut self {
            Self::Track { init, .. } => *init = body,
            Self::Part(part) => part.media = body,
            _ => {}
        }
        self
    }
}

/// Writes a message; the two pieces go out one after the other, so that media bytes are not copied.
///
/// # Errors
/// The message is beyond the bounds.
pub fn encode(message: &impl Message) -> Result<(Bytes, Bytes), Error> {
    let json = serde_json::to_vec(message).map_err(Error::Head)?;
    let body = message.body();
    let (head_length, body_length) = bounded(json.len(), body.len())?;
    let mut head = BytesMut::with_capacity(LENGTHS + json.len());
    head.put_u32_le(head_length);
    head.put_u32_le(body_length);
    head.extend_from_slice(&json);
    Ok((head.freeze(), body))
}

/// Takes one message off the front of `buffer`; `None` when it is not complete yet.
///
/// # Errors
/// The bytes are no frame.
pub fn decode<M: Message>(buffer: &mut BytesMut) -> Result<Option<M>, Error> {
    let Some(mut lengths) = buffer.get(..LENGTHS) else { return Ok(None) };
    let head_length = usize::try_from(lengths.get_u32_le()).unwrap_or(usize::MAX);
    let body_length = usize::try_from(lengths.get_u32_le()).unwrap_or(usize::MAX);
    bounded(head_length, body_length)?;
    let whole = LENGTHS + head_length + body_length;
    if buffer.len() < whole {
        buffer.reserve(whole - buffer.len());
        return Ok(None);
    }
    let mut frame = buffer.split_to(whole).freeze();
    frame.advance(LENGTHS);
    let head = frame.split_to(head_length);
    let message: M = serde_json::from_slice(&head).map_err(Error::Head)?;
    Ok(Some(message.with_body(frame)))
}

fn bounded(head: usize, body: usize) -> Result<(u32, u32), Error> {
    match (u32::try_from(head), u32::try_from(body)) {
        (Ok(h), Ok(b)) if head <= HEAD_BYTES_MAX && body <= BODY_BYTES_MAX => Ok((h, b)),
        _ => Err(Error::Length { head, body }),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::wire::v1::PartReport;
    use crate::{Part, PartIndex, RunNumber, SegmentKey, SegmentNumber, Ticks};

    fn part(media: Vec<u8>) -> Report {
        Report::Part(PartReport {
            track: "audio".parse().unwrap(),
            segment: SegmentKey { run: RunNumber(1), number: SegmentNumber(9) },
            part: Part {
                index: PartIndex(3),
                start: Ticks(887_808),
                duration: Ticks(23_552),
                samples: 23,
                independent: true,
                bytes: u32::try_from(media.len()).unwrap(),
            },
            closes: None,
            media: media.into(),
        })
    }

    proptest! {
        #[test]
        fn parts_survive_any_split_of_the_stream(bodies in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 1..5), step in 1_usize..64) {
            let sent: Vec<Report> = bodies.into_iter().map(part).collect();
            let mut stream = Vec::new();
            for report in &sent {
                let (head, body) = encode(report).unwrap();
                stream.extend_from_slice(&head);
                stream.extend_from_slice(&body);
            }
            let (mut buffer, mut got) = (BytesMut::new(), Vec::new());
            for piece in stream.chunks(step) {
                buffer.extend_from_slice(piece);
                while let Some(report) = decode::<Report>(&mut buffer).unwrap() {
                    got.push(report);
                }
            }
            prop_assert_eq!(got, sent);
            prop_assert!(buffer.is_empty());
        }

        #[test]
        fn garbage_never_panics(garbage: Vec<u8>) {
            let mut buffer = BytesMut::from(&garbage[..]);
            if let Ok(Some(message)) = decode::<Order>(&mut buffer) {
                prop_assert!(encode(&message).is_ok());
            }
        }
    }

    #[test]
    fn a_length_beyond_the_bound_is_refused_before_it_is_read() {
        let mut buffer = BytesMut::from(&[0xff_u8; 8][..]);
        assert!(matches!(decode::<Order>(&mut buffer), Err(Error::Length { .. })));
    }
}
