//! Lectern itself, watched as a player at the live edge watches it.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use testkit::daemon::{Daemon, Setup};
use testkit::http::{Client, join};
use testkit::playlist::{Media, Multivariant, Segment};
use testkit::stopwatch::Stopwatch;
use testkit::talk::looped;

use super::Measured;

/// Parts that are not measured: the encoders and the client's connections warm up.
const WARM_UP: Duration = Duration::from_secs(6);

/// Length of parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Latency {
    /// 0.5 s.
    Standard,
    /// 0.2 s.
    Low,
}

impl Latency {
    const fn name(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Low => "low",
        }
    }
}

/// Runs a daemon on the film and watches the sound and the 720p picture at once.
pub(crate) fn measure(latency: Latency, film: &Path, watch: Duration) -> Result<Vec<Measured>> {
    let name = latency.name();
    let setup = Setup {
        inputs: vec![looped(film)],
        title: Some("Bench".to_owned()),
        config: Some(format!("[encoding]\nlatency = \"{name}\"\n")),
        ..Setup::default()
    };
    let daemon = Daemon::start(setup)?;
    let (_, url) = daemon.live_session(Duration::from_secs(30))?;
    let text = Client::new(Duration::from_secs(20)).get(&url)?.expect_status(200)?.text()?;
    let tracks: Vec<String> = Multivariant::parse(&text)?
        .media_uris()
        .into_iter()
        .filter(|uri| !uri.contains("270p"))
        .map(|uri| join(&url, uri))
        .collect::<Result<_>>()?;
    std::thread::scope(|scope| {
        let watchers: Vec<_> = tracks.iter().map(|track| scope.spawn(|| follow(track, watch))).collect();
        let mut found = Vec::new();
        for (watcher, track) in watchers.into_iter().zip(&tracks) {
            let watched = watcher.join().map_err(|_| anyhow!("the watcher of {track} panicked"))??;
            let track = track.rsplit('/').nth(1).unwrap_or("?");
            let name = format!("lectern {name} {track}");
            found.push(Measured::new(&name, watched.delays_ms, watched.hold_back_s, watched.part_target_s)?);
        }
        Ok(found)
    })
}

#[derive(Debug, Default)]
struct Watched {
    delays_ms: Vec<f64>,
    hold_back_s: f64,
    part_target_s: f64,
}

fn follow(url: &str, watch: Duration) -> Result<Watched> {
    let client = Client::new(Duration::from_secs(20));
    let mut watched = Watched::default();
    let stopwatch = Stopwatch::start();
    let mut playlist = Media::parse(&client.get(url)?.expect_status(200)?.text()?)?;
    while stopwatch.elapsed() < watch + WARM_UP {
        let (msn, part) = playlist.next_part();
        let next = client.get(&format!("{url}?_HLS_msn={msn}&_HLS_part={part}"))?.expect_status(200)?;
        playlist = Media::parse(&next.text()?)?;
        let control = playlist.server_control.as_ref().context("a live playlist has EXT-X-SERVER-CONTROL")?;
        watched.hold_back_s = control.part_hold_back.context("PART-HOLD-BACK")?.as_f64();
        watched.part_target_s = playlist.part_target.context("PART-TARGET")?.as_f64();
        let asked = playlist.segments.iter().chain(&playlist.open).find(|segment| segment.msn == msn);
        let Some((uri, end_ms)) = asked.and_then(|segment| end_of(segment, part)) else { continue };
        let answer = client.get(&join(url, uri)?)?.expect_status(200)?;
        if stopwatch.elapsed() > WARM_UP {
            watched.delays_ms.push(answer.arrived.as_secs_f64() * 1000.0 - end_ms);
        }
    }
    Ok(watched)
}

/// Returns a part's URI and the wall time at which its last sample ends, milliseconds since 1970.
#[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 stay below 2^53")]
fn end_of(segment: &Segment, part: u64) -> Option<(&str, f64)> {
    let part = usize::try_from(part).ok()?;
    let until = segment.parts.get(..=part)?;
    let seconds: f64 = until.iter().map(|part| part.duration.as_f64()).sum();
    Some((until.last()?.uri.as_str(), segment.pdt_ms? as f64 + seconds * 1000.0))
}
