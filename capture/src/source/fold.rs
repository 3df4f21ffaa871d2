//! Folds any number of channels into two.

use gst_audio::AudioChannelPosition as Position;

/// What a channel in the middle gives to each side: -3 dB (ITU-R BS.775-3, table 2).
const MIDDLE: f32 = std::f32::consts::FRAC_1_SQRT_2;

/// How much of each channel goes left and right.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Fold(Vec<(f32, f32)>);

impl Fold {
    /// Makes the fold for channels at these positions; channels without positions, as a mixer's inputs, share both sides.
    pub(crate) fn new(channels: usize, positions: Option<&[Position]>) -> Self {
        let even = 1.0 / f32::from(u16::try_from(channels.max(1)).unwrap_or(u16::MAX));
        match (channels, positions) {
            (1, _) => Self(vec![(1.0, 1.0)]),
            (2, _) => Self(vec![(1.0, 0.0), (0.0, 1.0)]),
            (_, Some(positions)) if positions.iter().all(|position| weights(*position).is_some()) => {
                Self(positions.iter().filter_map(|position| weights(*position)).collect())
            }
            _ => Self(vec![(even, even); channels]),
        }
    }

    /// Folds interleaved little-endian floats; bytes of an unfinished last frame are left out.
    pub(crate) fn bytes(&self, interleaved: &[u8]) -> Vec<f32> {
        let frame_bytes = self.0.len() * size_of::<f32>();
        let frames = interleaved.chunks_exact(frame_bytes.max(1));
        let mut stereo = Vec::with_capacity(frames.len() * 2);
        for frame in frames {
            let values = frame.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
            stereo.extend(self.frame(values));
        }
        stereo
    }

    /// Folds interleaved floats; an unfinished last frame is left out.
    pub(crate) fn floats(&self, interleaved: &[f32]) -> Vec<f32> {
        let frames = interleaved.chunks_exact(self.0.len().max(1));
        frames.flat_map(|frame| self.frame(frame.iter().copied())).collect()
    }

    fn frame(&self, values: impl Iterator<Item = f32>) -> [f32; 2] {
        let add = |(left, right), (value, (l, r)): (f32, &(f32, f32))| (left + value * l, right + value * r);
        let (left, right) = values.zip(&self.0).fold((0.0, 0.0), add);
        [left, right]
    }
}

/// Returns what a positioned channel gives to left and right; `None` for a position that says nothing.
const fn weights(position: Position) -> Option<(f32, f32)> {
    match position {
        Position::FrontLeft | Position::FrontLeftOfCenter | Position::WideLeft => Some((1.0, 0.0)),
        Position::FrontRight | Position::FrontRightOfCenter | Position::WideRight => Some((0.0, 1.0)),
        Position::SideLeft | Position::RearLeft | Position::SurroundLeft => Some((MIDDLE, 0.0)),
        Position::SideRight | Position::RearRight | Position::SurroundRight => Some((0.0, MIDDLE)),
        Position::FrontCenter | Position::Mono => Some((MIDDLE, MIDDLE)),
        Position::RearCenter => Some((0.5, 0.5)),
        // Effects below 120 Hz carry no speech.
        Position::Lfe1 | Position::Lfe2 => Some((0.0, 0.0)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(channels: usize, positions: Option<&[Position]>, frame: &[f32], expect: [f32; 2]) {
        let fold = Fold::new(channels, positions);
        assert_eq!(fold.floats(frame), expect);
        let bytes: Vec<u8> = frame.iter().flat_map(|value| value.to_le_bytes()).collect();
        assert_eq!(fold.bytes(&bytes), expect);
    }

    #[test]
    fn mono_is_heard_on_both_sides_and_stereo_stays() {
        check(1, None, &[0.25], [0.25, 0.25]);
        check(2, None, &[0.25, -0.5], [0.25, -0.5]);
    }

    #[test]
    fn positions_decide_the_side() {
        use Position::{FrontCenter, FrontLeft, FrontRight, Lfe1};
        let positions = [FrontLeft, FrontRight, FrontCenter, Lfe1];
        check(4, Some(&positions), &[0.5, 0.25, 0.0, 1.0], [0.5, 0.25]);
        check(4, Some(&positions), &[0.0, 0.0, 1.0, 0.0], [MIDDLE, MIDDLE]);
    }

    #[test]
    fn thirty_two_channels_without_positions_share_both_sides() {
        check(32, Some(&[Position::None; 32]), &[0.5; 32], [0.5, 0.5]);
    }

    #[test]
    fn an_unfinished_frame_is_left_out() {
        assert_eq!(Fold::new(2, None).floats(&[0.5, 0.5, 0.1]), [0.5, 0.5]);
        assert_eq!(Fold::new(2, None).bytes(&[0; 11]), [0.0, 0.0]);
    }
}
