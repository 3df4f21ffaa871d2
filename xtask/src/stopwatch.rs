//! How long a chore takes, and waiting between two looks. The only place of xtask that knows real time.

use std::fmt;
use std::time::{Duration, Instant};

/// Runs from the moment it is made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts one.
    #[expect(
        clippy::disallowed_methods,
        reason = "xtask times chores for people; no media time depends on it"
    )]
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    /// Returns the time since the start.
    pub(crate) fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}

/// Waits between two looks at something that cannot be waited for.
#[expect(clippy::disallowed_methods, reason = "a child's exit and a file's coming have to be looked for")]
pub(crate) fn pause(length: Duration) {
    std::thread::sleep(length);
}

/// A duration as people read it: `4 s`, `3 min 07 s`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Took(pub(crate) Duration);

impl fmt::Display for Took {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        if seconds >= 60 {
            write!(f, "{} min {:02} s", seconds / 60, seconds % 60)
        } else {
            write!(f, "{:.1} s", self.0.as_secs_f64())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_written_for_people() {
        assert_eq!(Took(Duration::from_millis(4230)).to_string(), "4.2 s");
        assert_eq!(Took(Duration::from_secs(187)).to_string(), "3 min 07 s");
    }
}
