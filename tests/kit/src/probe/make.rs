//! Makes input files with ffmpeg: moving pictures, odd rates, odd channel counts.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, ensure};

use super::output;

/// How a clip is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// Matroska with H.264 and FLAC.
    Mkv,
    /// MP4 with H.264 and AAC.
    Mp4,
    /// `WebM` with VP8 and Vorbis.
    WebM,
    /// WAV.
    Wav,
}

/// A file to make.
#[derive(Debug, Clone)]
pub struct Clip<'a> {
    /// How it is stored.
    pub layout: Layout,
    /// Sound from this file; none if `None`.
    pub sound: Option<&'a Path>,
    /// Picture size and frames per second; no picture if `None`.
    pub picture: Option<(u32, u32, &'a str)>,
    /// Length, seconds.
    pub seconds: f64,
    /// More arguments for the output.
    pub more: &'a [&'a str],
}

/// Makes a clip in `folder` and returns its path.
///
/// # Errors
/// ffmpeg refuses.
pub fn make(clip: &Clip<'_>, folder: &Path, name: &str) -> Result<PathBuf> {
    let (ending, video, audio) = match clip.layout {
        Layout::Mkv => ("mkv", "libx264", "flac"),
        Layout::Mp4 => ("mp4", "libx264", "aac"),
        Layout::WebM => ("webm", "libvpx", "libvorbis"),
        Layout::Wav => ("wav", "copy", "pcm_s16le"),
    };
    let path = folder.join(format!("{name}.{ending}"));
    let mut command = Command::new("ffmpeg");
    command.args(["-hide_banner", "-nostdin", "-loglevel", "error", "-y"]);
    if let Some((width, height, rate)) = clip.picture {
        let source = format!("testsrc2=size={width}x{height}:rate={rate}");
        command.args(["-f", "lavfi", "-i", &source]);
    }
    if let Some(sound) = clip.sound {
        command.arg("-i").arg(sound);
    }
    if clip.picture.is_some() {
        command.args(["-c:v", video, "-pix_fmt", "yuv420p"]);
        if video == "libx264" {
            command.args(["-preset", "ultrafast", "-g", "60"]);
        } else {
            command.args(["-deadline", "realtime", "-cpu-used", "8", "-b:v", "1M"]);
        }
    }
    if clip.sound.is_some() {
        command.args(["-c:a", audio]);
    }
    command.args(["-t", &clip.seconds.to_string()]).args(clip.more).arg(&path);
    let said = output(&mut command, Duration::from_secs(120))?;
    ensure!(said.code == Some(0), "ffmpeg could not make {}: {}", path.display(), said.err);
    Ok(path)
}
