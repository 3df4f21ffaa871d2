//! A cpal stream: callbacks in, bursts of stereo sound out through a bounded queue.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use cpal::traits::{DeviceTrait, HostTrait, StreamTrait};
use cpal::{
    ErrorKind, FromSample, SampleFormat, SizedSample, SupportedStreamConfig, SupportedStreamConfigRange,
};
use model::wire::v1::{Failure, FailureKind};
use model::{Clock, MonoTime};

use super::resample::{self, Resample, Resampled};
use crate::encode::rendition::SAMPLE_RATE_HZ;
use crate::failure::{failure, internal};
use crate::source::fold::Fold;

/// Bursts that may wait: a second or more at the usual 10 to 40 ms.
const BURSTS_WAITING_MAX: usize = 100;

/// How long ALSA may wait for a device before it reports an error.
const POLL_PATIENCE: Duration = Duration::from_secs(2);

/// Sample rates that make sense for speech, Hz.
const RATES_HZ: std::ops::RangeInclusive<u32> = 8000..=192_000;

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

/// Returns the configuration in which a device is listened to: at 48 kHz if it can, with two channels if it can.
pub(crate) fn config(device: &cpal::Device) -> Result<Option<SupportedStreamConfig>, cpal::Error> {
    let all = device.supported_input_configs()?;
    Ok(all.filter_map(at_best_rate).min_by_key(cost))
}

/// Returns the range's configuration at 48 kHz, or else at the rate that loses least.
fn at_best_rate(range: SupportedStreamConfigRange) -> Option<SupportedStreamConfig> {
    let formats = [SampleFormat::F32, SampleFormat::I32, SampleFormat::I16];
    let least = range.min_sample_rate().max(*RATES_HZ.start());
    let most = range.max_sample_rate().min(*RATES_HZ.end());
    if least > most || !formats.contains(&range.sample_format()) {
        return None;
    }
    let rate_hz = SAMPLE_RATE_HZ.clamp(least, most);
    resample::fits(rate_hz).then(|| range.with_sample_rate(rate_hz))
}

/// Orders configurations: by how far their rate is from 48 kHz, lower ones last; then by channels and format.
fn cost(config: &SupportedStreamConfig) -> (bool, u32, u32, u32) {
    let rate_hz = config.sample_rate();
    let channels = match config.channels() {
        2 => 0,
        1 => 1,
        many => u32::from(many),
    };
    let format = match config.sample_format() {
        SampleFormat::F32 => 0,
        SampleFormat::I32 => 1,
        _ => 2,
    };
    (rate_hz < SAMPLE_RATE_HZ, rate_hz.abs_diff(SAMPLE_RATE_HZ), channels, format)
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
                    "the sound device {id} gives no sound of 8 to 192 kHz in 16 or 32 bits; use `plughw:` instead of `hw:` in its id"
                ),
            )
        })?;
        let format = config.sample_format();
        let (channels, sample_rate) = (config.channels(), config.sample_rate());
        let config = cpal::StreamConfig { channels, sample_rate, buffer_size: cpal::BufferSize::Default };
        let resample = (sample_rate != SAMPLE_RATE_HZ).then(|| Resample::new(sample_rate));
        let (bursts_in, bursts) = sync_channel(BURSTS_WAITING_MAX);
        let intake = Intake {
            clock: clock.clone(),
            fold: Fold::new(usize::from(channels), None),
            resample: resample.transpose().map_err(internal)?,
            bursts: bursts_in,
            lost_frames: 0,
        };
        let stream = match format {
            SampleFormat::F32 => build::<f32>(&device, config, intake),
            SampleFormat::I32 => build::<i32>(&device, config, intake),
            _ => build::<i16>(&device, config, intake),
        }
        .map_err(|why| refusal(id, &why))?;
        stream.play().map_err(|why| refusal(id, &why))?;
        tracing::info!(device = id, channels, sample_rate, ?format, "sound device opened");
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
    resample: Option<Resample>,
    bursts: SyncSender<Burst>,
    lost_frames: u64,
}

impl Intake {
    /// Takes what a callback brings, whose first frame is of this age.
    fn take(&mut self, interleaved: &[f32], age: Duration) {
        let mut at = self.clock.monotonic().before(age);
        let mut stereo = self.fold.floats(interleaved);
        if let Some(resample) = &mut self.resample {
            match resample.push(&stereo) {
                Ok(Resampled { stereo: resampled, before }) => {
                    (stereo, at) = (resampled, at.before(before));
                }
                Err(why) => return tracing::error!(%why, "sound could not be resampled"),
            }
            if stereo.is_empty() {
                return;
            }
        }
        let frames = u64::try_from(stereo.len() / 2).unwrap_or(0);
        let lost_frames = std::mem::take(&mut self.lost_frames);
        // A callback never waits: what finds no room is counted.
        if let Err(TrySendError::Full(burst)) = self.bursts.try_send(Burst { at, stereo, lost_frames }) {
            self.lost_frames = burst.lost_frames + frames;
        }
    }
}

fn build<T>(
    device: &cpal::Device,
    config: cpal::StreamConfig,
    mut intake: Intake,
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
            intake.take(&floats, times.callback.duration_since(times.capture));
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
                "the sound device {id} does not give the sound that it offers ({why}); use `plughw:` instead of `hw:`"
            ),
        ),
        _ => internal(format_args!("sound device {id}: {why}")),
    }
}
