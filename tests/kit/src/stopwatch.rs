//! The one place where tests and benches look at a real clock or wait.
//!
//! Everything that waits here waits for a condition, with a deadline; nothing waits for a fixed time and hopes.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Result, bail};

/// How often a condition that cannot be subscribed to is looked at again.
pub const POLL_EVERY: Duration = Duration::from_millis(10);

/// Measures how long something took.
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts to measure.
    #[expect(clippy::disallowed_methods, reason = "the tests' one real monotonic clock")]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// Returns the time since the start.
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

/// A moment after which a test gives up, and what it was waiting for.
#[derive(Debug, Clone)]
pub struct Deadline {
    since: Stopwatch,
    within: Duration,
    what: String,
}

impl Deadline {
    /// Gives `what` the time `within`, from here on.
    pub fn new(what: impl Into<String>, within: Duration) -> Self {
        Self { since: Stopwatch::start(), within, what: what.into() }
    }

    /// Returns the time that is left.
    ///
    /// # Errors
    /// None is left.
    pub fn left(&self) -> Result<Duration> {
        match self.within.checked_sub(self.since.elapsed()) {
            Some(left) if !left.is_zero() => Ok(left),
            _ => bail!("waited {} s in vain for: {}", self.within.as_secs_f32(), self.what),
        }
    }
}

/// Waits until `look` returns something.
///
/// # Errors
/// `look` failed, or `within` is over.
pub fn wait_until<T>(what: &str, within: Duration, mut look: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let deadline = Deadline::new(what, within);
    loop {
        if let Some(found) = look()? {
            return Ok(found);
        }
        pause(POLL_EVERY.min(deadline.left()?));
    }
}

/// Returns the wall-clock time since 1970-01-01 UTC: the clock that EXT-X-PROGRAM-DATE-TIME speaks of.
#[expect(clippy::disallowed_methods, reason = "the tests' one real wall clock")]
pub fn wall() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// Lets time pass. For measurements that need it; a test that only waits uses [`wait_until`].
#[expect(clippy::disallowed_methods, reason = "the tests' one place that sleeps")]
pub fn pause(length: Duration) {
    std::thread::sleep(length);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_is_looked_at_until_it_holds() {
        let mut looks = 0;
        let found = wait_until("the third look", Duration::from_secs(5), || {
            looks += 1;
            Ok((looks == 3).then_some(looks))
        });
        assert_eq!(found.unwrap(), 3);
    }

    #[test]
    fn a_vain_wait_says_what_it_waited_for() {
        let waited = wait_until::<()>("the moon", Duration::from_millis(15), || Ok(None));
        assert_eq!(waited.unwrap_err().to_string(), "waited 0.015 s in vain for: the moon");
    }
}
