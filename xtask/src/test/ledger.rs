//! What has passed and what has failed so far, with its time.

use std::fmt;
use std::ops::AddAssign;

use anyhow::Result;

use crate::stopwatch::{Stopwatch, Took};

/// How many of something passed, failed, were skipped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: usize,
    pub(crate) failed: usize,
    pub(crate) skipped: usize,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)?;
        if self.skipped > 0 {
            write!(f, ", {} skipped", self.skipped)?;
        }
        Ok(())
    }
}

/// One line of the ledger.
#[derive(Debug)]
struct Entry {
    name: String,
    tally: Tally,
    note: String,
}

/// Everything that was checked.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    entries: Vec<Entry>,
    failures: Vec<String>,
}

impl Ledger {
    /// Runs a check that is one pass or one failure, and returns which.
    pub(crate) fn check(&mut self, name: &str, check: impl FnOnce() -> Result<bool>) -> Result<bool> {
        println!("== {name}");
        let watch = Stopwatch::start();
        let fine = check()?;
        let tally = Tally { passed: usize::from(fine), failed: usize::from(!fine), skipped: 0 };
        self.note(name, tally, &Took(watch.elapsed()).to_string());
        if !fine {
            self.failures.push(name.to_owned());
        }
        Ok(fine)
    }

    /// Enters a suite that was run.
    pub(crate) fn note(&mut self, name: &str, tally: Tally, note: &str) {
        self.entries.push(Entry { name: name.to_owned(), tally, note: note.to_owned() });
    }

    /// Enters the name of something that failed.
    pub(crate) fn failure(&mut self, name: String) {
        self.failures.push(name);
    }

    /// Returns the sum of all.
    pub(crate) fn total(&self) -> Tally {
        let mut total = Tally::default();
        for entry in &self.entries {
            total += entry.tally;
        }
        total
    }

    /// Prints one line for each check and suite, and what failed.
    pub(crate) fn print(&self) {
        println!("== summary");
        let width = self.entries.iter().map(|entry| entry.name.chars().count()).max().unwrap_or(0);
        for entry in &self.entries {
            println!("{:<width$}  {}  ({})", entry.name, entry.tally, entry.note);
        }
        for failure in &self.failures {
            println!("FAILED: {failure}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_is_the_line_that_test_runners_print() {
        let mut ledger = Ledger::default();
        assert!(ledger.check("a", || Ok(true)).unwrap());
        assert!(!ledger.check("b", || Ok(false)).unwrap());
        ledger.note("c", Tally { passed: 7, failed: 0, skipped: 2 }, "3 s");
        assert_eq!(ledger.total().to_string(), "8 passed, 1 failed, 2 skipped");
        assert_eq!(Tally::default().to_string(), "0 passed, 0 failed");
        assert_eq!(ledger.failures, ["b"]);
    }

    #[test]
    fn a_check_that_cannot_run_ends_the_run() {
        let outcome = Ledger::default().check("a", || anyhow::bail!("no cargo"));
        assert_eq!(outcome.unwrap_err().to_string(), "no cargo");
    }
}
