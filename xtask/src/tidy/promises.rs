//! Every promise of docs/PROMISES.md says what shows it, and that exists: a test, a bench, a chore; or it says "none".

use std::collections::HashSet;

use super::{Finding, table};
use crate::tree::Tree;

const PROMISES: &str = "docs/PROMISES.md";
/// The column that says what shows a promise.
const SHOWN_BY: &str = "shown by";

/// Checks every row.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let Some(text) = tree.text(PROMISES) else {
        return vec![Finding::file(
            PROMISES,
            "there is no list of promises",
            "write a table with a column `shown by`",
        )];
    };
    let tests = functions(tree);
    let rows = table::rows(text);
    if !rows.iter().any(|row| row.cell(SHOWN_BY).is_some()) {
        return vec![Finding::file(
            PROMISES,
            "no table has a column `shown by`",
            "name the test behind each promise",
        )];
    }
    rows.iter()
        .filter_map(|row| {
            let cell = row.cell(SHOWN_BY)?;
            let wrong = table::code_spans(cell).find(|span| !exists(tree, &tests, span));
            if let Some(span) = wrong {
                let fix = "name a test function, a file, or a chore such as `cargo xtask bench live`";
                return Some(Finding::line(
                    PROMISES,
                    row.line,
                    format!("`{span}` shows nothing: it is not there"),
                    fix,
                ));
            }
            let says = table::code_spans(cell).next().is_some() || cell.to_lowercase().contains("none");
            (!says).then(|| {
                let fix = "name the test in backticks, or write \"none\" and why";
                Finding::line(PROMISES, row.line, "the promise does not say what shows it", fix)
            })
        })
        .collect()
}

/// Returns whether what a promise names is there.
fn exists(tree: &Tree, functions: &HashSet<&str>, span: &str) -> bool {
    let chore = span.strip_prefix("cargo xtask ").or_else(|| span.strip_prefix("bench ")).is_some();
    let last = span.rsplit("::").next().unwrap_or(span);
    chore || functions.contains(last) || tree.has(span)
}

/// Returns the name of every function of the workspace, and of every test of its scripts.
fn functions(tree: &Tree) -> HashSet<&str> {
    let in_rust = tree.ending(".rs").flat_map(|(_, text)| text.lines()).filter_map(|line| {
        let (_, rest) = line.split_once("fn ")?;
        rest.split(['(', '<']).next()
    });
    let scripts = tree.texts().filter(|(path, _)| path.ends_with(".mjs") || path.ends_with(".ts"));
    let in_scripts = scripts.flat_map(|(_, text)| text.lines()).filter_map(|line| {
        let (_, rest) = line.split_once("test(")?;
        rest.split(['"', '\'', '`']).nth(1)
    });
    in_rust.chain(in_scripts).collect()
}

#[cfg(test)]
mod tests {
    use super::super::finding::places;
    use super::*;

    fn check_places(cell: &str, expect: &[&str]) {
        let text = format!("| promise | shown by |\n|---|---|\n| loud | {cell} |\n");
        let files = [
            (PROMISES, text.as_str()),
            ("tests/a.rs", "#[test]\nfn speech_is_loud() {}\n"),
            ("tests/browser/a.test.mjs", "test(\"plays live\", async () => {});\n"),
        ];
        assert_eq!(places(&check(&Tree::of(&files))), expect, "{cell}");
    }

    #[test]
    fn a_promise_names_what_shows_it() {
        check_places("`speech_is_loud`", &[]);
        check_places("`a::speech_is_loud`, `cargo xtask bench loudness`", &[]);
        check_places("`tests/a.rs`, `plays live`", &[]);
        check_places("none: needs a Pi", &[]);
    }

    #[test]
    fn a_promise_without_a_test_is_found() {
        check_places("", &["docs/PROMISES.md:3"]);
        check_places("someone listened", &["docs/PROMISES.md:3"]);
        check_places("`speech_is_quiet`", &["docs/PROMISES.md:3"]);
    }
}
