//! What every worker records: made from a seed, so that the judge knows each byte without being told.

use cache::synthetic;
use model::{
    BootId, Gap, GapCause, MediaTime, MonoTime, Part, PartIndex, Run, RunNumber, SegmentKey, SegmentNumber,
    Session, SessionId, SessionState, Ticks, Title, TrackName, WallTime,
};

/// Track names: one of small parts, one of large ones.
pub(crate) const TRACKS: [&str; 2] = ["audio", "720p"];

/// Parts of a segment.
pub(crate) const PARTS: u32 = 4;

/// Segments that a worker records before it ends by itself.
pub(crate) const SEGMENTS: u64 = 24;

/// AAC frames in a part.
const SAMPLES: u32 = 24;

/// Numbers that look random (splitmix64).
#[derive(Debug, Clone)]
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.roll() % bound
    }
}

/// Which of a seed's sessions: the lecture, or one that is deleted again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    Lecture,
    /// Numbered by the run and the segment after which it is made.
    Throwaway(u32, u8),
}

pub(crate) fn session(seed: u64, which: Which) -> Result<Session, String> {
    let mut random = [0; 10];
    random[..8].copy_from_slice(&seed.to_be_bytes());
    if let Which::Throwaway(run, number) = which {
        random[8] = 1 + u8::try_from(run).map_err(|_| "too many runs".to_owned())?;
        random[9] = number;
    }
    let started = WallTime::from_unix_ms(1_795_000_000_000);
    Ok(Session {
        id: SessionId::new(started, random),
        title: Title::new("Sense and Sensibility").map_err(|why| why.to_string())?,
        state: SessionState::Live,
        started,
        end: MediaTime::ZERO,
    })
}

pub(crate) fn run(number: u32) -> Run {
    Run {
        number: RunNumber(number),
        origin: MediaTime::from_millis(u64::from(number) * 1_000_000),
        anchor: WallTime::from_unix_ms(1_795_000_000_000),
        mono: MonoTime::from_nanos(7),
        boot: BootId::UNKNOWN,
    }
}

pub(crate) fn gap(number: u32) -> Gap {
    let to = run(number).origin;
    Gap { from: MediaTime::from_nanos(to.as_nanos() - 1_000), to, track: None, cause: GapCause::Restart }
}

pub(crate) fn track_name(index: usize) -> Result<TrackName, String> {
    TRACKS[index].parse().map_err(|why: model::track::NotATrackName| why.to_string())
}

pub(crate) fn init(session: SessionId, track: usize, run: u32) -> Vec<u8> {
    synthetic::init(mix(session, [track as u64, u64::from(run), 0, 0]))
}

pub(crate) fn key(run: u32, number: u64) -> SegmentKey {
    SegmentKey { run: RunNumber(run), number: SegmentNumber(number) }
}

/// Returns a part and its bytes.
pub(crate) fn part(session: SessionId, track: usize, key: SegmentKey, index: u32) -> (Part, Vec<u8>) {
    let ticks = u64::from(SAMPLES * synthetic::SAMPLE_TICKS);
    let begin = u64::from(key.run.0) * 48_000_000;
    let start = begin + (key.number.0 * u64::from(PARTS) + u64::from(index)) * ticks;
    let mut dice = Dice(mix(session, [track as u64, u64::from(key.run.0), key.number.0, u64::from(index)]));
    let bytes = if track == 0 { 6_000 } else { 40_000 };
    let payload = bytes / 2 + u32::try_from(dice.below(bytes.into())).unwrap_or(0);
    synthetic::part(PartIndex(index), Ticks(start), SAMPLES, payload, dice.roll())
}

fn mix(session: SessionId, numbers: [u64; 4]) -> u64 {
    let text = session.to_string();
    let seed = text.bytes().fold(1_u64, |seed, byte| Dice(seed ^ u64::from(byte)).roll());
    numbers.into_iter().fold(seed, |seed, number| Dice(seed ^ number).roll())
}
