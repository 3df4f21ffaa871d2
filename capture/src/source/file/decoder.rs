//! Decodes a file into stereo sound at 48 kHz and pictures in the format inside capture.
//!
//! The file may be anything: what cannot be decoded becomes a sentence, within a bounded time. It keeps no pace.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gst::prelude::*;
use model::wire::v1::Failure;

use super::super::fold::Fold;
use super::super::{Roles, sample_at};
use crate::encode::chain::picture_caps;
use crate::encode::rendition::SAMPLE_RATE_HZ;
use crate::failure::{empty_file, internal, no_such_file, not_a_file, not_media, unreadable_file};
use crate::plugin::{exists, make};

/// How long a file may take to show its first frames: a large one on a slow card needs two seconds.
const OPEN_PATIENCE: gst::ClockTime = gst::ClockTime::from_seconds(10);

/// How long a stream may give nothing before the file counts as stuck.
const STUCK: u32 = 100;

/// One look for the next sample.
const LOOK: gst::ClockTime = gst::ClockTime::from_mseconds(100);

/// Decoded buffers that may wait in each stream.
const SOUND_WAITING_MAX: u32 = 32;
const PICTURES_WAITING_MAX: u32 = 3;

/// Sound that is off its place by less than this is taken as it comes: files round their times.
const SPLICE_SAMPLES: u64 = SAMPLE_RATE_HZ as u64 / 25;

/// Largest picture that is decoded: 8K. More is a mistake or an attack.
const PIXELS_MAX: i64 = 7680 * 4320;

/// Sample rates that make sense, Hz.
const RATES_HZ: std::ops::RangeInclusive<i32> = 4000..=768_000;

/// A file that is being decoded.
pub(crate) struct Decoder {
    pipeline: gst::Pipeline,
    sound: Option<Stream>,
    picture: Option<Stream>,
}

/// One of its streams.
pub(crate) struct Stream {
    sink: gst_app::AppSink,
    bus: gst::Bus,
    path: PathBuf,
    fold: Option<(gst::Caps, Fold)>,
    next_sample: Option<u64>,
}

/// What was found while the file was opened.
#[derive(Default)]
struct Found {
    sound: Option<gst_app::AppSink>,
    picture: Option<gst_app::AppSink>,
    failure: Option<Failure>,
}

impl Decoder {
    /// Opens a file and decodes its first frames.
    pub(crate) fn open(path: &Path, wanted: Roles) -> Result<Self, Failure> {
        let path = check(path)?;
        let uri = gst::glib::filename_to_uri(&path, None).map_err(internal)?;
        let pipeline = gst::Pipeline::new();
        let found = Arc::new(Mutex::new(Found::default()));
        let decode = make("uridecodebin", &[("uri", &uri)])?;
        decode.connect_pad_added({
            let (found, weak, path) = (found.clone(), pipeline.downgrade(), path.clone());
            move |_, pad| {
                let Some(pipeline) = weak.upgrade() else { return };
                let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
                if let Err(why) = found.attach(&pipeline, pad, wanted, &path) {
                    found.failure.get_or_insert(why);
                }
            }
        });
        pipeline.add(&decode).map_err(internal)?;
        let mut decoder = Self { pipeline, sound: None, picture: None };
        decoder.preroll(&path)?;
        let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(why) = found.failure.take() {
            return Err(why);
        }
        let bus = decoder.bus()?;
        let stream =
            |sink| Stream { sink, bus: bus.clone(), path: path.clone(), fold: None, next_sample: None };
        decoder.sound = found.sound.take().map(stream);
        decoder.picture = found.picture.take().map(stream);
        decoder.pipeline.set_state(gst::State::Playing).map_err(internal)?;
        Ok(decoder)
    }

    /// Returns what the file gives.
    pub(crate) const fn roles(&self) -> Roles {
        Roles { sound: self.sound.is_some(), picture: self.picture.is_some() }
    }

    /// Returns sound and picture.
    pub(crate) const fn streams(&mut self) -> (Option<&mut Stream>, Option<&mut Stream>) {
        (self.sound.as_mut(), self.picture.as_mut())
    }

    fn bus(&self) -> Result<gst::Bus, Failure> {
        self.pipeline.bus().ok_or_else(|| internal("a pipeline without a bus"))
    }

    /// Waits until every stream shows its first frame.
    fn preroll(&self, path: &Path) -> Result<(), Failure> {
        let bus = self.bus()?;
        if self.pipeline.set_state(gst::State::Paused).is_err() {
            return Err(error_on(&bus, path).unwrap_or_else(|| not_media(path, "it cannot be opened")));
        }
        let kinds = [gst::MessageType::AsyncDone, gst::MessageType::Error];
        match bus.timed_pop_filtered(OPEN_PATIENCE, &kinds).as_deref().map(gst::MessageRef::view) {
            Some(gst::MessageView::Error(error)) => Err(of_error(error, path)),
            Some(_) => Ok(()),
            None => Err(not_media(path, "it shows nothing within 10 seconds")),
        }
    }
}

impl Drop for Decoder {
    fn drop(&mut self) {
        if let Err(why) = self.pipeline.set_state(gst::State::Null) {
            tracing::warn!(%why, "a file does not close");
        }
    }
}

/// Checks what the file system says; returns the absolute path.
fn check(path: &Path) -> Result<PathBuf, Failure> {
    let absolute = std::path::absolute(path).map_err(|why| unreadable_file(path, &why))?;
    match std::fs::metadata(&absolute) {
        Err(why) if why.kind() == std::io::ErrorKind::NotFound => return Err(no_such_file(path)),
        Err(why) => return Err(unreadable_file(path, &why)),
        Ok(meta) if !meta.is_file() => return Err(not_a_file(path)),
        Ok(meta) if meta.len() == 0 => return Err(empty_file(path)),
        Ok(_) => {}
    }
    std::fs::File::open(&absolute).map_err(|why| unreadable_file(path, &why))?;
    Ok(absolute)
}

impl Found {
    /// Gives a decoded pad its converter and sink, or a sink that throws everything away.
    fn attach(
        &mut self,
        pipeline: &gst::Pipeline,
        pad: &gst::Pad,
        wanted: Roles,
        path: &Path,
    ) -> Result<(), Failure> {
        let caps = pad.current_caps().unwrap_or_else(|| pad.query_caps(None));
        let kind = caps.structure(0).map(|structure| structure.name().as_str()).unwrap_or_default();
        match kind {
            "audio/x-raw" if wanted.sound && self.sound.is_none() => {
                check_rate(&caps, path)?;
                let caps = gst::Caps::builder("audio/x-raw")
                    .field("format", "F32LE")
                    .field("layout", "interleaved")
                    .field("rate", i32::try_from(SAMPLE_RATE_HZ).unwrap_or(i32::MAX))
                    .build();
                let sink = app_sink(&caps, SOUND_WAITING_MAX);
                // Quality 10: 0.2 % of a core more, and 997 Hz stays 997 Hz from any rate.
                let chain = [make("audioconvert", &[])?, make("audioresample", &[("quality", "10")])?];
                link(pipeline, pad, &chain, sink.upcast_ref())?;
                self.sound = Some(sink);
            }
            "video/x-raw" if wanted.picture && self.picture.is_none() => {
                check_size(&caps, path)?;
                let mut wanted_caps = picture_caps(0);
                if let Some(structure) = wanted_caps.make_mut().structure_mut(0) {
                    structure.remove_fields(["framerate", "interlace-mode"]);
                }
                let sink = app_sink(&wanted_caps, PICTURES_WAITING_MAX);
                let mut chain = Vec::new();
                for (element, properties) in
                    [("deinterlace", [("mode", "auto")]), ("videoflip", [("video-direction", "auto")])]
                {
                    if exists(element) {
                        chain.push(make(element, &properties)?);
                    }
                }
                chain.push(make("videoconvert", &[])?);
                chain.push(make("videoscale", &[("add-borders", "true")])?);
                link(pipeline, pad, &chain, sink.upcast_ref())?;
                self.picture = Some(sink);
            }
            _ => link(pipeline, pad, &[], &make("fakesink", &[("sync", "false"), ("async", "false")])?)?,
        }
        Ok(())
    }
}

fn app_sink(caps: &gst::Caps, waiting_max: u32) -> gst_app::AppSink {
    gst_app::AppSink::builder().caps(caps).sync(false).max_buffers(waiting_max).build()
}

fn link(
    pipeline: &gst::Pipeline,
    pad: &gst::Pad,
    chain: &[gst::Element],
    sink: &gst::Element,
) -> Result<(), Failure> {
    let mut elements = vec![make("queue", &[])?];
    elements.extend(chain.iter().cloned());
    elements.push(sink.clone());
    pipeline.add_many(&elements).map_err(internal)?;
    gst::Element::link_many(&elements).map_err(internal)?;
    let first = elements.first().and_then(|element| element.static_pad("sink"));
    pad.link(&first.ok_or_else(|| internal("a queue without a sink pad"))?).map_err(internal)?;
    elements.iter().rev().try_for_each(gst::Element::sync_state_with_parent).map_err(internal)
}

fn check_rate(caps: &gst::CapsRef, path: &Path) -> Result<(), Failure> {
    let rate = caps.structure(0).and_then(|structure| structure.get::<i32>("rate").ok());
    match rate {
        Some(rate) if !RATES_HZ.contains(&rate) => {
            Err(not_media(path, &format!("its sample rate of {rate} Hz is not that of a recording")))
        }
        _ => Ok(()),
    }
}

fn check_size(caps: &gst::CapsRef, path: &Path) -> Result<(), Failure> {
    let field = |name| caps.structure(0).and_then(|structure| structure.get::<i32>(name).ok());
    match (field("width"), field("height")) {
        (Some(width), Some(height)) if i64::from(width) * i64::from(height) > PIXELS_MAX => {
            Err(not_media(path, &format!("its picture of {width}x{height} is larger than 7680x4320")))
        }
        _ => Ok(()),
    }
}

fn error_on(bus: &gst::Bus, path: &Path) -> Option<Failure> {
    let message = bus.pop_filtered(&[gst::MessageType::Error])?;
    match message.view() {
        gst::MessageView::Error(error) => Some(of_error(error, path)),
        _ => None,
    }
}

fn of_error(error: &gst::message::Error, path: &Path) -> Failure {
    let why = error.error();
    if why.matches(gst::CoreError::MissingPlugin) || why.matches(gst::StreamError::CodecNotFound) {
        return crate::failure::missing_plugin(
            &path.display().to_string(),
            "gstreamer1.0-libav gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly",
        );
    }
    not_media(path, why.message().trim_end_matches('.'))
}

impl Stream {
    /// Returns the next sound and the sample at which it begins; `None` at the end or when `is_over` says so.
    pub(crate) fn next_sound(
        &mut self,
        is_over: impl Fn() -> bool,
    ) -> Result<Option<(u64, Vec<f32>)>, Failure> {
        loop {
            let Some(sample) = self.next(&is_over)? else { return Ok(None) };
            let (Some(caps), Some(buffer)) = (sample.caps(), sample.buffer()) else { continue };
            let map = buffer.map_readable().map_err(internal)?;
            let mut stereo = self.fold(caps)?.bytes(&map);
            let at = self.splice(running_time(&sample).map(sample_at), &mut stereo);
            if !stereo.is_empty() {
                return Ok(Some((at, stereo)));
            }
        }
    }

    /// Returns the next picture, its time and its length; `None` at the end or when `is_over` says so.
    pub(crate) fn next_picture(
        &self,
        is_over: impl Fn() -> bool,
    ) -> Result<Option<(Duration, Duration, gst::Buffer)>, Failure> {
        loop {
            let Some(sample) = self.next(&is_over)? else { return Ok(None) };
            let (Some(at), Some(buffer)) = (running_time(&sample), sample.buffer_owned()) else { continue };
            let length = buffer.duration().map_or(Duration::ZERO, Duration::from);
            return Ok(Some((at, length, buffer)));
        }
    }

    fn next(&self, is_over: &impl Fn() -> bool) -> Result<Option<gst::Sample>, Failure> {
        for _ in 0..STUCK {
            if let Some(sample) = self.sink.try_pull_sample(LOOK) {
                return Ok(Some(sample));
            }
            if let Some(why) = error_on(&self.bus, &self.path) {
                return Err(why);
            }
            if self.sink.is_eos() || is_over() {
                return Ok(None);
            }
        }
        Err(not_media(&self.path, "it gives nothing for 10 seconds"))
    }

    fn fold(&mut self, caps: &gst::CapsRef) -> Result<&Fold, Failure> {
        if self.fold.as_ref().is_none_or(|(known, _)| known.as_ref() != caps) {
            let info = gst_audio::AudioInfo::from_caps(caps).map_err(internal)?;
            let channels = usize::try_from(info.channels()).unwrap_or(0);
            self.fold = Some((caps.to_owned(), Fold::new(channels, info.positions())));
        }
        self.fold.as_ref().map(|(_, fold)| fold).ok_or_else(|| internal("sound without a format"))
    }

    /// Puts sound in its place: contiguous with what came before, unless the file says that it is somewhere else.
    /// What overlaps is cut off.
    fn splice(&mut self, claimed: Option<u64>, stereo: &mut Vec<f32>) -> u64 {
        let at = match (self.next_sample, claimed) {
            (None, claimed) => claimed.unwrap_or(0),
            (Some(next), Some(claimed)) if claimed.abs_diff(next) > SPLICE_SAMPLES => claimed,
            (Some(next), _) => next,
        };
        let begin = self.next_sample.unwrap_or(0).max(at);
        let overlap = usize::try_from(begin - at).unwrap_or(usize::MAX).saturating_mul(2).min(stereo.len());
        stereo.drain(..overlap);
        self.next_sample = Some(begin + u64::try_from(stereo.len() / 2).unwrap_or(0));
        begin
    }
}

/// Returns the time of a sample in its file.
fn running_time(sample: &gst::Sample) -> Option<Duration> {
    let segment = sample.segment()?.downcast_ref::<gst::ClockTime>()?;
    segment.to_running_time(sample.buffer()?.pts()?).map(Duration::from)
}
