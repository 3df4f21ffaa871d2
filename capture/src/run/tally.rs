//! Counts pictures that were left out or repeated, and decides when to tell.

use std::time::Duration;

use model::TrackName;
use model::wire::v1::PictureCount;

/// How often counts are told while they move.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// How often the log warns while pictures are left out.
const WARN_EVERY: Duration = Duration::from_secs(60);

/// What became of the pictures of a run.
#[derive(Debug)]
pub(crate) struct Tally {
    counts: Vec<PictureCount>,
    /// What the last report said, and when, since the origin.
    told: Vec<PictureCount>,
    told_at: Option<Duration>,
    /// How many were left out before the last warning, and when that was.
    warned: u64,
    warned_at: Option<Duration>,
}

impl Tally {
    /// Begins to count for `tracks`.
    pub(crate) fn new(tracks: impl Iterator<Item = TrackName>) -> Self {
        let counts: Vec<_> = tracks.map(|track| PictureCount { track, dropped: 0, repeated: 0 }).collect();
        Self { told: counts.clone(), counts, told_at: None, warned: 0, warned_at: None }
    }

    /// Counts a picture that the encoder of one track did not take.
    pub(crate) fn drop_one(&mut self, track: usize) {
        if let Some(count) = self.counts.get_mut(track) {
            count.dropped += 1;
        }
    }

    /// Counts pictures that no track shows.
    pub(crate) fn drop_all(&mut self, pictures: u64) {
        self.counts.iter_mut().for_each(|count| count.dropped += pictures);
    }

    /// Counts a picture that one track shows once more.
    pub(crate) fn repeat(&mut self, track: usize) {
        if let Some(count) = self.counts.get_mut(track) {
            count.repeated += 1;
        }
    }

    /// Returns what has been counted.
    pub(crate) fn counts(&self) -> &[PictureCount] {
        &self.counts
    }

    /// Returns the counts if they moved and it is time to tell them, `elapsed` after the origin.
    pub(crate) fn due(&mut self, elapsed: Duration) -> Option<Vec<PictureCount>> {
        let early = self.told_at.is_some_and(|at| elapsed.saturating_sub(at) < TELL_EVERY);
        if early || self.told == self.counts {
            return None;
        }
        self.told_at = Some(elapsed);
        self.told.clone_from(&self.counts);
        Some(self.counts.clone())
    }

    /// Returns how many pictures were left out since the last warning, if it is time for another one.
    pub(crate) fn warning(&mut self, elapsed: Duration) -> Option<u64> {
        let dropped = self.counts.iter().map(|count| count.dropped).max().unwrap_or(0);
        let early = self.warned_at.is_some_and(|at| elapsed.saturating_sub(at) < WARN_EVERY);
        if early || dropped == self.warned {
            return None;
        }
        self.warned_at = Some(elapsed);
        Some(dropped - std::mem::replace(&mut self.warned, dropped))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn count(track: &str, dropped: u64, repeated: u64) -> PictureCount {
        PictureCount { track: track.parse().unwrap(), dropped, repeated }
    }

    fn tally() -> Tally {
        Tally::new(["720p", "270p"].into_iter().map(|name| name.parse().unwrap()))
    }

    #[test]
    fn counts_are_told_when_they_move_and_at_most_once_a_second() {
        let mut tally = tally();
        assert_eq!(tally.due(at(0)), None);
        tally.drop_one(0);
        tally.repeat(1);
        assert_eq!(tally.due(at(100)), Some(vec![count("720p", 1, 0), count("270p", 0, 1)]));
        tally.drop_all(2);
        assert_eq!(tally.due(at(1000)), None);
        assert_eq!(tally.due(at(1100)), Some(vec![count("720p", 3, 0), count("270p", 2, 1)]));
        assert_eq!(tally.due(at(9000)), None);
    }

    #[test]
    fn the_log_warns_at_once_and_then_once_a_minute() {
        let mut tally = tally();
        tally.repeat(0);
        assert_eq!(tally.warning(at(0)), None, "a repeated picture is no loss");
        tally.drop_one(0);
        assert_eq!(tally.warning(at(0)), Some(1));
        tally.drop_all(4);
        assert_eq!(tally.warning(at(59_000)), None);
        assert_eq!(tally.warning(at(60_000)), Some(4));
        assert_eq!(tally.warning(at(200_000)), None);
    }
}
