//! docs/ARCHITECTURE.md names every crate and folder; README or docs name every chore.

use clap::CommandFactory;

use super::Finding;
use super::arrows::Crate;
use crate::Cli;
use crate::tree::Tree;

const MAP: &str = "docs/ARCHITECTURE.md";

/// Checks that nothing is missing on the map.
pub(crate) fn check(tree: &Tree, crates: &[Crate]) -> Vec<Finding> {
    let Some(map) = tree.text(MAP) else {
        return vec![Finding::file(
            MAP,
            "there is no map",
            "write what each folder is for, and the invariants",
        )];
    };
    let folders = tree.top_folders().filter(|folder| !folder.starts_with('.')).map(str::to_owned);
    let mut wanted: Vec<String> = crates.iter().map(|member| member.folder.clone()).chain(folders).collect();
    wanted.sort();
    wanted.dedup();
    let mut findings: Vec<Finding> = wanted
        .into_iter()
        .filter(|folder| !map.contains(&format!("`{folder}/`")))
        .map(|folder| {
            let what = format!("the folder `{folder}/` is not on the map");
            Finding::file(MAP, what, "add a row that says what it is for")
        })
        .collect();
    findings.extend(check_chores(tree, &chores()));
    findings
}

fn chores() -> Vec<String> {
    Cli::command().get_subcommands().map(|chore| chore.get_name().to_owned()).collect()
}

fn check_chores(tree: &Tree, chores: &[String]) -> Vec<Finding> {
    let told = |chore: &str| tree.ending(".md").any(|(_, text)| names(text, &format!("cargo xtask {chore}")));
    chores
        .iter()
        .filter(|chore| !told(chore))
        .map(|chore| {
            let fix = "say in README.md or docs/ what it does";
            Finding::file("README.md", format!("no document names `cargo xtask {chore}`"), fix)
        })
        .collect()
}

/// Returns whether `text` has `phrase` as whole words.
fn names(text: &str, phrase: &str) -> bool {
    text.match_indices(phrase).any(|(at, _)| {
        let next = text.get(at + phrase.len()..).and_then(|rest| rest.chars().next());
        !next.is_some_and(|c| c.is_alphanumeric() || c == '-')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_folder_is_on_the_map() {
        let tree =
            Tree::of(&[(MAP, "| `model/` | nouns |\n| `docs/` | this |"), ("web/x.ts", ""), (".ci/run", "")]);
        let member =
            Crate { name: "lectern-model".to_owned(), folder: "model".to_owned(), needs: Vec::new() };
        let found: Vec<String> = check(&tree, &[member]).into_iter().map(|finding| finding.what).collect();
        assert_eq!(found.first().map(String::as_str), Some("the folder `web/` is not on the map"));
        assert!(!found.iter().any(|what| what.contains("model") || what.contains(".ci")), "{found:?}");
    }

    #[test]
    fn every_chore_is_told() {
        let tree = Tree::of(&[("README.md", "run `cargo xtask demo` or `cargo xtask tests`")]);
        let found = check_chores(&tree, &["demo".to_owned(), "test".to_owned()]);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].what, "no document names `cargo xtask test`");
    }

    #[test]
    fn the_chores_are_those_of_the_command_line() {
        assert!(chores().contains(&"tidy".to_owned()) && chores().contains(&"demo".to_owned()));
    }
}
