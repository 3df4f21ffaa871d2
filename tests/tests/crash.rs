//! Power cuts and orderly ends: what was published stays, the gap is told, the session goes on.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use lectern_tests::recording;
use testkit::daemon::{Daemon, Setup};
use testkit::http::Client;
use testkit::llhls::{Fetched, Goal, Session, rules};
use testkit::promise::Promises;
use testkit::talk::{Talk, looped};

const START_WITHIN: Duration = Duration::from_secs(60);
/// How far the date jump over a gap may differ from the jump of media time: the two clocks of a run are read one after
/// the other, and a busy machine may pause between.
const GAP_ROUNDING_MS: i64 = 50;

fn sessions(daemon: &Daemon) -> Result<Vec<serde_json::Value>> {
    let answer = Client::new(Duration::from_secs(10)).get(&daemon.url("/api/v1/sessions"))?;
    let page = answer.expect_status(200)?.json()?;
    Ok(page.get("sessions").and_then(|list| list.as_array()).context("a list of sessions")?.clone())
}

#[test]
fn a_killed_daemon_loses_at_most_one_part_and_goes_on_in_the_same_session() -> Result<()> {
    let home = tempfile::tempdir()?;
    let talk = Talk::make(&Talk::minute(), home.path())?;
    let film = talk.film(home.path())?;
    let title = Some("Cut".to_owned());
    let mut daemon = Daemon::start(Setup { inputs: vec![looped(&film)], title, ..Setup::default() })?;
    let (id, url) = daemon.live_session(START_WITHIN)?;
    let mut promises = Promises::default();

    let mut before = Session::open(&url)?;
    before.follow(&Goal::Segments(3), START_WITHIN)?;
    let following = before.follow_in_background(Duration::from_secs(60));
    testkit::stopwatch::pause(Duration::from_millis(3300));
    daemon.kill9()?;
    let (before, cut) = following.stop()?;
    ensure!(cut.is_err(), "the follower did not notice the cut");

    daemon.restart()?;
    let (again, url) = daemon.live_session(START_WITHIN)?;
    promises.check("the same session goes on, and no other begins", || {
        let all = sessions(&daemon)?;
        ensure!(again == id && all.len() == 1, "{id} became {again}: {all:#?}");
        Ok(())
    });
    let mut after = Session::open(&url)?;
    after.follow(&Goal::Segments(3), START_WITHIN)?;
    daemon.stop_session(&again)?;
    after.follow(&Goal::Ended, START_WITHIN)?;
    after.check_across()?;

    for track in &before.tracks {
        let name = track.url().rsplit('/').nth(1).context("a track has a name")?.to_owned();
        let kept = &after.track(&name)?.fetched;
        promises
            .check(&format!("{name} lost at most one part"), || lost_at_most_one_part(&track.fetched, kept));
        promises.check(&format!("the timeline of {name} tells the gap"), || tells_the_gap(kept));
    }
    promises.check("the API tells the gap", || api_tells_the_gap(&daemon, &id));
    promises.check("the playlists follow the rules across the gap", || {
        after.whole_report().verdict(&[&rules::DATES_PRESENT, &rules::DECODE_TIMES, &rules::END_IS_QUIET])
    });
    let recorded = recording::load(&url)?;
    promises.check("everything plays", || recording::plays_everywhere(&recorded, &url));
    promises.check("an orderly end follows", || {
        let status = daemon.terminate()?;
        ensure!(status.success(), "the daemon ended with {status}");
        Ok(())
    });
    promises.check("the cache has nothing to mend", || {
        let data = daemon.data().display().to_string();
        let outcome = testkit::daemon::run(&["cache", "check", "--data", &data], Duration::from_secs(30))?;
        ensure!(outcome.code == Some(0), "{outcome:?}");
        Ok(())
    });
    promises.verdict()
}

/// Path of a URL: the daemon comes back on another port.
fn path(url: &str) -> &str {
    url.splitn(4, '/').nth(3).unwrap_or(url)
}

fn lost_at_most_one_part(fetched: &Fetched, kept: &Fetched) -> Result<()> {
    let kept: BTreeMap<&str, &[u8]> = kept
        .segments
        .values()
        .filter_map(|segment| Some((path(&segment.url), segment.bytes.as_deref()?)))
        .collect();
    let last = fetched.segments.keys().next_back().context("nothing was fetched before the cut")?;
    for (msn, segment) in &fetched.segments {
        if let Some(bytes) = &segment.bytes {
            let now = kept.get(path(&segment.url)).with_context(|| format!("{} is gone", segment.url))?;
            ensure!(*now == bytes.as_slice(), "{} changed", segment.url);
            continue;
        }
        ensure!(msn == last, "segment {msn} was never complete, but {last} came after it");
        // Parts are named after their segment: `{run}-{number}.{part}.m4s` belongs to `{run}-{number}.m4s`.
        let Some(first) = segment.parts.first() else { continue };
        let name = path(&first.url).rsplit_once(".0.m4s").context("the first part is number 0")?.0;
        let now = kept.get(format!("{name}.m4s").as_str()).copied().unwrap_or_default();
        let mut held = 0;
        let mut rest = now;
        for part in &segment.parts {
            match rest.strip_prefix(part.bytes.as_slice()) {
                Some(after) => (held, rest) = (held + 1, after),
                None => break,
            }
        }
        ensure!(
            held + 1 >= segment.parts.len(),
            "of {} parts that were out, {held} were kept",
            segment.parts.len()
        );
    }
    Ok(())
}

fn tells_the_gap(kept: &Fetched) -> Result<()> {
    let mut segments = kept.segments.values();
    let mut before = segments.next().context("no segment")?;
    let mut gaps = 0;
    for segment in segments {
        if segment.discontinuity {
            gaps += 1;
            let (init, _) = kept.inits.get(&segment.init).context("the run has an init")?;
            let ms = |ticks: u64| i64::try_from(ticks * 1000 / u64::from(init.timescale));
            let media = ms(segment.start)? - ms(before.start)?;
            let dates = before.pdt_ms.zip(segment.pdt_ms).map(|(one, two)| two - one);
            let dates = dates.context("both sides of the gap have dates")?;
            ensure!(media > ms(before.duration)?, "media time did not move over the gap");
            ensure!((dates - media).abs() <= GAP_ROUNDING_MS, "dates moved {dates} ms, media {media} ms");
            ensure!(segment.init != before.init, "the run after the gap has no init segment of its own");
        }
        before = segment;
    }
    ensure!(gaps == 1, "{gaps} discontinuities where one is due");
    Ok(())
}

fn api_tells_the_gap(daemon: &Daemon, id: &str) -> Result<()> {
    let answer = Client::new(Duration::from_secs(10)).get(&daemon.url(&format!("/api/v1/sessions/{id}")))?;
    let detail = answer.expect_status(200)?.json()?;
    let gaps = detail.get("gaps").and_then(|gaps| gaps.as_array()).context("gaps")?;
    let number = |gap: &serde_json::Value, name: &str| gap.get(name).and_then(serde_json::Value::as_f64);
    for gap in gaps {
        let length = number(gap, "to_seconds").zip(number(gap, "from_seconds")).map(|(to, from)| to - from);
        if gap.get("cause").is_some_and(|cause| cause == "restart")
            && length.is_some_and(|length| length > 0.0)
        {
            return Ok(());
        }
    }
    bail!("no gap of a restart in {detail:#}")
}

#[test]
fn a_killed_capture_process_costs_a_gap_and_nothing_else() -> Result<()> {
    let title = Some("Driver crash".to_owned());
    let daemon = Daemon::start(Setup { inputs: vec!["test:".to_owned()], title, ..Setup::default() })?;
    let (id, url) = daemon.live_session(START_WITHIN)?;
    let mut live = Session::open(&url)?;
    live.follow(&Goal::Segments(2), START_WITHIN)?;
    daemon.kill_capture()?;
    // The playlists stay where they are and the same followers go on: nobody has to reload a page.
    live.follow(&Goal::Segments(3), START_WITHIN)?;
    daemon.stop_session(&id)?;
    live.follow(&Goal::Ended, START_WITHIN)?;
    live.check_across()?;
    let mut promises = Promises::default();
    for track in &live.tracks {
        promises.check(&format!("the timeline of {} tells the gap", track.url()), || {
            tells_the_gap(&track.fetched)
        });
    }
    promises.check("the playlists follow the rules across the gap", || {
        live.whole_report().verdict(&[&rules::DATES_PRESENT, &rules::SEGMENTS_STAY, &rules::PARTS_JOIN])
    });
    promises.check("everything plays", || recording::plays_everywhere(&recording::load(&url)?, &url));
    promises.verdict()
}

#[test]
fn a_starved_capture_drops_pictures_and_keeps_the_rules() -> Result<()> {
    let title = Some("Starved".to_owned());
    let daemon = Daemon::start(Setup { inputs: vec!["test:".to_owned()], title, ..Setup::default() })?;
    let (id, url) = daemon.live_session(START_WITHIN)?;
    let mut live = Session::open(&url)?;
    live.follow(&Goal::Segments(1), START_WITHIN)?;
    daemon.stall_capture(Duration::from_millis(1500))?;
    live.follow(&Goal::Segments(4), START_WITHIN)?;
    daemon.stop_session(&id)?;
    live.follow(&Goal::Ended, START_WITHIN)?;
    live.check_across()?;
    live.whole_report().verdict(&[&rules::KEY_FRAME, &rules::DECODE_TIMES, &rules::CUT_TOGETHER])?;
    recording::plays_everywhere(&recording::load(&url)?, &url)
}

#[test]
fn an_orderly_end_closes_the_recording() -> Result<()> {
    let title = Some("Stopped".to_owned());
    let mut daemon = Daemon::start(Setup { inputs: vec!["test:".to_owned()], title, ..Setup::default() })?;
    let (_, url) = daemon.live_session(START_WITHIN)?;
    let mut live = Session::open(&url)?;
    live.follow(&Goal::Segments(2), START_WITHIN)?;
    let following = live.follow_in_background(Duration::from_secs(60));
    let status = daemon.terminate()?;
    let (live, _) = following.stop()?;
    ensure!(status.success(), "the daemon ended with {status}");

    daemon.restart_without_inputs()?;
    let ended = daemon.session("ended", Duration::from_secs(10))?;
    let id = ended.get("id").and_then(|id| id.as_str()).context("an id")?;
    let url = daemon.url(&format!("/hls/{id}/index.m3u8"));
    let recorded = recording::load(&url)?;
    for (one, two) in live.tracks.iter().zip(&recorded.tracks) {
        for (msn, segment) in &one.fetched.segments {
            let kept = two.fetched.segments.get(msn).with_context(|| format!("segment {msn} is gone"))?;
            let kept = kept.bytes.as_deref().unwrap_or_default();
            let out: Vec<u8> = segment.parts.iter().flat_map(|part| part.bytes.clone()).collect();
            ensure!(
                kept.starts_with(&out),
                "parts of segment {msn} of {} were lost in an orderly end",
                one.url()
            );
        }
    }
    recording::plays_everywhere(&recorded, &url)
}
