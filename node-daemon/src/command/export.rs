//! `lectern export`: a session as one MP4 file, without encoding it again.

use std::io::{ErrorKind, Write, stderr};
use std::path::Path;

use bytes::Bytes;
use cache::{Error as CacheError, Store};
use capture::{ExportError, ExportTrack};
use model::{ContentHash, RunNumber, SegmentKey, SessionId, Track, chain};

use crate::cli;
use crate::error::Error;
use crate::out;
use crate::progress::Progress;

pub(super) fn export(arguments: &cli::Export) -> Result<(), Error> {
    let cli::Export { session, out: file, audio_only, force, place } = arguments;
    check_target(file, *force)?;
    let store = Store::open_read_only(&place.folder()?)?;
    let Some(found) = store.session(*session)? else {
        return Err(CacheError::NoSession { session: *session }.into());
    };
    let progress = Progress::new();
    let tracks = choose(store.tracks(*session)?, *audio_only);
    let mut media = Vec::new();
    let mut left_out = 0_usize;
    for (track, inits) in tracks {
        let (export, other) = read(&store, *session, &track, &inits, &progress)?;
        media.push(export);
        left_out += other;
    }
    progress.say("writing");
    capture::export(&media, file).map_err(|error| Error::Failed(explain(&error)))?;
    progress.end();
    if left_out > 0 {
        let why =
            "they were encoded with other settings than the beginning and do not fit into the same file";
        writeln!(stderr(), "lectern: {left_out} segments are left out: {why}")?;
    }
    out::line(&format!("wrote `{}`: {}", file.display(), found.title))?;
    Ok(())
}

/// Refuses a target that is there, unless it is a file that may be replaced: a device or a link would be lost.
fn check_target(file: &Path, force: bool) -> Result<(), Error> {
    let kind = match file.symlink_metadata() {
        Ok(found) => found.file_type(),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => {
            return Err(Error::Usage(format!(
                "`{}` cannot be written: {error}; choose another name",
                file.display()
            )));
        }
    };
    let advice = match (kind.is_file(), force) {
        (true, true) => return Ok(()),
        (true, false) => "exists; choose another name, or add --force to replace it",
        (false, _) if kind.is_dir() => "is a folder; add a file name to it",
        (false, _) if kind.is_symlink() => "is a link, which is not replaced; name the file that it leads to",
        (false, _) => "is a device, not a file, and is not replaced; choose another name",
    };
    Err(Error::Usage(format!("`{}` {advice}", file.display())))
}

/// A track with the init segment of each of its runs.
type Chosen = (Track, Vec<(RunNumber, ContentHash)>);

/// Returns the sound and, if wanted, the largest picture.
fn choose(tracks: Vec<(RunNumber, Track, ContentHash)>, audio_only: bool) -> Vec<Chosen> {
    let mut by_name: Vec<Chosen> = Vec::new();
    for (run, track, init) in tracks {
        match by_name.iter_mut().find(|(known, _)| known.name == track.name) {
            Some((_, inits)) => inits.push((run, init)),
            None => by_name.push((track, vec![(run, init)])),
        }
    }
    let best = |is_audio: bool| {
        let of_kind = by_name.iter().filter(move |(track, _)| track.media.is_audio() == is_audio);
        of_kind.max_by_key(|(track, _)| track.bitrate_bps).cloned()
    };
    let picture = if audio_only { None } else { best(false) };
    picture.into_iter().chain(best(true)).collect()
}

/// Reads a track's segments; returns how many were left out, because the init of their run is of another kind.
fn read(
    store: &Store,
    session: SessionId,
    track: &Track,
    inits: &[(RunNumber, ContentHash)],
    progress: &Progress,
) -> Result<(ExportTrack, usize), Error> {
    let gone = |what: String| {
        Error::Failed(format!("{what} of track {} is gone; run `lectern cache check`", track.name))
    };
    let mut fitting: Vec<RunNumber> = Vec::new();
    let mut first: Option<Bytes> = None;
    for (run, hash) in inits {
        let init = store.object(*hash)?.ok_or_else(|| gone(format!("the init segment of run {run}")))?;
        let wanted = first.get_or_insert_with(|| init.clone());
        if decodes_alike(wanted, &init) {
            fitting.push(*run);
        }
    }
    let mut segments = Vec::new();
    let mut left_out = 0;
    for segment in store.segments(session, &track.name, None)? {
        let SegmentKey { run, number } = segment.key;
        if !fitting.contains(&run) {
            left_out += 1;
            continue;
        }
        segments.push(store.object(segment.hash)?.ok_or_else(|| gone(format!("segment {run}-{number}")))?);
        progress.say(&format!("{}: {} segments", track.name, segments.len()));
    }
    Ok((ExportTrack { init: first.unwrap_or_default(), segments }, left_out))
}

/// Returns whether two init segments describe the same decoder and the same clock. They differ in their dates at least.
fn decodes_alike(one: &[u8], other: &[u8]) -> bool {
    let described = |kind| (inner_box(one, kind), inner_box(other, kind));
    let (clock, other_clock) = described(*b"mdhd");
    let (decoder, other_decoder) = described(*b"stsd");
    // Version 0 of `mdhd`: the timescale stands behind two dates (ISO/IEC 14496-12, section 8.4.2).
    let timescale = |clock: Option<&[u8]>| clock.and_then(|bytes| bytes.get(12..16)).map(<[u8]>::to_vec);
    decoder.is_some() && decoder == other_decoder && timescale(clock) == timescale(other_clock)
}

/// Returns the body of the first box of this kind, however deep it lies; an init segment of one track has one of each.
fn inner_box(init: &[u8], kind: [u8; 4]) -> Option<&[u8]> {
    let at = init.windows(4).position(|window| window == kind)?;
    let size = init.get(at.checked_sub(4)?..at)?.try_into().map(u32::from_be_bytes).ok()?;
    init.get(at + 4..at.checked_add(usize::try_from(size).ok()?.checked_sub(4)?)?)
}

fn explain(error: &ExportError) -> String {
    format!("the export did not succeed: {}", chain(error))
}

#[cfg(test)]
mod tests {
    use model::{Media, Timescale};

    use super::*;

    fn track(name: &str, bitrate_bps: u32) -> Track {
        let picture = Media::Video { width: 2, height: 2, frame_rate_millihertz: 30_000 };
        let sound = Media::Audio { sample_rate_hz: 48_000, channels: 2 };
        Track {
            name: name.parse().unwrap(),
            media: if name.ends_with('p') { picture } else { sound },
            codec: "x".to_owned(),
            timescale: Timescale::new(1000).unwrap(),
            bitrate_bps,
            part_ticks_max: 500,
            segment_ticks_max: 2000,
        }
    }

    fn boxed(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
        [&u32::try_from(body.len() + 8).unwrap().to_be_bytes()[..], kind, body].concat()
    }

    /// An init segment with a date, a timescale and the description of a decoder.
    fn init(date: u8, timescale: u32, decoder: &[u8]) -> Vec<u8> {
        let clock = [&[0; 4][..], &[date; 8], &timescale.to_be_bytes(), &[0; 8]].concat();
        let track = [boxed(b"mdhd", &clock), boxed(b"stbl", &boxed(b"stsd", decoder))].concat();
        [boxed(b"ftyp", b"cmf2"), boxed(b"moov", &boxed(b"trak", &track))].concat()
    }

    #[test]
    fn runs_of_the_same_encoder_fit_into_one_file_whenever_they_were_made() {
        let first = init(1, 48_000, b"aac");
        assert!(decodes_alike(&first, &init(2, 48_000, b"aac")));
        assert!(!decodes_alike(&first, &init(1, 48_000, b"opus")));
        assert!(!decodes_alike(&first, &init(1, 44_100, b"aac")));
        assert!(!decodes_alike(b"stsd", b"stsd"), "what cannot be read does not fit");
    }

    fn check_refused(file: &Path, says: &str) {
        for force in [false, true] {
            let refused = check_target(file, force).unwrap_err();
            assert_eq!(refused.exit_code(), 2);
            assert!(refused.to_string().contains(says), "{refused}");
        }
    }

    #[test]
    fn only_files_are_ever_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name| folder.path().join(name);
        std::fs::write(path("talk.mp4"), "mine").unwrap();
        assert!(check_target(&path("talk.mp4"), false).unwrap_err().to_string().contains("add --force"));
        check_target(&path("talk.mp4"), true).unwrap();
        check_target(&path("other.mp4"), false).unwrap();
        check_refused(Path::new("/dev/null"), "is a device");
        check_refused(folder.path(), "is a folder");
        std::os::unix::fs::symlink(path("nowhere"), path("link.mp4")).unwrap();
        check_refused(&path("link.mp4"), "is a link");
        check_refused(&path("talk.mp4").join("below.mp4"), "cannot be written");
    }

    #[test]
    fn the_best_sound_and_the_largest_picture_are_exported() {
        let init = |digit: u8| ContentHash::from_bytes([digit; 32]);
        let mut tracks = Vec::new();
        for run in [RunNumber(0), RunNumber(1)] {
            for (name, rate) in [("270p", 200_000), ("720p", 1_800_000), ("audio", 96_000), ("opus", 24_000)]
            {
                tracks.push((run, track(name, rate), init(1)));
            }
        }
        let names = |audio_only| -> Vec<_> {
            let chosen = choose(tracks.clone(), audio_only);
            assert!(chosen.iter().all(|(_, inits)| inits.len() == 2));
            chosen.into_iter().map(|(track, _)| track.name.to_string()).collect()
        };
        assert_eq!(names(false), ["720p", "audio"]);
        assert_eq!(names(true), ["audio"]);
    }
}
