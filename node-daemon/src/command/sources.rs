//! `lectern sources`: what is connected, under the names that `--input` takes.

use std::sync::Arc;

use capture::{Probe, SourceInfo};
use model::Clock;

use crate::cli::Json;
use crate::clock::SystemClock;
use crate::error::Error;
use crate::out;

pub(super) fn list(quick: bool, Json { json }: Json) -> Result<(), Error> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let probe = if quick { Probe::Formats } else { Probe::Levels };
    let found = out::quietly(|| capture::sources(probe, &clock))?;
    if json {
        let list = serde_json::to_value(&found).map_err(|error| Error::Failed(error.to_string()))?;
        return Ok(out::json(&list)?);
    }
    if found.is_empty() {
        out::line("no microphone and no camera is connected")?;
    }
    for source in &found {
        out::line(&describe(source, quick))?;
    }
    out::line("test:\n  built-in pattern and speech-like sound")?;
    out::line(
        "file:PATH\n  a wav, mp4, mkv or webm file, in real time; file:PATH?loop begins again at its end",
    )?;
    Ok(())
}

fn describe(source: &SourceInfo, quick: bool) -> String {
    let SourceInfo { input, name, formats, peak_dbfs, problem } = source;
    let mut text = format!("{input}\n  {name}");
    for format in formats {
        text.push_str(&format!("\n  {format}"));
    }
    match (problem, peak_dbfs) {
        (Some(problem), _) => text.push_str(&format!("\n  cannot be used: {problem}")),
        (None, Some(peak)) => text.push_str(&format!("\n  peak {peak:.1} dBFS")),
        (None, None) if !quick && matches!(input, model::Input::Audio { .. }) => {
            text.push_str("\n  digital silence")
        }
        (None, None) => {}
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(peak_dbfs: Option<f32>, problem: Option<&str>, expect: &str) {
        let source = SourceInfo {
            input: "alsa:hw:CARD=Mic".parse().unwrap(),
            name: "Field Mic".to_owned(),
            formats: vec!["48000 Hz".to_owned()],
            peak_dbfs,
            problem: problem.map(str::to_owned),
        };
        assert_eq!(
            describe(&source, false),
            format!("alsa:hw:CARD=Mic\n  Field Mic\n  48000 Hz\n  {expect}")
        );
    }

    #[test]
    fn a_source_is_shown_with_its_level_or_with_what_is_wrong() {
        check(Some(-31.24), None, "peak -31.2 dBFS");
        check(None, None, "digital silence");
        check(
            None,
            Some("it is in use; close the other program"),
            "cannot be used: it is in use; close the other program",
        );
    }
}
