//! A camera on V4L2 or RTSP: pictures as they come, placed by when they were taken.
//!
//! A camera that is lost is opened again and again; the run shows its last picture meanwhile.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gst::prelude::*;
use model::wire::v1::{Failure, FailureKind, SourceState};

use super::{Length, Outlet, Roles, Source, Timebase};
use crate::encode::chain::picture_caps;
use crate::failure::{failure, internal};
use crate::inbox::{Picture, Put};
use crate::plugin::make;

/// How long a camera may take to show its first picture: network cameras wait for a key frame.
const OPEN_PATIENCE: Duration = Duration::from_secs(10);

/// How long a camera may show nothing before it counts as lost.
const LOST_AFTER: u32 = 20;

/// One look for the next picture.
const LOOK: gst::ClockTime = gst::ClockTime::from_mseconds(100);

/// How often a lost camera is tried again.
const RETRY_EVERY: Duration = Duration::from_secs(2);

/// Pictures that may wait between camera and run; older ones make room.
const WAITING_MAX: u32 = 2;

/// An open camera.
pub(crate) struct Camera {
    name: String,
    uri: String,
    feed: Option<Feed>,
}

impl Camera {
    /// Opens a V4L2 device.
    pub(crate) fn open_device(device: &Path, wanted: Roles) -> Result<Self, Failure> {
        if !device.exists() {
            return Err(failure(
                FailureKind::UnknownSource,
                format!(
                    "there is no camera {}; plug it in, `lectern sources` lists what is connected",
                    device.display()
                ),
            ));
        }
        Self::open(device.display().to_string(), format!("v4l2://{}", device.display()), wanted)
    }

    /// Opens a network camera.
    pub(crate) fn open_url(url: &str, wanted: Roles) -> Result<Self, Failure> {
        Self::open(without_password(url), url.to_owned(), wanted)
    }

    fn open(name: String, uri: String, wanted: Roles) -> Result<Self, Failure> {
        let feed = if wanted.picture { Some(Feed::open(&name, &uri)?) } else { None };
        Ok(Self { name, uri, feed })
    }
}

impl Source for Camera {
    fn roles(&self) -> Roles {
        Roles { sound: false, picture: self.feed.is_some() }
    }

    fn length(&self) -> Length {
        Length::Endless
    }

    fn run(self: Box<Self>, outlet: &Outlet, time: &Timebase) {
        let Self { name, uri, mut feed } = *self;
        loop {
            if let Some(feed) = feed.take() {
                let Some(why) = feed.watch(outlet, time) else { return };
                tracing::warn!(camera = name, why, "camera lost");
                let why = format!("the camera {name} shows nothing ({why}); check its cable and power");
                outlet.state(SourceState::Lost { why });
            }
            if outlet.wait_over(RETRY_EVERY) {
                return;
            }
            match Feed::open(&name, &uri) {
                Ok(open) => {
                    outlet.state(SourceState::Delivering);
                    feed = Some(open);
                }
                Err(why) => tracing::debug!(camera = name, why = why.message, "camera is still lost"),
            }
        }
    }
}

/// The pipeline of a camera that shows pictures.
struct Feed {
    pipeline: gst::Pipeline,
    sink: gst_app::AppSink,
    bus: gst::Bus,
}

impl Feed {
    fn open(name: &str, uri: &str) -> Result<Self, Failure> {
        let pipeline = gst::Pipeline::new();
        let decode = make("uridecodebin", &[("uri", uri)])?;
        let mut caps = picture_caps(0);
        if let Some(structure) = caps.make_mut().structure_mut(0) {
            structure.remove_fields(["framerate", "interlace-mode"]);
        }
        let sink =
            gst_app::AppSink::builder().caps(&caps).sync(false).max_buffers(WAITING_MAX).drop(true).build();
        let chain = [
            make("queue", &[])?,
            make("videoconvert", &[])?,
            make("videoscale", &[("add-borders", "true")])?,
            sink.clone().upcast(),
        ];
        pipeline.add(&decode).map_err(internal)?;
        pipeline.add_many(&chain).map_err(internal)?;
        gst::Element::link_many(&chain).map_err(internal)?;
        let entry = Arc::new(Mutex::new(chain.first().and_then(|queue| queue.static_pad("sink"))));
        decode.connect_pad_added(move |_, pad| {
            let caps = pad.current_caps().unwrap_or_else(|| pad.query_caps(None));
            let kind = caps.structure(0).map(|structure| structure.name().as_str()).unwrap_or_default();
            let is_picture = kind == "video/x-raw";
            if kind == "audio/x-raw" {
                tracing::warn!(
                    "a camera's own sound is not captured; name a microphone with another --input"
                );
            }
            let mut entry = entry.lock().unwrap_or_else(PoisonError::into_inner);
            if is_picture
                && let Some(entry) = entry.take()
                && let Err(why) = pad.link(&entry)
            {
                tracing::warn!(%why, "a camera's picture does not fit");
            }
        });
        let bus = pipeline.bus().ok_or_else(|| internal("a pipeline without a bus"))?;
        let feed = Self { pipeline, sink, bus };
        feed.start(name)?;
        Ok(feed)
    }

    /// Waits for the first picture.
    fn start(&self, name: &str) -> Result<(), Failure> {
        let refuse = |why: &str| {
            let busy = why.contains("busy");
            let kind = if busy { FailureKind::Busy } else { FailureKind::WrongFormat };
            let fix =
                if busy { "close the program that uses it" } else { "check its address, cable and power" };
            failure(
                kind,
                format!("the camera {name} shows no picture ({}); {fix}", why.trim_end_matches('.')),
            )
        };
        if self.pipeline.set_state(gst::State::Playing).is_err() {
            return Err(refuse(&self.error().unwrap_or_else(|| "it cannot be opened".to_owned())));
        }
        let looks = OPEN_PATIENCE.as_millis() / u128::from(LOOK.mseconds());
        for _ in 0..looks {
            if self.sink.try_pull_sample(LOOK).is_some() {
                return Ok(());
            }
            if let Some(why) = self.error() {
                return Err(refuse(&why));
            }
        }
        Err(refuse("nothing within 10 seconds"))
    }

    fn error(&self) -> Option<String> {
        let message = self.bus.pop_filtered(&[gst::MessageType::Error])?;
        match message.view() {
            gst::MessageView::Error(error) => Some(error.error().message().to_owned()),
            _ => None,
        }
    }

    /// Hands pictures on until the run is over (`None`) or the camera is lost (why).
    fn watch(&self, outlet: &Outlet, time: &Timebase) -> Option<String> {
        let mut nothing = 0;
        loop {
            if outlet.is_over() {
                return None;
            }
            if let Some(sample) = self.sink.try_pull_sample(LOOK) {
                nothing = 0;
                let Some(buffer) = sample.buffer_owned() else { continue };
                let at = time.elapsed().saturating_sub(self.age(&sample));
                if outlet.picture(Picture { at, buffer }) == Put::Over {
                    return None;
                }
            } else {
                nothing += 1;
                if let Some(why) = self.error() {
                    return Some(why);
                }
                if nothing >= LOST_AFTER || self.sink.is_eos() {
                    return Some("no picture for two seconds".to_owned());
                }
            }
        }
    }

    /// Returns how long ago a picture was taken.
    fn age(&self, sample: &gst::Sample) -> Duration {
        let taken = sample.segment().and_then(|segment| {
            let segment = segment.downcast_ref::<gst::ClockTime>()?;
            segment.to_running_time(sample.buffer()?.pts()?)
        });
        let now = self.pipeline.current_running_time();
        now.zip(taken).map_or(Duration::ZERO, |(now, taken)| now.saturating_sub(taken).into())
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        if let Err(why) = self.pipeline.set_state(gst::State::Null) {
            tracing::warn!(%why, "a camera does not close");
        }
    }
}

/// Returns an address without the password that may stand in it.
fn without_password(url: &str) -> String {
    match url.split_once("://").and_then(|(scheme, rest)| Some((scheme, rest.rsplit_once('@')?.1))) {
        Some((scheme, host)) => format!("{scheme}://{host}"),
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use model::wire::v1::Pace;
    use model::{Clock, Input, ManualClock, WallTime};

    use super::*;
    use crate::encode::rendition::{HEIGHT, WIDTH};
    use crate::inbox::{Inbox, Item, Limits, Note};

    #[test]
    fn a_password_is_never_shown() {
        assert_eq!(without_password("rtsp://admin:p@ss@10.0.0.9/main"), "rtsp://10.0.0.9/main");
        assert_eq!(without_password("rtsp://10.0.0.9/main"), "rtsp://10.0.0.9/main");
    }

    /// Runs a camera on GStreamer's test source until `enough`, and returns what it delivered.
    fn watch(uri: &str, enough: impl Fn(&Item) -> bool) {
        crate::plugin::init().unwrap();
        let camera = Camera::open("test".to_owned(), uri.to_owned(), Roles::ALL).unwrap();
        assert_eq!(camera.roles(), Roles { sound: false, picture: true });
        let inbox = Arc::new(Inbox::default());
        let input = Input::Camera { device: "test".into() };
        let outlet = Outlet::new(inbox.clone(), input, Pace::RealTime);
        let clock = Arc::new(ManualClock::new(WallTime::from_unix_ms(0)));
        let time = Timebase { start: clock.monotonic(), clock, pace: Pace::RealTime };
        let thread = std::thread::spawn(move || Box::new(camera).run(&outlet, &time));
        while !enough(&inbox.take(Duration::from_secs(10), Limits::default())) {}
        inbox.stop();
        thread.join().unwrap();
    }

    #[test]
    fn a_cameras_pictures_come_in_the_format_inside_capture() {
        watch("testbin://video,pattern=ball,is-live=true", |item| {
            let Item::Picture(picture) = item else { panic!("a picture within ten seconds: {item:?}") };
            picture.buffer.size() == usize::try_from(WIDTH * HEIGHT * 3 / 2).unwrap()
        });
    }

    #[test]
    fn a_camera_that_ends_is_said_to_be_lost() {
        watch("testbin://video,num-buffers=20", |item| match item {
            Item::Note(Note::State(_, SourceState::Lost { why })) => why.contains("check its cable"),
            Item::Nothing => panic!("a note within ten seconds"),
            _ => false,
        });
    }

    #[test]
    fn a_missing_camera_says_what_to_do() {
        let failure = Camera::open_device(Path::new("/dev/video99"), Roles::ALL).err().unwrap();
        assert_eq!(failure.kind, FailureKind::UnknownSource);
        assert!(failure.message.contains("plug it in"), "{}", failure.message);
    }
}
