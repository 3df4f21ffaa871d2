//! Rules about HTTP: directives, caching, ranges, compression.

use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::http::{Answer, Client, join};
use crate::playlist::Media;

use super::report::Report;
use super::rules;

/// How long one request may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// Checks the HTTP rules on one media playlist and what it lists.
///
/// # Errors
/// The server does not answer at all, or lists nothing.
pub fn check_http(url: &str, report: &mut Report) -> Result<()> {
    let client = Client::new(PATIENCE);
    let plain = client.get(url)?.expect_status(200)?;
    let playlist = Media::parse(&plain.text()?)?;
    playlist_headers(&client, &plain, &playlist, report)?;
    directives(&client, url, &playlist, report)?;
    let segment = playlist.segments.first().context("the playlist lists no segment")?;
    let media = join(url, &segment.uri)?;
    ranges(&client, &media, report)?;
    conditional(&client, &media, report)?;
    for missing in ["0-999999.m4s", "0-0.999999.m4s", "99-init.mp4", "..%2f..%2f..%2fetc%2fpasswd", "%00"] {
        let missing = join(url, missing)?;
        let answer = client.get(&missing)?;
        report
            .check(&rules::MISSING, answer.status == 404, || format!("{missing} answered {}", answer.status));
    }
    if !playlist.ended {
        hint_is_held(&client, url, report)?;
    }
    Ok(())
}

fn playlist_headers(client: &Client, plain: &Answer, playlist: &Media, report: &mut Report) -> Result<()> {
    let kind = plain.header("content-type").unwrap_or_default().to_ascii_lowercase();
    let fits = kind.starts_with("application/vnd.apple.mpegurl") || kind.starts_with("audio/mpegurl");
    report.check(&rules::PLAYLIST_TYPE, fits, || format!("{} says {kind:?}", plain.url));
    let zipped = client.get_with(&plain.url, &[("accept-encoding", "gzip")])?.expect_status(200)?;
    let is_zipped = zipped.header("content-encoding") == Some("gzip");
    let varies = zipped.header("vary").unwrap_or_default().to_ascii_lowercase().contains("accept-encoding");
    let same = Media::parse(&zipped.text()?).is_ok_and(|held| held.next_part() >= playlist.next_part());
    report.check(&rules::PLAYLIST_GZIP, is_zipped && varies && same, || {
        format!("Content-Encoding {:?}, Vary {:?}", zipped.header("content-encoding"), zipped.header("vary"))
    });
    let unzipped = plain.header("content-encoding").is_none();
    report.check(&rules::PLAYLIST_GZIP, unzipped, || "gzip came unasked".to_owned());
    if !playlist.ended {
        let cache = plain.header("cache-control").unwrap_or_default();
        let fresh = cache.contains("no-cache") || cache.contains("no-store") || cache.contains("max-age=0");
        report.check(&rules::PLAYLIST_FRESH, fresh, || format!("Cache-Control {cache:?}"));
    }
    Ok(())
}

fn directives(client: &Client, url: &str, playlist: &Media, report: &mut Report) -> Result<()> {
    let ask = |query: &str| client.get(&format!("{url}?{query}"));
    let next = playlist.next_msn();
    let refused: [(&_, String); 6] = [
        (&rules::PART_NEEDS_MSN, "_HLS_part=0".to_owned()),
        (&rules::TOO_FAR, format!("_HLS_msn={}", next + 10)),
        (&rules::TOO_FAR, format!("_HLS_msn={}&_HLS_part=0", next + 10)),
        (&rules::NONSENSE, "_HLS_msn=soon".to_owned()),
        (&rules::NONSENSE, "_HLS_msn=-1".to_owned()),
        (&rules::NONSENSE, format!("_HLS_msn={next}&_HLS_part=x")),
    ];
    for (rule, query) in refused {
        // An ended playlist has no future to wait for: it answers what it has.
        let ended_future = playlist.ended && rule.name == rules::TOO_FAR.name;
        let due = if ended_future { 200 } else { 400 };
        let answer = ask(&query)?;
        report.check(rule, answer.status == due, || format!("?{query} answered {}", answer.status));
    }
    let first = playlist.media_sequence;
    for query in [format!("_HLS_msn={first}"), format!("_HLS_msn={first}&_HLS_part=0")] {
        let answer = ask(&query)?;
        let told = Media::parse(&answer.text()?).is_ok_and(|told| told.next_msn() > first);
        report.check(&rules::PAST_IS_IMMEDIATE, answer.status == 200 && told, || {
            format!("?{query} answered {}", answer.status)
        });
    }
    if let Some(last) = playlist.segments.last().filter(|_| !playlist.ended) {
        // Three parts of a second make the advance limit; a segment holds at most ten of 0.2 s.
        let beyond = last.parts.len();
        let answer = ask(&format!("_HLS_msn={}&_HLS_part={beyond}", last.msn))?;
        let told = Media::parse(&answer.text()?).is_ok_and(|told| told.next_part() > (last.msn + 1, 0));
        report.check(&rules::OVERFLOW_PART, answer.status == 200 && told, || {
            format!("part {beyond} of segment {} answered {}", last.msn, answer.status)
        });
    }
    Ok(())
}

fn ranges(client: &Client, url: &str, report: &mut Report) -> Result<()> {
    let whole = client.get(url)?.expect_status(200)?;
    let length = whole.body.len();
    ensure!(length > 100, "{url} holds only {length} bytes");
    let cases = [
        ("bytes=0-9".to_owned(), 0, 10),
        (format!("bytes=50-{}", length + 5), 50, length),
        ("bytes=-7".to_owned(), length - 7, length),
        (format!("bytes={}-", length - 1), length - 1, length),
    ];
    for (range, from, to) in cases {
        let answer = client.get_with(url, &[("range", &range)])?;
        let said = answer.header("content-range").unwrap_or_default().to_owned();
        let right = answer.status == 206
            && Some(answer.body.as_slice()) == whole.body.get(from..to)
            && said == format!("bytes {from}-{}/{length}", to - 1);
        report.check(&rules::RANGE, right, || {
            format!("{range} of {url} ({length} bytes) answered {} {said:?}", answer.status)
        });
    }
    for range in [format!("bytes={length}-"), "bytes=-0".to_owned()] {
        let answer = client.get_with(url, &[("range", &range)])?;
        let said = answer.header("content-range").unwrap_or_default().to_owned();
        report.check(
            &rules::RANGE_BEYOND,
            answer.status == 416 && said == format!("bytes */{length}"),
            || format!("{range} of {url} ({length} bytes) answered {} {said:?}", answer.status),
        );
    }
    let head = client.head(url)?;
    let said = head.header("content-length").and_then(|text| text.parse().ok());
    report.check(&rules::HEAD, head.status == 200 && said == Some(length) && head.body.is_empty(), || {
        format!("HEAD {url} answered {} with length {said:?} of {length}", head.status)
    });
    Ok(())
}

fn conditional(client: &Client, url: &str, report: &mut Report) -> Result<()> {
    let whole = client.get(url)?.expect_status(200)?;
    let Some(etag) = whole.header("etag") else {
        report.check(&rules::CONDITIONAL, false, || format!("{url} has no ETag"));
        return Ok(());
    };
    for (header, due) in [(etag, 304), ("\"another\"", 200), ("*", 304)] {
        let answer = client.get_with(url, &[("if-none-match", header)])?;
        let right = answer.status == due && (due != 304 || answer.body.is_empty());
        report.check(&rules::CONDITIONAL, right, || {
            format!("If-None-Match: {header} on {url} answered {}, due was {due}", answer.status)
        });
    }
    Ok(())
}

/// Fetches a hinted part before it exists, and looks it up afterwards.
fn hint_is_held(client: &Client, url: &str, report: &mut Report) -> Result<()> {
    let playlist = Media::parse(&client.get(url)?.expect_status(200)?.text()?)?;
    if playlist.ended {
        return Ok(());
    }
    let Some(hint) = playlist.hints.iter().find(|hint| hint.kind == "PART") else { return Ok(()) };
    let part = join(url, &hint.uri)?;
    let early = client.get(&part)?;
    let after = Media::parse(&client.get(url)?.expect_status(200)?.text()?)?;
    let listed = after.segments.iter().chain(&after.open).flat_map(|segment| &segment.parts);
    let listed = listed.map(|part| part.uri.as_str()).any(|uri| uri == hint.uri);
    report.check(&rules::HINT_HELD, early.status == 200 && listed, || {
        format!("{part} answered {}; listed afterwards: {listed}", early.status)
    });
    if early.status == 200 {
        let again = client.get(&part)?;
        report.check(&rules::SAME_URL_SAME_BYTES, again.body == early.body, || format!("{part} changed"));
    }
    Ok(())
}
