//! The live normaliser: high-pass, speech level, smooth gain, true-peak limiter, meters on both sides.
//! It must never lose, add or reorder a frame, whatever comes in, nor depend on the size of the pieces it is given.

use std::collections::VecDeque;

use crate::{
    blocks::{Blocks, Format},
    clean,
    error::Error,
    gain::Gain,
    high_pass::Filter,
    level::Level,
    limiter::Limiter,
    meter::{Meter, Reading, Windows},
    num,
    settings::Settings,
    summary::{Flags, Summary},
    true_peak,
};

/// Input at or above this is full scale for any converter, -0.01 dBFS.
const CLIPPED: f32 = 0.999;

/// Clipped samples in a segment from which it is flagged: one alone may be an honest peak.
const CLIPPED_SAMPLES_MIN: u64 = 3;

/// Reduction from which a segment is flagged as limited, in dB.
const LIMITED_DB: f32 = 1.0;

/// Input below is silence: the absolute gate of BS.1770-4.
const SILENT_LUFS: f32 = -70.0;

/// The state of the normaliser at one moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct State {
    /// Gain in dB, before the limiter.
    pub gain_db: f32,
    /// Loudness of the room in LUFS, none before anything was heard.
    pub noise_floor_lufs: Option<f32>,
    /// Loudness of the speech in LUFS, none before any.
    pub speech_lufs: Option<f32>,
    /// Momentary loudness of the input in LUFS, after the high-pass.
    pub input_momentary_lufs: Option<f32>,
    /// Short-term loudness of the input in LUFS, after the high-pass.
    pub input_short_term_lufs: Option<f32>,
    /// The most the limiter took off during the last block of 10 ms, in dB.
    pub limited_db: f32,
    /// Samples since the start that were not numbers or absurdly large and were made harmless.
    pub harmful_samples: u64,
}

/// What is gathered on the input side for the summary of a segment.
#[derive(Debug, Clone, Default)]
struct Gathered {
    momentary_max: f64,
    peak: f32,
    clipped_samples: u64,
    limited_db: f32,
    harmful_samples: u64,
    speech: bool,
}

/// Brings speech to one loudness, live.
#[derive(Debug)]
pub struct Normaliser {
    format: Format,
    latency_frames: usize,
    high_pass: Option<Filter>,
    blocks: Blocks,
    windows: Windows,
    level: Level,
    gain: Gain,
    /// Gain at the start and the end of the block that leaves, as factors.
    ramp: (f64, f64),
    ramp_frame: usize,
    delayed: VecDeque<f32>,
    limiter: Limiter,
    limited_db: f32,
    output: Meter,
    gathered: Gathered,
    harmful_samples: u64,
}

impl Normaliser {
    /// Builds a normaliser for interleaved audio.
    ///
    /// # Errors
    /// `Error::Channels` outside 1..=8, `Error::Rate` outside 8000..=192000 Hz.
    pub fn new(settings: Settings, channels: usize, rate_hz: u32) -> Result<Self, Error> {
        let format = Format::new(channels, rate_hz)?;
        let wanted_frames = num::frames(f64::from(settings.look_ahead.get()) / 1000.0, rate_hz);
        let latency_frames = wanted_frames.max(true_peak::DELAY_FRAMES * 2);
        let ceiling = num::narrow(num::amplitude(f64::from(settings.ceiling.get())));
        let limiter = Limiter::new(format, ceiling, latency_frames);
        let delay_frames = latency_frames - limiter.delay_frames();
        let target_lufs = f64::from(settings.target.get());
        Ok(Self {
            format,
            latency_frames,
            high_pass: settings.high_pass.map(|corner| Filter::new(corner, channels, rate_hz)),
            blocks: Blocks::new(format)?,
            windows: Windows::new(),
            level: Level::new(target_lufs, delay_frames.div_ceil(format.block_frames())),
            gain: Gain::new(target_lufs),
            ramp: (1.0, 1.0),
            ramp_frame: 0,
            delayed: VecDeque::from(vec![0.0; delay_frames * channels]),
            limiter,
            limited_db: 0.0,
            output: Meter::new(channels, rate_hz)?,
            gathered: Gathered::default(),
            harmful_samples: 0,
        })
    }

    /// Returns by how many frames the output lies behind the input. It never changes.
    #[must_use]
    pub fn latency_frames(&self) -> usize {
        self.latency_frames
    }

    /// Replaces interleaved frames by the normalised frames that entered `latency_frames` earlier; the first
    /// `latency_frames` are silence. Samples of an unfinished last frame become silence.
    pub fn process(&mut self, interleaved: &mut [f32]) {
        let whole = interleaved.len() - interleaved.len() % self.format.channels;
        let (mut rest, unfinished) = interleaved.split_at_mut(whole);
        unfinished.fill(0.0);
        while !rest.is_empty() {
            let (piece, later) =
                rest.split_at_mut(rest.len().min(self.blocks.room_frames() * self.format.channels));
            self.process_piece(piece);
            rest = later;
        }
    }

    /// Appends the frames still inside, `latency_frames` of them.
    pub fn flush(&mut self, tail: &mut Vec<f32>) {
        let start = tail.len();
        tail.resize(start + self.latency_frames * self.format.channels, 0.0);
        self.process(&mut tail[start..]);
    }

    /// Returns the state at this moment.
    #[must_use]
    pub fn state(&self) -> State {
        State {
            gain_db: num::narrow(self.gain.db()),
            noise_floor_lufs: num::reading(self.level.floor_lufs()),
            speech_lufs: self.level.level_lufs().and_then(num::reading),
            input_momentary_lufs: self.windows.momentary().map(num::lufs).and_then(num::reading),
            input_short_term_lufs: self.windows.short_term().map(num::lufs).and_then(num::reading),
            limited_db: self.limited_db,
            harmful_samples: self.harmful_samples,
        }
    }

    /// Returns what the meter on the output shows, counted since the last summary.
    #[must_use]
    pub fn output(&self) -> Reading {
        self.output.reading()
    }

    /// Returns the summary of everything since the last one and starts the next. Called at the end of a segment:
    /// what is said of the input lies `latency_frames` ahead of what is said of the output.
    pub fn take_summary(&mut self) -> Summary {
        let gathered = std::mem::take(&mut self.gathered);
        let output = self.output.reading();
        self.output.restart();
        let input_momentary_max_lufs = num::reading(num::lufs(gathered.momentary_max));
        Summary {
            momentary_max_lufs: output.momentary_max_lufs,
            short_term_max_lufs: output.short_term_max_lufs,
            integrated_lufs: output.integrated_lufs,
            true_peak_dbtp: output.true_peak_dbtp,
            input_momentary_max_lufs,
            input_peak_dbfs: num::reading(num::decibels(f64::from(gathered.peak))),
            noise_floor_lufs: num::reading(self.level.floor_lufs()),
            gain_db: num::reading(self.gain.db()),
            limited_db: num::reading(f64::from(gathered.limited_db)),
            harmful_samples: gathered.harmful_samples,
            flags: Flags {
                silent: input_momentary_max_lufs.is_none_or(|level_lufs| level_lufs < SILENT_LUFS),
                clipped_input: gathered.clipped_samples >= CLIPPED_SAMPLES_MIN,
                limited: gathered.limited_db > LIMITED_DB,
                no_speech: !gathered.speech,
            },
        }
    }

    /// Processes frames that do not pass the end of the block.
    fn process_piece(&mut self, piece: &mut [f32]) {
        self.look_at_input(piece);
        if let Some(filter) = &mut self.high_pass {
            filter.process(piece);
        }
        let power = self.blocks.push(piece);
        self.delay_and_amplify(piece);
        self.limiter.process(piece);
        let out = self.output.push_piece(piece);
        if let (Some(power), Some(out)) = (power, out) {
            self.end_block(power, out);
        }
    }

    fn look_at_input(&mut self, piece: &mut [f32]) {
        if !clean::is_clean(piece) {
            let harmful = clean::clean(piece);
            self.harmful_samples += harmful;
            self.gathered.harmful_samples += harmful;
        }
        let peak = piece.iter().fold(0f32, |greatest, sample| greatest.max(sample.abs()));
        self.gathered.peak = self.gathered.peak.max(peak);
        if peak >= CLIPPED {
            let clipped = piece.iter().filter(|sample| sample.abs() >= CLIPPED).count();
            self.gathered.clipped_samples += clipped as u64;
        }
    }

    fn delay_and_amplify(&mut self, piece: &mut [f32]) {
        let (from, to) = self.ramp;
        let step = (to - from) / num::factor(self.format.block_frames());
        for frame in piece.chunks_exact_mut(self.format.channels) {
            self.ramp_frame += 1;
            let gain = num::narrow(from + step * num::factor(self.ramp_frame));
            for sample in frame {
                self.delayed.push_back(*sample);
                *sample = self.delayed.pop_front().unwrap_or(0.0) * gain;
            }
        }
    }

    /// Decides on the gain of the next block.
    fn end_block(&mut self, power: f64, out: f64) {
        self.windows.add(power);
        self.gathered.momentary_max =
            self.gathered.momentary_max.max(self.windows.momentary().unwrap_or(0.0));
        let heard = self.level.add(power, out);
        self.gathered.speech |= self.level.is_speech();
        let gain_db = self.gain.step(heard);
        self.ramp = (self.ramp.1, num::amplitude(gain_db));
        self.ramp_frame = 0;
        self.limited_db = num::narrow(-num::decibels(f64::from(self.limiter.take_least_gain()))).max(0.0);
        self.gathered.limited_db = self.gathered.limited_db.max(self.limited_db);
        if let Some(filter) = &mut self.high_pass {
            filter.settle();
        }
    }
}

#[cfg(test)]
mod tests;
