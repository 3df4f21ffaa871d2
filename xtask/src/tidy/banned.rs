//! Words and paths that must not be in the repository: unfinished code, switched-off tests, traces of a build machine.

use super::Finding;
use crate::rust_code;
use crate::tree::Tree;

/// A text that must not be there.
struct Ban {
    /// The text.
    text: &'static str,
    /// What is wrong with it.
    what: &'static str,
    /// What to do.
    fix: &'static str,
}

/// Banned in code; comments and strings may speak of them.
const IN_CODE: &[Ban] = &[
    Ban { text: "todo!", what: "unfinished code", fix: "finish it, or leave it out" },
    Ban { text: "unimplemented!", what: "unfinished code", fix: "finish it, or leave it out" },
    Ban { text: "assert!(true", what: "a test that cannot fail", fix: "assert what the test promises" },
    Ban { text: "#[allow(dead_code", what: "code that nothing uses", fix: "delete it, or use it" },
];

/// Banned in comments: what git log is for, and what an issue is for.
const IN_COMMENTS: &[Ban] = &[
    Ban { text: "FIXME", what: "a note to oneself", fix: "open an issue" },
    Ban { text: "XXX", what: "a note to oneself", fix: "open an issue" },
    Ban { text: "for now", what: "history in a comment", fix: "say what is the case, in the present tense" },
    Ban {
        text: "used to be",
        what: "history in a comment",
        fix: "say what is the case, in the present tense",
    },
];

/// Banned in every file: hosts of package registries and folders of a build machine.
const ANYWHERE: &[Ban] = &[
    Ban {
        text: concat!("crates", ".io"),
        what: "the host of a registry",
        fix: "name the package, not where it comes from",
    },
    Ban {
        text: concat!("registry.npm", "js.org"),
        what: "the host of a registry",
        fix: "name the package; npm's `omit-lockfile-registry-resolved` keeps it out of lock files",
    },
    Ban {
        text: concat!("pypi", ".org"),
        what: "the host of a registry",
        fix: "name the package, not where it comes from",
    },
    Ban {
        text: concat!("deb.debian", ".org"),
        what: "the host of a registry",
        fix: "name the package, not where it comes from",
    },
    Ban {
        text: concat!("/work", "/"),
        what: "a path of a build machine",
        fix: "use a path from the root of the repository",
    },
    Ban {
        text: concat!("/root", "/"),
        what: "a path of a build machine",
        fix: "use a path from the root of the repository",
    },
];

/// Cargo's lock file names its registry in every entry, and cannot do otherwise.
const WRITTEN_BY_CARGO: &str = "Cargo.lock";

/// Checks every file.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.texts().filter(|(path, _)| *path != WRITTEN_BY_CARGO) {
        findings.extend(search(path, text, ANYWHERE));
        if path.ends_with(".rs") {
            let split = rust_code::split(text);
            findings.extend(search(path, &split.code, IN_CODE));
            findings.extend(search(path, &split.comments, IN_COMMENTS));
            findings.extend(unrun_tests(path, text, &split.code));
            findings.extend(notes_without_issue(path, &split.comments));
        }
    }
    findings
}

fn search(path: &str, text: &str, bans: &[Ban]) -> Vec<Finding> {
    let hit = |line: &str, ban: &Ban| {
        line.match_indices(ban.text).any(|(at, _)| {
            let before = line.get(..at).and_then(|before| before.chars().next_back());
            let joined = ban.text.starts_with(|c: char| c.is_alphanumeric())
                && before.is_some_and(|c| c.is_alphanumeric() || c == '_');
            // A path is a trace of a machine only where it begins.
            let deeper = ban.text.starts_with('/')
                && before.is_some_and(|c| c.is_alphanumeric() || "._-*}$)".contains(c));
            !joined && !deeper
        })
    };
    let lines = text.lines().enumerate();
    lines
        .flat_map(|(at, line)| bans.iter().filter(move |ban| hit(line, ban)).map(move |ban| (at, ban)))
        .map(|(at, ban)| Finding::line(path, at + 1, format!("`{}`: {}", ban.text, ban.what), ban.fix))
        .collect()
}

/// How the reason of an ignored test begins that another test runs in a process of its own.
const RUN_BY_ANOTHER: &str = "run in a child by ";

/// Finds tests that nobody runs. One that names a test of the same file as its runner is run.
fn unrun_tests(path: &str, text: &str, code: &str) -> Vec<Finding> {
    let has_runner = |line: &str| {
        let runner = line.split_once(RUN_BY_ANOTHER).and_then(|(_, rest)| rest.split('"').next());
        runner.is_some_and(|name| text.contains(&format!("fn {name}(")))
    };
    let lines = code.lines().zip(text.lines()).enumerate();
    lines
        .filter(|(_, (code, line))| code.contains("#[ignore") && !has_runner(line))
        .map(|(at, _)| {
            let fix = format!(
                "make it run, move it to a bench, or say `{RUN_BY_ANOTHER}TEST`, a test of this file"
            );
            Finding::line(path, at + 1, "`#[ignore]`: a test that nobody runs", fix)
        })
        .collect()
}

fn notes_without_issue(path: &str, comments: &str) -> Vec<Finding> {
    let lines = comments.lines().enumerate();
    lines
        .filter(|(_, line)| line.contains("TODO") && !line.contains("TODO(#"))
        .map(|(at, _)| Finding::line(path, at + 1, "a TODO that names no issue", "write TODO(#N), or do it"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::finding::places;
    use super::*;

    fn check_places(path: &str, text: &str, expect: &[&str]) {
        assert_eq!(places(&check(&Tree::of(&[(path, text)]))), expect, "{text}");
    }

    #[test]
    fn unfinished_code_is_found_and_talk_about_it_is_not() {
        check_places("a.rs", "fn f() {\n    todo!()\n}", &["a.rs:2"]);
        check_places("a.rs", "// no todo! here\nlet s = \"todo!\"; my_todo!();", &[]);
        check_places("a.rs", "#[test]\nfn t() { assert!(true); }", &["a.rs:2"]);
    }

    #[test]
    fn a_test_that_nobody_runs_is_found() {
        check_places("a.rs", "#[test]\n#[ignore = \"slow\"]\nfn t() {}", &["a.rs:2"]);
        let child = "#[test]\n#[ignore = \"run in a child by the_real_one\"]\nfn child() {}\n";
        check_places("a.rs", &format!("{child}fn the_real_one() {{}}"), &[]);
        check_places("a.rs", child, &["a.rs:2"]);
    }

    #[test]
    fn a_note_names_its_issue() {
        check_places("a.rs", "// TODO: more\n// TODO(#12): less", &["a.rs:1"]);
    }

    #[test]
    fn traces_of_a_machine_are_found_in_every_file() {
        let trace = concat!("see /work", "/main");
        check_places("docs/a.md", trace, &["docs/a.md:1"]);
        check_places("docs/a.md", concat!("see tests/work", "/main"), &[]);
        check_places("b.json", concat!("https://registry.npm", "js.org/x"), &["b.json:1"]);
        check_places("Cargo.lock", concat!("registry+https://github.com/rust-lang/crates", ".io-index"), &[]);
    }
}
