//! Encoders: raw media in, parts out.
//!
//! One pipeline per rendition, so that no rendition can stop another:
//! `appsrc ! encoder ! parser ! cmafmux manual-split=true ! appsink`. None is live: `cmafmux` then never times out and
//! never makes a runt part; cuts come from [`Grid`](crate::grid::Grid) alone. It must never know a clock.

pub(crate) mod assemble;
pub(crate) mod chain;
pub(crate) mod chunk;
pub(crate) mod init;
pub(crate) mod rendition;
mod retime;
mod sink;

use std::sync::Arc;
use std::time::Duration;

use gst::prelude::*;
use model::wire::v1::{Failure, Report};
use model::{MediaTime, RunNumber};

use self::rendition::{Coding, Rendition};
use self::sink::Shared;
use crate::failure::internal;
use crate::grid::Cut;
use crate::plugin::make;

pub(crate) use self::sink::Closings;

/// Raw sound that may wait for its encoder: enough for a slow moment, little enough to notice a stuck one.
const SOUND_WAITING_MAX: Duration = Duration::from_secs(2);

/// Raw pictures that may wait for their encoder: a third of a second, 14 MB.
const PICTURES_WAITING_MAX: u64 = 10;

/// How long an encoder may take to give out what it still holds.
const FLUSH_PATIENCE: Duration = Duration::from_secs(15);

/// Takes what an encoder reports, on the encoder's thread.
pub(crate) type Emit = Arc<dyn Fn(Report) + Send + Sync>;

/// What a rendition needs to know of its run.
#[derive(Clone)]
pub(crate) struct Place {
    /// The run.
    pub(crate) run: RunNumber,
    /// Media time of its first frame.
    pub(crate) origin: MediaTime,
    /// Where reports go.
    pub(crate) emit: Emit,
    /// Loudness of the segments, as far as it is measured.
    pub(crate) closings: Closings,
}

/// What happened to a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taken {
    /// It will be encoded.
    Yes,
    /// The encoder is behind; it was left out.
    Dropped,
}

/// The encoder of one rendition.
pub(crate) struct Encoder {
    rendition: Rendition,
    origin: MediaTime,
    pipeline: gst::Pipeline,
    source: gst_app::AppSrc,
    shared: Arc<Shared>,
    samples: u64,
}

impl Encoder {
    /// Builds and starts the encoder of `rendition`.
    pub(crate) fn new(rendition: Rendition, place: &Place) -> Result<Self, Failure> {
        let source = gst_app::AppSrc::builder()
            .caps(&chain::raw_caps(rendition.coding))
            .format(gst::Format::Time)
            .block(true)
            .max_bytes(0)
            .build();
        match rendition.coding {
            Coding::H264 { .. } => source.set_max_buffers(PICTURES_WAITING_MAX),
            Coding::Aac | Coding::Opus => {
                source.set_max_time(gst::ClockTime::try_from(SOUND_WAITING_MAX).ok());
            }
        }
        let shared = Arc::new(Shared::default());
        let mux = make("cmafmux", &[("manual-split", "true"), ("write-edts-mode", "never")])?;
        retime::install(&mux, &rendition, place.origin, &shared)?;
        let out = sink::build(&rendition, place, &shared);
        let pipeline = gst::Pipeline::builder().name(format!("encode-{}", rendition.name)).build();
        let mut elements = vec![source.clone().upcast::<gst::Element>()];
        elements.extend(chain::build(&rendition)?);
        elements.extend([mux, out.upcast()]);
        let mut encoder = Self { rendition, origin: place.origin, pipeline, source, shared, samples: 0 };
        encoder.start(&elements)?;
        encoder.silence(chain::lead_in_samples(&encoder.rendition));
        Ok(encoder)
    }

    fn start(&self, elements: &[gst::Element]) -> Result<(), Failure> {
        self.pipeline.add_many(elements).map_err(internal)?;
        gst::Element::link_many(elements).map_err(internal)?;
        let bus = self.pipeline.bus().ok_or_else(|| internal("a pipeline without a bus"))?;
        let shared = self.shared.clone();
        bus.set_sync_handler(move |_, message| {
            if let gst::MessageView::Error(error) = message.view() {
                shared.fail(internal(format_args!("{} ({:?})", error.error(), error.debug())));
            }
            gst::BusSyncReply::Drop
        });
        match self.pipeline.set_state(gst::State::Playing) {
            Ok(_) => Ok(()),
            Err(why) => Err(self.failure().unwrap_or_else(|| internal(why))),
        }
    }

    /// Returns the rendition.
    pub(crate) const fn rendition(&self) -> &Rendition {
        &self.rendition
    }

    /// Returns why the encoder stopped, if it did.
    pub(crate) fn failure(&self) -> Option<Failure> {
        self.shared.failure()
    }

    /// Encodes the next interleaved samples. Waits when the encoder is behind: sound is never left out.
    pub(crate) fn sound(&mut self, interleaved: &[f32]) {
        let bytes: Vec<u8> = interleaved.iter().flat_map(|value| value.to_le_bytes()).collect();
        let mut buffer = gst::Buffer::from_mut_slice(bytes);
        if let Some(buffer) = buffer.get_mut() {
            let timescale = self.rendition.grid.timescale();
            let at = model::Ticks(timescale.ticks(self.origin).0 + self.samples);
            buffer.set_pts(gst::ClockTime::from_nseconds(timescale.media_time(at).as_nanos()));
        }
        let samples = interleaved.len() / self.rendition.channels().max(1);
        self.samples += u64::try_from(samples).unwrap_or(0);
        self.push(buffer);
    }

    fn silence(&mut self, samples: u64) {
        let values = usize::try_from(samples).unwrap_or(0) * self.rendition.channels();
        if values > 0 {
            self.sound(&vec![0.0; values]);
        }
    }

    /// Encodes a picture as frame `frame` of the rendition's own grid. When the encoder is behind and `wait` is false,
    /// the picture is left out unless a part begins with it: the picture before a missing one lasts until the next, and
    /// must not last beyond its part (RFC 8216bis, 4.4.4.9).
    pub(crate) fn picture(&self, frame: u64, picture: &gst::Buffer, wait: bool) -> Taken {
        let grid = &self.rendition.grid;
        let cut = frame.checked_sub(1).and_then(|previous| grid.cut_between(previous, frame));
        let begins = frame == 0 || cut.is_some();
        if !wait && !begins && self.source.current_level_buffers() >= PICTURES_WAITING_MAX {
            return Taken::Dropped;
        }
        let at = grid.time(self.origin, frame);
        let pts = gst::ClockTime::from_nseconds(at.as_nanos());
        let mut picture = picture.clone();
        {
            // Shares the pixels; only the times are this rendition's own.
            let picture = picture.make_mut();
            picture.set_pts(pts);
            picture.set_dts(None);
            let length = grid.time(self.origin, frame + 1).since(at);
            picture.set_duration(gst::ClockTime::try_from(length).ok());
        }
        // The run's first picture is a key picture anyway; asked for it, the encoder would book the request an offset of
        // its own later and put off every request that follows.
        if cut == Some(Cut::Segment) {
            let key = gst_video::DownstreamForceKeyUnitEvent::builder().running_time(pts).build();
            if !self.source.send_event(key) {
                tracing::debug!(track = %self.rendition.name, frame, "key frame request was not taken");
            }
        }
        self.push(picture);
        Taken::Yes
    }

    fn push(&self, buffer: gst::Buffer) {
        if let Err(why) = self.source.push_buffer(buffer) {
            // The cause came over the bus, or is this one.
            self.shared.fail(internal(format_args!("encoder {} takes nothing ({why})", self.rendition.name)));
        }
    }

    /// Ends the track after `frames` frames of its grid: every part is reported when this returns.
    pub(crate) fn finish(mut self, frames: u64) -> Result<(), Failure> {
        self.shared.end_at(frames);
        if self.rendition.media().is_audio() {
            self.silence(chain::samples_needed(&self.rendition, frames).saturating_sub(self.samples));
        }
        if let Err(why) = self.source.end_of_stream() {
            self.shared.fail(internal(format_args!("encoder {} does not end ({why})", self.rendition.name)));
        }
        self.shared.wait(FLUSH_PATIENCE)
    }
}

impl Drop for Encoder {
    fn drop(&mut self) {
        if let Err(why) = self.pipeline.set_state(gst::State::Null) {
            tracing::warn!(track = %self.rendition.name, %why, "an encoder does not stop");
        }
    }
}
