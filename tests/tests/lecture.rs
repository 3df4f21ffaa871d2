//! The main job: a lecture with picture goes in, the room hears and sees it, live and afterwards.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use lectern_tests::recording;
use testkit::daemon::{Daemon, Setup};
use testkit::http::Client;
use testkit::llhls::{Goal, Report, Rule, Session, check_http, rules};
use testkit::promise::Promises;
use testkit::talk::{Talk, input};

const START_WITHIN: Duration = Duration::from_secs(60);
const END_WITHIN: Duration = Duration::from_secs(180);

/// The rules that a live session with sound and picture must have tried.
const LIVE: &[&Rule] = &[
    &rules::TARGET_BOUNDS_SEGMENTS,
    &rules::PART_TARGET_BOUNDS_PARTS,
    &rules::PARTS_FILL_TARGET,
    &rules::PART_HOLD_BACK,
    &rules::SKIP_UNTIL,
    &rules::DATES_ADD_UP,
    &rules::HINT,
    &rules::BLOCKING_ANSWER,
    &rules::DELTA,
    &rules::REPORTS_COMPLETE,
    &rules::REPORTS_TRUE,
    &rules::PART_LENGTH,
    &rules::SEGMENT_LENGTH,
    &rules::DECODE_TIMES,
    &rules::PARTS_JOIN,
    &rules::INDEPENDENT,
    &rules::KEY_FRAME,
    &rules::CODECS,
    &rules::RESOLUTION,
    &rules::BANDWIDTH,
    &rules::CUT_TOGETHER,
    &rules::DATES_AGREE,
    &rules::CROSS_PARSER,
];

/// The rules of HTTP that are tried on every playlist.
const HTTP: &[&Rule] = &[
    &rules::PLAYLIST_GZIP,
    &rules::CONDITIONAL,
    &rules::RANGE,
    &rules::RANGE_BEYOND,
    &rules::HEAD,
    &rules::PART_NEEDS_MSN,
    &rules::TOO_FAR,
    &rules::MISSING,
];

fn http_rules(session: &Session) -> Result<Report> {
    let mut report = Report::default();
    for track in &session.tracks {
        check_http(track.url(), &mut report)?;
    }
    Ok(report)
}

#[test]
fn a_lecture_keeps_its_promises_live_and_recorded() -> Result<()> {
    let home = tempfile::tempdir()?;
    let talk = Talk::make(&Talk::minute(), home.path())?;
    let film = talk.film(home.path())?;
    let title = Some("Sense and Sensibility".to_owned());
    let mut daemon = Daemon::start(Setup { inputs: vec![input(&film)], title, ..Setup::default() })?;
    let (id, url) = daemon.live_session(START_WITHIN)?;
    let mut promises = Promises::default();

    let mut live = Session::open(&url)?;
    ensure!(live.tracks.len() == 3, "three renditions: {:?}", live.multivariant);
    live.follow(&Goal::Segments(4), START_WITHIN)?;
    promises.check("HTTP follows the rules while live", || {
        let mut needed = HTTP.to_vec();
        needed.extend([&rules::HINT_HELD, &rules::PLAYLIST_FRESH, &rules::OVERFLOW_PART]);
        http_rules(&live)?.verdict(&needed)
    });
    promises.check("who comes late can rewind to the first sample", || rewinds_to_the_start(&url));
    live.follow(&Goal::Ended, END_WITHIN)?;
    live.check_across()?;
    live.tracks.iter_mut().for_each(testkit::llhls::Track::fetch_again);
    promises.check("the live playlists follow the rules", || live.whole_report().verdict(LIVE));

    let mut recorded = recording::load(&url)?;
    recorded.check_across()?;
    promises.check("the recording has the same URL and the same media", || same_media(&live, &recorded));
    promises.check("the recorded playlists follow the rules", || {
        recorded.whole_report().verdict(&[&rules::END_IS_QUIET, &rules::SEGMENT_LENGTH, &rules::CODECS])
    });
    promises.check("HTTP follows the rules for the recording", || http_rules(&recorded)?.verdict(HTTP));
    promises.check("every rendition plays in ffmpeg and GStreamer", || {
        recording::plays_everywhere(&recorded, &url)
    });
    promises.check("the audio entry plays without a picture", || audio_entry(&daemon, &id));
    let sound = recording::sound(&recorded)?;
    promises.check("every sample is there", || recording::holds_every_sample(&recorded, &talk, &sound));
    promises.check("it is as loud as promised", || recording::is_as_loud_as_promised(&talk, &sound, -16.0));
    promises.check("every picture is there or counted", || pictures_last(&daemon, &recorded, &talk));
    promises.check("the session exports to one file", || exports(&daemon, &id, &talk));
    promises.check("an orderly end is an end without error", || {
        let status = daemon.terminate()?;
        ensure!(status.success(), "the daemon ended with {status}\n{}", daemon.log());
        Ok(())
    });
    promises.verdict()
}

fn rewinds_to_the_start(url: &str) -> Result<()> {
    let mut late = Session::open(url)?;
    late.follow(&Goal::Segments(1), START_WITHIN)?;
    for track in &late.tracks {
        let (msn, first) = track.fetched.segments.first_key_value().context("no segment at all")?;
        ensure!(
            *msn == 0 && first.start == 0,
            "{} begins with segment {msn} at {}",
            track.url(),
            first.start
        );
    }
    late.whole_report().verdict(&[&rules::DECODE_TIMES])
}

fn same_media(live: &Session, recorded: &Session) -> Result<()> {
    for (one, two) in live.tracks.iter().zip(&recorded.tracks) {
        ensure!(
            one.fetched.segments.len() == two.fetched.segments.len(),
            "segments went or came in {}",
            one.url()
        );
        for (msn, segment) in &one.fetched.segments {
            let other = two.fetched.segments.get(msn).with_context(|| format!("segment {msn} is gone"))?;
            ensure!(segment.url == other.url && segment.bytes == other.bytes, "{} changed", segment.url);
        }
    }
    Ok(())
}

fn audio_entry(daemon: &Daemon, id: &str) -> Result<()> {
    let url = daemon.url(&format!("/hls/{id}/audio.m3u8"));
    let session = recording::load(&url)?;
    ensure!(!session.tracks.iter().any(recording::is_video), "audio.m3u8 brings a picture");
    recording::plays_everywhere(&session, &url)
}

/// Returns how many pictures of a track the node says that it left out.
fn dropped(daemon: &Daemon, track: &str) -> Result<u64> {
    let metrics = Client::new(START_WITHIN).get(&daemon.url("/metrics"))?.expect_status(200)?;
    let name = format!("lectern_pictures_dropped_total{{track=\"{track}\"}} ");
    let count = metrics.text()?.lines().find_map(|line| line.strip_prefix(&name)?.parse().ok());
    count.with_context(|| format!("no {name}"))
}

/// Every picture is there, or counted as left out; and the picture ends where the sound does, to the picture.
fn pictures_last(daemon: &Daemon, recorded: &Session, talk: &Talk) -> Result<()> {
    for track in recorded.tracks.iter().filter(|track| recording::is_video(track)) {
        let (mut ticks, mut pictures, mut timescale) = (0, 0, 0);
        for segment in track.fetched.segments.values() {
            let (init, _) = track.fetched.inits.get(&segment.init).context("each segment has an init")?;
            (ticks, pictures, timescale) =
                (ticks + segment.duration, pictures + segment.samples, u64::from(init.timescale));
        }
        let due = u64::try_from(talk.programme.samples.len() / 2 + recording::LEADER)?;
        // The lowest rendition has a picture every 3200 samples.
        let lasts = ticks * 48_000 / timescale.max(1);
        ensure!(lasts.abs_diff(due) <= 3200, "{} lasts {lasts} samples, the talk {due}", track.url());
        let name = track.url().rsplit('/').nth(1).context("a track has a name")?;
        let (rate_hz, lost) = (if name == "270p" { 15 } else { 30 }, dropped(daemon, name)?);
        ensure!(
            pictures + lost + 1 >= due * rate_hz / 48_000,
            "{name} holds {pictures} pictures and {lost} are counted as left out, of {}",
            due * rate_hz / 48_000
        );
    }
    Ok(())
}

fn exports(daemon: &Daemon, id: &str, talk: &Talk) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("talk.mp4");
    let (data, out) = (daemon.data().display().to_string(), path.display().to_string());
    let args = ["export", id, "--data", &data, "--out", &out];
    let outcome = testkit::daemon::run(&args, Duration::from_secs(60))?;
    ensure!(outcome.code == Some(0), "{outcome:?}");
    let decoded = testkit::probe::decode(&out, Duration::from_secs(90))?;
    ensure!(decoded.complaints.is_empty(), "ffmpeg on the export: {:#?}", decoded.complaints);
    let sound = testkit::probe::pcm(&out, 48_000, 2, Duration::from_secs(60))?;
    let due = recording::LEADER + talk.programme.samples.len() / 2;
    // The last AAC frames are filled up.
    let held = due..=due + 3 * recording::AAC_FRAME;
    ensure!(held.contains(&sound.frames()), "the export holds {} samples of {due}", sound.frames());
    Ok(())
}

#[test]
fn a_session_is_started_and_stopped_over_the_api_on_the_built_in_signal() -> Result<()> {
    let daemon = Daemon::start(Setup { inputs: vec!["test:".to_owned()], ..Setup::default() })?;
    let client = Client::new(Duration::from_secs(30));
    let order = serde_json::json!({ "title": "A test" });
    let started = client.post_json(&daemon.url("/api/v1/sessions"), &order)?.expect_status(201)?.json()?;
    let id = started.get("id").and_then(|id| id.as_str()).context("an id")?.to_owned();
    let url = daemon.url(&format!("/hls/{id}/index.m3u8"));
    let mut live = Session::open(&url)?;
    live.follow(&Goal::Segments(2), START_WITHIN)?;
    daemon.stop_session(&id)?;
    live.follow(&Goal::Ended, Duration::from_secs(30))?;
    live.check_across()?;
    live.whole_report().verdict(&[&rules::END_IS_QUIET, &rules::PARTS_JOIN, &rules::CUT_TOGETHER])?;
    let recorded = recording::load(&url)?;
    same_media(&live, &recorded)?;
    recording::plays_everywhere(&recorded, &url)
}
