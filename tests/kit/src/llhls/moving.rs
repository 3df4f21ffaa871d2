//! Rules about how a playlist may change between two reloads, and what a delta update must rebuild.

use anyhow::{Context, Result, ensure};

use crate::playlist::{Media, Segment};

use super::report::Report;
use super::rules;

/// Checks what `next` may say after `before`; both are full.
pub(super) fn check(before: &Media, next: &Media, report: &mut Report) {
    report.check(&rules::TARGET_IS_CONSTANT, before.target_duration_s == next.target_duration_s, || {
        format!("{} s became {} s", before.target_duration_s, next.target_duration_s)
    });
    if before.part_target.is_some() && next.part_target.is_some() {
        report.check(&rules::PART_TARGET_IS_CONSTANT, before.part_target == next.part_target, || {
            format!("{:?} became {:?}", before.part_target, next.part_target)
        });
    }
    let goes_on = next.media_sequence >= before.media_sequence && next.next_part() >= before.next_part();
    report.check(&rules::SEQUENCE, goes_on, || {
        format!("the next part was {:?} and became {:?}", before.next_part(), next.next_part())
    });
    for old in &before.segments {
        let new = next.segments.iter().find(|segment| segment.msn == old.msn);
        report.check(&rules::SEGMENTS_STAY, new.is_some_and(|new| same_segment(old, new)), || {
            format!("{old:?} became {new:?}")
        });
        if let Some(new) = new {
            parts_stay(old, new, report);
        }
    }
    if let Some(open) = &before.open {
        let new = next.segments.iter().chain(&next.open).find(|segment| segment.msn == open.msn);
        match new {
            Some(new) => parts_stay(open, new, report),
            None => report.check(&rules::PARTS_STAY, open.parts.is_empty() || next.ended, || {
                format!("segment {} was open and is gone", open.msn)
            }),
        }
    }
}

fn same_segment(old: &Segment, new: &Segment) -> bool {
    let said = |segment: &Segment| {
        (segment.uri.clone(), segment.duration, segment.map.clone(), segment.discontinuity, segment.gap)
    };
    said(old) == said(new) && (old.pdt_ms == new.pdt_ms)
}

fn parts_stay(old: &Segment, new: &Segment, report: &mut Report) {
    // Parts leave all at once when their segment is old; until then they only grow.
    let kept = new.parts.is_empty() && new.duration.is_some() && old.duration.is_some()
        || new.parts.len() >= old.parts.len() && old.parts.iter().eq(new.parts.iter().take(old.parts.len()));
    report.check(&rules::PARTS_STAY, kept, || {
        format!("the parts of segment {} were {:?} and became {:?}", old.msn, old.parts, new.parts)
    });
    report.check(&rules::PARTS_STAY, old.map == new.map && old.pdt_ms == new.pdt_ms, || {
        format!("segment {} was {old:?} and became {new:?}", old.msn)
    });
}

/// Rebuilds the full playlist from a delta update and the full playlist that came before it.
///
/// # Errors
/// The delta skips what was never listed.
pub(super) fn rebuild(held: &Media, delta: &Media) -> Result<Media> {
    let mut full = delta.clone();
    full.skipped = 0;
    if delta.skipped == 0 {
        return Ok(full);
    }
    let first_listed = delta.media_sequence + delta.skipped;
    ensure!(delta.media_sequence >= held.media_sequence, "a delta reaches back before what was held");
    let skipped = held
        .segments
        .iter()
        .filter(|segment| (delta.media_sequence..first_listed).contains(&segment.msn))
        .cloned();
    full.segments = skipped.collect();
    let found = full.segments.len() as u64;
    ensure!(found == delta.skipped, "the delta skips {} segments, {found} of them are known", delta.skipped);
    // EXT-X-MAP holds until the next one, across the skipped segments too.
    let mut map = full.segments.last().context("the delta skips nothing")?.map.clone();
    let listed = delta.segments.iter().cloned().map(|mut segment| {
        if segment.map_stands_here {
            map.clone_from(&segment.map);
        } else {
            segment.map.clone_from(&map);
        }
        segment
    });
    full.segments.extend(listed);
    if let Some(open) = &mut full.open
        && !open.map_stands_here
    {
        open.map = map;
    }
    Ok(full)
}

/// Checks that a delta rebuilt to what the server says in full, up to where the older of the two ends.
pub(super) fn check_delta(rebuilt: &Media, full: &Media, report: &mut Report) {
    for (told, due) in rebuilt.segments.iter().zip(&full.segments) {
        report.check(&rules::DELTA, told.msn == due.msn && same_segment(told, due), || {
            format!("rebuilt {told:?} where the full playlist says {due:?}")
        });
    }
    // Between the two the session may have ended, and an ended playlist promises nothing.
    let same_promises = rebuilt.server_control == full.server_control || full.ended && !rebuilt.ended;
    let same_head = same_promises
        && (rebuilt.media_sequence, rebuilt.target_duration_s)
            == (full.media_sequence, full.target_duration_s);
    report.check(&rules::DELTA, same_head && full.next_part() >= rebuilt.next_part(), || {
        format!("rebuilt {:?}, in full {:?}", rebuilt.next_part(), full.next_part())
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:0\n";
    const MAP: &str = "#EXT-X-MAP:URI=\"i\"\n";

    fn media(body: &str) -> Media {
        Media::parse(&format!("{HEAD}{body}")).unwrap()
    }

    fn changes(before: &str, next: &str) -> Vec<&'static str> {
        let mut report = Report::default();
        check(&media(&format!("{MAP}{before}")), &media(&format!("{MAP}{next}")), &mut report);
        report.broken()
    }

    #[test]
    fn a_playlist_only_grows() {
        let one = "#EXTINF:2,\na\n";
        assert!(changes(one, "#EXTINF:2,\na\n#EXTINF:2,\nb\n").is_empty());
        assert_eq!(changes(one, "#EXTINF:2,\nx\n"), ["segments-stay-as-they-were"]);
        assert_eq!(changes(one, "#EXTINF:1.9,\na\n"), ["segments-stay-as-they-were"]);
        assert_eq!(
            changes("#EXTINF:2,\na\n#EXTINF:2,\nb\n", one),
            ["segments-stay-as-they-were", "sequence-goes-on"]
        );
    }

    #[test]
    fn parts_grow_and_leave_together() {
        let part = |n: u32| format!("#EXT-X-PART:DURATION=0.5,URI=\"p{n}\"\n");
        let (p0, p1) = (part(0), part(1));
        assert!(changes(&p0, &format!("{p0}{p1}")).is_empty());
        assert!(changes(&format!("{p0}{p1}#EXTINF:1,\na\n"), "#EXTINF:1,\na\n").is_empty());
        assert_eq!(changes(&format!("{p0}{p1}"), &p0), ["parts-stay-as-they-were", "sequence-goes-on"]);
        assert_eq!(changes(&p0, &format!("{p1}{p0}")), ["parts-stay-as-they-were"]);
    }

    #[test]
    fn a_delta_rebuilds_with_its_maps() {
        let held = media(&format!("{MAP}#EXTINF:2,\na\n#EXTINF:2,\nb\n"));
        let full = media(&format!("{MAP}#EXTINF:2,\na\n#EXTINF:2,\nb\n#EXTINF:2,\nc\n"));
        let delta = media("#EXT-X-SKIP:SKIPPED-SEGMENTS=1\n#EXTINF:2,\nb\n#EXTINF:2,\nc\n");
        let rebuilt = rebuild(&held, &delta).unwrap();
        let mut report = Report::default();
        check_delta(&rebuilt, &full, &mut report);
        report.verdict(&[&rules::DELTA]).unwrap();
    }

    #[test]
    fn a_session_may_end_between_a_delta_and_the_full_playlist() {
        let control = "#EXT-X-SERVER-CONTROL:CAN-SKIP-UNTIL=12,HOLD-BACK=6\n";
        let held = media(&format!("{control}{MAP}#EXTINF:2,\na\n"));
        let bare = format!("{MAP}#EXTINF:2,\na\n#EXTINF:2,\nb\n");
        let delta = media(&format!("{control}#EXT-X-SKIP:SKIPPED-SEGMENTS=1\n#EXTINF:2,\nb\n"));
        let rebuilt = rebuild(&held, &delta).unwrap();
        for (full, is_sound) in [(format!("{bare}#EXT-X-ENDLIST\n"), true), (bare, false)] {
            let mut report = Report::default();
            check_delta(&rebuilt, &media(&full), &mut report);
            assert_eq!(report.verdict(&[&rules::DELTA]).is_ok(), is_sound, "{full}");
        }
    }

    #[test]
    fn a_delta_may_not_skip_what_was_never_listed() {
        let held = media(&format!("{MAP}#EXTINF:2,\na\n"));
        let delta = media("#EXT-X-SKIP:SKIPPED-SEGMENTS=2\n#EXTINF:2,\nc\n");
        assert!(rebuild(&held, &delta).is_err());
    }
}
