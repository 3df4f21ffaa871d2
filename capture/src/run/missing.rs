//! What a source did not deliver, told while it lasts.
//!
//! Silence or the last picture stands in its place, so media time goes on and the gap lies inside the run. Its reach is
//! said before the parts that it covers can be out: whatever is killed meanwhile, what is kept of the gap is told as one.

use std::time::Duration;

use model::wire::v1::Report;
use model::{Gap, GapCause, GapState, TrackName};

use crate::encode::Place;

/// How far behind its boundary a part of sound may end, and more: a whole AAC frame. Encoder and muxer hold two.
const PART_LATE: Duration = Duration::from_millis(22);

/// What the tracks of one source lack.
pub(crate) struct Missing {
    tracks: Vec<TrackName>,
    place: Place,
    part: Duration,
    shortest: Duration,
    stretch: Option<Stretch>,
}

/// A stretch that lasts; times count from the run's origin.
struct Stretch {
    from: Duration,
    to: Duration,
    said: bool,
}

impl Missing {
    /// Makes the teller for `tracks` that are cut into parts of `part`; what is shorter than `shortest` is not told.
    pub(crate) const fn new(
        tracks: Vec<TrackName>,
        place: Place,
        part: Duration,
        shortest: Duration,
    ) -> Self {
        Self { tracks, place, part, shortest, stretch: None }
    }

    /// Notes that the source delivered nothing from `from` to `to`, times since the origin. Comes before anything is put
    /// in its place.
    pub(crate) fn lacks(&mut self, from: Duration, to: Duration) {
        let stretch = self.stretch.get_or_insert(Stretch { from, to: from, said: false });
        let parts = |time: Duration| time.saturating_sub(PART_LATE).as_nanos() / self.part.as_nanos().max(1);
        let is_due = !stretch.said || parts(to) > parts(stretch.to);
        if is_due && to.saturating_sub(stretch.from) >= self.shortest {
            stretch.said = true;
            stretch.to = to;
            self.say(GapState::Open);
        } else if !stretch.said {
            stretch.to = to;
        }
    }

    /// Notes that the source delivers again, from `to` on.
    pub(crate) fn delivers(&mut self, to: Duration) {
        let Some(stretch) = &mut self.stretch else { return };
        stretch.to = to;
        if stretch.said {
            self.say(GapState::Closed);
        }
        self.stretch = None;
    }

    /// Returns whether a stretch lasts that is long enough to be told.
    pub(crate) fn lasts(&self) -> bool {
        self.stretch.as_ref().is_some_and(|stretch| stretch.said)
    }

    /// Notes that the run ends at `to`; what lasts is left open.
    pub(crate) fn ends(&mut self, to: Duration) {
        if let Some(stretch) = self.stretch.as_mut().filter(|stretch| stretch.said) {
            stretch.to = to;
            self.say(GapState::Open);
        }
    }

    fn say(&self, state: GapState) {
        let Some(stretch) = &self.stretch else { return };
        let origin = self.place.origin;
        for track in &self.tracks {
            let gap = Gap {
                from: origin.after(stretch.from),
                to: origin.after(stretch.to),
                track: Some(track.clone()),
                cause: GapCause::SourceLost,
            };
            (self.place.emit)(Report::Gap { run: self.place.run, gap, state });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use model::{MediaTime, RunNumber};

    use super::*;
    use crate::encode::Closings;

    type Said = Arc<Mutex<Vec<(u64, u64, GapState)>>>;

    /// A teller of parts of half a second in a run that begins at 10 s; what it says, in milliseconds since then.
    fn missing(shortest_ms: u64) -> (Missing, Said) {
        let said = Said::default();
        let heard = said.clone();
        let emit = move |report| {
            let Report::Gap { run: RunNumber(3), gap, state } = report else { panic!("{report:?}") };
            assert_eq!((gap.track.unwrap().as_str(), gap.cause), ("audio", GapCause::SourceLost));
            let ms = |time: MediaTime| (time.as_nanos() / 1_000_000) - 10_000;
            heard.lock().unwrap().push((ms(gap.from), ms(gap.to), state));
        };
        let place = Place {
            run: RunNumber(3),
            origin: MediaTime::from_millis(10_000),
            emit: Arc::new(emit),
            closings: Closings::default(),
        };
        let tracks = vec!["audio".parse().unwrap()];
        (Missing::new(tracks, place, Duration::from_millis(500), Duration::from_millis(shortest_ms)), said)
    }

    fn at(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn lacks(missing: &mut Missing, from_ms: u64, to_ms: u64) {
        (from_ms..to_ms).step_by(100).for_each(|ms| missing.lacks(at(ms), at(ms + 100)));
    }

    #[test]
    fn a_gap_reaches_over_every_part_that_it_covers_before_that_part_can_be_out() {
        let (mut missing, said) = missing(50);
        lacks(&mut missing, 1200, 2700);
        missing.delivers(at(2710));
        let open = |to| (1200, to, GapState::Open);
        assert_eq!(
            *said.lock().unwrap(),
            [open(1300), open(1600), open(2100), open(2600), (1200, 2710, GapState::Closed)]
        );
    }

    #[test]
    fn what_is_shorter_than_can_be_told_is_not_told() {
        let (mut missing, said) = missing(50);
        missing.lacks(at(480), at(520));
        missing.delivers(at(520));
        missing.delivers(at(900));
        missing.ends(at(1000));
        assert_eq!(*said.lock().unwrap(), []);
    }

    #[test]
    fn a_gap_that_lasts_to_the_end_of_the_run_is_left_open() {
        let (mut missing, said) = missing(50);
        lacks(&mut missing, 900, 1000);
        missing.ends(at(1040));
        assert_eq!(*said.lock().unwrap(), [(900, 1000, GapState::Open), (900, 1040, GapState::Open)]);
    }
}
