//! Delivery directives (RFC 8216bis, section 6.2.5): what a client asks for, and whether that exists.

/// The directives of a request; every other query parameter is ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Directives {
    /// Answer only when this exists.
    pub(crate) until: Option<Until>,
    /// A delta update will do (`_HLS_skip`).
    pub(crate) skip: bool,
}

/// A place that a playlist must have reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Until {
    /// Media Sequence Number (`_HLS_msn`).
    pub(crate) msn: u64,
    /// Part Index (`_HLS_part`); without it the whole segment is meant.
    pub(crate) part: Option<u64>,
}

/// Directives that make no sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Senseless {
    /// `_HLS_part` without `_HLS_msn`.
    #[error("_HLS_part needs _HLS_msn beside it")]
    PartWithoutMsn,
    /// Not a decimal integer.
    #[error("_HLS_msn and _HLS_part are decimal integers")]
    NotANumber,
    /// `_HLS_skip` is neither `YES` nor `v2`.
    #[error("_HLS_skip is YES or v2")]
    Skip,
}

impl Directives {
    /// Reads a query string.
    pub(crate) fn parse(query: &str) -> Result<Self, Senseless> {
        let (mut msn, mut part, mut skip) = (None, None, false);
        let number = |text: &str| {
            let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            if digits { text.parse().map_err(|_| Senseless::NotANumber) } else { Err(Senseless::NotANumber) }
        };
        for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
            match name {
                "_HLS_msn" => msn = Some(number(value)?),
                "_HLS_part" => part = Some(number(value)?),
                "_HLS_skip" => match value {
                    "YES" | "v2" => skip = true,
                    _ => return Err(Senseless::Skip),
                },
                _ => {}
            }
        }
        match (msn, part) {
            (None, Some(_)) => Err(Senseless::PartWithoutMsn),
            (None, None) => Ok(Self { until: None, skip }),
            (Some(msn), part) => Ok(Self { until: Some(Until { msn, part }), skip }),
        }
    }
}

/// How far a playlist reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Edge {
    /// Complete segments; also the Media Sequence Number of the one that grows.
    pub(crate) complete: u64,
    /// Parts of the last complete segment.
    pub(crate) last_parts: u64,
    /// Parts of the segment that grows.
    pub(crate) open_parts: u64,
    /// Parts beyond the last one that a client may ask for in advance ("Advance Part Limit").
    pub(crate) advance_parts: u64,
    /// Nothing comes any more: directives are ignored.
    pub(crate) ended: bool,
}

/// What to do with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It exists: answer.
    Ready,
    /// It will exist: wait.
    Wait,
    /// It lies too far ahead to be anything but a mistake.
    TooFar,
}

impl Edge {
    /// Returns whether what a client waits for exists.
    pub(crate) fn answer(&self, until: Option<Until>) -> Answer {
        let Some(Until { msn, part }) = until else { return Answer::Ready };
        if self.ended || msn.saturating_add(1) < self.complete {
            return Answer::Ready;
        }
        // The last segment has number `complete - 1`, and two beyond it is the limit.
        if msn > self.complete.saturating_add(1) {
            return Answer::TooFar;
        }
        let ready = match part {
            None => msn < self.complete,
            Some(part) if msn + 1 == self.complete => {
                // A Part Index past the end of its segment means the first part of the next one.
                part < self.last_parts || self.open_parts > 0
            }
            Some(part) if msn == self.complete => {
                if part >= self.open_parts.saturating_add(self.advance_parts) {
                    return Answer::TooFar;
                }
                part < self.open_parts
            }
            Some(_) => false,
        };
        if ready { Answer::Ready } else { Answer::Wait }
    }

    /// Returns the Media Sequence Number and Part Index of the last part (`LAST-MSN`, `LAST-PART`).
    pub(crate) fn last(&self) -> Option<(u64, Option<u64>)> {
        if let Some(part) = self.open_parts.checked_sub(1) {
            return Some((self.complete, Some(part)));
        }
        Some((self.complete.checked_sub(1)?, self.last_parts.checked_sub(1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EDGE: Edge = Edge { complete: 10, last_parts: 4, open_parts: 2, advance_parts: 6, ended: false };

    fn check(msn: u64, part: Option<u64>, expect: Answer) {
        assert_eq!(EDGE.answer(Some(Until { msn, part })), expect, "msn {msn} part {part:?}");
    }

    #[test]
    fn what_exists_is_answered_at_once() {
        check(0, None, Answer::Ready);
        check(3, Some(99), Answer::Ready);
        check(9, None, Answer::Ready);
        check(9, Some(3), Answer::Ready);
        check(10, Some(1), Answer::Ready);
    }

    #[test]
    fn what_comes_next_is_waited_for() {
        check(10, None, Answer::Wait);
        check(10, Some(2), Answer::Wait);
        check(11, None, Answer::Wait);
        check(11, Some(0), Answer::Wait);
    }

    #[test]
    fn a_part_past_the_end_of_its_segment_is_the_first_of_the_next() {
        check(9, Some(4), Answer::Ready);
        let before = Edge { open_parts: 0, ..EDGE };
        assert_eq!(before.answer(Some(Until { msn: 9, part: Some(4) })), Answer::Wait);
    }

    #[test]
    fn what_lies_too_far_ahead_is_refused() {
        check(12, None, Answer::TooFar);
        check(u64::MAX, Some(0), Answer::TooFar);
        check(10, Some(7), Answer::Wait);
        check(10, Some(8), Answer::TooFar);
    }

    #[test]
    fn an_ended_playlist_ignores_directives() {
        let ended = Edge { ended: true, ..EDGE };
        assert_eq!(ended.answer(Some(Until { msn: 999, part: Some(9) })), Answer::Ready);
    }

    #[test]
    fn an_empty_playlist_waits_for_its_first_part() {
        let empty = Edge { advance_parts: 6, ..Edge::default() };
        assert_eq!(empty.answer(Some(Until { msn: 0, part: Some(0) })), Answer::Wait);
        assert_eq!(empty.answer(Some(Until { msn: 1, part: Some(0) })), Answer::Wait);
        assert_eq!(empty.answer(Some(Until { msn: 2, part: None })), Answer::TooFar);
        assert_eq!(empty.last(), None);
    }

    #[test]
    fn directives_are_read_and_the_rest_ignored() {
        let read = Directives::parse("v=3&_HLS_msn=7&x&_HLS_part=2&_HLS_skip=YES").unwrap();
        assert_eq!(read, Directives { until: Some(Until { msn: 7, part: Some(2) }), skip: true });
        assert_eq!(Directives::parse("").unwrap(), Directives::default());
        assert_eq!(Directives::parse("_HLS_part=1"), Err(Senseless::PartWithoutMsn));
        for wrong in [
            "_HLS_msn=",
            "_HLS_msn=-1",
            "_HLS_msn=+1",
            "_HLS_msn=1&_HLS_part=x",
            "_HLS_msn=99999999999999999999",
        ] {
            assert_eq!(Directives::parse(wrong), Err(Senseless::NotANumber), "{wrong}");
        }
        assert_eq!(Directives::parse("_HLS_skip=maybe"), Err(Senseless::Skip));
    }
}
