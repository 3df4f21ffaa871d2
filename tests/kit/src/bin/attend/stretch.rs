//! The stretch of a rendition that was received: whether it hangs together, and what it decodes to.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use testkit::llhls::Fetched;

/// Returns how often the received media does not go on where it ended: a segment that is missing, or begins elsewhere.
pub(crate) fn gaps(fetched: &Fetched) -> usize {
    let segments: Vec<_> = fetched.segments.iter().collect();
    segments
        .windows(2)
        .filter(|pair| {
            let [(one_msn, one), (two_msn, two)] = pair else { return false };
            **two_msn != **one_msn + 1 || two.discontinuity || one.start + one.duration != two.start
        })
        .count()
}

/// Writes what was received as one file: the init segment, the segments, the parts of the last one.
pub(crate) fn write(fetched: &Fetched, folder: &Path, name: &str) -> Result<PathBuf> {
    let first = fetched.segments.values().next().context("nothing was received")?;
    let (_, init) = fetched.inits.get(&first.init).context("the init segment was not received")?;
    let mut bytes = init.clone();
    for segment in fetched.segments.values() {
        match &segment.bytes {
            Some(whole) => bytes.extend(whole),
            None => segment.parts.iter().for_each(|part| bytes.extend(&part.bytes)),
        }
    }
    let path = folder.join(name);
    std::fs::write(&path, bytes).with_context(|| format!("write {}", path.display()))?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use testkit::llhls::FetchedSegment;

    use super::*;

    fn fetched(segments: &[(u64, u64, u64)]) -> Fetched {
        let segment = |&(msn, start, duration): &(u64, u64, u64)| {
            let segment = FetchedSegment {
                url: String::new(),
                init: String::new(),
                pdt_ms: None,
                discontinuity: false,
                start,
                duration,
                samples: 0,
                bytes: None,
                parts: Vec::new(),
            };
            (msn, segment)
        };
        Fetched { segments: segments.iter().map(segment).collect(), ..Fetched::default() }
    }

    #[test]
    fn media_that_goes_on_has_no_gap() {
        assert_eq!(gaps(&fetched(&[(4, 0, 96), (5, 96, 95), (6, 191, 96)])), 0);
        assert_eq!(gaps(&Fetched::default()), 0);
    }

    #[test]
    fn missing_segments_and_missing_ticks_are_gaps() {
        assert_eq!(gaps(&fetched(&[(4, 0, 96), (6, 96, 96)])), 1);
        assert_eq!(gaps(&fetched(&[(4, 0, 96), (5, 97, 96), (6, 193, 96)])), 1);
    }

    #[test]
    fn nothing_received_cannot_be_written() {
        assert!(write(&Fetched::default(), Path::new("."), "x.mp4").is_err());
    }
}
