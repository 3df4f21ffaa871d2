//! The sample table of one track, gathered from its fragments.

use std::ops::Range;

use bytes::Bytes;
use model::rational::rescale;
use mp4_atom::{
    Atom, Co64, Edts, Elst, ElstEntry, FourCC, Mdat, Moof, Moov, Stsc, StscEntry, Stss, Stsz, StszSamples,
    Stts, SttsEntry, Trak,
};

use super::BoxError;
use crate::encode::chunk::{NON_SYNC, next_box};
use crate::encode::init::moov;

/// What is known of one track.
pub(crate) struct Table {
    trak: Trak,
    timescale: u64,
    chunks: Vec<Chunk>,
    samples: Vec<Sample>,
    end: u64,
}

/// The media of one fragment.
struct Chunk {
    segment: usize,
    bytes: Range<usize>,
    start: u64,
    samples: u32,
    offset: u64,
}

#[derive(Clone, Copy)]
struct Sample {
    duration: u64,
    size: u32,
    sync: bool,
}

impl Table {
    /// Begins the table of the track that `init` describes.
    pub(crate) fn new(init: &[u8]) -> Result<Self, BoxError> {
        let mut traks = moov(init)?.ok_or(BoxError::Missing(Moov::KIND))?.trak;
        let (Some(trak), true) = (traks.pop(), traks.is_empty()) else {
            return Err(BoxError::Missing(Trak::KIND));
        };
        let timescale = u64::from(trak.mdia.mdhd.timescale.max(1));
        Ok(Self { trak, timescale, chunks: Vec::new(), samples: Vec::new(), end: 0 })
    }

    /// Adds the fragments of a segment.
    pub(crate) fn add(&mut self, segment: usize, media: &Bytes) -> Result<(), BoxError> {
        let mut rest: &[u8] = media;
        let mut fragment = None;
        while !rest.is_empty() {
            let (kind, mut body) = next_box(&mut rest)?;
            if kind == Moof::KIND {
                fragment = Some(Moof::decode_body(&mut body)?);
            } else if kind == Mdat::KIND
                && let Some(moof) = fragment.take()
            {
                let end = media.len() - rest.len();
                self.add_fragment(segment, &moof, end - body.len()..end)?;
            }
        }
        Ok(())
    }

    fn add_fragment(&mut self, segment: usize, moof: &Moof, bytes: Range<usize>) -> Result<(), BoxError> {
        let missing = |kind: &[u8; 4]| BoxError::Missing(FourCC::new(kind));
        let [traf] = moof.traf.as_slice() else { return Err(missing(b"traf")) };
        let start = traf.tfdt.as_ref().ok_or_else(|| missing(b"tfdt"))?.base_media_decode_time;
        self.bridge(start);
        let (mut samples, mut end) = (0_u32, start);
        for entry in traf.trun.iter().flat_map(|trun| trun.samples.iter()) {
            let flags = entry.flags.or(traf.tfhd.default_sample_flags).unwrap_or(0);
            let duration = u64::from(entry.duration.or(traf.tfhd.default_sample_duration).unwrap_or(0));
            let size = entry.size.or(traf.tfhd.default_sample_size).unwrap_or(0);
            self.samples.push(Sample { duration, size, sync: flags & NON_SYNC == 0 });
            samples += 1;
            end += duration;
        }
        self.end = end;
        self.chunks.push(Chunk { segment, bytes, start, samples, offset: 0 });
        Ok(())
    }

    /// Lets the last sample last until `start`.
    fn bridge(&mut self, start: u64) {
        if let Some(last) = self.samples.last_mut() {
            last.duration += start.saturating_sub(self.end);
        }
    }

    /// Returns whether there is no media.
    pub(crate) const fn is_empty(&self) -> bool {
        self.samples.is_empty()
    }

    /// Returns when each chunk begins, in milliseconds of the session.
    pub(crate) fn starts_ms(&self) -> impl Iterator<Item = u64> {
        self.chunks.iter().map(|chunk| rescale(chunk.start, 1000, self.timescale))
    }

    /// Returns when the track begins, in milliseconds of the session.
    pub(crate) fn start_ms(&self) -> u64 {
        self.starts_ms().next().unwrap_or(0)
    }

    /// Returns the size of all media.
    pub(crate) fn media_bytes(&self) -> u64 {
        self.chunks.iter().map(Chunk::bytes).sum()
    }

    /// Notes where in the file a chunk lies; returns its size.
    pub(crate) fn place(&mut self, chunk: usize, offset: u64) -> u64 {
        self.chunks[chunk].offset = offset;
        self.chunks[chunk].bytes()
    }

    /// Returns the media of a chunk.
    pub(crate) fn media(&self, chunk: usize, segments: &[Bytes]) -> Bytes {
        let chunk = &self.chunks[chunk];
        segments[chunk.segment].slice(chunk.bytes.clone())
    }

    /// Returns the track's boxes. A track that begins after `first_ms` gets an empty edit ahead.
    pub(crate) fn trak(&self, track_id: u32, movie_timescale: u32, first_ms: u64) -> Result<Trak, BoxError> {
        let media_ticks: u64 = self.samples.iter().map(|sample| sample.duration).sum();
        let length = rescale(media_ticks, u64::from(movie_timescale), self.timescale);
        let ahead = self.start_ms() - first_ms;
        let mut trak = self.trak.clone();
        trak.tkhd.track_id = track_id;
        trak.tkhd.duration = length + ahead;
        trak.tkhd.enabled = true;
        trak.tkhd.in_movie = true;
        trak.mdia.mdhd.duration = media_ticks;
        trak.edts = (ahead > 0).then(|| edits(ahead, length));
        let stbl = &mut trak.mdia.minf.stbl;
        stbl.stts = self.durations()?;
        stbl.stsz =
            Stsz { samples: StszSamples::Different { sizes: self.samples.iter().map(|s| s.size).collect() } };
        stbl.stss = self.key_samples();
        stbl.stsc = self.samples_in_chunks();
        stbl.stco = None;
        stbl.co64 = Some(Co64 { entries: self.chunks.iter().map(|chunk| chunk.offset).collect() });
        Ok(trak)
    }

    fn durations(&self) -> Result<Stts, BoxError> {
        let mut entries: Vec<SttsEntry> = Vec::new();
        for sample in &self.samples {
            let sample_delta = u32::try_from(sample.duration).map_err(|_| BoxError::TooLong)?;
            match entries.last_mut() {
                Some(last) if last.sample_delta == sample_delta => last.sample_count += 1,
                _ => entries.push(SttsEntry { sample_count: 1, sample_delta }),
            }
        }
        Ok(Stts { entries })
    }

    /// Returns the samples at which decoding can begin; none when it can at all.
    fn key_samples(&self) -> Option<Stss> {
        let keys = (1..).zip(&self.samples).filter(|(_, sample)| sample.sync).map(|(number, _)| number);
        self.samples.iter().any(|sample| !sample.sync).then(|| Stss { entries: keys.collect() })
    }

    fn samples_in_chunks(&self) -> Stsc {
        let mut entries: Vec<StscEntry> = Vec::new();
        for (first_chunk, chunk) in (1..).zip(&self.chunks) {
            if entries.last().is_none_or(|last| last.samples_per_chunk != chunk.samples) {
                let samples_per_chunk = chunk.samples;
                entries.push(StscEntry { first_chunk, samples_per_chunk, sample_description_index: 1 });
            }
        }
        Stsc { entries }
    }
}

impl Chunk {
    fn bytes(&self) -> u64 {
        u64::try_from(self.bytes.len()).unwrap_or(u64::MAX)
    }
}

/// An edit that shows nothing for `ahead`, then everything.
fn edits(ahead: u64, length: u64) -> Edts {
    let entry =
        |segment_duration, media_time| ElstEntry { segment_duration, media_time, media_rate: 1.into() };
    Edts { elst: Some(Elst { entries: vec![entry(ahead, None), entry(length, Some(0))] }) }
}
