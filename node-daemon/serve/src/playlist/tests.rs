//! Golden playlists, and rules that every playlist keeps whatever happened.

mod gaps;

use std::collections::BTreeMap;
use std::io::Read as _;

use expect_test::expect;
use model::{Gap, GapCause, GapState, MediaTime, Run, RunNumber, SegmentNumber, TrackName};
use proptest::prelude::*;

use super::media::{Form, Rendered, Scribe};
use super::multivariant::{self, Entrance};
use super::*;
use crate::timeline::Timeline;
use crate::timeline::tests::{AUDIO, PARTS, VIDEO, begun, key, name, part, publish, run, segment, track};

const PLAIN: Form = Form { delta: false, gzip: false };

fn text(rendered: &Rendered, form: Form) -> String {
    let body = rendered.body(form);
    let mut text = String::new();
    if form.gzip {
        flate2::read::GzDecoder::new(&body[..]).read_to_string(&mut text).unwrap();
    } else {
        text.push_str(std::str::from_utf8(&body).unwrap());
    }
    text
}

fn full(timeline: &Timeline, track: &str) -> String {
    text(&Scribe::default().render(timeline, &name(track)).unwrap(), PLAIN)
}

#[test]
fn a_live_playlist_lists_parts_hint_and_reports() {
    let (mut timeline, first) = (begun(), run(0, 0));
    publish(&mut timeline, AUDIO, &first, 0);
    publish(&mut timeline, VIDEO, &first, 0);
    timeline.part(&name(AUDIO), key(0, 1), part(AUDIO, &first, 1, 0), false).unwrap();
    expect![[r##"
        #EXTM3U
        #EXT-X-VERSION:9
        #EXT-X-TARGETDURATION:2
        #EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=1.536,HOLD-BACK=6.000,CAN-SKIP-UNTIL=12.000
        #EXT-X-PART-INF:PART-TARGET=0.512
        #EXT-X-MEDIA-SEQUENCE:0
        #EXT-X-DISCONTINUITY-SEQUENCE:0
        #EXT-X-INDEPENDENT-SEGMENTS
        #EXT-X-MAP:URI="0-init.mp4"
        #EXT-X-PROGRAM-DATE-TIME:2026-11-18T11:06:40.000Z
        #EXT-X-PART:DURATION=0.490667,URI="0-0.0.m4s",INDEPENDENT=YES
        #EXT-X-PART:DURATION=0.512000,URI="0-0.1.m4s",INDEPENDENT=YES
        #EXT-X-PART:DURATION=0.490667,URI="0-0.2.m4s",INDEPENDENT=YES
        #EXT-X-PART:DURATION=0.512000,URI="0-0.3.m4s",INDEPENDENT=YES
        #EXTINF:2.005333,
        0-0.m4s
        #EXT-X-PROGRAM-DATE-TIME:2026-11-18T11:06:42.005Z
        #EXT-X-PART:DURATION=0.490667,URI="0-1.0.m4s",INDEPENDENT=YES
        #EXT-X-PRELOAD-HINT:TYPE=PART,URI="0-1.1.m4s"
        #EXT-X-RENDITION-REPORT:URI="../720p/index.m3u8",LAST-MSN=0,LAST-PART=3
    "##]]
    .assert_eq(&full(&timeline, AUDIO));
}

#[test]
fn the_whole_entrance_pairs_every_picture_with_the_sound() {
    let (mut timeline, first) = (begun(), run(0, 0));
    publish(&mut timeline, AUDIO, &first, 0);
    publish(&mut timeline, VIDEO, &first, 0);
    expect![[r##"
        #EXTM3U
        #EXT-X-VERSION:9
        #EXT-X-INDEPENDENT-SEGMENTS
        #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="Room",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="2",URI="audio/index.m3u8"
        #EXT-X-STREAM-INF:BANDWIDTH=2370000,AVERAGE-BANDWIDTH=78000,CODECS="avc1.4d401f,mp4a.40.2",RESOLUTION=1280x720,FRAME-RATE=30.000,AUDIO="audio"
        720p/index.m3u8
    "##]].assert_eq(&multivariant::render(&timeline, Entrance::Whole).unwrap());
    expect![[r##"
        #EXTM3U
        #EXT-X-VERSION:9
        #EXT-X-INDEPENDENT-SEGMENTS
        #EXT-X-STREAM-INF:BANDWIDTH=120000,AVERAGE-BANDWIDTH=48000,CODECS="mp4a.40.2"
        audio/index.m3u8
    "##]]
    .assert_eq(&multivariant::render(&timeline, Entrance::Audio).unwrap());
    timeline.end();
    let ended = multivariant::render(&timeline, Entrance::Whole).unwrap();
    assert!(m3u8_rs::parse_master_playlist_res(ended.as_bytes()).is_ok());
}

#[test]
fn every_entrance_has_sound_in_one_codec() {
    let mut timeline = begun();
    let entrance = |timeline: &Timeline, entrance| {
        let text = multivariant::render(timeline, entrance).unwrap_or_default();
        text.lines().filter(|line| line.ends_with(".m3u8")).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(entrance(&timeline, Entrance::Thin), [""; 0]);
    let mut opus = track(AUDIO);
    opus.name = name("a-opus");
    opus.codec = "opus".to_owned();
    opus.bitrate_bps = 24_000;
    timeline.track(RunNumber(0), &opus).unwrap();
    assert_eq!(entrance(&timeline, Entrance::Audio), ["audio/index.m3u8"]);
    assert_eq!(entrance(&timeline, Entrance::Thin), ["a-opus/index.m3u8"]);
    assert!(!multivariant::render(&timeline, Entrance::Whole).unwrap().contains("opus"));
    let mut alone = Timeline::default();
    alone.begin_run(&run(0, 0)).unwrap();
    alone.track(RunNumber(0), &opus).unwrap();
    assert_eq!(entrance(&alone, Entrance::Audio), ["a-opus/index.m3u8"]);
}

#[test]
fn a_name_is_read_back_and_no_other_spelling_is() {
    let names = [
        MediaName::Init(RunNumber(3)),
        MediaName::Segment(key(0, 17)),
        MediaName::Part(key(2, 17), model::PartIndex(3)),
    ];
    for name in names {
        assert_eq!(MediaName::parse(&name.to_string()), Some(name));
    }
    for wrong in [
        "",
        "-init.mp4",
        "0-1",
        "00-1.m4s",
        "0-+1.m4s",
        "0-1.m4s/",
        "0-1..m4s",
        "0-1.2.3.m4s",
        "0-99999999999999999999.m4s",
        "4294967296-init.mp4",
    ] {
        assert_eq!(MediaName::parse(wrong), None, "{wrong}");
    }
}

#[test]
fn a_playlist_of_ninety_minutes_is_rendered_from_kept_text() {
    let (mut timeline, first) = (begun(), run(0, 0));
    for number in 0..2700 {
        timeline.sealed(&name(AUDIO), &segment(AUDIO, &first, number)).unwrap();
    }
    let mut scribe = Scribe::default();
    let before = scribe.render(&timeline, &name(AUDIO)).unwrap();
    timeline.part(&name(AUDIO), key(0, 2700), part(AUDIO, &first, 2700, 0), false).unwrap();
    let after = scribe.render(&timeline, &name(AUDIO)).unwrap();
    assert!(after.fresh_bytes() < 12_000, "{} bytes are written per part", after.fresh_bytes());
    assert!(text(&after, PLAIN).len() > 200_000);
    assert!(after.body(Form { delta: true, gzip: true }).len() < 1_000);
    assert!(before.body(Form { delta: false, gzip: true }).len() < 60_000);
}

/// Something that happens to a session.
#[derive(Debug, Clone)]
enum Event {
    /// The next part of a track; it gets through, or is dropped.
    Part { track: usize, dropped: bool },
    /// This many whole segments of every track, published and sealed.
    Stretch(u8),
    /// The oldest segment that is not sealed yet is.
    Seal { track: usize },
    /// A crash, this long.
    Restart { gap_ms: u64 },
    /// A track misses media for a reason of its own.
    Gap { track: usize },
    /// The next segment of a track never comes.
    SkipSegment { track: usize },
    /// The media of the oldest unsealed segment is lost.
    Lose { track: usize },
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let track = 0..2_usize;
    let event = prop_oneof![
        20 => (track.clone(), prop::bool::weighted(0.05)).prop_map(|(track, dropped)| Event::Part { track, dropped }),
        1 => (1..70_u8).prop_map(Event::Stretch),
        6 => track.clone().prop_map(|track| Event::Seal { track }),
        1 => (0..5000_u64).prop_map(|gap_ms| Event::Restart { gap_ms }),
        1 => track.clone().prop_map(|track| Event::Gap { track }),
        1 => track.clone().prop_map(|track| Event::SkipSegment { track }),
        1 => track.prop_map(|track| Event::Lose { track }),
    ];
    proptest::collection::vec(event, 1..40)
}

/// Plays capture, cache and daemon.
struct Lecture {
    timeline: Timeline,
    run: Run,
    /// Next segment and part of each track.
    next: [(u64, u32); 2],
    unsealed: [Vec<(u32, u64, Run)>; 2],
    lost: bool,
}

const TRACKS: [&str; 2] = [AUDIO, VIDEO];

impl Lecture {
    fn begin() -> Self {
        Self {
            timeline: begun(),
            run: run(0, 0),
            next: [(0, 0); 2],
            unsealed: Default::default(),
            lost: false,
        }
    }

    fn part(&mut self, at: usize, dropped: bool) {
        let (number, index) = self.next[at];
        let closes = index + 1 == PARTS;
        self.next[at] = if closes { (number + 1, 0) } else { (number, index + 1) };
        if dropped {
            return;
        }
        let key = SegmentKey { run: self.run.number, number: SegmentNumber(number) };
        let part = part(TRACKS[at], &self.run, number, index);
        // A part may come too late, after the other track went far ahead.
        let published = self.timeline.part(&name(TRACKS[at]), key, part, closes);
        if published.is_ok() && closes {
            self.unsealed[at].push((self.run.number.0, number, self.run));
        }
    }

    fn seal(&mut self, at: usize) {
        if self.unsealed[at].is_empty() {
            return;
        }
        let (_, number, run) = self.unsealed[at].remove(0);
        let sealed = self.timeline.sealed(&name(TRACKS[at]), &segment(TRACKS[at], &run, number));
        assert!(sealed.is_ok());
    }

    fn restart(&mut self, gap_ms: u64) {
        let front = self.next.iter().map(|(number, _)| number + 1).max().unwrap();
        let end_ms = self.run.origin.as_nanos() / 1_000_000 + front * 2000;
        let origin_ms = (end_ms + gap_ms).div_ceil(100) * 100;
        self.run = run(self.run.number.0 + 1, origin_ms);
        self.timeline.begin_run(&self.run).unwrap();
        let from = MediaTime::from_millis(end_ms);
        self.timeline
            .gap(&Gap { from, to: self.run.origin, track: None, cause: GapCause::Restart }, GapState::Closed);
        for track_name in TRACKS {
            self.timeline.track(self.run.number, &track(track_name)).unwrap();
        }
        self.next = [(0, 0); 2];
    }

    fn happen(&mut self, event: &Event) {
        match *event {
            Event::Part { track, dropped } => self.part(track, dropped),
            Event::Stretch(count) => {
                for _ in 0..u32::from(count) * PARTS {
                    self.part(0, false);
                    self.part(1, false);
                }
                for at in [0, 1] {
                    while !self.unsealed[at].is_empty() {
                        self.seal(at);
                    }
                }
            }
            Event::Seal { track } => self.seal(track),
            Event::Restart { gap_ms } => self.restart(gap_ms),
            Event::Gap { track } => {
                let from = MediaTime::from_millis(self.next[track].0 * 2000);
                let track = Some(name(TRACKS[track]));
                self.timeline
                    .gap(&Gap { from, to: from, track, cause: GapCause::Overload }, GapState::Closed);
            }
            Event::SkipSegment { track } => self.next[track] = (self.next[track].0 + 1, 0),
            Event::Lose { track } => {
                if let Some((run, number, _)) = self.unsealed[track].pop() {
                    self.timeline.lost(&name(TRACKS[track]), key(run, number));
                    self.lost = true;
                }
            }
        }
    }
}

/// A playlist as a careful client reads it.
#[derive(Debug, Clone, Default, PartialEq)]
struct Read {
    target: u64,
    part_target_us: u64,
    skipped: usize,
    segments: Vec<ReadSegment>,
    /// Parts after the last complete segment, µs each.
    open_parts_us: Vec<u64>,
    hint: Option<String>,
    ended: bool,
}

#[derive(Debug, Clone, Default, PartialEq)]
struct ReadSegment {
    uri: String,
    duration_us: u64,
    discontinuity: bool,
    map: Option<String>,
    date: String,
    gap: bool,
    parts_us: Vec<u64>,
}

fn micros(text: &str) -> u64 {
    let (whole, fraction) = text.split_once('.').unwrap();
    whole.parse::<u64>().unwrap() * 1_000_000 + format!("{fraction:0<6}").parse::<u64>().unwrap()
}

fn attribute<'a>(line: &'a str, name: &str) -> &'a str {
    let (_, rest) = line.split_once(&format!("{name}=")).unwrap();
    rest.split(',').next().unwrap().trim_matches('"')
}

fn read(text: &str) -> Read {
    let mut playlist = Read::default();
    let mut segment = ReadSegment::default();
    for line in text.lines() {
        if let Some(target) = line.strip_prefix("#EXT-X-TARGETDURATION:") {
            playlist.target = target.parse().unwrap();
        } else if line.starts_with("#EXT-X-PART-INF:") {
            playlist.part_target_us = micros(attribute(line, "PART-TARGET"));
        } else if line.starts_with("#EXT-X-SKIP:") {
            playlist.skipped = attribute(line, "SKIPPED-SEGMENTS").parse().unwrap();
        } else if line == "#EXT-X-DISCONTINUITY" {
            segment.discontinuity = true;
        } else if line.starts_with("#EXT-X-MAP:") {
            segment.map = Some(attribute(line, "URI").to_owned());
        } else if let Some(date) = line.strip_prefix("#EXT-X-PROGRAM-DATE-TIME:") {
            segment.date = date.to_owned();
        } else if line == "#EXT-X-GAP" {
            segment.gap = true;
        } else if line.starts_with("#EXT-X-PART:") {
            segment.parts_us.push(micros(attribute(line, "DURATION")));
        } else if let Some(duration) = line.strip_prefix("#EXTINF:") {
            segment.duration_us = micros(duration.trim_end_matches(','));
        } else if line.starts_with("#EXT-X-PRELOAD-HINT:") {
            playlist.hint = Some(attribute(line, "URI").to_owned());
        } else if line == "#EXT-X-ENDLIST" {
            playlist.ended = true;
        } else if !line.starts_with('#') {
            line.clone_into(&mut segment.uri);
            playlist.segments.push(std::mem::take(&mut segment));
        }
    }
    playlist.open_parts_us = segment.parts_us;
    playlist
}

fn check_rules(now: &Read) {
    for segment in &now.segments {
        assert!((segment.duration_us + 500_000) / 1_000_000 <= now.target, "{segment:?}");
        if !segment.parts_us.is_empty() {
            let sum: u64 = segment.parts_us.iter().sum();
            let rounding = segment.parts_us.len() as u64 + 1;
            assert!(sum.abs_diff(segment.duration_us) <= rounding, "{segment:?}");
        }
        if !now.ended {
            assert!(segment.parts_us.iter().all(|part| *part <= now.part_target_us), "{segment:?}");
        }
    }
    assert!(now.open_parts_us.iter().all(|part| *part <= now.part_target_us || now.ended));
    let dates: Vec<&String> = now.segments.iter().map(|segment| &segment.date).collect();
    assert!(dates.is_sorted(), "{dates:?}");
    let names: Vec<&String> = now.segments.iter().map(|segment| &segment.uri).collect();
    assert!(names.iter().collect::<std::collections::BTreeSet<_>>().len() == names.len());
    for pair in now.segments.windows(2) {
        let run_of = |segment: &ReadSegment| segment.uri.split('-').next().unwrap().to_owned();
        assert_eq!(pair[1].discontinuity, run_of(&pair[0]) != run_of(&pair[1]));
        assert_eq!(pair[1].map.is_some(), pair[1].discontinuity);
    }
}

fn check_growth(before: &Read, now: &Read, lost: bool) {
    assert_eq!(before.target, now.target);
    assert!(before.segments.len() <= now.segments.len());
    for (old, kept) in before.segments.iter().zip(&now.segments) {
        let same = ReadSegment { parts_us: old.parts_us.clone(), ..kept.clone() };
        assert!(*old == same || (lost && kept.gap), "{old:?} became {kept:?}");
        assert!(kept.parts_us.is_empty() || kept.parts_us == old.parts_us || old.parts_us.is_empty());
    }
}

fn check_delta(rendered: &Rendered, now: &Read) {
    let delta = read(&text(rendered, Form { delta: true, gzip: false }));
    let mut whole = now.segments.clone();
    assert_eq!(delta.segments, whole.split_off(delta.skipped));
    assert_eq!((&delta.open_parts_us, &delta.hint), (&now.open_parts_us, &now.hint));
    let left_us: u64 = delta.segments.iter().map(|segment| segment.duration_us).sum();
    let open_us: u64 = now.open_parts_us.iter().sum();
    assert!(delta.skipped == 0 || left_us + open_us + 100 >= 6 * now.target * 1_000_000);
}

fn check_all(lecture: &Lecture, scribes: &mut BTreeMap<TrackName, (Scribe, Option<Read>)>) {
    for (track, (scribe, before)) in scribes {
        let rendered = scribe.render(&lecture.timeline, track).unwrap();
        let whole = text(&rendered, PLAIN);
        assert_eq!(whole, full(&lecture.timeline, track.as_str()), "kept text differs from fresh text");
        assert_eq!(whole, text(&rendered, Form { delta: false, gzip: true }));
        assert_eq!(
            text(&rendered, Form { delta: true, gzip: false }),
            text(&rendered, Form { delta: true, gzip: true })
        );
        assert!(m3u8_rs::parse_media_playlist_res(whole.as_bytes()).is_ok(), "{whole}");
        let now = read(&whole);
        check_rules(&now);
        check_delta(&rendered, &now);
        if let Some(before) = before {
            check_growth(before, &now, lecture.lost);
        }
        *before = Some(now);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_playlists_keep_the_rules(events in events()) {
        let mut lecture = Lecture::begin();
        let mut scribes: BTreeMap<_, _> =
            TRACKS.iter().map(|track| (name(track), (Scribe::default(), None))).collect();
        for event in &events {
            lecture.happen(event);
            check_all(&lecture, &mut scribes);
        }
        lecture.timeline.end();
        check_all(&lecture, &mut scribes);
        for (_, read) in scribes.values() {
            let read = read.as_ref().unwrap();
            prop_assert!(read.ended && read.hint.is_none() && read.open_parts_us.is_empty());
            prop_assert!(read.segments.iter().all(|segment| segment.parts_us.is_empty()));
        }
    }
}

proptest! {
    #[test]
    fn the_hint_names_the_part_that_comes(count in 1..40_u32) {
        let (mut timeline, first) = (begun(), run(0, 0));
        for at in 0..count {
            let (number, index) = (u64::from(at / PARTS), at % PARTS);
            if at > 0 {
                let hinted = read(&full(&timeline, AUDIO)).hint.unwrap();
                prop_assert_eq!(hinted, PartName(key(0, number), model::PartIndex(index)).to_string());
            }
            timeline.part(&name(AUDIO), key(0, number), part(AUDIO, &first, number, index), index + 1 == PARTS).unwrap();
        }
    }
}
