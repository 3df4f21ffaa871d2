//! Where sources put what they capture and the conductor of a run takes it.
//!
//! Three bounded lanes under one lock. A full picture lane never stands in the way of sound.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use model::Input;
use model::wire::v1::{Failure, SourceState};

/// Sound blocks that may wait: two seconds of the 10 ms blocks that sources cut.
const SOUND_WAITING_MAX: usize = 200;

/// Pictures that may wait; 1.4 MB each.
const PICTURES_WAITING_MAX: usize = 4;

/// Notes that may wait: two sources that come and go every second while the conductor is held up for eight.
const NOTES_WAITING_MAX: usize = 16;

/// How far each lane may be taken; what lies later stays and holds its source up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Limits {
    /// Sound that begins before this sample; `None` for all.
    pub(crate) sample: Option<u64>,
    /// Pictures before this time; `None` for all.
    pub(crate) picture: Option<Duration>,
}

/// What a source is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// It gives the sound.
    Sound,
    /// It gives the picture.
    Picture,
}

/// A stretch of sound: interleaved stereo at 48 kHz.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Block {
    /// Its first sample, counted from the run's origin.
    pub(crate) at_sample: u64,
    /// Left, right, left, …
    pub(crate) stereo: Vec<f32>,
    /// Whether it stands for samples that the source did not deliver.
    pub(crate) filled: bool,
}

/// A picture in the format inside capture.
#[derive(Debug, Clone)]
pub(crate) struct Picture {
    /// Time since the run's origin.
    pub(crate) at: Duration,
    /// The pixels.
    pub(crate) buffer: gst::Buffer,
}

/// Something that a source says.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Note {
    /// The source changed its state.
    State(Input, SourceState),
    /// The source cannot go on.
    Failed(Input, Failure),
}

/// What the conductor takes out.
#[derive(Debug)]
pub(crate) enum Item {
    /// Sound.
    Sound(Block),
    /// A picture.
    Picture(Picture),
    /// A source came to its end, and everything of it was taken.
    Ended(Role),
    /// Something that a source says.
    Note(Note),
    /// The run is to stop.
    Stop,
    /// Nothing came in time.
    Nothing,
}

/// What happens to what does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WhenFull {
    /// Wait for room.
    Wait,
    /// Pictures: the oldest makes room. Sound: not taken.
    Drop,
}

/// What became of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Put {
    /// Taken.
    Taken,
    /// Taken or not, something had to go.
    Dropped,
    /// The run is over; the source should leave.
    Over,
}

#[derive(Default)]
struct State {
    sound: VecDeque<Block>,
    pictures: VecDeque<Picture>,
    notes: VecDeque<Note>,
    ended: Vec<Role>,
    stop: Stop,
    over: bool,
    drift_ns: i64,
    pictures_dropped: u64,
}

#[derive(Default, PartialEq)]
enum Stop {
    #[default]
    No,
    Asked,
    Seen,
}

/// The lanes between sources and conductor.
#[derive(Default)]
pub(crate) struct Inbox {
    state: Mutex<State>,
    changed: Condvar,
}

impl Inbox {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Every change leaves the lanes whole, so a poisoned lock holds good ones.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts sound in.
    pub(crate) fn put_sound(&self, block: Block, when_full: WhenFull) -> Put {
        let mut state = self.lock();
        while state.sound.len() >= SOUND_WAITING_MAX && !state.over {
            if when_full == WhenFull::Drop {
                return Put::Dropped;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.over {
            return Put::Over;
        }
        state.sound.push_back(block);
        self.changed.notify_all();
        Put::Taken
    }

    /// Puts a picture in.
    pub(crate) fn put_picture(&self, picture: Picture, when_full: WhenFull) -> Put {
        let mut state = self.lock();
        let mut put = Put::Taken;
        while state.pictures.len() >= PICTURES_WAITING_MAX && !state.over {
            if when_full == WhenFull::Drop {
                state.pictures.pop_front();
                state.pictures_dropped += 1;
                put = Put::Dropped;
            } else {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
        }
        if state.over {
            return Put::Over;
        }
        state.pictures.push_back(picture);
        self.changed.notify_all();
        put
    }

    /// Says that a role has come to its end.
    pub(crate) fn end(&self, role: Role) {
        let mut state = self.lock();
        if !state.ended.contains(&role) {
            state.ended.push(role);
        }
        self.changed.notify_all();
    }

    /// Says something about a source. When too much waits, the oldest state makes room; a failure never does for a state.
    pub(crate) fn note(&self, note: Note) {
        let mut state = self.lock();
        if state.notes.len() >= NOTES_WAITING_MAX {
            let place = state.notes.iter().position(|waiting| matches!(waiting, Note::State(..)));
            state.notes.remove(place.unwrap_or(0));
        }
        state.notes.push_back(note);
        self.changed.notify_all();
    }

    /// Says by how much the sound device's clock is ahead of the machine's since the origin, in nanoseconds.
    pub(crate) fn set_drift_ns(&self, drift_ns: i64) {
        self.lock().drift_ns = drift_ns;
    }

    /// Returns by how much the sound device's clock is ahead. Media time is the sound's: pictures follow it.
    pub(crate) fn drift_ns(&self) -> i64 {
        self.lock().drift_ns
    }

    /// Returns how many pictures found no room so far.
    pub(crate) fn pictures_dropped(&self) -> u64 {
        self.lock().pictures_dropped
    }

    /// Asks the run to stop.
    pub(crate) fn stop(&self) {
        let mut state = self.lock();
        if state.stop == Stop::No {
            state.stop = Stop::Asked;
        }
        self.changed.notify_all();
    }

    /// Says that nothing more is taken; sources leave.
    pub(crate) fn over(&self) {
        self.lock().over = true;
        self.changed.notify_all();
    }

    /// Waits `at_most`, or until the run is over or asked to stop; returns whether it is.
    pub(crate) fn wait_over(&self, at_most: Duration) -> bool {
        let goes_on = |state: &mut State| !state.over && state.stop == Stop::No;
        let (mut state, _) = self
            .changed
            .wait_timeout_while(self.lock(), at_most, goes_on)
            .unwrap_or_else(PoisonError::into_inner);
        !goes_on(&mut state)
    }

    /// Takes the next item within `limits`; waits `at_most` for it.
    pub(crate) fn take(&self, at_most: Duration, limits: Limits) -> Item {
        let empty = |state: &mut State| {
            !state.has_sound(limits)
                && !state.has_picture(limits)
                && state.notes.is_empty()
                && state.end_place().is_none()
                && state.stop != Stop::Asked
        };
        let (mut state, _) = self
            .changed
            .wait_timeout_while(self.lock(), at_most, empty)
            .unwrap_or_else(PoisonError::into_inner);
        let item = state.next(limits);
        self.changed.notify_all();
        item
    }
}

impl State {
    /// Stop first, sound before pictures, ends after everything of their role.
    fn next(&mut self, limits: Limits) -> Item {
        if self.stop == Stop::Asked {
            self.stop = Stop::Seen;
            return Item::Stop;
        }
        if let Some(note) = self.notes.pop_front() {
            return Item::Note(note);
        }
        if let Some(block) = self.has_sound(limits).then(|| self.sound.pop_front()).flatten() {
            return Item::Sound(block);
        }
        if let Some(picture) = self.has_picture(limits).then(|| self.pictures.pop_front()).flatten() {
            return Item::Picture(picture);
        }
        self.end_place().map_or(Item::Nothing, |place| Item::Ended(self.ended.remove(place)))
    }

    fn has_sound(&self, limits: Limits) -> bool {
        self.sound.front().is_some_and(|block| limits.sample.is_none_or(|end| block.at_sample < end))
    }

    fn has_picture(&self, limits: Limits) -> bool {
        self.pictures.front().is_some_and(|picture| limits.picture.is_none_or(|end| picture.at < end))
    }

    /// Returns the place of an end whose lane is empty.
    fn end_place(&self) -> Option<usize> {
        self.ended.iter().position(|role| match role {
            Role::Sound => self.sound.is_empty(),
            Role::Picture => self.pictures.is_empty(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn block(at_sample: u64) -> Block {
        Block { at_sample, stereo: vec![0.0; 2], filled: false }
    }

    fn picture(at_ms: u64) -> Picture {
        Picture { at: Duration::from_millis(at_ms), buffer: gst::Buffer::new() }
    }

    #[test]
    fn pictures_leak_and_sound_does_not() {
        gst::init().unwrap();
        let inbox = Inbox::default();
        for n in 0..10 {
            inbox.put_picture(picture(n), WhenFull::Drop);
        }
        assert_eq!(inbox.pictures_dropped(), 6);
        for n in 0..200 {
            assert_eq!(inbox.put_sound(block(n), WhenFull::Drop), Put::Taken);
        }
        assert_eq!(inbox.put_sound(block(200), WhenFull::Drop), Put::Dropped);
        for n in 0..200 {
            assert!(
                matches!(inbox.take(Duration::ZERO, Limits::default()), Item::Sound(b) if b.at_sample == n)
            );
        }
        assert!(
            matches!(inbox.take(Duration::ZERO, Limits::default()), Item::Picture(p) if p.at == Duration::from_millis(6))
        );
    }

    #[test]
    fn notes_are_bounded_and_a_failure_outlives_states() {
        let inbox = Inbox::default();
        let input: Input = "test:".parse().unwrap();
        let lost = |n: u32| Note::State(input.clone(), SourceState::Lost { why: n.to_string() });
        let failed = Note::Failed(input.clone(), crate::failure::internal("x"));
        inbox.note(lost(0));
        inbox.note(failed.clone());
        (1..100).for_each(|n| inbox.note(lost(n)));
        let mut waiting = Vec::new();
        while let Item::Note(note) = inbox.take(Duration::ZERO, Limits::default()) {
            waiting.push(note);
        }
        assert_eq!(waiting, [vec![failed], (85..100).map(lost).collect()].concat());
    }

    #[test]
    fn an_end_comes_after_everything_of_its_role() {
        let inbox = Inbox::default();
        inbox.end(Role::Sound);
        inbox.put_sound(block(0), WhenFull::Wait);
        assert!(matches!(inbox.take(Duration::ZERO, Limits::default()), Item::Sound(_)));
        assert!(matches!(inbox.take(Duration::ZERO, Limits::default()), Item::Ended(Role::Sound)));
        assert!(matches!(inbox.take(Duration::ZERO, Limits::default()), Item::Nothing));
    }

    #[test]
    fn a_source_that_waits_for_room_is_let_go_when_the_run_is_over() {
        let inbox = Arc::new(Inbox::default());
        for n in 0..200 {
            inbox.put_sound(block(n), WhenFull::Wait);
        }
        let source = std::thread::spawn({
            let inbox = inbox.clone();
            move || inbox.put_sound(block(200), WhenFull::Wait)
        });
        inbox.over();
        assert_eq!(source.join().unwrap(), Put::Over);
    }

    #[test]
    fn what_lies_beyond_a_limit_waits() {
        gst::init().unwrap();
        let inbox = Inbox::default();
        inbox.put_picture(picture(500), WhenFull::Wait);
        inbox.end(Role::Picture);
        let until = |ms| Limits { picture: Some(Duration::from_millis(ms)), ..Limits::default() };
        assert!(matches!(inbox.take(Duration::ZERO, until(500)), Item::Nothing));
        assert!(matches!(inbox.take(Duration::ZERO, until(501)), Item::Picture(_)));
        assert!(matches!(inbox.take(Duration::ZERO, until(0)), Item::Ended(Role::Picture)));
    }

    #[test]
    fn stop_is_seen_once_and_by_everyone() {
        let inbox = Inbox::default();
        assert!(!inbox.wait_over(Duration::ZERO));
        inbox.stop();
        inbox.stop();
        assert!(matches!(inbox.take(Duration::ZERO, Limits::default()), Item::Stop));
        assert!(matches!(inbox.take(Duration::ZERO, Limits::default()), Item::Nothing));
        assert!(inbox.wait_over(Duration::ZERO));
    }
}
