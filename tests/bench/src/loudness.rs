//! `lectern-bench loudness`: accuracy and processor time of the normaliser beside ffmpeg's `loudnorm` in one pass and
//! `GStreamer`'s `audioloudnorm`, on the same programmes in the same run.

mod peers;

use std::time::Duration;

use anyhow::Result;
use serde::Serialize;
use testkit::speech::{Clips, Plan, Programme, Room, Score, codec, score};

use crate::bar::Bar;

/// Target of all three in LUFS.
const TARGET_LUFS: f64 = -16.0;

/// Runs of each normaliser over each programme; the fastest counts, as the one least disturbed.
const RUNS: usize = 3;

/// Processor time in milliseconds for a second of stereo sound: 200 times real time.
const CPU_MS_PER_S_MAX: f64 = 5.0;

/// How the bench is run.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    /// Whether the figures are printed as JSON.
    pub(crate) json: bool,
}

/// What a normaliser made of a programme.
struct Made {
    output: Vec<f32>,
    cpu: Duration,
}

/// One normaliser over all programmes.
#[derive(Debug, Default, Serialize)]
struct Measured {
    name: String,
    level_error_mean_lu: f64,
    level_error_max_lu: f64,
    integrated_error_max_lu: f64,
    true_peak_dbtp: f64,
    decoded_true_peak_dbtp: f64,
    pause_lift_max_db: f64,
    cpu_ms_per_s: f64,
    times_real_time: f64,
}

#[derive(Debug, Serialize)]
struct Outcome {
    seconds: f64,
    normalisers: Vec<Measured>,
    gain_moved_max_db: f64,
    bars: Vec<Bar>,
}

/// Measures, prints and returns whether every bar was met.
///
/// # Errors
/// A peer cannot be run.
pub(crate) fn run(options: &Options) -> Result<bool> {
    let home = tempfile::Builder::new().prefix("lectern-bench-").tempdir()?;
    let programmes = programmes()?;
    let ours = measure("lectern", &programmes, peers::ours)?;
    let loudnorm =
        measure("ffmpeg loudnorm", &programmes, |programme| peers::loudnorm(programme, home.path()))?;
    let audioloudnorm = measure("audioloudnorm", &programmes, peers::audioloudnorm)?;
    let mut gain_moved_max_db = 0f64;
    for programme in &programmes {
        let run = score::run(programme, ::loudness::Settings::default())?;
        gain_moved_max_db = gain_moved_max_db.max(run.score.moved_db.unwrap_or(0.0));
    }
    let seconds = programmes.iter().map(Programme::seconds).sum();
    let bars = bars(&ours, [&loudnorm, &audioloudnorm], gain_moved_max_db);
    let outcome =
        Outcome { seconds, normalisers: vec![ours, loudnorm, audioloudnorm], gain_moved_max_db, bars };
    if options.json {
        crate::show(&serde_json::to_string_pretty(&outcome)?);
    } else {
        print(&outcome);
    }
    Ok(outcome.bars.iter().all(|bar| bar.met))
}

/// Random and extreme jumps, a quiet and a noisy room, with and without long pauses.
fn programmes() -> Result<Vec<Programme>> {
    let clips = Clips::librivox()?;
    let plans = [
        Plan::random(1, 8),
        Plan::random(2, 8).room(Room::Fan(-45.0)),
        Plan::extreme(3, 6),
        Plan::random(4, 6).room(Room::Fan(-50.0)).pause_s(4.0),
        Plan::random(5, 6).room(Room::Knob(35.0)).pause_s(10.0),
    ];
    Ok(plans.iter().map(|plan| Programme::make(plan, &clips)).collect())
}

fn measure(
    name: &str,
    programmes: &[Programme],
    run: impl Fn(&Programme) -> Result<Made>,
) -> Result<Measured> {
    let mut measured = Measured {
        name: name.to_owned(),
        true_peak_dbtp: f64::NEG_INFINITY,
        decoded_true_peak_dbtp: f64::NEG_INFINITY,
        pause_lift_max_db: f64::NEG_INFINITY,
        ..Measured::default()
    };
    let (mut errors, mut cpu, mut seconds) = (Vec::new(), Duration::ZERO, 0.0);
    for programme in programmes {
        let mut made = run(programme)?;
        for _ in 1..RUNS {
            let again = run(programme)?;
            made.cpu = made.cpu.min(again.cpu);
        }
        let score = Score::of(programme, &made.output, TARGET_LUFS)?;
        errors.extend(score.levels.iter().map(|level| level.error_lu.abs()));
        let off_lu = (score.integrated_lufs - TARGET_LUFS).abs();
        measured.integrated_error_max_lu = measured.integrated_error_max_lu.max(off_lu);
        measured.true_peak_dbtp = measured.true_peak_dbtp.max(score.true_peak_dbtp);
        let decoded = codec::aac_true_peak_dbtp(&made.output)?;
        measured.decoded_true_peak_dbtp = measured.decoded_true_peak_dbtp.max(decoded);
        measured.pause_lift_max_db = score
            .lift_db
            .map_or(measured.pause_lift_max_db, |lift_db| measured.pause_lift_max_db.max(lift_db));
        cpu += made.cpu;
        seconds += programme.seconds();
    }
    measured.level_error_mean_lu = errors.iter().sum::<f64>() / errors.len() as f64;
    measured.level_error_max_lu = errors.iter().copied().fold(0.0, f64::max);
    measured.cpu_ms_per_s = cpu.as_secs_f64() * 1000.0 / seconds;
    measured.times_real_time = seconds / cpu.as_secs_f64();
    Ok(measured)
}

fn bars(ours: &Measured, peers: [&Measured; 2], gain_moved_max_db: f64) -> Vec<Bar> {
    let mut bars = vec![
        Bar::at_most("integrated loudness off the target, LU", ours.integrated_error_max_lu, 0.5),
        Bar::at_most("worst level against one constant gain, LU", ours.level_error_max_lu, 1.0),
        Bar::at_most("true peak after AAC and back, dBTP", ours.decoded_true_peak_dbtp, -1.0),
        Bar::at_most("gain moved in 100 ms after 3 s, dB", gain_moved_max_db, 0.5),
        Bar::at_most("noise of a pause above its level's gain, dB", ours.pause_lift_max_db, 6.0),
        Bar::at_most("processor time for a second of sound, ms", ours.cpu_ms_per_s, CPU_MS_PER_S_MAX),
    ];
    for peer in peers {
        let name = &peer.name;
        let accuracy = format!("mean level error beside {name}, LU");
        bars.push(Bar::at_most(accuracy, ours.level_error_mean_lu, peer.level_error_mean_lu));
        let worst = format!("worst level error beside {name}, LU");
        bars.push(Bar::at_most(worst, ours.level_error_max_lu, peer.level_error_max_lu));
        bars.push(Bar::at_most(
            format!("processor time beside {name}, ms"),
            ours.cpu_ms_per_s,
            peer.cpu_ms_per_s,
        ));
    }
    bars
}

fn print(outcome: &Outcome) {
    crate::show(&format!("{:.0} s of speech, levels judged from 3 s after each jump", outcome.seconds));
    crate::show("                   level error LU   I off   TP     decoded  pause    CPU     x real");
    crate::show("                   mean    max      LU      dBTP   dBTP     lift dB  ms/s    time");
    for measured in &outcome.normalisers {
        crate::show(&format!(
            "{:18} {:5.2}  {:5.2}    {:5.2}  {:6.2}  {:6.2}   {:6.1}   {:6.2}  {:6.0}",
            measured.name,
            measured.level_error_mean_lu,
            measured.level_error_max_lu,
            measured.integrated_error_max_lu,
            measured.true_peak_dbtp,
            measured.decoded_true_peak_dbtp,
            measured.pause_lift_max_db,
            measured.cpu_ms_per_s,
            measured.times_real_time
        ));
    }
    outcome.bars.iter().for_each(|bar| crate::show(&bar.to_string()));
}
