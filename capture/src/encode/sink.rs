//! What comes out of a mux: the init segment once, then chunks, until the end of the stream.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use model::wire::v1::{Close, Failure, Report};
use model::{SegmentLoudness, SegmentNumber, Track};

use super::assemble::Assembler;
use super::rendition::Rendition;
use super::{Place, chunk, init};
use crate::failure::internal;

/// Segments whose loudness is kept: encoders lie at most one segment apart.
const CLOSINGS_MAX: usize = 4;

/// Loudness per segment, written when its last sample is measured and read when its last part is complete.
#[derive(Debug, Clone, Default)]
pub(crate) struct Closings(Arc<Mutex<BTreeMap<SegmentNumber, SegmentLoudness>>>);

impl Closings {
    /// Keeps the loudness of a segment.
    pub(crate) fn put(&self, number: SegmentNumber, loudness: SegmentLoudness) {
        let mut all = lock(&self.0);
        all.insert(number, loudness);
        while all.len() > CLOSINGS_MAX {
            all.pop_first();
        }
    }

    fn get(&self, number: SegmentNumber) -> Option<SegmentLoudness> {
        lock(&self.0).get(&number).copied()
    }
}

#[derive(Debug, Default)]
enum Stage {
    #[default]
    Running,
    Done,
    Failed(Failure),
}

/// What the encoder's threads and its owner share.
#[derive(Debug)]
pub(crate) struct Shared {
    end: AtomicU64,
    stage: Mutex<Stage>,
    changed: Condvar,
}

impl Default for Shared {
    fn default() -> Self {
        Self { end: AtomicU64::new(u64::MAX), stage: Mutex::default(), changed: Condvar::new() }
    }
}

impl Shared {
    /// Returns the number of frames in the run, `u64::MAX` while it is not known.
    pub(crate) fn end(&self) -> u64 {
        self.end.load(Ordering::SeqCst)
    }

    /// Says how many frames the run has. Must come before the end of the stream is sent.
    pub(crate) fn end_at(&self, frames: u64) {
        self.end.store(frames, Ordering::SeqCst);
    }

    /// Notes the first failure.
    pub(crate) fn fail(&self, why: Failure) {
        let mut stage = lock(&self.stage);
        if matches!(*stage, Stage::Running) {
            *stage = Stage::Failed(why);
            self.changed.notify_all();
        }
    }

    /// Returns the failure, if there is one.
    pub(crate) fn failure(&self) -> Option<Failure> {
        match &*lock(&self.stage) {
            Stage::Failed(why) => Some(why.clone()),
            Stage::Running | Stage::Done => None,
        }
    }

    fn done(&self) {
        let mut stage = lock(&self.stage);
        if matches!(*stage, Stage::Running) {
            *stage = Stage::Done;
            self.changed.notify_all();
        }
    }

    /// Waits until everything has come out.
    pub(crate) fn wait(&self, patience: Duration) -> Result<(), Failure> {
        let stage = lock(&self.stage);
        let (stage, _) = self
            .changed
            .wait_timeout_while(stage, patience, |stage| matches!(stage, Stage::Running))
            .unwrap_or_else(PoisonError::into_inner);
        match &*stage {
            Stage::Done => Ok(()),
            Stage::Failed(why) => Err(why.clone()),
            Stage::Running => Err(internal("an encoder does not give out its last frames")),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Every writer leaves the value whole, so a poisoned lock holds a good one.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Builds the sink of a rendition.
pub(crate) fn build(rendition: &Rendition, place: &Place, shared: &Arc<Shared>) -> gst_app::AppSink {
    let mut packer = Packer {
        rendition: rendition.clone(),
        place: place.clone(),
        assembler: Assembler::new(rendition.name.clone(), place.run, place.origin, rendition.grid),
        known: false,
    };
    let (at_sample, at_end) = (shared.clone(), shared.clone());
    let callbacks = gst_app::AppSinkCallbacks::builder()
        .new_sample(move |sink| {
            let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
            let Some(list) = sample.buffer_list_owned() else { return Ok(gst::FlowSuccess::Ok) };
            packer.take(list, at_sample.end()).map_err(|why| {
                at_sample.fail(internal(why));
                gst::FlowError::Error
            })?;
            Ok(gst::FlowSuccess::Ok)
        })
        .eos(move |_| at_end.done())
        .build();
    // Lists hold one chunk each; without `buffer_list` they would be split.
    gst_app::AppSink::builder().buffer_list(true).sync(false).async_(false).callbacks(callbacks).build()
}

struct Packer {
    rendition: Rendition,
    place: Place,
    assembler: Assembler,
    known: bool,
}

impl Packer {
    /// Reports one buffer list: an init segment, a chunk, or the first followed by the second.
    fn take(&mut self, mut list: gst::BufferList, frames_total: u64) -> Result<(), chunk::Error> {
        let is_init = |buffer: &gst::BufferRef| {
            buffer.flags().contains(gst::BufferFlags::DISCONT | gst::BufferFlags::HEADER)
        };
        if list.get(0).is_some_and(is_init) {
            if !self.known
                && let Some(init) = list.get(0)
            {
                let init = init::tidied(bytes_of([init].into_iter()).into()).into();
                (self.place.emit)(self.track(init));
                self.known = true;
            }
            list.make_mut().remove(0..1);
        }
        let media = bytes_of(list.iter());
        if media.is_empty() {
            return Ok(());
        }
        let chunk = chunk::read(&media)?;
        let close = |number| Close {
            loudness: self.rendition.media().is_audio().then(|| self.place.closings.get(number)).flatten(),
        };
        let part = self.assembler.part(chunk, media, frames_total, close);
        (self.place.emit)(Report::Part(part));
        Ok(())
    }

    fn track(&self, init: Bytes) -> Report {
        let rendition = &self.rendition;
        let track = Track {
            name: rendition.name.clone(),
            media: rendition.media(),
            codec: init::name(&init).unwrap_or_default(),
            timescale: rendition.grid.timescale(),
            bitrate_bps: rendition.bitrate_bps,
            part_ticks_max: rendition.grid.part_ticks_max(),
            segment_ticks_max: rendition.grid.segment_ticks_max(),
        };
        Report::Track { run: self.place.run, track, init }
    }
}

fn bytes_of<'a>(buffers: impl Iterator<Item = &'a gst::BufferRef>) -> Bytes {
    let mut all = BytesMut::new();
    for buffer in buffers {
        if let Ok(map) = buffer.map_readable() {
            all.extend_from_slice(&map);
        }
    }
    all.freeze()
}
