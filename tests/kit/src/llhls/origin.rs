//! A small origin for this client's own tests: one Opus track, two parts of 0.48 s per segment, and faults on demand.
//!
//! Time does not pass here: what is asked for with a blocking reload is published by the asking.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use mp4_atom::{
    Audio, Codec, Dops, Encode, FourCC, Ftyp, Mdat, Mdhd, Moof, Moov, Mvex, Mvhd, Opus, Tfdt, Tfhd, Traf,
};
use mp4_atom::{Trak, Trex, Trun, TrunSamples};

/// Frames of a part, 960 ticks of 1/48000 s each.
const FRAMES: u32 = 24;
/// Ticks of a part.
pub(super) const PART_TICKS: u64 = 24 * 960;
/// Segments after which the playlist ends.
const SEGMENTS: u64 = 8;

/// What is wrong with the origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// Nothing.
    None,
    /// A part begins later than the one before it ended.
    HoleInTime,
    /// A segment is not the sum of its parts.
    OtherSegment,
    /// A part holds fewer samples than its DURATION says.
    ShortPart,
    /// Media may not be cached for ever.
    Mutable,
    /// A blocking reload is answered at once with what was there before.
    Impatient,
    /// A delta skips one segment more than the player knows.
    SkipsTooMuch,
    /// A segment's name changes after it was listed.
    Renames,
    /// The media behind a URL changes.
    Rewrites,
}

/// A running origin; it ends with the test process.
pub(super) struct Origin {
    pub(super) url: String,
}

#[derive(Debug)]
struct State {
    fault: Fault,
    /// Parts published.
    parts: u64,
    requests: u64,
}

impl Origin {
    pub(super) fn start(fault: Fault) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/audio/index.m3u8", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(State { fault, parts: 5, requests: 0 }));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, state) = (stream.unwrap(), Arc::clone(&state));
                std::thread::spawn(move || answer(stream, &state));
            }
        });
        Self { url }
    }
}

fn answer(mut stream: TcpStream, state: &Mutex<State>) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
    let Some(Ok(first)) = lines.next() else { return };
    for line in lines.by_ref() {
        if line.unwrap().is_empty() {
            break;
        }
    }
    let target = first.split(' ').nth(1).unwrap();
    let mut state = state.lock().unwrap();
    state.requests += 1;
    let (body, is_media) = if target.contains("index.m3u8") {
        (playlist(&mut state, target).into_bytes(), false)
    } else {
        (media(&state, target.rsplit('/').next().unwrap()), true)
    };
    let cache =
        if is_media && state.fault != Fault::Mutable { "max-age=31536000, immutable" } else { "no-cache" };
    let kind = if is_media { "audio/mp4" } else { "application/vnd.apple.mpegurl" };
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncache-control: {cache}\r\netag: \"{}\"\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n",
        body.len(),
        body.len(),
    );
    // The client may have gone; then nobody misses the answer.
    drop(stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body)));
}

fn directive(target: &str, name: &str) -> Option<u64> {
    target.split(['?', '&']).find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=')?.parse().ok())
}

fn playlist(state: &mut State, target: &str) -> String {
    if let (Some(msn), Some(part)) = (directive(target, "_HLS_msn"), directive(target, "_HLS_part"))
        && state.fault != Fault::Impatient
    {
        state.parts = state.parts.max(2 * msn + part + 1).min(2 * SEGMENTS);
    }
    let complete = state.parts / 2;
    let ended = complete == SEGMENTS;
    let skip = if target.contains("_HLS_skip=YES") && complete > 3 && !ended { complete - 3 } else { 0 };
    let told = if skip > 0 && state.fault == Fault::SkipsTooMuch { skip + 4 } else { skip };
    let mut text = "#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-TARGETDURATION:1\n#EXT-X-PART-INF:PART-TARGET=0.48\n\
        #EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=1.44,CAN-SKIP-UNTIL=6\n#EXT-X-MEDIA-SEQUENCE:0\n"
        .to_owned();
    text += &if skip > 0 {
        format!("#EXT-X-SKIP:SKIPPED-SEGMENTS={told}\n")
    } else {
        "#EXT-X-MAP:URI=\"init.mp4\"\n#EXT-X-PROGRAM-DATE-TIME:2026-11-22T10:00:00Z\n".to_owned()
    };
    for number in skip..complete {
        if number + 3 >= complete {
            text += &part_line(number, 0);
            text += &part_line(number, 1);
        }
        let renamed = state.fault == Fault::Renames && number == 1 && complete > 5;
        let name = if renamed { "other".to_owned() } else { number.to_string() };
        text += &format!("#EXTINF:0.96,\n{name}.m4s\n");
    }
    if ended {
        return text + "#EXT-X-ENDLIST\n";
    }
    if state.parts % 2 == 1 {
        text += &part_line(complete, 0);
    }
    text + &format!("#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"{complete}.{}.m4s\"\n", state.parts % 2)
}

fn part_line(segment: u64, part: u64) -> String {
    format!("#EXT-X-PART:DURATION=0.48,URI=\"{segment}.{part}.m4s\",INDEPENDENT=YES\n")
}

fn media(state: &State, name: &str) -> Vec<u8> {
    if name == "init.mp4" {
        return init();
    }
    let numbers: Vec<u64> = name.split('.').filter_map(|number| number.parse().ok()).collect();
    match numbers.as_slice() {
        [segment, part] => chunk(state, 2 * segment + part),
        [segment] => {
            let mut bytes = chunk(state, 2 * segment);
            bytes.extend(chunk(state, 2 * segment + 1));
            if state.fault == Fault::OtherSegment && *segment == 4 {
                *bytes.last_mut().unwrap() ^= 1;
            }
            bytes
        }
        _ => chunk(state, 2),
    }
}

fn chunk(state: &State, index: u64) -> Vec<u8> {
    let late = u64::from(state.fault == Fault::HoleInTime && index >= 9) * 960;
    let frames = if state.fault == Fault::ShortPart && index == 9 { FRAMES - 1 } else { FRAMES };
    let tfhd = Tfhd {
        track_id: 1,
        default_base_is_moof: true,
        default_sample_duration: Some(960),
        default_sample_size: Some(2),
        default_sample_flags: Some(0),
        ..Tfhd::default()
    };
    let samples = TrunSamples::Inherited { count: frames, first_flags: None };
    let traf = Traf {
        tfhd,
        tfdt: Some(Tfdt { base_media_decode_time: index * PART_TICKS + late }),
        trun: vec![Trun { data_offset: Some(0), samples }],
        ..Traf::default()
    };
    let mut bytes = Vec::new();
    Moof { traf: vec![traf], ..Moof::default() }.encode(&mut bytes).unwrap();
    let rewritten = state.fault == Fault::Rewrites && state.requests > 60;
    let fill = u8::try_from(index % 200).unwrap() + u8::from(rewritten);
    Mdat { data: vec![fill; usize::try_from(frames * 2).unwrap()] }.encode(&mut bytes).unwrap();
    bytes
}

fn init() -> Vec<u8> {
    let audio =
        Audio { data_reference_index: 1, channel_count: 1, sample_size: 16, sample_rate: 48_000.into() };
    let dops = Dops {
        output_channel_count: 1,
        pre_skip: 312,
        input_sample_rate: 48_000,
        output_gain: 0,
        channel_mapping: None,
    };
    let mut track = Trak::default();
    track.mdia.mdhd = Mdhd { timescale: 48_000, language: "und".to_owned(), ..Mdhd::default() };
    track.mdia.hdlr.handler = FourCC::new(b"soun");
    track.mdia.minf.stbl.stsd.codecs = vec![Codec::Opus(Opus { audio, dops, btrt: None })];
    let mvex = Mvex { trex: vec![Trex { track_id: 1, ..Trex::default() }], ..Mvex::default() };
    let mvhd = Mvhd { timescale: 48_000, ..Mvhd::default() };
    let moov = Moov { mvhd, mvex: Some(mvex), trak: vec![track], ..Moov::default() };
    let brand = FourCC::new(b"cmf2");
    let mut bytes = Vec::new();
    Ftyp { major_brand: brand, minor_version: 0, compatible_brands: vec![brand] }.encode(&mut bytes).unwrap();
    moov.encode(&mut bytes).unwrap();
    bytes
}
