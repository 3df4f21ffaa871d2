//! How playlists tell what is missing.

use expect_test::expect;
use model::{Gap, GapCause, GapState, MediaTime, RunNumber};

use super::full;
use crate::timeline::tests::{AUDIO, VIDEO, begun, name, publish, run, track};

/// Returns the date ranges of a track's playlist.
fn date_ranges(timeline: &crate::timeline::Timeline, track: &str) -> Vec<String> {
    let playlist = full(timeline, track);
    playlist.lines().filter(|line| line.starts_with("#EXT-X-DATERANGE")).map(str::to_owned).collect()
}

#[test]
fn a_session_of_two_runs_says_what_is_missing() {
    let (mut timeline, first, second) = (begun(), run(0, 0), run(1, 9_300));
    publish(&mut timeline, AUDIO, &first, 0);
    publish(&mut timeline, VIDEO, &first, 0);
    publish(&mut timeline, AUDIO, &first, 1);
    timeline.begin_run(&second).unwrap();
    timeline.gap(
        &Gap {
            from: MediaTime::from_millis(4_000),
            to: second.origin,
            track: None,
            cause: GapCause::Restart,
        },
        GapState::Closed,
    );
    timeline.track(RunNumber(1), &track(AUDIO)).unwrap();
    timeline.track(RunNumber(1), &track(VIDEO)).unwrap();
    publish(&mut timeline, AUDIO, &second, 0);
    publish(&mut timeline, VIDEO, &second, 0);
    timeline.end();
    expect![[r##"
        #EXTM3U
        #EXT-X-VERSION:9
        #EXT-X-TARGETDURATION:2
        #EXT-X-PLAYLIST-TYPE:VOD
        #EXT-X-MEDIA-SEQUENCE:0
        #EXT-X-DISCONTINUITY-SEQUENCE:0
        #EXT-X-INDEPENDENT-SEGMENTS
        #EXT-X-DATERANGE:ID="gap-4000-restart",CLASS="gap",START-DATE="2026-11-18T11:06:44.000Z",DURATION=5.300000,X-CAUSE="restart"
        #EXT-X-MAP:URI="0-init.mp4"
        #EXT-X-PROGRAM-DATE-TIME:2026-11-18T11:06:40.000Z
        #EXTINF:2.000000,
        0-0.m4s
        #EXT-X-PROGRAM-DATE-TIME:2026-11-18T11:06:42.000Z
        #EXT-X-GAP
        #EXTINF:2.000000,
        0-1.m4s
        #EXT-X-DISCONTINUITY
        #EXT-X-MAP:URI="1-init.mp4"
        #EXT-X-PROGRAM-DATE-TIME:2026-11-18T11:06:49.300Z
        #EXTINF:2.000000,
        1-0.m4s
        #EXT-X-ENDLIST
    "##]].assert_eq(&full(&timeline, VIDEO));
}

#[test]
fn a_gap_inside_a_run_has_its_length_once_it_is_over_and_breaks_nothing() {
    let (mut timeline, first) = (begun(), run(0, 0));
    (0..3).for_each(|number| publish(&mut timeline, AUDIO, &first, number));
    publish(&mut timeline, VIDEO, &first, 0);
    let gap = |to_ms| Gap {
        from: MediaTime::from_millis(2_500),
        to: MediaTime::from_millis(to_ms),
        track: Some(name(AUDIO)),
        cause: GapCause::SourceLost,
    };
    timeline.gap(&gap(3_000), GapState::Open);
    let open =
        "#EXT-X-DATERANGE:ID=\"gap-2500-source_lost\",CLASS=\"gap\",START-DATE=\"2026-11-18T11:06:42.500Z\"";
    let cause = ",X-CAUSE=\"source_lost\"";
    assert_eq!(date_ranges(&timeline, AUDIO), [format!("{open}{cause}")]);
    timeline.gap(&gap(4_125), GapState::Closed);
    assert_eq!(date_ranges(&timeline, AUDIO), [format!("{open},DURATION=1.625000{cause}")]);
    assert_eq!(date_ranges(&timeline, VIDEO), [""; 0], "the picture misses nothing");
    assert!(!full(&timeline, AUDIO).contains("#EXT-X-DISCONTINUITY\n"), "media time goes on");
}
