//! A sound device, through cpal and ALSA.
//!
//! The line of samples is the device's own: none is added or lost while it delivers. When it does not, silence keeps the
//! timeline going and the device is opened again and again. Dropping a stream whose server died can hang for ever, so
//! streams are dropped on a thread of their own.

pub(crate) mod placer;
pub(crate) mod resample;
pub(crate) mod stream;

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError, sync_channel};
use std::time::Duration;

use model::Clock;
use model::wire::v1::{Failure, FailureKind, SourceState};

use self::placer::Placer;
use self::stream::{Burst, Stream};
use super::{Length, Outlet, Roles, Source, Timebase, sample_at};
use crate::failure::{failure, internal};
use crate::inbox::{Block, Put};
use crate::leader;

/// How long a device may take to deliver its first sound: a sleeping USB codec needs a second.
const FIRST_SOUND: Duration = Duration::from_secs(3);

/// How long opening a device may take in all, first sound included.
const OPEN_PATIENCE: Duration = Duration::from_secs(8);

/// How long a device may be silent on the wire before it counts as lost; callbacks come every 10 to 100 ms.
const LOST_AFTER: Duration = Duration::from_secs(1);

/// How often a lost device is tried again.
const RETRY_EVERY: Duration = Duration::from_secs(1);

/// How far behind the clock the silence for a lost device is kept: late sound still finds its place.
const FILL_BEHIND: Duration = Duration::from_millis(300);

/// An open sound device.
pub(crate) struct Device {
    id: String,
    clock: Arc<dyn Clock>,
    roles: Roles,
    stream: Option<Stream>,
}

impl Device {
    /// Opens a device by its stable id and waits for its first sound.
    pub(crate) fn open(id: &str, wanted: Roles, clock: &Arc<dyn Clock>) -> Result<Self, Failure> {
        let roles = Roles { sound: true, picture: false }.and(wanted);
        let stream = if roles.sound {
            let outcome = open_aside(id, clock)?;
            Some(outcome.recv_timeout(OPEN_PATIENCE).map_err(|_| silent(id))??)
        } else {
            None
        };
        Ok(Self { id: id.to_owned(), clock: clock.clone(), roles, stream })
    }
}

/// Opens a stream on a thread of its own: with a server that hangs, so does opening, for ever.
fn open_aside(id: &str, clock: &Arc<dyn Clock>) -> Result<Receiver<Result<Stream, Failure>>, Failure> {
    let (outcome_in, outcome) = sync_channel(1);
    let (id, clock) = (id.to_owned(), clock.clone());
    let thread = std::thread::Builder::new().name("device-open".to_owned());
    thread
        .spawn(move || {
            // When nobody waits any more, the stream is dropped here, where that can hang without harm.
            if outcome_in.send(open(&id, &clock)).is_err() {
                tracing::debug!(device = id, "a sound device was opened too late");
            }
        })
        .map_err(internal)?;
    Ok(outcome)
}

/// Opens a stream and waits for its first sound.
fn open(id: &str, clock: &Arc<dyn Clock>) -> Result<Stream, Failure> {
    let stream = Stream::open(id, clock)?;
    match stream.bursts.recv_timeout(FIRST_SOUND) {
        Ok(_) => Ok(stream),
        Err(_) => {
            stream.throw_away();
            Err(silent(id))
        }
    }
}

fn silent(id: &str) -> Failure {
    failure(
        FailureKind::Busy,
        format!(
            "the sound device {id} delivers nothing; plug it in again, and close other programs that use it"
        ),
    )
}

impl Source for Device {
    fn roles(&self) -> Roles {
        self.roles
    }

    fn length(&self) -> Length {
        Length::Endless
    }

    fn freshen(&self) {
        let waiting = self.stream.as_ref().map_or(0, |stream| stream.bursts.try_iter().count());
        tracing::debug!(device = self.id, waiting, "sound from before the run is left out");
    }

    fn run(self: Box<Self>, outlet: &Outlet, time: &Timebase) {
        let Self { id, clock, stream, .. } = *self;
        // Samples are counted from the end of the leader.
        let mut placer = Placer::new(time.start.after(leader::length()));
        let mut stream = stream;
        while !outlet.is_over() {
            if let Some(delivering) = stream.take() {
                let over = listen(&delivering, &mut placer, outlet);
                delivering.throw_away();
                if over {
                    return;
                }
                tracing::warn!(device = id, "sound device lost");
                let why = format!("the sound device {id} delivers nothing; plug it in again");
                outlet.state(SourceState::Lost { why });
            }
            stream = reopen(&id, &clock, &mut placer, outlet, time);
        }
        if let Some(stream) = stream {
            stream.throw_away();
        }
    }
}

/// Hands on what a stream delivers; returns whether the run is over, else the stream is lost.
fn listen(stream: &Stream, placer: &mut Placer, outlet: &Outlet) -> bool {
    let mut silent = Duration::ZERO;
    let look = Duration::from_millis(100);
    loop {
        match stream.bursts.recv_timeout(look) {
            Ok(burst) => {
                silent = Duration::ZERO;
                if hand_on(burst, placer, outlet) == Put::Over {
                    return true;
                }
            }
            Err(RecvTimeoutError::Timeout) => silent += look,
            Err(RecvTimeoutError::Disconnected) => return outlet.is_over(),
        }
        if outlet.is_over() {
            return true;
        }
        if silent >= LOST_AFTER {
            return false;
        }
    }
}

fn hand_on(burst: Burst, placer: &mut Placer, outlet: &Outlet) -> Put {
    let frames = burst.stereo.len() / 2;
    let Some(place) = placer.place(burst.at, frames, burst.lost_frames) else { return Put::Taken };
    outlet.drift_ns(placer.drift_ns());
    let mut stereo = burst.stereo;
    stereo.drain(..place.skip_frames * 2);
    // A block that is not taken leaves a hole that the next one shows.
    outlet.live_sound(Block { at_sample: leader::SAMPLES + place.at_sample, stereo, filled: false })
}

/// Tries to open a lost device until it delivers or the run is over, with silence meanwhile.
fn reopen(
    id: &str,
    clock: &Arc<dyn Clock>,
    placer: &mut Placer,
    outlet: &Outlet,
    time: &Timebase,
) -> Option<Stream> {
    let look = Duration::from_millis(100);
    loop {
        let attempt = open_aside(id, clock).ok()?;
        let (mut waited, mut outcome) = (Duration::ZERO, None);
        while outcome.is_none() || waited < RETRY_EVERY {
            if outlet.wait_over(look) {
                return None;
            }
            waited += look;
            let until = sample_at(time.elapsed().saturating_sub(leader::length() + FILL_BEHIND));
            if let Some(sample) = placer.fill_to(until) {
                let at_sample = leader::SAMPLES + sample;
                outlet.live_sound(Block { at_sample, stereo: Vec::new(), filled: true });
            }
            match attempt.try_recv() {
                Ok(Ok(stream)) => {
                    outlet.state(SourceState::Delivering);
                    return Some(stream);
                }
                Ok(Err(why)) => outcome = Some(why.message),
                Err(TryRecvError::Disconnected) => {
                    outcome = outcome.or_else(|| Some("opening it panicked".to_owned()))
                }
                Err(TryRecvError::Empty) => {}
            }
        }
        tracing::debug!(device = id, why = outcome, "sound device is still lost");
    }
}
