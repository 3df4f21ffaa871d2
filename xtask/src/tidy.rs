//! The house rules that a program can check. Every finding is printed at once, with its place and its fix.
//!
//! Each rule is a function of the files and of what cargo knows, and changes nothing.

mod arrows;
mod banned;
mod dependencies;
mod dist;
mod finding;
mod glossary;
mod licences;
mod links;
mod map;
mod promises;
mod sizes;
mod table;

use std::process::ExitCode;

use anyhow::Result;

pub(crate) use self::finding::{Finding, Weight};
use crate::stopwatch::{Stopwatch, Took};
use crate::tree::Tree;
use crate::workspace;

/// Checks the house and prints what is found; fails when there is more than advice.
pub(crate) fn run() -> Result<ExitCode> {
    let watch = Stopwatch::start();
    let mut findings = all()?;
    findings.sort();
    for finding in &findings {
        println!("{finding}");
    }
    let errors = findings.iter().filter(|finding| finding.weight == Weight::Error).count();
    let advice = findings.len() - errors;
    println!("tidy: {errors} to mend, {advice} advised ({})", Took(watch.elapsed()));
    Ok(if errors == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Applies every rule.
pub(crate) fn all() -> Result<Vec<Finding>> {
    let tree = Tree::read(&workspace::root())?;
    let own = workspace::own_crates()?;
    let crates = arrows::crates(&own);
    let mut findings = Vec::new();
    findings.extend(arrows::check(&crates));
    findings.extend(sizes::check(&tree));
    findings.extend(banned::check(&tree));
    findings.extend(glossary::check(&tree));
    findings.extend(links::check(&tree));
    findings.extend(map::check(&tree, &crates));
    findings.extend(promises::check(&tree));
    findings.extend(dependencies::check(&tree));
    findings.extend(dist::check(&tree));
    findings.extend(licences::check(&workspace::all_crates()?));
    Ok(findings)
}
