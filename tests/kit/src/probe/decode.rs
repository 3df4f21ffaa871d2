//! Decoding with ffmpeg and GStreamer.

use std::process::Command;
use std::time::Duration;

use anyhow::{Result, ensure};

use super::{Output, output};

/// What ffmpeg says at every EXT-X-MAP after a playlist's first: it reads them all as one file. Nothing is lost by it.
const ANOTHER_MAP: &str = "Found duplicated MOOV Atom. Skipped it";

/// What ffmpeg decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    /// Pictures.
    pub frames: u64,
    /// Lines on standard error: complaints.
    pub complaints: Vec<String>,
}

/// Interleaved sound as a player gets it.
#[derive(Debug, Clone)]
pub struct Sound {
    /// Interleaved samples.
    pub samples: Vec<f32>,
    /// Samples per second and channel.
    pub rate_hz: u32,
    /// Channels.
    pub channels: u16,
}

impl Sound {
    /// Returns samples per channel.
    pub fn frames(&self) -> usize {
        self.samples.len() / usize::from(self.channels.max(1))
    }
}

/// Decodes everything behind `url` (a playlist, a file) with ffmpeg, as fast as it goes.
///
/// # Errors
/// ffmpeg fails or does not end within `within`.
pub fn decode(url: &str, within: Duration) -> Result<Decoded> {
    let mut command = Command::new("ffmpeg");
    command.args([
        "-hide_banner",
        "-nostdin",
        "-loglevel",
        "warning",
        "-xerror",
        "-progress",
        "pipe:1",
        "-i",
        url,
    ]);
    command.args(["-map", "0", "-f", "null", "-"]);
    let said = output(&mut command, within)?;
    ensure!(said.code == Some(0), "ffmpeg could not decode {url}: {}", said.err);
    let frames = said.out.lines().filter_map(|line| line.strip_prefix("frame=")).next_back();
    let complaints = said.err.lines().filter(|line| !line.trim().is_empty() && !line.ends_with(ANOTHER_MAP));
    let complaints = complaints.map(str::to_owned).collect();
    Ok(Decoded { frames: frames.and_then(|frames| frames.trim().parse().ok()).unwrap_or(0), complaints })
}

/// Decodes the sound behind `url` to samples.
///
/// # Errors
/// ffmpeg fails, complains, or does not end within `within`.
pub fn pcm(url: &str, rate_hz: u32, channels: u16, within: Duration) -> Result<Sound> {
    let mut command = Command::new("ffmpeg");
    command.args(["-hide_banner", "-nostdin", "-loglevel", "warning", "-i", url, "-vn", "-f", "f32le"]);
    command.args(["-ar", &rate_hz.to_string(), "-ac", &channels.to_string(), "pipe:1"]);
    let Output { code, err, raw, .. } = output(&mut command, within)?;
    ensure!(code == Some(0) && err.trim().is_empty(), "ffmpeg on {url}: {err}");
    let (samples, rest) = raw.as_chunks::<4>();
    ensure!(rest.is_empty(), "ffmpeg cut a sample of {url} in two");
    Ok(Sound { samples: samples.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect(), rate_hz, channels })
}

/// Plays `url` with GStreamer (`hlsdemux` for playlists) to its end into nothing, and returns how many decoded buffers
/// each stream brought, fewest first.
///
/// # Errors
/// GStreamer reports an error or a warning, or does not end within `within`.
pub fn gst_plays(url: &str, streams: usize, within: Duration) -> Result<Vec<usize>> {
    let mut command = Command::new("gst-launch-1.0");
    command.args(["-v", "uridecodebin"]).arg(format!("uri={url}")).arg("name=d");
    for index in 0..streams {
        command.args(["d.", "!", "queue", "!", "identity"]).arg(format!("name=count{index}"));
        command.args(["silent=false", "!", "fakesink", "sync=false"]);
    }
    let said = output(&mut command, within)?;
    let mut complaints =
        said.err.lines().chain(said.out.lines()).filter(|line| {
            line.starts_with("ERROR") || line.starts_with("WARNING") || line.contains("CRITICAL")
        });
    let complaint = complaints.next();
    ensure!(said.code == Some(0) && complaint.is_none(), "GStreamer on {url}: {complaint:?}\n{}", said.err);
    ensure!(said.out.contains("Got EOS"), "GStreamer did not reach the end of {url}:\n{}", said.err);
    let mut counts: Vec<usize> = (0..streams)
        .map(|index| format!("count{index}: last-message = chain"))
        .map(|buffer| said.out.lines().filter(|line| line.contains(&buffer)).count())
        .collect();
    counts.sort_unstable();
    Ok(counts)
}
