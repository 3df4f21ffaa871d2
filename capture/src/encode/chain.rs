//! The elements between raw media and `cmafmux`, one chain per coding.
//!
//! Which encoder is used is decided here and nowhere else.

use gst::prelude::*;
use model::settings::VideoEncoder;
use model::wire::v1::Failure;

use super::rendition::{Coding, FRAME_RATE_HZ, HEIGHT, Rendition, SAMPLE_RATE_HZ, WIDTH};
use crate::failure::{internal, missing_plugin, no_encoder};
use crate::plugin::{exists, make};

/// Returns the caps of the raw media that a rendition takes in.
pub(crate) fn raw_caps(coding: Coding) -> gst::Caps {
    match coding {
        Coding::Aac => sound_caps(2),
        Coding::Opus => sound_caps(1),
        Coding::H264 { every, .. } => picture_caps(FRAME_RATE_HZ / every),
    }
}

/// Returns the caps of interleaved 32-bit float samples.
pub(crate) fn sound_caps(channels: u32) -> gst::Caps {
    gst::Caps::builder("audio/x-raw")
        .field("format", "F32LE")
        .field("layout", "interleaved")
        .field("rate", gst_number(SAMPLE_RATE_HZ))
        .field("channels", gst_number(channels))
        .build()
}

/// Returns the caps of the pictures inside capture.
pub(crate) fn picture_caps(frames_per_second: u32) -> gst::Caps {
    gst::Caps::builder("video/x-raw")
        .field("format", "I420")
        .field("width", gst_number(WIDTH))
        .field("height", gst_number(HEIGHT))
        .field("framerate", gst::Fraction::new(gst_number(frames_per_second), 1))
        .field("pixel-aspect-ratio", gst::Fraction::new(1, 1))
        .field("interlace-mode", "progressive")
        .field("colorimetry", "bt709")
        .build()
}

/// Builds the chain of a rendition: converter, encoder, parser.
pub(crate) fn build(rendition: &Rendition) -> Result<Vec<gst::Element>, Failure> {
    match rendition.coding {
        Coding::Aac => aac(rendition.bitrate_bps),
        Coding::Opus => opus(rendition.bitrate_bps),
        Coding::H264 { width, height, every, encoder } => {
            let segment_frames = rendition.grid.segment_start(1);
            let mut chain = if every > 1 { scaled(width, height)? } else { Vec::new() };
            let chosen = h264_encoder(encoder, exists)?;
            tracing::info!(track = %rendition.name, encoder = ?chosen, width, height, "pictures are encoded");
            chain.extend(match chosen {
                H264::X264 => x264(rendition.bitrate_bps, segment_frames, every)?,
                H264::Openh264 => openh264(rendition.bitrate_bps, segment_frames)?,
            });
            chain.push(make("h264parse", &[])?);
            Ok(chain)
        }
    }
}

/// Returns how many samples lie in the encoder's output before the first captured sample (its priming).
///
/// Both AAC encoders and Opus look back over one overlap; tests measure it by decoding an impulse.
pub(crate) const fn priming_samples(coding: Coding) -> u32 {
    match coding {
        Coding::Aac => 1024,
        Coding::Opus => 312,
        Coding::H264 { .. } => 0,
    }
}

/// Returns how much silence goes ahead of the first captured sample, so that the priming fills whole frames.
pub(crate) fn lead_in_samples(rendition: &Rendition) -> u64 {
    let frame = rendition.grid.frame_ticks();
    u64::from((frame - priming_samples(rendition.coding) % frame) % frame)
}

/// Returns how many samples push the first `frames` captured frames out of the encoder: the lead-in, the frames, the
/// priming behind them and one frame that makes the encoder give out the one before.
pub(crate) fn samples_needed(rendition: &Rendition, frames: u64) -> u64 {
    let frame = u64::from(rendition.grid.frame_ticks());
    let behind = u64::from(priming_samples(rendition.coding)) + frame;
    lead_in_samples(rendition) + frames * frame + behind
}

fn aac(bitrate_bps: u32) -> Result<Vec<gst::Element>, Failure> {
    let bitrate = bitrate_bps.to_string();
    let encoder = if exists("avenc_aac") {
        make("avenc_aac", &[("bitrate", &bitrate)])?
    } else if exists("voaacenc") {
        make("voaacenc", &[("bitrate", &bitrate)])?
    } else {
        return Err(missing_plugin("AAC", "gstreamer1.0-libav"));
    };
    Ok(vec![make("audioconvert", &[("dithering", "none")])?, encoder, make("aacparse", &[])?])
}

fn opus(bitrate_bps: u32) -> Result<Vec<gst::Element>, Failure> {
    let bitrate = bitrate_bps.to_string();
    // opusenc takes 16-bit samples: dither keeps quiet speech free of distortion.
    let encoder = make("opusenc", &[("bitrate", &bitrate), ("audio-type", "voice"), ("frame-size", "20")])?;
    Ok(vec![make("audioconvert", &[])?, encoder, make("opusparse", &[])?])
}

#[derive(Debug)]
enum H264 {
    X264,
    Openh264,
}

fn h264_encoder(wanted: VideoEncoder, exists: impl Fn(&str) -> bool) -> Result<H264, Failure> {
    match wanted {
        VideoEncoder::X264 | VideoEncoder::Auto if exists("x264enc") => Ok(H264::X264),
        VideoEncoder::Openh264 | VideoEncoder::Auto if exists("openh264enc") => Ok(H264::Openh264),
        VideoEncoder::Openh264 => Err(missing_plugin("H.264 with openh264", "gstreamer1.0-plugins-bad")),
        VideoEncoder::X264 => Err(missing_plugin("H.264 with x264", "gstreamer1.0-plugins-ugly")),
        VideoEncoder::Auto => Err(no_encoder()),
    }
}

fn scaled(width: u32, height: u32) -> Result<Vec<gst::Element>, Failure> {
    let filter = make("capsfilter", &[])?;
    filter.set_property(
        "caps",
        gst::Caps::builder("video/x-raw")
            .field("width", gst_number(width))
            .field("height", gst_number(height))
            .build(),
    );
    Ok(vec![make("videoscale", &[("add-borders", "false")])?, filter])
}

fn x264(bitrate_bps: u32, segment_frames: u64, every: u32) -> Result<Vec<gst::Element>, Failure> {
    let encoder = make(
        "x264enc",
        &[
            ("tune", "zerolatency"),
            ("speed-preset", "veryfast"),
            ("bitrate", &(bitrate_bps / 1000).to_string()),
            // Key frames come where segments begin and nowhere else.
            ("key-int-max", &segment_frames.to_string()),
            ("option-string", "scenecut=0:open-gop=0"),
            ("bframes", "0"),
            ("threads", if every == 1 { "2" } else { "1" }),
        ],
    )?;
    let profile = if every == 1 { "main" } else { "constrained-baseline" };
    let filter = make("capsfilter", &[("caps", &format!("video/x-h264,profile={profile}"))])?;
    Ok(vec![encoder, filter])
}

fn openh264(bitrate_bps: u32, segment_frames: u64) -> Result<Vec<gst::Element>, Failure> {
    let encoder = make(
        "openh264enc",
        &[
            ("bitrate", &bitrate_bps.to_string()),
            ("gop-size", &segment_frames.to_string()),
            ("complexity", "low"),
            ("scene-change-detection", "false"),
            ("rate-control", "bitrate"),
        ],
    )?;
    end_around(&encoder)?;
    let filter = make("capsfilter", &[("caps", "video/x-h264,profile=constrained-baseline")])?;
    Ok(vec![encoder, filter])
}

/// Leads the end of the stream around an encoder that holds no frame back. At the end, `openh264enc` asks the library for
/// frames with an empty picture, which the library calls an error on stderr.
fn end_around(encoder: &gst::Element) -> Result<(), Failure> {
    let (Some(sink), Some(source)) = (encoder.static_pad("sink"), encoder.static_pad("src")) else {
        return Err(internal("an encoder without pads"));
    };
    let installed = sink.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
        if !info.event().is_some_and(|event| event.type_() == gst::EventType::Eos) {
            return gst::PadProbeReturn::Ok;
        }
        if let Some(gst::PadProbeData::Event(end)) = info.data.take()
            && !source.push_event(end)
        {
            tracing::debug!("nobody takes the end of a track");
        }
        gst::PadProbeReturn::Handled
    });
    installed.map(|_| ()).ok_or_else(|| internal("an encoder's pad takes no probe"))
}

/// GStreamer's caps hold signed numbers.
fn gst_number(value: u32) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_refused(wanted: VideoEncoder, names: &[&str]) {
        let Err(refused) = h264_encoder(wanted, |_| false) else { panic!("nothing is installed") };
        for package in ["gstreamer1.0-plugins-ugly", "gstreamer1.0-plugins-bad"] {
            assert_eq!(refused.message.contains(package), names.contains(&package), "{}", refused.message);
        }
    }

    #[test]
    fn who_left_the_choice_open_is_told_of_both_encoders_and_their_licences() {
        check_refused(VideoEncoder::Auto, &["gstreamer1.0-plugins-ugly", "gstreamer1.0-plugins-bad"]);
        check_refused(VideoEncoder::X264, &["gstreamer1.0-plugins-ugly"]);
        check_refused(VideoEncoder::Openh264, &["gstreamer1.0-plugins-bad"]);
        assert!(matches!(h264_encoder(VideoEncoder::Auto, |name| name == "openh264enc"), Ok(H264::Openh264)));
    }
}
