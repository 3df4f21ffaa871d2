//! How much is kept, and how much more fits.

use std::collections::BTreeMap;

use model::{Session, SessionId, Ticks, TrackName};
use serde::Serialize;

use crate::index::rows::totals::{self, Totals};
use crate::{Error, Store};

/// What the store holds. Walks the index once: for a person or a scrape, not for each request.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Stats {
    /// Sessions.
    pub sessions: u64,
    /// Sealed segments, damaged ones left out.
    pub segments: u64,
    /// Their size, bytes.
    pub bytes: u64,
    /// Damaged segments.
    pub damaged: u64,
    /// Recorded media: for each session the longest of its tracks, hours.
    pub hours: f64,
    /// Free for this account on the disk, bytes.
    pub free_bytes: u64,
    /// Size of the disk, bytes.
    pub disk_bytes: u64,
    /// What recording takes, bytes per hour over all tracks, measured on the latest session; `None` before the first segment.
    pub bytes_per_hour: Option<f64>,
    /// How long recording can go on at this rate, hours.
    pub hours_left: Option<f64>,
    /// By name, over all sessions.
    pub tracks: Vec<TrackStats>,
}

/// What all tracks of one name hold.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TrackStats {
    /// The name.
    pub name: TrackName,
    /// Sealed segments.
    pub segments: u64,
    /// Their size, bytes.
    pub bytes: u64,
    /// Their length, hours.
    pub hours: f64,
}

/// One session as a list shows it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// The session.
    pub session: Session,
    /// How many runs it has.
    pub runs: u64,
    /// The names of its tracks, in the order in which they first came.
    pub tracks: Vec<TrackName>,
    /// Sealed segments over all tracks.
    pub segments: u64,
    /// Their size, bytes.
    pub bytes: u64,
    /// How many gaps its timeline has.
    pub gaps: u64,
}

impl Store {
    /// Returns how much is kept and how much more fits.
    ///
    /// # Errors
    /// The index could not be read, or the free space not measured.
    pub fn stats(&self) -> Result<Stats, Error> {
        let (sessions, all, recent) = self.inner.index.read("add up segments", |db| {
            Ok((totals::sessions(db)?, totals::by_track(db)?, totals::recent(db)?))
        })?;
        let (free_bytes, disk_bytes) = self.space()?;
        let bytes_per_hour = rate(&recent);
        // A rate of zero would make it endless.
        let per_hour = bytes_per_hour.filter(|rate| *rate >= 1.0);
        Ok(Stats {
            sessions,
            segments: all.iter().map(|totals| totals.segments).sum(),
            bytes: all.iter().map(|totals| totals.bytes).sum(),
            damaged: all.iter().map(|totals| totals.damaged).sum(),
            hours: longest_tracks(&all),
            free_bytes,
            disk_bytes,
            bytes_per_hour,
            hours_left: per_hour.map(|rate| real(free_bytes) / rate),
            tracks: by_name(&all),
        })
    }

    /// Returns what is free for this account and the size of the disk, bytes. Cheap.
    ///
    /// # Errors
    /// The data folder is gone.
    pub fn space(&self) -> Result<(u64, u64), Error> {
        let disk = rustix::fs::statvfs(self.dir())
            .map_err(|errno| Error::Space { path: self.dir().to_owned(), source: errno.into() })?;
        Ok((disk.f_bavail * disk.f_frsize, disk.f_blocks * disk.f_frsize))
    }

    /// Returns each session with what it holds, in the order in which they began.
    ///
    /// # Errors
    /// The index could not be read.
    pub fn summaries(&self) -> Result<Vec<Summary>, Error> {
        let (sessions, all) = self
            .inner
            .index
            .read("list sessions", |db| Ok((crate::index::rows::session::all(db)?, totals::by_track(db)?)))?;
        let mut by_session: BTreeMap<SessionId, Vec<Totals>> = BTreeMap::new();
        for totals in all {
            by_session.entry(totals.session).or_default().push(totals);
        }
        sessions.into_iter().map(|session| self.summary(session, &by_session)).collect()
    }

    fn summary(
        &self,
        session: Session,
        by_session: &BTreeMap<SessionId, Vec<Totals>>,
    ) -> Result<Summary, Error> {
        let all = by_session.get(&session.id).map(Vec::as_slice).unwrap_or_default();
        let mut tracks: Vec<TrackName> = Vec::new();
        for totals in all {
            if !tracks.contains(&totals.track) {
                tracks.push(totals.track.clone());
            }
        }
        Ok(Summary {
            runs: self.runs(session.id)?.len() as u64,
            gaps: self.gaps(session.id)?.len() as u64,
            segments: all.iter().map(|totals| totals.segments).sum(),
            bytes: all.iter().map(|totals| totals.bytes).sum(),
            tracks,
            session,
        })
    }
}

fn hours(totals: &Totals) -> f64 {
    totals.timescale.media_time(Ticks(totals.ticks)).as_secs_f64() / 3600.0
}

/// Exact up to 2^53 bytes, which is eight petabytes.
#[expect(clippy::cast_precision_loss, reason = "a share of a disk needs no more than 53 bits")]
const fn real(bytes: u64) -> f64 {
    bytes as f64
}

fn rate(recent: &[Totals]) -> Option<f64> {
    let rates: Vec<f64> = recent
        .iter()
        .filter(|totals| totals.ticks > 0)
        .map(|totals| real(totals.bytes) / hours(totals))
        .collect();
    (!rates.is_empty()).then(|| rates.iter().sum())
}

fn longest_tracks(all: &[Totals]) -> f64 {
    let mut tracks: BTreeMap<(SessionId, &TrackName), f64> = BTreeMap::new();
    for totals in all {
        *tracks.entry((totals.session, &totals.track)).or_default() += hours(totals);
    }
    let mut sessions: BTreeMap<SessionId, f64> = BTreeMap::new();
    for ((session, _), hours) in tracks {
        let longest = sessions.entry(session).or_default();
        *longest = longest.max(hours);
    }
    sessions.values().sum()
}

fn by_name(all: &[Totals]) -> Vec<TrackStats> {
    let mut names: BTreeMap<&TrackName, TrackStats> = BTreeMap::new();
    for totals in all {
        let stats = names.entry(&totals.track).or_insert_with(|| TrackStats {
            name: totals.track.clone(),
            segments: 0,
            bytes: 0,
            hours: 0.0,
        });
        stats.segments += totals.segments;
        stats.bytes += totals.bytes;
        stats.hours += hours(totals);
    }
    names.into_values().collect()
}
