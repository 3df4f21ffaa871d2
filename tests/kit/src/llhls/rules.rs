//! The rules of the wire, each with its reason.

use super::report::Rule;

macro_rules! rules {
    ($($name:ident: $text:literal, $why:literal;)*) => {
        $(
            #[doc = $why]
            pub const $name: Rule = Rule { name: $text, why: $why };
        )*
        /// Every rule.
        pub const ALL: &[&Rule] = &[$(&$name),*];
    };
}

rules! {
    TARGET_BOUNDS_SEGMENTS: "target-duration-bounds-segments",
        "EXTINF rounded to the nearest second must not exceed EXT-X-TARGETDURATION (RFC 8216bis, 4.4.3.1)";
    TARGET_IS_CONSTANT: "target-duration-is-constant",
        "EXT-X-TARGETDURATION must not change (RFC 8216bis, 4.4.3.1)";
    PART_TARGET_IS_CONSTANT: "part-target-is-constant",
        "players size their buffers by PART-TARGET once (RFC 8216bis, 4.4.3.7 and 6.2.1)";
    PART_TARGET_BOUNDS_PARTS: "part-target-bounds-parts",
        "no part may last longer than PART-TARGET (RFC 8216bis, 4.4.4.9)";
    PARTS_FILL_TARGET: "parts-fill-their-target",
        "each part but a segment's last must last at least 85 % of PART-TARGET (RFC 8216bis, 4.4.4.9)";
    PART_HOLD_BACK: "part-hold-back-is-three-parts",
        "PART-HOLD-BACK should be at least 3 x PART-TARGET (RFC 8216bis, 4.4.3.8; Apple's authoring rules make it a must)";
    SKIP_UNTIL: "skip-until-is-six-targets",
        "CAN-SKIP-UNTIL must be at least 6 x EXT-X-TARGETDURATION (RFC 8216bis, 4.4.3.8)";
    CAN_BLOCK: "a-live-playlist-can-block",
        "a playlist with parts must offer CAN-BLOCK-RELOAD (RFC 8216bis, appendix B.1)";
    VERSION: "version-covers-the-tags",
        "EXT-X-MAP needs version 6 and EXT-X-SKIP version 9 (RFC 8216bis, 8)";
    MAP_PRESENT: "every-segment-has-a-map",
        "fragmented MP4 needs EXT-X-MAP (RFC 8216bis, 3.1.2)";
    DATES_PRESENT: "dates-are-there",
        "the first segment and each one after a discontinuity carry EXT-X-PROGRAM-DATE-TIME";
    DATES_ADD_UP: "dates-add-up",
        "inside a run, dates move exactly as far as media does";
    HINT: "hint-names-the-next-part",
        "a live low-latency playlist hints at its next part (RFC 8216bis, 4.4.5.3)";
    OLD_PARTS_LEAVE: "old-parts-leave",
        "parts should go after three target durations (RFC 8216bis, 4.4.4.9)";
    RECENT_PARTS_STAY: "recent-parts-stay",
        "the parts of the last three target durations are listed, so that players can join at the edge (RFC 8216bis, 6.2.2)";
    END_IS_QUIET: "an-ended-playlist-promises-nothing",
        "after EXT-X-ENDLIST there is neither an open segment nor a hint (RFC 8216bis, 4.4.3.4, 4.4.5.3)";
    CROSS_PARSER: "another-parser-agrees",
        "m3u8-rs reads the same segments";
    SEQUENCE: "sequence-goes-on",
        "EXT-X-MEDIA-SEQUENCE never falls and the list never shrinks (RFC 8216bis, 6.2.2)";
    SEGMENTS_STAY: "segments-stay-as-they-were",
        "a listed segment never changes, and the whole session stays listed (RFC 8216bis, 6.2.1; rewind from the start)";
    PARTS_STAY: "parts-stay-as-they-were",
        "a listed part never changes while it is listed (RFC 8216bis, 6.2.1)";
    BLOCKING_ANSWER: "a-blocking-reload-brings-what-was-asked",
        "the answer to _HLS_msn/_HLS_part holds that part or a later one (RFC 8216bis, 6.2.5.2)";
    DELTA: "a-delta-rebuilds-the-playlist",
        "EXT-X-SKIP leaves out exactly what the player holds (RFC 8216bis, 6.2.5.1)";
    REPORTS_COMPLETE: "reports-name-the-other-renditions",
        "a low-latency playlist should report every other rendition (RFC 8216bis, 4.4.5.4)";
    REPORTS_TRUE: "reports-are-true",
        "LAST-MSN and LAST-PART exist in that rendition and are at most one part old (RFC 8216bis, 4.4.5.4)";
    PART_LENGTH: "part-length-is-exact",
        "DURATION is the sum of the part's sample durations, rounded to its last digit";
    SEGMENT_LENGTH: "segment-length-is-exact",
        "EXTINF is the sum of the segment's sample durations, rounded to its last digit";
    DECODE_TIMES: "decode-times-are-contiguous",
        "each tfdt is where the last part ended: no sample is lost or told twice";
    PARTS_JOIN: "parts-join-to-their-segment",
        "a segment is the concatenation of its parts (RFC 8216bis, 3.2)";
    INDEPENDENT: "independent-is-true",
        "INDEPENDENT=YES stands exactly on parts that begin with a sync sample (RFC 8216bis, 4.4.4.9)";
    KEY_FRAME: "segments-begin-with-a-key-frame",
        "EXT-X-INDEPENDENT-SEGMENTS is a promise (RFC 8216bis, 4.4.2.2)";
    ONE_PART_ONE_CHUNK: "a-part-is-one-chunk",
        "a CMAF part is one moof with its mdat (ISO/IEC 23000-19, 7.3.2.3)";
    SAME_URL_SAME_BYTES: "one-url-one-content",
        "media behind a URL never changes: it is cached for ever";
    MEDIA_FETCHABLE: "listed-media-can-be-fetched",
        "every listed part, segment and init segment answers 200 with a readable body";
    MEDIA_HEADERS: "media-may-be-cached-for-ever",
        "parts, segments and init segments carry an ETag and an immutable Cache-Control";
    MEDIA_TYPE: "media-type-fits",
        "init segments, parts and segments say audio/mp4 or video/mp4";
    PLAYLIST_TYPE: "playlist-type-fits",
        "playlists say application/vnd.apple.mpegurl or audio/mpegurl (RFC 8216bis, 4)";
    PLAYLIST_GZIP: "playlists-come-gzipped",
        "playlists are sent gzipped to those who accept it, with Vary, and hold the same";
    PLAYLIST_FRESH: "a-live-playlist-is-not-cached",
        "a live playlist must not be reused without asking";
    CONDITIONAL: "if-none-match-saves-the-body",
        "If-None-Match with the current ETag answers 304 (RFC 9110, 13.1.2)";
    RANGE: "ranges-are-served",
        "Range answers 206 with the right bytes and Content-Range (RFC 9110, 14)";
    RANGE_BEYOND: "impossible-ranges-are-refused",
        "a range beyond the end answers 416 with Content-Range: bytes */length (RFC 9110, 15.5.17)";
    HEAD: "head-says-what-get-says",
        "HEAD answers with the length of GET and no body (RFC 9110, 9.3.2)";
    PART_NEEDS_MSN: "part-without-msn-is-refused",
        "_HLS_part without _HLS_msn answers 400 (RFC 8216bis, 6.2.5.2)";
    TOO_FAR: "a-far-future-is-refused",
        "an _HLS_msn more than two beyond the last answers 400 at once (RFC 8216bis, 6.2.5.2)";
    NONSENSE: "nonsense-directives-are-refused",
        "an _HLS_ directive that is no number answers 400";
    PAST_IS_IMMEDIATE: "the-past-answers-at-once",
        "a blocking request for what exists is answered with it";
    OVERFLOW_PART: "a-part-beyond-its-segment-rolls-over",
        "_HLS_part beyond a segment's end means the first part of the next (RFC 8216bis, 6.2.5.2)";
    HINT_HELD: "a-hinted-part-is-held-then-sent",
        "a request for the hinted part waits until it exists (RFC 8216bis, 6.2.6)";
    MISSING: "what-is-not-there-is-404",
        "an unknown track, segment or part answers 404 and not an error page";
    CODECS: "codecs-are-those-of-the-media",
        "CODECS names what the init segments hold, no more and no less (RFC 8216bis, 4.4.6.2)";
    RESOLUTION: "resolution-is-that-of-the-media",
        "RESOLUTION is the picture's (RFC 8216bis, 4.4.6.2)";
    BANDWIDTH: "bandwidth-bounds-the-peak",
        "BANDWIDTH is at least the peak segment bit rate of the variant with its audio (RFC 8216bis, 4.4.6.2)";
    CUT_TOGETHER: "tracks-are-cut-together",
        "the same segment begins at the same time in all tracks, within one audio frame";
    DATES_AGREE: "dates-agree-across-tracks",
        "a moment has the same date in every track (RFC 8216bis, 6.2.4)";
    AUDIO_ONLY_ENTRY: "the-audio-entry-holds-only-sound",
        "audio.m3u8 always plays and never brings a picture";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_has_its_own_name() {
        let mut names: Vec<_> = ALL.iter().map(|rule| rule.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ALL.len());
    }
}
