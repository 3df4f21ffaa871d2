//! Follows all renditions of a session at once and compares them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};

use crate::fragment::{Init, Kind};
use crate::http::{Client, join};
use crate::playlist::{Multivariant, Variant};

use super::report::Report;
use super::rules;
use super::track::{FetchedSegment, Goal, Track};

/// One AAC frame at 48 kHz, seconds: how far apart two tracks may cut.
const AUDIO_FRAME_S: f64 = 1024.0 / 48_000.0;
/// How far a rendition report may lag or lead what was seen of that rendition: a part, and the way to the client.
const REPORT_SLACK: Duration = Duration::from_millis(1000);
/// Most that the same moment's dates may differ between tracks, milliseconds.
const DATES_APART_MS: f64 = 2.0;

/// A session as a client sees it.
#[derive(Debug)]
pub struct Session {
    /// The multivariant playlist.
    pub multivariant: Multivariant,
    /// A follower for each media playlist.
    pub tracks: Vec<Track>,
    /// What was checked across tracks.
    pub report: Report,
    url: String,
}

/// A session that is followed on its own threads.
#[derive(Debug)]
pub struct Following {
    told: Arc<AtomicBool>,
    thread: JoinHandle<(Session, Result<()>)>,
}

impl Session {
    /// Loads the multivariant playlist at `url`.
    ///
    /// # Errors
    /// It cannot be fetched or read.
    pub fn open(url: &str) -> Result<Self> {
        let answer = Client::new(Duration::from_secs(20)).get(url)?.expect_status(200)?;
        let text = answer.text()?;
        let multivariant = Multivariant::parse(&text).with_context(|| format!("read {url}:\n{text}"))?;
        let mut report = Report::default();
        let kind = answer.header("content-type").unwrap_or_default();
        let fits = kind.starts_with("application/vnd.apple.mpegurl") || kind.starts_with("audio/mpegurl");
        report.check(&rules::PLAYLIST_TYPE, fits, || format!("{url} says {kind:?}"));
        let urls = multivariant.media_uris().into_iter().map(|uri| join(url, uri));
        let tracks = urls.map(|url| url.map(|url| Track::new(&url))).collect::<Result<_>>()?;
        Ok(Self { multivariant, tracks, report, url: url.to_owned() })
    }

    /// Follows every media playlist until `goal`.
    ///
    /// # Errors
    /// One of them could not be followed; what the others fetched is kept.
    pub fn follow(&mut self, goal: &Goal, within: Duration) -> Result<()> {
        let outcomes: Vec<Result<()>> = std::thread::scope(|scope| {
            let threads: Vec<_> =
                self.tracks.iter_mut().map(|track| scope.spawn(|| track.follow(goal, within))).collect();
            let join = |thread: std::thread::ScopedJoinHandle<'_, Result<()>>| {
                thread.join().unwrap_or_else(|_| Err(anyhow!("a follower panicked")))
            };
            threads.into_iter().map(join).collect()
        });
        outcomes.into_iter().collect()
    }

    /// Follows in the background until [`Following::stop`].
    pub fn follow_in_background(mut self, within: Duration) -> Following {
        let told = Arc::new(AtomicBool::new(false));
        let goal = Goal::Told(Arc::clone(&told));
        let thread = std::thread::spawn(move || {
            let outcome = self.follow(&goal, within);
            (self, outcome)
        });
        Following { told, thread }
    }

    /// Returns the track with this name: the folder of its playlist.
    ///
    /// # Errors
    /// There is none.
    pub fn track(&self, name: &str) -> Result<&Track> {
        let ends = format!("/{name}/index.m3u8");
        self.tracks
            .iter()
            .find(|track| track.url().ends_with(&ends))
            .with_context(|| format!("no track {name}"))
    }

    /// Checks the multivariant playlist against the media and the tracks against each other.
    ///
    /// # Errors
    /// A URI in it cannot be resolved.
    pub fn check_across(&mut self) -> Result<()> {
        let mut report = Report::default();
        let by_url: BTreeMap<&str, &Track> = self.tracks.iter().map(|track| (track.url(), track)).collect();
        for variant in &self.multivariant.variants {
            self.check_variant(variant, &by_url, &mut report)?;
        }
        cut_together(&self.tracks, &mut report);
        for track in &self.tracks {
            reports_of(track, &by_url, &mut report);
        }
        self.report.merge(report);
        Ok(())
    }

    fn check_variant(
        &self,
        variant: &Variant,
        by_url: &BTreeMap<&str, &Track>,
        report: &mut Report,
    ) -> Result<()> {
        let audio =
            self.multivariant.renditions.iter().filter(|media| {
                media.kind == "AUDIO" && variant.audio.as_deref() == Some(media.group.as_str())
            });
        let audio = audio.filter_map(|media| media.uri.as_deref());
        let mut urls = vec![join(&self.url, &variant.uri)?];
        for uri in audio {
            let url = join(&self.url, uri)?;
            if !urls.contains(&url) {
                urls.push(url);
            }
        }
        let tracks: Vec<&Track> = urls.iter().filter_map(|url| by_url.get(url.as_str()).copied()).collect();
        let inits: Vec<&Init> =
            tracks.iter().flat_map(|track| track.fetched.inits.values().map(|(init, _)| init)).collect();
        let mut held: Vec<String> = inits.iter().map(|init| init.codec.to_ascii_lowercase()).collect();
        held.sort_unstable();
        held.dedup();
        let mut said: Vec<String> = variant.codecs.iter().map(|codec| codec.to_ascii_lowercase()).collect();
        said.sort_unstable();
        report.check(&rules::CODECS, said == held, || {
            format!("{} says {said:?}, its init segments say {held:?}", variant.uri)
        });
        let pictures = inits.iter().filter_map(|init| match init.kind {
            Kind::Video { width, height } => Some((u64::from(width), u64::from(height))),
            Kind::Audio { .. } => None,
        });
        for picture in pictures {
            report.check(&rules::RESOLUTION, variant.resolution == Some(picture), || {
                format!("{} says {:?}, the picture is {picture:?}", variant.uri, variant.resolution)
            });
        }
        let peak: f64 = tracks.iter().map(|track| peak_bps(track)).sum();
        #[expect(clippy::cast_precision_loss, reason = "bit rates stay far below 2^53")]
        let said = variant.bandwidth_bps as f64;
        // The server rounds to whole bits, as this client does.
        report.check(&rules::BANDWIDTH, said >= peak.floor(), || {
            format!("{} says {said} bit/s, its segments peak at {peak:.0} bit/s", variant.uri)
        });
        Ok(())
    }

    /// Returns everything that was checked.
    pub fn whole_report(&self) -> Report {
        let mut whole = self.report.clone();
        for track in &self.tracks {
            whole.merge(track.report.clone());
        }
        whole
    }
}

impl Following {
    /// Ends the following and returns the session with what was fetched, and how the following ended.
    ///
    /// # Errors
    /// The follower panicked.
    pub fn stop(self) -> Result<(Session, Result<()>)> {
        self.told.store(true, Ordering::SeqCst);
        self.thread.join().map_err(|_| anyhow!("the follower panicked"))
    }
}

/// Highest bit rate of a complete segment that lasts half a second or more.
#[expect(clippy::cast_precision_loss, reason = "sizes and times of segments stay far below 2^53")]
fn peak_bps(track: &Track) -> f64 {
    let rates = track.fetched.segments.values().filter_map(|segment| {
        let bytes = segment.bytes.as_ref()?;
        let seconds = seconds(track, segment, segment.duration)?;
        (seconds >= 0.5).then(|| bytes.len() as f64 * 8.0 / seconds)
    });
    rates.fold(0.0, f64::max)
}

#[expect(clippy::cast_precision_loss, reason = "media times stay far below 2^53 ticks")]
fn seconds(track: &Track, segment: &FetchedSegment, ticks: u64) -> Option<f64> {
    let (init, _) = track.fetched.inits.get(&segment.init)?;
    Some(ticks as f64 / f64::from(init.timescale))
}

fn cut_together(tracks: &[Track], report: &mut Report) {
    let Some((first, others)) = tracks.split_first() else { return };
    for other in others {
        for (msn, one) in &first.fetched.segments {
            let Some(two) = other.fetched.segments.get(msn) else { continue };
            let begins = seconds(first, one, one.start).zip(seconds(other, two, two.start));
            let Some((one_s, two_s)) = begins else { continue };
            report.check(&rules::CUT_TOGETHER, (one_s - two_s).abs() <= AUDIO_FRAME_S, || {
                format!(
                    "segment {msn} begins at {one_s} s in {} and {two_s} s in {}",
                    first.url(),
                    other.url()
                )
            });
            if let (Some(one_ms), Some(two_ms)) = (one.pdt_ms, two.pdt_ms) {
                #[expect(clippy::cast_precision_loss, reason = "dates differ by milliseconds")]
                let apart = (one_ms - two_ms) as f64 - (one_s - two_s) * 1000.0;
                report.check(&rules::DATES_AGREE, apart.abs() <= DATES_APART_MS, || {
                    format!(
                        "segment {msn}: the dates of {} and {} are {apart} ms apart",
                        first.url(),
                        other.url()
                    )
                });
            }
        }
    }
}

fn reports_of(track: &Track, by_url: &BTreeMap<&str, &Track>, report: &mut Report) {
    if track.fetched.live_loads > 0 && by_url.len() > 1 {
        let mut named: Vec<&str> = track.fetched.reports.iter().map(|(_, url, _)| url.as_str()).collect();
        named.sort_unstable();
        named.dedup();
        report.check(&rules::REPORTS_COMPLETE, named.len() == by_url.len() - 1, || {
            format!("{} reports {named:?} of {:?}", track.url(), by_url.keys())
        });
    }
    for (at, url, said) in &track.fetched.reports {
        let Some(other) = by_url.get(url.as_str()) else {
            report.check(&rules::REPORTS_TRUE, false, || {
                format!("{} reports {url}, which is no track", track.url())
            });
            continue;
        };
        let seen = |until: Duration| {
            let upto = other.fetched.positions.iter().take_while(|(seen, _)| *seen <= until);
            upto.map(|(_, position)| *position).last()
        };
        let lag = seen(at.saturating_sub(REPORT_SLACK)).is_none_or(|old| *said >= old);
        let last = other.fetched.positions.last().is_none_or(|(last, _)| *last <= *at + REPORT_SLACK);
        let lead = last || seen(*at + REPORT_SLACK).is_none_or(|then| *said <= then);
        report.check(&rules::REPORTS_TRUE, lag && lead, || {
            format!(
                "{} says that {url} is at {said:?}; it was at {:?} a second before and {:?} a second after",
                track.url(),
                seen(at.saturating_sub(REPORT_SLACK)),
                seen(*at + REPORT_SLACK)
            )
        });
    }
}
