//! The picture of a run: one picture in every place of the 30 Hz grid, whatever the source delivers.
//!
//! A missing picture is the one before it shown longer; before the first there is a black one. So the video tracks have
//! no holes, and a frame lies at most half a frame from where it was captured.

use std::time::Duration;

use model::rational::rescale;
use model::wire::v1::{Failure, PictureCount};

use crate::encode::rendition::{Coding, FRAME_RATE_HZ, HEIGHT, SAMPLE_RATE_HZ, WIDTH};
use crate::encode::{Encoder, Place, Taken};
use crate::inbox::Picture;
use crate::leader;
use crate::run::missing::Missing;
use crate::run::tally::Tally;

/// How far off its place, in thousandths of a frame, a picture may be and still take the next place: cameras jitter.
const JITTER_MILLI: u64 = 800;

/// The picture of a run.
pub(crate) struct Pictures {
    encoders: Vec<Encoder>,
    wait: bool,
    next: u64,
    /// The place after the last picture that the source delivered.
    delivered: u64,
    missing: Missing,
    is_lost: bool,
    latest: Option<gst::Buffer>,
    tally: Tally,
    /// Pictures that found no room on their way here.
    unseen: u64,
}

impl Pictures {
    /// Makes the line for video `encoders`. With `wait`, a slow encoder makes the run wait, else pictures are left out.
    pub(crate) fn new(encoders: Vec<Encoder>, wait: bool, part: Duration, place: &Place) -> Self {
        let names = encoders.iter().map(|encoder| encoder.rendition().name.clone());
        let tally = Tally::new(names.clone());
        let missing = Missing::new(names.collect(), place.clone(), part, Duration::ZERO);
        Self {
            encoders,
            wait,
            next: 0,
            delivered: 0,
            missing,
            is_lost: false,
            latest: None,
            tally,
            unseen: 0,
        }
    }

    /// Returns the time up to which there are pictures.
    pub(crate) fn taken(&self) -> Duration {
        time_of(self.next)
    }

    /// Notes that the source is lost: what follows its last picture is a gap, until it delivers again.
    pub(crate) fn lost(&mut self) {
        self.is_lost = true;
        self.missing.lacks(time_of(self.delivered), time_of(self.next));
    }

    /// Takes a picture; one that comes after its place was filled is left out.
    pub(crate) fn take(&mut self, picture: Picture) {
        let milli = milliframes(picture.at);
        let place =
            if milli.abs_diff(self.next * 1000) <= JITTER_MILLI { self.next } else { (milli + 500) / 1000 };
        if place >= self.next {
            if self.latest.is_none() {
                // The first picture is better than a black one.
                self.latest = Some(picture.buffer.clone());
            }
            self.repeat_until(place);
            self.missing.delivers(time_of(place));
            self.is_lost = false;
            self.give(&picture.buffer);
            self.delivered = self.next;
        } else if place >= self.delivered {
            // Its place shows the picture before it. A faster source's surplus is no loss.
            self.tally.drop_all(1);
        }
        self.latest = Some(picture.buffer);
    }

    /// Notes how many pictures found no room on their way here, since the run began.
    pub(crate) fn missed(&mut self, unseen: u64) {
        self.tally.drop_all(unseen - std::mem::replace(&mut self.unseen, unseen));
    }

    /// Returns the counts to be told; warns while pictures are left out.
    pub(crate) fn due(&mut self, elapsed: Duration) -> Option<Vec<PictureCount>> {
        if let Some(dropped) = self.tally.warning(elapsed) {
            tracing::warn!(dropped, "pictures are left out: the machine has too much to do");
        }
        self.tally.due(elapsed)
    }

    /// Repeats the latest picture up to `time`.
    pub(crate) fn fill_to(&mut self, time: Duration) {
        self.repeat_until(milliframes(time) / 1000);
    }

    /// Returns why an encoder stopped, if one did.
    pub(crate) fn failure(&self) -> Option<Failure> {
        self.encoders.iter().find_map(Encoder::failure)
    }

    /// Ends the tracks where the sound ends, to the nearest frame.
    pub(crate) fn finish(&mut self, samples: u64) -> Result<Vec<PictureCount>, Failure> {
        self.wait = true;
        let frames = rescale(samples, u64::from(FRAME_RATE_HZ), u64::from(SAMPLE_RATE_HZ));
        self.repeat_until(frames);
        self.missing.ends(time_of(self.next));
        for PictureCount { track, dropped, repeated } in self.tally.counts() {
            tracing::info!(%track, frames = self.next, repeated, dropped, "picture ended");
        }
        if self.next == 0 {
            return Ok(self.tally.counts().to_vec());
        }
        for encoder in self.encoders.drain(..) {
            let every = every(&encoder);
            encoder.finish(self.next.div_ceil(every))?;
        }
        Ok(self.tally.counts().to_vec())
    }

    fn repeat_until(&mut self, place: u64) {
        while self.next < place {
            let picture = self.latest.get_or_insert_with(black).clone();
            // The leader shows the first picture, which stands in for none.
            let counts = self.next >= leader::PICTURES;
            let shows = |encoder: &Encoder| counts && self.next.is_multiple_of(every(encoder));
            for (track, _) in self.encoders.iter().enumerate().filter(|(_, encoder)| shows(encoder)) {
                self.tally.repeat(track);
            }
            if self.is_lost {
                self.missing.lacks(time_of(self.next), time_of(self.next + 1));
            }
            self.give(&picture);
        }
    }

    fn give(&mut self, picture: &gst::Buffer) {
        for (track, encoder) in self.encoders.iter().enumerate() {
            let every = every(encoder);
            if self.next.is_multiple_of(every)
                && encoder.picture(self.next / every, picture, self.wait) == Taken::Dropped
            {
                self.tally.drop_one(track);
                tracing::debug!(track = %encoder.rendition().name, frame = self.next, "picture dropped");
            }
        }
        self.next += 1;
    }
}

/// Returns the time of a place on the grid.
fn time_of(place: u64) -> Duration {
    Duration::from_nanos(rescale(place, 1_000_000_000, u64::from(FRAME_RATE_HZ)))
}

fn milliframes(time: Duration) -> u64 {
    let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    rescale(nanos, u64::from(FRAME_RATE_HZ) * 1000, 1_000_000_000)
}

fn every(encoder: &Encoder) -> u64 {
    match encoder.rendition().coding {
        Coding::H264 { every, .. } => u64::from(every),
        Coding::Aac | Coding::Opus => 1,
    }
}

/// A black picture (BT.709, limited range).
fn black() -> gst::Buffer {
    let luma = usize::try_from(WIDTH * HEIGHT).unwrap_or(0);
    let mut pixels = vec![128; luma * 3 / 2];
    if let Some(luma) = pixels.get_mut(..luma) {
        luma.fill(16);
    }
    gst::Buffer::from_mut_slice(pixels)
}
