//! Version 1 of the capture messages. Golden files in `model/tests/golden` hold their JSON form.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::settings::{Encoding, Loudness};
use crate::{
    Gap, GapState, Input, MediaTime, MonoTime, Part, RunNumber, SegmentKey, SegmentLoudness, SessionId,
    Track, TrackName, WallTime,
};

/// The version that both sides say first.
pub const VERSION: u16 = 1;

/// Daemon to capture.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "order", rename_all = "snake_case")]
pub enum Order {
    /// Begin a run. Refused with [`Report::Refused`] while another one lasts.
    Start(Start),
    /// End the run properly: flush encoders, close the open segments, then [`Report::Ended`].
    Stop,
    /// Stop as above, then leave.
    Leave,
}

/// What a run needs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Start {
    /// The session that the run belongs to, for logs.
    pub session: SessionId,
    /// The run's number.
    pub run: RunNumber,
    /// Earliest media time at which the run may begin: a multiple of 100 ms, so that it is whole in every timescale used.
    pub origin: MediaTime,
    /// Monotonic time at `origin`, where media time has been passing since an earlier run: the run begins as much later
    /// as its sources need to open, in whole steps of 100 ms. `None`: media time begins with the run, at `origin`.
    pub since: Option<MonoTime>,
    /// Sources by role: the first that has sound gives the sound, the first that has a picture gives the picture.
    pub inputs: Vec<Input>,
    /// How to encode.
    pub encoding: Encoding,
    /// How to normalise.
    pub loudness: Loudness,
    /// How fast a file is read.
    pub pace: Pace,
}

/// How fast sources that have no clock of their own are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pace {
    /// One second per second.
    #[default]
    RealTime,
    /// As fast as the encoders go; for imports and tests.
    Unpaced,
}

/// Capture to daemon.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "report", rename_all = "snake_case")]
pub enum Report {
    /// Said once, first.
    Hello {
        /// [`VERSION`].
        version: u16,
    },
    /// The sources are open and media time runs.
    Started {
        /// The run.
        run: RunNumber,
        /// Its origin, at or after that of [`Start`].
        origin: MediaTime,
        /// Wall time at the run's origin.
        anchor: WallTime,
        /// Monotonic time at the run's origin.
        mono: MonoTime,
    },
    /// A track begins. Comes before its first part, and once only in a run.
    Track {
        /// The run.
        run: RunNumber,
        /// What the track is.
        track: Track,
        /// Its init segment (`ftyp` + `moov`).
        #[serde(skip)]
        init: Bytes,
    },
    /// A part is complete.
    Part(PartReport),
    /// Media is missing. An open gap is said again, with the same begin, as it grows.
    Gap {
        /// The run.
        run: RunNumber,
        /// What is missing.
        gap: Gap,
        /// Whether it is over.
        state: GapState,
    },
    /// The run has no sound any more, or never had: from here on its sound is silence.
    NoSound {
        /// The run.
        run: RunNumber,
        /// Why.
        why: NoSound,
    },
    /// Levels, ten times a second.
    Levels(Levels),
    /// Pictures were left out or repeated; told while it happens, at most once a second.
    Pictures {
        /// The run.
        run: RunNumber,
        /// What was counted since the run began, for each track with a picture.
        counts: Vec<PictureCount>,
    },
    /// The source changed its state.
    Source {
        /// The source.
        input: Input,
        /// Its state.
        state: SourceState,
    },
    /// A start was refused; nothing runs.
    Refused {
        /// The run that does not begin.
        run: RunNumber,
        /// Why.
        why: Failure,
    },
    /// The run is over; every part of it has been reported.
    Ended {
        /// The run.
        run: RunNumber,
        /// Why.
        why: End,
    },
}

/// A complete part with its bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PartReport {
    /// Its track.
    pub track: TrackName,
    /// The segment it belongs to.
    pub segment: SegmentKey,
    /// What it is.
    pub part: Part,
    /// Said with the last part of a segment.
    pub closes: Option<Close>,
    /// `moof` + `mdat`, with `styp` before the first part of a segment.
    #[serde(skip)]
    pub media: Bytes,
}

/// What is known when a segment is complete.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Close {
    /// Measured loudness, for audio.
    pub loudness: Option<SegmentLoudness>,
}

/// What meters show.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Levels {
    /// Media time of the reading.
    pub at: MediaTime,
    /// Momentary loudness of the source, LUFS; `None` below -70.
    pub input_momentary_lufs: Option<f32>,
    /// Sample peak of the source since the last reading, dBFS; `None` for digital silence.
    pub input_peak_dbfs: Option<f32>,
    /// Momentary loudness after normalisation, LUFS.
    pub momentary_lufs: Option<f32>,
    /// Short-term loudness after normalisation, LUFS.
    pub short_term_lufs: Option<f32>,
    /// Gain, dB.
    pub gain_db: f32,
    /// The room's noise floor before normalisation, LUFS; `None` until it is known.
    pub noise_floor_lufs: Option<f32>,
}

/// Why a run has no sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoSound {
    /// None of its sources gives sound.
    Absent,
    /// The source of its sound came to its end, the picture goes on.
    Ended,
}

/// What became of the pictures of a track.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PictureCount {
    /// The track.
    pub track: TrackName,
    /// Pictures that came and are not shown: too late, or more than the machine could take.
    pub dropped: u64,
    /// Pictures shown once more where none came: the source gives fewer than the track, or gave none in time.
    pub repeated: u64,
}

/// The state of a source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum SourceState {
    /// It delivers.
    Delivering,
    /// It stopped delivering; capture goes on without it.
    Lost {
        /// Why, in a sentence for people.
        why: String,
    },
}

/// Why a run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "end", rename_all = "snake_case")]
pub enum End {
    /// It was told to.
    Stopped,
    /// Every source came to its end.
    EndOfInput,
    /// It cannot go on.
    Failed(Failure),
}

/// What failed, for programs and for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What kind of failure it is.
    pub kind: FailureKind,
    /// One sentence with the fix.
    pub message: String,
}

/// Kinds of failure; programs decide on these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// No such source.
    UnknownSource,
    /// The source is in use elsewhere.
    Busy,
    /// The source exists, but not in a form that can be used.
    WrongFormat,
    /// The source holds neither sound nor picture.
    NoMedia,
    /// A plugin or encoder is missing.
    MissingPlugin,
    /// Something else.
    Internal,
}
