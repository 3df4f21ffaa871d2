//! What is connected: for `lectern sources`.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use cpal::traits::DeviceTrait;
use gst::prelude::*;
use model::{Clock, Input};
use serde::Serialize;

use crate::plugin;
use crate::source::device::stream::{Stream, config, devices};

/// How long a device is listened to for a level reading.
const LISTEN: Duration = Duration::from_millis(300);

/// How long a device may take to say everything that is asked of it. A sound server that hangs never does.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// How long to wait for a device's first sound.
const FIRST_SOUND: Duration = Duration::from_secs(2);

/// Formats listed for one camera; some list hundreds.
const FORMATS_MAX: usize = 12;

/// How thoroughly sources are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Probe {
    /// Names and formats; no device is opened for listening.
    Formats,
    /// A level reading as well: each sound device is listened to for 300 ms.
    Levels,
}

/// Something that can be named with `--input`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SourceInfo {
    /// Its stable id, as `--input` takes it.
    pub input: Input,
    /// What its maker calls it.
    pub name: String,
    /// What it gives, in words.
    pub formats: Vec<String>,
    /// Sample peak over 300 ms, dBFS; `None` for digital silence, and where nothing was listened to.
    pub peak_dbfs: Option<f32>,
    /// Why it cannot be used, with the fix; `None` when it can.
    pub problem: Option<String>,
}

/// Lists sound devices and cameras. Plugins of ALSA that are no devices are left out.
pub fn sources(probe: Probe, clock: &Arc<dyn Clock>) -> Vec<SourceInfo> {
    let mut all = sounds(probe, clock);
    all.extend(cameras(Path::new("/dev")).into_iter().map(camera));
    all
}

/// Asks the sound devices one after the other: some share their hardware, and asked together they would be busy.
fn sounds(probe: Probe, clock: &Arc<dyn Clock>) -> Vec<SourceInfo> {
    // Some configurations ask a sound server which devices there are.
    let Some(devices) = answer("devices", devices) else { return vec![silent("default", String::new())] };
    let ask = |(id, device): (String, cpal::Device)| {
        let name = name_of(&id, &device);
        let clock = clock.clone();
        let asked = id.clone();
        answer(&id, move || sound(asked, &device, probe, &clock)).unwrap_or_else(|| Some(silent(&id, name)))
    };
    devices.into_iter().filter_map(ask).collect()
}

/// Returns what `question` says, if it says so in time. It runs on a thread of its own, which is left behind when it hangs:
/// nothing ends a thread that waits inside a driver.
fn answer<T: Send + 'static>(about: &str, question: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let (said, answer) = sync_channel(1);
    let thread = std::thread::Builder::new().name("source-probe".to_owned());
    let asked = thread.spawn(move || {
        if said.send(question()).is_err() {
            tracing::debug!("a sound device answered too late");
        }
    });
    if let Err(why) = asked {
        tracing::error!(%why, about, "a sound device cannot be asked");
        return None;
    }
    answer.recv_timeout(ANSWER_WITHIN).ok()
}

fn silent(id: &str, name: String) -> SourceInfo {
    let problem = format!(
        "it does not answer within {} seconds; start its sound server again, or plug it out and in",
        ANSWER_WITHIN.as_secs()
    );
    SourceInfo {
        input: Input::Audio { id: id.to_owned() },
        name,
        formats: Vec::new(),
        peak_dbfs: None,
        problem: Some(problem),
    }
}

fn name_of(id: &str, device: &cpal::Device) -> String {
    device.description().map_or_else(|_| id.to_owned(), |description| description.name().to_owned())
}

fn sound(id: String, device: &cpal::Device, probe: Probe, clock: &Arc<dyn Clock>) -> Option<SourceInfo> {
    // A PCM without a default format is machinery, or a device that is not there.
    let default = device.default_input_config().ok()?;
    let mut info = SourceInfo {
        input: Input::Audio { id: id.clone() },
        name: name_of(&id, device),
        formats: vec![format!(
            "{} Hz, {} channels, {}",
            default.sample_rate(),
            default.channels(),
            default.sample_format()
        )],
        peak_dbfs: None,
        problem: None,
    };
    match config(device) {
        Ok(Some(config)) => {
            let (rate_hz, channels) = (config.sample_rate(), config.channels());
            info.formats = vec![format!("{rate_hz} Hz, {channels} channels, {}", config.sample_format())];
        }
        Ok(None) => {
            info.problem =
                Some("it gives no sound of 8 to 192 kHz; use `plughw:` instead of `hw:`".to_owned());
        }
        Err(why) => info.problem = Some(format!("it does not say what it gives ({why}); plug it in again")),
    }
    if probe == Probe::Levels && info.problem.is_none() {
        match listen(&id, clock) {
            Ok(peak_dbfs) => info.peak_dbfs = peak_dbfs,
            Err(problem) => info.problem = Some(problem),
        }
    }
    Some(info)
}

fn listen(id: &str, clock: &Arc<dyn Clock>) -> Result<Option<f32>, String> {
    let stream = Stream::open(id, clock).map_err(|why| why.message)?;
    let mut peak = 0.0_f32;
    let mut heard = Duration::ZERO;
    let outcome = loop {
        let Ok(burst) = stream.bursts.recv_timeout(FIRST_SOUND) else {
            break Err(
                "it delivers nothing; plug it in again, and close other programs that use it".to_owned()
            );
        };
        peak = burst.stereo.iter().fold(peak, |peak, value| peak.max(value.abs()));
        heard += crate::source::sample_time(u64::try_from(burst.stereo.len() / 2).unwrap_or(0));
        if heard >= LISTEN {
            break Ok((peak > 0.0).then(|| 20.0 * peak.log10()));
        }
    };
    stream.throw_away();
    outcome
}

/// Returns the camera nodes, in the order of their numbers.
fn cameras(dev: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(dev) else { return Vec::new() };
    let number = |path: &Path| path.file_name()?.to_str()?.strip_prefix("video")?.parse::<u32>().ok();
    let mut found: Vec<(u32, PathBuf)> = entries
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter_map(|path| Some((number(&path)?, path)))
        .collect();
    found.sort_unstable();
    found.into_iter().map(|(_, path)| path).collect()
}

fn camera(device: PathBuf) -> SourceInfo {
    let node = device.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let name = std::fs::read_to_string(format!("/sys/class/video4linux/{node}/name"));
    let (formats, problem) = match camera_formats(&device) {
        Ok(formats) => (formats, None),
        Err(problem) => (Vec::new(), Some(problem)),
    };
    SourceInfo {
        name: name.map_or_else(|_| node, |name| name.trim().to_owned()),
        input: Input::Camera { device },
        formats,
        peak_dbfs: None,
        problem,
    }
}

fn camera_formats(device: &Path) -> Result<Vec<String>, String> {
    plugin::init().map_err(|why| why.message)?;
    let path = device.display().to_string();
    let source = plugin::make("v4l2src", &[("device", &path)]).map_err(|why| why.message)?;
    let unusable = || "it cannot be opened; close the program that uses it, or plug it in again".to_owned();
    source.set_state(gst::State::Ready).map_err(|_| unusable())?;
    let caps = source.static_pad("src").map(|pad| pad.query_caps(None));
    let closed = source.set_state(gst::State::Null);
    let formats =
        caps.iter().flat_map(|caps| caps.iter()).take(FORMATS_MAX).map(ToString::to_string).collect();
    closed.map(|_| formats).map_err(|_| unusable())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cameras_come_in_the_order_of_their_numbers() {
        let dev = tempfile::tempdir().unwrap();
        for name in ["video10", "video2", "videox", "audio0"] {
            std::fs::write(dev.path().join(name), []).unwrap();
        }
        let names: Vec<_> =
            cameras(dev.path()).iter().map(|path| path.file_name().unwrap().to_owned()).collect();
        assert_eq!(names, ["video2", "video10"]);
    }

    #[test]
    fn a_node_that_is_no_camera_says_so() {
        let dev = tempfile::tempdir().unwrap();
        let node = dev.path().join("video0");
        std::fs::write(&node, []).unwrap();
        assert!(camera(node).problem.is_some());
    }
}
