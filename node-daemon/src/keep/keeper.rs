//! The keeper's work, one item after the other.

use std::collections::BTreeMap;

use cache::{Growing, Kind, Store};
use model::wire::v1::{Close, PartReport};
use model::{GapCause, MediaTime, SegmentKey, SessionId, TrackName, chain};
use serve::Live;

use super::owed::{Owed, Row};
use super::{Health, Item, Span, Trouble};

/// Writes to the cache, and tells the live door what is safe there.
#[derive(Debug)]
pub(super) struct Keeper {
    store: Store,
    live: Live,
    health: Health,
    owed: Owed,
    /// What is wrong with the last thing that was tried: leftovers may lie in the folder.
    unsettled: bool,
    open: BTreeMap<TrackName, Open>,
}

/// The segment of a track whose parts come in.
#[derive(Debug)]
struct Open {
    session: SessionId,
    key: SegmentKey,
    /// `None` when it takes no more.
    growing: Option<Growing>,
    /// The stretch that is not kept.
    lost: Option<Span>,
}

impl Keeper {
    pub(super) fn new(store: Store, live: Live, health: Health) -> Self {
        Self { store, live, health, owed: Owed::default(), unsettled: false, open: BTreeMap::new() }
    }

    pub(super) fn take(&mut self, item: Item) {
        match item {
            Item::BeginRun(session, run) => self.owe(Row::Run(session, run)),
            Item::Track(session, run, track, init) => self.owe(Row::Track(session, run, track, init)),
            Item::Part(session, report, span) => self.part(session, &report, span),
            Item::Gap(session, gap) => self.owe(Row::Gap(session, gap)),
            Item::CloseRun => self.close_all(),
            Item::End(session, end) => self.end(session, end),
            Item::Flush(done) => {
                if done.send(()).is_err() {
                    tracing::debug!("nobody waits for the keeper any more");
                }
            }
        }
    }

    /// Tries again what could not be written.
    pub(super) fn retry(&mut self) {
        let is_troubled = self.unsettled || !self.owed.is_empty() || self.health.trouble().is_some();
        // While parts come in, a segment that is sealed is the better proof.
        if is_troubled && self.pay() && !self.unsettled && self.open.is_empty() {
            self.health.works();
        }
    }

    /// Seals everything and tries a last time.
    pub(super) fn finish(mut self) {
        self.close_all();
        self.retry();
        if !self.owed.is_empty() {
            tracing::error!(owed = ?self.owed, "rows of the index could not be written before the end");
        }
    }

    fn owe(&mut self, row: Row) {
        self.owed.push(row);
        self.pay();
    }

    /// Writes what is owed; returns whether nothing is owed any more.
    fn pay(&mut self) -> bool {
        if self.unsettled {
            self.settle();
        }
        match self.owed.pay(&self.store) {
            Ok(()) => true,
            Err(error) => {
                self.fails(&error);
                false
            }
        }
    }

    /// Seals what earlier failures left in the folder.
    fn settle(&mut self) {
        match self.store.settle() {
            Ok(recovery) => {
                self.unsettled = !recovery.left.is_empty();
                for salvaged in recovery.salvaged {
                    self.tell_salvaged(salvaged.session, &salvaged.track, salvaged.key);
                }
            }
            Err(error) => self.fails(&error),
        }
    }

    fn tell_salvaged(&mut self, session: SessionId, track: &TrackName, key: SegmentKey) {
        match self.store.segments(session, track, None) {
            Ok(segments) => {
                for segment in segments.iter().filter(|segment| segment.key == key) {
                    self.tell(session, track, segment);
                }
            }
            Err(error) => self.fails(&error),
        }
    }

    fn tell(&self, session: SessionId, track: &TrackName, segment: &model::Segment) {
        if let Err(error) = self.live.sealed(session, track, segment) {
            tracing::debug!(%session, %track, error = %chain(&error), "a sealed segment is not live any more");
        }
    }

    fn part(&mut self, session: SessionId, report: &PartReport, span: Span) {
        let PartReport { track, segment, part, closes, media } = report;
        if self.open.get(track).is_some_and(|open| open.key != *segment) {
            self.close(track, None);
        }
        if !self.open.contains_key(track) {
            let open = self.open(session, track, *segment);
            self.open.insert(track.clone(), open);
        }
        let mut failed = None;
        if let Some(open) = self.open.get_mut(track) {
            match open.growing.as_mut().map(|growing| growing.append(part, media)) {
                Some(Ok(())) => {}
                // The parts before it are kept; the segment ends with them.
                Some(Err(error)) => failed = open.give_up(span).map(|growing| (growing, error)),
                None => open.lose(span),
            }
        }
        if let Some((growing, error)) = failed {
            self.fails(&error);
            self.seal(session, track, growing, Close::default());
        }
        if let Some(close) = closes {
            self.close(track, Some(*close));
        }
    }

    fn open(&mut self, session: SessionId, track: &TrackName, key: SegmentKey) -> Open {
        // The run and the track must be there before a segment of theirs can be.
        let ready = self.owed.is_empty() && !self.unsettled || self.pay();
        let growing = if ready {
            self.store.open_segment(session, track, key).map_err(|error| self.fails(&error)).ok()
        } else {
            None
        };
        Open { session, key, growing, lost: None }
    }

    fn close(&mut self, track: &TrackName, close: Option<Close>) {
        let Some(Open { session, key: _, growing, lost }) = self.open.remove(track) else { return };
        if let Some(growing) = growing {
            self.seal(session, track, growing, close.unwrap_or_default());
        }
        if let Some(span) = lost {
            self.owe(Row::Gap(session, span.gap(track, GapCause::Damaged)));
        }
    }

    fn seal(&mut self, session: SessionId, track: &TrackName, growing: Growing, close: Close) {
        if growing.parts().is_empty() {
            // Nothing was acknowledged, so nothing is missing but what is marked as lost.
            return drop(growing);
        }
        match growing.seal(close.loudness) {
            Ok(segment) => {
                tracing::debug!(%session, %track, run = %segment.key.run, segment = %segment.key.number, "sealed");
                self.tell(session, track, &segment);
                if self.owed.is_empty()
                    && !self.unsettled
                    && self.open.values().all(|open| open.lost.is_none())
                {
                    self.health.works();
                }
            }
            Err(error) => self.fails(&error),
        }
    }

    fn close_all(&mut self) {
        let tracks: Vec<_> = self.open.keys().cloned().collect();
        for track in tracks {
            self.close(&track, None);
        }
    }

    fn end(&mut self, session: SessionId, end: MediaTime) {
        self.close_all();
        self.owe(Row::End(session, end));
        // Even if the row waits for room: the room must not wait for the disk to hear that the lecture is over.
        self.live.ended(session);
    }

    fn fails(&mut self, error: &cache::Error) {
        // What a caller did wrong leaves no leftovers and is no trouble of the disk.
        if error.kind() == Kind::Misuse {
            return tracing::error!(error = %chain(error), "not kept");
        }
        self.unsettled = true;
        self.health.fails(Trouble { what: chain(error), advice: error.advice() });
    }
}

impl Open {
    /// Takes no more parts; returns what is to be sealed.
    fn give_up(&mut self, span: Span) -> Option<Growing> {
        self.lose(span);
        self.growing.take()
    }

    fn lose(&mut self, span: Span) {
        self.lost = Some(self.lost.map_or(span, |lost| lost.and(span)));
    }
}
