//! A strict reader of HLS playlists, written from RFC 8216bis and not from any server.
//!
//! Players forgive; this does not: what is not in the draft is an error, so that a test sees it.

mod attributes;
mod media;
mod multivariant;

pub use attributes::Attributes;
pub use media::{DateRange, Hint, Map, Media, Part, RenditionReport, Segment, ServerControl};
pub use multivariant::{Multivariant, Rendition, Variant};

use std::fmt;

use anyhow::{Context, Result, bail, ensure};

/// A decimal number of seconds as it was written: its value and how finely it was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seconds {
    /// The value, nanoseconds.
    pub nanos: u64,
    /// Digits after the point.
    pub digits: u8,
}

impl Seconds {
    /// Reads a decimal-floating-point without sign (RFC 8216bis, section 4.2).
    ///
    /// # Errors
    /// It is none, or has more than nine digits after the point.
    pub fn parse(text: &str) -> Result<Self> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        ensure!(!whole.is_empty() && digits(whole) && digits(fraction), "`{text}` is no decimal number");
        ensure!(!text.ends_with('.'), "`{text}` ends with a point");
        ensure!(fraction.len() <= 9, "`{text}` is finer than a nanosecond");
        let whole: u64 = whole.parse().with_context(|| format!("read `{text}`"))?;
        let padded = format!("{fraction:0<9}");
        let fraction_nanos: u64 = padded.parse().with_context(|| format!("read `{text}`"))?;
        let nanos = whole.checked_mul(1_000_000_000).and_then(|nanos| nanos.checked_add(fraction_nanos));
        Ok(Self {
            nanos: nanos.with_context(|| format!("`{text}` is too long"))?,
            digits: u8::try_from(fraction.len())?,
        })
    }

    /// Returns seconds.
    pub fn as_f64(self) -> f64 {
        std::time::Duration::from_nanos(self.nanos).as_secs_f64()
    }

    /// Returns whether this is `ticks / timescale` rounded to the digits that were written.
    pub fn is_rounded_from(self, ticks: u64, timescale: u32) -> bool {
        let scale = u128::from(timescale.max(1));
        let exact = u128::from(ticks) * 1_000_000_000;
        let written = u128::from(self.nanos) * scale;
        let last_digit_nanos = 10_u128.pow(u32::from(9 - self.digits.min(9)));
        // Half a unit of the last digit, and one nanosecond for the rounding of a writer that counts in those.
        exact.abs_diff(written) * 2 <= (last_digit_nanos + 2) * scale
    }
}

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.*}", usize::from(self.digits), self.as_f64())
    }
}

/// Either kind of playlist.
#[derive(Debug, Clone)]
pub enum Playlist {
    /// Names renditions.
    Multivariant(Multivariant),
    /// Names segments.
    Media(Box<Media>),
}

impl Playlist {
    /// Reads a playlist.
    ///
    /// # Errors
    /// It breaks the draft; the error names the line.
    pub fn parse(text: &str) -> Result<Self> {
        let lines = lines(text)?;
        let is_master = lines.iter().any(|line| {
            matches!(line, (_, Line::Tag("EXT-X-STREAM-INF" | "EXT-X-MEDIA" | "EXT-X-I-FRAME-STREAM-INF", _)))
        });
        if is_master {
            Multivariant::read(&lines).map(Self::Multivariant)
        } else {
            Media::read(&lines).map(|media| Self::Media(Box::new(media)))
        }
    }
}

impl Multivariant {
    /// Reads a multivariant playlist.
    ///
    /// # Errors
    /// It is none.
    pub fn parse(text: &str) -> Result<Self> {
        Self::read(&lines(text)?)
    }
}

impl Media {
    /// Reads a media playlist.
    ///
    /// # Errors
    /// It is none.
    pub fn parse(text: &str) -> Result<Self> {
        Self::read(&lines(text)?)
    }
}

/// One line that means something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line<'a> {
    /// A tag without its `#`, and what follows the colon.
    Tag(&'a str, Option<&'a str>),
    /// A URI.
    Uri(&'a str),
}

/// Splits a playlist into its meaningful lines, with their numbers from 1.
fn lines(text: &str) -> Result<Vec<(usize, Line<'_>)>> {
    ensure!(!text.starts_with('\u{feff}'), "the playlist begins with a byte order mark");
    ensure!(text.ends_with('\n'), "the last line does not end: the playlist may be cut");
    let mut found = Vec::new();
    for (index, raw) in text.lines().enumerate() {
        let number = index + 1;
        ensure!(!raw.chars().any(char::is_control), "line {number} holds a control character: {raw:?}");
        if index == 0 {
            ensure!(raw == "#EXTM3U", "the first line is {raw:?} and not #EXTM3U");
        } else if let Some(tag) = raw.strip_prefix("#EXT") {
            let (name, value) = match tag.split_once(':') {
                Some((name, value)) => (name, Some(value)),
                None => (tag, None),
            };
            // The name without `#` is the start of `raw`, one byte in.
            let name = raw.get(1..name.len() + 4).unwrap_or_default();
            found.push((number, Line::Tag(name, value)));
        } else if raw.starts_with('#') || raw.is_empty() {
            continue;
        } else {
            ensure!(!raw.contains(char::is_whitespace), "line {number}: white space in a URI: {raw:?}");
            found.push((number, Line::Uri(raw)));
        }
    }
    if found.is_empty() { bail!("the playlist holds nothing") } else { Ok(found) }
}

/// Sets `slot` once.
fn once<T>(slot: &mut Option<T>, value: T, tag: &str) -> Result<()> {
    ensure!(slot.is_none(), "{tag} appears twice");
    *slot = Some(value);
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn seconds_keep_how_finely_they_were_written() {
        let seconds = Seconds::parse("2.00533").unwrap();
        assert_eq!(seconds, Seconds { nanos: 2_005_330_000, digits: 5 });
        assert_eq!(seconds.to_string(), "2.00533");
        assert!(seconds.is_rounded_from(96_256, 48_000));
        assert!(!seconds.is_rounded_from(96_257, 48_000));
        for wrong in ["", ".", "1.", ".5", "-1", "1e3", "1.0000000001", "99999999999999999999"] {
            assert!(Seconds::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_torn_or_dressed_up_playlist_is_refused() {
        for wrong in ["", "#EXTM3U", "#EXTM3U\n", "\u{feff}#EXTM3U\n#EXT-X-ENDLIST\n", "#EXTINF:1,\na\n"] {
            assert!(Playlist::parse(wrong).is_err(), "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in "(#EXTM3U\n)?([ -~]{0,40}\n){0,8}") {
            drop(Playlist::parse(&text));
        }

        #[test]
        fn no_tag_value_makes_the_reader_panic(
            tag in "EXTINF|EXT-X-PART|EXT-X-SKIP|EXT-X-MAP|EXT-X-DATERANGE|EXT-X-PRELOAD-HINT|EXT-X-PROGRAM-DATE-TIME",
            value in "[A-Z]{0,8}[=:,\"0-9.TZ-]{0,20}",
        ) {
            drop(Playlist::parse(&format!("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#{tag}:{value}\na.m4s\n")));
        }
    }
}
