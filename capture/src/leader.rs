//! The leader of a run: what lies on the timeline between its origin and the first moment that is captured.
//!
//! An AAC packet is half of an overlap: without the packet before it, a decoder fades in (ISO/IEC 14496-3, 4.6.11). So no
//! captured sample may lie in a track's first packet, in any player, whether it reads edit lists or not. The leader is
//! silence under the first picture.

use std::time::Duration;

use crate::source::sample_time;

/// Pictures in the leader: the fewest that are a whole number of pictures in every rendition and longer than the first
/// packet of every audio rendition (1024 samples).
pub(crate) const PICTURES: u64 = 2;

/// Samples in the leader, as long as its pictures: 66.7 ms.
pub(crate) const SAMPLES: u64 = 3200;

/// Returns the length of the leader.
pub(crate) fn length() -> Duration {
    sample_time(SAMPLES)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode::rendition::{FRAME_RATE_HZ, Rendition, SAMPLE_RATE_HZ};
    use model::settings::{Encoding, ThinAudio};

    #[test]
    fn the_leader_is_whole_in_pictures_and_covers_the_first_packet_of_sound() {
        assert_eq!(SAMPLES * u64::from(FRAME_RATE_HZ), PICTURES * u64::from(SAMPLE_RATE_HZ));
        let encoding = Encoding { thin_audio: ThinAudio::Opus, ..Encoding::default() };
        for rendition in Rendition::audio(&encoding) {
            assert!(u64::from(rendition.grid.frame_ticks()) <= SAMPLES, "{}", rendition.name);
        }
        for rendition in Rendition::video(&encoding) {
            let picture = u64::from(
                rendition.grid.frame_ticks() * SAMPLE_RATE_HZ / rendition.grid.timescale().per_second(),
            );
            assert!(SAMPLES.is_multiple_of(picture), "{}", rendition.name);
        }
    }
}
