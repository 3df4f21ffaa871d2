//! docs/GLOSSARY.md decides about words: its "not" column is avoided everywhere, and every noun of the model is in it.

use super::{Finding, table};
use crate::rust_code;
use crate::tree::Tree;

const GLOSSARY: &str = "docs/GLOSSARY.md";

/// A word to avoid and the one to use.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Avoided<'a> {
    /// Lower-case words, one after the other.
    words: Vec<String>,
    /// As the glossary writes it.
    shown: &'a str,
    /// The word to use.
    instead: &'a str,
}

/// Checks the words of every source and document.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let Some(glossary) = tree.text(GLOSSARY) else {
        return vec![Finding::file(
            GLOSSARY,
            "there is no glossary",
            "write a table with the columns word, meaning, not",
        )];
    };
    let avoided = avoided(glossary);
    let mut findings: Vec<Finding> = nouns(tree)
        .filter(|noun| !has_word(glossary, noun.name))
        .map(|noun| {
            Finding::line(
                noun.path,
                noun.line,
                format!("`{}` is a noun of the model and not in the glossary", noun.name),
                format!("add a row to {GLOSSARY}, with `{}` in its first cell", noun.name),
            )
        })
        .collect();
    for (path, text) in tree.texts() {
        if path == GLOSSARY {
            continue;
        }
        if path.ends_with(".rs") {
            let split = rust_code::split(text);
            findings.extend(search(path, &own_names(&split.code), &avoided));
            findings.extend(search(path, &without_code(&split.comments), &avoided));
        } else if path.ends_with(".md") {
            findings.extend(search(path, &without_code(text), &avoided));
        }
    }
    findings
}

fn avoided(glossary: &str) -> Vec<Avoided<'_>> {
    let mut all = Vec::new();
    for row in table::rows(glossary) {
        let (Some(word), Some(not)) = (row.cell("word"), row.cell("not")) else { continue };
        // The word stands first; the types that are called after it follow in code font.
        let instead = word.split(" `").next().unwrap_or(word);
        for shown in table::code_spans(not) {
            all.push(Avoided { words: words(shown), shown, instead });
        }
    }
    all
}

/// A public type of the model.
struct Noun<'a> {
    path: &'a str,
    line: usize,
    name: &'a str,
}

/// Returns the model's public types; errors, which name a rule and not a thing, are left out.
fn nouns(tree: &Tree) -> impl Iterator<Item = Noun<'_>> {
    let sources = tree.ending(".rs").filter(|(path, _)| path.starts_with("model/src/"));
    sources.flat_map(|(path, text)| {
        let lines: Vec<&str> = text.lines().collect();
        let mut found = Vec::new();
        for (at, line) in lines.iter().enumerate() {
            let kind =
                ["pub struct ", "pub enum ", "pub trait "].iter().find_map(|kind| line.strip_prefix(kind));
            let Some(rest) = kind else { continue };
            let name = rest.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
            let attributes = lines.get(at.saturating_sub(3)..at).unwrap_or_default();
            let is_error = attributes.iter().any(|line| line.contains("thiserror::Error"));
            if !is_error && !name.is_empty() {
                found.push(Noun { path, line: at + 1, name });
            }
        }
        found
    })
}

/// Returns whether a first cell of the glossary has the noun in code font.
fn has_word(glossary: &str, noun: &str) -> bool {
    let rows = table::rows(glossary);
    rows.iter()
        .filter_map(|row| row.cell("word"))
        .any(|word| table::code_spans(word).any(|span| span == noun))
}

fn search(path: &str, text: &str, avoided: &[Avoided<'_>]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let words = words(line);
        let hits = avoided
            .iter()
            .filter(|avoided| words.windows(avoided.words.len()).any(|w| same(w, &avoided.words)));
        findings.extend(hits.map(|avoided| {
            Finding::line(
                path,
                at + 1,
                format!("the glossary avoids `{}`", avoided.shown),
                format!("say `{}`", avoided.instead),
            )
        }));
    }
    findings
}

/// Compares words; a plural is the same word.
fn same(words: &[String], avoided: &[String]) -> bool {
    words
        .iter()
        .zip(avoided)
        .all(|(word, avoided)| word == avoided || word.strip_suffix('s') == Some(avoided))
}

/// Splits text and identifiers into lower-case words: `PartChunk`, `part_chunk` and `part chunk` are the same two.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut after_lower = false;
    for c in text.chars() {
        let ends = !c.is_alphanumeric() || (c.is_uppercase() && after_lower);
        if ends && !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        after_lower = c.is_lowercase() || c.is_numeric();
        if c.is_alphanumeric() {
            word.extend(c.to_lowercase());
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

/// Leaves out what stands behind the name of another crate, as in `m3u8_rs::MasterPlaylist`: others chose it.
///
/// A path into a crate of ours is left out too; its names are found where they are defined.
fn own_names(code: &str) -> String {
    let mut own = String::with_capacity(code.len());
    for line in code.split_inclusive('\n') {
        for piece in line.split_inclusive(|c: char| !(c.is_alphanumeric() || "_:".contains(c))) {
            let root = piece.split("::").next().unwrap_or_default();
            let foreign = piece.contains("::")
                && root.starts_with(|c: char| c.is_lowercase())
                && !["crate", "self", "super"].contains(&root);
            own.push_str(if foreign { root } else { piece });
            if foreign {
                own.extend(piece.chars().next_back().filter(|c| !c.is_alphanumeric()));
            }
        }
    }
    own
}

/// Blanks fenced blocks and code spans of Markdown, in a document or in doc comments: what a program calls a thing is quoted, not chosen.
fn without_code(markdown: &str) -> String {
    let mut fenced = false;
    let mut plain = String::with_capacity(markdown.len());
    for line in markdown.lines() {
        // In Rust, the marks of a doc comment stand before the text.
        let fence = line.trim_start_matches(['/', '!', ' ']).starts_with("```");
        if !fenced && !fence {
            let spans = line.split('`').step_by(2);
            plain.extend(spans.flat_map(|text| [text, "."]));
        }
        fenced ^= fence;
        plain.push('\n');
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::super::finding::places;
    use super::*;

    const WORDS: &str =
        "| word | meaning | not |\n|---|---|---|\n| part `Part` | a piece | `chunk`, `sub segment` |\n";

    fn check_places(path: &str, text: &str, expect: &[&str]) {
        let tree = Tree::of(&[(GLOSSARY, WORDS), (path, text)]);
        assert_eq!(places(&check(&tree)), expect, "{text}");
    }

    #[test]
    fn a_word_is_split_where_its_humps_are() {
        assert_eq!(
            words("PartChunk part_chunk EXT-X-MAP m4s 720p30Fps"),
            ["part", "chunk", "part", "chunk", "ext", "x", "map", "m4s", "720p30", "fps"]
        );
    }

    #[test]
    fn an_avoided_word_is_found_in_names_comments_and_documents() {
        check_places(
            "a.rs",
            "struct PartChunk;\n// two chunks\nlet sub_segment = 1;",
            &["a.rs:1", "a.rs:3", "a.rs:2"],
        );
        check_places("docs/a.md", "A chunk\nA part\n", &["docs/a.md:1"]);
    }

    #[test]
    fn what_others_call_it_may_be_quoted() {
        check_places("a.rs", "let name = \"chunk-duration\"; // `chunk-duration` of the muxer", &[]);
        check_places("docs/a.md", "set `chunk-duration`\n```\nchunk\n```\n", &[]);
    }

    #[test]
    fn names_of_other_crates_are_theirs() {
        check_places("a.rs", "use muxer::Chunk;\nlet part = muxer::chunk_of(bytes);", &[]);
        check_places(
            "a.rs",
            "let chunk = muxer::part(bytes);\ncrate::chunk::read();\n",
            &["a.rs:1", "a.rs:2"],
        );
    }

    #[test]
    fn every_noun_of_the_model_is_in_the_glossary() {
        check_places("model/src/part.rs", "pub struct Part {\n", &[]);
        check_places("model/src/gap.rs", "\npub struct Gap {\n", &["model/src/gap.rs:2"]);
        check_places(
            "model/src/gap.rs",
            "#[derive(thiserror::Error)]\n#[error(\"x\")]\npub struct NotAGap;\n",
            &[],
        );
        check_places("cache/src/gap.rs", "pub struct Gap {\n", &[]);
    }
}
