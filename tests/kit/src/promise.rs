//! Many promises checked on one expensive run: all are tried, all that break are told.

use anyhow::{Result, bail};

/// Promises of one scenario.
#[derive(Debug, Default)]
pub struct Promises {
    kept: Vec<String>,
    broken: Vec<String>,
}

impl Promises {
    /// Tries a promise; one that breaks does not keep the others from being tried.
    pub fn check(&mut self, promise: &str, try_it: impl FnOnce() -> Result<()>) {
        match try_it() {
            Ok(()) => self.kept.push(promise.to_owned()),
            Err(error) => self.broken.push(format!("{promise}: {error:#}")),
        }
    }

    /// Passes when every promise was kept and there was at least one.
    ///
    /// # Errors
    /// Otherwise; the error tells each.
    pub fn verdict(self) -> Result<()> {
        if self.broken.is_empty() && !self.kept.is_empty() {
            return Ok(());
        }
        bail!(
            "{} promises broken:\n- {}\n{} kept:\n- {}",
            self.broken.len(),
            self.broken.join("\n- "),
            self.kept.len(),
            self.kept.join("\n- ")
        )
    }
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;

    #[test]
    fn a_broken_promise_is_told_and_hides_no_other() {
        let mut promises = Promises::default();
        promises.check("it rains", || Err(anyhow!("dry")));
        promises.check("it snows", || Err(anyhow!("warm")));
        promises.check("it is day", || Ok(()));
        let told = promises.verdict().unwrap_err().to_string();
        assert!(
            told.contains("it rains: dry") && told.contains("it snows: warm") && told.contains("it is day")
        );
    }

    #[test]
    fn nothing_tried_is_nothing_kept() {
        assert!(Promises::default().verdict().is_err());
    }
}
