//! `cargo test`, read line by line: what passed goes to the ledger, what failed is shown in full.

use std::process::Command;

use anyhow::Result;

use super::ledger::{Ledger, Tally};
use crate::process;

/// What `expect-test` says when an output is not its golden file.
const STALE_GOLDEN: &str = "UPDATE_EXPECT=1";

/// How `cargo test` shows a test that another one runs in a process of its own.
const RUN_BY_ANOTHER: &str = " ... ignored, run in a child by ";

/// Runs the Rust tests and returns how they went.
pub(crate) fn run(command: &mut Command, ledger: &mut Ledger) -> Result<Tally> {
    println!("== tests");
    let mut reader = Reader::default();
    let ended_well = process::lines(command, |line| {
        if reader.line(line) {
            println!("{line}");
        }
    })?;
    let mut total = Tally::default();
    for suite in &reader.suites {
        ledger.note(&suite.name, suite.tally, &suite.took);
        total += suite.tally;
    }
    for failed in &reader.failed {
        ledger.failure(failed.clone());
    }
    if reader.stale_golden {
        ledger.failure(
            "an output is not its golden file: where the change is meant, run `cargo xtask golden`"
                .to_owned(),
        );
    }
    // A test program that did not build, or died, has no line that counts it.
    if !ended_well && total.failed == 0 {
        total.failed = 1;
        ledger.note("cargo test", Tally { failed: 1, ..Tally::default() }, "ended early, see above");
        ledger.failure("cargo test ended without finishing: see its words above".to_owned());
    }
    Ok(total)
}

/// One test program.
#[derive(Debug, PartialEq, Eq)]
struct Suite {
    name: String,
    tally: Tally,
    took: String,
}

/// Reads what `cargo test` prints.
#[derive(Debug, Default)]
struct Reader {
    running: String,
    suites: Vec<Suite>,
    failed: Vec<String>,
    stale_golden: bool,
    /// Tests of the running suite that are ignored because another one runs them in a child: nothing is skipped.
    children: usize,
}

impl Reader {
    /// Takes a line; returns whether a person wants to see it.
    fn line(&mut self, line: &str) -> bool {
        if let Some(name) = suite_name(line) {
            self.running = name;
            return true;
        }
        if let Some((mut tally, took)) = result(line) {
            tally.skipped -= std::mem::take(&mut self.children).min(tally.skipped);
            let empty = tally == Tally::default();
            if !empty {
                self.suites.push(Suite { name: self.running.clone(), tally, took });
            }
            return !empty;
        }
        if let Some(test) = line.strip_prefix("test ").and_then(|rest| rest.strip_suffix(" ... FAILED")) {
            self.failed.push(format!("{}: {test}", self.running));
            return true;
        }
        self.children += usize::from(line.contains(RUN_BY_ANOTHER) && line.starts_with("test "));
        self.stale_golden |= line.contains(STALE_GOLDEN);
        let passed =
            line.starts_with("test ") && (line.ends_with(" ... ok") || line.contains(" ... ignored"));
        !passed && !line.is_empty() && line != "running 0 tests"
    }
}

/// Reads `Running unittests src/lib.rs (target/debug/deps/model-0123)` and `Doc-tests model`.
fn suite_name(line: &str) -> Option<String> {
    let line = line.trim_start();
    if let Some(name) = line.strip_prefix("Doc-tests ") {
        return Some(format!("{name}, examples in docs"));
    }
    let (what, program) = line.strip_prefix("Running ")?.split_once(" (")?;
    let program = program.strip_suffix(')')?.rsplit('/').next()?;
    let (name, _hash) = program.rsplit_once('-')?;
    Some(match what.strip_prefix("unittests ") {
        Some("src/lib.rs" | "src/main.rs") => name.to_owned(),
        Some(_) => format!("{name}, program"),
        None => format!("{name}, integration"),
    })
}

/// Reads `test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s`.
fn result(line: &str) -> Option<(Tally, String)> {
    let (_, counts) = line.strip_prefix("test result: ")?.split_once(". ")?;
    let mut tally = Tally::default();
    let mut took = String::new();
    for count in counts.split("; ") {
        match count.split_once(' ')? {
            (number, "passed") => tally.passed = number.parse().ok()?,
            (number, "failed") => tally.failed = number.parse().ok()?,
            (number, "ignored") => tally.skipped = number.parse().ok()?,
            ("finished", rest) => took = rest.trim_start_matches("in ").replace('s', " s"),
            _ => {}
        }
    }
    Some((tally, took))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRINTED: &str = "\
   Compiling model v0.1.0
     Running unittests src/lib.rs (target/debug/deps/model-0a1b)

running 2 tests
test time::a_step_is_no_media_time ... ok
test time::a_gap_is_said ... FAILED

failures:

---- time::a_gap_is_said stdout ----
assertion failed

test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.52s

     Running tests/wire-v1.rs (target/debug/deps/wire_v1-77)
running 0 tests
test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 9 filtered out; finished in 0.00s
   Doc-tests model
test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 1.20s
";

    #[test]
    fn what_cargo_prints_is_counted() {
        let mut reader = Reader::default();
        let shown: Vec<&str> = PRINTED.lines().filter(|line| reader.line(line)).collect();
        let tallies: Vec<(&str, Tally)> =
            reader.suites.iter().map(|suite| (suite.name.as_str(), suite.tally)).collect();
        assert_eq!(
            tallies,
            [
                ("model", Tally { passed: 1, failed: 1, skipped: 0 }),
                ("model, examples in docs", Tally { passed: 3, failed: 0, skipped: 1 }),
            ]
        );
        assert_eq!(reader.failed, ["model: time::a_gap_is_said"]);
        assert_eq!(reader.suites[0].took, "0.52 s");
        assert!(shown.contains(&"assertion failed") && !shown.iter().any(|line| line.ends_with(" ... ok")));
    }

    #[test]
    fn a_suite_is_named_by_its_program() {
        assert_eq!(
            suite_name("     Running tests/wire.rs (/t/debug/deps/wire-9f)").as_deref(),
            Some("wire, integration")
        );
        assert_eq!(
            suite_name("     Running unittests src/bin/x.rs (/t/x-9f)").as_deref(),
            Some("x, program")
        );
        assert_eq!(suite_name("Running late"), None);
    }

    #[test]
    fn a_run_that_dies_is_a_failure() {
        let mut ledger = Ledger::default();
        run(Command::new("sh").args(["-c", "echo error: could not compile; exit 101"]), &mut ledger).unwrap();
        assert_eq!(ledger.total(), Tally { passed: 0, failed: 1, skipped: 0 });
    }

    #[test]
    fn a_test_that_another_runs_is_not_skipped() {
        let mut reader = Reader::default();
        assert!(!reader.line("test device::child ... ignored, run in a child by device::parent"));
        reader.line(
            "test result: ok. 4 passed; 0 failed; 2 ignored; 0 measured; 0 filtered out; finished in 0.52s",
        );
        assert_eq!(reader.suites[0].tally, Tally { passed: 4, failed: 0, skipped: 1 });
    }

    #[test]
    fn a_stale_golden_file_is_told_with_its_chore() {
        let mut reader = Reader::default();
        reader.line("    env UPDATE_EXPECT=1 cargo test");
        assert!(reader.stale_golden);
    }
}
