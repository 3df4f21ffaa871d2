//! The sound of a run: one unbroken line of samples, normalised, measured, handed to the encoders.
//!
//! After the leader, sample n of what is encoded is sample n of what was captured: the normaliser's delay moves nothing on
//! the timeline.

use std::collections::BTreeSet;

use loudness::{Meter, Normaliser};
use model::settings::{Ceiling, Loudness, TargetLoudness};
use model::wire::v1::{Failure, Levels};
use model::{MediaTime, SegmentLoudness, SegmentNumber, Ticks};

use crate::encode::rendition::{Coding, SAMPLE_RATE_HZ};
use crate::encode::{Closings, Encoder, Place};
use crate::failure::internal;
use crate::grid::Grid;
use crate::inbox::Block;
use crate::leader;
use crate::run::missing::Missing;
use crate::source::sample_time;

/// Levels are said every 100 ms.
const LEVELS_EVERY: u64 = SAMPLE_RATE_HZ as u64 / 10;

/// Silence is made in pieces of 100 ms.
static SILENCE: [f32; 9600] = [0.0; 9600];

/// At 24 kbit/s Opus overshoots by a decibel more than AAC does, so it gets a decibel less.
const OPUS_TRIM_DB: f32 = -1.0;

/// The sound of a run.
pub(crate) struct Sound {
    normaliser: Normaliser,
    latency: u64,
    input: Meter,
    input_peak: f32,
    encoders: Vec<Encoder>,
    grid: Grid,
    origin: MediaTime,
    closings: Closings,
    taken: u64,
    summarised: u64,
    filled: BTreeSet<u64>,
    missing: Missing,
    levels: Vec<Levels>,
}

impl Sound {
    /// Makes the line for audio `encoders`, of which the first sets the segments.
    pub(crate) fn new(
        settings: &Loudness,
        encoders: Vec<Encoder>,
        missing: Missing,
        place: &Place,
    ) -> Result<Self, Failure> {
        let normaliser = Normaliser::new(settings_of(settings)?, 2, SAMPLE_RATE_HZ).map_err(internal)?;
        let grid = encoders.first().map(|encoder| encoder.rendition().grid);
        Ok(Self {
            latency: u64::try_from(normaliser.latency_frames()).unwrap_or(0),
            normaliser,
            input: Meter::new(2, SAMPLE_RATE_HZ).map_err(internal)?,
            input_peak: 0.0,
            encoders,
            grid: grid.ok_or_else(|| internal("a run without an audio rendition"))?,
            origin: place.origin,
            closings: place.closings.clone(),
            taken: 0,
            summarised: 0,
            filled: BTreeSet::new(),
            missing,
            levels: Vec::new(),
        })
    }

    /// Returns how many samples were taken since the origin.
    pub(crate) const fn taken(&self) -> u64 {
        self.taken
    }

    /// Takes a block. What is missing before it becomes silence and is told; what was taken already is left out.
    pub(crate) fn take(&mut self, block: Block) {
        self.fill_to(block.at_sample);
        let late = self.taken.saturating_sub(block.at_sample);
        let skip = usize::try_from(late).unwrap_or(usize::MAX).saturating_mul(2).min(block.stereo.len());
        let mut stereo = block.stereo;
        stereo.drain(..skip);
        if !stereo.is_empty() {
            self.missing.delivers(sample_time(self.taken));
        }
        self.run(&mut stereo, block.filled);
    }

    /// Returns whether silence stands for sound that is told as missing.
    pub(crate) fn is_missing(&self) -> bool {
        self.missing.lasts()
    }

    /// Makes silence up to `sample`, the leader first, and tells what of it the source did not deliver.
    pub(crate) fn fill_to(&mut self, sample: u64) {
        if sample > 0 {
            self.silence_to(leader::SAMPLES, false);
        }
        while self.taken < sample {
            let next = sample.min(self.taken + LEVELS_EVERY);
            self.missing.lacks(sample_time(self.taken), sample_time(next));
            self.silence_to(next, true);
        }
    }

    fn silence_to(&mut self, sample: u64, filled: bool) {
        while self.taken < sample {
            let frames = usize::try_from(sample - self.taken).unwrap_or(usize::MAX).min(SILENCE.len() / 2);
            let mut silence = SILENCE[..frames * 2].to_vec();
            self.run(&mut silence, filled);
        }
    }

    /// Returns the levels that became due.
    pub(crate) fn levels(&mut self) -> std::vec::Drain<'_, Levels> {
        self.levels.drain(..)
    }

    /// Returns why an encoder stopped, if one did.
    pub(crate) fn failure(&self) -> Option<Failure> {
        self.encoders.iter().find_map(Encoder::failure)
    }

    /// Gives out what is inside and ends the tracks.
    pub(crate) fn finish(mut self) -> Result<(), Failure> {
        let total = self.taken;
        if total == 0 {
            return Ok(());
        }
        self.missing.ends(sample_time(total));
        let latency = usize::try_from(self.latency).unwrap_or(0);
        self.run(&mut vec![0.0; latency * 2], false);
        let last = self.grid.segment_of((total - 1) / u64::from(self.grid.frame_ticks()));
        if self.summarised <= last {
            self.summarise();
        }
        for encoder in self.encoders {
            let frame = u64::from(encoder.rendition().grid.frame_ticks());
            encoder.finish(total.div_ceil(frame))?;
        }
        Ok(())
    }

    /// Runs samples through in pieces that end where a segment or a reading does.
    fn run(&mut self, stereo: &mut [f32], filled: bool) {
        let mut rest = stereo;
        while !rest.is_empty() {
            let to_segment = self.segment_end(self.summarised) + self.latency - self.taken;
            let to_reading = LEVELS_EVERY - self.taken % LEVELS_EVERY;
            let frames =
                usize::try_from(to_segment.min(to_reading)).unwrap_or(usize::MAX).min(rest.len() / 2);
            let (piece, later) = rest.split_at_mut(frames * 2);
            self.piece(piece, filled);
            rest = later;
            if self.taken == self.segment_end(self.summarised) + self.latency {
                self.summarise();
            }
            if self.taken.is_multiple_of(LEVELS_EVERY) {
                self.read();
            }
            if frames == 0 {
                return;
            }
        }
    }

    fn piece(&mut self, piece: &mut [f32], filled: bool) {
        if filled {
            self.filled.insert(self.grid.segment_of(self.taken / u64::from(self.grid.frame_ticks())));
        }
        self.input.push(piece);
        self.input_peak = piece.iter().fold(self.input_peak, |peak, value| peak.max(value.abs()));
        self.normaliser.process(piece);
        let frames = u64::try_from(piece.len() / 2).unwrap_or(0);
        // The first `latency` frames that come out were never captured.
        let early = self.latency.saturating_sub(self.taken).min(frames);
        self.taken += frames;
        let captured = piece.get(usize::try_from(early).unwrap_or(0) * 2..).unwrap_or_default();
        if captured.is_empty() {
            return;
        }
        for encoder in &mut self.encoders {
            match encoder.rendition().coding {
                Coding::Opus => encoder.sound(&mono(captured)),
                Coding::Aac | Coding::H264 { .. } => encoder.sound(captured),
            }
        }
    }

    /// Returns the sample with which segment `number` ends.
    fn segment_end(&self, number: u64) -> u64 {
        self.grid.segment_start(number + 1) * u64::from(self.grid.frame_ticks())
    }

    fn summarise(&mut self) {
        let summary = self.normaliser.take_summary();
        let input_lufs = self.input.integrated_lufs();
        self.input.restart();
        let flags = model::loudness::Flags {
            silent: summary.flags.silent,
            input_clipped: summary.flags.clipped_input,
            limited: summary.flags.limited,
            no_speech: summary.flags.no_speech,
            filled: self.filled.remove(&self.summarised),
        };
        let loudness = SegmentLoudness {
            momentary_max_lufs: summary.momentary_max_lufs,
            short_term_max_lufs: summary.short_term_max_lufs,
            integrated_lufs: summary.integrated_lufs,
            true_peak_dbtp: summary.true_peak_dbtp,
            input_lufs,
            gain_db: summary.gain_db.unwrap_or(0.0),
            flags,
        };
        self.closings.put(SegmentNumber(self.summarised), loudness);
        self.summarised += 1;
    }

    fn read(&mut self) {
        let (state, output) = (self.normaliser.state(), self.normaliser.output());
        let timescale = self.grid.timescale();
        let peak = std::mem::take(&mut self.input_peak);
        self.levels.push(Levels {
            at: timescale.media_time(timescale.ticks(self.origin).after(Ticks(self.taken))),
            input_momentary_lufs: state.input_momentary_lufs,
            input_peak_dbfs: (peak > 0.0).then(|| 20.0 * peak.log10()),
            momentary_lufs: output.momentary_lufs,
            short_term_lufs: output.short_term_lufs,
            gain_db: state.gain_db,
            noise_floor_lufs: state.noise_floor_lufs,
        });
    }
}

/// Mixes two channels into one, [`OPUS_TRIM_DB`] down.
fn mono(stereo: &[f32]) -> Vec<f32> {
    let gain = 0.5 * 10_f32.powf(OPUS_TRIM_DB / 20.0);
    stereo.chunks_exact(2).map(|pair| (pair[0] + pair[1]) * gain).collect()
}

fn settings_of(settings: &Loudness) -> Result<loudness::Settings, Failure> {
    Ok(loudness::Settings {
        target: loudness::Target::new(narrow(TargetLoudness::lufs(settings.target))).map_err(internal)?,
        ceiling: loudness::Ceiling::new(narrow(Ceiling::dbtp(settings.ceiling))).map_err(internal)?,
        ..loudness::Settings::default()
    })
}

/// Narrows a setting, which has one decimal.
#[expect(clippy::cast_possible_truncation, reason = "tenths of decibels are far from the limits of f32")]
const fn narrow(value: f64) -> f32 {
    value as f32
}
