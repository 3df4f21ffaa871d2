//! One track of a session: its complete segments in order, and the one that grows.

use model::segment::{Part, Segment, SegmentKey};
use model::{ContentHash, MediaTime, PartIndex, RunNumber, Ticks, Timescale, Track};

use super::{Ignored, convert};

/// Most parts that one segment may have: a 2 s segment of single 48 kHz AAC frames has 94.
const PARTS_MAX: usize = 256;

/// A track over all runs.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    /// The track as each run announced it, in order of runs; never empty.
    latest: Track,
    announced: Vec<(RunNumber, Track)>,
    entries: Vec<Entry>,
    /// Index of the first entry of each run, in order of runs.
    firsts: Vec<(RunNumber, usize)>,
    open: Option<Open>,
    sums: Sums,
}

/// What the bandwidth of a track is computed from.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    bytes: u64,
    nanos: u64,
    peak_bps: u64,
    dependent: u64,
}

/// A complete segment.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    /// Run and number.
    pub(crate) key: SegmentKey,
    /// Presentation time of its first sample on the session's timeline.
    pub(crate) start: Ticks,
    /// Length, up to the end of its last part.
    pub(crate) duration: Ticks,
    /// The timescale of both.
    pub(crate) scale: Timescale,
    /// Size, bytes.
    pub(crate) bytes: u64,
    /// Where its media is.
    pub(crate) content: Content,
    /// Its parts by index; `Hole` where one never came.
    pub(crate) parts: Vec<Slot>,
}

/// Where the media of a complete segment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    /// In memory only.
    Edge,
    /// In the cache, under its hash.
    Sealed(ContentHash),
    /// Nowhere: an `EXT-X-GAP`.
    Missing,
}

/// The segment that grows.
#[derive(Debug, Clone)]
pub(crate) struct Open {
    /// Run and number.
    pub(crate) key: SegmentKey,
    /// The timescale of its parts.
    pub(crate) scale: Timescale,
    /// Its parts by index.
    pub(crate) parts: Vec<Slot>,
}

/// A part's place in its segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Slot {
    /// The part.
    Part(Part),
    /// The place of a part that was dropped: when it would have begun, and its length.
    Hole(Ticks, Ticks),
}

impl Slot {
    /// Returns where it begins.
    pub(crate) const fn start(&self) -> Ticks {
        match self {
            Self::Part(part) => part.start,
            Self::Hole(start, _) => *start,
        }
    }

    /// Returns its length.
    pub(crate) const fn duration(&self) -> Ticks {
        match self {
            Self::Part(part) => part.duration,
            Self::Hole(_, duration) => *duration,
        }
    }

    fn end(&self) -> Ticks {
        self.start().after(self.duration())
    }

    fn bytes(&self) -> u64 {
        match self {
            Self::Part(part) => u64::from(part.bytes),
            Self::Hole(..) => 0,
        }
    }
}

impl Entry {
    /// Makes the entry of a sealed segment.
    pub(crate) fn sealed(segment: &Segment, scale: Timescale) -> Self {
        let mut open = Open { key: segment.key, scale, parts: Vec::new() };
        let whole = segment.parts.iter().all(|part| open.push(*part).is_ok()) && !open.parts.is_empty();
        let entry = open.complete(Content::Sealed(segment.hash));
        if whole {
            return Self { bytes: segment.bytes, ..entry };
        }
        Self {
            start: segment.start,
            duration: segment.duration,
            bytes: segment.bytes,
            parts: Vec::new(),
            ..entry
        }
    }

    /// Makes the entry of a segment that this track lacks.
    pub(crate) const fn missing(key: SegmentKey, scale: Timescale, start: Ticks, end: Ticks) -> Self {
        let duration = Ticks(end.0.saturating_sub(start.0));
        Self { key, start, duration, scale, bytes: 0, content: Content::Missing, parts: Vec::new() }
    }

    /// Returns where it begins on the session's timeline.
    pub(crate) fn begin(&self) -> MediaTime {
        self.scale.media_time(self.start)
    }

    /// Returns where it ends on the session's timeline.
    pub(crate) fn end(&self) -> MediaTime {
        self.scale.media_time(self.start.after(self.duration))
    }

    /// Returns where it ends, in ticks of `scale`.
    pub(crate) fn end_ticks(&self, scale: Timescale) -> Ticks {
        convert(self.start.after(self.duration), self.scale, scale)
    }

    /// Returns its length in nanoseconds.
    pub(crate) fn nanos(&self) -> u64 {
        self.scale.media_time(self.duration).as_nanos()
    }

    /// Returns the part at `index` and its offset in the segment, bytes.
    pub(crate) fn part(&self, index: PartIndex) -> Option<(Part, u64)> {
        let at = usize::try_from(index.0).ok()?;
        let Slot::Part(part) = self.parts.get(at)? else { return None };
        Some((*part, self.parts.iter().take(at).map(Slot::bytes).sum()))
    }

    /// Returns whether decoding can begin with it, so far as known: recordings without parts are taken at their word.
    pub(crate) fn is_independent(&self) -> bool {
        match self.parts.first() {
            Some(Slot::Part(part)) => part.independent,
            Some(Slot::Hole(..)) => false,
            None => true,
        }
    }
}

impl Open {
    /// Adds a part; the places of dropped parts before it become holes.
    fn push(&mut self, part: Part) -> Result<(), Ignored> {
        let at = usize::try_from(part.index.0).map_err(|_| Ignored::FarAhead)?;
        if at >= PARTS_MAX {
            return Err(Ignored::FarAhead);
        }
        let Some(dropped) = at.checked_sub(self.parts.len()) else { return Err(Ignored::Late) };
        if dropped > 0 {
            self.leave_holes(dropped, &part);
        }
        self.parts.push(Slot::Part(part));
        Ok(())
    }

    fn leave_holes(&mut self, dropped: usize, next: &Part) {
        let count = u64::try_from(dropped).unwrap_or(u64::MAX);
        // Before the first part nothing says where the segment began: as long as the part that came, if there is room.
        let from = self.parts.last().map_or_else(
            || Ticks(next.start.0.saturating_sub(next.duration.0.saturating_mul(count))),
            Slot::end,
        );
        let missing = next.start.0.saturating_sub(from.0);
        for hole in 0..count {
            let begin = missing * hole / count;
            let end = missing * (hole + 1) / count;
            self.parts.push(Slot::Hole(Ticks(from.0 + begin), Ticks(end - begin)));
        }
    }

    fn complete(self, content: Content) -> Entry {
        let start = self.parts.first().map_or(Ticks(0), Slot::start);
        let end = self.parts.last().map_or(start, Slot::end);
        Entry {
            key: self.key,
            start,
            duration: Ticks(end.0.saturating_sub(start.0)),
            scale: self.scale,
            bytes: self.parts.iter().map(Slot::bytes).sum(),
            content,
            parts: self.parts,
        }
    }

    /// Returns where its first part begins on the session's timeline.
    pub(crate) fn begin(&self) -> MediaTime {
        self.scale.media_time(self.parts.first().map_or(Ticks(0), Slot::start))
    }
}

impl Line {
    pub(super) const fn new(track: Track) -> Self {
        Self {
            latest: track,
            announced: Vec::new(),
            entries: Vec::new(),
            firsts: Vec::new(),
            open: None,
            sums: Sums { bytes: 0, nanos: 0, peak_bps: 0, dependent: 0 },
        }
    }

    pub(super) fn announce(&mut self, run: RunNumber, track: Track) {
        if self.announced.iter().any(|(known, _)| *known == run) {
            return;
        }
        self.announced.push((run, track));
        self.announced.sort_by_key(|(run, _)| *run);
        if let Some((_, track)) = self.announced.last() {
            self.latest = track.clone();
        }
    }

    pub(super) fn push(&mut self, entry: Entry) {
        if self.firsts.last().is_none_or(|(run, _)| *run != entry.key.run) {
            self.firsts.push((entry.key.run, self.entries.len()));
        }
        let nanos = entry.nanos();
        self.sums.dependent += u64::from(!entry.is_independent());
        if entry.content != Content::Missing && nanos > 0 {
            self.sums.bytes += entry.bytes;
            self.sums.nanos = self.sums.nanos.saturating_add(nanos);
            // A torn tail of a few frames says nothing about the rate.
            if nanos >= 500_000_000 {
                self.sums.peak_bps =
                    self.sums.peak_bps.max(model::rational::rescale(entry.bytes * 8, 1_000_000_000, nanos));
            }
        }
        self.entries.push(entry);
    }

    pub(super) fn push_part(&mut self, key: SegmentKey, scale: Timescale, part: Part) -> Result<(), Ignored> {
        let open = self.open.get_or_insert_with(|| Open { key, scale, parts: Vec::new() });
        open.push(part)?;
        Ok(())
    }

    /// Makes the growing segment complete.
    pub(super) fn close(&mut self) {
        if let Some(open) = self.open.take()
            && !open.parts.is_empty()
        {
            self.push(open.complete(Content::Edge));
        }
    }

    /// Makes the growing segment complete if it belongs to `run` and its number is at most `upto`.
    pub(super) fn close_before(&mut self, run: RunNumber, upto: u64) {
        if self.open.as_ref().is_some_and(|open| open.key.run == run && open.key.number.0 <= upto) {
            self.close();
        }
    }

    /// Gives a complete segment its hash; `false` if there is no such segment with media.
    pub(super) fn settle(&mut self, segment: &Segment) -> bool {
        let Some(entry) = self.entry_mut(segment.key) else { return false };
        if entry.content == Content::Missing {
            return false;
        }
        entry.content = Content::Sealed(segment.hash);
        true
    }

    pub(super) fn lose(&mut self, key: SegmentKey) {
        if let Some(entry) = self.entry_mut(key) {
            entry.content = Content::Missing;
            entry.parts = Vec::new();
        }
    }

    pub(super) fn timescale_in(&self, run: RunNumber) -> Option<Timescale> {
        self.in_run(run).map(|track| track.timescale)
    }

    /// Returns the number of the first segment of `run` that is not complete, from 0.
    pub(super) fn complete_in(&self, run: RunNumber) -> u64 {
        let Some(at) = self.firsts.iter().position(|(known, _)| *known == run) else { return 0 };
        let next = self.firsts.get(at + 1).map_or(self.entries.len(), |(_, index)| *index);
        u64::try_from(next - self.firsts[at].1).unwrap_or(u64::MAX)
    }

    /// Returns the number of the segment of `run` that may take a part.
    pub(super) fn next_number(&self, run: RunNumber) -> u64 {
        self.complete_in(run)
    }

    fn index_of(&self, key: SegmentKey) -> Option<usize> {
        let (_, first) = self.firsts.iter().find(|(run, _)| *run == key.run)?;
        first.checked_add(usize::try_from(key.number.0).ok()?)
    }

    fn entry_mut(&mut self, key: SegmentKey) -> Option<&mut Entry> {
        let index = self.index_of(key)?;
        self.entries.get_mut(index).filter(|entry| entry.key == key)
    }

    /// Returns a complete segment.
    pub(crate) fn entry(&self, key: SegmentKey) -> Option<&Entry> {
        self.entries.get(self.index_of(key)?).filter(|entry| entry.key == key)
    }

    /// Returns the complete segments; the index is the Media Sequence Number.
    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Returns the segment that grows.
    pub(crate) const fn open(&self) -> Option<&Open> {
        self.open.as_ref()
    }

    /// Returns the track as the latest run announced it.
    pub(crate) const fn latest(&self) -> &Track {
        &self.latest
    }

    /// Returns the track as `run` announced it.
    pub(crate) fn in_run(&self, run: RunNumber) -> Option<&Track> {
        self.announced.iter().find(|(known, _)| *known == run).map(|(_, track)| track)
    }

    /// Returns the track of every run.
    pub(crate) fn announced(&self) -> &[(RunNumber, Track)] {
        &self.announced
    }

    /// Returns the highest rate of any segment, bit/s; 0 without one.
    pub(crate) const fn peak_bps(&self) -> u64 {
        self.sums.peak_bps
    }

    /// Returns the average rate of all segments, bit/s; 0 without one.
    pub(crate) fn average_bps(&self) -> u64 {
        if self.sums.nanos == 0 {
            return 0;
        }
        model::rational::rescale(self.sums.bytes.saturating_mul(8), 1_000_000_000, self.sums.nanos)
    }

    /// Returns whether decoding can begin with every segment.
    pub(crate) const fn is_independent(&self) -> bool {
        self.latest.media.is_audio() || self.sums.dependent == 0
    }
}
