//! How far behind the room a player at the live edge is.

use serde::Serialize;
use testkit::fragment::Init;
use testkit::llhls::{Fetched, FetchedSegment};
use testkit::quantile::quantile;

/// Delays of a rendition, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Delay {
    /// Parts that were measured.
    pub(crate) parts: usize,
    /// From a part's last sample in the room to its last byte at the client: the median.
    pub(crate) published_ms_p50: f64,
    /// The same, of which one in a hundred is longer.
    pub(crate) published_ms_p99: f64,
    /// PART-HOLD-BACK: how far behind the newest part a player stays.
    pub(crate) hold_back_ms: f64,
    /// How far behind the room a player is: the sum of hold-back and the median delay.
    pub(crate) behind_ms: f64,
}

impl Delay {
    /// Measures the parts that came while the playlist was followed: those of the first load were waiting already.
    pub(crate) fn of(fetched: &Fetched, hold_back_ms: f64) -> Option<Self> {
        let mut delays = Vec::new();
        let (_, first) = *fetched.positions.first()?;
        let mut dated: Option<(f64, &FetchedSegment)> = None;
        for (msn, segment) in &fetched.segments {
            if let Some(date_ms) = segment.pdt_ms {
                #[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 stay below 2^53")]
                let date_ms = date_ms as f64;
                dated = Some((date_ms, segment));
            }
            let (Some((date_ms, anchor)), Some((init, _))) = (dated, fetched.inits.get(&segment.init)) else {
                continue;
            };
            for (index, part) in (0_u64..).zip(&segment.parts) {
                if (*msn, index) > first {
                    let end = part.start + part.duration;
                    let spoken_ms = date_ms + ticks_ms(end.saturating_sub(anchor.start), init);
                    delays.push(part.arrived.as_secs_f64() * 1000.0 - spoken_ms);
                }
            }
        }
        delays.sort_by(f64::total_cmp);
        let published_ms_p50 = quantile(&delays, 50)?;
        Some(Self {
            parts: delays.len(),
            published_ms_p50,
            published_ms_p99: quantile(&delays, 99)?,
            hold_back_ms,
            behind_ms: hold_back_ms + published_ms_p50,
        })
    }
}

#[expect(clippy::cast_precision_loss, reason = "a session's ticks stay far below 2^53")]
fn ticks_ms(ticks: u64, init: &Init) -> f64 {
    ticks as f64 * 1000.0 / f64::from(init.timescale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_followed_is_nothing_measured() {
        assert_eq!(Delay::of(&Fetched::default(), 1500.0), None);
    }
}
