//! The normalisers beside which ours stands, each with the settings nearest to ours.

use std::{path::Path, process::Command, time::Duration};

use anyhow::{Context, Result, ensure};
use gst::prelude::*;
use testkit::{
    daemon::usage_of,
    probe,
    speech::{CHANNELS, Programme, RATE_HZ, score},
};

use super::Made;

/// How long a peer may take for a programme on a busy machine.
const WITHIN: Duration = Duration::from_secs(600);

/// Bytes of a 32-bit sample.
const SAMPLE_BYTES: usize = 4;

/// Runs our normaliser, meters and all.
pub(super) fn ours(programme: &Programme) -> Result<Made> {
    let mut normaliser = ::loudness::Normaliser::new(::loudness::Settings::default(), CHANNELS, RATE_HZ)?;
    let mut output = programme.samples.clone();
    let before = usage_of(std::process::id()).cpu;
    for piece in output.chunks_mut(RATE_HZ as usize / 100 * CHANNELS) {
        normaliser.process(piece);
    }
    normaliser.flush(&mut output);
    let cpu = usage_of(std::process::id()).cpu.saturating_sub(before);
    output.drain(..normaliser.latency_frames() * CHANNELS);
    Ok(Made { output, cpu })
}

/// Runs ffmpeg's `loudnorm` in one pass; what reading and writing the files costs is taken off.
pub(super) fn loudnorm(programme: &Programme, folder: &Path) -> Result<Made> {
    let input = folder.join("programme.f32");
    std::fs::write(
        &input,
        programme.samples.iter().flat_map(|sample| sample.to_le_bytes()).collect::<Vec<u8>>(),
    )?;
    let (_, idle) = filter(&input, "anull")?;
    let (output, cpu) = filter(
        &input,
        "loudnorm=I=-16:TP=-2:LRA=7,aresample=osr=48000:ocl=stereo,aformat=channel_layouts=stereo",
    )?;
    Ok(Made { output: fit(output, programme)?, cpu: cpu.saturating_sub(idle) })
}

/// Runs an ffmpeg filter; returns the samples and the processor time that ffmpeg says it used.
fn filter(input: &Path, filter: &str) -> Result<(Vec<f32>, Duration)> {
    let mut command = Command::new("ffmpeg");
    command.args(["-nostdin", "-hide_banner", "-benchmark", "-threads", "1"]);
    // Raw samples: reading a container costs more, and is none of the normaliser's business.
    command.args(["-f", "f32le", "-ar", "48000", "-ac", "2", "-i"]).arg(input);
    command.args(["-filter_threads", "1", "-af", filter, "-f", "f32le", "pipe:1"]);
    let said = probe::output(&mut command, WITHIN)?;
    ensure!(said.code == Some(0), "ffmpeg refused the filter {filter}: {}", said.err);
    let line =
        said.err.lines().rfind(|line| line.contains("utime=")).context("ffmpeg told no processor time")?;
    let seconds = ["utime=", "stime="].map(|key| {
        let text = line.split(key).nth(1).and_then(|rest| rest.split('s').next());
        text.and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0)
    });
    Ok((samples_of(&said.raw), Duration::from_secs_f64(seconds.iter().sum())))
}

/// Runs `GStreamer`'s `audioloudnorm`, which takes nothing but 192 kHz.
pub(super) fn audioloudnorm(programme: &Programme) -> Result<Made> {
    gst::init()?;
    // A second registration in the same process is refused and harmless.
    drop(gstrsaudiofx::plugin_register_static());
    let format = format!("audio/x-raw,format=F64LE,layout=interleaved,channels={CHANNELS}");
    let pipeline = gst::parse::launch(&format!(
        "appsrc name=in format=time ! audioconvert ! audioresample ! {format},rate=192000 \
         ! audioloudnorm loudness-target=-16 max-true-peak=-2 loudness-range-target=7 \
         ! audioresample ! audioconvert ! audio/x-raw,format=F32LE,rate={RATE_HZ} ! appsink name=out sync=false"
    ))?;
    let pipeline =
        pipeline.downcast::<gst::Pipeline>().map_err(|_| anyhow::anyhow!("a launch line is a pipeline"))?;
    let source = named::<gst_app::AppSrc>(&pipeline, "in")?;
    let sink = named::<gst_app::AppSink>(&pipeline, "out")?;
    let caps = format!("audio/x-raw,format=F32LE,layout=interleaved,rate={RATE_HZ},channels={CHANNELS}");
    source.set_caps(Some(&caps.parse::<gst::Caps>()?));
    source.set_max_bytes(u64::MAX);
    let before = usage_of(std::process::id()).cpu;
    pipeline.set_state(gst::State::Playing)?;
    for (n, piece) in (0u64..).zip(programme.samples.chunks(RATE_HZ as usize / 10 * CHANNELS)) {
        let bytes: Vec<u8> = piece.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        let mut buffer = gst::Buffer::from_slice(bytes);
        if let Some(buffer) = buffer.get_mut() {
            buffer.set_pts(gst::ClockTime::from_mseconds(n * 100));
            buffer.set_duration(gst::ClockTime::from_mseconds(100));
        }
        source.push_buffer(buffer)?;
    }
    source.end_of_stream()?;
    let mut output = Vec::new();
    while let Ok(sample) = sink.pull_sample() {
        let buffer = sample.buffer().context("a sample holds a buffer")?;
        output.extend(samples_of(&buffer.map_readable()?));
    }
    pipeline.set_state(gst::State::Null)?;
    let cpu = usage_of(std::process::id()).cpu.saturating_sub(before);
    Ok(Made { output: fit(output, programme)?, cpu })
}

fn named<T: IsA<gst::Object>>(pipeline: &gst::Pipeline, name: &str) -> Result<T> {
    let element = pipeline.by_name(name).with_context(|| format!("the pipeline has no {name}"))?;
    element.dynamic_cast::<T>().map_err(|_| anyhow::anyhow!("{name} is of another type"))
}

fn samples_of(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks::<SAMPLE_BYTES>().0.iter().map(|sample| f32::from_le_bytes(*sample)).collect()
}

/// Brings a peer's output to the length of the programme: resamplers may add or drop a moment at the end.
fn fit(mut output: Vec<f32>, programme: &Programme) -> Result<Vec<f32>> {
    let off = output.len().abs_diff(programme.samples.len());
    ensure!(off < score::ACQUISITION_FRAMES / 10, "a peer's output is {off} samples too long or too short");
    output.resize(programme.samples.len(), 0.0);
    Ok(output)
}
