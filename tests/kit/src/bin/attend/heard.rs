//! What an attendee got, and what it cost the node.

use std::time::Duration;

use anyhow::{Context, Result};
use serde::Serialize;
use testkit::daemon::Usage;
use testkit::fragment::Kind;
use testkit::llhls::{Session, Track};
use testkit::probe;
use testkit::speech::score::{integrated_lufs, true_peak_dbtp};

use crate::edge::Delay;
use crate::stretch;

/// How long decoding what was received may take.
const DECODE_WITHIN: Duration = Duration::from_secs(300);

/// What stands for the peak of silence, dBTP: JSON has no infinity.
const SILENCE_DBTP: f64 = -144.0;

/// What an attendee got.
#[derive(Debug, Serialize)]
pub(crate) struct Heard {
    /// Length of the sound that was received.
    pub(crate) seconds: f64,
    /// Its gated loudness, LUFS, decoded by ffmpeg and measured by `ebur128`; none where all is silence.
    pub(crate) integrated_lufs: Option<f64>,
    /// Its true peak, dBTP.
    pub(crate) true_peak_dbtp: f64,
    /// Delay of the sound.
    pub(crate) sound: Delay,
    /// Delay of the picture that is furthest behind, if there is a picture.
    pub(crate) picture: Option<Delay>,
    /// Renditions that were received.
    pub(crate) renditions: usize,
    /// Places at which a rendition does not go on where it ended.
    pub(crate) gaps: usize,
    /// What the decoder complained about.
    pub(crate) complaints: Vec<String>,
    /// Rules of LL-HLS that were broken on the wire.
    pub(crate) broken_rules: Vec<String>,
    /// What the node used meanwhile.
    pub(crate) node: Resources,
}

/// What the daemon and its capture process used.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Resources {
    /// Processor time by wall time: 1 is one core all the time.
    pub(crate) cores: f64,
    /// Resident memory at the end, MiB.
    pub(crate) resident_mib: f64,
    /// Processes that this is the sum of.
    pub(crate) processes: u32,
}

impl Resources {
    /// Returns what was used between two readings.
    pub(crate) fn between(before: Usage, after: Usage, took: Duration) -> Self {
        let cpu = after.cpu.saturating_sub(before.cpu);
        #[expect(clippy::cast_precision_loss, reason = "memory in bytes stays far below 2^53")]
        let resident_mib = after.rss_bytes as f64 / f64::from(1 << 20);
        Self { cores: cpu.as_secs_f64() / took.as_secs_f64(), resident_mib, processes: after.processes }
    }
}

impl Heard {
    /// Decodes and measures everything that was received.
    pub(crate) fn of(session: &Session, node: Resources) -> Result<Self> {
        let folder = tempfile::tempdir().context("make a scratch folder")?;
        let (mut complaints, mut gaps) = (Vec::new(), 0);
        for (index, track) in session.tracks.iter().enumerate() {
            let file = stretch::write(&track.fetched, folder.path(), &format!("{index}.mp4"))
                .with_context(|| format!("keep {}", track.url()))?;
            let decoded = probe::decode(&file.display().to_string(), DECODE_WITHIN)?;
            complaints.extend(decoded.complaints);
            gaps += stretch::gaps(&track.fetched);
        }
        let index = session.tracks.iter().position(is_sound).context("the session has no sound")?;
        let file = folder.path().join(format!("{index}.mp4"));
        let sound = probe::pcm(&file.display().to_string(), 48_000, 2, DECODE_WITHIN)?;
        let heard = session
            .tracks
            .get(index)
            .and_then(delay)
            .context("no part of the sound came while it was followed")?;
        let pictures = session.tracks.iter().filter(|track| !is_sound(track)).filter_map(delay);
        Ok(Self {
            seconds: f64::from(u32::try_from(sound.frames()).context("at most a day of sound")?) / 48_000.0,
            integrated_lufs: integrated_lufs(&sound.samples),
            true_peak_dbtp: true_peak_dbtp(&sound.samples)?.max(SILENCE_DBTP),
            sound: heard,
            picture: pictures.max_by(|one, two| one.behind_ms.total_cmp(&two.behind_ms)),
            renditions: session.tracks.len(),
            gaps,
            complaints,
            broken_rules: session.whole_report().broken().into_iter().map(str::to_owned).collect(),
            node,
        })
    }
}

fn is_sound(track: &Track) -> bool {
    track.fetched.inits.values().any(|(init, _)| matches!(init.kind, Kind::Audio { .. }))
}

fn delay(track: &Track) -> Option<Delay> {
    let control = track.playlist()?.server_control.as_ref()?;
    Delay::of(&track.fetched, control.part_hold_back?.as_f64() * 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_is_what_came_between() {
        let before = Usage { cpu: Duration::from_secs(10), rss_bytes: 0, processes: 1 };
        let after = Usage { cpu: Duration::from_secs(25), rss_bytes: 3 << 20, processes: 2 };
        let used = Resources::between(before, after, Duration::from_secs(30));
        assert_eq!(used, Resources { cores: 0.5, resident_mib: 3.0, processes: 2 });
    }
}
