//! What attendees have: the node's own page in a real browser. Screenshots are kept.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use lectern_tests::browser::{number, screens};
use serde_json::Value;
use testkit::daemon::{Daemon, Setup};
use testkit::probe::output;
use testkit::promise::Promises;
use testkit::talk::{Talk, looped};

/// A browser on two busy cores may need this long to start and to play for a while.
const BROWSE_WITHIN: Duration = Duration::from_secs(120);

fn browse(script: &str, page: &str, shot: &str, more: &[&str]) -> Result<Value> {
    let shot = screens()?.join(shot);
    let mut command = lectern_tests::browser::script(script, page)?;
    command.arg("--shot").arg(&shot).args(more);
    let said = output(&mut command, BROWSE_WITHIN)?;
    let seen: Value =
        serde_json::from_str(said.out.trim()).with_context(|| format!("{script} said {said:?}"))?;
    ensure!(said.code == Some(0), "{script} on {page}: {seen:#}\n{}", said.err);
    ensure!(shot.is_file(), "no screenshot in {}", shot.display());
    Ok(seen)
}

/// Checks that it played as time went by, without a fault.
fn played(seen: &Value, seconds: f64) -> Result<()> {
    let advanced = number(seen, "/last/position_s")? - number(seen, "/first/position_s")?;
    // Catching up may play 10 % faster; a starved machine may stall for a moment.
    ensure!(
        (seconds * 0.7..seconds * 1.3).contains(&advanced),
        "played {advanced} s in {seconds} s: {seen:#}"
    );
    ensure!(seen.pointer("/last/state").is_some_and(|state| state == "playing"), "{seen:#}");
    ensure!(seen.pointer("/last/media_error").is_some_and(Value::is_null), "{seen:#}");
    ensure!(number(seen, "/last/rebuilds")? == 0.0, "the player had to be rebuilt: {seen:#}");
    let fatal = seen
        .pointer("/last/last_error")
        .and_then(Value::as_str)
        .is_some_and(|error| error.ends_with("fatal"));
    ensure!(!fatal, "{seen:#}");
    ensure!(number(seen, "/last/bytes_decoded/audio")? > 1000.0, "no sound was decoded: {seen:#}");
    for empty in ["/failed", "/foreign", "/console"] {
        let list = seen.pointer(empty).and_then(Value::as_array).context("a list")?;
        ensure!(list.is_empty(), "{empty}: {list:#?}");
    }
    Ok(())
}

fn pictures(seen: &Value, seconds: f64) -> Result<()> {
    let frames = number(seen, "/last/frames")? - number(seen, "/first/frames")?;
    ensure!(frames > seconds * 8.0, "{frames} pictures in {seconds} s: {seen:#}");
    Ok(())
}

/// Checks that the sound played and that nothing but sound was ever asked for.
fn sound_alone(seen: &Value, id: &str, seconds: f64) -> Result<()> {
    played(seen, seconds)?;
    ensure!(seen.get("chosen").is_some_and(|chosen| chosen == "true"), "not chosen before Play: {seen:#}");
    let asked = seen.get("media").and_then(Value::as_array).context("media")?;
    let (entry, track) = (format!("/hls/{id}/audio.m3u8"), format!("/hls/{id}/audio/"));
    let asked: Vec<&str> = asked.iter().filter_map(Value::as_str).collect();
    ensure!(asked.contains(&entry.as_str()), "{entry} was not fetched: {asked:#?}");
    let pictures: Vec<_> = asked.iter().filter(|path| **path != entry && !path.starts_with(&track)).collect();
    ensure!(pictures.is_empty(), "pictures were asked for: {pictures:#?}");
    Ok(())
}

/// Checks that a device without network is told so, and comes back to the live edge.
fn cut_off(page: &str) -> Result<()> {
    let seen = browse("play.mjs", page, "live-cut.png", &["--seconds", "4", "--cut", "--phone"])?;
    let told = seen.pointer("/cut/problem").and_then(Value::as_str).unwrap_or_default();
    ensure!(told.contains("cannot be reached"), "the cut is not told: {seen:#}");
    ensure!(seen.pointer("/last/problem").is_some_and(Value::is_null), "{seen:#}");
    let (latency, target) = (number(&seen, "/last/latency_s")?, number(&seen, "/last/target_latency_s")?);
    ensure!((latency - target).abs() < 2.0, "not back at the edge: {seen:#}");
    Ok(())
}

#[test]
fn the_page_plays_live_and_recorded_and_sound_alone() -> Result<()> {
    let home = tempfile::tempdir()?;
    let talk = Talk::make(&Talk::minute(), home.path())?;
    let film = talk.film(home.path())?;
    let title = Some("Sense and Sensibility".to_owned());
    let daemon = Daemon::start(Setup { inputs: vec![looped(&film)], title, ..Setup::default() })?;
    let (id, _) = daemon.live_session(Duration::from_secs(60))?;
    let page = daemon.url(&format!("/s/{id}"));
    let mut promises = Promises::default();

    promises.check("live with picture, near the edge", || {
        let seen = browse("play.mjs", &page, "live.png", &["--seconds", "12"])?;
        played(&seen, 12.0)?;
        pictures(&seen, 12.0)?;
        let (latency, target) = (number(&seen, "/last/latency_s")?, number(&seen, "/last/target_latency_s")?);
        ensure!(
            (latency - target).abs() < 1.0,
            "{latency} s behind live, the target is {target} s: {seen:#}"
        );
        ensure!(seen.pointer("/last/live") == Some(&Value::Bool(true)), "{seen:#}");
        ensure!(seen.get("focus").is_some_and(|id| id == "media"), "a keyboard loses its place: {seen:#}");
        Ok(())
    });
    promises.check("live, dragged to the very beginning", || {
        let seen = browse("play.mjs", &page, "live-beginning.png", &["--seconds", "6", "--at", "0"])?;
        played(&seen, 6.0)?;
        pictures(&seen, 6.0)?;
        ensure!(number(&seen, "/first/position_s")? < 5.0, "not at the beginning: {seen:#}");
        Ok(())
    });
    promises.check("live, off the network and on again", || cut_off(&page));
    promises.check("live, sound alone from the middle", || {
        let later = ["--seconds", "8", "--listen", "later", "--phone"];
        let seen = browse("play.mjs", &page, "live-sound.png", &later)?;
        played(&seen, 8.0)?;
        let frames = number(&seen, "/last/frames")? - number(&seen, "/first/frames")?;
        ensure!(frames <= 0.0, "listening brings pictures: {seen:#}");
        Ok(())
    });
    promises.check("live, sound alone from the beginning: not one request for pictures", || {
        let first = ["--seconds", "6", "--listen", "first"];
        sound_alone(&browse("play.mjs", &page, "live-sound-first.png", &first)?, &id, 6.0)
    });
    daemon.stop_session(&id)?;
    promises.check("recorded, at the same address, from the beginning", || {
        let seen = browse("play.mjs", &page, "recorded.png", &["--seconds", "8"])?;
        played(&seen, 8.0)?;
        pictures(&seen, 8.0)?;
        ensure!(number(&seen, "/first/position_s")? < 5.0, "it does not begin at the beginning: {seen:#}");
        ensure!(number(&seen, "/last/duration_s")? > 20.0, "{seen:#}");
        Ok(())
    });
    promises.check("recorded, sound alone, as it was chosen on an earlier visit", || {
        let remembered = ["--seconds", "6", "--listen", "remembered", "--phone"];
        sound_alone(&browse("play.mjs", &page, "recorded-sound.png", &remembered)?, &id, 6.0)
    });
    promises.check("the list needs no script", || {
        let seen = browse("list.mjs", &daemon.url("/"), "list.png", &[])?;
        ensure!(number(&seen, "/status")? == 200.0, "{seen:#}");
        let text = seen.get("text").and_then(Value::as_str).unwrap_or_default();
        ensure!(text.contains("Sense and Sensibility"), "{seen:#}");
        let links = seen.get("links").and_then(Value::as_array).context("links")?;
        ensure!(links.iter().any(|link| link.as_str().is_some_and(|link| link.contains(&id))), "{seen:#}");
        ensure!(seen.get("language").is_some_and(Value::is_string), "{seen:#}");
        Ok(())
    });
    promises.verdict()
}
