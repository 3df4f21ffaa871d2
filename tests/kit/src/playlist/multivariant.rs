//! Multivariant playlists (RFC 8216bis, section 4.4.6).

use anyhow::{Context, Result, bail, ensure};

use super::attributes::Attributes;
use super::{Line, once};

/// A playlist of renditions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Multivariant {
    /// EXT-X-VERSION.
    pub version: Option<u64>,
    /// EXT-X-INDEPENDENT-SEGMENTS.
    pub independent_segments: bool,
    /// EXT-X-STREAM-INF with its URI.
    pub variants: Vec<Variant>,
    /// EXT-X-MEDIA.
    pub renditions: Vec<Rendition>,
}

/// One EXT-X-STREAM-INF.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variant {
    /// Its media playlist.
    pub uri: String,
    /// BANDWIDTH, bit/s.
    pub bandwidth_bps: u64,
    /// CODECS, split at the commas.
    pub codecs: Vec<String>,
    /// RESOLUTION, pixels.
    pub resolution: Option<(u64, u64)>,
    /// FRAME-RATE as it was written.
    pub frame_rate: Option<String>,
    /// AUDIO: a group of renditions.
    pub audio: Option<String>,
}

/// One EXT-X-MEDIA.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendition {
    /// TYPE.
    pub kind: String,
    /// GROUP-ID.
    pub group: String,
    /// NAME.
    pub name: String,
    /// URI.
    pub uri: Option<String>,
    /// DEFAULT.
    pub default: bool,
    /// AUTOSELECT.
    pub autoselect: bool,
    /// CHANNELS.
    pub channels: Option<String>,
}

impl Multivariant {
    pub(super) fn read(lines: &[(usize, Line<'_>)]) -> Result<Self> {
        let mut version = None;
        let mut independent_segments = None;
        let mut found =
            Self { version: None, independent_segments: false, variants: Vec::new(), renditions: Vec::new() };
        let mut open: Option<Attributes> = None;
        for (number, line) in lines {
            let read = match *line {
                Line::Uri(uri) => match open.take() {
                    Some(attributes) => variant(&attributes, uri).map(|variant| found.variants.push(variant)),
                    None => bail!("line {number}: a URI without EXT-X-STREAM-INF: {uri}"),
                },
                Line::Tag(name, _) if open.is_some() => {
                    bail!("{name} stands between EXT-X-STREAM-INF and its URI")
                }
                Line::Tag("EXT-X-STREAM-INF", Some(value)) => {
                    Attributes::parse(value).map(|attributes| open = Some(attributes))
                }
                Line::Tag("EXT-X-MEDIA", Some(value)) => {
                    rendition(value).map(|rendition| found.renditions.push(rendition))
                }
                Line::Tag("EXT-X-VERSION", Some(value)) => {
                    once(&mut version, value.parse::<u64>()?, "EXT-X-VERSION")
                }
                Line::Tag("EXT-X-INDEPENDENT-SEGMENTS", None) => {
                    once(&mut independent_segments, true, "EXT-X-INDEPENDENT-SEGMENTS")
                }
                Line::Tag("EXT-X-START" | "EXT-X-SESSION-DATA" | "EXT-X-DEFINE", Some(value)) => {
                    Attributes::parse(value).map(drop)
                }
                Line::Tag(name, value) => bail!("{name} ({value:?}) has no place in a multivariant playlist"),
            };
            read.with_context(|| format!("line {number}"))?;
        }
        ensure!(open.is_none(), "the last EXT-X-STREAM-INF has no URI");
        ensure!(!found.variants.is_empty(), "no EXT-X-STREAM-INF");
        found.version = version;
        found.independent_segments = independent_segments.unwrap_or(false);
        found.check_groups()?;
        Ok(found)
    }

    fn check_groups(&self) -> Result<()> {
        for variant in &self.variants {
            if let Some(group) = &variant.audio {
                let known =
                    self.renditions.iter().any(|media| media.kind == "AUDIO" && media.group == *group);
                ensure!(known, "{} names the audio group {group}, which does not exist", variant.uri);
            }
        }
        for (index, media) in self.renditions.iter().enumerate() {
            let rest = self.renditions.iter().skip(index + 1);
            let same_group = rest.filter(|other| other.kind == media.kind && other.group == media.group);
            for other in same_group {
                ensure!(other.name != media.name, "{} appears twice in group {}", media.name, media.group);
                ensure!(!(other.default && media.default), "group {} has two defaults", media.group);
            }
        }
        Ok(())
    }

    /// Returns the URI of every media playlist, each once.
    pub fn media_uris(&self) -> Vec<&str> {
        let variants = self.variants.iter().map(|variant| variant.uri.as_str());
        let renditions = self.renditions.iter().filter_map(|media| media.uri.as_deref());
        let mut found: Vec<&str> = Vec::new();
        for uri in variants.chain(renditions) {
            if !found.contains(&uri) {
                found.push(uri);
            }
        }
        found
    }
}

fn variant(attributes: &Attributes, uri: &str) -> Result<Variant> {
    let known = [
        "BANDWIDTH",
        "AVERAGE-BANDWIDTH",
        "SCORE",
        "CODECS",
        "SUPPLEMENTAL-CODECS",
        "RESOLUTION",
        "FRAME-RATE",
        "HDCP-LEVEL",
        "VIDEO-RANGE",
        "STABLE-VARIANT-ID",
        "AUDIO",
        "VIDEO",
        "SUBTITLES",
        "CLOSED-CAPTIONS",
        "PATHWAY-ID",
        "NAME",
    ];
    let unknown = attributes.unknown(&known);
    ensure!(unknown.is_empty(), "unknown attributes {unknown:?}");
    let resolution = match attributes.bare("RESOLUTION")? {
        None => None,
        Some(text) => {
            let (width, height) = text.split_once('x').with_context(|| format!("RESOLUTION={text}"))?;
            Some((width.parse()?, height.parse()?))
        }
    };
    Ok(Variant {
        uri: uri.to_owned(),
        bandwidth_bps: attributes.integer("BANDWIDTH")?.context("BANDWIDTH is missing")?,
        codecs: attributes
            .quoted("CODECS")?
            .map_or_else(Vec::new, |list| list.split(',').map(|codec| codec.trim().to_owned()).collect()),
        resolution,
        frame_rate: attributes.bare("FRAME-RATE")?.map(str::to_owned),
        audio: attributes.quoted("AUDIO")?.map(str::to_owned),
    })
}

fn rendition(value: &str) -> Result<Rendition> {
    let attributes = Attributes::parse(value)?;
    let kind = attributes.bare("TYPE")?.context("TYPE is missing")?.to_owned();
    ensure!(["AUDIO", "VIDEO", "SUBTITLES", "CLOSED-CAPTIONS"].contains(&kind.as_str()), "TYPE={kind}");
    let found = Rendition {
        kind,
        group: attributes.need_quoted("GROUP-ID")?,
        name: attributes.need_quoted("NAME")?,
        uri: attributes.quoted("URI")?.map(str::to_owned),
        default: attributes.yes("DEFAULT")?,
        autoselect: attributes.yes("AUTOSELECT")?,
        channels: attributes.quoted("CHANNELS")?.map(str::to_owned),
    };
    let autoselect_is_no = attributes.bare("AUTOSELECT")? == Some("NO");
    ensure!(!(found.default && autoselect_is_no), "DEFAULT=YES with AUTOSELECT=NO");
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = concat!(
        "#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-INDEPENDENT-SEGMENTS\n",
        "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"AAC\",DEFAULT=YES,AUTOSELECT=YES,URI=\"audio/index.m3u8\"\n",
        "#EXT-X-STREAM-INF:BANDWIDTH=2000000,CODECS=\"avc1.4d401f,mp4a.40.2\",RESOLUTION=1280x720,AUDIO=\"a\"\n",
        "720p/index.m3u8\n",
    );

    #[test]
    fn a_good_playlist_names_each_media_playlist_once() {
        let read = Multivariant::parse(GOOD).unwrap();
        assert_eq!(read.media_uris(), ["720p/index.m3u8", "audio/index.m3u8"]);
        assert_eq!(read.variants[0].codecs, ["avc1.4d401f", "mp4a.40.2"]);
        assert_eq!(read.variants[0].resolution, Some((1280, 720)));
    }

    fn check_refused(from: &str, to: &str) {
        assert!(GOOD.contains(from));
        assert!(Multivariant::parse(&GOOD.replace(from, to)).is_err(), "{to}");
    }

    #[test]
    fn what_the_draft_forbids_is_refused() {
        check_refused("AUDIO=\"a\"", "AUDIO=\"b\"");
        check_refused("BANDWIDTH=2000000,", "");
        check_refused("TYPE=AUDIO", "TYPE=SOUND");
        check_refused("720p/index.m3u8\n", "");
        check_refused("#EXT-X-INDEPENDENT-SEGMENTS\n", "#EXT-X-TARGETDURATION:2\n");
        check_refused("NAME=\"AAC\"", "NAME=AAC");
    }
}
