//! Objects against their names.

use std::io;

use model::ContentHash;

use super::{CheckReport, Outcome, Problem, Progress, Repair};
use crate::index::rows::object::{self as object_rows, Expected};
use crate::{Error, Store, object};

impl Store {
    /// Hashes every file that a row speaks of.
    pub(super) fn check_objects(
        &self,
        repair: Repair,
        report: &mut CheckReport,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<(), Error> {
        let expected = self.inner.index.read("list objects", object_rows::expected_files)?;
        let files_total = expected.len() as u64;
        for file in &expected {
            self.check_object(repair, file, report)?;
            progress(Progress { files: report.files, files_total, bytes: report.bytes });
        }
        Ok(())
    }

    fn check_object(
        &self,
        repair: Repair,
        expected: &Expected,
        report: &mut CheckReport,
    ) -> Result<(), Error> {
        let path = self.inner.layout.object(expected.hash);
        let name = object_name(expected.hash);
        report.files += 1;
        let problem = match object::hash_file(&path) {
            Ok((hash, bytes)) => {
                report.bytes += bytes;
                match (hash == expected.hash, expected.damaged) {
                    (true, false) => return Ok(()),
                    (true, true) => {
                        Problem::returned(name, &expected.place, self.mark_sound(repair, expected.hash)?)
                    }
                    (false, _) => {
                        let outcome = self.set_aside(repair, expected)?;
                        match expected.bytes {
                            Some(sealed) if bytes != sealed => {
                                Problem::short(name, &expected.place, bytes, sealed, outcome)
                            }
                            _ => Problem::rotten(name, &expected.place, outcome),
                        }
                    }
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                // Known as a gap already, or deleted since the list was made.
                let is_gone = !self
                    .inner
                    .index
                    .read("find an object", |db| object_rows::is_referred_to(db, expected.hash))?;
                if is_gone || (expected.damaged && expected.bytes.is_some()) {
                    return Ok(());
                }
                self.missing(repair, expected)?
            }
            Err(error) => Problem::unreadable(name, &error.to_string(), self.set_aside(repair, expected)?),
        };
        let is_lost_init = expected.bytes.is_none() && problem.outcome == Outcome::Quarantined;
        report.add(problem);
        if is_lost_init {
            // Out of the way is not mended: nothing plays without it.
            report.add(Problem::missing_init(object_name(expected.hash), &expected.place));
        }
        Ok(())
    }

    fn missing(&self, repair: Repair, expected: &Expected) -> Result<Problem, Error> {
        let name = object_name(expected.hash);
        if expected.bytes.is_none() {
            return Ok(Problem::missing_init(name, &expected.place));
        }
        let outcome = match repair {
            Repair::No => Outcome::Found,
            Repair::Yes => {
                self.mark_damaged(expected.hash)?;
                Outcome::Gap
            }
        };
        Ok(Problem::missing(name, &expected.place, outcome))
    }

    /// Moves a wrong file to the quarantine; its segments become gaps.
    fn set_aside(&self, repair: Repair, expected: &Expected) -> Result<Outcome, Error> {
        if repair == Repair::No {
            return Ok(Outcome::Found);
        }
        object::quarantine(&self.inner.layout, &self.inner.layout.object(expected.hash))?;
        self.mark_damaged(expected.hash)?;
        Ok(Outcome::Quarantined)
    }

    fn mark_damaged(&self, hash: ContentHash) -> Result<(), Error> {
        self.inner
            .writer()?
            .change("mark damaged segments", |change| object_rows::mark_damaged(change, hash))
            .map(|_| ())
    }

    fn mark_sound(&self, repair: Repair, hash: ContentHash) -> Result<Outcome, Error> {
        if repair == Repair::No {
            return Ok(Outcome::Found);
        }
        self.inner.writer()?.change("mark sound segments", |change| object_rows::mark_sound(change, hash))?;
        Ok(Outcome::Mended)
    }

    /// Says whether the row of an object is being written by another process at this moment.
    pub(super) fn is_about_to_be_known(&self, hash: ContentHash) -> bool {
        !self.inner.index.is_writable() && has_first_name(&self.inner.layout.object(hash))
    }

    /// Deals with an object that had no row when the list was made.
    pub(super) fn stray(
        &self,
        repair: Repair,
        hash: ContentHash,
        report: &mut CheckReport,
    ) -> Result<(), Error> {
        // A segment is sealed while the writer is held: with it, a file without a row is a stray for certain.
        let writer = self.inner.index.writer();
        let path = self.inner.layout.object(hash);
        let is_wanted = match &writer {
            Some(writer) => writer.read("find an object", |db| object_rows::is_referred_to(db, hash))?,
            None => self.inner.index.read("find an object", |db| object_rows::is_referred_to(db, hash))?,
        };
        if is_wanted || !path.exists() {
            return Ok(());
        }
        let outcome = match repair {
            Repair::No => Outcome::Found,
            Repair::Yes => {
                object::quarantine(&self.inner.layout, &path)?;
                Outcome::Quarantined
            }
        };
        report.add(Problem::foreign(object_name(hash), outcome));
        Ok(())
    }
}

/// Says whether a file still has the name it grew under: then its row is about to be written.
fn has_first_name(path: &std::path::Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(path).is_ok_and(|meta| meta.nlink() > 1)
}

/// Returns the path of an object below the data folder.
fn object_name(hash: ContentHash) -> String {
    format!("objects/{:02x}/{hash}", hash.as_bytes()[0])
}
