//! Which crate may know which: the arrows of docs/ARCHITECTURE.md, from `cargo metadata`.

use cargo_metadata::{DependencyKind, Metadata};

use super::Finding;
use crate::workspace;

/// The product's crates and the own crates that each may know. No other arrow exists; development dependencies are free.
const ARROWS: &[(&str, &[&str])] = &[
    ("lectern-model", &[]),
    ("lectern-loudness", &[]),
    ("lectern-capture", &["lectern-loudness", "lectern-model"]),
    ("lectern-cache", &["lectern-model"]),
    ("lectern-sync", &["lectern-cache", "lectern-model"]),
    ("lectern-access", &["lectern-cache", "lectern-model"]),
    ("lectern-learning", &["lectern-cache", "lectern-model"]),
    ("lectern-serve", &["lectern-access", "lectern-cache", "lectern-learning", "lectern-model"]),
    (
        "lectern",
        &[
            "lectern-access",
            "lectern-cache",
            "lectern-capture",
            "lectern-learning",
            "lectern-loudness",
            "lectern-model",
            "lectern-serve",
            "lectern-sync",
        ],
    ),
    ("lectern-hub", &["lectern-model"]),
];

/// Folders whose crates may know every other and that no product crate may know.
const BESIDE_THE_PRODUCT: &[&str] = &["tests", "xtask"];

/// External crates that are one crate's business: an invariant each.
const FENCES: &[Fence] = &[
    Fence {
        stems: &["gstreamer", "gst-plugin-", "cpal"],
        inside: &["lectern-capture"],
        why: "only capture knows devices and GStreamer (invariant 5)",
    },
    Fence {
        stems: &["axum", "tower-http", "maud", "utoipa", "m3u8-rs"],
        inside: &["lectern-serve", "lectern-hub"],
        why: "only serve knows HTTP and playlist syntax (invariant 3)",
    },
    Fence {
        stems: &["rusqlite"],
        inside: &["lectern-cache", "lectern-hub"],
        why: "only the cache knows its index (invariant 2)",
    },
    Fence {
        stems: &["tokio"],
        inside: &["lectern", "lectern-serve", "lectern-sync", "lectern-hub"],
        why: "media and storage are blocking code on threads of their own, and the model performs no effect (invariant 6)",
    },
    Fence {
        stems: &["toml", "clap", "notify", "tracing-subscriber"],
        inside: &["lectern", "lectern-hub"],
        why: "only the binaries read configuration, arguments and the environment (invariant 4)",
    },
    Fence {
        stems: &["anyhow"],
        inside: &["lectern", "lectern-hub"],
        why: "libraries have errors with one variant per operation; anyhow is for main, xtask and tests",
    },
];

/// External crates that only some crates may depend on.
struct Fence {
    /// Beginnings of their names.
    stems: &'static [&'static str],
    /// The crates that may.
    inside: &'static [&'static str],
    /// Which rule says so.
    why: &'static str,
}

/// A crate of the workspace.
#[derive(Debug, Clone)]
pub(crate) struct Crate {
    /// Its name.
    pub(crate) name: String,
    /// Its folder, from the root.
    pub(crate) folder: String,
    /// What it depends on, its tests left out.
    pub(crate) needs: Vec<String>,
}

impl Crate {
    fn manifest(&self) -> String {
        format!("{}/Cargo.toml", self.folder)
    }

    /// Returns whether it is a crate of the product and not one beside it.
    fn is_product(&self) -> bool {
        let top = self.folder.split('/').next().unwrap_or_default();
        !BESIDE_THE_PRODUCT.contains(&top)
    }
}

/// Returns the workspace's own crates.
pub(crate) fn crates(metadata: &Metadata) -> Vec<Crate> {
    let root = workspace::root();
    let own = metadata.workspace_packages();
    own.iter()
        .map(|package| {
            let folder = package.manifest_path.parent().map(|folder| folder.as_std_path().to_path_buf());
            let folder = folder.as_deref().and_then(|folder| folder.strip_prefix(&root).ok());
            let needs =
                package.dependencies.iter().filter(|needed| needed.kind != DependencyKind::Development);
            Crate {
                name: package.name.to_string(),
                folder: folder.map(|folder| folder.display().to_string()).unwrap_or_default(),
                needs: needs.map(|needed| needed.name.clone()).collect(),
            }
        })
        .collect()
}

/// Checks every arrow and fence.
pub(crate) fn check(crates: &[Crate]) -> Vec<Finding> {
    let product = crates.iter().filter(|member| member.is_product());
    product.flat_map(|member| check_crate(member, crates)).collect()
}

fn check_crate(member: &Crate, crates: &[Crate]) -> Vec<Finding> {
    let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| *name == member.name) else {
        return vec![Finding::file(
            &member.manifest(),
            format!("the crate `{}` has no row in the table of arrows", member.name),
            "say what it may know: docs/ARCHITECTURE.md and xtask/src/tidy/arrows.rs",
        )];
    };
    let mut findings = Vec::new();
    for needed in &member.needs {
        let own = crates.iter().any(|other| other.name == *needed);
        if own && !allowed.contains(&needed.as_str()) {
            let may = if allowed.is_empty() { "no other crate".to_owned() } else { allowed.join(", ") };
            findings.push(Finding::file(
                &member.manifest(),
                format!("`{}` depends on `{needed}`, which is no arrow of the design", member.name),
                format!("`{}` may know {may}; move the noun that both need to the model", member.name),
            ));
        }
        let crossed = FENCES.iter().find(|fence| {
            fence.stems.iter().any(|stem| needed.starts_with(stem))
                && !fence.inside.contains(&member.name.as_str())
        });
        if let Some(fence) = crossed {
            findings.push(Finding::file(
                &member.manifest(),
                format!("`{}` depends on `{needed}`", member.name),
                fence.why,
            ));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(name: &str, folder: &str, needs: &[&str]) -> Crate {
        let needs = needs.iter().map(|need| (*need).to_owned()).collect();
        Crate { name: name.to_owned(), folder: folder.to_owned(), needs }
    }

    fn check_findings(crates: &[Crate], expect: &[&str]) {
        let found: Vec<String> = check(crates).into_iter().map(|finding| finding.what).collect();
        assert_eq!(found, expect);
    }

    #[test]
    fn the_arrows_of_the_design_are_allowed() {
        let crates = [
            member("lectern-model", "model", &["serde"]),
            member("lectern-cache", "cache", &["lectern-model", "rusqlite"]),
            member("lectern", "node-daemon", &["lectern-cache", "lectern-model", "tokio", "anyhow"]),
            member("lectern-tests", "tests", &["lectern-cache", "lectern", "gstreamer"]),
        ];
        check_findings(&crates, &[]);
    }

    #[test]
    fn a_sideways_arrow_is_found() {
        let crates = [
            member("lectern-cache", "cache", &["lectern-model"]),
            member("lectern-capture", "capture", &["lectern-cache"]),
        ];
        check_findings(
            &crates,
            &["`lectern-capture` depends on `lectern-cache`, which is no arrow of the design"],
        );
    }

    #[test]
    fn the_product_never_knows_its_tests() {
        let crates = [
            member("lectern-testkit", "tests/kit", &[]),
            member("lectern", "node-daemon", &["lectern-testkit"]),
        ];
        check_findings(&crates, &["`lectern` depends on `lectern-testkit`, which is no arrow of the design"]);
    }

    #[test]
    fn a_crate_outside_its_fence_is_found() {
        let crates = [
            member("lectern-cache", "cache", &["gstreamer-app"]),
            member("lectern-model", "model", &["tokio"]),
        ];
        check_findings(
            &crates,
            &["`lectern-cache` depends on `gstreamer-app`", "`lectern-model` depends on `tokio`"],
        );
    }

    #[test]
    fn a_crate_without_a_row_is_found() {
        check_findings(
            &[member("lectern-extra", "extra", &[])],
            &["the crate `lectern-extra` has no row in the table of arrows"],
        );
    }
}
