//! Programmes: stretches of speech at labelled levels, with pauses and a room.

use std::path::Path;

use super::{
    CHANNELS, RATE_HZ,
    clips::{Clips, write_wav},
    dice::Dice,
    noise::{Room, pink},
    score,
};

/// Gap between two clips in seconds, within which speech does not pause for long.
const GAP_S: (f64, f64) = (0.15, 0.5);

/// Fade at the ends of clips in frames, 5 ms: a cut in the room noise must not click.
const FADE_FRAMES: usize = 240;

/// Frames from `start` up to `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// First frame.
    pub start: usize,
    /// Frame after the last.
    pub end: usize,
}

/// A stretch of speech at one level.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Level {
    /// Where it lies.
    pub span: Span,
    /// Gated loudness of the speech in LUFS, without the room.
    pub lufs: f64,
}

/// What a programme is made of.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Source of all chance.
    pub seed: u64,
    /// Loudness in LUFS and length in seconds of each level, without its pause.
    pub levels: Vec<(f64, f64)>,
    /// The room.
    pub room: Room,
    /// Length in seconds of a pause in the middle of every level; zero for none.
    pub pause_s: f64,
    /// Whether samples above full scale are clipped, as a converter does.
    pub clipped: bool,
}

impl Plan {
    /// Levels from -35 to -10 LUFS at random, 8 to 20 s each, every jump 1 LU or more.
    #[must_use]
    pub fn random(seed: u64, count: usize) -> Self {
        let mut dice = Dice::new(seed);
        let mut levels: Vec<(f64, f64)> = Vec::new();
        while levels.len() < count {
            let lufs = dice.between(-35.0, -10.0);
            if levels.last().is_none_or(|(before, _)| (before - lufs).abs() >= 1.0) {
                levels.push((lufs, dice.between(8.0, 20.0)));
            }
        }
        Self { seed, levels, room: Room::Fan(-60.0), pause_s: 0.0, clipped: true }
    }

    /// The widest jumps, up and down in turn: -35 to -10 LUFS and back.
    #[must_use]
    pub fn extreme(seed: u64, count: usize) -> Self {
        let mut dice = Dice::new(seed);
        let levels =
            (0..count).map(|n| (if n % 2 == 0 { -35.0 } else { -10.0 }, dice.between(8.0, 20.0))).collect();
        Self { levels, ..Self::random(seed, 0) }
    }

    /// Returns the plan in another room.
    #[must_use]
    pub fn room(self, room: Room) -> Self {
        Self { room, ..self }
    }

    /// Returns the plan with a pause in the middle of each level.
    #[must_use]
    pub fn pause_s(self, pause_s: f64) -> Self {
        Self { pause_s, ..self }
    }
}

/// Speech with known levels, interleaved stereo at 48 kHz.
#[derive(Debug, Clone)]
pub struct Programme {
    /// Interleaved samples.
    pub samples: Vec<f32>,
    /// The levels in order, without gaps between them.
    pub levels: Vec<Level>,
    /// The long pauses: nothing but the room.
    pub pauses: Vec<Span>,
}

impl Programme {
    /// Makes the programme of a plan.
    #[must_use]
    pub fn make(plan: &Plan, clips: &Clips) -> Self {
        let mut dice = Dice::new(plan.seed ^ 0x5eed);
        let mut mono = Vec::new();
        let (mut levels, mut pauses) = (Vec::new(), Vec::new());
        for &(lufs, seconds) in &plan.levels {
            let start = mono.len();
            let (mut speech, pause) = speak(clips, &mut dice, frames(seconds), frames(plan.pause_s));
            let natural_lufs = loudness_of(&speech);
            scale(&mut speech, lufs - natural_lufs);
            if let Room::Knob(below_lu) = plan.room {
                add_noise(&mut speech, dice.next(), lufs - below_lu);
            }
            pauses.extend(pause.map(|span| Span { start: span.start + start, end: span.end + start }));
            mono.append(&mut speech);
            levels.push(Level { span: Span { start, end: mono.len() }, lufs });
        }
        if let Room::Fan(noise_lufs) = plan.room {
            add_noise(&mut mono, dice.next(), noise_lufs);
        }
        if plan.clipped {
            mono.iter_mut().for_each(|sample| *sample = sample.clamp(-1.0, 1.0));
        }
        let samples = mono.iter().flat_map(|sample| [*sample; CHANNELS]).collect();
        Self { samples, levels, pauses }
    }

    /// Returns the interleaved samples of a span; less where the audio is shorter.
    #[must_use]
    pub fn cut(samples: &[f32], span: Span) -> &[f32] {
        let end = (span.end * CHANNELS).min(samples.len());
        &samples[(span.start * CHANNELS).min(end)..end]
    }

    /// Returns the length in seconds.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        (self.samples.len() / CHANNELS) as f64 / f64::from(RATE_HZ)
    }

    /// Writes the programme as a WAV file.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn write(&self, path: &Path) -> anyhow::Result<()> {
        write_wav(path, &self.samples)
    }
}

/// Returns mono speech of a length, with a pause in its middle.
fn speak(clips: &Clips, dice: &mut Dice, length: usize, pause: usize) -> (Vec<f32>, Option<Span>) {
    let mut speech: Vec<f32> = Vec::with_capacity(length);
    let mut paused: Option<Span> = None;
    while speech.len() < length + paused.map_or(0, |_| pause) {
        if pause > 0 && paused.is_none() && speech.len() > length / 2 {
            let start = speech.len();
            speech.resize(start + pause, 0.0);
            paused = Some(Span { start, end: start + pause });
        }
        let clip = &clips.clips[dice.index(clips.clips.len())].samples;
        let last = clip.len().saturating_sub(1);
        speech.extend(clip.iter().enumerate().map(|(n, sample)| {
            let edge = n.min(last - n).min(FADE_FRAMES);
            sample * edge as f32 / FADE_FRAMES as f32
        }));
        let gap = frames(dice.between(GAP_S.0, GAP_S.1));
        speech.resize(speech.len() + gap, 0.0);
    }
    speech.truncate(length + paused.map_or(0, |span| span.end - span.start));
    (speech, paused)
}

pub(crate) fn loudness_of(mono: &[f32]) -> f64 {
    let stereo: Vec<f32> = mono.iter().flat_map(|sample| [*sample; CHANNELS]).collect();
    score::integrated_lufs(&stereo).unwrap_or(-70.0)
}

pub(crate) fn scale(mono: &mut [f32], gain_db: f64) {
    let factor = narrow(10f64.powf(gain_db / 20.0));
    mono.iter_mut().for_each(|sample| *sample *= factor);
}

fn add_noise(mono: &mut [f32], seed: u64, noise_lufs: f64) {
    let mut noise = pink(seed, mono.len().max(frames(1.0)));
    let gain_db = noise_lufs - loudness_of(&noise);
    scale(&mut noise, gain_db);
    mono.iter_mut().zip(noise).for_each(|(sample, noise)| *sample += noise);
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "lengths are short and positive")]
fn frames(seconds: f64) -> usize {
    (seconds * f64::from(RATE_HZ)).round() as usize
}

#[expect(clippy::cast_possible_truncation, reason = "rounding to f32 is the purpose")]
fn narrow(value: f64) -> f32 {
    value as f32
}
