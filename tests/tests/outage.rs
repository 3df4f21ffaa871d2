//! A page that is open while the node goes away and comes back: it says so, keeps its place, and goes on by itself.

use std::io::{BufRead, BufReader, Write};
use std::process::{ChildStdin, ChildStdout, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use lectern_tests::browser::{number, screens, script};
use serde_json::Value;
use testkit::daemon::{Daemon, Setup};
use testkit::probe::Process;
use testkit::promise::Promises;
use testkit::talk::{Talk, looped};

const START_WITHIN: Duration = Duration::from_secs(60);
/// How much is recorded before the first page is opened: more than a page loads ahead.
const RECORDED: Duration = Duration::from_secs(35);
/// A listener at the live edge is told to be no further behind than this after an outage, seconds.
const BEHIND_MAX_S: f64 = 5.0;

/// A page in a browser. Dropped, the browser's script is ended; it gives up by itself within minutes in any case.
struct Page {
    /// Kept so that the script is ended with the page.
    _script: Process,
    orders: ChildStdin,
    words: BufReader<ChildStdout>,
}

impl Page {
    fn open(page: &str, shots: &str, more: &[&str]) -> Result<Self> {
        let mut command = script("outage.mjs", page)?;
        command.arg("--shots").arg(screens()?.join(shots)).args(more);
        let mut script = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let orders = script.stdin.take().context("stdin is piped")?;
        let words = BufReader::new(script.stdout.take().context("stdout is piped")?);
        Ok(Self { _script: Process(script), orders, words })
    }

    /// Waits for a step of the script and returns what it saw there.
    fn step(&mut self, due: &str) -> Result<Value> {
        let mut line = String::new();
        self.words.read_line(&mut line)?;
        let seen: Value =
            serde_json::from_str(line.trim()).with_context(|| format!("the script said {line:?}"))?;
        ensure!(seen.get("step").is_some_and(|step| step == due), "not {due}, but {seen:#}");
        Ok(seen)
    }

    fn go_on(&mut self) -> Result<()> {
        Ok(self.orders.write_all(b"go\n")?)
    }
}

/// What was seen before, in and after an outage.
struct Seen {
    playing: Value,
    away: Value,
    back: Value,
}

/// Opens a page, kills the node while it plays, and starts it again at the same address.
fn outage(daemon: &mut Daemon, path: &str, shots: &str, more: &[&str]) -> Result<Seen> {
    let mut page = Page::open(&daemon.url(path), shots, more)?;
    let playing = page.step("playing")?;
    ensure!(playing.get("problem").is_some_and(Value::is_null), "{playing:#}");
    daemon.kill9()?;
    page.go_on()?;
    let away = page.step("away");
    daemon.restart_in_place()?;
    page.go_on()?;
    let (away, back) = (away?, page.step("back")?);
    ensure!(back.get("problem").is_some_and(Value::is_null), "{back:#}");
    ensure!(away.get("go_live").is_some_and(|shown| shown == false), "no way to go live: {away:#}");
    Ok(Seen { playing, away, back })
}

fn says(seen: &Value, what: &str) -> Result<()> {
    let said = seen.get("problem").and_then(Value::as_str).unwrap_or_default();
    ensure!(said.contains("cannot be reached") && said.contains(what), "{seen:#}");
    Ok(())
}

fn goes_live(seen: &Value, shown: bool) -> Result<()> {
    ensure!(seen.get("go_live").is_some_and(|go_live| go_live == shown), "Go live: {seen:#}");
    Ok(())
}

/// Checks that the player stands still.
fn stands(seen: &Value) -> Result<()> {
    ensure!(seen.get("state").is_some_and(|state| state == "offline"), "{seen:#}");
    says(seen, "Trying again")
}

/// At the live edge before, at the live edge after.
fn live_stays_live(daemon: &mut Daemon, path: &str) -> Result<()> {
    let seen = outage(daemon, path, "outage-live", &["--until", "offline"])?;
    stands(&seen.away)?;
    goes_live(&seen.playing, false)?;
    goes_live(&seen.back, false)?;
    let behind = number(&seen.back, "/latency_s")?;
    ensure!((0.0..BEHIND_MAX_S).contains(&behind), "{behind} s behind live: {:#}", seen.back);
    Ok(())
}

/// Behind the live edge, with enough loaded: the outage is told, and nothing else happens.
fn what_is_loaded_plays_on(daemon: &mut Daemon, path: &str) -> Result<()> {
    let seen = outage(daemon, path, "outage-behind", &["--until", "told", "--from-start"])?;
    goes_live(&seen.playing, true)?;
    says(&seen.away, "What is loaded plays on")?;
    ensure!(seen.away.get("state").is_some_and(|state| state == "playing"), "{:#}", seen.away);
    goes_live(&seen.back, true)?;
    ensure!(number(&seen.back, "/rebuilds")? == 0.0, "what was loaded was thrown away: {:#}", seen.back);
    let places = [&seen.playing, &seen.away, &seen.back].map(|step| number(step, "/position_s"));
    let [playing, away, back] = places;
    let (playing, away, back) = (playing?, away?, back?);
    ensure!(playing < away && away < back, "from {playing} s to {away} s to {back} s");
    Ok(())
}

/// A recording stands still where the outage caught it, and goes on there.
fn a_recording_keeps_its_place(daemon: &mut Daemon, path: &str) -> Result<()> {
    let more = ["--until", "offline", "--at", "12", "--ahead", "6"];
    let seen = outage(daemon, path, "outage-recorded", &more)?;
    stands(&seen.away)?;
    let [playing, away, back] =
        [&seen.playing, &seen.away, &seen.back].map(|step| number(step, "/position_s"));
    let (playing, away, back) = (playing?, away?, back?);
    ensure!(playing > 12.0 && away >= playing, "from {playing} s to {away} s");
    // It is looked at two seconds after it went on.
    ensure!((away..away + 8.0).contains(&back), "it stood at {away} s and went on to {back} s");
    ensure!(number(&seen.back, "/rebuilds")? == 0.0, "{:#}", seen.back);
    Ok(())
}

#[test]
fn an_open_page_outlives_the_node_and_keeps_its_place() -> Result<()> {
    let home = tempfile::tempdir()?;
    let talk = Talk::make(&Talk::minute(), home.path())?;
    let film = talk.film(home.path())?;
    let title = Some("Persuasion".to_owned());
    let mut daemon = Daemon::start(Setup { inputs: vec![looped(&film)], title, ..Setup::default() })?;
    let (id, _) = daemon.live_session(START_WITHIN)?;
    testkit::stopwatch::pause(RECORDED);
    let path = format!("/s/{id}");
    let mut promises = Promises::default();

    promises.check("behind live, what is loaded plays on", || what_is_loaded_plays_on(&mut daemon, &path));
    daemon.live_session(START_WITHIN)?;
    promises
        .check("at the live edge, it comes back to the live edge", || live_stays_live(&mut daemon, &path));
    daemon.live_session(START_WITHIN)?;
    daemon.stop_session(&id)?;
    promises.check("a recording keeps its place", || a_recording_keeps_its_place(&mut daemon, &path));
    promises.verdict()
}
