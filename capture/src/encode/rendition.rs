//! Which renditions a run makes, and how each is coded.

use model::settings::{Encoding, ThinAudio, VideoEncoder};
use model::{Media, Timescale, TrackName};

use crate::grid::Grid;

/// Samples per second of everything that is encoded.
pub(crate) const SAMPLE_RATE_HZ: u32 = 48_000;

/// Pictures per second inside capture; every rendition has this rate or a whole fraction of it.
pub(crate) const FRAME_RATE_HZ: u32 = 30;

/// Width of the pictures inside capture, pixels.
pub(crate) const WIDTH: u32 = 1280;

/// Height of the pictures inside capture, pixels.
pub(crate) const HEIGHT: u32 = 720;

/// Ticks in which one video frame is counted, as `cmafmux` chooses its timescale (100 times the frame rate).
const VIDEO_FRAME_TICKS: u32 = 100;

/// Samples in an AAC-LC frame.
const AAC_FRAME: u32 = 1024;

/// Samples in an Opus frame of 20 ms.
const OPUS_FRAME: u32 = 960;

/// Rate of the Opus rendition, bit/s: speech stays easy to follow.
const OPUS_BPS: u32 = 24_000;

/// How a rendition is coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Coding {
    /// AAC-LC, stereo.
    Aac,
    /// Opus, mono.
    Opus,
    /// H.264 without reordering.
    H264 {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
        /// One of so many pictures is taken.
        every: u32,
        /// Which encoder.
        encoder: VideoEncoder,
    },
}

/// One rendition to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rendition {
    /// The track's name.
    pub(crate) name: TrackName,
    /// How it is coded.
    pub(crate) coding: Coding,
    /// Target rate, bit/s.
    pub(crate) bitrate_bps: u32,
    /// Where its frames lie.
    pub(crate) grid: Grid,
}

impl Rendition {
    /// Returns the audio renditions, AAC first.
    pub(crate) fn audio(encoding: &Encoding) -> Vec<Self> {
        let mut all = vec![Self::sound("audio", Coding::Aac, encoding.audio_bps, AAC_FRAME, encoding)];
        if encoding.thin_audio == ThinAudio::Opus {
            all.push(Self::sound("opus", Coding::Opus, OPUS_BPS, OPUS_FRAME, encoding));
        }
        all
    }

    /// Returns the video renditions, the best first.
    pub(crate) fn video(encoding: &Encoding) -> Vec<Self> {
        [("720p", WIDTH, HEIGHT, 1, encoding.video_720p_bps), ("270p", 480, 270, 2, encoding.video_270p_bps)]
            .into_iter()
            .filter(|(.., bitrate_bps)| *bitrate_bps > 0)
            .map(|(name, width, height, every, bitrate_bps)| Self {
                name: track_name(name),
                coding: Coding::H264 { width, height, every, encoder: encoding.video_encoder },
                bitrate_bps,
                grid: Grid::new(
                    timescale(VIDEO_FRAME_TICKS * FRAME_RATE_HZ / every),
                    VIDEO_FRAME_TICKS,
                    encoding.latency,
                ),
            })
            .collect()
    }

    /// Returns what the track carries.
    pub(crate) const fn media(&self) -> Media {
        match self.coding {
            Coding::Aac => Media::Audio { sample_rate_hz: SAMPLE_RATE_HZ, channels: 2 },
            Coding::Opus => Media::Audio { sample_rate_hz: SAMPLE_RATE_HZ, channels: 1 },
            Coding::H264 { width, height, every, .. } => {
                Media::Video { width, height, frame_rate_millihertz: FRAME_RATE_HZ * 1000 / every }
            }
        }
    }

    /// Returns the number of interleaved channels it takes in; 0 for pictures.
    pub(crate) const fn channels(&self) -> usize {
        match self.coding {
            Coding::Aac => 2,
            Coding::Opus => 1,
            Coding::H264 { .. } => 0,
        }
    }

    fn sound(name: &str, coding: Coding, bitrate_bps: u32, frame: u32, encoding: &Encoding) -> Self {
        let grid = Grid::new(timescale(SAMPLE_RATE_HZ), frame, encoding.latency);
        Self { name: track_name(name), coding, bitrate_bps, grid }
    }
}

#[expect(clippy::expect_used, reason = "the names are constants of this file and legal")]
fn track_name(name: &str) -> TrackName {
    name.parse().expect("a constant, legal track name")
}

#[expect(clippy::expect_used, reason = "the rates are constants of this file and not zero")]
fn timescale(ticks_per_second: u32) -> Timescale {
    Timescale::new(ticks_per_second).expect("a constant that is not zero")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(all: &[Rendition]) -> Vec<&str> {
        all.iter().map(|rendition| rendition.name.as_str()).collect()
    }

    #[test]
    fn a_rate_of_zero_leaves_a_rendition_out() {
        let all = Encoding::default();
        assert_eq!(names(&Rendition::video(&all)), ["720p", "270p"]);
        assert_eq!(names(&Rendition::video(&Encoding { video_720p_bps: 0, ..all })), ["270p"]);
        assert!(Rendition::video(&Encoding { video_720p_bps: 0, video_270p_bps: 0, ..all }).is_empty());
    }

    #[test]
    fn audio_is_always_made() {
        let all = Encoding::default();
        assert_eq!(names(&Rendition::audio(&all)), ["audio"]);
        assert_eq!(
            names(&Rendition::audio(&Encoding { thin_audio: ThinAudio::Opus, ..all })),
            ["audio", "opus"]
        );
    }
}
