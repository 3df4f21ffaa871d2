//! One broken rule: where, what, and what to do.

use std::fmt;

/// Whether a finding stops a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Weight {
    /// It does.
    Error,
    /// It is worth a thought.
    Advice,
}

/// One broken rule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    /// Path from the root of the repository.
    pub(crate) path: String,
    /// Line, from 1; `None` for the whole file.
    pub(crate) line: Option<usize>,
    /// Whether it stops a change.
    pub(crate) weight: Weight,
    /// What is the case.
    pub(crate) what: String,
    /// What to do.
    pub(crate) fix: String,
}

impl Finding {
    /// Makes a finding about a whole file.
    pub(crate) fn file(path: &str, what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line: None, weight: Weight::Error, what: what.into(), fix: fix.into() }
    }

    /// Makes a finding about a line, counted from 1.
    pub(crate) fn line(path: &str, line: usize, what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { line: Some(line), ..Self::file(path, what, fix) }
    }

    /// Makes it advice.
    pub(crate) fn advised(self) -> Self {
        Self { weight: Weight::Advice, ..self }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        let kind = if self.weight == Weight::Advice { "advice: " } else { "" };
        write!(f, ": {kind}{}\n    fix: {}", self.what, self.fix)
    }
}

/// What a rule's test compares: `path:line` of each finding.
#[cfg(test)]
pub(crate) fn places(findings: &[Finding]) -> Vec<String> {
    findings
        .iter()
        .map(|finding| {
            finding.line.map_or_else(|| finding.path.clone(), |line| format!("{}:{line}", finding.path))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_names_its_place_and_its_fix() {
        let finding = Finding::line("a.rs", 3, "too long", "split it");
        assert_eq!(finding.to_string(), "a.rs:3: too long\n    fix: split it");
        let advice = Finding::file("a.rs", "long", "split it").advised();
        assert_eq!(advice.to_string(), "a.rs: advice: long\n    fix: split it");
    }
}
