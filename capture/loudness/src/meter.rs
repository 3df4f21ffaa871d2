//! The loudness meter of EBU Tech 3341 and 3342: M, S, I, LRA and true peak, fresh every 10 ms.
//! It must never depend on the size of the pieces it is given.

use crate::{
    blocks::{BLOCKS_PER_SECOND, Blocks, Format},
    clean,
    error::Error,
    gate::Gate,
    num,
    true_peak::Oversampler,
};

/// Blocks of the momentary window, 400 ms (Tech 3341).
const MOMENTARY_BLOCKS: usize = BLOCKS_PER_SECOND * 4 / 10;

/// Blocks of the short-term window, 3 s (Tech 3341).
const SHORT_TERM_BLOCKS: usize = BLOCKS_PER_SECOND * 3;

/// Blocks between two gating blocks: 400 ms windows overlap by three quarters (BS.1770-4).
const GATING_HOP_BLOCKS: usize = BLOCKS_PER_SECOND / 10;

/// What a meter shows at one moment. A value is none before its window is full, or where there is only silence.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Reading {
    /// Loudness of the last 400 ms in LUFS.
    pub momentary_lufs: Option<f32>,
    /// Loudness of the last 3 s in LUFS.
    pub short_term_lufs: Option<f32>,
    /// Gated loudness since the start in LUFS.
    pub integrated_lufs: Option<f32>,
    /// Loudness range since the start in LU.
    pub range_lu: Option<f32>,
    /// Greatest momentary loudness since the start in LUFS.
    pub momentary_max_lufs: Option<f32>,
    /// Greatest short-term loudness since the start in LUFS.
    pub short_term_max_lufs: Option<f32>,
    /// Greatest true peak since the start in dBTP.
    pub true_peak_dbtp: Option<f32>,
}

/// Mean power over the last 400 ms and 3 s.
#[derive(Debug, Clone)]
pub(crate) struct Windows {
    ring: Vec<f64>,
    count: usize,
}

impl Windows {
    pub(crate) fn new() -> Self {
        Self { ring: vec![0.0; SHORT_TERM_BLOCKS], count: 0 }
    }

    pub(crate) fn add(&mut self, power: f64) {
        self.ring[self.count % SHORT_TERM_BLOCKS] = power;
        self.count += 1;
    }

    /// Returns the mean power of the last blocks, none before there are so many.
    fn mean(&self, blocks: usize) -> Option<f64> {
        (self.count >= blocks).then(|| {
            let at = self.count % SHORT_TERM_BLOCKS;
            let recent = self.ring[..at].iter().rev().chain(self.ring[at..].iter().rev());
            recent.take(blocks).sum::<f64>() / num::factor(blocks)
        })
    }

    pub(crate) fn momentary(&self) -> Option<f64> {
        self.mean(MOMENTARY_BLOCKS)
    }

    pub(crate) fn short_term(&self) -> Option<f64> {
        self.mean(SHORT_TERM_BLOCKS)
    }

    /// Returns whether a gating block ends here.
    pub(crate) fn at_gating_hop(&self) -> bool {
        self.count.is_multiple_of(GATING_HOP_BLOCKS)
    }
}

/// An EBU-mode meter for one stream.
#[derive(Debug)]
pub struct Meter {
    channels: usize,
    blocks: Blocks,
    windows: Windows,
    integrated: Gate,
    range: Gate,
    momentary_max: f64,
    short_term_max: f64,
    oversampler: Oversampler,
    peaks: Vec<f32>,
    true_peak: f32,
    cleaned: Vec<f32>,
}

impl Meter {
    /// Builds a meter for interleaved audio.
    ///
    /// # Errors
    /// `Error::Channels` outside 1..=8, `Error::Rate` outside 8000..=192000 Hz.
    pub fn new(channels: usize, rate_hz: u32) -> Result<Self, Error> {
        let format = Format::new(channels, rate_hz)?;
        Ok(Self {
            channels,
            blocks: Blocks::new(format)?,
            windows: Windows::new(),
            integrated: Gate::new(),
            range: Gate::new(),
            momentary_max: 0.0,
            short_term_max: 0.0,
            oversampler: Oversampler::new(channels),
            peaks: Vec::new(),
            true_peak: 0.0,
            cleaned: Vec::new(),
        })
    }

    /// Takes any number of whole interleaved frames; samples of an unfinished last frame are dropped, and what is
    /// not a number counts as silence.
    pub fn push(&mut self, interleaved: &[f32]) {
        let whole = interleaved.len() - interleaved.len() % self.channels;
        let mut rest = &interleaved[..whole];
        while !rest.is_empty() {
            let (piece, later) = rest.split_at(rest.len().min(self.blocks.room_frames() * self.channels));
            if clean::is_clean(piece) {
                self.push_piece(piece);
            } else {
                let mut cleaned = std::mem::take(&mut self.cleaned);
                cleaned.clear();
                cleaned.extend_from_slice(piece);
                clean::clean(&mut cleaned);
                self.push_piece(&cleaned);
                self.cleaned = cleaned;
            }
            rest = later;
        }
    }

    /// Takes frames that do not pass the end of the block; returns the power of the block they complete.
    pub(crate) fn push_piece(&mut self, piece: &[f32]) -> Option<f64> {
        self.oversampler.peaks(piece, self.true_peak, &mut self.peaks);
        self.true_peak = self.peaks.iter().fold(self.true_peak, |greatest, peak| greatest.max(*peak));
        let power = self.blocks.push(piece)?;
        self.windows.add(power);
        self.count_block();
        Some(power)
    }

    /// Forgets everything that is counted from the start; the windows and filters go on.
    pub fn restart(&mut self) {
        self.integrated.clear();
        self.range.clear();
        (self.momentary_max, self.short_term_max, self.true_peak) = (0.0, 0.0, 0.0);
    }

    /// Returns the loudness of the last 400 ms in LUFS.
    #[must_use]
    pub fn momentary_lufs(&self) -> Option<f32> {
        self.windows.momentary().map(num::lufs).and_then(num::reading)
    }

    /// Returns the loudness of the last 3 s in LUFS.
    #[must_use]
    pub fn short_term_lufs(&self) -> Option<f32> {
        self.windows.short_term().map(num::lufs).and_then(num::reading)
    }

    /// Returns the gated loudness since the start in LUFS.
    #[must_use]
    pub fn integrated_lufs(&self) -> Option<f32> {
        self.integrated.integrated().and_then(num::reading)
    }

    /// Returns the loudness range since the start in LU.
    #[must_use]
    pub fn range_lu(&self) -> Option<f32> {
        self.range.range().and_then(num::reading)
    }

    /// Returns the greatest true peak since the start in dBTP.
    #[must_use]
    pub fn true_peak_dbtp(&self) -> Option<f32> {
        num::reading(num::decibels(f64::from(self.true_peak)))
    }

    /// Returns everything the meter shows. Integrated loudness and range cost a pass over two histograms.
    #[must_use]
    pub fn reading(&self) -> Reading {
        Reading {
            momentary_lufs: self.momentary_lufs(),
            short_term_lufs: self.short_term_lufs(),
            integrated_lufs: self.integrated_lufs(),
            range_lu: self.range_lu(),
            momentary_max_lufs: num::reading(num::lufs(self.momentary_max)),
            short_term_max_lufs: num::reading(num::lufs(self.short_term_max)),
            true_peak_dbtp: self.true_peak_dbtp(),
        }
    }

    fn count_block(&mut self) {
        let (momentary, short_term) = (self.windows.momentary(), self.windows.short_term());
        self.momentary_max = self.momentary_max.max(momentary.unwrap_or(0.0));
        self.short_term_max = self.short_term_max.max(short_term.unwrap_or(0.0));
        if self.windows.at_gating_hop() {
            momentary.into_iter().for_each(|power| self.integrated.add(power));
            short_term.into_iter().for_each(|power| self.range.add(power));
        }
    }
}

#[cfg(test)]
mod tests;
