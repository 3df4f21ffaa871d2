//! The score of a normaliser: what the ear and the promises ask of its output, measured by the `ebur128` crate and
//! not by the meter under test.

use anyhow::{Context, ensure};
use ebur128::{EbuR128, Mode};
use loudness::{Normaliser, Settings};
use serde::Serialize;

use super::{CHANNELS, Level, Programme, RATE_HZ, Span};

/// What a normaliser may take to find a level, in frames: 3 s.
pub const ACQUISITION_FRAMES: usize = 3 * RATE_HZ as usize;

/// Frames between two values of a gain log, 10 ms.
const LOG_FRAMES: usize = RATE_HZ as usize / 100;

/// Values of a gain log in the window over which gain movement is judged, 100 ms.
const MOVE_VALUES: usize = 10;

/// The bars of the issue.
#[derive(Debug, Clone, Copy)]
pub struct Bars {
    /// Integrated loudness may be off by this, in LU.
    pub integrated_lu: f64,
    /// A level may be off by this, in LU.
    pub level_lu: f64,
    /// Gain may move by this in 100 ms, in dB.
    pub move_db: f64,
    /// The noise of a pause may rise by this, in dB.
    pub lift_db: f64,
}

/// What a single level is held to in tests, in LU. No gain that has heard three seconds of a level knows the rest of it:
/// docs/PROMISES.md says how many levels miss the bar of one.
pub const ONE_LEVEL_LU: f64 = 1.6;

impl Default for Bars {
    fn default() -> Self {
        Self { integrated_lu: 0.5, level_lu: 1.0, move_db: 0.5, lift_db: 6.0 }
    }
}

/// How one level came out, from 3 s after its jump to its end.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct LevelScore {
    /// Loudness that went in, in LUFS.
    pub input_lufs: f64,
    /// Gated loudness minus that of the same stretch under the constant gain that brings the whole level to the
    /// target, in LU.
    pub error_lu: f64,
    /// Gated loudness minus the target, in LU.
    pub off_target_lu: f64,
}

impl LevelScore {
    /// Returns the greater of both errors, without its sign.
    #[must_use]
    pub fn worst_lu(&self) -> f64 {
        self.error_lu.abs().max(self.off_target_lu.abs())
    }
}

/// How a whole programme came out.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Score {
    /// Integrated loudness in LUFS.
    pub integrated_lufs: f64,
    /// True peak in dBTP.
    pub true_peak_dbtp: f64,
    /// Every level longer than the acquisition.
    pub levels: Vec<LevelScore>,
    /// The most the gain moved in 100 ms after acquisition, in dB; none without a gain log.
    pub moved_db: Option<f64>,
    /// The most the noise of a pause was raised above the ideal gain of its level, in dB.
    pub lift_db: Option<f64>,
}

impl Score {
    /// Scores the output of anything. `output` is aligned with the programme and as long.
    ///
    /// # Errors
    /// Where frames are missing, or there is nothing to measure.
    pub fn of(programme: &Programme, output: &[f32], target_lufs: f64) -> anyhow::Result<Self> {
        ensure!(
            output.len() == programme.samples.len(),
            "{} samples went in and {} came out",
            programme.samples.len(),
            output.len()
        );
        let mut levels = Vec::new();
        let mut ideal_db = Vec::new();
        for level in &programme.levels {
            let whole = integrated_lufs(Programme::cut(&programme.samples, level.span))
                .context("a level is silent")?;
            ideal_db.push(target_lufs - whole);
            levels.extend(score_level(programme, output, level, target_lufs - whole, target_lufs)?);
        }
        Ok(Self {
            integrated_lufs: integrated_lufs(output).context("the output is silent")?,
            true_peak_dbtp: true_peak_dbtp(output)?,
            levels,
            moved_db: None,
            lift_db: lift_db(programme, output, &ideal_db),
        })
    }

    /// Returns the worst error of any level in LU.
    #[must_use]
    pub fn level_max_lu(&self) -> f64 {
        self.levels.iter().map(LevelScore::worst_lu).fold(0.0, f64::max)
    }

    /// Returns a sentence for every bar that is missed.
    #[must_use]
    pub fn missed(&self, bars: &Bars, target_lufs: f64, ceiling_dbtp: f64) -> Vec<String> {
        let off_lu = self.integrated_lufs - target_lufs;
        let mut missed = Vec::new();
        if off_lu.abs() > bars.integrated_lu {
            missed.push(format!("integrated loudness is {off_lu:+.2} LU off"));
        }
        if self.level_max_lu() > bars.level_lu {
            missed.push(format!("a level is {:.2} LU off", self.level_max_lu()));
        }
        if self.true_peak_dbtp > ceiling_dbtp {
            missed.push(format!("true peak is {:.2} dBTP", self.true_peak_dbtp));
        }
        if self.moved_db.is_some_and(|moved_db| moved_db > bars.move_db) {
            missed.push(format!("the gain moved {:.2} dB in 100 ms", self.moved_db.unwrap_or_default()));
        }
        if self.lift_db.is_some_and(|lift_db| lift_db > bars.lift_db) {
            missed.push(format!("a pause was raised by {:.1} dB", self.lift_db.unwrap_or_default()));
        }
        missed
    }
}

/// What the normaliser made of a programme.
#[derive(Debug, Clone)]
pub struct Run {
    /// Output without the delay, as long as the programme.
    pub output: Vec<f32>,
    /// Gain in dB at the end of every 10 ms of output, before the limiter.
    pub gains_db: Vec<f64>,
    /// The score of both.
    pub score: Score,
}

/// Runs the normaliser over a programme and scores it.
///
/// # Errors
/// Where the settings do not fit the material, or frames are missing.
pub fn run(programme: &Programme, settings: Settings) -> anyhow::Result<Run> {
    let mut normaliser = Normaliser::new(settings, CHANNELS, RATE_HZ)?;
    let mut output = programme.samples.clone();
    let mut gains_db = Vec::new();
    for piece in output.chunks_mut(LOG_FRAMES * CHANNELS) {
        normaliser.process(piece);
        gains_db.push(f64::from(normaliser.state().gain_db));
    }
    normaliser.flush(&mut output);
    let delay = normaliser.latency_frames();
    output.drain(..delay * CHANNELS);
    // The gain decided at the end of a block is reached one block later, on frames that came in `delay` before that.
    let late = (delay / LOG_FRAMES).saturating_sub(2);
    gains_db.extend(std::iter::repeat_n(gains_db.last().copied().unwrap_or(0.0), late));
    gains_db.drain(..late.min(gains_db.len()));
    let mut score = Score::of(programme, &output, f64::from(settings.target.get()))?;
    score.moved_db = moved_db(programme, &gains_db);
    Ok(Run { output, gains_db, score })
}

fn score_level(
    programme: &Programme,
    output: &[f32],
    level: &Level,
    ideal_db: f64,
    target_lufs: f64,
) -> anyhow::Result<Option<LevelScore>> {
    let found = Span { start: level.span.start + ACQUISITION_FRAMES, end: level.span.end };
    if found.start + LOG_FRAMES * 40 > found.end {
        return Ok(None);
    }
    let input =
        integrated_lufs(Programme::cut(&programme.samples, found)).context("a level ends in silence")?;
    let out = integrated_lufs(Programme::cut(output, found)).context("a level is lost")?;
    Ok(Some(LevelScore {
        input_lufs: level.lufs,
        error_lu: out - (input + ideal_db),
        off_target_lu: out - target_lufs,
    }))
}

/// The most the gain moved within 100 ms, in windows that lie wholly in the judged part of a level.
fn moved_db(programme: &Programme, gains_db: &[f64]) -> Option<f64> {
    let judged = programme.levels.iter().flat_map(|level| {
        let start = (level.span.start + ACQUISITION_FRAMES).div_ceil(LOG_FRAMES);
        let end = (level.span.end / LOG_FRAMES).min(gains_db.len());
        gains_db[start.min(end)..end].windows(MOVE_VALUES + 1)
    });
    judged.map(|window| (window[MOVE_VALUES] - window[0]).abs()).max_by(f64::total_cmp)
}

/// The most a pause was raised above what the ideal gain of its level does, measured on its power.
fn lift_db(programme: &Programme, output: &[f32], ideal_db: &[f64]) -> Option<f64> {
    let lifts = programme.pauses.iter().filter_map(|pause| {
        let level = programme
            .levels
            .iter()
            .position(|level| level.span.start <= pause.start && pause.end <= level.span.end)?;
        let before = power(Programme::cut(&programme.samples, *pause));
        let after = power(Programme::cut(output, *pause));
        (before > 0.0).then(|| 10.0 * (after / before).log10() - ideal_db[level])
    });
    lifts.max_by(f64::total_cmp)
}

fn power(samples: &[f32]) -> f64 {
    samples.iter().map(|sample| f64::from(*sample).powi(2)).sum::<f64>()
}

/// Returns the gated loudness of interleaved stereo in LUFS, none for silence.
#[must_use]
pub fn integrated_lufs(samples: &[f32]) -> Option<f64> {
    let mut meter = EbuR128::new(u32::try_from(CHANNELS).ok()?, RATE_HZ, Mode::I).ok()?;
    meter.add_frames_f32(samples).ok()?;
    meter.loudness_global().ok().filter(|lufs| lufs.is_finite())
}

/// Returns the true peak of interleaved stereo in dBTP.
///
/// # Errors
/// Where the samples are no whole frames.
pub fn true_peak_dbtp(samples: &[f32]) -> anyhow::Result<f64> {
    let channels = u32::try_from(CHANNELS)?;
    let mut meter = EbuR128::new(channels, RATE_HZ, Mode::TRUE_PEAK)?;
    meter.add_frames_f32(samples)?;
    let peaks = (0..channels).map(|channel| meter.true_peak(channel)).collect::<Result<Vec<_>, _>>()?;
    Ok(20.0 * peaks.into_iter().fold(0.0, f64::max).log10())
}
