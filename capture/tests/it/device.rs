//! The real audio path: a tone into a PulseAudio null sink, out of its monitor through ALSA's pulse plugin and cpal.
//!
//! PulseAudio and ALSA take their places from the environment, so the recording runs in a child: this test binary
//! again, with the ignored tests below.

use std::cell::Cell;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use model::wire::v1::{End, Pace, Report, SourceState};
use model::{Gap, GapCause, GapState};

use super::support::*;

/// What the device is called in the ALSA configuration.
const MIC: &str = "venue_mic";

/// How long the tone is recorded.
const SECONDS: usize = 120;

/// A private PulseAudio with a null sink, and a tone played into it.
struct Server {
    folder: tempfile::TempDir,
    children: Vec<Child>,
}

impl Server {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let asoundrc = format!(
            "pcm.{MIC} {{ type pulse device \"mic.monitor\" hint {{ show on description \"Venue mic\" }} }}\nctl.{MIC} {{ type pulse }}\n"
        );
        std::fs::write(folder.path().join(".asoundrc"), asoundrc).unwrap();
        let mut server = Self { folder, children: Vec::new() };
        server.begin();
        server
    }

    /// Starts PulseAudio.
    fn begin(&mut self) {
        let pulse = self.command(
            "pulseaudio",
            &[
                "-n",
                "--daemonize=no",
                "--exit-idle-time=-1",
                "--load=module-native-protocol-unix",
                "--load=module-null-sink sink_name=mic rate=48000",
            ],
        );
        self.spawn(pulse);
        // `pactl` answers when the server does.
        let answers = || self.command("pactl", &["info"]).output().unwrap().status.success();
        assert!((0..2000).any(|_| answers()), "PulseAudio does not start");
    }

    /// Ends PulseAudio and what plays into it, as pulling the plug would.
    fn end(&mut self) {
        for mut child in self.children.drain(..).rev() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Plays a tone of a minute into the sink.
    fn play_tone(&mut self) {
        let tone_path = self.folder.path().join("tone.wav");
        wav(&tone_path, 60 * 48_000, tone(440.0, 0.5));
        let play = self.command("paplay", &["-d", "mic", tone_path.to_str().unwrap()]);
        self.spawn(play);
    }

    fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        let home = self.folder.path();
        command.args(arguments).env("HOME", home).env("XDG_RUNTIME_DIR", home).env_remove("DISPLAY");
        command
            .env_remove("PULSE_SERVER")
            .env_remove("ALSA_CONFIG_PATH")
            .env_remove("DBUS_SESSION_BUS_ADDRESS");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    fn spawn(&mut self, mut command: Command) {
        self.children.push(command.spawn().expect("PulseAudio is installed"));
    }

    /// Runs one of the ignored tests of this binary as a child that hears this server.
    fn run_child(&self, test: &str, out: &Path) {
        let binary = std::env::current_exe().unwrap();
        run_child(self.command(binary.to_str().unwrap(), &[]), test, out);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}

/// Runs one of the ignored tests of this binary, the program of `child`, and demands that it ran and passed.
pub(crate) fn run_child(mut child: Command, test: &str, out: &Path) {
    let output = child
        .args(["--exact", test, "--ignored", "--nocapture"])
        .env("LECTERN_TEST_OUT", out)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"));
}

/// Hands the parent the sound of a recording that was stopped and lacks nothing.
pub(crate) fn hand_over_whole(recording: &Recording) {
    assert_eq!(recording.ended, Some(End::Stopped));
    let audio = &recording.tracks["audio"];
    for part in &audio.parts {
        let filled = part.closes.is_some_and(|close| close.loudness.unwrap().flags.filled);
        assert!(!filled, "segment {} holds silence that was not captured", part.segment.number);
    }
    std::fs::write(out_of_child(), audio.file()).unwrap();
}

pub(crate) fn out_of_child() -> std::path::PathBuf {
    std::env::var_os("LECTERN_TEST_OUT").expect("run by the test above").into()
}

#[test]
#[ignore = "run in a child by a_tone_from_a_device_keeps_its_pitch_and_every_sample"]
fn child_records_the_tone() {
    let mut start = start(&[&format!("alsa:{MIC}")]);
    start.pace = Pace::RealTime;
    let enough = |so_far: &Recording| so_far.levels.len() >= SECONDS * 10 + 20;
    hand_over_whole(&record_until(start, enough));
}

#[test]
fn a_tone_from_a_device_keeps_its_pitch_and_every_sample() {
    let mut server = Server::new();
    let tone_path = server.folder.path().join("tone.wav");
    wav(&tone_path, u32::try_from(SECONDS + 30).unwrap() * 48_000, tone(997.0, 0.25));
    let play = server.command("paplay", &["-d", "mic", tone_path.to_str().unwrap()]);
    server.spawn(play);
    let out = server.folder.path().join("out.mp4");
    server.run_child("device::child_records_the_tone", &out);
    let decoded = decode_sound(&std::fs::read(out).unwrap(), 1);
    // The first seconds belong to the player's start and to the normaliser, which settles.
    let steady = &decoded[6 * 48_000..SECONDS * 48_000];
    let (hz, worst) = pitch(steady, 997.0);
    assert!((hz - 997.0).abs() < 0.01, "{hz} Hz");
    assert!(worst < 0.5, "the phase is off by {worst} samples: one was added or lost");
}

/// Returns the frequency of a tone near `near`, and how far its phase strays from that of a steady tone, in samples.
pub(crate) fn pitch(samples: &[f32], near: f64) -> (f64, f64) {
    let window = 4800;
    let step = std::f64::consts::TAU * near / 48_000.0;
    let mut phases: Vec<f64> = Vec::new();
    for (n, block) in samples.chunks_exact(window).enumerate() {
        let (mut re, mut im) = (0.0, 0.0);
        for (k, value) in block.iter().enumerate() {
            let angle = step * f64::from(u32::try_from(n * window + k).unwrap());
            re += f64::from(*value) * angle.cos();
            im -= f64::from(*value) * angle.sin();
        }
        let mut phase = im.atan2(re);
        if let Some(last) = phases.last() {
            phase -= ((phase - last) / std::f64::consts::TAU).round() * std::f64::consts::TAU;
        }
        phases.push(phase);
    }
    // A straight line through the phases, by least squares.
    let count = f64::from(u32::try_from(phases.len()).unwrap());
    let places = || (0..).map(f64::from);
    let mean_x = (count - 1.0) / 2.0;
    let mean_y = phases.iter().sum::<f64>() / count;
    let covariance: f64 = places().zip(&phases).map(|(x, y)| (x - mean_x) * (y - mean_y)).sum();
    let variance: f64 = places().take(phases.len()).map(|x: f64| (x - mean_x).powi(2)).sum();
    let slope = covariance / variance;
    let worst = places()
        .zip(&phases)
        .map(|(x, y)| (y - mean_y - slope * (x - mean_x)).abs() / step)
        .fold(0.0, f64::max);
    let radians_per_sample = slope / f64::from(u32::try_from(window).unwrap());
    (near + radians_per_sample * 48_000.0 / std::f64::consts::TAU, worst)
}

#[test]
#[ignore = "run in a child by sources_show_the_device_and_its_level"]
fn child_lists_sources() {
    let clock: Arc<dyn model::Clock> = Arc::new(SystemClock::new());
    let all = capture::sources(capture::Probe::Levels, &clock);
    let json = serde_json::to_vec(&all).unwrap();
    std::fs::write(out_of_child(), json).unwrap();
}

#[test]
fn sources_show_the_device_and_its_level() {
    let mut server = Server::new();
    server.play_tone();
    let out = server.folder.path().join("sources.json");
    server.run_child("device::child_lists_sources", &out);
    let all: serde_json::Value = serde_json::from_slice(&std::fs::read(out).unwrap()).unwrap();
    let inputs: Vec<&str> =
        all.as_array().unwrap().iter().filter_map(|source| source["input"].as_str()).collect();
    assert!(!inputs.contains(&"alsa:null"), "{inputs:?}");
    let mic = all.as_array().unwrap().iter().find(|source| source["input"] == format!("alsa:{MIC}"));
    let mic = mic.unwrap_or_else(|| panic!("the device is listed: {inputs:?}"));
    assert_eq!(mic["problem"], serde_json::Value::Null);
    assert_eq!(mic["formats"][0], "48000 Hz, 2 channels, f32");
    let peak = mic["peak_dbfs"].as_f64().expect("a level reading");
    assert!((-6.5..=-5.5).contains(&peak), "{peak} dBFS");
}

#[test]
fn a_sound_server_that_hangs_is_named_and_holds_nothing_up() {
    let server = Server::new();
    let pulse = server.children[0].id().to_string();
    assert!(Command::new("kill").args(["-STOP", &pulse]).status().unwrap().success());
    let out = server.folder.path().join("sources.json");
    server.run_child("device::child_lists_sources", &out);
    let all: serde_json::Value = serde_json::from_slice(&std::fs::read(out).unwrap()).unwrap();
    let mic = all.as_array().unwrap().iter().find(|source| source["input"] == format!("alsa:{MIC}"));
    let mic = mic.unwrap_or_else(|| panic!("the device is listed: {all}"));
    assert_eq!(mic["name"], "Venue mic");
    assert!(mic["problem"].as_str().unwrap().contains("does not answer"), "{mic}");
}

#[test]
#[ignore = "run in a child by a_device_that_dies_is_said_to_be_lost_and_the_sound_goes_on"]
fn child_outlives_the_device() {
    let mut start = start(&[&format!("alsa:{MIC}")]);
    start.pace = Pace::RealTime;
    let lost = |so_far: &Recording| {
        so_far
            .other
            .iter()
            .any(|report| matches!(report, Report::Source { state: SourceState::Lost { .. }, .. }))
    };
    let enough = |so_far: &Recording| {
        // At this word the parent kills the server.
        if so_far.levels.len() == 20 {
            println!("recording");
        }
        lost(so_far) && so_far.levels.len() >= 60
    };
    let recording = record_until(start, enough);
    assert!(lost(&recording));
    let filled = recording.tracks["audio"].parts.iter().filter_map(|part| part.closes?.loudness);
    assert!(filled.filter(|loudness| loudness.flags.filled).count() >= 1, "the silence is flagged");
}

#[test]
fn a_device_that_dies_is_said_to_be_lost_and_the_sound_goes_on() {
    let mut server = Server::new();
    let binary = std::env::current_exe().unwrap();
    let arguments = ["--exact", "device::child_outlives_the_device", "--ignored", "--nocapture"];
    let mut child =
        server.command(binary.to_str().unwrap(), &arguments).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("recording")), "the child ended early");
    server.end();
    let rest: Vec<_> = lines.map_while(Result::ok).collect();
    assert!(child.wait().unwrap().success(), "{rest:?}");
}

/// Returns the gaps that were told so far, each word of them.
fn gaps(so_far: &Recording) -> impl DoubleEndedIterator<Item = (&Gap, GapState)> {
    so_far.other.iter().filter_map(|report| match report {
        Report::Gap { gap, state, .. } => Some((gap, *state)),
        _ => None,
    })
}

#[test]
#[ignore = "run in a child by a_device_that_comes_back_leaves_a_gap_as_long_as_it_was_away"]
fn child_hears_the_device_come_back() {
    let mut start = start(&[&format!("alsa:{MIC}")]);
    start.pace = Pace::RealTime;
    let (said, end) = (Cell::new(0), Cell::new(usize::MAX));
    let say = |step: u32, word: &str| {
        if said.get() + 1 == step {
            said.set(step);
            println!("{word}");
        }
    };
    let enough = |so_far: &Recording| {
        // At these words the parent ends the server, and starts it again.
        if so_far.levels.len() == 30 {
            say(1, "recording");
        }
        match gaps(so_far).next_back() {
            Some((gap, GapState::Open)) => {
                let audio = &so_far.tracks["audio"];
                let part = audio.parts.last().unwrap().part;
                let until = audio.track.timescale.media_time(part.start.after(part.duration));
                assert!(until <= gap.to, "a part up to {until:?} is out before {gap:?} is told");
                if gap.to.since(gap.from) > Duration::from_secs(3) {
                    say(2, "lost");
                }
            }
            Some((_, GapState::Closed)) => end.set(end.get().min(so_far.levels.len() + 30)),
            None => {}
        }
        so_far.levels.len() >= end.get()
    };
    let recording = record_until(start, enough);
    let all: Vec<_> = gaps(&recording).collect();
    let (gap, state) = all.last().unwrap();
    assert_eq!((*state, gap.cause), (GapState::Closed, GapCause::SourceLost));
    assert!(all.iter().all(|(other, _)| other.from == gap.from && other.to <= gap.to), "one gap: {all:?}");
    let audio = &recording.tracks["audio"];
    assert_eq!(gap.track.as_ref(), Some(&audio.track.name));
    for pair in audio.parts.windows(2) {
        assert_eq!(pair[0].part.start.after(pair[0].part.duration), pair[1].part.start, "media time goes on");
    }
    std::fs::write(out_of_child(), audio.file()).unwrap();
    println!("gap {} {}", gap.from.as_nanos(), gap.to.as_nanos());
}

#[test]
fn a_device_that_comes_back_leaves_a_gap_as_long_as_it_was_away() {
    let mut server = Server::new();
    server.play_tone();
    let out = server.folder.path().join("out.mp4");
    let binary = std::env::current_exe().unwrap();
    let arguments = ["--exact", "device::child_hears_the_device_come_back", "--ignored", "--nocapture"];
    let mut child = server.command(binary.to_str().unwrap(), &arguments);
    let mut child = child.env("LECTERN_TEST_OUT", &out).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    assert!(lines.any(|line| line.contains("recording")), "the child ended early");
    server.end();
    assert!(lines.any(|line| line.contains("lost")), "the child ended early");
    server.begin();
    server.play_tone();
    let gap = lines.find_map(|line| Some(line.split_once("gap ")?.1.to_owned()));
    let gap = gap.expect("the child tells the gap");
    assert!(child.wait().unwrap().success());
    let sample = |nanos: &str| nanos.parse::<usize>().unwrap() / 1000 * 48 / 1000;
    let (from, to) = gap.split_once(' ').map(|(from, to)| (sample(from), sample(to))).unwrap();
    let decoded = decode_sound(&std::fs::read(out).unwrap(), 1);
    let peak = |range: &[f32]| range.iter().fold(0.0_f32, |peak, value| peak.max(value.abs()));
    // An AAC packet spreads what is in it over its 2048 samples.
    assert!(peak(&decoded[from - 4800..from]) > 0.05, "the tone lasts up to the gap");
    assert!(peak(&decoded[from + 2048..to - 2048]) < 0.01, "the gap is silent");
    assert!(peak(&decoded[to..]) > 0.05, "the tone is back after the gap");
}
