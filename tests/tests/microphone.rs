//! A sound card as the node sees it: ALSA's `pulse` device over a PulseAudio server of the test's own.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use lectern_tests::recording;
use testkit::daemon::{Daemon, Setup};
use testkit::http::Client;
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

/// Plays the tone into the microphone.
fn play(home: &Path) -> Result<Process> {
    let mut play = Command::new("paplay");
    play.arg("--server").arg(server(home)).args(["-d", "mic"]).arg(tone(home)?);
    spawn(play.env("HOME", home))
}

fn server(home: &Path) -> String {
    format!("unix:{}", home.join("pulse.socket").display())
}

/// Starts a node that listens to the microphone.
fn node(home: &Path) -> Result<Daemon> {
    let asound = home.join("asound.conf");
    let device = format!("type pulse server \"{}\"", server(home));
    std::fs::write(
        &asound,
        format!(
            "</usr/share/alsa/alsa.conf>\npcm.room_mic {{ {device} device \"mic.monitor\" \
             hint {{ show on description \"Room mic\" }} }}\nctl.room_mic {{ {device} }}\n"
        ),
    )?;
    let env = [("ALSA_CONFIG_PATH", asound.display().to_string()), ("HOME", home.display().to_string())];
    Daemon::start(Setup {
        inputs: vec!["alsa:room_mic".to_owned()],
        title: Some("Tone".to_owned()),
        env: env.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        ..Setup::default()
    })
}

#[test]
fn a_tone_at_the_microphone_arrives_at_its_pitch_through_the_whole_node() -> Result<()> {
    let home = tempfile::tempdir()?;
    let _pulseaudio = pulseaudio(home.path())?;
    let _play = play(home.path())?;
    let daemon = node(home.path())?;
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

/// Returns the gaps that the API tells: cause, begin and end in seconds.
fn gaps(daemon: &Daemon, id: &str) -> Result<Vec<(String, f64, f64)>> {
    let answer = Client::new(START_WITHIN).get(&daemon.url(&format!("/api/v1/sessions/{id}")))?;
    let detail = answer.expect_status(200)?.json()?;
    let gaps = detail.get("gaps").and_then(|gaps| gaps.as_array()).context("gaps")?;
    let number = |gap: &serde_json::Value, name: &str| gap.get(name).and_then(serde_json::Value::as_f64);
    let gap = |gap: &serde_json::Value| {
        let cause = gap.get("cause").and_then(|cause| cause.as_str())?.to_owned();
        Some((cause, number(gap, "from_seconds")?, number(gap, "to_seconds")?))
    };
    gaps.iter().map(|one| gap(one).with_context(|| format!("half a gap: {one}"))).collect()
}

/// Waits until the last gap that the API tells is as wished.
fn wait_for_gap(
    daemon: &Daemon,
    id: &str,
    what: &str,
    wish: impl Fn(&(String, f64, f64)) -> bool,
) -> Result<(String, f64, f64)> {
    let found = wait_until(what, START_WITHIN, || Ok(gaps(daemon, id)?.pop().filter(&wish)));
    found.with_context(|| daemon.log())
}

fn playlist(daemon: &Daemon, id: &str) -> Result<String> {
    let url = daemon.url(&format!("/hls/{id}/audio/index.m3u8"));
    Ok(Client::new(START_WITHIN).get(&url)?.expect_status(200)?.text()?.to_owned())
}

#[test]
fn a_microphone_that_was_away_is_a_gap_on_the_timeline_even_if_the_node_was_killed_meanwhile() -> Result<()> {
    let home = tempfile::tempdir()?;
    let server = pulseaudio(home.path())?;
    let mut daemon = node(home.path())?;
    let (id, url) = daemon.live_session(START_WITHIN)?;
    Session::open(&url)?.follow(&Goal::Segments(1), START_WITHIN)?;
    let is_lost = |gap: &(String, f64, f64)| gap.0 == "source_lost" && gap.2 - gap.1 > 3.0;

    drop(server);
    wait_for_gap(&daemon, &id, "a gap that lasts", is_lost)?;
    let open = playlist(&daemon, &id)?;
    let range =
        open.lines().find(|line| line.contains("X-CAUSE=\"source_lost\"")).context("no date range")?;
    ensure!(!range.contains("DURATION"), "it lasts: {range}");
    let server = pulseaudio(home.path())?;
    wait_until("the microphone to be back", START_WITHIN, || {
        Ok(daemon.log().contains("a source is back").then_some(()))
    })?;
    let first = wait_for_gap(&daemon, &id, "the gap", is_lost)?;
    let closed = playlist(&daemon, &id)?;
    let told = closed
        .split_once(",DURATION=")
        .and_then(|(_, rest)| rest.split(',').next()?.parse::<f64>().ok())
        .with_context(|| format!("no length of a gap in {closed}"))?;
    let missing = first.2 - first.1;
    ensure!((told - missing).abs() < 0.001, "the gap of {missing} s is told as {told} s");
    ensure!(!closed.contains("#EXT-X-DISCONTINUITY\n"), "media time goes on: {closed}");

    drop(server);
    let open = wait_for_gap(&daemon, &id, "another gap that lasts", |gap| gap.1 > first.2 && is_lost(gap))?;
    daemon.kill9()?;
    let _server = pulseaudio(home.path())?;
    daemon.restart()?;
    let (again, url) = daemon.live_session(START_WITHIN)?;
    ensure!(again == id, "{id} became {again}");
    Session::open(&url)?.follow(&Goal::Segments(1), START_WITHIN)?;
    let all = gaps(&daemon, &id)?;
    let [kept, lost, restart] = &all[..] else {
        bail!("two gaps of the source and one of the restart: {all:?}")
    };
    ensure!(*kept == first, "{first:?} became {kept:?}");
    ensure!(lost.1 == open.1 && lost.2 >= open.2 && lost.0 == "source_lost", "{open:?} became {lost:?}");
    // What is kept of the silence lies in a gap, but for the part that was on its way.
    ensure!(restart.0 == "restart" && restart.1 - lost.2 < 0.6, "{all:?}");
    daemon.stop_session(&id)
}
