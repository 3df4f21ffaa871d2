//! How long files may be, and how a crate is laid out.

use super::Finding;
use crate::tree::Tree;

/// Lines above which a file wants splitting.
const FILE_LINES_ADVISED: usize = 500;
/// Lines above which a file must be split.
const FILE_LINES_MAX: usize = 1000;
/// A `lib.rs` is a table of contents.
const LIB_LINES_MAX: usize = 80;
/// A `main.rs` is a screenful or two: parse, build, run, exit code.
const MAIN_LINES_ADVISED: usize = 120;
/// Lines of Rust below which a crate is an empty shell.
const CRATE_LINES_MIN: usize = 20;

/// What is source: generated and vendored files are not.
const SOURCE: &[&str] = &[".rs", ".ts", ".tsx", ".js", ".mjs", ".css", ".sql", ".sh", ".py"];

/// Checks lengths and layout.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let source = |path: &str| SOURCE.iter().any(|end| path.ends_with(end)) && !path.contains("/dist/");
    for (path, text) in tree.texts().filter(|(path, _)| source(path)) {
        findings.extend(check_length(path, text.lines().count()));
        if path.ends_with(".rs") {
            findings.extend(check_layout(path, text));
        }
    }
    findings.extend(check_shells(tree));
    findings
}

fn check_length(path: &str, lines: usize) -> Option<Finding> {
    let name = path.rsplit('/').next().unwrap_or(path);
    if path.ends_with("src/lib.rs") && lines > LIB_LINES_MAX {
        return Some(Finding::file(
            path,
            format!("lib.rs has {lines} lines, and {LIB_LINES_MAX} are allowed"),
            "keep only the table of contents; move the rest to a file named after its noun",
        ));
    }
    if name == "main.rs" && lines > MAIN_LINES_ADVISED {
        let what = format!("main.rs has {lines} lines");
        return Some(
            Finding::file(path, what, "parse, build, run, exit code; the rest goes to modules").advised(),
        );
    }
    if lines > FILE_LINES_MAX {
        let what = format!("{lines} lines, and {FILE_LINES_MAX} are allowed");
        return Some(Finding::file(
            path,
            what,
            "split it by noun; long tests go to a file `tests.rs` of the module",
        ));
    }
    (lines > FILE_LINES_ADVISED).then(|| {
        let what = format!("{lines} lines; {FILE_LINES_ADVISED} is the house's size");
        Finding::file(path, what, "split it by noun; long tests go to a file `tests.rs` of the module")
            .advised()
    })
}

fn check_layout(path: &str, text: &str) -> Option<Finding> {
    if path.ends_with("/mod.rs") {
        let fix = "use `noun.rs` beside the folder `noun/`";
        return Some(Finding::file(path, "a mod.rs hides its own name", fix));
    }
    let test_module = path.ends_with("/tests.rs") && path.contains("src/");
    let first = text.lines().find(|line| !line.trim().is_empty() && !line.starts_with("#!["));
    let documented = first.is_some_and(|line| line.starts_with("//!"));
    (!documented && !test_module).then(|| {
        Finding::line(
            path,
            1,
            "the file does not say what it is for",
            "begin it with `//!`: what for, what it must never do",
        )
    })
}

/// Finds crates without content.
fn check_shells(tree: &Tree) -> Vec<Finding> {
    let manifests = tree.ending("Cargo.toml").filter(|(_, text)| text.contains("[package]"));
    let is_shell = |folder: &str| {
        let inside = |path: &str| path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'));
        let lines: usize =
            tree.ending(".rs").filter(|(path, _)| inside(path)).map(|(_, text)| text.lines().count()).sum();
        lines < CRATE_LINES_MIN
    };
    manifests
        .filter_map(|(path, _)| Some((path, path.strip_suffix("/Cargo.toml")?)))
        .filter(|(_, folder)| is_shell(folder))
        .map(|(path, _)| {
            Finding::file(path, "the crate is an empty shell", "a crate comes when it has content")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::finding::places;
    use super::*;

    fn check_places(files: &[(&str, &str)], expect: &[&str]) {
        assert_eq!(places(&check(&Tree::of(files))), expect);
    }

    #[test]
    fn a_long_file_is_advice_and_a_very_long_one_an_error() {
        assert!(check_length("a/src/b.rs", 500).is_none());
        assert_eq!(check_length("a/src/b.rs", 501).map(|f| f.weight), Some(super::super::Weight::Advice));
        assert_eq!(check_length("a/src/b.rs", 1001).map(|f| f.weight), Some(super::super::Weight::Error));
    }

    #[test]
    fn a_library_root_is_a_table_of_contents() {
        assert!(check_length("a/src/lib.rs", 80).is_none());
        assert!(check_length("a/src/lib.rs", 81).is_some());
    }

    #[test]
    fn every_file_says_what_it_is_for() {
        check_places(&[("a/src/b.rs", "//! Bees.\n"), ("a/src/b/tests.rs", "use super::*;\n")], &[]);
        check_places(&[("a/src/b.rs", "use c;\n")], &["a/src/b.rs:1"]);
        check_places(&[("a/src/b/mod.rs", "//! Bees.\n")], &["a/src/b/mod.rs"]);
    }

    #[test]
    fn an_empty_crate_is_found() {
        check_places(
            &[("a/Cargo.toml", "[package]\n"), ("a/src/lib.rs", "//! Nothing.\n")],
            &["a/Cargo.toml"],
        );
        check_places(&[("a/Cargo.toml", "[package]\n"), ("a/src/lib.rs", &"//! Much.\n".repeat(20))], &[]);
    }

    #[test]
    fn built_pages_are_no_source() {
        check_places(&[("web/dist/app.js", &"x\n".repeat(5000))], &[]);
    }
}
