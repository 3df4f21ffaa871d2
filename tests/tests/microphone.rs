//! A sound card as the node sees it: ALSA's `pulse` device over a PulseAudio server of the test's own.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use lectern_tests::recording;
use testkit::daemon::{Daemon, Setup};
use testkit::llhls::{Goal, Session, rules};
use testkit::probe::{Process, Sound, output, tone_hz};
use testkit::stopwatch::wait_until;

const START_WITHIN: Duration = Duration::from_secs(60);
/// The tone, and how exactly it must arrive.
const TONE_HZ: f64 = 997.0;
const TONE_OFF_HZ_MAX: f64 = 0.01;

fn spawn(command: &mut Command) -> Result<Process> {
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    Ok(Process(quiet.spawn().with_context(|| format!("start {command:?}; is it installed?"))?))
}

/// Starts a PulseAudio server with one null sink, whose monitor is the microphone.
fn pulseaudio(home: &Path) -> Result<Process> {
    let socket = home.join("pulse.socket");
    let mut command = Command::new("pulseaudio");
    command.args(["-n", "--daemonize=no", "--exit-idle-time=-1", "--disable-shm=yes", "--use-pid-file=no"]);
    command.arg(format!("--load=module-native-protocol-unix auth-anonymous=1 socket={}", socket.display()));
    command.arg("--load=module-null-sink sink_name=mic rate=48000 channels=2");
    command.env("HOME", home).env("XDG_RUNTIME_DIR", home).env_remove("DBUS_SESSION_BUS_ADDRESS");
    let server = spawn(&mut command)?;
    wait_until("PulseAudio's socket", START_WITHIN, || Ok(socket.exists().then_some(())))?;
    Ok(server)
}

fn tone(home: &Path) -> Result<std::path::PathBuf> {
    let path = home.join("tone.wav");
    let mut command = Command::new("sox");
    command
        .args(["-n", "-r", "48000", "-b", "16", "-c", "2"])
        .arg(&path)
        .args(["synth", "120", "sine", "997", "gain", "-20"]);
    ensure!(output(&mut command, START_WITHIN)?.code == Some(0), "sox made no tone");
    Ok(path)
}

#[test]
fn a_tone_at_the_microphone_arrives_at_its_pitch_through_the_whole_node() -> Result<()> {
    let home = tempfile::tempdir()?;
    let server = format!("unix:{}", home.path().join("pulse.socket").display());
    let _pulseaudio = pulseaudio(home.path())?;
    let mut play = Command::new("paplay");
    play.arg("--server").arg(&server).args(["-d", "mic"]).arg(tone(home.path())?);
    let _play = spawn(play.env("HOME", home.path()))?;
    let asound = home.path().join("asound.conf");
    let device = format!("type pulse server \"{server}\"");
    std::fs::write(
        &asound,
        format!(
            "</usr/share/alsa/alsa.conf>\npcm.room_mic {{ {device} device \"mic.monitor\" \
             hint {{ show on description \"Room mic\" }} }}\nctl.room_mic {{ {device} }}\n"
        ),
    )?;
    let env =
        [("ALSA_CONFIG_PATH", asound.display().to_string()), ("HOME", home.path().display().to_string())];
    let setup = Setup {
        inputs: vec!["alsa:room_mic".to_owned()],
        title: Some("Tone".to_owned()),
        env: env.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        ..Setup::default()
    };
    let daemon = Daemon::start(setup)?;
    let (id, url) = daemon.live_session(START_WITHIN)?;
    let mut live = Session::open(&url)?;
    live.follow(&Goal::Segments(10), START_WITHIN)?;
    daemon.stop_session(&id)?;
    live.whole_report().verdict(&[&rules::DECODE_TIMES, &rules::PARTS_FILL_TARGET])?;

    let heard = recording::sound(&recording::load(&url)?)?;
    // The gain settles at first, and the end may be cut: the tone in between is judged.
    let middle = heard.samples.get(6 * 96_000..18 * 96_000).context("twenty seconds were recorded")?;
    let middle = Sound { samples: middle.to_vec(), ..heard };
    let pitch = tone_hz(&middle)?;
    ensure!((pitch - TONE_HZ).abs() <= TONE_OFF_HZ_MAX, "{TONE_HZ} Hz arrived as {pitch} Hz");
    Ok(())
}
