//! A dependency is written once with its version, argued for in docs/ref/dependencies.md, and used.

use std::collections::BTreeSet;

use toml::{Table, Value};

use super::{Finding, table};
use crate::tree::Tree;

const ROOT: &str = "Cargo.toml";
const ARGUED: &str = "docs/ref/dependencies.md";
const SECTIONS: &[&str] = &["dependencies", "dev-dependencies", "build-dependencies"];

/// Checks every manifest.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let manifests: Vec<(&str, Table)> = tree
        .ending("Cargo.toml")
        .filter_map(|(path, text)| match text.parse() {
            Ok(table) => Some((path, table)),
            Err(error) => {
                findings.push(Finding::file(path, format!("no TOML: {error}"), "mend it"));
                None
            }
        })
        .collect();
    let used: BTreeSet<&str> =
        manifests.iter().flat_map(|(_, manifest)| needs(manifest)).map(|(name, _)| name).collect();
    for (path, manifest) in &manifests {
        findings.extend(check_versions(path, tree.text(path).unwrap_or_default(), manifest));
    }
    let root = manifests.iter().find(|(path, _)| *path == ROOT).map(|(_, manifest)| manifest);
    let Some(declared) = root.and_then(|root| root.get("workspace")?.get("dependencies")?.as_table()) else {
        return findings;
    };
    let external: BTreeSet<&str> = declared
        .iter()
        .filter(|(_, value)| value.get("path").is_none())
        .map(|(name, _)| name.as_str())
        .collect();
    let text = tree.text(ROOT).unwrap_or_default();
    for name in declared.keys().map(String::as_str).filter(|name| !used.contains(name)) {
        findings.push(Finding::line(
            ROOT,
            line_of(text, name),
            format!("no crate uses `{name}`"),
            "delete the line",
        ));
    }
    findings.extend(check_argued(tree, text, &external));
    findings
}

/// Returns what a crate's manifest depends on, for each kind of dependency.
fn needs(manifest: &Table) -> impl Iterator<Item = (&str, &Value)> {
    SECTIONS
        .iter()
        .filter_map(|section| manifest.get(*section)?.as_table())
        .flat_map(|section| section.iter().map(|(name, value)| (name.as_str(), value)))
}

fn check_versions(path: &str, text: &str, manifest: &Table) -> Vec<Finding> {
    let inherits = |value: &Value| value.get("workspace").and_then(Value::as_bool) == Some(true);
    needs(manifest)
        .filter(|(_, value)| !inherits(value))
        .map(|(name, _)| {
            let what = format!("`{name}` is not taken from the workspace");
            let fix = format!("write `{name}.workspace = true`, and the version in the root {ROOT}");
            Finding::line(path, line_of(text, name), what, fix)
        })
        .collect()
}

fn check_argued(tree: &Tree, root: &str, external: &BTreeSet<&str>) -> Vec<Finding> {
    let Some(argued) = tree.text(ARGUED) else {
        return vec![Finding::file(
            ARGUED,
            "no dependency is argued for",
            "write a table with the column `crate`",
        )];
    };
    let mut told = BTreeSet::new();
    let mut findings = Vec::new();
    for row in table::rows(argued) {
        for name in row.cell("crate").into_iter().flat_map(table::code_spans) {
            told.insert(name);
            if !external.contains(name) {
                findings.push(Finding::line(
                    ARGUED,
                    row.line,
                    format!("`{name}` is no dependency"),
                    "delete the row",
                ));
            }
        }
    }
    findings.extend(external.difference(&told).map(|name| {
        let fix = format!("add a row to {ARGUED}: why, size, licence, what we would write instead");
        Finding::line(ROOT, line_of(root, name), format!("nobody argued for `{name}`"), fix)
    }));
    findings
}

/// Returns the line on which a manifest speaks of `name`, or the first.
fn line_of(text: &str, name: &str) -> usize {
    let speaks = |line: &str| {
        line.trim_start().strip_prefix(name).is_some_and(|rest| rest.starts_with([' ', '=', '.']))
    };
    text.lines().position(speaks).map_or(1, |at| at + 1)
}

#[cfg(test)]
mod tests {
    use super::super::finding::places;
    use super::*;

    const WORKSPACE: &str =
        "[workspace.dependencies]\nown = { path = \"own\" }\nbytes = \"1\"\nhttp = \"1\"\n";
    const TOLD: &str = "| crate | why |\n|---|---|\n| `bytes`, `http` | shared memory |\n";

    fn check_places(crate_manifest: &str, told: &str, expect: &[&str]) {
        let tree = Tree::of(&[(ROOT, WORKSPACE), ("a/Cargo.toml", crate_manifest), (ARGUED, told)]);
        assert_eq!(places(&check(&tree)), expect, "{crate_manifest}");
    }

    #[test]
    fn versions_stand_in_the_root_alone() {
        let good = "[dependencies]\nbytes.workspace = true\nown.workspace = true\n[dev-dependencies]\nhttp = { workspace = true, features = [\"x\"] }\n";
        check_places(good, TOLD, &[]);
        check_places(&good.replace("bytes.workspace = true", "bytes = \"1.2\""), TOLD, &["a/Cargo.toml:2"]);
    }

    #[test]
    fn a_dependency_that_nobody_uses_is_found() {
        check_places(
            "[dependencies]\nbytes.workspace = true\nown.workspace = true\n",
            TOLD,
            &["Cargo.toml:4"],
        );
    }

    #[test]
    fn a_dependency_is_argued_for_and_an_argument_has_a_dependency() {
        let all = "[dependencies]\nbytes.workspace = true\nhttp.workspace = true\nown.workspace = true\n";
        check_places(all, "| crate |\n|---|\n| `bytes` |\n", &["Cargo.toml:4"]);
        check_places(
            all,
            "| crate |\n|---|\n| `bytes` `http` |\n| `gone` |\n",
            &["docs/ref/dependencies.md:4"],
        );
    }
}
