//! Runs the real clients - ffmpeg, ffprobe, GStreamer - with deadlines, and measures what they decode.

mod decode;
mod make;
mod measure;

pub use decode::{Decoded, Sound, decode, gst_plays, pcm};
pub use make::{Clip, Layout, make};
pub use measure::{lag, tone_hz};

use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};

use crate::stopwatch::wait_until;

/// What a program said.
#[derive(Debug, Clone)]
pub struct Output {
    /// Exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// Standard output as text.
    pub out: String,
    /// Standard error as text.
    pub err: String,
    /// Standard output as it was.
    pub raw: Vec<u8>,
}

/// Runs a program to its end.
///
/// # Errors
/// It cannot be started, or does not end within `within`: then it is killed, and the error shows what it said.
pub fn output(command: &mut Command, within: Duration) -> Result<Output> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().with_context(|| format!("start {command:?}; is it installed?"))?;
    let out = drain(child.stdout.take().context("stdout is piped")?);
    let err = drain(child.stderr.take().context("stderr is piped")?);
    let ended = wait_until(&format!("the end of {command:?}"), within, || Ok(child.try_wait()?));
    if ended.is_err() {
        stop(&mut child);
    }
    let raw = out.join().map_err(|_| anyhow!("the reader of stdout panicked"))?;
    let err = err.join().map_err(|_| anyhow!("the reader of stderr panicked"))?;
    let err = String::from_utf8_lossy(&err).into_owned();
    let status = ended.with_context(|| err.clone())?;
    Ok(Output { code: status.code(), out: String::from_utf8_lossy(&raw).into_owned(), err, raw })
}

fn drain(mut pipe: impl Read + Send + 'static) -> std::thread::JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut held = Vec::new();
        // A pipe that breaks has said all it will say.
        drop(pipe.read_to_end(&mut held));
        held
    })
}

/// A child process that is killed and reaped when it is dropped.
#[derive(Debug)]
pub struct Process(pub Child);

impl Drop for Process {
    fn drop(&mut self) {
        stop(&mut self.0);
    }
}

/// Kills and reaps a child that this process started.
fn stop(child: &mut Child) {
    drop(child.kill());
    drop(child.wait());
}
