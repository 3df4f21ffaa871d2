//! What the keys can hold: how a value is read from TOML, shown as TOML, and described to people.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use model::Input;
use model::settings::{Ceiling, Latency, TargetLoudness, ThinAudio, VideoEncoder};
use toml::Spanned;
use toml::de::DeValue;

use super::diagnostic::Problem;

/// A type that a key can have.
pub(super) trait Value: Sized {
    /// Returns what may be written, with its unit.
    fn legal() -> String;

    /// Reads a value, or says what is wrong with it.
    fn read(value: &Spanned<DeValue<'_>>, problems: &mut Vec<Problem>) -> Option<Self>;

    /// Writes the value as TOML; `None` when leaving the key out is the only way to write it.
    fn show(&self) -> Option<String>;
}

/// Keeps what was read, or notes what is wrong with it.
fn keep<T>(
    read: Result<T, impl fmt::Display>,
    value: &Spanned<DeValue<'_>>,
    problems: &mut Vec<Problem>,
) -> Option<T> {
    read.map_err(|message| problems.push(Problem { span: value.span(), message: message.to_string() })).ok()
}

/// Returns the text of a string value.
fn text<'a>(value: &'a Spanned<DeValue<'_>>, example: &str) -> Result<&'a str, String> {
    let kind = value.get_ref();
    kind.as_str().ok_or_else(|| format!("text is expected here, not {}; write {example}", kind_of(kind)))
}

/// Returns a number, whole or not.
fn number(value: &Spanned<DeValue<'_>>) -> Result<f64, String> {
    let kind = value.get_ref();
    let text = match kind {
        DeValue::Float(float) => float.as_str(),
        DeValue::Integer(integer) if integer.radix() == 10 => integer.as_str(),
        _ => return Err(format!("a number is expected here, not {}", kind_of(kind))),
    };
    text.parse().map_err(|_| format!("`{text}` is not a number"))
}

/// Names a kind of value in plain words.
pub(super) fn kind_of(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

/// The name that people see: 1 to 63 bytes, the longest that an mDNS label holds (RFC 6763, section 4.1.1).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum NodeName {
    /// The host name of the machine.
    #[default]
    Host,
    /// A chosen name.
    Given(String),
}

impl FromStr for NodeName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.is_empty() || text.len() > 63 || text.chars().any(char::is_control) {
            return Err("a name has 1 to 63 bytes and no control characters; choose a shorter, visible one"
                .to_owned());
        }
        Ok(Self::Given(text.to_owned()))
    }
}

impl Value for NodeName {
    fn legal() -> String {
        "text of 1 to 63 bytes".to_owned()
    }

    fn read(value: &Spanned<DeValue<'_>>, problems: &mut Vec<Problem>) -> Option<Self> {
        keep(text(value, "\"Room 12\"").and_then(str::parse), value, problems)
    }

    fn show(&self) -> Option<String> {
        match self {
            Self::Host => None,
            Self::Given(name) => Some(quoted(name)),
        }
    }
}

/// Where everything is kept.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum Folder {
    /// `$STATE_DIRECTORY` (as systemd gives it), else `$XDG_DATA_HOME/lectern`, else `~/.local/share/lectern`.
    #[default]
    Standard,
    /// A chosen folder.
    At(PathBuf),
}

impl Value for Folder {
    fn legal() -> String {
        "absolute path of a folder".to_owned()
    }

    fn read(value: &Spanned<DeValue<'_>>, problems: &mut Vec<Problem>) -> Option<Self> {
        let read = text(value, "\"/var/lib/lectern\"").and_then(|path| match PathBuf::from(path) {
            path if path.is_absolute() => Ok(Self::At(path)),
            _ => Err(format!("`{path}` depends on where the daemon is started; write the path from `/` on")),
        });
        keep(read, value, problems)
    }

    fn show(&self) -> Option<String> {
        match self {
            Self::Standard => None,
            Self::At(path) => Some(quoted(&path.display().to_string())),
        }
    }
}

impl Value for SocketAddr {
    fn legal() -> String {
        "IP:PORT; port 0 takes a free one".to_owned()
    }

    fn read(value: &Spanned<DeValue<'_>>, problems: &mut Vec<Problem>) -> Option<Self> {
        let read = text(value, "\"0.0.0.0:8080\"").and_then(|text| {
            let fix =
                |_| format!("`{text}` is not an address; write IP:PORT, such as 0.0.0.0:8080 or [::]:8080");
            text.parse().map_err(fix)
        });
        keep(read, value, problems)
    }

    fn show(&self) -> Option<String> {
        Some(quoted(&self.to_string()))
    }
}

impl Value for bool {
    fn legal() -> String {
        "true or false".to_owned()
    }

    fn read(value: &Spanned<DeValue<'_>>, problems: &mut Vec<Problem>) -> Option<Self> {
        let kind = value.get_ref();
        let fix =
            || format!("true or false is expected here, not {}; write it without quotes", kind_of(kind));
        keep(kind.as_bool().ok_or_else(fix), value, problems)
    }

    fn show(&self) -> Option<String> {
        Some(self.to_string())
    }
}

impl Value for Vec<Input> {
    fn legal() -> String {
        "list of file:PATH, test:, alsa:ID, v4l2:/dev/videoN, rtsp://…".to_owned()
    }

    fn read(value: &Spanned<DeValue<'_>>, problems: &mut Vec<Problem>) -> Option<Self> {
        let Some(items) = value.get_ref().as_array() else {
            let kind = kind_of(value.get_ref());
            let message = format!(
                "a list is expected here, not {kind}; write [\"alsa:default\", \"v4l2:/dev/video0\"]"
            );
            problems.push(Problem { span: value.span(), message });
            return None;
        };
        let known = problems.len();
        let read = |item| {
            let input = text(item, "\"test:\"")
                .and_then(|text| text.parse().map_err(|e: model::input::NotAnInput| e.to_string()));
            keep(input, item, problems)
        };
        let inputs = items.iter().filter_map(read).collect();
        (problems.len() == known).then_some(inputs)
    }

    fn show(&self) -> Option<String> {
        let items: Vec<_> = self.iter().map(|input| quoted(&input.to_string())).collect();
        Some(format!("[{}]", items.join(", ")))
    }
}

/// A bit rate between `LOW` and `HIGH` bit/s; with `OFF`, 0 leaves the rendition out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BitRate<const LOW: u32, const HIGH: u32, const OFF: bool>(pub(super) u32);

impl<const LOW: u32, const HIGH: u32, const OFF: bool> Value for BitRate<LOW, HIGH, OFF> {
    fn legal() -> String {
        format!("{}{LOW} to {HIGH} bit/s", if OFF { "0 (off) or " } else { "" })
    }

    fn read(value: &Spanned<DeValue<'_>>, problems: &mut Vec<Problem>) -> Option<Self> {
        let in_range = |text: &str| match text.parse() {
            Ok(bps) if (LOW..=HIGH).contains(&bps) || (OFF && bps == 0) => Ok(Self(bps)),
            _ => Err(format!("{text} bit/s is out of range; use {}", Self::legal())),
        };
        let read = match value.get_ref() {
            DeValue::Integer(integer) if integer.radix() == 10 => in_range(integer.as_str()),
            other => {
                Err(format!("a whole number is expected here, not {}; use {}", kind_of(other), Self::legal()))
            }
        };
        keep(read, value, problems)
    }

    fn show(&self) -> Option<String> {
        Some(self.0.to_string())
    }
}

macro_rules! measure {
    ($Type:ty, $get:ident, $legal:literal) => {
        impl Value for $Type {
            fn legal() -> String {
                $legal.to_owned()
            }

            fn read(value: &Spanned<DeValue<'_>>, problems: &mut Vec<Problem>) -> Option<Self> {
                let read = number(value).and_then(|n| Self::new(n).map_err(|wrong| wrong.to_string()));
                keep(read, value, problems)
            }

            fn show(&self) -> Option<String> {
                Some(format!("{:.1}", self.$get()))
            }
        }
    };
}

measure!(TargetLoudness, lufs, "-24.0 to -14.0 LUFS");
measure!(Ceiling, dbtp, "-9.0 to -1.0 dBTP");

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// One readable line per event.
    Human,
    /// One JSON object per line.
    Json,
}

/// The least important events that are still written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Level {
    /// Something was lost or a person is needed.
    Error,
    /// And what was mended by itself.
    Warn,
    /// And what an operator did or waits for.
    Info,
    /// And every segment.
    Debug,
    /// And every part.
    Trace,
}

macro_rules! choice {
    ($Type:ty { $($word:literal => $variant:path),+ }) => {
        impl Value for $Type {
            fn legal() -> String {
                [$(concat!("\"", $word, "\"")),+].join(" or ")
            }

            fn read(value: &Spanned<DeValue<'_>>, problems: &mut Vec<Problem>) -> Option<Self> {
                let read = text(value, &Self::legal()).and_then(|text| match text {
                    $($word => Ok($variant),)+
                    _ => Err(format!("`{text}` is unknown; write {}", Self::legal())),
                });
                keep(read, value, problems)
            }

            fn show(&self) -> Option<String> {
                Some(quoted(match self { $($variant => $word),+ }))
            }
        }
    };
}

choice!(Latency { "standard" => Latency::Standard, "low" => Latency::Low });
choice!(ThinAudio { "off" => ThinAudio::Off, "opus" => ThinAudio::Opus });
choice!(VideoEncoder { "auto" => VideoEncoder::Auto, "x264" => VideoEncoder::X264, "openh264" => VideoEncoder::Openh264 });
choice!(Format { "human" => Format::Human, "json" => Format::Json });
choice!(Level {
    "error" => Level::Error, "warn" => Level::Warn, "info" => Level::Info, "debug" => Level::Debug, "trace" => Level::Trace
});
