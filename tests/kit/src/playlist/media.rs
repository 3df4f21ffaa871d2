//! Media playlists (RFC 8216bis, sections 4.4.2 to 4.4.5).

use anyhow::{Context, Result, bail, ensure};

use super::attributes::Attributes;
use super::{Line, Seconds, once};

/// A playlist of segments and parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Media {
    /// EXT-X-VERSION.
    pub version: Option<u64>,
    /// EXT-X-TARGETDURATION, seconds.
    pub target_duration_s: u64,
    /// EXT-X-MEDIA-SEQUENCE.
    pub media_sequence: u64,
    /// EXT-X-DISCONTINUITY-SEQUENCE.
    pub discontinuity_sequence: u64,
    /// PART-TARGET of EXT-X-PART-INF.
    pub part_target: Option<Seconds>,
    /// EXT-X-SERVER-CONTROL.
    pub server_control: Option<ServerControl>,
    /// EXT-X-PLAYLIST-TYPE.
    pub playlist_type: Option<String>,
    /// EXT-X-INDEPENDENT-SEGMENTS.
    pub independent_segments: bool,
    /// SKIPPED-SEGMENTS of EXT-X-SKIP; 0 in a full playlist.
    pub skipped: u64,
    /// Complete segments, without the skipped ones.
    pub segments: Vec<Segment>,
    /// Parts of the segment that is not complete, with what was said about it.
    pub open: Option<Segment>,
    /// EXT-X-PRELOAD-HINT.
    pub hints: Vec<Hint>,
    /// EXT-X-RENDITION-REPORT.
    pub reports: Vec<RenditionReport>,
    /// EXT-X-DATERANGE.
    pub date_ranges: Vec<DateRange>,
    /// EXT-X-ENDLIST.
    pub ended: bool,
}

/// A media segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// Where it is; empty while it is open.
    pub uri: String,
    /// EXTINF; `None` while it is open.
    pub duration: Option<Seconds>,
    /// Media sequence number.
    pub msn: u64,
    /// The EXT-X-MAP that holds for it.
    pub map: Option<Map>,
    /// Whether EXT-X-MAP stands right before it.
    pub map_stands_here: bool,
    /// EXT-X-DISCONTINUITY before it.
    pub discontinuity: bool,
    /// EXT-X-GAP.
    pub gap: bool,
    /// EXT-X-PROGRAM-DATE-TIME, milliseconds since 1970.
    pub pdt_ms: Option<i64>,
    /// EXT-X-PART before its URI.
    pub parts: Vec<Part>,
}

/// EXT-X-PART.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Where it is.
    pub uri: String,
    /// DURATION.
    pub duration: Seconds,
    /// INDEPENDENT.
    pub independent: bool,
    /// GAP.
    pub gap: bool,
}

/// EXT-X-MAP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Map {
    /// Where the init segment is.
    pub uri: String,
}

/// EXT-X-SERVER-CONTROL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerControl {
    /// CAN-BLOCK-RELOAD.
    pub can_block_reload: bool,
    /// CAN-SKIP-UNTIL.
    pub can_skip_until: Option<Seconds>,
    /// CAN-SKIP-DATERANGES.
    pub can_skip_dateranges: bool,
    /// HOLD-BACK.
    pub hold_back: Option<Seconds>,
    /// PART-HOLD-BACK.
    pub part_hold_back: Option<Seconds>,
}

/// EXT-X-PRELOAD-HINT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hint {
    /// TYPE: PART or MAP.
    pub kind: String,
    /// Where it will be.
    pub uri: String,
}

/// EXT-X-RENDITION-REPORT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenditionReport {
    /// The other media playlist.
    pub uri: String,
    /// LAST-MSN.
    pub last_msn: Option<u64>,
    /// LAST-PART.
    pub last_part: Option<u64>,
}

/// EXT-X-DATERANGE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DateRange {
    /// ID.
    pub id: String,
    /// CLASS.
    pub class: Option<String>,
    /// START-DATE, milliseconds since 1970.
    pub start_ms: i64,
    /// DURATION.
    pub duration: Option<Seconds>,
}

impl Media {
    pub(super) fn read(lines: &[(usize, Line<'_>)]) -> Result<Self> {
        let mut reader = Reader::default();
        for (number, line) in lines {
            match *line {
                Line::Uri(uri) => reader.uri(uri),
                Line::Tag(name, value) => reader.tag(name, value),
            }
            .with_context(|| format!("line {number}"))?;
        }
        reader.finish()
    }

    /// Returns the media sequence number of the first segment after the last complete one.
    pub fn next_msn(&self) -> u64 {
        self.media_sequence + self.skipped + self.segments.len() as u64
    }

    /// Returns where the next part will be: its segment's number and its place in it.
    pub fn next_part(&self) -> (u64, u64) {
        (self.next_msn(), self.open.as_ref().map_or(0, |open| open.parts.len() as u64))
    }
}

#[derive(Debug, Default)]
struct Reader {
    version: Option<u64>,
    target_duration_s: Option<u64>,
    media_sequence: Option<u64>,
    discontinuity_sequence: Option<u64>,
    part_target: Option<Seconds>,
    server_control: Option<ServerControl>,
    playlist_type: Option<String>,
    independent_segments: Option<bool>,
    skipped: Option<u64>,
    ended: Option<bool>,
    map: Option<Map>,
    segments: Vec<Segment>,
    open: Option<Segment>,
    hints: Vec<Hint>,
    reports: Vec<RenditionReport>,
    date_ranges: Vec<DateRange>,
}

impl Reader {
    /// Returns the segment whose tags are being read.
    fn open(&mut self) -> &mut Segment {
        let msn = self.media_sequence.unwrap_or(0) + self.skipped.unwrap_or(0) + self.segments.len() as u64;
        let map = self.map.clone();
        self.open.get_or_insert_with(|| Segment {
            uri: String::new(),
            duration: None,
            msn,
            map,
            map_stands_here: false,
            discontinuity: false,
            gap: false,
            pdt_ms: None,
            parts: Vec::new(),
        })
    }

    fn uri(&mut self, uri: &str) -> Result<()> {
        ensure!(self.hints.is_empty(), "a segment follows EXT-X-PRELOAD-HINT");
        let open = self.open();
        ensure!(open.duration.is_some(), "the URI {uri} has no EXTINF");
        uri.clone_into(&mut open.uri);
        self.segments.extend(self.open.take());
        Ok(())
    }

    fn tag(&mut self, name: &str, value: Option<&str>) -> Result<()> {
        match (name, value) {
            ("EXTINF", Some(value)) => self.extinf(value),
            ("EXT-X-PART", Some(value)) => self.part(value),
            ("EXT-X-MAP", Some(value)) => self.map(value),
            ("EXT-X-PROGRAM-DATE-TIME", Some(value)) => {
                let at = date_ms(value)?;
                once(&mut self.open().pdt_ms, at, name)
            }
            ("EXT-X-DISCONTINUITY", None) => {
                let open = self.open();
                ensure!(!open.discontinuity, "{name} appears twice before one segment");
                ensure!(open.parts.is_empty(), "{name} stands inside a segment");
                open.discontinuity = true;
                Ok(())
            }
            ("EXT-X-GAP", None) => {
                self.open().gap = true;
                Ok(())
            }
            ("EXT-X-PRELOAD-HINT", Some(value)) => hint(value).map(|hint| self.hints.push(hint)),
            ("EXT-X-RENDITION-REPORT", Some(value)) => report(value).map(|report| self.reports.push(report)),
            ("EXT-X-DATERANGE", Some(value)) => date_range(value).map(|range| self.date_ranges.push(range)),
            _ => self.playlist_tag(name, value),
        }
    }

    fn playlist_tag(&mut self, name: &str, value: Option<&str>) -> Result<()> {
        let early = self.segments.is_empty() && self.open.as_ref().is_none_or(|open| open.parts.is_empty());
        match (name, value) {
            ("EXT-X-ENDLIST", None) => once(&mut self.ended, true, name),
            ("EXT-X-VERSION", Some(value)) => once(&mut self.version, integer(value)?, name),
            ("EXT-X-TARGETDURATION", Some(value)) => once(&mut self.target_duration_s, integer(value)?, name),
            ("EXT-X-MEDIA-SEQUENCE", Some(value)) => {
                ensure!(early, "{name} follows the first segment");
                once(&mut self.media_sequence, integer(value)?, name)
            }
            ("EXT-X-DISCONTINUITY-SEQUENCE", Some(value)) => {
                ensure!(early, "{name} follows the first segment");
                once(&mut self.discontinuity_sequence, integer(value)?, name)
            }
            ("EXT-X-PLAYLIST-TYPE", Some(value)) => {
                ensure!(["EVENT", "VOD"].contains(&value), "{name}:{value}");
                once(&mut self.playlist_type, value.to_owned(), name)
            }
            ("EXT-X-INDEPENDENT-SEGMENTS", None) => once(&mut self.independent_segments, true, name),
            ("EXT-X-PART-INF", Some(value)) => {
                let target = Attributes::parse(value)?.seconds("PART-TARGET")?;
                once(&mut self.part_target, target.context("PART-TARGET is missing")?, name)
            }
            ("EXT-X-SERVER-CONTROL", Some(value)) => {
                once(&mut self.server_control, server_control(value)?, name)
            }
            ("EXT-X-SKIP", Some(value)) => {
                ensure!(early, "{name} follows the first segment");
                let skipped = Attributes::parse(value)?.integer("SKIPPED-SEGMENTS")?;
                once(&mut self.skipped, skipped.context("SKIPPED-SEGMENTS is missing")?, name)
            }
            ("EXT-X-START" | "EXT-X-DEFINE", Some(value)) => Attributes::parse(value).map(drop),
            _ => bail!("{name} ({value:?}) has no place in a media playlist"),
        }
    }

    fn extinf(&mut self, value: &str) -> Result<()> {
        let (duration, _title) = value.split_once(',').context("EXTINF has no comma")?;
        let duration = Seconds::parse(duration)?;
        once(&mut self.open().duration, duration, "EXTINF")
    }

    fn part(&mut self, value: &str) -> Result<()> {
        let attributes = Attributes::parse(value)?;
        let unknown = attributes.unknown(&["URI", "DURATION", "INDEPENDENT", "BYTERANGE", "GAP"]);
        ensure!(unknown.is_empty(), "unknown attributes {unknown:?}");
        let part = Part {
            uri: attributes.need_quoted("URI")?,
            duration: attributes.seconds("DURATION")?.context("DURATION is missing")?,
            independent: attributes.yes("INDEPENDENT")?,
            gap: attributes.yes("GAP")?,
        };
        let open = self.open();
        ensure!(open.duration.is_none(), "EXT-X-PART stands between EXTINF and its URI");
        open.parts.push(part);
        Ok(())
    }

    fn map(&mut self, value: &str) -> Result<()> {
        let uri = Attributes::parse(value)?.need_quoted("URI")?;
        self.map = Some(Map { uri });
        let map = self.map.clone();
        let open = self.open();
        ensure!(open.parts.is_empty(), "EXT-X-MAP stands inside a segment");
        open.map = map;
        open.map_stands_here = true;
        Ok(())
    }

    fn finish(self) -> Result<Media> {
        let skipped = self.skipped.unwrap_or(0);
        if let Some(open) = &self.open {
            ensure!(open.duration.is_none(), "the last EXTINF has no URI");
        }
        Ok(Media {
            version: self.version,
            target_duration_s: self.target_duration_s.context("EXT-X-TARGETDURATION is missing")?,
            media_sequence: self.media_sequence.unwrap_or(0),
            discontinuity_sequence: self.discontinuity_sequence.unwrap_or(0),
            part_target: self.part_target,
            server_control: self.server_control,
            playlist_type: self.playlist_type,
            independent_segments: self.independent_segments.unwrap_or(false),
            skipped,
            segments: self.segments,
            open: self.open,
            hints: self.hints,
            reports: self.reports,
            date_ranges: self.date_ranges,
            ended: self.ended.unwrap_or(false),
        })
    }
}

fn integer(text: &str) -> Result<u64> {
    ensure!(!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()), "{text:?} is no integer");
    text.parse().with_context(|| format!("read {text}"))
}

/// Reads an ISO 8601 date with a zone, as EXT-X-PROGRAM-DATE-TIME and START-DATE have it.
fn date_ms(text: &str) -> Result<i64> {
    let at: jiff::Timestamp = text.parse().with_context(|| format!("{text} is no date with a zone"))?;
    Ok(at.as_millisecond())
}

fn server_control(value: &str) -> Result<ServerControl> {
    let attributes = Attributes::parse(value)?;
    Ok(ServerControl {
        can_block_reload: attributes.yes("CAN-BLOCK-RELOAD")?,
        can_skip_until: attributes.seconds("CAN-SKIP-UNTIL")?,
        can_skip_dateranges: attributes.yes("CAN-SKIP-DATERANGES")?,
        hold_back: attributes.seconds("HOLD-BACK")?,
        part_hold_back: attributes.seconds("PART-HOLD-BACK")?,
    })
}

fn hint(value: &str) -> Result<Hint> {
    let attributes = Attributes::parse(value)?;
    let kind = attributes.bare("TYPE")?.context("TYPE is missing")?.to_owned();
    ensure!(["PART", "MAP"].contains(&kind.as_str()), "TYPE={kind}");
    Ok(Hint { kind, uri: attributes.need_quoted("URI")? })
}

fn report(value: &str) -> Result<RenditionReport> {
    let attributes = Attributes::parse(value)?;
    Ok(RenditionReport {
        uri: attributes.need_quoted("URI")?,
        last_msn: attributes.integer("LAST-MSN")?,
        last_part: attributes.integer("LAST-PART")?,
    })
}

fn date_range(value: &str) -> Result<DateRange> {
    let attributes = Attributes::parse(value)?;
    Ok(DateRange {
        id: attributes.need_quoted("ID")?,
        class: attributes.quoted("CLASS")?.map(str::to_owned),
        start_ms: date_ms(&attributes.need_quoted("START-DATE")?)?,
        duration: attributes.seconds("DURATION")?,
    })
}

#[cfg(test)]
mod tests;
