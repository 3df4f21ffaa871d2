//! One track's media playlist: live it grows by parts, ended it is the recording. Nothing is ever taken away from it.
//!
//! While live it carries no EXT-X-PLAYLIST-TYPE: players then start at the live edge, and still may seek to the start
//! because EXT-X-MEDIA-SEQUENCE stays 0.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use model::segment::SegmentKey;
use model::{Gap, GapState, PartIndex, RunNumber, Timescale, Track, TrackName, WallTime};

use super::archive::{CHUNK_SEGMENTS, Chunk, gzip};
use super::directive::Edge;
use super::{InitName, PartName, Seconds, SegmentName, multivariant};
use crate::text::append;
use crate::timeline::{Content, Entry, Line, Slot, Timeline};

/// Parts are listed for this many target durations from the end (RFC 8216bis, 6.2.2).
const PARTS_LISTED_TARGETS: u64 = 3;

/// CAN-SKIP-UNTIL in target durations; RFC 8216bis, 4.4.3.8 demands at least six.
const SKIP_TARGETS: u64 = 6;

/// HOLD-BACK in target durations; RFC 8216bis, 4.4.3.8 demands at least three.
const HOLD_BACK_TARGETS: u64 = 3;

/// PART-HOLD-BACK in part targets: RFC 8216bis recommends, and Apple's authoring specification demands, three.
const PART_HOLD_BACK_TARGETS: u64 = 3;

const SECOND: u64 = 1_000_000_000;

/// A playlist at one moment, in all its forms; each form is made once, by the first who asks.
#[derive(Debug)]
pub(crate) struct Rendered {
    /// How far it reaches.
    pub(crate) edge: Edge,
    /// Its target duration, seconds.
    pub(crate) target_seconds: u64,
    head: String,
    chunks: Vec<Arc<Chunk>>,
    /// Segments after the chunks and before the Skip Boundary.
    middle: String,
    /// Everything from the Skip Boundary on.
    tail: String,
    /// Segments before the Skip Boundary.
    skippable: usize,
    bodies: Bodies,
}

#[derive(Debug, Default)]
struct Bodies {
    full: OnceLock<Bytes>,
    full_gzip: OnceLock<Bytes>,
    delta: OnceLock<Bytes>,
    delta_gzip: OnceLock<Bytes>,
    crc: OnceLock<u32>,
}

/// Which form of a playlist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Form {
    /// A delta update, if there is anything to skip.
    pub(crate) delta: bool,
    /// Compressed.
    pub(crate) gzip: bool,
}

impl Rendered {
    /// Returns what identifies the playlist in one form.
    pub(crate) fn tag(&self, form: Form) -> String {
        let crc = *self.bodies.crc.get_or_init(|| {
            let mut crc = flate2::Crc::new();
            crc.update(&self.body(Form { delta: false, gzip: false }));
            crc.sum()
        });
        let delta = if self.is_delta(form) { "d" } else { "" };
        let gzip = if form.gzip { "z" } else { "" };
        format!("{crc:08x}{delta}{gzip}")
    }

    /// Returns whether a form is a delta update. An ended playlist declares no CAN-SKIP-UNTIL, so it skips nothing
    /// (RFC 8216bis, 6.2.5.1).
    const fn is_delta(&self, form: Form) -> bool {
        form.delta && self.skippable > 0 && !self.edge.ended
    }

    /// Returns how many bytes of text were written for this very rendering.
    #[cfg(test)]
    pub(crate) fn fresh_bytes(&self) -> usize {
        self.head.len() + self.middle.len() + self.tail.len()
    }

    /// Returns the playlist in one form.
    pub(crate) fn body(&self, form: Form) -> Bytes {
        let bodies = &self.bodies;
        let rest = || [self.middle.as_str(), self.tail.as_str()].concat();
        let delta_head = || format!("{}#EXT-X-SKIP:SKIPPED-SEGMENTS={}\n", self.head, self.skippable);
        match (self.is_delta(form), form.gzip) {
            (false, false) => bodies.full.get_or_init(|| {
                let mut text = self.head.clone();
                text.extend(self.chunks.iter().map(|chunk| chunk.text()));
                text.push_str(&rest());
                Bytes::from(text)
            }),
            (false, true) => bodies.full_gzip.get_or_init(|| gzip(&self.head, &self.chunks, &rest())),
            (true, false) => {
                bodies.delta.get_or_init(|| Bytes::from([delta_head(), self.tail.clone()].concat()))
            }
            (true, true) => bodies.delta_gzip.get_or_init(|| gzip(&delta_head(), &[], &self.tail)),
        }
        .clone()
    }
}

/// Renders one track's playlist again and again, keeping the text that no longer changes.
#[derive(Debug, Default)]
pub(crate) struct Scribe {
    chunks: Vec<Arc<Chunk>>,
}

impl Scribe {
    /// Renders the playlist of a track; `None` if the timeline has no such track.
    pub(crate) fn render(&mut self, timeline: &Timeline, name: &TrackName) -> Option<Rendered> {
        let line = timeline.line(name)?;
        let target_seconds = target_seconds(timeline);
        let page = Page { timeline, line };
        let skippable = page.entries_before(SKIP_TARGETS * target_seconds * SECOND);
        self.archive(&page, skippable);
        let kept = self.chunks.len() * CHUNK_SEGMENTS;
        let mut middle = String::new();
        (kept..skippable).for_each(|msn| page.segment(&mut middle, msn, Parts::Left));
        let tail = page.tail(skippable, target_seconds, name);
        Some(Rendered {
            edge: edge(timeline, line),
            target_seconds,
            head: page.head(target_seconds, name),
            chunks: self.chunks.clone(),
            middle,
            tail,
            skippable,
            bodies: Bodies::default(),
        })
    }

    /// Archives whole chunks whose every segment is where it will stay: only what is in memory alone can be lost.
    fn archive(&mut self, page: &Page<'_>, upto: usize) {
        loop {
            let from = self.chunks.len() * CHUNK_SEGMENTS;
            let Some(entries) = page.line.entries().get(from..from + CHUNK_SEGMENTS) else { return };
            if from + CHUNK_SEGMENTS > upto || entries.iter().any(|entry| entry.content == Content::Edge) {
                return;
            }
            let mut text = String::new();
            (from..from + CHUNK_SEGMENTS).for_each(|msn| page.segment(&mut text, msn, Parts::Left));
            self.chunks.push(Arc::new(Chunk::new(text)));
        }
    }
}

/// Returns how far a track's playlist reaches.
pub(crate) fn edge(timeline: &Timeline, line: &Line) -> Edge {
    let count = |parts: &[Slot]| u64::try_from(parts.len()).unwrap_or(u64::MAX);
    let part_target = part_target_nanos(line).max(1);
    Edge {
        complete: u64::try_from(line.entries().len()).unwrap_or(u64::MAX),
        last_parts: line.entries().last().map_or(0, |entry| count(&entry.parts)),
        open_parts: line.open().map_or(0, |open| count(&open.parts)),
        advance_parts: if part_target >= SECOND { 3 } else { (3 * SECOND).div_ceil(part_target) },
        ended: timeline.is_ended(),
    }
}

/// Returns the target duration of every playlist of a session, in seconds: EXTINF rounded to nearest never exceeds it.
fn target_seconds(timeline: &Timeline) -> u64 {
    let longest = |track: &Track| ticks_nanos(track.timescale, track.segment_ticks_max);
    let tracks = timeline.lines().values().flat_map(Line::announced).map(|(_, track)| longest(track));
    tracks.max().map_or(1, |nanos| (nanos + SECOND / 2) / SECOND).max(1)
}

/// Returns the part target of one track, nanoseconds, rounded up to a whole millisecond so that no part exceeds it.
fn part_target_nanos(line: &Line) -> u64 {
    let longest =
        line.announced().iter().map(|(_, track)| ticks_nanos(track.timescale, track.part_ticks_max)).max();
    longest.unwrap_or(0).div_ceil(1_000_000).max(1) * 1_000_000
}

fn ticks_nanos(scale: Timescale, ticks: u32) -> u64 {
    scale.media_time(model::Ticks(u64::from(ticks))).as_nanos()
}

/// Whether the parts of a complete segment are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Parts {
    Listed,
    Left,
}

/// One track's playlist in the making.
struct Page<'a> {
    timeline: &'a Timeline,
    line: &'a Line,
}

impl Page<'_> {
    fn head(&self, target_seconds: u64, name: &TrackName) -> String {
        let mut text = format!("#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-TARGETDURATION:{target_seconds}\n");
        if self.timeline.is_ended() {
            text.push_str("#EXT-X-PLAYLIST-TYPE:VOD\n");
        } else {
            self.server_control(&mut text, target_seconds);
        }
        text.push_str("#EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-DISCONTINUITY-SEQUENCE:0\n");
        if self.line.is_independent() {
            text.push_str("#EXT-X-INDEPENDENT-SEGMENTS\n");
        }
        self.date_ranges(&mut text, name);
        text
    }

    fn server_control(&self, text: &mut String, target_seconds: u64) {
        // With different part targets, PART-HOLD-BACK follows the longest of all renditions (RFC 8216bis, 4.4.3.8).
        let longest = self.timeline.lines().values().map(part_target_nanos).max().unwrap_or(SECOND);
        append(
            text,
            format_args!(
                "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK={},HOLD-BACK={},CAN-SKIP-UNTIL={}\n\
                 #EXT-X-PART-INF:PART-TARGET={}\n",
                Millis(PART_HOLD_BACK_TARGETS * longest),
                Millis(HOLD_BACK_TARGETS * target_seconds * SECOND),
                Millis(SKIP_TARGETS * target_seconds * SECOND),
                Millis(part_target_nanos(self.line)),
            ),
        );
    }

    /// Writes what is missing. It stands in the head, because a delta update must carry every EXT-X-DATERANGE.
    fn date_ranges(&self, text: &mut String, name: &TrackName) {
        let mine = |gap: &Gap| gap.track.as_ref().is_none_or(|track| track == name);
        for (gap, state) in self.timeline.gaps().iter().filter(|(gap, _)| mine(gap)) {
            let Some(from) = self.timeline.wall(gap.from) else { continue };
            append(
                text,
                format_args!(
                    "#EXT-X-DATERANGE:ID=\"gap-{}-{}\",CLASS=\"gap\",START-DATE=\"{}\"",
                    gap.from.as_nanos() / 1_000_000,
                    gap.cause.as_str(),
                    Date(from),
                ),
            );
            // An attribute may be added later, never changed (RFC 8216bis, 4.4.5.1).
            if *state == GapState::Closed {
                let length = u64::try_from(gap.to.since(gap.from).as_nanos()).unwrap_or(u64::MAX);
                append(text, format_args!(",DURATION={}", Seconds(length)));
            }
            append(text, format_args!(",X-CAUSE=\"{}\"\n", gap.cause.as_str()));
        }
    }

    fn tail(&self, from: usize, target_seconds: u64, name: &TrackName) -> String {
        let mut text = String::new();
        let live = !self.timeline.is_ended();
        let with_parts = self.entries_before(PARTS_LISTED_TARGETS * target_seconds * SECOND);
        for msn in from..self.line.entries().len() {
            let parts = if live && msn >= with_parts { Parts::Listed } else { Parts::Left };
            self.segment(&mut text, msn, parts);
        }
        if live {
            self.open_segment(&mut text);
            self.rendition_reports(&mut text, name);
        } else {
            text.push_str("#EXT-X-ENDLIST\n");
        }
        text
    }

    /// Returns how many complete segments end `nanos` or more before the end of the playlist.
    fn entries_before(&self, nanos: u64) -> usize {
        let mut left = nanos;
        if let Some(open) = self.line.open() {
            let parts = open.parts.iter().map(|part| open.scale.media_time(part.duration()).as_nanos());
            left = left.saturating_sub(parts.sum());
        }
        let entries = self.line.entries();
        for (msn, entry) in entries.iter().enumerate().rev() {
            if left == 0 {
                return msn + 1;
            }
            left = left.saturating_sub(entry.nanos());
        }
        0
    }

    /// Writes one complete segment, with its parts if they are to be listed.
    fn segment(&self, text: &mut String, msn: usize, parts: Parts) {
        let Some(entry) = self.line.entries().get(msn) else { return };
        let before = msn.checked_sub(1).and_then(|msn| self.line.entries().get(msn));
        self.preamble(text, before, entry.key.run, entry.begin(), entry.content == Content::Missing);
        if entry.content == Content::Missing {
            text.push_str("#EXT-X-GAP\n");
        } else if parts == Parts::Listed {
            write_parts(text, entry.key, entry.scale, &entry.parts);
        }
        append(text, format_args!("#EXTINF:{},\n{}\n", Seconds(entry.nanos()), SegmentName(entry.key)));
    }

    /// Writes the segment that grows, and where its next part will be.
    fn open_segment(&self, text: &mut String) {
        let last = self.line.entries().last();
        if let Some(open) = self.line.open().filter(|open| !open.parts.is_empty()) {
            self.preamble(text, last, open.key.run, open.begin(), false);
            write_parts(text, open.key, open.scale, &open.parts);
        }
        if let Some((key, part)) = hinted(self.timeline, self.line) {
            append(text, format_args!("#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"{}\"\n", PartName(key, part)));
        }
    }

    /// Writes what a segment needs before it: a discontinuity and an init segment where they change, and its date.
    fn preamble(
        &self,
        text: &mut String,
        before: Option<&Entry>,
        run: RunNumber,
        begin: model::MediaTime,
        missing: bool,
    ) {
        let changed = before.is_none_or(|before| before.key.run != run);
        if before.is_some() && changed {
            text.push_str("#EXT-X-DISCONTINUITY\n");
        }
        if changed && self.line.in_run(run).is_some() {
            append(text, format_args!("#EXT-X-MAP:URI=\"{}\"\n", InitName(run)));
        } else if changed && !missing {
            // Unreachable by construction: media of a run comes after the announcement of its track.
            debug_assert!(false, "media without an announced track");
        }
        if let Some(date) = self.timeline.wall_in(run, begin) {
            append(text, format_args!("#EXT-X-PROGRAM-DATE-TIME:{}\n", Date(date)));
        }
    }

    /// Reports on every rendition that a player may switch to from here (RFC 8216bis, 4.4.5.4).
    fn rendition_reports(&self, text: &mut String, name: &TrackName) {
        let lines = self.timeline.lines();
        let apart = |line: &Line| multivariant::stands_apart(self.timeline, line);
        if lines.get(name).is_some_and(apart) {
            return;
        }
        for (other, line) in lines.iter().filter(|(other, line)| *other != name && !apart(line)) {
            let Some((msn, part)) = edge(self.timeline, line).last() else { continue };
            append(
                text,
                format_args!("#EXT-X-RENDITION-REPORT:URI=\"../{other}/index.m3u8\",LAST-MSN={msn}"),
            );
            if let Some(part) = part {
                append(text, format_args!(",LAST-PART={part}"));
            }
            text.push('\n');
        }
    }
}

/// Returns the part that comes next in a track, once its current run has delivered anything.
pub(crate) fn hinted(timeline: &Timeline, line: &Line) -> Option<(SegmentKey, PartIndex)> {
    if timeline.is_ended() {
        return None;
    }
    let run = timeline.latest_run()?;
    if let Some(open) = line.open().filter(|open| open.key.run == run && !open.parts.is_empty()) {
        return Some((open.key, PartIndex(u32::try_from(open.parts.len()).ok()?)));
    }
    let last = line.entries().last().filter(|last| last.key.run == run)?;
    Some((SegmentKey { run, number: last.key.number.next() }, PartIndex(0)))
}

fn write_parts(text: &mut String, key: SegmentKey, scale: Timescale, parts: &[Slot]) {
    for (index, slot) in (0_u32..).zip(parts) {
        let nanos = scale.media_time(slot.duration()).as_nanos();
        let name = PartName(key, PartIndex(index));
        append(text, format_args!("#EXT-X-PART:DURATION={},URI=\"{name}\"", Seconds(nanos)));
        match slot {
            Slot::Part(part) if part.independent => text.push_str(",INDEPENDENT=YES\n"),
            Slot::Part(_) => text.push('\n'),
            Slot::Hole(..) => text.push_str(",GAP=YES\n"),
        }
    }
}

/// Nanoseconds as decimal seconds with three places.
struct Millis(u64);

impl std::fmt::Display for Millis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let millis = self.0.div_ceil(1_000_000);
        write!(f, "{}.{:03}", millis / 1000, millis % 1000)
    }
}

/// A wall time as ISO 8601 in UTC with milliseconds.
pub(crate) struct Date(pub(crate) WallTime);

impl std::fmt::Display for Date {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // A clock outside the years -9999 to 9999 is no clock; the epoch says so without breaking the syntax.
        let date = jiff::Timestamp::from_millisecond(self.0.unix_ms()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        write!(f, "{date:.3}")
    }
}
