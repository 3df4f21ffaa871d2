//! A recorder of reports, makers of input files, and ffmpeg as the judge.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use model::settings::{Encoding, Loudness};
use model::wire::v1::{End, Failure, Levels, Order, Pace, PartReport, Report, Start};
use model::{Clock, MediaTime, MonoTime, RunNumber, SessionId, Track, WallTime};

/// The clocks of this machine.
#[derive(Debug)]
pub(crate) struct SystemClock(std::time::Instant);

impl SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the tests of real devices need real time")]
    pub(crate) fn new() -> Self {
        Self(std::time::Instant::now())
    }
}

impl Clock for SystemClock {
    fn monotonic(&self) -> MonoTime {
        MonoTime::from_nanos(u64::try_from(self.0.elapsed().as_nanos()).unwrap())
    }

    #[expect(clippy::disallowed_methods, reason = "the tests of real devices need real time")]
    fn wall(&self) -> WallTime {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        WallTime::from_unix_ms(i64::try_from(since.as_millis()).unwrap())
    }
}

/// Samples between a run's origin and the first one that is captured (docs/decisions/capture-leader.md).
pub(crate) const LEADER_SAMPLES: u32 = 3200;

/// Those samples as an index.
pub(crate) const LEADER: usize = LEADER_SAMPLES as usize;

/// A start with nothing unusual about it.
pub(crate) fn start(inputs: &[&str]) -> Start {
    Start {
        session: SessionId::new(WallTime::from_unix_ms(0), [1; 10]),
        run: RunNumber(0),
        origin: MediaTime::ZERO,
        since: None,
        inputs: inputs.iter().map(|input| input.parse().unwrap()).collect(),
        encoding: Encoding::default(),
        loudness: Loudness::default(),
        pace: Pace::Unpaced,
    }
}

/// What one track reported.
#[derive(Debug)]
pub(crate) struct Recorded {
    pub(crate) track: Track,
    pub(crate) init: Vec<u8>,
    pub(crate) parts: Vec<PartReport>,
}

impl Recorded {
    /// Init segment and all parts: a whole file.
    pub(crate) fn file(&self) -> Vec<u8> {
        let parts = self.parts.iter().flat_map(|part| part.media.iter().copied());
        self.init.iter().copied().chain(parts).collect()
    }

    pub(crate) fn samples(&self) -> u64 {
        self.parts.iter().map(|part| u64::from(part.part.samples)).sum()
    }
}

/// Everything that a run reported.
#[derive(Debug, Default)]
pub(crate) struct Recording {
    pub(crate) tracks: BTreeMap<String, Recorded>,
    pub(crate) levels: Vec<Levels>,
    pub(crate) other: Vec<Report>,
    pub(crate) ended: Option<End>,
    pub(crate) refused: Option<Failure>,
    pub(crate) started: bool,
}

impl Recording {
    /// Takes a report; returns whether the run is over.
    pub(crate) fn take(&mut self, report: Report) -> bool {
        assert!(self.ended.is_none(), "nothing comes after the end: {report:?}");
        match report {
            Report::Started { .. } => self.started = true,
            Report::Track { track, init, .. } => {
                let recorded = Recorded { track, init: init.to_vec(), parts: Vec::new() };
                let name = recorded.track.name.to_string();
                assert!(self.tracks.insert(name, recorded).is_none(), "a track begins once");
            }
            Report::Part(part) => {
                self.tracks.get_mut(part.track.as_str()).expect("a track before its parts").parts.push(part);
            }
            Report::Levels(levels) => self.levels.push(levels),
            Report::Ended { why, .. } => self.ended = Some(why),
            Report::Refused { why, .. } => self.refused = Some(why),
            other => self.other.push(other),
        }
        self.ended.is_some() || self.refused.is_some()
    }

    /// Parts, in the order in which they came, over all tracks.
    pub(crate) fn parts(&self) -> usize {
        self.tracks.values().map(|track| track.parts.len()).sum()
    }
}

/// Runs to the end of the input.
pub(crate) fn record(start: Start) -> Recording {
    record_until(start, |_| false)
}

/// Runs until `enough`, then stops.
pub(crate) fn record_until(start: Start, enough: impl Fn(&Recording) -> bool) -> Recording {
    let link = capture::in_process(Arc::new(SystemClock::new())).unwrap();
    assert!(matches!(link.reports.recv().unwrap(), Report::Hello { version: 1 }));
    link.orders.send(Order::Start(start)).unwrap();
    let mut recording = Recording::default();
    let mut stopped = false;
    loop {
        let report = link.reports.recv_timeout(Duration::from_secs(60)).expect("a report within a minute");
        if recording.take(report) {
            break;
        }
        if !stopped && enough(&recording) {
            link.orders.send(Order::Stop).unwrap();
            stopped = true;
        }
    }
    assert_eq!(link.close(), []);
    recording
}

/// Runs ffmpeg on `input`, checks that it has nothing to complain of, and returns its output.
pub(crate) fn ffmpeg(input: &[u8], arguments: &[&str]) -> Vec<u8> {
    let mut child = Command::new("ffmpeg")
        .args(["-v", "warning", "-nostdin", "-i", "pipe:0"])
        .args(arguments)
        .arg("pipe:1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("ffmpeg is installed");
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let feeder = std::thread::spawn(move || stdin.write_all(&input));
    let mut stderr = child.stderr.take().unwrap();
    let complaints = std::thread::spawn(move || {
        let mut text = String::new();
        stderr.read_to_string(&mut text).map(|_| text)
    });
    let mut output = Vec::new();
    child.stdout.take().unwrap().read_to_end(&mut output).unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(complaints.join().unwrap().unwrap(), "", "ffmpeg complains");
    feeder.join().unwrap().unwrap();
    output
}

/// Decodes sound to interleaved floats.
pub(crate) fn decode_sound(file: &[u8], channels: u32) -> Vec<f32> {
    let bytes = ffmpeg(file, &["-f", "f32le", "-ac", &channels.to_string(), "-ar", "48000"]);
    bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
}

/// Writes a stereo wav file at 48 kHz; `sample` gives left and right.
pub(crate) fn wav(path: &Path, frames: u32, sample: impl Fn(u32) -> [f32; 2]) {
    let spec = hound::WavSpec {
        channels: 2,
        sample_rate: 48_000,
        bits_per_sample: 32,
        sample_format: hound::SampleFormat::Float,
    };
    let mut writer = hound::WavWriter::create(path, spec).unwrap();
    for frame in 0..frames {
        for value in sample(frame) {
            writer.write_sample(value).unwrap();
        }
    }
    writer.finalize().unwrap();
}

/// A tone of `hz` at `level`.
pub(crate) fn tone(hz: f64, level: f64) -> impl Fn(u32) -> [f32; 2] {
    move |frame| {
        let value = level * (std::f64::consts::TAU * hz * f64::from(frame) / 48_000.0).sin();
        #[expect(clippy::cast_possible_truncation, reason = "a sample in -1..1")]
        let value = value as f32;
        [value, value]
    }
}
