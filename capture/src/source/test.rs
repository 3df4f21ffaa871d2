//! The built-in signal: speech-like sound and a moving picture with a burnt-in clock, the same in every run.

mod glyphs;
mod picture;
mod speech;

use std::time::Duration;

use model::input::TestSignal;

use self::picture::Painter;
use self::speech::Voice;
use super::{BLOCK_FRAMES, Length, Outlet, Roles, Source, Timebase, sample_time};
use crate::encode::rendition::FRAME_RATE_HZ;
use crate::inbox::{Block, Picture, Put};
use crate::leader;

/// The built-in signal.
pub(crate) struct Test {
    roles: Roles,
}

impl Test {
    /// Makes the part of `signal` that is wanted.
    pub(crate) const fn new(signal: TestSignal, wanted: Roles) -> Self {
        let offered = match signal {
            TestSignal::Both => Roles::ALL,
            TestSignal::Audio => Roles { sound: true, picture: false },
            TestSignal::Video => Roles { sound: false, picture: true },
        };
        Self { roles: offered.and(wanted) }
    }
}

impl Source for Test {
    fn roles(&self) -> Roles {
        self.roles
    }

    fn length(&self) -> Length {
        Length::Endless
    }

    fn run(self: Box<Self>, outlet: &Outlet, time: &Timebase) {
        let (mut voice, painter) = (Voice::default(), Painter::default());
        let (mut sample, mut frame) = (leader::SAMPLES, leader::PICTURES);
        loop {
            // What is due first is delivered first; a block is due when its last sample would have been heard.
            let sound_due = sample_time(sample + BLOCK_FRAMES as u64);
            let picture_due = frame_time(frame);
            let put = if self.roles.picture && (!self.roles.sound || picture_due < sound_due) {
                if time.wait_until(picture_due, outlet) {
                    return;
                }
                frame += 1;
                outlet.picture(Picture { at: picture_due, buffer: painter.paint(frame - 1) })
            } else {
                if time.wait_until(sound_due, outlet) {
                    return;
                }
                let stereo = voice.next_stereo(BLOCK_FRAMES);
                let block = Block { at_sample: sample, stereo, filled: false };
                sample += BLOCK_FRAMES as u64;
                outlet.sound(block)
            };
            if put == Put::Over {
                return;
            }
        }
    }
}

/// Returns when frame `frame` begins.
fn frame_time(frame: u64) -> Duration {
    Duration::from_nanos(model::rational::rescale(frame, 1_000_000_000, u64::from(FRAME_RATE_HZ)))
}
