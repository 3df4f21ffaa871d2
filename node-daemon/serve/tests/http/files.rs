//! Media bytes on the wire: ranges, validators, the way from memory to disk.

use crate::room::{AUDIO, Lecture, PARTS, Room};

fn lecture_of(room: &Room, segments: u64) -> Lecture {
    let mut lecture = Lecture::begin(&room.house);
    (0..segments).for_each(|number| lecture.segment(number));
    lecture
}

#[test]
fn a_segment_is_its_parts_whether_from_memory_or_from_disk() {
    let room = Room::open();
    let mut lecture = Lecture::begin(&room.house);
    let mut whole = Vec::new();
    for index in 0..PARTS {
        whole.extend(lecture.part(AUDIO, 0, index));
    }
    let path = lecture.url("audio/0-0.m4s");
    let from_memory = room.get(&path);
    assert_eq!(from_memory.body, whole);
    (1..12).for_each(|number| lecture.segment(number));
    let from_disk = room.get(&path);
    assert_eq!(from_disk.body, whole);
    assert_eq!(from_memory.header("etag"), from_disk.header("etag"));
    assert_eq!(from_disk.header("cache-control"), "public, max-age=31536000, immutable");
    assert_eq!(from_disk.header("content-length"), whole.len().to_string());
    assert_eq!(room.get(&lecture.url("270p/0-1.m4s")).header("content-type"), "video/mp4");
}

#[test]
fn a_range_is_cut_across_parts() {
    let room = Room::open();
    let lecture = lecture_of(&room, 1);
    let path = lecture.url("audio/0-0.m4s");
    let whole = room.get(&path).body;
    let cut = room.get_with(&path, &[("range", "bytes=1000-9999")]);
    assert_eq!(cut.status, 206);
    assert_eq!(cut.body, whole[1000..10_000]);
    assert_eq!(cut.header("content-range"), format!("bytes 1000-9999/{}", whole.len()));
    let beyond = room.get_with(&path, &[("range", "bytes=99999999-")]);
    assert_eq!((beyond.status, beyond.header("cache-control")), (416, "no-store"));
    assert_eq!(beyond.header("content-range"), format!("bytes */{}", whole.len()));
}

#[test]
fn what_a_client_holds_is_not_sent_again() {
    let room = Room::open();
    let lecture = lecture_of(&room, 1);
    for file in ["audio/0-0.m4s", "audio/0-0.1.m4s", "audio/0-init.mp4"] {
        let first = room.get(&lecture.url(file));
        let again = room.get_with(&lecture.url(file), &[("if-none-match", first.header("etag"))]);
        assert_eq!((first.status, again.status, again.body.len()), (200, 304, 0), "{file}");
        assert_eq!(again.header("etag"), first.header("etag"));
    }
}

#[test]
fn head_says_what_get_would_send() {
    let room = Room::open();
    let lecture = lecture_of(&room, 1);
    for path in [lecture.url("audio/0-0.m4s"), lecture.url("audio/index.m3u8"), "/".to_owned()] {
        let got = room.get(&path);
        let url = format!("{}{path}", room.base);
        let head = crate::room::Answer::read(crate::room::agent().head(&url).call().unwrap());
        assert_eq!((head.status, head.body.len()), (200, 0), "{path}");
        assert_eq!(head.header("content-length"), got.body.len().to_string(), "{path}");
        assert_eq!(head.header("content-type"), got.header("content-type"), "{path}");
    }
}

#[test]
fn what_does_not_exist_is_a_problem_with_a_kind() {
    let room = Room::open();
    let lecture = lecture_of(&room, 1);
    for file in [
        "audio/0-9.m4s",
        "audio/9-init.mp4",
        "audio/0-0.9.m4s",
        "audio/x.m4s",
        "nope/index.m3u8",
        "UPPER/index.m3u8",
        "audio/..%2f..%2fetc%2fpasswd",
    ] {
        room.get(&lecture.url(file)).assert_problem(404, "no_such_media");
    }
    let id = crate::room::session_id(99);
    for path in
        [format!("/hls/{id}/index.m3u8"), format!("/hls/{id}/audio/0-0.m4s"), "/hls/x/audio.m3u8".to_owned()]
    {
        room.get(&path).assert_problem(404, "no_such_session");
    }
}

/// Records three segments, damages the file of the second, and asks for it after a restart.
fn check_damage(damage: impl Fn(&std::path::Path)) {
    let room = Room::open();
    let lecture = lecture_of(&room, 3);
    let id = lecture.id;
    let whole = room.get(&lecture.url("audio/0-1.m4s")).body;
    lecture.end(&room.house);
    let store = room.house.store.clone();
    let segment = store.object_path(store.segments(id, &AUDIO.parse().unwrap(), None).unwrap()[1].hash);
    let room = Room::around({
        drop(store);
        room.close().restarted()
    });
    let kept = segment.with_extension("kept");
    std::fs::copy(&segment, &kept).unwrap();
    damage(&segment);
    let address = format!("/hls/{id}/audio/0-1.m4s");
    let refused = room.get(&address);
    refused.assert_problem(404, "media_damaged");
    assert_eq!((refused.header("cache-control"), refused.header("etag")), ("no-store", ""));
    room.get(&format!("/hls/{id}/audio/0-1.0.m4s")).assert_problem(404, "media_damaged");
    assert_eq!(room.metric("lectern_damaged_media_total"), 2);
    assert_eq!(room.get(&format!("/hls/{id}/audio/0-2.m4s")).status, 200, "the rest plays");
    std::fs::rename(&kept, &segment).unwrap();
    assert_eq!(room.get(&address).body, whole, "a file that is mended is served");
}

#[test]
fn a_truncated_file_is_never_served_as_the_segment_it_was() {
    check_damage(|path| {
        let bytes = std::fs::read(path).unwrap();
        std::fs::remove_file(path).unwrap();
        std::fs::write(path, &bytes[..100]).unwrap();
    });
}

#[test]
fn a_file_with_a_flipped_bit_is_never_served_as_the_segment_it_was() {
    check_damage(|path| {
        let mut bytes = std::fs::read(path).unwrap();
        bytes[1000] ^= 1;
        std::fs::remove_file(path).unwrap();
        std::fs::write(path, bytes).unwrap();
    });
}

#[test]
fn a_file_that_is_gone_is_counted_and_not_kept_as_gone() {
    check_damage(|path| std::fs::remove_file(path).unwrap());
}

#[test]
fn a_recording_is_served_by_a_process_that_never_saw_it_live() {
    let room = Room::open();
    let lecture = lecture_of(&room, 3);
    let id = lecture.id;
    let live = room.get(&lecture.url("audio/0-1.m4s")).body;
    lecture.end(&room.house);
    let room = Room::around(room.close().restarted());
    let text = room.get(&format!("/hls/{id}/audio/index.m3u8")).text();
    assert!(text.ends_with("0-2.m4s\n#EXT-X-ENDLIST\n"), "{text}");
    assert_eq!(room.get(&format!("/hls/{id}/audio/0-1.m4s")).body, live);
    assert_eq!(room.get(&format!("/hls/{id}/audio/0-init.mp4")).status, 200);
    let whole = room.get(&format!("/hls/{id}/index.m3u8")).text();
    assert!(whole.contains("270p/index.m3u8"), "{whole}");
}
