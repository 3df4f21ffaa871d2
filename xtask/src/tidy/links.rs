//! Links and paths in documents lead somewhere.

use super::{Finding, table};
use crate::tree::Tree;

/// Endings by which a code span is known to be a path of this repository.
const PATH_ENDS: &[&str] = &[".rs", ".md", ".toml", ".sql", ".ts", ".sh", ".json", "/"];

/// Checks every relative link, anchor and quoted path of every Markdown file.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.ending(".md") {
        let mut fenced = false;
        for (at, line) in text.lines().enumerate() {
            if line.trim_start().starts_with("```") {
                fenced = !fenced;
            }
            if fenced {
                continue;
            }
            findings.extend(targets(line).filter_map(|target| check_link(tree, path, at + 1, target)));
            findings.extend(table::code_spans(line).filter_map(|span| check_path(tree, path, at + 1, span)));
        }
    }
    findings
}

/// Returns the targets of the links of a line: what stands in `](…)`.
fn targets(line: &str) -> impl Iterator<Item = &str> {
    line.split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next())
        .filter_map(|inner| inner.split(' ').next())
}

fn check_link(tree: &Tree, from: &str, line: usize, target: &str) -> Option<Finding> {
    if target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
    let path = if file.is_empty() { from.to_owned() } else { resolve(from, file) };
    if !tree.has(&path) {
        let fix = format!("there is no `{path}`: mend the link or write the file");
        return Some(Finding::line(from, line, format!("the link `{target}` leads nowhere"), fix));
    }
    let known =
        anchor.is_empty() || tree.text(&path).is_some_and(|text| anchors(text).any(|slug| slug == anchor));
    (!known).then(|| {
        let fix = format!("name a heading of `{path}`");
        Finding::line(from, line, format!("no heading answers to `#{anchor}`"), fix)
    })
}

fn check_path(tree: &Tree, from: &str, line: usize, span: &str) -> Option<Finding> {
    let plain = span.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c));
    let inner = span.contains('/')
        && !span.starts_with(['/', '.'])
        && PATH_ENDS.iter().any(|end| span.ends_with(end));
    // Only what begins with a folder that is there is meant as a path of this repository.
    let ours = tree.top_folders().any(|top| span.split('/').next() == Some(top));
    (plain && inner && ours && !tree.has(span))
        .then(|| Finding::line(from, line, format!("there is no `{span}`"), "name the file as it is called"))
}

/// Resolves a link of a file against that file's folder.
fn resolve(from: &str, target: &str) -> String {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for step in target.split('/') {
        match step {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            name => parts.push(name),
        }
    }
    parts.join("/")
}

/// Returns the anchors of a document's headings, as forges write them.
fn anchors(markdown: &str) -> impl Iterator<Item = String> {
    markdown.lines().filter(|line| line.starts_with('#')).map(|line| {
        let heading = line.trim_start_matches('#').trim().to_lowercase();
        let kept = heading.chars().filter(|c| c.is_alphanumeric() || "-_ ".contains(*c));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::super::finding::places;
    use super::*;

    fn check_places(text: &str, expect: &[&str]) {
        let tree =
            Tree::of(&[("docs/a.md", text), ("docs/b.md", "# The house, here\n"), ("model/src/id.rs", "")]);
        assert_eq!(places(&check(&tree)), expect, "{text}");
    }

    #[test]
    fn links_are_followed_from_their_file() {
        check_places("[b](b.md) [b](../docs/b.md) [docs](../docs/) [out](https://example.org/x)", &[]);
        check_places("\n[c](c.md)", &["docs/a.md:2"]);
        check_places("[up](../../x.md)", &["docs/a.md:1"]);
    }

    #[test]
    fn anchors_name_headings() {
        check_places("[b](b.md#the-house-here)", &[]);
        check_places("[b](b.md#the-barn)", &["docs/a.md:1"]);
        check_places("# Top\n[t](#top)", &[]);
    }

    #[test]
    fn quoted_paths_exist() {
        check_places("see `model/src/id.rs` and `model/`", &[]);
        check_places("see `model/src/ids.rs`", &["docs/a.md:1"]);
        check_places("see `/etc/lectern/x.toml`, `growing/x.json` and `model/src/{a,b}.rs`", &[]);
        check_places("```\n[x](x.md)\n```", &[]);
    }
}
