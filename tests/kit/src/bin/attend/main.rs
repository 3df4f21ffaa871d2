//! Attends the live session of a node as a phone would, for some seconds, and prints what it got as JSON.
//!
//! `attend http://127.0.0.1:8080 SECONDS PID`: PID is the daemon, whose processor time and memory are measured meanwhile.
//! It judges nothing: what is good enough is for whoever reads the JSON.

#![expect(clippy::print_stdout, reason = "a program that prints its result")]

mod edge;
mod heard;
mod stretch;

use std::time::Duration;

use anyhow::{Context, Result, bail};
use testkit::daemon::{session_in, usage_of};
use testkit::http::Client;
use testkit::llhls::Session;
use testkit::stopwatch::{Stopwatch, pause, wait_until};

use self::heard::{Heard, Resources};

/// How long a session may take until it can be played.
const LIVE_WITHIN: Duration = Duration::from_secs(30);
/// What following may take longer than it was asked for: one blocking reload.
const SLACK: Duration = Duration::from_secs(20);

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [node, seconds, pid] = arguments.as_slice() else { bail!("usage: attend URL SECONDS PID") };
    let length = Duration::from_secs(seconds.parse().context("SECONDS is a whole number")?);
    let pid: u32 = pid.parse().context("PID is a process id")?;
    let playlist = live_playlist(node.trim_end_matches('/'))?;
    let following = Session::open(&playlist)?.follow_in_background(length + SLACK);
    let (watch, before) = (Stopwatch::start(), usage_of(pid));
    pause(length);
    let (after, took) = (usage_of(pid), watch.elapsed());
    let (mut session, outcome) = following.stop()?;
    outcome.context("follow the session")?;
    session.check_across()?;
    let used = Resources::between(before, after, took);
    println!("{}", serde_json::to_string_pretty(&Heard::of(&session, used)?)?);
    Ok(())
}

/// Waits until a session is live and every rendition of it can be played; returns its playlist's URL.
fn live_playlist(node: &str) -> Result<String> {
    let client = Client::new(Duration::from_secs(10));
    wait_until("a live session that can be played", LIVE_WITHIN, || {
        let live = session_in(&client, node, "live")?;
        let Some(id) = live.as_ref().and_then(|session| session.get("id")?.as_str()) else { return Ok(None) };
        let playlist = format!("{node}/hls/{id}/index.m3u8");
        let answer = client.get(&playlist)?;
        let playable = answer.status == 200 && answer.text()?.contains("#EXT-X-STREAM-INF");
        Ok(playable.then_some(playlist))
    })
}
