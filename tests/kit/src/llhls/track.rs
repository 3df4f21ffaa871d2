//! Follows one media playlist as a player at the live edge does, and fetches everything in it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::fragment::{self, Chunk, Init};
use crate::http::{Client, join};
use crate::playlist::{Media, Segment};
use crate::stopwatch::Deadline;

use super::report::Report;
use super::{at_rest, fetched, moving, rules};

/// Every this many reloads, a delta update is compared with the full playlist.
const COMPARE_DELTA_EVERY: u64 = 5;
/// How long one request may take: longer than any hold of a server (three target durations).
const PATIENCE: Duration = Duration::from_secs(20);

/// Until when a playlist is followed.
#[derive(Debug, Clone)]
pub enum Goal {
    /// Until this many segments were completed after the first load.
    Segments(u64),
    /// Until the playlist ends.
    Ended,
    /// Until told, or the playlist ends.
    Told(Arc<AtomicBool>),
}

/// Everything of a track that was fetched.
#[derive(Debug, Clone, Default)]
pub struct Fetched {
    /// Init segments by their URL.
    pub inits: BTreeMap<String, (Init, Vec<u8>)>,
    /// Segments by media sequence number; the last may be open.
    pub segments: BTreeMap<u64, FetchedSegment>,
    /// What the other renditions were said to be at: wall time since 1970, URL, segment, part.
    pub reports: Vec<(Duration, String, (u64, u64))>,
    /// Low-latency playlists that were loaded before the end.
    pub live_loads: u64,
    /// Where this playlist was: wall time since 1970, last segment, last part.
    pub positions: Vec<(Duration, (u64, u64))>,
}

/// A segment as it was fetched.
#[derive(Debug, Clone)]
pub struct FetchedSegment {
    /// Its URL; empty while it is open.
    pub url: String,
    /// URL of its init segment.
    pub init: String,
    /// Its date, milliseconds since 1970.
    pub pdt_ms: Option<i64>,
    /// Whether a discontinuity stands before it.
    pub discontinuity: bool,
    /// First decode time, ticks.
    pub start: u64,
    /// Ticks.
    pub duration: u64,
    /// Samples.
    pub samples: u64,
    /// Its bytes, once it is complete.
    pub bytes: Option<Vec<u8>>,
    /// The parts that were fetched at the live edge.
    pub parts: Vec<FetchedPart>,
}

/// A part as it was fetched.
#[derive(Debug, Clone)]
pub struct FetchedPart {
    /// Its URL.
    pub url: String,
    /// First decode time, ticks.
    pub start: u64,
    /// Ticks.
    pub duration: u64,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Wall time of its last byte, since 1970.
    pub arrived: Duration,
}

/// A follower of one media playlist.
#[derive(Debug)]
pub struct Track {
    client: Client,
    url: String,
    /// The playlist as it stands, rebuilt from deltas.
    playlist: Option<Media>,
    /// Decode time at which the next fetched part must begin.
    due: Option<u64>,
    reloads: u64,
    /// What was fetched.
    pub fetched: Fetched,
    /// What was checked.
    pub report: Report,
}

impl Track {
    /// Makes a follower of the media playlist at `url`.
    pub fn new(url: &str) -> Self {
        Self {
            client: Client::new(PATIENCE),
            url: url.to_owned(),
            playlist: None,
            due: None,
            reloads: 0,
            fetched: Fetched::default(),
            report: Report::default(),
        }
    }

    /// Returns where the playlist is.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns the playlist as it was last seen.
    pub fn playlist(&self) -> Option<&Media> {
        self.playlist.as_ref()
    }

    /// Follows the playlist and fetches all it lists, until `goal`.
    ///
    /// # Errors
    /// The server does not answer, answers nonsense, or the goal is not reached within `within`.
    pub fn follow(&mut self, goal: &Goal, within: Duration) -> Result<()> {
        let deadline = Deadline::new(format!("{goal:?} of {}", self.url), within);
        if self.playlist.is_none() {
            self.load()?;
        }
        let complete = |track: &Self| track.playlist.as_ref().map_or(0, Media::next_msn);
        let began = complete(self);
        loop {
            let ended = self.playlist.as_ref().is_some_and(|playlist| playlist.ended);
            let reached = match goal {
                Goal::Segments(count) => complete(self) >= began + count,
                Goal::Ended => false,
                Goal::Told(told) => told.load(Ordering::SeqCst),
            };
            if ended || reached {
                return Ok(());
            }
            deadline.left()?;
            self.reload()?;
        }
    }

    /// Loads the full playlist as a player does that comes anew, and fetches what is not held yet.
    ///
    /// # Errors
    /// The server does not answer, or answers nonsense.
    pub fn load(&mut self) -> Result<()> {
        let next = self.full("")?;
        if let Some(before) = self.playlist.take() {
            moving::check(&before, &next, &mut self.report);
        }
        self.take(next)
    }

    /// Gets the full playlist.
    fn full(&mut self, query: &str) -> Result<Media> {
        let url = format!("{}{query}", self.url);
        let text = self.client.get_with(&url, &[("accept-encoding", "gzip")])?.expect_status(200)?.text()?;
        let playlist = Media::parse(&text).with_context(|| format!("read {url}:\n{text}"))?;
        at_rest::check(&playlist, &text, &mut self.report);
        Ok(playlist)
    }

    /// Waits for the next part with a blocking reload.
    fn reload(&mut self) -> Result<()> {
        let before = self.playlist.clone().context("a reload comes after a load")?;
        self.reloads += 1;
        let (msn, part) = before.next_part();
        let directives = format!("?_HLS_msn={msn}&_HLS_part={part}");
        let can_skip = before.server_control.as_ref().is_some_and(|control| control.can_skip_until.is_some());
        let next = if can_skip && self.reloads.is_multiple_of(2) {
            let url = format!("{}{directives}&_HLS_skip=YES", self.url);
            let text = self.client.get(&url)?.expect_status(200)?.text()?;
            let delta = Media::parse(&text).with_context(|| format!("read {url}:\n{text}"))?;
            let rebuilt = moving::rebuild(&before, &delta);
            match self.report.check_ok(&rules::DELTA, rebuilt) {
                Some(rebuilt) => {
                    if self.reloads.is_multiple_of(2 * COMPARE_DELTA_EVERY) {
                        let full = self.full(&directives)?;
                        moving::check_delta(&rebuilt, &full, &mut self.report);
                    }
                    rebuilt
                }
                None => self.full(&directives)?,
            }
        } else {
            self.full(&directives)?
        };
        let brought = next.ended || next.next_part() > (msn, part);
        self.report.check(&rules::BLOCKING_ANSWER, brought, || {
            format!("asked for part {part} of segment {msn}, the next is still {:?}", next.next_part())
        });
        moving::check(&before, &next, &mut self.report);
        self.take(next)
    }

    /// Fetches what is new in `next` and makes it the playlist.
    fn take(&mut self, next: Media) -> Result<()> {
        let at = crate::stopwatch::wall();
        self.fetched.live_loads += u64::from(next.part_target.is_some() && !next.ended);
        if let Some(position) = last_part(&next) {
            self.fetched.positions.push((at, position));
        }
        for report in &next.reports {
            let position = report.last_msn.zip(report.last_part);
            if let Some(position) = position {
                self.fetched.reports.push((at, join(&self.url, &report.uri)?, position));
            }
        }
        for segment in next.segments.iter().chain(&next.open) {
            let held = self.fetched.segments.get(&segment.msn);
            if held.is_none_or(|held| held.bytes.is_none()) {
                self.fetch_segment(segment)?;
            }
        }
        self.playlist = Some(next);
        Ok(())
    }

    fn fetch_segment(&mut self, segment: &Segment) -> Result<()> {
        if segment.gap {
            self.due = None;
            return Ok(());
        }
        if segment.duration.is_none() && segment.parts.is_empty() {
            return Ok(());
        }
        let Some(map) = &segment.map else { return Ok(()) };
        let init_url = join(&self.url, &map.uri)?;
        let Some(init) = self.init(&init_url) else { return Ok(()) };
        let known = self.fetched.segments.contains_key(&segment.msn);
        if segment.discontinuity && !known {
            self.due = None;
        }
        let mut held = self.fetched.segments.remove(&segment.msn).unwrap_or_else(|| FetchedSegment {
            url: String::new(),
            init: init_url,
            pdt_ms: segment.pdt_ms,
            discontinuity: segment.discontinuity,
            start: 0,
            duration: 0,
            samples: 0,
            bytes: None,
            parts: Vec::new(),
        });
        self.fetch_parts(segment, &init, &mut held)?;
        if segment.duration.is_some() {
            self.fetch_whole(segment, &init, &mut held)?;
        }
        self.fetched.segments.insert(segment.msn, held);
        Ok(())
    }

    fn init(&mut self, url: &str) -> Option<Init> {
        if let Some((init, _)) = self.fetched.inits.get(url) {
            return Some(init.clone());
        }
        let answer = fetched::media(self.client.get(url), &mut self.report)?;
        let read = fragment::init(&answer.body).with_context(|| format!("read {url}"));
        let init = self.report.check_ok(&rules::MEDIA_FETCHABLE, read)?;
        self.fetched.inits.insert(url.to_owned(), (init.clone(), answer.body));
        Some(init)
    }

    fn fetch_parts(&mut self, segment: &Segment, init: &Init, held: &mut FetchedSegment) -> Result<()> {
        for listed in segment.parts.iter().skip(held.parts.len()).filter(|part| !part.gap) {
            let url = join(&self.url, &listed.uri)?;
            let Some(answer) = fetched::media(self.client.get(&url), &mut self.report) else { continue };
            let chunks = fetched::chunks(&answer.body, &url, init, self.due, &mut self.report);
            let Some(chunks) = chunks else { continue };
            fetched::part(listed, &url, &chunks, init, &mut self.report);
            let (start, duration) = extent(&chunks);
            self.due = Some(start + duration);
            if held.parts.is_empty() {
                held.start = start;
                fetched::starts_clean(&url, chunks.get(..1).unwrap_or_default(), init, &mut self.report);
            }
            held.duration += duration;
            held.samples += count(&chunks);
            held.parts.push(FetchedPart {
                url,
                start,
                duration,
                bytes: answer.body,
                arrived: answer.arrived,
            });
        }
        Ok(())
    }

    fn fetch_whole(&mut self, segment: &Segment, init: &Init, held: &mut FetchedSegment) -> Result<()> {
        let url = join(&self.url, &segment.uri)?;
        let Some(answer) = fetched::media(self.client.get(&url), &mut self.report) else { return Ok(()) };
        let due = if held.parts.is_empty() { self.due } else { Some(held.start) };
        let chunks = fetched::chunks(&answer.body, &url, init, due, &mut self.report);
        let Some(chunks) = chunks else { return Ok(()) };
        let said = segment.duration.context("a complete segment has a length")?;
        fetched::length(&rules::SEGMENT_LENGTH, said, &url, &chunks, init, &mut self.report);
        fetched::starts_clean(&url, &chunks, init, &mut self.report);
        if !held.parts.is_empty() && held.parts.len() == segment.parts.len() {
            let joined = held.parts.iter().flat_map(|part| &part.bytes);
            self.report.check(&rules::PARTS_JOIN, joined.eq(&answer.body), || {
                format!("{url} is not its {} parts one after the other", held.parts.len())
            });
        }
        let (start, duration) = extent(&chunks);
        (held.url, held.start, held.duration, held.samples) = (url, start, duration, count(&chunks));
        self.due = Some(start + duration);
        held.bytes = Some(answer.body);
        Ok(())
    }

    /// Fetches everything again and checks that no URL changed its content.
    pub fn fetch_again(&mut self) {
        let parts = self.fetched.segments.values().flat_map(|segment| &segment.parts);
        let mut known: Vec<(&str, &[u8])> =
            parts.map(|part| (part.url.as_str(), part.bytes.as_slice())).collect();
        known.extend(self.fetched.segments.values().filter_map(|segment| {
            segment.bytes.as_ref().map(|bytes| (segment.url.as_str(), bytes.as_slice()))
        }));
        known.extend(self.fetched.inits.iter().map(|(url, (_, bytes))| (url.as_str(), bytes.as_slice())));
        for (url, bytes) in known {
            let again = self.client.get(url);
            // A part may be gone once its segment is old; what is there must be the same.
            let same = again.is_ok_and(|again| match again.status {
                200 => again.body == bytes,
                status => status == 404 && !url.contains("init"),
            });
            self.report.check(&rules::SAME_URL_SAME_BYTES, same, || format!("{url} changed or broke"));
        }
    }
}

fn last_part(playlist: &Media) -> Option<(u64, u64)> {
    let (msn, next) = playlist.next_part();
    if next > 0 {
        return Some((msn, next - 1));
    }
    let last = playlist.segments.last()?;
    Some((last.msn, (last.parts.len() as u64).checked_sub(1)?))
}

fn extent(chunks: &[Chunk]) -> (u64, u64) {
    let start = chunks.first().map_or(0, |chunk| chunk.start);
    (start, chunks.iter().map(Chunk::duration).sum())
}

fn count(chunks: &[Chunk]) -> u64 {
    chunks.iter().map(|chunk| chunk.samples.len() as u64).sum()
}
