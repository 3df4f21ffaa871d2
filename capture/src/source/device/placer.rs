//! Where a device's samples lie on the timeline.
//!
//! Samples follow each other as the device counts them. Its reported times are only watched: they show how its clock
//! drifts, and times that stay late for half a second show that samples are missing. One late callback shows nothing:
//! a busy machine calls late and loses no sample. Sound servers first report ages that are wrong by 100 ms and more, so a
//! stream's first seconds set the drift and nothing else.

use std::time::Duration;

use model::MonoTime;
use model::rational::rescale;

use crate::encode::rendition::SAMPLE_RATE_HZ;

/// Reported times this far off their place mean that samples are missing: 200 ms, twice what a sound server's own
/// reckoning wanders.
const JUMP_SAMPLES: i64 = SAMPLE_RATE_HZ as i64 / 5;

/// How long a stream settles.
const SETTLE_SAMPLES: i64 = 3 * SAMPLE_RATE_HZ as i64;

/// How fast the drift follows the reported times while a stream settles: 1/8 for each callback.
const SETTLE_SHARE: i64 = 8;

/// How long reported times must be off before they are believed.
const BELIEVE_SAMPLES: i64 = SAMPLE_RATE_HZ as i64 / 2;

/// A reported time this far off is believed at once: no buffer of a device holds a second.
const STALL_SAMPLES: i64 = SAMPLE_RATE_HZ as i64;

/// How slowly the drift follows the reported times: 1/128 for each callback, about a second.
const DRIFT_SHARE: i64 = 128;

/// Fractions of a sample in which drift is counted, so that slow drift is not rounded away.
const FINE: i64 = 1024;

/// Where a burst goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// Frames at its begin that are left out.
    pub(crate) skip_frames: usize,
    /// Its first sample after that, counted from the origin.
    pub(crate) at_sample: u64,
}

/// Places the bursts of one device.
#[derive(Debug)]
pub(crate) struct Placer {
    start: MonoTime,
    next: Option<u64>,
    drift_fine: i64,
    watch: Watch,
    settled_samples: i64,
    /// Whether the device counts anew, so that only its reported time says where its sound lies.
    interrupted: bool,
}

/// The smallest and largest error of the bursts watched so far.
#[derive(Debug, Default)]
struct Watch {
    samples: i64,
    least: Option<i64>,
    most: Option<i64>,
}

impl Watch {
    /// Notes an error of the next `length` samples; returns what all of them are off by, once that is to be believed.
    fn note(&mut self, error: i64, length: i64) -> Option<i64> {
        let least = self.least.map_or(error, |least| least.min(error));
        let most = self.most.map_or(error, |most| most.max(error));
        (self.least, self.most, self.samples) = (Some(least), Some(most), self.samples + length);
        if self.samples < BELIEVE_SAMPLES && error < STALL_SAMPLES {
            return None;
        }
        *self = Self::default();
        if error >= STALL_SAMPLES {
            Some(error)
        } else if least > JUMP_SAMPLES {
            Some(least)
        } else {
            (most < -JUMP_SAMPLES).then_some(most)
        }
    }
}

impl Placer {
    /// Makes a placer for a run whose origin is at `start`.
    pub(crate) const fn new(start: MonoTime) -> Self {
        Self {
            start,
            next: None,
            drift_fine: 0,
            watch: Watch { samples: 0, least: None, most: None },
            settled_samples: 0,
            interrupted: false,
        }
    }

    /// Places `frames` frames of which the first was captured at `at`, after `lost` frames that could not be handed
    /// over; `None` when all of them lie before the origin or were covered by silence.
    pub(crate) fn place(&mut self, at: MonoTime, frames: usize, lost: u64) -> Option<Place> {
        let claimed = samples(at.since(self.start)) - samples(self.start.since(at));
        let length = i64::try_from(frames).unwrap_or(i64::MAX);
        let begin = match self.next {
            // The first sound a moment late is where the timeline begins.
            None if (0..=JUMP_SAMPLES).contains(&claimed) => {
                self.drift_fine = claimed * FINE;
                0
            }
            None => claimed,
            Some(_) if self.interrupted => claimed - self.drift_fine / FINE,
            Some(next) => self.follow(claimed, signed(next) + signed(lost), length),
        };
        self.interrupted = false;
        // What lies before the origin, or before what is there already, is left out.
        let from = begin.max(self.next.map_or(0, signed));
        let skip = from - begin;
        if skip >= length {
            return None;
        }
        let at_sample = u64::try_from(from).unwrap_or(0);
        self.next = Some(at_sample + u64::try_from(length - skip).unwrap_or(0));
        Some(Place { skip_frames: usize::try_from(skip).unwrap_or(0), at_sample })
    }

    /// Returns where sound begins that is claimed to be at `claimed` and follows what ends at `next`.
    fn follow(&mut self, claimed: i64, next: i64, length: i64) -> i64 {
        let error_fine = (claimed - next).saturating_mul(FINE) - self.drift_fine;
        self.settled_samples = self.settled_samples.saturating_add(length);
        tracing::trace!(claimed, next, error = error_fine / FINE, drift = self.drift_fine / FINE, "sound");
        if self.settled_samples < SETTLE_SAMPLES && error_fine < STALL_SAMPLES * FINE {
            self.drift_fine += error_fine / SETTLE_SHARE;
            return next;
        }
        if let Some(jump) = self.watch.note(error_fine / FINE, length) {
            tracing::warn!(samples = jump, "sound jumped");
            return next + jump;
        }
        // What may be a jump is no drift.
        if error_fine.abs() <= JUMP_SAMPLES * FINE {
            self.drift_fine += error_fine / DRIFT_SHARE;
        }
        next
    }

    /// Notes that silence takes the place of everything up to `sample`; `None` when it is there already.
    pub(crate) fn fill_to(&mut self, sample: u64) -> Option<u64> {
        (self.next.unwrap_or(0) < sample).then(|| {
            self.next = Some(sample);
            self.interrupted = true;
            self.settled_samples = 0;
            sample
        })
    }

    /// Returns by how much the device's clock is ahead of the machine's, in nanoseconds.
    pub(crate) fn drift_ns(&self) -> i64 {
        // Reported times that lie later than the count mean that the device counts slowly.
        let ahead_fine = -self.drift_fine;
        ahead_fine.saturating_mul(1_000_000_000 / FINE) / i64::from(SAMPLE_RATE_HZ)
    }
}

fn samples(time: Duration) -> i64 {
    let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    signed(rescale(nanos, u64::from(SAMPLE_RATE_HZ), 1_000_000_000))
}

fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn at(nanos: u64) -> MonoTime {
        MonoTime::from_nanos(nanos)
    }

    /// Places callbacks of 480 frames whose reported time is `nanos(n)`.
    fn place_all(placer: &mut Placer, n: std::ops::Range<u64>, nanos: impl Fn(u64) -> u64) -> Vec<Place> {
        n.filter_map(|n| placer.place(at(nanos(n)), 480, 0)).collect()
    }

    #[test]
    fn sound_from_before_the_origin_is_left_out_to_the_sample() {
        let mut placer = Placer::new(at(SECOND));
        assert_eq!(placer.place(at(SECOND - 20_000_000), 480, 0), None);
        let place = placer.place(at(SECOND - 5_000_000), 480, 0);
        assert_eq!(place, Some(Place { skip_frames: 240, at_sample: 0 }));
        assert_eq!(
            placer.place(at(SECOND + 5_000_000), 480, 0),
            Some(Place { skip_frames: 0, at_sample: 240 })
        );
    }

    #[test]
    fn a_clock_that_drifts_adds_and_loses_nothing() {
        let mut placer = Placer::new(at(0));
        // 100 ppm slow, for an hour: 360 ms in all, more than a jump.
        let places = place_all(&mut placer, 0..360_000, |n| n * 10_001_000);
        for (n, place) in (0..).zip(&places) {
            assert_eq!((place.skip_frames, place.at_sample), (0, n * 480));
        }
        let drift_ms = placer.drift_ns() / 1_000_000;
        assert!((-361..-355).contains(&drift_ms), "{drift_ms}");
    }

    #[test]
    fn a_stall_becomes_a_hole_of_its_length() {
        let mut placer = Placer::new(at(0));
        place_all(&mut placer, 0..100, |n| n * 10_000_000);
        let place = placer.place(at(3 * SECOND), 480, 0).unwrap();
        assert_eq!(place.at_sample, 144_000);
    }

    #[test]
    fn late_callbacks_add_nothing() {
        let mut placer = Placer::new(at(0));
        // Later on, every tenth callback comes 300 ms late, as on a machine with too much to do.
        let late = |n| if n > 500 && n % 10 == 9 { 300_000_000 } else { 0 };
        let places = place_all(&mut placer, 0..2000, |n| n * 10_000_000 + late(n));
        for (n, place) in (0..).zip(&places) {
            assert_eq!((place.skip_frames, place.at_sample), (0, n * 480));
        }
    }

    #[test]
    fn ages_that_settle_add_nothing() {
        let mut placer = Placer::new(at(0));
        let places = place_all(&mut placer, 0..1000, |n| n * 10_000_000 + (n * 5_000_000).min(180_000_000));
        for (n, place) in (0..).zip(&places) {
            assert_eq!((place.skip_frames, place.at_sample), (0, n * 480));
        }
    }

    #[test]
    fn missing_samples_are_believed_within_a_second() {
        let mut placer = Placer::new(at(0));
        place_all(&mut placer, 0..500, |n| n * 10_000_000);
        let places = place_all(&mut placer, 500..600, |n| n * 10_000_000 + 250_000_000);
        let last = places.last().unwrap();
        let expect = 599 * 480 + 12_000_u64;
        assert!(last.at_sample.abs_diff(expect) < 1000, "{} {expect}", last.at_sample);
    }

    #[test]
    fn the_first_sound_begins_the_timeline() {
        let mut placer = Placer::new(at(0));
        assert_eq!(placer.place(at(30_000_000), 480, 0), Some(Place { skip_frames: 0, at_sample: 0 }));
        assert_eq!(placer.place(at(40_000_000), 480, 0), Some(Place { skip_frames: 0, at_sample: 480 }));
    }

    #[test]
    fn frames_that_could_not_be_handed_over_leave_their_place_free() {
        let mut placer = Placer::new(at(0));
        placer.place(at(0), 480, 0).unwrap();
        assert_eq!(placer.place(at(15_000_000), 480, 240).unwrap().at_sample, 720);
    }

    #[test]
    fn silence_is_not_overwritten() {
        let mut placer = Placer::new(at(0));
        placer.place(at(0), 480, 0).unwrap();
        assert_eq!(placer.fill_to(48_000), Some(48_000));
        assert_eq!(placer.fill_to(48_000), None);
        assert_eq!(placer.place(at(SECOND / 2), 480, 0), None, "late sound whose place is taken");
        assert_eq!(placer.place(at(SECOND + 10_000_000), 480, 0).unwrap().at_sample, 48_000);
    }

    proptest! {
        #[test]
        fn nothing_overlaps_whatever_the_device_reports(bursts in prop::collection::vec((0_u64..20 * SECOND, 0_usize..5000, 0_u64..1000), 1..200)) {
            let mut placer = Placer::new(at(SECOND));
            let mut end = 0;
            for (nanos, frames, lost) in bursts {
                if let Some(place) = placer.place(at(nanos), frames, lost) {
                    prop_assert!(place.at_sample >= end && place.skip_frames < frames);
                    end = place.at_sample + u64::try_from(frames - place.skip_frames).unwrap();
                }
            }
        }
    }
}
