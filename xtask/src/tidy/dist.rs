//! The built pages that `serve` embeds belong to their source: each file has the hash that the build wrote down.

use std::collections::BTreeMap;

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::Finding;
use crate::tree::Tree;

const FOLDER: &str = "web/";
const MANIFEST: &str = "web/dist/manifest.json";
const FIX: &str = "run `cargo xtask golden`, and keep web/dist with the change";

/// What the build wrote down: SHA-256 by path from `web/`.
#[derive(Debug, Deserialize)]
struct Manifest {
    sources: BTreeMap<String, String>,
    outputs: BTreeMap<String, String>,
}

/// Checks every source and every output.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    if !tree.has("web/src") {
        return Vec::new();
    }
    let Some(text) = tree.text(MANIFEST) else {
        return vec![Finding::file(MANIFEST, "the pages are not built", FIX)];
    };
    let manifest: Manifest = match serde_json::from_str(text) {
        Ok(manifest) => manifest,
        Err(error) => return vec![Finding::file(MANIFEST, format!("cannot be read: {error}"), FIX)],
    };
    let written = manifest.sources.iter().chain(&manifest.outputs);
    let stale = written.filter_map(|(path, hash)| {
        let path = format!("{FOLDER}{path}");
        let what = match tree.bytes(&path) {
            None => "is gone since web/dist was built",
            Some(bytes) if hex(&Sha256::digest(bytes)) != *hash => "is not what web/dist was built with",
            Some(_) => return None,
        };
        Some(Finding::file(&path, what, FIX))
    });
    let added = ["src/", "dist/"].into_iter().flat_map(|part| {
        let inside = format!("{FOLDER}{part}");
        let manifest = &manifest;
        tree.paths().filter(move |path| path.starts_with(&inside) && *path != MANIFEST).filter(move |path| {
            let own = path.strip_prefix(FOLDER).unwrap_or(path);
            !manifest.sources.contains_key(own) && !manifest.outputs.contains_key(own)
        })
    });
    stale.chain(added.map(|path| Finding::file(path, "came after web/dist was built", FIX))).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::super::finding::places;
    use super::*;

    /// SHA-256 of nothing (FIPS 180-4).
    const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn check_places(files: &[(&str, &str)], expect: &[&str]) {
        let manifest =
            format!(r#"{{"sources":{{"src/a.ts":"{EMPTY}"}},"outputs":{{"dist/a.js.gz":"{EMPTY}"}}}}"#);
        let files: Vec<(&str, &str)> = files.iter().copied().chain([(MANIFEST, manifest.as_str())]).collect();
        assert_eq!(places(&check(&Tree::of(&files))), expect);
    }

    #[test]
    fn built_pages_belong_to_their_source() {
        check_places(&[("web/src/a.ts", ""), ("web/dist/a.js.gz", "")], &[]);
    }

    #[test]
    fn a_change_on_one_side_alone_is_found() {
        check_places(&[("web/src/a.ts", "let a;"), ("web/dist/a.js.gz", "")], &["web/src/a.ts"]);
        check_places(&[("web/src/a.ts", ""), ("web/dist/a.js.gz", "x")], &["web/dist/a.js.gz"]);
        check_places(&[("web/src/a.ts", "")], &["web/dist/a.js.gz"]);
        check_places(
            &[("web/src/a.ts", ""), ("web/src/b.ts", ""), ("web/dist/a.js.gz", "")],
            &["web/src/b.ts"],
        );
    }

    #[test]
    fn pages_that_were_never_built_are_found() {
        assert_eq!(places(&check(&Tree::of(&[("web/src/a.ts", "")]))), [MANIFEST]);
        assert_eq!(check(&Tree::of(&[("model/src/id.rs", "")])), []);
    }
}
