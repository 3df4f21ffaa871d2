//! Short recordings of one voice, mono at 48 kHz, from the machine's own packages.

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};

use super::{RATE_HZ, programme, resample};

/// `LibriVox` readings of Debian's `pocketsphinx-testdata`: one reader, a quiet room.
pub const LIBRIVOX: &str = "/usr/share/pocketsphinx/test/data/librivox";

/// Spoken card names of the same package: another voice, close and clipped.
pub const CARDS: &str = "/usr/share/pocketsphinx/test/data/cards";

/// Loudness to which clips are evened, in LUFS; any would do.
const EVEN_LUFS: f64 = -23.0;

/// One recording.
#[derive(Debug, Clone)]
pub struct Clip {
    /// Name of the file it came from.
    pub name: String,
    /// Mono at 48 kHz.
    pub samples: Vec<f32>,
}

/// Recordings of one voice.
#[derive(Debug, Clone)]
pub struct Clips {
    /// The recordings, by name.
    pub clips: Vec<Clip>,
}

impl Clips {
    /// Loads the readings that every test machine has.
    ///
    /// # Errors
    /// Where the package `pocketsphinx-testdata` is not installed.
    pub fn librivox() -> anyhow::Result<Self> {
        Self::load(Path::new(LIBRIVOX)).context("install the Debian package pocketsphinx-testdata")
    }

    /// Returns the recordings brought to one loudness each, as of a reader who never tires: what is left to vary is
    /// speech itself.
    #[must_use]
    pub fn evened(mut self) -> Self {
        for clip in &mut self.clips {
            let gain_db = EVEN_LUFS - programme::loudness_of(&clip.samples);
            programme::scale(&mut clip.samples, gain_db);
        }
        self
    }

    /// Loads every WAV file of a folder.
    ///
    /// # Errors
    /// Where the folder or a file cannot be read, or no WAV file is in it.
    pub fn load(folder: &Path) -> anyhow::Result<Self> {
        let entries = std::fs::read_dir(folder).with_context(|| format!("list {}", folder.display()))?;
        let mut paths =
            entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<PathBuf>, _>>()?;
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "wav"));
        paths.sort();
        ensure!(!paths.is_empty(), "no WAV file in {}", folder.display());
        let clips = paths.iter().map(|path| load_clip(path)).collect::<Result<_, _>>()?;
        Ok(Self { clips })
    }
}

fn load_clip(path: &Path) -> anyhow::Result<Clip> {
    let (samples, rate_hz, channels) = read_wav(path)?;
    let mono: Vec<f32> =
        samples.chunks_exact(channels).map(|frame| frame.iter().sum::<f32>() / channels as f32).collect();
    let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    Ok(Clip { name, samples: resample::to_48k(&mono, rate_hz) })
}

/// Reads a WAV file of any common format: interleaved samples, rate in Hz, channels.
///
/// # Errors
/// Where the file cannot be read as WAV.
pub fn read_wav(path: &Path) -> anyhow::Result<(Vec<f32>, u32, usize)> {
    let reader = hound::WavReader::open(path).with_context(|| format!("open {}", path.display()))?;
    let spec = reader.spec();
    let samples = match spec.sample_format {
        hound::SampleFormat::Float => reader.into_samples::<f32>().collect::<Result<_, _>>(),
        hound::SampleFormat::Int => {
            let full = 2f32.powi(i32::from(spec.bits_per_sample) - 1);
            reader.into_samples::<i32>().map(|sample| sample.map(|value| value as f32 / full)).collect()
        }
    };
    Ok((
        samples.with_context(|| format!("read {}", path.display()))?,
        spec.sample_rate,
        usize::from(spec.channels),
    ))
}

/// Writes interleaved 48 kHz stereo as 32-bit float WAV: nothing is rounded or clipped.
///
/// # Errors
/// Where the file cannot be written.
pub fn write_wav(path: &Path, samples: &[f32]) -> anyhow::Result<()> {
    let spec = hound::WavSpec {
        channels: u16::try_from(super::CHANNELS)?,
        sample_rate: RATE_HZ,
        bits_per_sample: 32,
        sample_format: hound::SampleFormat::Float,
    };
    let mut writer =
        hound::WavWriter::create(path, spec).with_context(|| format!("create {}", path.display()))?;
    for sample in samples {
        writer.write_sample(*sample)?;
    }
    writer.finalize().with_context(|| format!("finish {}", path.display()))
}
