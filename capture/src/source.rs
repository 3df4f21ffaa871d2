//! Sources by role: whatever gives sound, a picture or both.
//!
//! A source is opened (or refused with a sentence), then runs on its own thread until it ends or the run is over.
//! It must never block on anything but its device and the inbox.

pub(crate) mod camera;
pub(crate) mod device;
pub(crate) mod file;
pub(crate) mod fold;
pub(crate) mod test;

use std::sync::Arc;
use std::time::Duration;

use model::wire::v1::{Failure, Pace, SourceState};
use model::{Clock, Input, MonoTime};

use model::rational::rescale;

use crate::encode::rendition::SAMPLE_RATE_HZ;
use crate::inbox::{Block, Inbox, Note, Picture, Put, Role, WhenFull};

/// Sound is delivered in blocks of 10 ms: short against a part, long against the cost of a hand-over.
pub(crate) const BLOCK_FRAMES: usize = 480;

/// Longest sleep between two looks at the clock: a clock that is set by hand is noticed this fast.
const NAP_MAX: Duration = Duration::from_millis(20);

/// Sound, picture, or both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Roles {
    /// Sound.
    pub(crate) sound: bool,
    /// Picture.
    pub(crate) picture: bool,
}

impl Roles {
    /// Both.
    pub(crate) const ALL: Self = Self { sound: true, picture: true };

    /// Returns whether neither is set.
    pub(crate) const fn is_empty(self) -> bool {
        !self.sound && !self.picture
    }

    /// Returns what is in both.
    pub(crate) const fn and(self, other: Self) -> Self {
        Self { sound: self.sound && other.sound, picture: self.picture && other.picture }
    }

    /// Returns what is in this one and not in `other`.
    pub(crate) const fn without(self, other: Self) -> Self {
        Self { sound: self.sound && !other.sound, picture: self.picture && !other.picture }
    }
}

/// Whether a source comes to an end by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Length {
    /// It ends.
    Finite,
    /// It goes on until the run is stopped.
    Endless,
}

/// An open source.
pub(crate) trait Source: Send {
    /// Returns the roles it takes.
    fn roles(&self) -> Roles;

    /// Returns whether it ends by itself.
    fn length(&self) -> Length;

    /// Forgets what came in since it was opened: the run begins with what comes next.
    fn freshen(&self) {}

    /// Delivers until it ends or the run is over.
    fn run(self: Box<Self>, outlet: &Outlet, time: &Timebase);
}

/// Opens `input` for those of the `wanted` roles that it can take. A source without any of them comes back with empty
/// roles.
pub(crate) fn open(input: &Input, wanted: Roles, clock: &Arc<dyn Clock>) -> Result<Box<dyn Source>, Failure> {
    match input {
        Input::File { path, at_end } => Ok(Box::new(file::File::open(path, *at_end, wanted)?)),
        Input::Test(signal) => Ok(Box::new(test::Test::new(*signal, wanted))),
        Input::Audio { id } => Ok(Box::new(device::Device::open(id, wanted, clock)?)),
        Input::Camera { device } => Ok(Box::new(camera::Camera::open_device(device, wanted)?)),
        Input::Rtsp { url } => Ok(Box::new(camera::Camera::open_url(url, wanted)?)),
    }
}

/// Where a source delivers.
#[derive(Clone)]
pub(crate) struct Outlet {
    inbox: Arc<Inbox>,
    input: Input,
    pace: Pace,
}

impl Outlet {
    /// Makes the outlet of one source.
    pub(crate) const fn new(inbox: Arc<Inbox>, input: Input, pace: Pace) -> Self {
        Self { inbox, input, pace }
    }

    /// Delivers sound and waits for room: for sources that can wait.
    pub(crate) fn sound(&self, block: Block) -> Put {
        self.inbox.put_sound(block, WhenFull::Wait)
    }

    /// Delivers sound that cannot wait.
    pub(crate) fn live_sound(&self, block: Block) -> Put {
        self.inbox.put_sound(block, WhenFull::Drop)
    }

    /// Delivers a picture; in real time the oldest waiting one makes room.
    pub(crate) fn picture(&self, picture: Picture) -> Put {
        let when_full = match self.pace {
            Pace::RealTime => WhenFull::Drop,
            Pace::Unpaced => WhenFull::Wait,
        };
        self.inbox.put_picture(picture, when_full)
    }

    /// Says by how much a sound device's clock is ahead of the machine's.
    pub(crate) fn drift_ns(&self, drift_ns: i64) {
        self.inbox.set_drift_ns(drift_ns);
    }

    /// Says that `role` has come to its end.
    pub(crate) fn end(&self, role: Role) {
        self.inbox.end(role);
    }

    /// Says in which state the source is.
    pub(crate) fn state(&self, state: SourceState) {
        self.inbox.note(Note::State(self.input.clone(), state));
    }

    /// Says that the source cannot go on.
    pub(crate) fn failed(&self, why: Failure) {
        self.inbox.note(Note::Failed(self.input.clone(), why));
    }

    /// Returns whether the run is over or asked to stop.
    pub(crate) fn is_over(&self) -> bool {
        self.inbox.wait_over(Duration::ZERO)
    }

    /// Waits, or until the run is over; returns whether it is.
    pub(crate) fn wait_over(&self, at_most: Duration) -> bool {
        self.inbox.wait_over(at_most)
    }
}

/// The run's time as sources see it.
#[derive(Debug, Clone)]
pub(crate) struct Timebase {
    /// Tells the time.
    pub(crate) clock: Arc<dyn Clock>,
    /// Monotonic time at the run's origin.
    pub(crate) start: MonoTime,
    /// Whether to keep to it.
    pub(crate) pace: Pace,
}

impl Timebase {
    /// Returns the time since the run's origin.
    pub(crate) fn elapsed(&self) -> Duration {
        self.clock.monotonic().since(self.start)
    }

    /// Waits until `at` after the origin, if the pace asks for it; returns whether the run is over.
    pub(crate) fn wait_until(&self, at: Duration, outlet: &Outlet) -> bool {
        if self.pace == Pace::Unpaced {
            return outlet.is_over();
        }
        loop {
            let left = at.saturating_sub(self.elapsed());
            if left.is_zero() {
                return outlet.is_over();
            }
            if outlet.wait_over(left.min(NAP_MAX)) {
                return true;
            }
        }
    }
}

/// Returns the time that `samples` samples take at 48 kHz.
pub(crate) fn sample_time(samples: u64) -> Duration {
    Duration::from_nanos(rescale(samples, 1_000_000_000, u64::from(SAMPLE_RATE_HZ)))
}

/// Returns the sample at 48 kHz nearest to `time`.
pub(crate) fn sample_at(time: Duration) -> u64 {
    let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    rescale(nanos, u64::from(SAMPLE_RATE_HZ), 1_000_000_000)
}
