//! Counters in the Prometheus text format. Nothing here identifies a person or a device.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use model::wire::v1::PictureCount;
use model::{MonoTime, Verdict};

use crate::control::Readiness;

use crate::text::append;

/// How a blocking request came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Blocking {
    /// What it waited for was there already.
    AtOnce,
    /// It waited, and what it waited for came.
    Waited,
    /// It waited in vain.
    TimedOut,
    /// It asked for something too far ahead.
    TooFar,
    /// The server was stopping.
    Stopping,
}

impl Blocking {
    const ALL: [Self; 5] = [Self::AtOnce, Self::Waited, Self::TimedOut, Self::TooFar, Self::Stopping];

    const fn label(self) -> &'static str {
        match self {
            Self::AtOnce => "at_once",
            Self::Waited => "waited",
            Self::TimedOut => "timed_out",
            Self::TooFar => "too_far",
            Self::Stopping => "stopping",
        }
    }
}

/// Verdicts, the worst last.
const VERDICTS: [(Verdict, &str); 4] = [
    (Verdict::Pass, "pass"),
    (Verdict::Unknown, "unknown"),
    (Verdict::Warn, "warn"),
    (Verdict::Fail, "fail"),
];

/// What is counted.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    parts_published: AtomicU64,
    last_part_ns: AtomicU64,
    held: AtomicI64,
    connections: AtomicI64,
    requests: [AtomicU64; 5],
    bytes_media: AtomicU64,
    bytes_playlists: AtomicU64,
    blocking: [AtomicU64; 5],
    panics: AtomicU64,
    slow_clients: AtomicU64,
    damaged: AtomicU64,
}

/// Counts something up for as long as it lives.
#[derive(Debug)]
pub(crate) struct Gauge<'a>(&'a AtomicI64);

impl Drop for Gauge<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn raise(gauge: &AtomicI64) -> Gauge<'_> {
    gauge.fetch_add(1, Ordering::Relaxed);
    Gauge(gauge)
}

impl Metrics {
    pub(crate) fn published(&self, at: MonoTime) {
        self.parts_published.fetch_add(1, Ordering::Relaxed);
        self.last_part_ns.store(at.as_nanos().max(1), Ordering::Relaxed);
    }

    pub(crate) fn hold(&self) -> Gauge<'_> {
        raise(&self.held)
    }

    pub(crate) fn connection(&self) -> Gauge<'_> {
        raise(&self.connections)
    }

    pub(crate) fn blocking(&self, outcome: Blocking) {
        if let Some(counter) =
            Blocking::ALL.iter().position(|known| *known == outcome).and_then(|i| self.blocking.get(i))
        {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn answered(&self, status: u16) {
        if let Some(counter) = self.requests.get(usize::from(status / 100).saturating_sub(1)) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn media(&self, bytes: u64) {
        self.bytes_media.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn playlist(&self, bytes: u64) {
        self.bytes_playlists.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn panicked(&self) {
        self.panics.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn slow_client(&self) {
        self.slow_clients.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn damaged(&self) {
        self.damaged.fetch_add(1, Ordering::Relaxed);
    }

    /// Writes the Prometheus text format (version 0.0.4).
    pub(crate) fn exposition(
        &self,
        at: MonoTime,
        live: bool,
        readiness: &Readiness,
        pictures: &[PictureCount],
    ) -> String {
        let mut page = Page::default();
        page.readiness(readiness);
        page.pictures(pictures);
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        page.family("lectern_parts_published_total", "counter", "Parts published since start.");
        page.line("lectern_parts_published_total", "", count(&self.parts_published));
        page.family(
            "lectern_live_edge_age_seconds",
            "gauge",
            "Seconds since the last part, while a session is live.",
        );
        let last = count(&self.last_part_ns);
        if live && last > 0 {
            let age = at.since(MonoTime::from_nanos(last));
            page.line("lectern_live_edge_age_seconds", "", format_args!("{:.3}", age.as_secs_f64()));
        }
        page.family("lectern_held_requests", "gauge", "Requests held until what they ask for exists.");
        page.line("lectern_held_requests", "", self.held.load(Ordering::Relaxed));
        page.family("lectern_connections", "gauge", "Open connections.");
        page.line("lectern_connections", "", self.connections.load(Ordering::Relaxed));
        page.family("lectern_blocking_requests_total", "counter", "Blocking requests by outcome.");
        for (outcome, counter) in Blocking::ALL.iter().zip(&self.blocking) {
            let label = format!("{{outcome=\"{}\"}}", outcome.label());
            page.line("lectern_blocking_requests_total", &label, count(counter));
        }
        page.family("lectern_responses_total", "counter", "Responses by class of status.");
        for (class, counter) in (1_u8..).zip(&self.requests) {
            page.line("lectern_responses_total", &format!("{{class=\"{class}xx\"}}"), count(counter));
        }
        page.family("lectern_sent_bytes_total", "counter", "Body bytes of answers, by kind.");
        page.line("lectern_sent_bytes_total", "{kind=\"media\"}", count(&self.bytes_media));
        page.line("lectern_sent_bytes_total", "{kind=\"playlist\"}", count(&self.bytes_playlists));
        page.family(
            "lectern_slow_clients_total",
            "counter",
            "Connections closed because the client took nothing.",
        );
        page.line("lectern_slow_clients_total", "", count(&self.slow_clients));
        page.family(
            "lectern_damaged_media_total",
            "counter",
            "Requests for media whose file is gone or altered; `lectern cache check` names the files.",
        );
        page.line("lectern_damaged_media_total", "", count(&self.damaged));
        page.family("lectern_request_panics_total", "counter", "Requests that ended in a panic.");
        page.line("lectern_request_panics_total", "", count(&self.panics));
        page.0
    }
}

#[derive(Default)]
struct Page(String);

impl Page {
    /// Writes whether the node is ready, and each finding as a set of states of which one is 1. The labels are bounded: the
    /// ids are the node's own words, and of several findings under one id the worst counts.
    fn readiness(&mut self, readiness: &Readiness) {
        self.family("lectern_ready", "gauge", "1 while nothing on the checklist fails.");
        self.line("lectern_ready", "", u8::from(readiness.is_ready()));
        let mut worst: BTreeMap<&str, usize> = BTreeMap::new();
        for finding in &readiness.findings {
            let rank = VERDICTS.iter().position(|(verdict, _)| *verdict == finding.verdict).unwrap_or(0);
            let known = worst.entry(&finding.id).or_default();
            *known = rank.max(*known);
        }
        self.family("lectern_finding", "gauge", "Lines of the checklist: 1 for the verdict that holds.");
        for (id, is) in worst {
            let id = id.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            for (rank, (_, verdict)) in VERDICTS.iter().enumerate() {
                let label = format!("{{id=\"{id}\",verdict=\"{verdict}\"}}");
                self.line("lectern_finding", &label, u8::from(rank == is));
            }
        }
    }

    fn pictures(&mut self, counts: &[PictureCount]) {
        let (dropped, repeated) = ("lectern_pictures_dropped_total", "lectern_pictures_repeated_total");
        self.family(
            dropped,
            "counter",
            "Pictures that came and are not shown: too late, or too many for the machine.",
        );
        for count in counts {
            self.line(dropped, &format!("{{track=\"{}\"}}", count.track), count.dropped);
        }
        self.family(repeated, "counter", "Pictures shown once more where the source gave none in time.");
        for count in counts {
            self.line(repeated, &format!("{{track=\"{}\"}}", count.track), count.repeated);
        }
    }

    fn family(&mut self, name: &str, kind: &str, help: &str) {
        append(&mut self.0, format_args!("# HELP {name} {help}\n# TYPE {name} {kind}\n"));
    }

    fn line(&mut self, name: &str, labels: &str, value: impl std::fmt::Display) {
        append(&mut self.0, format_args!("{name}{labels} {value}\n"));
    }
}
