//! Sound alone: a microphone without a camera, with short parts.

use std::time::Duration;

use anyhow::{Result, ensure};
use lectern_tests::recording;
use testkit::daemon::{Daemon, Setup};
use testkit::llhls::{Goal, Report, Session, check_http, rules};
use testkit::promise::Promises;
use testkit::talk::{Talk, input};

const START_WITHIN: Duration = Duration::from_secs(60);

#[test]
fn speech_alone_keeps_its_promises_with_short_parts() -> Result<()> {
    let home = tempfile::tempdir()?;
    let talk = Talk::make(&Talk::minute(), home.path())?;
    let setup = Setup {
        inputs: vec![input(&talk.sound)],
        title: Some("Sense and Sensibility".to_owned()),
        config: Some("[encoding]\nlatency = \"low\"\n".to_owned()),
        ..Setup::default()
    };
    let daemon = Daemon::start(setup)?;
    let (_, url) = daemon.live_session(START_WITHIN)?;
    let mut promises = Promises::default();
    let mut live = Session::open(&url)?;
    live.follow(&Goal::Segments(3), START_WITHIN)?;
    promises.check("parts are about 0.2 s long", || {
        let target = live.track("audio")?.playlist().and_then(|playlist| playlist.part_target);
        ensure!(target.is_some_and(|target| target.nanos <= 250_000_000), "PART-TARGET is {target:?}");
        Ok(())
    });
    promises.check("HTTP follows the rules while live", || {
        let mut report = Report::default();
        check_http(live.track("audio")?.url(), &mut report)?;
        report.verdict(&[&rules::HINT_HELD, &rules::OVERFLOW_PART])
    });
    live.follow(&Goal::Ended, Duration::from_secs(180))?;
    live.check_across()?;
    promises.check("the live playlist follows the rules", || {
        live.whole_report().verdict(&[&rules::PARTS_JOIN, &rules::PARTS_FILL_TARGET, &rules::CODECS])
    });
    let recorded = recording::load(&url)?;
    promises.check("it holds no picture", || {
        ensure!(!recorded.tracks.iter().any(recording::is_video), "{:?}", recorded.multivariant);
        Ok(())
    });
    promises.check("it plays in ffmpeg and GStreamer", || recording::plays_everywhere(&recorded, &url));
    let sound = recording::sound(&recorded)?;
    promises.check("every sample is there", || recording::holds_every_sample(&recorded, &talk, &sound));
    promises.check("it is as loud as promised", || recording::is_as_loud_as_promised(&talk, &sound, -16.0));
    promises.verdict()
}

#[test]
fn opus_is_offered_beside_aac_when_asked_for() -> Result<()> {
    let config = "[encoding]\nthin_audio = \"opus\"\nvideo_720p_bps = 0\nvideo_270p_bps = 0\n".to_owned();
    let setup = Setup {
        inputs: vec!["test:audio".to_owned()],
        title: Some("Thin".to_owned()),
        config: Some(config),
        ..Setup::default()
    };
    let daemon = Daemon::start(setup)?;
    let (_, url) = daemon.live_session(START_WITHIN)?;
    for (entrance, codec) in [("index.m3u8", "mp4a.40.2"), ("thin.m3u8", "opus")] {
        let mut live = Session::open(&url.replace("index.m3u8", entrance))?;
        live.follow(&Goal::Segments(2), START_WITHIN)?;
        live.check_across()?;
        let codecs: Vec<&str> = live
            .tracks
            .iter()
            .flat_map(|track| track.fetched.inits.values().map(|(init, _)| init.codec.as_str()))
            .collect();
        ensure!(codecs == [codec], "{entrance} offers {codecs:?}");
        live.whole_report().verdict(&[&rules::CODECS])?;
    }
    Ok(())
}
