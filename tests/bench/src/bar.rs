//! Bars, and what was measured against them.

use std::fmt;

use serde::Serialize;

/// One bar and what was measured against it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Bar {
    /// What is promised.
    what: String,
    /// The figure.
    figure: f64,
    /// The bar that it must not exceed.
    bar: f64,
    /// Whether it does not.
    pub(crate) met: bool,
}

impl Bar {
    /// Holds `figure` against `bar`.
    pub(crate) fn at_most(what: impl Into<String>, figure: f64, bar: f64) -> Self {
        Self { what: what.into(), figure, bar, met: figure <= bar }
    }
}

impl fmt::Display for Bar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, figure, bar, met } = self;
        let verdict = if *met { "met" } else { "MISSED" };
        write!(f, "{verdict:6} {what}: {figure:.3}, bar {bar:.3}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_that_is_none_misses_its_bar() {
        assert!(Bar::at_most("delay, ms", 150.0, 150.0).met);
        assert!(!Bar::at_most("delay, ms", f64::NAN, 150.0).met);
        assert_eq!(
            Bar::at_most("delay, ms", 151.0, 150.0).to_string(),
            "MISSED delay, ms: 151.000, bar 150.000"
        );
    }
}
