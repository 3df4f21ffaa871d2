//! A talk to be captured: real speech with wild level jumps, alone or before a moving picture, as files.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::probe::{Clip, Layout, make};
use crate::speech::{Clips, Plan, Programme};

/// A talk on disk.
#[derive(Debug)]
pub struct Talk {
    /// The sound, and which level holds when.
    pub programme: Programme,
    /// The sound as WAV: 48 kHz, stereo, 32-bit float.
    pub sound: PathBuf,
}

impl Talk {
    /// Makes a talk in `folder`.
    ///
    /// # Errors
    /// The recordings are not installed, or the folder cannot be written.
    pub fn make(plan: &Plan, folder: &Path) -> Result<Self> {
        let programme = Programme::make(plan, &Clips::librivox()?);
        let sound = folder.join("talk.wav");
        programme.write(&sound)?;
        Ok(Self { programme, sound })
    }

    /// Returns a plan of five levels from -35 to -10 LUFS in about a minute.
    pub fn minute() -> Plan {
        let levels = vec![(-20.0, 12.0), (-33.0, 12.0), (-11.0, 12.0), (-28.0, 12.0), (-15.0, 12.0)];
        Plan { levels, ..Plan::random(7, 0) }
    }

    /// Makes the film of the talk: the sound as it is, before a moving 720p picture.
    ///
    /// # Errors
    /// ffmpeg refuses.
    pub fn film(&self, folder: &Path) -> Result<PathBuf> {
        let clip = Clip {
            layout: Layout::Mkv,
            sound: Some(&self.sound),
            picture: Some((1280, 720, "30")),
            seconds: self.programme.seconds(),
            more: &["-sample_fmt", "s32"],
        };
        make(&clip, folder, "talk")
    }

    /// Returns the first channel of the sound.
    pub fn mono(&self) -> Vec<f32> {
        self.programme.samples.iter().step_by(crate::speech::CHANNELS).copied().collect()
    }
}

/// Returns a `file:` input.
pub fn input(path: &Path) -> String {
    format!("file:{}", path.display())
}

/// Returns a `file:` input that begins again at its end.
pub fn looped(path: &Path) -> String {
    format!("file:{}?loop", path.display())
}
