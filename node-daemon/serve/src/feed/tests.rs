//! What a feed hands out: media at the edge, and what becomes of it.

use bytes::Bytes;
use model::wire::v1::Close;
use model::{PartIndex, SegmentNumber};

use super::*;
use crate::timeline::tests::{AUDIO, PARTS, VIDEO, key, name, part, run, segment, track};

fn begun() -> Feed {
    let feed = Feed::new(SessionId::new(model::WallTime::from_unix_ms(0), [1; 10]));
    feed.begin_run(&run(0, 0)).unwrap();
    for track_name in [AUDIO, VIDEO] {
        feed.track(RunNumber(0), &track(track_name), Init::Edge(Bytes::from_static(b"init"))).unwrap();
    }
    feed
}

fn report(text: &str, number: u64, index: u32) -> PartReport {
    let part = part(text, &run(0, 0), number, index);
    let media = Bytes::from(vec![u8::try_from(index).unwrap(); usize::try_from(part.bytes).unwrap()]);
    let segment = SegmentKey { run: RunNumber(0), number: SegmentNumber(number) };
    let closes = (index + 1 == PARTS).then(Close::default);
    PartReport { track: name(text), segment, part, closes, media }
}

fn publish(feed: &Feed, text: &str, number: u64) {
    (0..PARTS).for_each(|index| feed.part(&report(text, number, index)).unwrap());
}

#[test]
fn a_complete_segment_is_served_from_memory_before_it_is_sealed() {
    let feed = begun();
    publish(&feed, AUDIO, 0);
    let Located::Edge { pieces, tag } = feed.locate(&name(AUDIO), MediaName::Segment(key(0, 0))) else {
        panic!("not at the edge");
    };
    assert_eq!(pieces.len(), 4);
    assert!(tag.starts_with("0-0-"));
    feed.sealed(&name(AUDIO), &segment(AUDIO, &run(0, 0), 0)).unwrap();
    let sealed = feed.locate(&name(AUDIO), MediaName::Segment(key(0, 0)));
    assert!(matches!(sealed, Located::Edge { tag, .. } if tag.len() == 64));
}

#[test]
fn old_media_leaves_memory_for_the_cache() {
    let feed = begun();
    for number in 0..10 {
        publish(&feed, AUDIO, number);
        feed.sealed(&name(AUDIO), &segment(AUDIO, &run(0, 0), number)).unwrap();
    }
    let old = feed.locate(&name(AUDIO), MediaName::Segment(key(0, 0)));
    assert!(matches!(old, Located::Stored { range: None, .. }), "{old:?}");
    let Located::Stored { range: Some(range), .. } =
        feed.locate(&name(AUDIO), MediaName::Part(key(0, 0), PartIndex(1)))
    else {
        panic!("not in the cache");
    };
    let first = u64::from(report(AUDIO, 0, 0).part.bytes);
    assert_eq!(range, first..first + u64::from(report(AUDIO, 0, 1).part.bytes));
    assert!(matches!(feed.locate(&name(AUDIO), MediaName::Segment(key(0, 9))), Located::Edge { .. }));
}

#[test]
fn when_the_disk_takes_nothing_the_oldest_media_becomes_a_gap() {
    let feed = begun();
    (0..70).for_each(|number| {
        publish(&feed, AUDIO, number);
        publish(&feed, VIDEO, number);
    });
    assert_eq!(feed.locate(&name(AUDIO), MediaName::Segment(key(0, 0))), Located::Absent);
    let playlist = feed.playlist(&name(AUDIO)).unwrap();
    let body = playlist.borrow().body(crate::playlist::media::Form { delta: false, gzip: false });
    let text = std::str::from_utf8(&body).unwrap();
    assert!(text.contains("#EXT-X-GAP\n#EXTINF:2.005333,\n0-0.m4s\n"));
    assert!(!text.contains("#EXT-X-GAP\n#EXTINF:2.005333,\n0-69.m4s\n"));
}

#[test]
fn only_the_very_next_part_is_waited_for() {
    let feed = begun();
    assert_eq!(feed.locate(&name(AUDIO), MediaName::Part(key(0, 0), PartIndex(0))), Located::Absent);
    publish(&feed, AUDIO, 0);
    assert_eq!(feed.locate(&name(AUDIO), MediaName::Part(key(0, 1), PartIndex(0))), Located::Coming);
    assert_eq!(feed.locate(&name(AUDIO), MediaName::Part(key(0, 1), PartIndex(1))), Located::Absent);
    feed.end();
    assert_eq!(feed.locate(&name(AUDIO), MediaName::Part(key(0, 1), PartIndex(0))), Located::Absent);
}

#[test]
fn one_body_is_made_for_all_who_ask() {
    let feed = begun();
    publish(&feed, AUDIO, 0);
    let form = crate::playlist::media::Form { delta: false, gzip: true };
    let (one, other) = (feed.playlist(&name(AUDIO)).unwrap(), feed.playlist(&name(AUDIO)).unwrap());
    assert_eq!(one.borrow().body(form).as_ptr(), other.borrow().body(form).as_ptr());
    publish(&feed, VIDEO, 0);
    assert!(!one.has_changed().unwrap());
}
