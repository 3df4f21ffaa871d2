//! A cpal stream: callbacks in, bursts of stereo sound out through a bounded queue.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use cpal::traits::{DeviceTrait, HostTrait, StreamTrait};
use cpal::{ErrorKind, FromSample, SampleFormat, SizedSample, SupportedStreamConfigRange};
use model::wire::v1::{Failure, FailureKind};
use model::{Clock, MonoTime};

use crate::encode::rendition::SAMPLE_RATE_HZ;
use crate::failure::{failure, internal};
use crate::source::fold::Fold;

/// Bursts that may wait: a second or more at the usual 10 to 40 ms.
const BURSTS_WAITING_MAX: usize = 100;

/// How long ALSA may wait for a device before it reports an error.
const POLL_PATIENCE: Duration = Duration::from_secs(2);

/// PCM ids that are ALSA's own machinery, not devices.
const NOT_DEVICES: [&str; 8] =
    ["null", "jack", "oss", "samplerate", "speexrate", "upmix", "vdownmix", "lavrate"];

/// What one callback delivered.
#[derive(Debug)]
pub(crate) struct Burst {
    /// When its first sample was captured.
    pub(crate) at: MonoTime,
    /// Left, right, left, …
    pub(crate) stereo: Vec<f32>,
    /// Frames before it that found no room.
    pub(crate) lost_frames: u64,
}

/// A stream that plays.
pub(crate) struct Stream {
    /// What it delivers.
    pub(crate) bursts: Receiver<Burst>,
    stream: cpal::Stream,
}

/// Returns the sound devices that can be listened to, each with its id.
pub(crate) fn devices() -> Vec<(String, cpal::Device)> {
    let host = match cpal::host_from_id(cpal::HostId::Alsa) {
        Ok(host) => host,
        Err(why) => {
            tracing::debug!(%why, "no ALSA");
            return Vec::new();
        }
    };
    let Ok(devices) = host.input_devices() else { return Vec::new() };
    devices
        .filter_map(|device| Some((device.id().ok()?.id().to_owned(), device)))
        .filter(|(id, _)| !NOT_DEVICES.contains(&id.split(':').next().unwrap_or(id)))
        .collect()
}

/// Returns the configuration in which a device gives 48 kHz, with two channels if it can.
pub(crate) fn config(device: &cpal::Device) -> Result<Option<SupportedStreamConfigRange>, cpal::Error> {
    let fits = |range: &SupportedStreamConfigRange| {
        (range.min_sample_rate()..=range.max_sample_rate()).contains(&SAMPLE_RATE_HZ)
            && matches!(range.sample_format(), SampleFormat::F32 | SampleFormat::I32 | SampleFormat::I16)
    };
    let cost = |range: &SupportedStreamConfigRange| {
        let channels = match range.channels() {
            2 => 0,
            1 => 1,
            many => u32::from(many),
        };
        let format = match range.sample_format() {
            SampleFormat::F32 => 0,
            SampleFormat::I32 => 1,
            _ => 2,
        };
        (channels, format)
    };
    Ok(device.supported_input_configs()?.filter(fits).min_by_key(cost))
}

impl Stream {
    /// Opens a device by its id and starts it.
    pub(crate) fn open(id: &str, clock: &Arc<dyn Clock>) -> Result<Self, Failure> {
        let unknown = || {
            failure(
                FailureKind::UnknownSource,
                format!("there is no sound device {id}; `lectern sources` lists what is connected"),
            )
        };
        let (_, device) = devices().into_iter().find(|(known, _)| known == id).ok_or_else(unknown)?;
        let config = config(&device).map_err(|why| refusal(id, &why))?.ok_or_else(|| {
            failure(
                FailureKind::WrongFormat,
                format!(
                    "the sound device {id} does not give 48 kHz; use `plughw:` instead of `hw:` in its id"
                ),
            )
        })?;
        let format = config.sample_format();
        let channels = config.channels();
        let config = cpal::StreamConfig {
            channels,
            sample_rate: SAMPLE_RATE_HZ,
            buffer_size: cpal::BufferSize::Default,
        };
        let (bursts_in, bursts) = sync_channel(BURSTS_WAITING_MAX);
        let intake = Intake {
            clock: clock.clone(),
            fold: Fold::new(usize::from(channels), None),
            bursts: bursts_in,
            lost_frames: AtomicU64::new(0),
        };
        let stream = match format {
            SampleFormat::F32 => build::<f32>(&device, config, intake),
            SampleFormat::I32 => build::<i32>(&device, config, intake),
            _ => build::<i16>(&device, config, intake),
        }
        .map_err(|why| refusal(id, &why))?;
        stream.play().map_err(|why| refusal(id, &why))?;
        tracing::info!(device = id, channels, ?format, "sound device opened");
        Ok(Self { bursts, stream })
    }

    /// Drops the stream where it can hang without harm.
    pub(crate) fn throw_away(self) {
        let Self { stream, bursts } = self;
        drop(bursts);
        let thread = std::thread::Builder::new().name("device-drop".to_owned());
        if let Err(why) = thread.spawn(move || drop(stream)) {
            tracing::error!(%why, "a sound device could not be closed aside");
        }
    }
}

/// What a callback needs.
struct Intake {
    clock: Arc<dyn Clock>,
    fold: Fold,
    bursts: SyncSender<Burst>,
    lost_frames: AtomicU64,
}

impl Intake {
    fn take(&self, stereo: Vec<f32>, age: Duration) {
        let capture = self.clock.monotonic().as_nanos();
        let age = u64::try_from(age.as_nanos()).unwrap_or(0);
        let at = MonoTime::from_nanos(capture.saturating_sub(age));
        let frames = u64::try_from(stereo.len() / 2).unwrap_or(0);
        let lost_frames = self.lost_frames.swap(0, Ordering::Relaxed);
        // A callback never waits: what finds no room is counted.
        if let Err(TrySendError::Full(burst)) = self.bursts.try_send(Burst { at, stereo, lost_frames }) {
            self.lost_frames.store(burst.lost_frames + frames, Ordering::Relaxed);
        }
    }
}

fn build<T>(
    device: &cpal::Device,
    config: cpal::StreamConfig,
    intake: Intake,
) -> Result<cpal::Stream, cpal::Error>
where
    T: SizedSample,
    f32: FromSample<T>,
{
    device.build_input_stream::<T, _, _>(
        config,
        move |data, info| {
            let floats: Vec<f32> = data.iter().map(|value| f32::from_sample_(*value)).collect();
            let times = info.timestamp();
            intake.take(intake.fold.floats(&floats), times.callback.duration_since(times.capture));
        },
        |why| tracing::warn!(%why, "sound device"),
        Some(POLL_PATIENCE),
    )
}

fn refusal(id: &str, why: &cpal::Error) -> Failure {
    match why.kind() {
        ErrorKind::DeviceBusy => failure(
            FailureKind::Busy,
            format!("the sound device {id} is in use; close the program that uses it"),
        ),
        ErrorKind::DeviceNotAvailable | ErrorKind::HostUnavailable => failure(
            FailureKind::UnknownSource,
            format!(
                "the sound device {id} is not there ({why}); plug it in, `lectern sources` lists what is connected"
            ),
        ),
        ErrorKind::PermissionDenied => failure(
            FailureKind::Busy,
            format!(
                "the sound device {id} may not be used; run `usermod -aG audio` for the user that runs Lectern"
            ),
        ),
        ErrorKind::UnsupportedConfig | ErrorKind::UnsupportedOperation | ErrorKind::InvalidInput => failure(
            FailureKind::WrongFormat,
            format!(
                "the sound device {id} does not give 48 kHz sound ({why}); use `plughw:` instead of `hw:`"
            ),
        ),
        _ => internal(format_args!("sound device {id}: {why}")),
    }
}
