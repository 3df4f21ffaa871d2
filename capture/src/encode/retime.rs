//! Puts every encoded frame on its grid place right before `cmafmux`, and cuts there.
//!
//! Sound is counted: packet n carries the samples from n frames on, minus the encoder's priming. Pictures are placed by
//! their time, because one may be missing.

use std::sync::Arc;

use gst::prelude::*;
use model::MediaTime;
use model::rational::rescale;
use model::wire::v1::Failure;

use super::chain::priming_samples;
use super::rendition::{Coding, Rendition};
use super::sink::Shared;
use crate::failure::internal;
use crate::grid::{Cut, Grid};

/// Watches the mux's sink pad.
pub(crate) fn install(
    mux: &gst::Element,
    rendition: &Rendition,
    origin: MediaTime,
    shared: &Arc<Shared>,
) -> Result<(), Failure> {
    let pad = mux.static_pad("sink").ok_or_else(|| internal("cmafmux has no sink pad"))?;
    let grid = rendition.grid;
    let mut placer = match rendition.coding {
        Coding::Aac | Coding::Opus => Placer::Counted(Counter::new(rendition, origin)),
        Coding::H264 { .. } => Placer::Timed { origin },
    };
    let shared = shared.clone();
    let state = std::sync::Mutex::new((
        move |pad: &gst::Pad, buffer: &mut gst::Buffer| placer.place(grid, pad, buffer),
        None,
    ));
    pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
        let Some(gst::PadProbeData::Buffer(buffer)) = &mut info.data else { return gst::PadProbeReturn::Ok };
        let Ok(mut state) = state.lock() else { return gst::PadProbeReturn::Ok };
        let (place, previous) = &mut *state;
        let Some(frame) = place(pad, buffer).filter(|frame| *frame < shared.end()) else {
            // Priming, or padding beyond the end. `Drop` would release the buffer twice here.
            info.data.take();
            return gst::PadProbeReturn::Handled;
        };
        if let Some(cut) = previous.and_then(|previous| grid.cut_between(previous, frame)) {
            split(pad, cut);
        }
        *previous = Some(frame);
        gst::PadProbeReturn::Ok
    });
    Ok(())
}

/// Tells `cmafmux` that the next frame begins a part or a segment.
fn split(pad: &gst::Pad, cut: Cut) {
    let event = gst::Structure::builder("FMP4MuxSplitNow").field("chunk", cut == Cut::Part).build();
    if !pad.send_event(gst::event::CustomDownstream::new(event)) {
        tracing::warn!(pad = %pad.path_string(), ?cut, "a cut was not taken");
    }
}

enum Placer {
    Counted(Counter),
    Timed { origin: MediaTime },
}

impl Placer {
    /// Returns the frame that `buffer` is; `None` when it lies before the origin.
    fn place(&mut self, grid: Grid, pad: &gst::Pad, buffer: &mut gst::Buffer) -> Option<u64> {
        match self {
            Self::Counted(counter) => counter.place(grid, buffer),
            Self::Timed { origin } => {
                let segment = pad.sticky_event::<gst::event::Segment>(0)?;
                let segment = segment.segment().downcast_ref::<gst::ClockTime>()?.clone();
                let running = segment.to_running_time(buffer.pts()?)?;
                let nanos = running.nseconds().saturating_sub(origin.as_nanos());
                let nanos_per_frame = 1_000_000_000 * u64::from(grid.frame_ticks());
                Some(rescale(nanos, u64::from(grid.timescale().per_second()), nanos_per_frame))
            }
        }
    }
}

struct Counter {
    origin: MediaTime,
    packets: u64,
    skip: u64,
}

impl Counter {
    fn new(rendition: &Rendition, origin: MediaTime) -> Self {
        // The encoder is fed so that its priming is a whole number of frames.
        let frame = rendition.grid.frame_ticks();
        let skip = u64::from(priming_samples(rendition.coding).div_ceil(frame));
        Self { origin, packets: 0, skip }
    }

    fn place(&mut self, grid: Grid, buffer: &mut gst::Buffer) -> Option<u64> {
        let frame = self.packets.checked_sub(self.skip);
        self.packets += 1;
        let frame = frame?;
        let at = grid.time(self.origin, frame);
        let length = grid.time(self.origin, frame + 1).since(at);
        let buffer = buffer.make_mut();
        buffer.set_pts(gst::ClockTime::from_nseconds(at.as_nanos()));
        buffer.set_dts(None);
        buffer.set_duration(gst::ClockTime::try_from(length).ok());
        Some(frame)
    }
}
