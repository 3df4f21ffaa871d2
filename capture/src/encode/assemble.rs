//! Turns chunks into numbered parts of numbered segments.
//!
//! Pure: what a chunk is follows from its own times and the grid, so that a lost chunk shifts no number.

use bytes::Bytes;
use model::wire::v1::{Close, PartReport};
use model::{MediaTime, Part, PartIndex, RunNumber, SegmentKey, SegmentNumber, TrackName};

use super::chunk::Chunk;
use crate::grid::Grid;

/// Numbers the parts of one track of one run.
#[derive(Debug)]
pub(crate) struct Assembler {
    track: TrackName,
    run: RunNumber,
    origin: MediaTime,
    grid: Grid,
    open: Option<(SegmentNumber, PartIndex)>,
}

impl Assembler {
    /// Makes an assembler for a track that begins at `origin`.
    pub(crate) const fn new(track: TrackName, run: RunNumber, origin: MediaTime, grid: Grid) -> Self {
        Self { track, run, origin, grid, open: None }
    }

    /// Numbers a chunk. It closes its segment when it reaches the segment's end or `frames_total`, the end of the run.
    pub(crate) fn part(
        &mut self,
        chunk: Chunk,
        media: Bytes,
        frames_total: u64,
        close: impl FnOnce(SegmentNumber) -> Close,
    ) -> PartReport {
        let frame_ticks = u64::from(self.grid.frame_ticks());
        let from_origin = chunk.start.0.saturating_sub(self.grid.ticks(self.origin, 0).0);
        let first_frame = from_origin / frame_ticks;
        let end_frame = (from_origin + chunk.duration.0) / frame_ticks;
        let number = SegmentNumber(self.grid.segment_of(first_frame));
        let index = match self.open {
            Some((open, next)) if open == number => next,
            _ => PartIndex(0),
        };
        self.open = Some((number, index.next()));
        // `cmafmux` writes `styp` before every chunk; only a segment begins with one.
        let media = if index.0 == 0 { media } else { media.slice(chunk.moof_at.min(media.len())..) };
        let closes = end_frame >= self.grid.segment_start(number.0 + 1) || end_frame >= frames_total;
        PartReport {
            track: self.track.clone(),
            segment: SegmentKey { run: self.run, number },
            part: Part {
                index,
                start: chunk.start,
                duration: chunk.duration,
                samples: chunk.samples,
                independent: chunk.sync,
                bytes: u32::try_from(media.len()).unwrap_or(u32::MAX),
            },
            closes: closes.then(|| close(number)),
            media,
        }
    }
}

#[cfg(test)]
mod tests {
    use model::settings::Latency;
    use model::{Ticks, Timescale};
    use proptest::prelude::*;

    use super::*;

    /// Cuts `frames` frames on the grid and returns the parts.
    fn parts(grid: Grid, origin: MediaTime, frames: u64) -> Vec<PartReport> {
        let mut assembler = Assembler::new("audio".parse().unwrap(), RunNumber(2), origin, grid);
        let mut starts: Vec<u64> = (1..frames).filter(|f| grid.cut_between(f - 1, *f).is_some()).collect();
        starts.insert(0, 0);
        starts.push(frames);
        let chunk = |pair: &[u64]| Chunk {
            start: grid.ticks(origin, pair[0]),
            duration: Ticks((pair[1] - pair[0]) * u64::from(grid.frame_ticks())),
            samples: u32::try_from(pair[1] - pair[0]).unwrap(),
            sync: true,
            moof_at: 0,
        };
        starts
            .windows(2)
            .map(|pair| assembler.part(chunk(pair), Bytes::new(), frames, |_| Close::default()))
            .collect()
    }

    proptest! {
        #[test]
        fn every_segment_closes_once_with_its_last_part(frames in 1_u64..3000, tenths in 0_u64..100_000, low: bool) {
            let latency = if low { Latency::Low } else { Latency::Standard };
            let grid = Grid::new(Timescale::new(48_000).unwrap(), 1024, latency);
            let all = parts(grid, MediaTime::from_millis(tenths * 100), frames);
            for pair in all.windows(2) {
                let (now, next) = (&pair[0], &pair[1]);
                prop_assert_eq!(now.part.start.after(now.part.duration), next.part.start);
                prop_assert_eq!(now.closes.is_some(), now.segment != next.segment);
                let expect = if now.closes.is_some() { PartIndex(0) } else { now.part.index.next() };
                prop_assert_eq!(next.part.index, expect);
            }
            prop_assert!(all.last().unwrap().closes.is_some());
            prop_assert_eq!(all.iter().map(|p| u64::from(p.part.samples)).sum::<u64>(), frames);
            prop_assert!(all.iter().all(|p| p.part.duration.0 <= u64::from(grid.part_ticks_max())));
        }
    }
}
