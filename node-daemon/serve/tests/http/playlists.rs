//! Playlists on the wire: blocking reload, delta updates, hints, restarts.

use std::io::Read as _;
use std::time::Duration;

use axum::body::Body;
use http::{Request, StatusCode};
use tower::ServiceExt as _;

use crate::room::{AUDIO, House, Lecture, PARTS, Room, VIDEO};

#[test]
fn an_ended_playlist_is_whole_whatever_a_player_would_skip() {
    let room = Room::open();
    let mut lecture = Lecture::begin(&room.house);
    (0..20).for_each(|number| lecture.segment(number));
    let path = lecture.url("audio/index.m3u8");
    let skip = format!("{path}?_HLS_skip=YES");
    assert!(room.get(&skip).text().contains("#EXT-X-SKIP:"), "while it is live");
    lecture.end(&room.house);
    let (whole, asked) = (room.get(&path), room.get(&skip));
    assert!(whole.text().ends_with("#EXT-X-ENDLIST\n"));
    assert_eq!((asked.text(), asked.header("etag")), (whole.text(), whole.header("etag")));
}

#[test]
fn a_blocked_reload_is_answered_when_its_part_comes() {
    let room = Room::open();
    let mut lecture = Lecture::begin(&room.house);
    lecture.segment(0);
    lecture.part(AUDIO, 1, 0);
    let waiting = room.held(&lecture.url("audio/index.m3u8?_HLS_msn=1&_HLS_part=1&v=7"));
    lecture.part(AUDIO, 1, 1);
    let answer = waiting.join().unwrap();
    assert_eq!(answer.status, 200);
    assert!(answer.text().contains("0-1.1.m4s\",INDEPENDENT=YES"), "{}", answer.text());
    assert!(answer.text().contains("#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"0-1.2.m4s\""));
    assert_eq!(answer.header("content-type"), "application/vnd.apple.mpegurl");
    assert_eq!(answer.header("cache-control"), "no-cache");
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    room.close();
}

#[test]
fn a_blocked_reload_does_not_wake_for_another_track() {
    let room = Room::open();
    let mut lecture = Lecture::begin(&room.house);
    lecture.segment(0);
    let waiting = room.held(&lecture.url("audio/index.m3u8?_HLS_msn=1&_HLS_part=0"));
    lecture.part(VIDEO, 1, 0);
    assert_eq!(room.metric("lectern_held_requests"), 1);
    lecture.part(AUDIO, 1, 0);
    assert_eq!(waiting.join().unwrap().status, 200);
}

#[test]
fn a_request_without_a_part_waits_for_the_whole_segment() {
    let room = Room::open();
    let mut lecture = Lecture::begin(&room.house);
    lecture.segment(0);
    let waiting = room.held(&lecture.url("audio/index.m3u8?_HLS_msn=1"));
    for index in 0..PARTS {
        assert_eq!(room.metric("lectern_held_requests"), 1);
        lecture.part(AUDIO, 1, index);
    }
    assert!(waiting.join().unwrap().text().contains("\n0-1.m4s\n"));
}

#[test]
fn a_late_client_gets_a_past_part_at_once() {
    let room = Room::open();
    let mut lecture = Lecture::begin(&room.house);
    for number in 0..8 {
        lecture.segment(number);
    }
    for query in ["_HLS_msn=0&_HLS_part=0", "_HLS_msn=7&_HLS_part=3", "_HLS_msn=3", "_HLS_msn=6&_HLS_part=99"]
    {
        assert_eq!(room.get(&lecture.url(&format!("audio/index.m3u8?{query}"))).status, 200, "{query}");
    }
    for index in 0..PARTS {
        let part = room.get(&lecture.url(&format!("audio/0-0.{index}.m4s")));
        assert_eq!(part.status, 200);
        assert_eq!(part.header("cache-control"), "public, max-age=31536000, immutable");
    }
}

#[test]
fn senseless_directives_are_refused() {
    let room = Room::open();
    let mut lecture = Lecture::begin(&room.house);
    lecture.segment(0);
    for query in [
        "_HLS_part=0",
        "_HLS_msn=3",
        "_HLS_msn=1&_HLS_part=50",
        "_HLS_msn=x",
        "_HLS_msn=1&_HLS_part=-1",
        "_HLS_skip=NO",
    ] {
        room.get(&lecture.url(&format!("audio/index.m3u8?{query}"))).assert_problem(400, "bad_directives");
    }
}

#[test]
fn a_delta_update_and_what_the_client_had_make_the_whole() {
    let room = Room::open();
    let mut lecture = Lecture::begin(&room.house);
    for number in 0..20 {
        lecture.segment(number);
    }
    let whole = room.get(&lecture.url("audio/index.m3u8")).text();
    lecture.part(AUDIO, 20, 0);
    let delta = room.get(&lecture.url("audio/index.m3u8?_HLS_msn=20&_HLS_part=0&_HLS_skip=YES")).text();
    let now = room.get(&lecture.url("audio/index.m3u8")).text();
    let names = |text: &str| {
        text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect::<Vec<_>>()
    };
    let skipped = delta.lines().find_map(|line| line.strip_prefix("#EXT-X-SKIP:SKIPPED-SEGMENTS=")).unwrap();
    let skipped: usize = skipped.parse().unwrap();
    assert!((12..=14).contains(&skipped), "{skipped}");
    let mut rebuilt = names(&whole)[..skipped].to_vec();
    rebuilt.extend(names(&delta));
    assert_eq!(rebuilt, names(&now));
    assert!(delta.len() < now.len());
}

#[test]
fn a_compressed_playlist_holds_the_same_text() {
    let room = Room::open();
    let mut lecture = Lecture::begin(&room.house);
    for number in 0..10 {
        lecture.segment(number);
    }
    for path in ["audio/index.m3u8", "audio/index.m3u8?_HLS_skip=YES"] {
        let plain = room.get(&lecture.url(path));
        let packed = room.get_with(&lecture.url(path), &[("accept-encoding", "gzip")]);
        assert_eq!(packed.header("vary"), "accept-encoding");
        let mut unpacked = String::new();
        flate2::read::GzDecoder::new(&packed.body[..]).read_to_string(&mut unpacked).unwrap();
        assert_eq!(plain.text(), unpacked);
    }
}

#[test]
fn a_hinted_part_is_held_and_sent_when_it_is_complete() {
    let room = Room::open();
    let mut lecture = Lecture::begin(&room.house);
    lecture.segment(0);
    let waiting = room.held(&lecture.url("audio/0-1.0.m4s"));
    let media = lecture.part(AUDIO, 1, 0);
    let answer = waiting.join().unwrap();
    assert_eq!((answer.status, &answer.body[..]), (200, &media[..]));
    assert_eq!(answer.header("content-type"), "audio/mp4");
    room.get(&lecture.url("audio/0-1.2.m4s")).assert_problem(404, "no_such_media");
    room.get(&lecture.url("audio/0-2.0.m4s")).assert_problem(404, "no_such_media");
}

#[test]
fn the_end_wakes_whoever_waits_with_the_recording() {
    let room = Room::open();
    let mut lecture = Lecture::begin(&room.house);
    lecture.segment(0);
    let playlist = room.held(&lecture.url("audio/index.m3u8?_HLS_msn=1&_HLS_part=0"));
    let id = lecture.id;
    lecture.end(&room.house);
    let text = playlist.join().unwrap().text();
    assert!(text.contains("#EXT-X-PLAYLIST-TYPE:VOD") && text.ends_with("#EXT-X-ENDLIST\n"), "{text}");
    assert!(!text.contains("EXT-X-PART") && !text.contains("HINT"));
    let again = room.get(&format!("/hls/{id}/audio/index.m3u8?_HLS_msn=900"));
    let known =
        room.get_with(&format!("/hls/{id}/audio/index.m3u8"), &[("if-none-match", again.header("etag"))]);
    assert_eq!((again.status, known.status), (200, 304));
}

#[test]
fn a_player_opened_at_the_start_gets_every_track() {
    let room = Room::open();
    let mut lecture = Lecture::begin(&room.house);
    let whole = room.held(&lecture.url("index.m3u8"));
    let media = room.held(&lecture.url("270p/index.m3u8"));
    lecture.segment(0);
    let text = whole.join().unwrap().text();
    assert!(text.contains("270p/index.m3u8") && text.contains("URI=\"audio/index.m3u8\""), "{text}");
    assert!(text.contains("CODECS=\"avc1.42c015,mp4a.40.2\",RESOLUTION=480x270,FRAME-RATE=30.000"));
    assert!(media.join().unwrap().text().contains("\n0-0.m4s\n"));
    let audio = room.get(&lecture.url("audio.m3u8")).text();
    assert!(audio.contains("audio/index.m3u8") && !audio.contains("270p"));
}

#[test]
fn after_a_kill_the_same_address_goes_on_with_a_gap() {
    let room = Room::open();
    let mut lecture = Lecture::begin(&room.house);
    lecture.segment(0);
    lecture.part(AUDIO, 1, 0);
    let id = lecture.id;
    let path = lecture.url("audio/index.m3u8");
    let before = room.get(&path).text();
    drop(lecture);
    let room = Room::around(room.close().restarted());
    let mut lecture = Lecture::resume(&room.house, id, 9_000);
    lecture.segment(0);
    let after = room.get(&path).text();
    assert!(after.contains("\n0-1.m4s\n#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI=\"1-init.mp4\"\n"), "{after}");
    assert!(after.contains("CLASS=\"gap\"") && after.contains("X-CAUSE=\"restart\""));
    let first = |text: &str| text.lines().find(|line| line.ends_with("0-0.m4s")).map(str::to_owned);
    assert_eq!(first(&before), first(&after));
    // A client that waited for the lost part goes on with the first part of the next run.
    assert_eq!(room.get(&format!("{path}?_HLS_msn=1&_HLS_part=1")).status, 200);
    for file in ["0-init.mp4", "1-init.mp4", "0-0.m4s", "0-1.m4s", "0-1.0.m4s", "1-0.m4s", "1-0.3.m4s"] {
        assert_eq!(room.get(&format!("/hls/{id}/audio/{file}")).status, 200, "{file}");
    }
    // The picture lacks segment 1 of the first run.
    let video = room.get(&format!("/hls/{id}/270p/index.m3u8")).text();
    assert!(video.contains("#EXT-X-GAP\n#EXTINF:0.490667,\n0-1.m4s\n"), "{video}");
    room.get(&format!("/hls/{id}/270p/0-1.m4s")).assert_problem(404, "no_such_media");
}

async fn status(router: &axum::Router, path: &str) -> StatusCode {
    let request = Request::get(path).body(Body::empty()).unwrap();
    router.clone().oneshot(request).await.unwrap().status()
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_longer_than_three_target_durations() {
    let house = House::new();
    let mut lecture = Lecture::begin(&house);
    let router = house.server().router();
    for path in ["index.m3u8", "audio/index.m3u8"] {
        let begun = tokio::time::Instant::now();
        assert_eq!(status(&router, &lecture.url(path)).await, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(begun.elapsed().as_secs(), 6, "{path}");
    }
    // Who sets no condition gets what little there is.
    lecture.part(AUDIO, 0, 0);
    assert_eq!(status(&router, &lecture.url("audio/index.m3u8")).await, StatusCode::OK);
    for path in ["audio/index.m3u8?_HLS_msn=0&_HLS_part=1", "audio/0-0.1.m4s"] {
        let begun = tokio::time::Instant::now();
        assert_eq!(status(&router, &lecture.url(path)).await, StatusCode::SERVICE_UNAVAILABLE);
        assert!(begun.elapsed() < Duration::from_millis(6100), "{path}");
    }
}
