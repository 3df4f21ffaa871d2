//! What was checked how often, and what broke.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::{Result, bail, ensure};

/// Broken rules that are shown in full; more of the same say nothing new.
const SHOWN_MAX: usize = 20;

/// A rule of the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// Its name in reports.
    pub name: &'static str,
    /// What it demands and who says so.
    pub why: &'static str,
}

/// The outcome of many checks.
#[derive(Debug, Clone, Default)]
pub struct Report {
    checked: BTreeMap<&'static str, u64>,
    broken: Vec<Broken>,
}

#[derive(Debug, Clone)]
struct Broken {
    rule: Rule,
    what: String,
}

impl Report {
    /// Counts a check of `rule`; `what` tells the story when it does not hold.
    pub fn check(&mut self, rule: &Rule, holds: bool, what: impl FnOnce() -> String) {
        *self.checked.entry(rule.name).or_default() += 1;
        if !holds {
            self.broken.push(Broken { rule: *rule, what: what() });
        }
    }

    /// Counts a check whose failure is an error.
    pub fn check_ok<T>(&mut self, rule: &Rule, outcome: Result<T>) -> Option<T> {
        match outcome {
            Ok(value) => {
                self.check(rule, true, String::new);
                Some(value)
            }
            Err(error) => {
                self.check(rule, false, || format!("{error:#}"));
                None
            }
        }
    }

    /// Takes in what another part of the client found.
    pub fn merge(&mut self, other: Self) {
        for (name, count) in other.checked {
            *self.checked.entry(name).or_default() += count;
        }
        self.broken.extend(other.broken);
    }

    /// Returns how often a rule was checked.
    pub fn times(&self, rule: &Rule) -> u64 {
        self.checked.get(rule.name).copied().unwrap_or(0)
    }

    /// Returns the names of the rules that broke, each once.
    pub fn broken(&self) -> Vec<&'static str> {
        let mut names: Vec<&'static str> = self.broken.iter().map(|broken| broken.rule.name).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Passes when nothing broke and each of `needed` was checked at least once.
    ///
    /// # Errors
    /// Otherwise; the error is the whole report.
    pub fn verdict(&self, needed: &[&Rule]) -> Result<()> {
        for rule in needed {
            ensure!(self.times(rule) > 0, "the rule {} was never checked\n{self}", rule.name);
        }
        if self.broken.is_empty() { Ok(()) } else { bail!("{self}") }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total: u64 = self.checked.values().sum();
        let rules = self.checked.len();
        writeln!(f, "{total} checks of {rules} rules, {} broken", self.broken.len())?;
        for (name, times) in &self.checked {
            writeln!(f, "  {times:6} x {name}")?;
        }
        for broken in self.broken.iter().take(SHOWN_MAX) {
            writeln!(f, "BROKEN {}: {}\n       because {}", broken.rule.name, broken.what, broken.rule.why)?;
        }
        if self.broken.len() > SHOWN_MAX {
            writeln!(f, "… and {} more", self.broken.len() - SHOWN_MAX)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: Rule = Rule { name: "one", why: "tests need one" };

    #[test]
    fn a_rule_that_was_never_checked_does_not_pass() {
        assert!(Report::default().verdict(&[]).is_ok());
        assert!(Report::default().verdict(&[&RULE]).is_err());
    }

    #[test]
    fn a_broken_rule_is_told_with_its_reason() {
        let mut report = Report::default();
        report.check(&RULE, true, String::new);
        report.check(&RULE, false, || "two is not one".to_owned());
        let told = report.verdict(&[&RULE]).unwrap_err().to_string();
        assert!(told.contains("BROKEN one: two is not one\n       because tests need one"), "{told}");
        assert_eq!(report.broken(), ["one"]);
    }
}
