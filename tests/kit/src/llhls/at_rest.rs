//! Rules that one playlist can be judged by alone.

use crate::playlist::{Media, Segment};

use super::report::Report;
use super::rules;

/// Most that two dates may differ from the media between them, milliseconds: each is rounded to one.
const DATE_ROUNDING_MS: f64 = 1.5;

/// Checks a full playlist (no EXT-X-SKIP).
pub(super) fn check(playlist: &Media, text: &str, report: &mut Report) {
    durations(playlist, report);
    control(playlist, report);
    maps_and_dates(playlist, report);
    edge(playlist, report);
    another_parser(playlist, text, report);
}

fn durations(playlist: &Media, report: &mut Report) {
    for segment in &playlist.segments {
        let Some(duration) = segment.duration else { continue };
        let rounded = (duration.nanos + 500_000_000) / 1_000_000_000;
        report.check(&rules::TARGET_BOUNDS_SEGMENTS, rounded <= playlist.target_duration_s, || {
            format!("{} lasts {duration} s, the target is {} s", segment.uri, playlist.target_duration_s)
        });
    }
    for segment in playlist.segments.iter().chain(&playlist.open) {
        parts_of(segment, playlist, report);
    }
}

fn parts_of(segment: &Segment, playlist: &Media, report: &mut Report) {
    let Some((last, _)) = segment.parts.split_last() else { return };
    let Some(target) = playlist.part_target else {
        report.check(&rules::PART_TARGET_BOUNDS_PARTS, false, || {
            "EXT-X-PART without EXT-X-PART-INF".to_owned()
        });
        return;
    };
    let is_complete = segment.duration.is_some();
    for part in &segment.parts {
        report.check(&rules::PART_TARGET_BOUNDS_PARTS, part.duration.nanos <= target.nanos, || {
            format!("{} lasts {} s, PART-TARGET is {target} s", part.uri, part.duration)
        });
        // The last listed part of an open segment may turn out to be its last: it is judged when more is known.
        if part.uri != last.uri {
            let fills = part.duration.nanos * 100 >= target.nanos * 85;
            report.check(&rules::PARTS_FILL_TARGET, fills || part.gap, || {
                format!(
                    "{} lasts {} s of {target} s and is not the last of its segment",
                    part.uri, part.duration
                )
            });
        }
    }
    if let (true, Some(whole)) = (is_complete, segment.duration) {
        let sum: u64 = segment.parts.iter().map(|part| part.duration.nanos).sum();
        let rounding = 1_000_000 * (segment.parts.len() as u64 + 1);
        report.check(&rules::PARTS_JOIN, sum.abs_diff(whole.nanos) <= rounding, || {
            format!("the parts of {} last {sum} ns, the segment {} ns", segment.uri, whole.nanos)
        });
    }
}

fn control(playlist: &Media, report: &mut Report) {
    let has_maps = playlist.segments.iter().any(|segment| segment.map.is_some());
    let needed = if has_maps { 6 } else { 3 };
    let skips = playlist.server_control.as_ref().is_some_and(|control| control.can_skip_until.is_some());
    let needed = if skips && !playlist.ended { 9 } else { needed };
    report.check(&rules::VERSION, playlist.version.unwrap_or(1) >= needed, || {
        format!("version {:?} where {needed} is due", playlist.version)
    });
    let Some(target) = playlist.part_target.filter(|_| !playlist.ended) else { return };
    let Some(control) = &playlist.server_control else {
        report.check(&rules::CAN_BLOCK, false, || "EXT-X-SERVER-CONTROL is missing".to_owned());
        return;
    };
    report.check(&rules::CAN_BLOCK, control.can_block_reload, || "CAN-BLOCK-RELOAD is not YES".to_owned());
    let hold_back = control.part_hold_back.map_or(0, |seconds| seconds.nanos);
    report.check(&rules::PART_HOLD_BACK, hold_back >= 3 * target.nanos, || {
        format!("PART-HOLD-BACK is {hold_back} ns, PART-TARGET {target} s")
    });
    if let Some(until) = control.can_skip_until {
        let needed = 6_000_000_000 * playlist.target_duration_s;
        report.check(&rules::SKIP_UNTIL, until.nanos >= needed, || {
            format!("CAN-SKIP-UNTIL is {until} s, the target duration {} s", playlist.target_duration_s)
        });
    }
}

fn maps_and_dates(playlist: &Media, report: &mut Report) {
    // Where the next segment must begin by the dates so far, milliseconds since 1970.
    let mut due: Option<f64> = None;
    for (index, segment) in playlist.segments.iter().chain(&playlist.open).enumerate() {
        report.check(&rules::MAP_PRESENT, segment.map.is_some(), || format!("{} has no map", segment.uri));
        let begins = index == 0 || segment.discontinuity;
        if begins {
            report.check(&rules::DATES_PRESENT, segment.pdt_ms.is_some(), || {
                format!("segment {} begins a stretch and has no date", segment.msn)
            });
        }
        let date = segment.pdt_ms.map(ms);
        if let (false, Some(due), Some(date)) = (begins, due, date) {
            report.check(&rules::DATES_ADD_UP, (date - due).abs() <= DATE_ROUNDING_MS, || {
                format!(
                    "segment {} is dated {:.1} ms off what the media before it says",
                    segment.msn,
                    date - due
                )
            });
        }
        let start = if begins { date } else { due.or(date) };
        let length_ms = segment.duration.map(|duration| duration.as_f64() * 1000.0);
        due = start.zip(length_ms).map(|(start, length)| start + length);
    }
}

/// Dates of this century fit a double exactly.
#[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 stay below 2^53")]
const fn ms(date: i64) -> f64 {
    date as f64
}

fn edge(playlist: &Media, report: &mut Report) {
    if playlist.ended {
        let quiet = playlist.open.is_none() && playlist.hints.is_empty();
        report.check(&rules::END_IS_QUIET, quiet, || format!("{:?} {:?}", playlist.open, playlist.hints));
        return;
    }
    if playlist.part_target.is_none() {
        return;
    }
    let parts = playlist.hints.iter().filter(|hint| hint.kind == "PART").count();
    report.check(&rules::HINT, parts == 1, || format!("{parts} hints at parts"));
    // The open segment's length counts towards the distance from the end.
    let mut from_end: u64 =
        playlist.open.iter().flat_map(|open| &open.parts).map(|part| part.duration.nanos).sum();
    let three_targets = 3_000_000_000 * playlist.target_duration_s;
    for segment in playlist.segments.iter().rev() {
        if from_end >= three_targets + 1_000_000_000 * playlist.target_duration_s {
            report.check(&rules::OLD_PARTS_LEAVE, segment.parts.is_empty(), || {
                format!("{} still lists parts {from_end} ns from the end", segment.uri)
            });
        }
        from_end += segment.duration.map_or(0, |duration| duration.nanos);
        if from_end <= three_targets && !segment.gap {
            report.check(&rules::RECENT_PARTS_STAY, !segment.parts.is_empty(), || {
                format!("{} lies within {from_end} ns of the end and lists no parts", segment.uri)
            });
        }
    }
}

fn another_parser(playlist: &Media, text: &str, report: &mut Report) {
    let agrees = match m3u8_rs::parse_media_playlist_res(text.as_bytes()) {
        Ok(other) => {
            let uris = other.segments.iter().map(|segment| segment.uri.as_str());
            other.media_sequence == playlist.media_sequence
                && other.target_duration == playlist.target_duration_s
                && other.end_list == playlist.ended
                && uris.eq(playlist.segments.iter().map(|segment| segment.uri.as_str()))
        }
        Err(_) => false,
    };
    report.check(&rules::CROSS_PARSER, agrees, || format!("m3u8-rs reads it otherwise:\n{text}"));
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = concat!(
        "#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-TARGETDURATION:2\n",
        "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=1.65,CAN-SKIP-UNTIL=12.0\n",
        "#EXT-X-PART-INF:PART-TARGET=0.55\n#EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-INDEPENDENT-SEGMENTS\n",
        "#EXT-X-MAP:URI=\"0-init.mp4\"\n#EXT-X-PROGRAM-DATE-TIME:2026-11-22T10:00:00.250Z\n",
        "#EXT-X-PART:DURATION=0.512,URI=\"0-0.0.m4s\",INDEPENDENT=YES\n",
        "#EXT-X-PART:DURATION=0.488,URI=\"0-0.1.m4s\",INDEPENDENT=YES\n",
        "#EXT-X-PART:DURATION=0.512,URI=\"0-0.2.m4s\",INDEPENDENT=YES\n",
        "#EXT-X-PART:DURATION=0.488,URI=\"0-0.3.m4s\",INDEPENDENT=YES\n",
        "#EXTINF:2.000,\n0-0.m4s\n",
        "#EXT-X-PROGRAM-DATE-TIME:2026-11-22T10:00:02.250Z\n",
        "#EXT-X-PART:DURATION=0.512,URI=\"0-1.0.m4s\",INDEPENDENT=YES\n",
        "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"0-1.1.m4s\"\n",
    );

    fn judge(text: &str) -> Report {
        let mut report = Report::default();
        check(&Media::parse(text).unwrap(), text, &mut report);
        report
    }

    #[test]
    fn a_good_playlist_passes() {
        judge(GOOD).verdict(&[&rules::PART_HOLD_BACK, &rules::DATES_ADD_UP, &rules::HINT]).unwrap();
    }

    fn check_breaks(from: &str, to: &str, rule: &str) {
        assert!(GOOD.contains(from), "{from}");
        assert_eq!(judge(&GOOD.replacen(from, to, 1)).broken(), [rule], "{to}");
    }

    #[test]
    fn each_fault_breaks_its_rule_and_no_other() {
        check_breaks("TARGETDURATION:2", "TARGETDURATION:1", "target-duration-bounds-segments");
        check_breaks("PART-HOLD-BACK=1.65", "PART-HOLD-BACK=1.64", "part-hold-back-is-three-parts");
        check_breaks("CAN-SKIP-UNTIL=12.0", "CAN-SKIP-UNTIL=11.9", "skip-until-is-six-targets");
        check_breaks("CAN-BLOCK-RELOAD=YES,", "", "a-live-playlist-can-block");
        check_breaks("VERSION:9", "VERSION:8", "version-covers-the-tags");
        check_breaks("DURATION=0.512,URI=\"0-1.0", "DURATION=0.551,URI=\"0-1.0", "part-target-bounds-parts");
        check_breaks("#EXT-X-PROGRAM-DATE-TIME:2026-11-22T10:00:00.250Z\n", "", "dates-are-there");
        check_breaks("10:00:02.250Z", "10:00:02.260Z", "dates-add-up");
        check_breaks("#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"0-1.1.m4s\"\n", "", "hint-names-the-next-part");
        check_breaks(
            "DURATION=0.488,URI=\"0-0.3",
            "DURATION=0.470,URI=\"0-0.3",
            "parts-join-to-their-segment",
        );
        check_breaks(
            "0.m4s\n#EXT-X-PROGRAM",
            "0.m4s\n#EXT-X-ENDLIST\n#EXT-X-PROGRAM",
            "an-ended-playlist-promises-nothing",
        );
    }

    #[test]
    fn a_short_part_may_only_be_the_last_of_its_segment() {
        let short = GOOD
            .replacen("DURATION=0.488,URI=\"0-0.1", "DURATION=0.400,URI=\"0-0.1", 1)
            .replacen("#EXTINF:2.000", "#EXTINF:1.912", 1)
            .replacen("10:00:02.250Z", "10:00:02.162Z", 1);
        assert_eq!(judge(&short).broken(), ["parts-fill-their-target"]);
    }
}
