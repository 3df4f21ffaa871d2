//! Media made up for tests and fault runs: real boxes with noise inside. Nothing here can be heard or seen.

use model::{Media, Part, PartIndex, Ticks, Timescale, Track, TrackName};
use mp4_atom::{Encode, Mfhd, Moof, Tfdt, Tfhd, Traf, Trex, Trun, TrunEntry};

/// Ticks of one sample: an AAC frame.
pub const SAMPLE_TICKS: u32 = 1024;

/// Returns an audio track at 48 kHz of this name.
///
/// # Panics
/// Never: 48 000 is not zero.
#[expect(clippy::expect_used, reason = "48 000 is not zero")]
pub fn track(name: &TrackName) -> Track {
    Track {
        name: name.clone(),
        media: Media::Audio { sample_rate_hz: 48_000, channels: 2 },
        codec: "mp4a.40.2".to_owned(),
        timescale: Timescale::new(48_000).expect("48 000 is not zero"),
        bitrate_bps: 96_000,
        part_ticks_max: 24 * SAMPLE_TICKS,
        segment_ticks_max: 95 * SAMPLE_TICKS,
    }
}

/// Returns a stand-in for an init segment: `ftyp` and a `moov` that holds only the defaults of samples.
///
/// Different seeds give different bytes.
pub fn init(seed: u64) -> Vec<u8> {
    let trex = Trex {
        track_id: 1,
        default_sample_description_index: 1,
        default_sample_duration: SAMPLE_TICKS,
        default_sample_size: 0,
        default_sample_flags: 0,
    };
    let mvex = boxed(b"mvex", &encoded(&trex));
    let mut bytes = boxed(b"ftyp", b"cmf2\0\0\0\0iso6cmfc");
    bytes.extend(boxed(b"moov", &[mvex, boxed(b"free", &seed.to_be_bytes())].concat()));
    bytes
}

/// Returns a part of `samples` samples that begins at `start`, and its bytes; the same arguments give the same bytes.
///
/// The first part of a segment begins with `styp`. `samples` and `payload_bytes` count from 1.
pub fn part(index: PartIndex, start: Ticks, samples: u32, payload_bytes: u32, seed: u64) -> (Part, Vec<u8>) {
    let samples = samples.max(1);
    let size = (payload_bytes / samples).max(1);
    let independent = index.0 == 0 || seed.is_multiple_of(2);
    let flags = if independent { 0x0200_0000 } else { 0x0101_0000 };
    let entry = |at: u32| TrunEntry {
        duration: None,
        size: Some(size),
        flags: Some(if at == 0 { flags } else { 0x0101_0000 }),
        cts: None,
    };
    let moof = Moof {
        mfhd: Mfhd { sequence_number: index.0 + 1 },
        traf: vec![Traf {
            tfhd: Tfhd { track_id: 1, default_base_is_moof: true, ..Tfhd::default() },
            tfdt: Some(Tfdt { base_media_decode_time: start.0 }),
            trun: vec![Trun {
                data_offset: Some(0),
                samples: (0..samples).map(entry).collect::<Vec<_>>().into(),
            }],
            ..Traf::default()
        }],
    };
    let mut bytes = if index.0 == 0 { boxed(b"styp", b"msdh\0\0\0\0msdhmsix") } else { Vec::new() };
    bytes.extend(encoded(&moof));
    bytes.extend(boxed(b"mdat", &noise(seed, size as usize * samples as usize)));
    let part = Part {
        index,
        start,
        duration: Ticks(u64::from(samples) * u64::from(SAMPLE_TICKS)),
        samples,
        independent,
        bytes: u32::try_from(bytes.len()).unwrap_or(u32::MAX),
    };
    (part, bytes)
}

/// Returns bytes that look random and depend on nothing but `seed`.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    blake3::Hasher::new().update(&seed.to_be_bytes()).finalize_xof().fill(&mut bytes);
    bytes
}

fn boxed(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 8).unwrap_or(u32::MAX);
    [&length.to_be_bytes()[..], kind, body].concat()
}

#[expect(clippy::expect_used, reason = "writing to a Vec cannot fail, and every field is in range")]
fn encoded(atom: &impl Encode) -> Vec<u8> {
    let mut bytes = Vec::new();
    atom.encode(&mut bytes).expect("an atom in memory can be encoded");
    bytes
}
