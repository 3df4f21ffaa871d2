//! Reads the CMAF pieces that travel: init segments and chunks (ISO/IEC 14496-12, ISO/IEC 23000-19).

use anyhow::{Context, Result, bail, ensure};
use mp4_atom::{Any, Codec, DecodeMaybe, Moof, Trak, Trex};

/// Flag of a sample that is no sync sample (ISO/IEC 14496-12, section 8.8.3.1).
const SAMPLE_IS_NON_SYNC: u32 = 0x0001_0000;

/// What an init segment says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Init {
    /// Ticks per second.
    pub timescale: u32,
    /// The codec as RFC 6381 writes it.
    pub codec: String,
    /// Sound or picture.
    pub kind: Kind,
    /// Defaults for samples: duration, size, flags.
    defaults: (u32, u32, u32),
}

/// What a track carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Sound.
    Audio {
        /// Samples per second.
        rate_hz: u32,
        /// Channels.
        channels: u16,
    },
    /// Picture.
    Video {
        /// Width in pixels.
        width: u16,
        /// Height in pixels.
        height: u16,
    },
}

/// A `moof` with its `mdat`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// Whether `styp` stands before it.
    pub styp: bool,
    /// Decode time of its first sample (`tfdt`), ticks.
    pub start: u64,
    /// Its samples.
    pub samples: Vec<Sample>,
}

/// One sample: a picture or an audio frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// Ticks.
    pub duration: u32,
    /// Bytes.
    pub size: u32,
    /// Whether decoding can begin here.
    pub sync: bool,
    /// Composition offset, ticks.
    pub composition_offset: i64,
}

impl Chunk {
    /// Returns the sum of its samples' durations, ticks.
    pub fn duration(&self) -> u64 {
        self.samples.iter().map(|sample| u64::from(sample.duration)).sum()
    }
}

/// Reads all boxes of `bytes`.
fn boxes(bytes: &[u8]) -> Result<Vec<Any>> {
    let mut rest = bytes;
    let mut found = Vec::new();
    while !rest.is_empty() {
        match Any::decode_maybe(&mut rest).context("read a box")? {
            Some(found_box) => found.push(found_box),
            None => bail!("the last box is cut: {} bytes are left", rest.len()),
        }
    }
    Ok(found)
}

/// Reads an init segment.
///
/// # Errors
/// It is none, or holds other than one track.
pub fn init(bytes: &[u8]) -> Result<Init> {
    let boxes = boxes(bytes)?;
    ensure!(matches!(boxes.first(), Some(Any::Ftyp(_))), "no ftyp at the start");
    let moov = boxes.iter().find_map(|any| if let Any::Moov(moov) = any { Some(moov) } else { None });
    let moov = moov.context("no moov")?;
    let [track] = moov.trak.as_slice() else { bail!("{} tracks where one is due", moov.trak.len()) };
    let trex = moov.mvex.as_ref().and_then(|mvex| mvex.trex.first()).context("no trex: not fragmented")?;
    describe(track, trex)
}

fn describe(track: &Trak, trex: &Trex) -> Result<Init> {
    let entries = &track.mdia.minf.stbl.stsd.codecs;
    let [entry] = entries.as_slice() else { bail!("{} sample entries where one is due", entries.len()) };
    let (codec, kind) = match entry {
        Codec::Avc1(avc) => {
            let avcc = &avc.avcc;
            let profile = avcc.avc_profile_indication;
            let codec = format!(
                "avc1.{profile:02x}{:02x}{:02x}",
                avcc.profile_compatibility, avcc.avc_level_indication
            );
            (codec, Kind::Video { width: avc.visual.width, height: avc.visual.height })
        }
        Codec::Mp4a(aac) => {
            let specific = aac.esds.es_desc.dec_config.dec_specific.as_ref();
            let object_type = specific.context("the AAC sample entry has no AudioSpecificConfig")?.profile;
            let kind = Kind::Audio {
                rate_hz: u32::from(aac.audio.sample_rate.integer()),
                channels: aac.audio.channel_count,
            };
            (format!("mp4a.40.{object_type}"), kind)
        }
        Codec::Opus(opus) => {
            let kind = Kind::Audio {
                rate_hz: u32::from(opus.audio.sample_rate.integer()),
                channels: opus.audio.channel_count,
            };
            ("opus".to_owned(), kind)
        }
        other => bail!("a codec that Lectern does not make: {other:?}"),
    };
    Ok(Init {
        timescale: track.mdia.mdhd.timescale,
        codec,
        kind,
        defaults: (trex.default_sample_duration, trex.default_sample_size, trex.default_sample_flags),
    })
}

/// Reads the chunks of a part or a segment.
///
/// # Errors
/// A box is broken, something other than `styp`, `moof` and `mdat` of one track is in it, or sizes do not agree.
pub fn chunks(bytes: &[u8], init: &Init) -> Result<Vec<Chunk>> {
    let mut found = Vec::new();
    let mut styp = false;
    let mut open: Option<Chunk> = None;
    for any in boxes(bytes)? {
        match any {
            Any::Styp(_) => styp = true,
            Any::Prft(_) | Any::Emsg(_) | Any::Sidx(_) => {}
            Any::Moof(moof) => {
                ensure!(open.is_none(), "a moof without mdat");
                open = Some(chunk(&moof, styp, init)?);
                styp = false;
            }
            Any::Mdat(mdat) => {
                let chunk = open.take().context("an mdat without moof")?;
                let expected: u64 = chunk.samples.iter().map(|sample| u64::from(sample.size)).sum();
                let held = mdat.data.len() as u64;
                ensure!(held == expected, "mdat holds {held} bytes, its samples need {expected}");
                found.push(chunk);
            }
            other => bail!("{:?} has no place in a chunk", other.kind()),
        }
    }
    ensure!(open.is_none(), "the last moof has no mdat");
    ensure!(!found.is_empty(), "no chunk at all");
    Ok(found)
}

fn chunk(moof: &Moof, styp: bool, init: &Init) -> Result<Chunk> {
    let [traf] = moof.traf.as_slice() else { bail!("{} tracks in a moof", moof.traf.len()) };
    ensure!(traf.tfhd.default_base_is_moof, "default-base-is-moof is not set: the chunk cannot move");
    let start = traf.tfdt.as_ref().context("no tfdt")?.base_media_decode_time;
    let (duration, size, flags) = init.defaults;
    let duration = traf.tfhd.default_sample_duration.unwrap_or(duration);
    let size = traf.tfhd.default_sample_size.unwrap_or(size);
    let flags = traf.tfhd.default_sample_flags.unwrap_or(flags);
    let mut samples = Vec::new();
    for run in &traf.trun {
        for entry in &run.samples {
            samples.push(Sample {
                duration: entry.duration.unwrap_or(duration),
                size: entry.size.unwrap_or(size),
                sync: entry.flags.unwrap_or(flags) & SAMPLE_IS_NON_SYNC == 0,
                composition_offset: entry.cts.unwrap_or(0),
            });
        }
    }
    ensure!(!samples.is_empty(), "a moof without samples");
    Ok(Chunk { styp, start, samples })
}
