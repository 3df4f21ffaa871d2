//! `lectern-bench encode`: the processor time of the whole live graph beside that of the bare encoders on the same film.
//!
//! Both are paced in real time and decode the same film; so what is compared is everything that Lectern does beyond
//! encoding: normalising, metering, muxing, hashing, storing with fsync, serving.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde::Serialize;
use testkit::daemon::{Daemon, Setup, usage_of};
use testkit::probe::Process;
use testkit::speech::Plan;
use testkit::stopwatch::{Stopwatch, pause};
use testkit::talk::{Talk, looped};

use crate::bar::Bar;

/// Whole live graph over bare encoders.
const RATIO_MAX: f64 = 1.2;
/// Time that is not measured: start-up, GStreamer's registry, the first key frames.
const WARM_UP: Duration = Duration::from_secs(8);

/// How the bench is run.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    /// Whether the figures are printed as JSON.
    pub(crate) json: bool,
    /// How long each is watched.
    pub(crate) watch: Duration,
}

/// Processor time per second of media, in percent of one core.
#[derive(Debug, Clone, Copy, Serialize)]
struct Load {
    cpu_percent: f64,
    rss_mib: f64,
}

#[derive(Debug, Serialize)]
struct Outcome {
    lectern: Load,
    encoders: Load,
    source: Load,
    /// Both with the source that they share.
    ratio: f64,
    /// Both without it.
    ratio_without_source: f64,
    bars: Vec<Bar>,
}

/// Measures, prints and returns whether the bar was met.
///
/// # Errors
/// A program cannot be run.
pub(crate) fn run(options: &Options) -> Result<bool> {
    let home = tempfile::Builder::new().prefix("lectern-bench-").tempdir()?;
    let seconds = (options.watch + 2 * WARM_UP).as_secs_f64();
    let talk = Talk::make(&Plan { levels: vec![(-20.0, seconds)], ..Talk::minute() }, home.path())?;
    let film = talk.film(home.path())?;
    let source = launch(&source_only(&film), options.watch)?;
    let encoders = launch(&bare_encoders(&film), options.watch)?;
    let lectern = lectern(&film, options.watch)?;
    let ratio = lectern.cpu_percent / encoders.cpu_percent;
    let beyond = |load: Load| load.cpu_percent - source.cpu_percent;
    let ratio_without_source = beyond(lectern) / beyond(encoders);
    let bars = vec![
        Bar::at_most("whole live graph over bare encoders, both with the film's decoders", ratio, RATIO_MAX),
        Bar::at_most("whole live graph over bare encoders, both without", ratio_without_source, RATIO_MAX),
    ];
    let outcome = Outcome { lectern, encoders, source, ratio, ratio_without_source, bars };
    if options.json {
        crate::show(&serde_json::to_string_pretty(&outcome)?)
    } else {
        print(&outcome)
    }
    Ok(outcome.bars.iter().all(|bar| bar.met))
}

fn print(outcome: &Outcome) {
    let line = |name: &str, load: Load| {
        crate::show(&format!("{name:32} {:6.1} % of a core {:6.0} MiB", load.cpu_percent, load.rss_mib));
    };
    line("lectern, whole live graph", outcome.lectern);
    line("bare encoders, same film", outcome.encoders);
    line("the film's decoders alone", outcome.source);
    outcome.bars.iter().for_each(|bar| crate::show(&bar.to_string()));
}

fn lectern(film: &Path, watch: Duration) -> Result<Load> {
    let setup = Setup { inputs: vec![looped(film)], title: Some("Bench".to_owned()), ..Setup::default() };
    let daemon = Daemon::start(setup)?;
    daemon.live_session(Duration::from_secs(30))?;
    load_of(daemon.pid(), watch, || Ok(()))
}

/// The renditions of Lectern with the settings of Lectern, and nothing else.
fn bare_encoders(film: &Path) -> Vec<String> {
    let video =
        "queue ! videoconvert ! video/x-raw,format=I420,width=1280,height=720,framerate=30/1 ! tee name=t";
    let high = "t. ! queue ! x264enc tune=zerolatency speed-preset=veryfast bitrate=1800 key-int-max=60 \
                option-string=scenecut=0:open-gop=0 bframes=0 threads=2 ! video/x-h264,profile=main ! fakesink sync=true";
    let low = "t. ! queue ! videorate drop-only=true ! video/x-raw,framerate=15/1 ! videoscale ! \
               video/x-raw,width=480,height=270 ! x264enc tune=zerolatency speed-preset=veryfast bitrate=220 \
               key-int-max=30 option-string=scenecut=0:open-gop=0 bframes=0 threads=1 ! \
               video/x-h264,profile=constrained-baseline ! fakesink sync=true";
    let sound = "queue ! audioconvert ! audioresample ! audio/x-raw,format=F32LE,rate=48000,channels=2 ! \
                 audioconvert ! avenc_aac bitrate=96000 ! fakesink sync=true";
    words(&format!(
        "filesrc location={} ! decodebin name=d d. ! {video} {high} {low} d. ! {sound}",
        film.display()
    ))
}

/// The decoders alone.
fn source_only(film: &Path) -> Vec<String> {
    words(&format!(
        "filesrc location={} ! decodebin name=d d. ! queue ! fakesink sync=true d. ! queue ! fakesink sync=true",
        film.display()
    ))
}

fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(str::to_owned).collect()
}

fn launch(pipeline: &[String], watch: Duration) -> Result<Load> {
    let mut command = Command::new("gst-launch-1.0");
    command.arg("-q").args(pipeline).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::inherit());
    let mut process = Process(command.spawn().context("start gst-launch-1.0; is it installed?")?);
    let pid = process.0.id();
    load_of(pid, watch, || {
        ensure!(process.0.try_wait()?.is_none(), "{command:?} ended before it was measured");
        Ok(())
    })
}

/// Watches a process and its children for a while after they warmed up.
#[expect(clippy::cast_precision_loss, reason = "memory stays far below 2^53 bytes")]
fn load_of(pid: u32, watch: Duration, mut alive: impl FnMut() -> Result<()>) -> Result<Load> {
    pause(WARM_UP);
    let (stopwatch, before) = (Stopwatch::start(), usage_of(pid));
    pause(watch);
    let (elapsed, after) = (stopwatch.elapsed(), usage_of(pid));
    alive()?;
    ensure!(after.processes >= before.processes, "a process ended while it was measured");
    let used = after.cpu.saturating_sub(before.cpu);
    Ok(Load {
        cpu_percent: used.as_secs_f64() / elapsed.as_secs_f64() * 100.0,
        rss_mib: after.rss_bytes as f64 / f64::from(1 << 20),
    })
}
