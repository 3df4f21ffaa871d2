//! What is written to the log, and how it looks. Always to standard error: standard output belongs to answers.

use std::io::{self, IsTerminal};

use clap::ValueEnum;
use clap::builder::PossibleValue;
use tracing::Level as TracingLevel;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry, fmt, reload};

use crate::config::{Format, Level};

/// The crates whose events follow the chosen level; every other crate is heard from `warn` on only.
const OURS: [&str; 6] = ["lectern", "serve", "cache", "capture", "loudness", "model"];

/// Changes the level while the log runs.
#[derive(Debug, Clone)]
pub(crate) struct Dial(reload::Handle<Targets, Registry>);

impl Dial {
    /// Sets the least important level that is still written.
    pub(crate) fn set(&self, level: Level) {
        if let Err(error) = self.0.reload(targets(level)) {
            tracing::warn!(%error, "log level stays as it is");
        }
    }
}

/// Starts the log of this process.
///
/// # Errors
/// A log is running already.
pub(crate) fn start(format: Format, level: Level) -> Result<Dial, tracing_subscriber::util::TryInitError> {
    let (filter, dial) = reload::Layer::new(targets(level));
    let lines = fmt::layer().with_writer(io::stderr);
    let lines = match format {
        Format::Human => lines.with_target(false).with_ansi(ansi()).boxed(),
        Format::Json => {
            lines.json().flatten_event(true).with_current_span(true).with_span_list(false).boxed()
        }
    };
    tracing_subscriber::registry().with(lines.with_filter(filter)).try_init()?;
    Ok(Dial(dial))
}

/// Returns the arguments that make a child process log in the same way.
pub(crate) fn arguments(format: Format, level: Level) -> [String; 4] {
    let word =
        |value: Option<PossibleValue>| value.map(|value| value.get_name().to_owned()).unwrap_or_default();
    [
        "--log".to_owned(),
        word(format.to_possible_value()),
        "--log-level".to_owned(),
        word(level.to_possible_value()),
    ]
}

/// Colours only where a person looks, and not where they asked for none (no-color.org).
fn ansi() -> bool {
    io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

fn targets(level: Level) -> Targets {
    let level = match level {
        Level::Error => TracingLevel::ERROR,
        Level::Warn => TracingLevel::WARN,
        Level::Info => TracingLevel::INFO,
        Level::Debug => TracingLevel::DEBUG,
        Level::Trace => TracingLevel::TRACE,
    };
    let others = LevelFilter::from_level(level.min(TracingLevel::WARN));
    Targets::new().with_default(others).with_targets(OURS.map(|name| (name, level)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debugging_lectern_does_not_open_the_flood_of_other_crates() {
        let targets = targets(Level::Debug);
        assert!(targets.would_enable("lectern::intake", &TracingLevel::DEBUG));
        assert!(!targets.would_enable("lectern::intake", &TracingLevel::TRACE));
        assert!(targets.would_enable("hyper::proto", &TracingLevel::WARN));
        assert!(!targets.would_enable("hyper::proto", &TracingLevel::INFO));
    }
}
