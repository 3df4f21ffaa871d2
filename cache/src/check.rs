//! `lectern cache check`: every file against every row, byte by byte; mends or quarantines when asked to.

mod objects;
mod report;

pub(crate) use report::FORGOTTEN_FIX;
pub use report::{CheckReport, Outcome, Problem, ProblemKind};

use crate::index::rows::object as object_rows;
use crate::layout::{GrowingName, Leftover};
use crate::recovery::Listing;
use crate::{Error, Store, durable};

/// Whether what is found is put right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Repair {
    /// Look only; works beside a running daemon.
    No,
    /// Mend what can be mended, quarantine the rest; needs a store that is open for writing.
    Yes,
}

/// How far a check has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Files read.
    pub files: u64,
    /// Files to be read.
    pub files_total: u64,
    /// Bytes read.
    pub bytes: u64,
}

impl Store {
    /// Reads every file and compares it with the index. `progress` hears of each file.
    ///
    /// # Errors
    /// The index cannot be read, a folder cannot be listed, or mending was asked of a store open for reading.
    /// Damage is no error: the report tells of it.
    pub fn check(&self, repair: Repair, progress: &mut dyn FnMut(Progress)) -> Result<CheckReport, Error> {
        let mut report = CheckReport::default();
        self.check_growing(repair, &mut report)?;
        self.check_index(&mut report)?;
        self.check_objects(repair, &mut report, progress)?;
        self.check_strays(repair, &mut report)?;
        report.lost = self.inner.index.read("count damaged segments", object_rows::damaged_segments)?;
        Ok(report)
    }

    /// Growing files that nobody holds.
    fn check_growing(&self, repair: Repair, report: &mut CheckReport) -> Result<(), Error> {
        if repair == Repair::Yes {
            let mended = self.settle()?;
            for salvaged in &mended.salvaged {
                let name = GrowingName {
                    session: salvaged.session,
                    track: salvaged.track.clone(),
                    key: salvaged.key,
                };
                report.add(Problem::torn(name.to_string(), Outcome::Mended));
            }
            for name in mended.quarantined {
                report.add(Problem::foreign(format!("growing/{name}"), Outcome::Quarantined));
            }
            for left in mended.left {
                report.add(Problem::unreadable(format!("growing/{}", left.file), &left.why, Outcome::Found));
            }
        }
        // Beside a daemon these are being recorded; without one, its next start seals them. Neither needs a person.
        let watched = !self.inner.index.is_writable();
        for name in durable::file_names(&self.inner.layout.growing())? {
            match Leftover::of(&name) {
                Leftover::Segment(segment) if watched || self.inner.live().contains(&segment) => {
                    report.growing += 1;
                }
                Leftover::Segment(_) if repair == Repair::No => {
                    report.add(Problem::torn(name, Outcome::Found))
                }
                Leftover::Foreign if !watched && repair == Repair::No => {
                    report.add(Problem::foreign(format!("growing/{name}"), Outcome::Found))
                }
                // Helper files are worth nothing and gone at the next start; the rest is in the report already.
                _ => {}
            }
        }
        report.quarantined = durable::file_names(&self.inner.layout.quarantine())?.len() as u64;
        Ok(())
    }

    fn check_index(&self, report: &mut CheckReport) -> Result<(), Error> {
        let lines: Vec<String> = self.inner.index.read("check the tables", |db| {
            db.prepare("PRAGMA integrity_check")?.query_map([], |row| row.get(0))?.collect()
        })?;
        for line in lines.iter().filter(|line| *line != "ok") {
            report.add(Problem::index(self.inner.index.path(), line));
        }
        Ok(())
    }

    /// Files among the objects that no row speaks of.
    fn check_strays(&self, repair: Repair, report: &mut CheckReport) -> Result<(), Error> {
        let layout = &self.inner.layout;
        let listing = Listing::of(layout)?;
        let expected = self.inner.index.read("list objects", object_rows::expected)?;
        let strays: Vec<_> =
            listing.strays(&expected).filter(|hash| !self.is_about_to_be_known(*hash)).collect();
        let forgotten = Listing { objects: strays.clone(), foreign: Vec::new() }.forgotten(&expected);
        if forgotten > 0 {
            report.add(Problem::forgotten(self.inner.index.path(), forgotten));
        } else {
            strays.into_iter().try_for_each(|hash| self.stray(repair, hash, report))?;
        }
        for name in listing.foreign {
            let outcome = match repair {
                Repair::No => Outcome::Found,
                Repair::Yes => {
                    crate::object::quarantine(layout, &layout.objects().join(&name))?;
                    Outcome::Quarantined
                }
            };
            report.add(Problem::foreign(format!("objects/{name}"), outcome));
        }
        Ok(())
    }
}
