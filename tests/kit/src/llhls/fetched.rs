//! Rules about what comes when a listed thing is fetched.

use anyhow::{Context, Result};

use crate::fragment::{self, Chunk, Init, Kind};
use crate::http::Answer;
use crate::playlist::{Part, Seconds};

use super::report::{Report, Rule};
use super::rules;

/// Checks the headers of immutable media and returns the body of a whole answer.
pub(super) fn media(answer: Result<Answer>, report: &mut Report) -> Option<Answer> {
    let answer =
        report.check_ok(&rules::MEDIA_FETCHABLE, answer.and_then(|answer| answer.expect_status(200)))?;
    let cache = answer.header("cache-control").unwrap_or_default().to_owned();
    let kept = cache.contains("immutable") && cache.contains("max-age=");
    report.check(&rules::MEDIA_HEADERS, kept && answer.header("etag").is_some(), || {
        format!("{}: Cache-Control {cache:?}, ETag {:?}", answer.url, answer.header("etag"))
    });
    let kind = answer.header("content-type").unwrap_or_default().to_owned();
    let fits = ["audio/mp4", "video/mp4", "video/iso.segment"].contains(&kind.as_str());
    report.check(&rules::MEDIA_TYPE, fits, || format!("{} says {kind:?}", answer.url));
    Some(answer)
}

/// Reads the chunks of a part or a segment, each beginning where the one before it ended.
pub(super) fn chunks(
    bytes: &[u8],
    url: &str,
    init: &Init,
    due: Option<u64>,
    report: &mut Report,
) -> Option<Vec<Chunk>> {
    let read = fragment::chunks(bytes, init).with_context(|| format!("read {url}"));
    let chunks = report.check_ok(&rules::MEDIA_FETCHABLE, read)?;
    let mut due = due;
    for chunk in &chunks {
        if let Some(due) = due {
            report.check(&rules::DECODE_TIMES, chunk.start == due, || {
                format!("{url} begins at tick {}, the part before it ended at {due}", chunk.start)
            });
        }
        due = Some(chunk.start + chunk.duration());
    }
    Some(chunks)
}

/// Checks one part against its playlist line.
pub(super) fn part(listed: &Part, url: &str, chunks: &[Chunk], init: &Init, report: &mut Report) {
    report.check(&rules::ONE_PART_ONE_CHUNK, chunks.len() == 1, || format!("{url} holds {}", chunks.len()));
    length(&rules::PART_LENGTH, listed.duration, url, chunks, init, report);
    let sync = chunks.first().and_then(|chunk| chunk.samples.first()).is_some_and(|sample| sample.sync);
    report.check(&rules::INDEPENDENT, sync == listed.independent, || {
        format!("{url} says {}, its first sample says {sync}", listed.independent)
    });
}

/// Checks a length in the playlist against the samples.
pub(super) fn length(
    rule: &Rule,
    said: Seconds,
    url: &str,
    chunks: &[Chunk],
    init: &Init,
    report: &mut Report,
) {
    let ticks: u64 = chunks.iter().map(Chunk::duration).sum();
    report.check(rule, said.is_rounded_from(ticks, init.timescale), || {
        format!("{url} says {said} s and holds {ticks} ticks of 1/{} s", init.timescale)
    });
}

/// Checks that a segment begins with what a decoder can begin with, and a sound track with nothing else.
pub(super) fn starts_clean(url: &str, chunks: &[Chunk], init: &Init, report: &mut Report) {
    let mut samples = chunks.iter().flat_map(|chunk| &chunk.samples);
    let clean = match init.kind {
        Kind::Video { .. } => {
            samples.next().is_some_and(|sample| sample.sync && sample.composition_offset == 0)
        }
        Kind::Audio { .. } => samples.all(|sample| sample.sync),
    };
    report.check(&rules::KEY_FRAME, clean, || format!("{url} does not begin with a sync sample"));
}
