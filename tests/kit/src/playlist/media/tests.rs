use super::*;

/// A live playlist with everything that this reader knows.
const LIVE: &str = concat!(
    "#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-TARGETDURATION:2\n",
    "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=1.65,CAN-SKIP-UNTIL=12.0\n",
    "#EXT-X-PART-INF:PART-TARGET=0.55\n#EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-INDEPENDENT-SEGMENTS\n",
    "#EXT-X-MAP:URI=\"0-init.mp4\"\n#EXT-X-PROGRAM-DATE-TIME:2026-11-22T10:00:00.250Z\n",
    "#EXTINF:2.00533,\n0-0.m4s\n",
    "#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI=\"1-init.mp4\"\n#EXT-X-PROGRAM-DATE-TIME:2026-11-22T10:00:09.000Z\n",
    "#EXT-X-PART:DURATION=0.512,URI=\"1-0.0.m4s\",INDEPENDENT=YES\n",
    "#EXT-X-PART:DURATION=0.491,URI=\"1-0.1.m4s\",INDEPENDENT=YES\n",
    "#EXTINF:1.003,\n1-0.m4s\n",
    "#EXT-X-PART:DURATION=0.512,URI=\"1-1.0.m4s\",INDEPENDENT=YES\n",
    "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"1-1.1.m4s\"\n",
    "#EXT-X-RENDITION-REPORT:URI=\"../720p/index.m3u8\",LAST-MSN=2,LAST-PART=0\n",
    "#EXT-X-DATERANGE:ID=\"g0\",CLASS=\"gap\",START-DATE=\"2026-11-22T10:00:02.255Z\",DURATION=6.745\n",
);

#[test]
fn everything_of_a_live_playlist_is_read() {
    let read = Media::parse(LIVE).unwrap();
    assert_eq!(read.target_duration_s, 2);
    assert_eq!(read.part_target.unwrap().nanos, 550_000_000);
    assert_eq!(read.segments.len(), 2);
    assert_eq!(read.segments[0].pdt_ms, Some(1_795_341_600_250));
    assert_eq!(read.segments[0].map.as_ref().unwrap().uri, "0-init.mp4");
    assert!(read.segments[1].discontinuity && read.segments[1].map_stands_here);
    assert_eq!(read.segments[1].parts.len(), 2);
    assert_eq!(read.next_part(), (2, 1));
    let open = read.open.unwrap();
    assert_eq!((open.msn, open.map.unwrap().uri.as_str()), (2, "1-init.mp4"));
    assert_eq!(read.hints[0].uri, "1-1.1.m4s");
    assert_eq!(read.reports[0].last_msn, Some(2));
    assert_eq!(read.date_ranges[0].class.as_deref(), Some("gap"));
    assert!(!read.ended);
}

#[test]
fn skipped_segments_count_for_the_sequence() {
    let text = "#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:5\n\
                #EXT-X-SKIP:SKIPPED-SEGMENTS=10\n#EXTINF:2,\nx.m4s\n";
    let read = Media::parse(text).unwrap();
    assert_eq!((read.skipped, read.segments[0].msn, read.next_part()), (10, 15, (16, 0)));
}

fn check_refused(from: &str, to: &str) {
    assert!(LIVE.contains(from), "{from}");
    assert!(Media::parse(&LIVE.replacen(from, to, 1)).is_err(), "{to}");
}

#[test]
fn what_the_draft_forbids_is_refused() {
    check_refused("#EXT-X-TARGETDURATION:2\n", "");
    check_refused("#EXT-X-TARGETDURATION:2\n", "#EXT-X-TARGETDURATION:2.0\n");
    check_refused("#EXTINF:2.00533,\n", "");
    check_refused("#EXTINF:2.00533,\n", "#EXTINF:2.00533\n");
    check_refused("#EXT-X-PART-INF:PART-TARGET=0.55\n", "#EXT-X-PART-INF:PART-TARGET=\"0.55\"\n");
    check_refused("CAN-BLOCK-RELOAD=YES", "CAN-BLOCK-RELOAD=true");
    check_refused("10:00:00.250Z", "10:00:00.250");
    check_refused("#EXT-X-MEDIA-SEQUENCE:0\n", "#EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-MEDIA-SEQUENCE:0\n");
    check_refused("#EXT-X-INDEPENDENT-SEGMENTS\n", "#EXT-X-INDEPENDENT-SEGMENT\n");
    check_refused("TYPE=PART", "TYPE=SEGMENT");
    check_refused("#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"1-1.1.m4s\"\n", "#EXTINF:2,\n");
}
