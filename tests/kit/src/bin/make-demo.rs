//! Makes the demo's media file: real recorded speech with wild level jumps, over a moving picture with a burnt-in clock.
//!
//! `make-demo OUT.mkv MINUTES`. The picture says how loud the microphone is, so that eyes can tell what ears should not.

#![expect(clippy::print_stdout, reason = "a program that says what it made")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use testkit::speech::{Clips, Level, Plan, Programme, RATE_HZ};

/// Pictures per second.
const FRAME_RATE: u32 = 30;
/// The chance behind the levels: the demo is the same everywhere.
const SEED: u64 = 12;
/// Levels are 8 to 20 s long.
const LEVEL_SECONDS_MEAN: u64 = 14;
/// The clock's font, from Debian's fonts-dejavu-core.
const FONT: &str = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf";

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [out, minutes] = arguments.as_slice() else { bail!("usage: make-demo OUT.mkv MINUTES") };
    let minutes: u64 = minutes.parse().context("MINUTES is a whole number")?;
    ensure!((1..=60).contains(&minutes), "MINUTES is a number from 1 to 60");
    let out = PathBuf::from(out);
    let count = usize::try_from(minutes * 60 / LEVEL_SECONDS_MEAN + 1)?;
    let programme = Programme::make(&Plan::random(SEED, count), &Clips::librivox()?);
    let folder = tempfile::tempdir().context("make a scratch folder")?;
    let sound = folder.path().join("speech.wav");
    programme.write(&sound)?;
    let picture = folder.path().join("picture.txt");
    std::fs::write(&picture, graph(&programme.levels)?).context("write the filter graph")?;
    // Whole under its final name, or not there: an interrupted run leaves nothing that looks finished.
    let unfinished = out.with_extension("unfinished.mkv");
    encode(&picture, &sound, programme.seconds(), &unfinished)?;
    std::fs::rename(&unfinished, &out).with_context(|| format!("rename to {}", out.display()))?;
    println!("{}: {:.0} s, {} levels", out.display(), programme.seconds(), programme.levels.len());
    Ok(())
}

/// Returns the filter graph of the picture: a slow sky, a ball, the clock, the microphone's level.
fn graph(levels: &[Level]) -> Result<String> {
    let rate = FRAME_RATE;
    let mut graph = format!(
        "gradients=s=320x180:r={rate}:c0=0x0b2b3a:c1=0x41204a:c2=0x14462e:n=3:speed=0.008:seed=7,scale=1280:720[sky];
color=c=0xf2b134:s=40x40:r={rate}[ball];
[sky][ball]overlay=x='(W-w)*abs(mod(t/4\\,2)-1)':y='H-130-220*abs(sin(t*2))',
drawtext=fontfile={FONT}:text='Lectern demo':x=60:y=50:fontsize=44:fontcolor=white@0.9,
drawtext=fontfile={FONT}:text='%{{pts\\:hms}}':x=20:y=130:fontsize=110:fontcolor=white,
drawbox=x=60:y=350:w=800:h=16:color=white@0.2:t=fill"
    );
    for level in levels {
        let (from, to) = (seconds(level.span.start)?, seconds(level.span.end)?);
        // The bar spans -50 to 0 LUFS over 800 pixels.
        let width = ((level.lufs + 50.0) * 16.0).clamp(1.0, 800.0);
        write!(
            graph,
            ",\ndrawtext=fontfile={FONT}:text='microphone {:.0} LUFS':x=60:y=290:fontsize=40:fontcolor=0xf2b134:enable='gte(t\\,{from})*lt(t\\,{to})',
drawbox=x=60:y=350:w={width:.0}:h=16:color=0xf2b134:t=fill:enable='gte(t\\,{from})*lt(t\\,{to})'",
            level.lufs
        )?;
    }
    graph.push_str(",\nformat=yuv420p\n");
    Ok(graph)
}

fn seconds(frame: usize) -> Result<f64> {
    Ok(f64::from(u32::try_from(frame).context("a programme of at most a day")?) / f64::from(RATE_HZ))
}

fn encode(picture: &Path, sound: &Path, seconds: f64, out: &Path) -> Result<()> {
    let status = Command::new("ffmpeg")
        .args(["-hide_banner", "-loglevel", "error", "-y", "-i"])
        .arg(sound)
        .arg("-filter_complex_script")
        .arg(picture)
        .args(["-c:v", "libx264", "-preset", "ultrafast", "-crf", "24", "-g", "60", "-c:a", "pcm_s16le"])
        .args(["-map", "0:a", "-t", &format!("{seconds:.3}")])
        .arg(out)
        .status()
        .context("start ffmpeg")?;
    ensure!(status.success(), "ffmpeg could not make the file (see above)");
    Ok(())
}
