//! What must hold for every recording: it plays everywhere, nothing is missing, and it is as loud as promised.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use testkit::fragment::Kind;
use testkit::llhls::{Goal, Session, Track};
use testkit::probe::{Sound, decode, gst_plays, lag, pcm};
use testkit::speech::score::ONE_LEVEL_LU;
use testkit::speech::{Bars, RATE_HZ, Score};
use testkit::talk::Talk;

/// How long a decoder may take for a recording of a minute or two, under load.
const DECODE_WITHIN: Duration = Duration::from_secs(90);
/// Samples of one AAC frame.
pub const AAC_FRAME: usize = 1024;
/// Samples between a run's origin and the first one that is captured (docs/decisions/capture-leader.md).
pub const LEADER: usize = 3200;
/// What decoded sound must not exceed, dBTP.
const DECODED_PEAK_DBTP: f64 = -1.0;

/// Loads a whole ended session.
///
/// # Errors
/// It cannot be loaded, or does not end.
pub fn load(url: &str) -> Result<Session> {
    let mut session = Session::open(url)?;
    session.follow(&Goal::Ended, Duration::from_secs(60))?;
    Ok(session)
}

/// Plays every rendition, and the whole, in ffmpeg and GStreamer: no complaint, every picture and sample there.
///
/// # Errors
/// A player complains or misses something.
pub fn plays_everywhere(session: &Session, url: &str) -> Result<()> {
    for track in &session.tracks {
        let decoded = decode(track.url(), DECODE_WITHIN)?;
        ensure!(decoded.complaints.is_empty(), "ffmpeg on {}: {:#?}", track.url(), decoded.complaints);
        let samples: u64 = track.fetched.segments.values().map(|segment| segment.samples).sum();
        if is_video(track) {
            ensure!(decoded.frames == samples, "{} of {samples} pictures in {}", decoded.frames, track.url());
        }
        let buffers = gst_plays(track.url(), 1, DECODE_WITHIN)?;
        let decoded = buffers.first().copied().unwrap_or(0) as u64;
        // A decoder may keep the first AAC frame for itself: it only primes.
        ensure!(decoded + 1 >= samples, "GStreamer decoded {decoded} of {samples} in {}", track.url());
    }
    let whole = decode(url, DECODE_WITHIN)?;
    ensure!(whole.complaints.is_empty(), "ffmpeg on {url}: {:#?}", whole.complaints);
    let streams = if session.tracks.iter().any(is_video) { 2 } else { 1 };
    let buffers = gst_plays(url, streams, DECODE_WITHIN)?;
    ensure!(buffers.iter().all(|count| *count > 10), "GStreamer on {url} decoded {buffers:?}");
    Ok(())
}

/// Returns whether a track carries pictures.
pub fn is_video(track: &Track) -> bool {
    track.fetched.inits.values().any(|(init, _)| matches!(init.kind, Kind::Video { .. }))
}

/// Decodes the audio rendition.
///
/// # Errors
/// ffmpeg complains.
pub fn sound(session: &Session) -> Result<Sound> {
    pcm(session.track("audio")?.url(), RATE_HZ, 2, DECODE_WITHIN)
}

/// Checks that every sample of the talk is in the recording, in its place from the beginning to the end.
///
/// # Errors
/// Something is missing, added or shifted.
pub fn holds_every_sample(session: &Session, talk: &Talk, sound: &Sound) -> Result<()> {
    let frames = talk.programme.samples.len() / 2;
    let audio = session.track("audio")?;
    let coded: u64 = audio.fetched.segments.values().map(|segment| segment.samples).sum();
    let coded = usize::try_from(coded)? * AAC_FRAME;
    let frames_with_leader = LEADER + frames;
    ensure!(
        (frames_with_leader..=frames_with_leader + 3 * AAC_FRAME).contains(&coded),
        "{coded} samples recorded of {frames}"
    );
    let heard: Vec<f32> = sound.samples.iter().step_by(2).skip(LEADER).copied().collect();
    let said = talk.mono();
    let second = usize::try_from(RATE_HZ)?;
    let places = [2 * second, frames / 2, frames.saturating_sub(4 * second)];
    let mut lags = Vec::new();
    for at in places {
        let (lag, strength) = lag(&said, &heard, at, second, second / 20)?;
        // A gain that moves and a high-pass that turns phases keep the match from being perfect, not from being there.
        ensure!(strength > 0.5, "at sample {at} the recording does not resemble the talk ({strength:.2})");
        lags.push(lag);
    }
    let spread = lags.iter().max().zip(lags.iter().min()).map_or(0, |(most, least)| most - least);
    ensure!(spread == 0, "the recording drifts against the talk: {lags:?} samples");
    // Two frames: what AAC primes with, if a player does not take it off.
    ensure!(
        lags.iter().all(|lag| lag.unsigned_abs() <= 2 * AAC_FRAME),
        "the sound is late by {lags:?} samples"
    );
    Ok(())
}

/// Checks the loudness of what attendees get against the bars.
///
/// # Errors
/// A bar is missed.
pub fn is_as_loud_as_promised(talk: &Talk, sound: &Sound, target_lufs: f64) -> Result<()> {
    let heard: Vec<f32> = sound.samples.iter().step_by(2).copied().collect();
    let at = usize::try_from(RATE_HZ)? * 2;
    let (lag, _) = lag(&talk.mono(), &heard, at, at, at / 20).context("align the recording with the talk")?;
    let skip = usize::try_from(lag.max(0))? * 2;
    let aligned = sound.samples.get(skip..).context("the recording is shorter than its delay")?;
    let length = talk.programme.samples.len().min(aligned.len());
    let score = Score::of(&talk.programme, aligned.get(..length).unwrap_or_default(), target_lufs)?;
    let bars = Bars { level_lu: ONE_LEVEL_LU, ..Bars::default() };
    let missed = score.missed(&bars, target_lufs, DECODED_PEAK_DBTP);
    ensure!(missed.is_empty(), "{missed:#?}\n{score:#?}");
    Ok(())
}
