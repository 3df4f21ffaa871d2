//! The note beside the recordings that says which session is live, and from which sources: what a restart goes on with.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use model::{Input, SessionId};
use serde::{Deserialize, Serialize};

/// Written when a session begins, removed when it ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Note {
    /// The live session.
    pub(crate) session: SessionId,
    /// What it is recorded from.
    pub(crate) inputs: Vec<Input>,
}

/// Where the note lies.
#[derive(Debug, Clone)]
pub(crate) struct Place(PathBuf);

impl Place {
    /// The note of a data folder.
    pub(crate) fn new(data: &Path) -> Self {
        Self(data.join("live.json"))
    }

    /// Returns the note; `None` when there is none, or none that can be read.
    pub(crate) fn read(&self) -> Option<Note> {
        let text = std::fs::read(&self.0).ok()?;
        serde_json::from_slice(&text)
            .map_err(|error| tracing::warn!(path = %self.0.display(), %error, "the note of the live session is not readable"))
            .ok()
    }

    /// Writes the note: the old one or the new one is there at any time.
    ///
    /// # Errors
    /// The data folder cannot be written.
    pub(crate) fn write(&self, note: &Note) -> io::Result<()> {
        let fresh = self.0.with_extension("json.new");
        let mut file = File::create(&fresh)?;
        file.write_all(&serde_json::to_vec(note).map_err(io::Error::other)?)?;
        file.sync_all()?;
        std::fs::rename(&fresh, &self.0)?;
        self.0.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
    }

    /// Takes the note away.
    ///
    /// # Errors
    /// The data folder cannot be written.
    pub(crate) fn remove(&self) -> io::Result<()> {
        match std::fs::remove_file(&self.0) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use model::WallTime;
    use model::input::TestSignal;

    use super::*;

    #[test]
    fn a_note_is_read_back_until_it_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::new(folder.path());
        assert_eq!(place.read(), None);
        let session = SessionId::new(WallTime::from_unix_ms(5), [3; 10]);
        let note = Note { session, inputs: vec![Input::Test(TestSignal::Both)] };
        place.write(&note).unwrap();
        assert_eq!(place.read(), Some(note));
        place.remove().unwrap();
        place.remove().unwrap();
        assert_eq!(place.read(), None);
    }

    #[test]
    fn a_torn_note_is_no_note() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("live.json"), "{\"session\":").unwrap();
        assert_eq!(Place::new(folder.path()).read(), None);
    }
}
