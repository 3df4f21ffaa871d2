//! Every crate that is built carries a licence that lets the product be passed on under its own.

use cargo_metadata::Metadata;

use super::Finding;

/// Licences that may be linked in: permissive ones, and MPL-2.0, whose terms end at its own files (the GStreamer plugins).
const ALLOWED: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "ISC",
    "MIT",
    "MIT-0",
    "MPL-2.0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Checks the licence of every crate.
pub(crate) fn check(metadata: &Metadata) -> Vec<Finding> {
    let licences =
        metadata.packages.iter().map(|package| (package.name.as_str(), package.license.as_deref()));
    check_licences(licences)
}

fn check_licences<'a>(licences: impl Iterator<Item = (&'a str, Option<&'a str>)>) -> Vec<Finding> {
    licences
        .filter_map(|(name, licence)| {
            let what = match licence {
                Some(licence) if allows(licence) => return None,
                Some(licence) => format!("the crate `{name}` is under `{licence}`"),
                None => format!("the crate `{name}` names no licence"),
            };
            let fix = "take another crate, or argue for the licence in xtask/src/tidy/licences.rs";
            Some(Finding::file("Cargo.lock", what, fix))
        })
        .collect()
}

/// Evaluates an SPDX expression: `OR` needs one side allowed, `AND` both; `/` is an old way to write `OR`.
fn allows(expression: &str) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let tokens: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = tokens.as_slice();
    any_of(&mut rest) && rest.is_empty()
}

fn any_of(rest: &mut &[&str]) -> bool {
    let mut allowed = all_of(rest);
    while let Some(tail) = rest.split_first().filter(|(token, _)| **token == "OR").map(|(_, tail)| tail) {
        *rest = tail;
        allowed |= all_of(rest);
    }
    allowed
}

fn all_of(rest: &mut &[&str]) -> bool {
    let mut allowed = one(rest);
    while let Some(tail) = rest.split_first().filter(|(token, _)| **token == "AND").map(|(_, tail)| tail) {
        *rest = tail;
        allowed &= one(rest);
    }
    allowed
}

fn one(rest: &mut &[&str]) -> bool {
    match **rest {
        ["(", ref tail @ ..] => {
            *rest = tail;
            let allowed = any_of(rest);
            let closed = rest.split_first().filter(|(token, _)| **token == ")").map(|(_, tail)| tail);
            *rest = closed.unwrap_or_default();
            allowed && closed.is_some()
        }
        [name, "WITH", exception, ref tail @ ..] => {
            *rest = tail;
            ALLOWED.contains(&format!("{name} WITH {exception}").as_str())
        }
        [name, ref tail @ ..] => {
            *rest = tail;
            ALLOWED.contains(&name)
        }
        [] => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_allows(expression: &str, expect: bool) {
        assert_eq!(allows(expression), expect, "{expression}");
    }

    #[test]
    fn one_allowed_choice_is_enough() {
        check_allows("MIT", true);
        check_allows("GPL-3.0 OR MIT", true);
        check_allows("MIT/Apache-2.0", true);
        check_allows("Apache-2.0 WITH LLVM-exception OR GPL-2.0", true);
        check_allows("GPL-3.0-or-later", false);
        check_allows("Apache-2.0 WITH Other-exception", false);
    }

    #[test]
    fn every_part_of_a_sum_must_be_allowed() {
        check_allows("(MIT OR Apache-2.0) AND Unicode-3.0", true);
        check_allows("MIT AND GPL-2.0", false);
        check_allows("(MIT AND LGPL-2.1) OR ISC", true);
    }

    #[test]
    fn nonsense_is_not_allowed() {
        check_allows("", false);
        check_allows("(MIT", false);
        check_allows("MIT MIT", false);
        check_allows("OR", false);
    }

    #[test]
    fn a_crate_without_a_licence_is_found() {
        let found = check_licences([("a", Some("MIT")), ("b", None), ("c", Some("AGPL-3.0"))].into_iter());
        assert_eq!(found.len(), 2);
        assert!(found[0].what.contains("`b` names no licence") && found[1].what.contains("AGPL-3.0"));
    }
}
