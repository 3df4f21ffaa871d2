//! What a lossy codec makes of a sound: peaks grow when it is decoded, and it is the decoded sound that people hear.

use std::{path::Path, process::Command, time::Duration};

use anyhow::{Context, ensure};

use super::{
    clips::{read_wav, write_wav},
    score::true_peak_dbtp,
};
use crate::probe;

/// How long ffmpeg may take for minutes of sound on a busy machine.
const WITHIN: Duration = Duration::from_secs(300);

/// Returns the true peak in dBTP of interleaved 48 kHz stereo after AAC at 96 kbit/s and back.
///
/// # Errors
/// Where ffmpeg is not installed or refuses.
pub fn aac_true_peak_dbtp(samples: &[f32]) -> anyhow::Result<f64> {
    let folder = tempfile::tempdir()?;
    let [before, coded, after] =
        ["before.wav", "coded.m4a", "after.wav"].map(|name| folder.path().join(name));
    write_wav(&before, samples)?;
    ffmpeg(&["-i"], &before, &["-c:a", "aac", "-b:a", "96k"], &coded)?;
    ffmpeg(&["-i"], &coded, &["-c:a", "pcm_f32le"], &after)?;
    true_peak_dbtp(&read_wav(&after)?.0)
}

fn ffmpeg(before: &[&str], input: &Path, options: &[&str], output: &Path) -> anyhow::Result<()> {
    let mut command = Command::new("ffmpeg");
    command.args(["-nostdin", "-hide_banner", "-loglevel", "error", "-y"]).args(before).arg(input);
    let said = probe::output(command.args(options).arg(output), WITHIN).context("run ffmpeg")?;
    ensure!(said.code == Some(0), "ffmpeg refused {}: {}", input.display(), said.err);
    Ok(())
}
