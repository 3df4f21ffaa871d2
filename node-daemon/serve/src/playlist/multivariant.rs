//! The multivariant playlist: which renditions there are.
//!
//! Sound and picture are demuxed: every video variant refers to one audio group. The audio-only entry is a playlist of
//! its own, because players drop audio-only variants that stand beside video.

use model::{Media, Track};

use crate::text::append;
use crate::timeline::{Line, Timeline};

/// Headroom over the encoder's target while live, percent: the peak is not known yet, and BANDWIDTH must not lie below.
const LIVE_HEADROOM_PERCENT: u64 = 25;

/// Which entry point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entrance {
    /// Everything there is, with the sound that plays everywhere.
    Whole,
    /// Sound alone, the one that plays everywhere.
    Audio,
    /// Sound alone, the one for thin links.
    Thin,
}

/// Returns whether a rendition stands at an entrance of its own, so that no player switches between it and the others.
pub(crate) fn stands_apart(timeline: &Timeline, line: &Line) -> bool {
    let common = |line: &Line| line.latest().codec.starts_with("mp4a");
    is_audio(line) && !common(line) && timeline.lines().values().any(common)
}

/// Renders a multivariant playlist; `None` while the session has nothing for that entrance.
///
/// Each entrance holds sound in one codec only: a player that finds two keeps to the one with the lower rate, however
/// good its link is.
pub(crate) fn render(timeline: &Timeline, entrance: Entrance) -> Option<String> {
    let (mut video, sound): (Vec<&Line>, Vec<&Line>) =
        timeline.lines().values().partition(|line| !is_audio(line));
    let (common, thin): (Vec<&Line>, Vec<&Line>) =
        sound.iter().partition(|line| line.latest().codec.starts_with("mp4a"));
    let audio = match entrance {
        Entrance::Whole | Entrance::Audio if common.is_empty() => thin,
        Entrance::Whole | Entrance::Audio => common,
        Entrance::Thin => thin,
    };
    if entrance != Entrance::Whole {
        video.clear();
    }
    video.sort_by_key(|line| std::cmp::Reverse(height(line.latest())));
    if audio.is_empty() && video.is_empty() {
        return None;
    }
    let mut text = String::from("#EXTM3U\n#EXT-X-VERSION:9\n");
    if audio.iter().chain(&video).all(|line| line.is_independent()) {
        text.push_str("#EXT-X-INDEPENDENT-SEGMENTS\n");
    }
    if video.is_empty() {
        audio.iter().for_each(|line| variant(&mut text, timeline, line, None));
    } else {
        let group = audio.first().copied();
        if let Some(line) = group {
            audio_group(&mut text, line);
        }
        video.iter().for_each(|line| variant(&mut text, timeline, line, group));
    }
    Some(text)
}

fn is_audio(line: &Line) -> bool {
    line.latest().media.is_audio()
}

fn height(track: &Track) -> u32 {
    match track.media {
        Media::Video { height, .. } => height,
        Media::Audio { .. } => 0,
    }
}

fn audio_group(text: &mut String, line: &Line) {
    let track = line.latest();
    let channels = match track.media {
        Media::Audio { channels, .. } => channels,
        Media::Video { .. } => 0,
    };
    append(
        text,
        format_args!(
            "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"audio\",NAME=\"Room\",DEFAULT=YES,AUTOSELECT=YES,\
             CHANNELS=\"{channels}\",URI=\"{}/index.m3u8\"\n",
            track.name
        ),
    );
}

fn variant(text: &mut String, timeline: &Timeline, line: &Line, group: Option<&Line>) {
    let track = line.latest();
    let rates = [Some(line), group].into_iter().flatten().map(|line| rate(timeline, line));
    let (peak, average) = rates.fold((0, 0), |sum, rate| (sum.0 + rate.0, sum.1 + rate.1));
    append(text, format_args!("#EXT-X-STREAM-INF:BANDWIDTH={peak},AVERAGE-BANDWIDTH={average}"));
    append(text, format_args!(",CODECS=\"{}", track.codec));
    if let Some(group) = group {
        append(text, format_args!(",{}", group.latest().codec));
    }
    text.push('"');
    if let Media::Video { width, height, frame_rate_millihertz } = track.media {
        let (whole, rest) = (frame_rate_millihertz / 1000, frame_rate_millihertz % 1000);
        append(text, format_args!(",RESOLUTION={width}x{height},FRAME-RATE={whole}.{rest:03}"));
    }
    if group.is_some() {
        text.push_str(",AUDIO=\"audio\"");
    }
    append(text, format_args!("\n{}/index.m3u8\n", track.name));
}

/// Returns the peak and the average rate of a track, bit/s.
fn rate(timeline: &Timeline, line: &Line) -> (u64, u64) {
    let target = u64::from(line.latest().bitrate_bps);
    let average = match line.average_bps() {
        0 => target,
        measured => measured,
    };
    if timeline.is_ended() && line.peak_bps() > 0 {
        return (line.peak_bps().max(average), average);
    }
    let expected = target.saturating_mul(100 + LIVE_HEADROOM_PERCENT) / 100;
    (expected.max(line.peak_bps()), average)
}
