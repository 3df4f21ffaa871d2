//! K-weighted power of a stream in blocks of 10 ms: the one measurement that meters and gain share.
//! It must never see a block border move with the size of the pieces pushed.

use std::fmt;

use ebur128::{EbuR128, Mode};

use crate::{error::Error, num};

/// Blocks in a second. Tech 3341 cases 13 and 14 fail with a slower hop.
pub(crate) const BLOCKS_PER_SECOND: usize = 100;

/// Length of a block in milliseconds.
const BLOCK_MS: u32 = 10;

/// Channels and rate of a stream that can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Format {
    pub(crate) channels: usize,
    pub(crate) rate_hz: u32,
}

impl Format {
    pub(crate) fn new(channels: usize, rate_hz: u32) -> Result<Self, Error> {
        if !(1..=8).contains(&channels) {
            return Err(Error::Channels { channels });
        }
        if !(8_000..=192_000).contains(&rate_hz) {
            return Err(Error::Rate { rate_hz });
        }
        Ok(Self { channels, rate_hz })
    }

    /// Returns the frames of a block: 10 ms, rounded down to whole frames.
    pub(crate) fn block_frames(self) -> usize {
        num::frames(1.0, self.rate_hz) / BLOCKS_PER_SECOND
    }
}

/// Cuts a stream into blocks and gives the power of each.
pub(crate) struct Blocks {
    filter: EbuR128,
    format: Format,
    filled_frames: usize,
}

impl fmt::Debug for Blocks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Blocks")
            .field("format", &self.format)
            .field("filled_frames", &self.filled_frames)
            .finish_non_exhaustive()
    }
}

impl Blocks {
    pub(crate) fn new(format: Format) -> Result<Self, Error> {
        // The map of eight channels knows only the 5.1 positions; the two others are added as rear sides.
        let channels =
            u32::try_from(format.channels).map_err(|_| Error::Channels { channels: format.channels })?;
        let mut filter = EbuR128::new(channels, format.rate_hz, Mode::M).map_err(Error::Filter)?;
        for extra in 6..channels {
            filter.set_channel(extra, ebur128::Channel::Mp135).map_err(Error::Filter)?;
        }
        Ok(Self { filter, format, filled_frames: 0 })
    }

    /// Returns how many frames complete the block under way.
    pub(crate) fn room_frames(&self) -> usize {
        self.format.block_frames() - self.filled_frames
    }

    /// Takes whole frames, at most `room_frames` of them; returns the mean power when they complete a block.
    #[expect(clippy::expect_used, reason = "both calls fail only for modes and sizes that `new` excludes")]
    pub(crate) fn push(&mut self, interleaved: &[f32]) -> Option<f64> {
        debug_assert!(interleaved.len() <= self.room_frames() * self.format.channels);
        self.filter.add_frames_f32(interleaved).expect("a filter with channels takes frames");
        self.filled_frames += interleaved.len() / self.format.channels;
        if self.filled_frames < self.format.block_frames() {
            return None;
        }
        self.filled_frames = 0;
        let level_lufs =
            self.filter.loudness_window(BLOCK_MS).expect("10 ms lie inside the window of 400 ms");
        Some(num::power(level_lufs))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absurd_streams_are_refused() {
        assert_eq!(Format::new(0, 48_000), Err(Error::Channels { channels: 0 }));
        assert_eq!(Format::new(9, 48_000), Err(Error::Channels { channels: 9 }));
        assert_eq!(Format::new(2, 7_999), Err(Error::Rate { rate_hz: 7_999 }));
        assert_eq!(Format::new(2, u32::MAX), Err(Error::Rate { rate_hz: u32::MAX }));
    }

    #[test]
    fn every_supported_format_gives_blocks_of_10_ms() {
        for channels in 1..=8 {
            for rate_hz in [8_000, 11_025, 16_000, 22_050, 44_100, 48_000, 96_000, 192_000] {
                let format = Format::new(channels, rate_hz).unwrap();
                let mut blocks = Blocks::new(format).unwrap();
                let second = vec![0.1; num::frames(1.0, rate_hz) * channels];
                let mut count = 0;
                let mut rest = second.as_slice();
                while !rest.is_empty() {
                    let (piece, later) = rest.split_at(rest.len().min(blocks.room_frames() * channels));
                    count += usize::from(blocks.push(piece).is_some());
                    rest = later;
                }
                assert_eq!(count, BLOCKS_PER_SECOND, "{channels} channels at {rate_hz} Hz");
            }
        }
    }
}
