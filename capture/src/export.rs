//! Joins recorded tracks into one MP4 file for download: nothing is encoded again, the index comes first (faststart).
//!
//! Times are those of the fragments: a hole in a track becomes a longer last sample before it, so tracks stay in sync.

mod table;

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use mp4_atom::{Encode, FourCC, Ftyp, Moov, Mvhd};

use self::table::Table;

/// Ticks per second of the movie header: milliseconds, for players' clocks only.
const MOVIE_TIMESCALE: u32 = 1000;

/// Bytes of an `mdat` header with a 64-bit length.
const MDAT_HEADER_BYTES: u64 = 16;

/// One track of a recording.
#[derive(Debug, Clone)]
pub struct ExportTrack {
    /// Its init segment.
    pub init: Bytes,
    /// Its segments on the session's timeline, in order; holes are allowed.
    pub segments: Vec<Bytes>,
}

/// An export did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// There is nothing to export.
    #[error("there is no media to export; choose a session that has some (`lectern sessions` lists them)")]
    Nothing,
    /// An init segment cannot be read.
    #[error("read the init segment of track {track}")]
    Init {
        /// The track, counted from 0.
        track: usize,
        /// Why.
        #[source]
        source: BoxError,
    },
    /// A segment cannot be read.
    #[error("read segment {segment} of track {track}; run `lectern cache check`")]
    Segment {
        /// The track, counted from 0.
        track: usize,
        /// The segment, counted from 0.
        segment: usize,
        /// Why.
        #[source]
        source: BoxError,
    },
    /// The index cannot be written.
    #[error("write the index of the file")]
    Index(#[source] BoxError),
    /// The file cannot be written.
    #[error("write {path}")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// A box of an MP4 file is damaged or missing.
#[derive(Debug, thiserror::Error)]
pub enum BoxError {
    /// A box cannot be read or written.
    #[error("{0}")]
    Box(#[from] mp4_atom::Error),
    /// A box that must be there is not.
    #[error("there is no {0} box, or not exactly one")]
    Missing(FourCC),
    /// A number does not fit into the format.
    #[error("the recording is too long for one file")]
    TooLong,
}

/// Writes the tracks into one MP4 file at `out`; an existing file is replaced when the new one is complete.
///
/// # Errors
/// A track cannot be read, or the file not be written.
pub fn export(tracks: &[ExportTrack], out: &Path) -> Result<(), ExportError> {
    let mut tables = Vec::new();
    for (track, media) in tracks.iter().enumerate() {
        let mut table = Table::new(&media.init).map_err(|source| ExportError::Init { track, source })?;
        for (segment, bytes) in media.segments.iter().enumerate() {
            table.add(segment, bytes).map_err(|source| ExportError::Segment { track, segment, source })?;
        }
        if !table.is_empty() {
            tables.push((track, table));
        }
    }
    if tables.is_empty() {
        return Err(ExportError::Nothing);
    }
    let order = interleave(&tables);
    let index = index(&mut tables, &order).map_err(ExportError::Index)?;
    let pieces = order.iter().map(|(n, chunk)| {
        let (track, table) = &tables[*n];
        table.media(*chunk, &tracks[*track].segments)
    });
    let partial = out.with_extension("part");
    let failed = |source| ExportError::Write { path: out.to_owned(), source };
    write(&partial, &index, pieces).and_then(|()| std::fs::rename(&partial, out)).map_err(|why| {
        // The half-written file helps nobody; that it could not be removed either is no news.
        drop(std::fs::remove_file(&partial));
        failed(why)
    })
}

/// Returns table and chunk of all chunks, by time.
fn interleave(tables: &[(usize, Table)]) -> Vec<(usize, usize)> {
    let mut order: Vec<(u64, usize, usize)> = Vec::new();
    for (n, (_, table)) in tables.iter().enumerate() {
        order.extend(table.starts_ms().enumerate().map(|(chunk, ms)| (ms, n, chunk)));
    }
    order.sort_unstable();
    order.into_iter().map(|(_, n, chunk)| (n, chunk)).collect()
}

/// Returns `ftyp`, `moov` and the header of `mdat`.
fn index(tables: &mut [(usize, Table)], order: &[(usize, usize)]) -> Result<Vec<u8>, BoxError> {
    let first_ms = tables.iter().map(|(_, table)| table.start_ms()).min().unwrap_or(0);
    let media_bytes: u64 = tables.iter().map(|(_, table)| table.media_bytes()).sum();
    // Offsets have a fixed size, so the index is as long with the right ones as with none.
    let mut head = head(tables, first_ms)?;
    let mut offset = u64::try_from(head.len()).map_err(|_| BoxError::TooLong)? + MDAT_HEADER_BYTES;
    for (n, chunk) in order {
        offset += tables[*n].1.place(*chunk, offset);
    }
    head = self::head(tables, first_ms)?;
    head.extend_from_slice(&1_u32.to_be_bytes());
    head.extend_from_slice(b"mdat");
    head.extend_from_slice(&(media_bytes + MDAT_HEADER_BYTES).to_be_bytes());
    Ok(head)
}

fn head(tables: &[(usize, Table)], first_ms: u64) -> Result<Vec<u8>, BoxError> {
    let mut head = Vec::new();
    let brands = [b"isom", b"iso6", b"mp41"].map(FourCC::new);
    Ftyp { major_brand: FourCC::new(b"isom"), minor_version: 512, compatible_brands: brands.to_vec() }
        .encode(&mut head)?;
    let mut moov = Moov::default();
    for (track_id, (_, table)) in (1..).zip(tables) {
        moov.trak.push(table.trak(track_id, MOVIE_TIMESCALE, first_ms)?);
    }
    moov.mvhd = Mvhd {
        timescale: MOVIE_TIMESCALE,
        duration: moov.trak.iter().map(|trak| trak.tkhd.duration).max().unwrap_or(0),
        next_track_id: u32::try_from(tables.len() + 1).map_err(|_| BoxError::TooLong)?,
        rate: 1.into(),
        volume: 1.into(),
        ..Mvhd::default()
    };
    moov.encode(&mut head)?;
    Ok(head)
}

fn write(path: &Path, index: &[u8], pieces: impl Iterator<Item = Bytes>) -> io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    file.write_all(index)?;
    for piece in pieces {
        file.write_all(&piece)?;
    }
    file.into_inner()?.sync_all()
}
