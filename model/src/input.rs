//! Inputs: which source to listen to or look at, as people write it.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A source as a person names it: `file:talk.wav`, `test:`, `alsa:venue_mic`, `v4l2:/dev/video0`, `rtsp://…`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Input {
    /// A media file, paced in real time: `file:PATH`, or `file:PATH?loop` to begin again at its end.
    File {
        /// Where it lies.
        path: PathBuf,
        /// What happens at its end.
        at_end: AtEnd,
    },
    /// The built-in pattern and speech-like sound: `test:`, or one of them with `test:audio`, `test:video`.
    Test(TestSignal),
    /// A sound device by the stable id that `lectern sources` shows: `alsa:ID`.
    Audio {
        /// The id after `alsa:`.
        id: String,
    },
    /// A V4L2 camera: `v4l2:/dev/video0`.
    Camera {
        /// The device node.
        device: PathBuf,
    },
    /// A network camera: `rtsp://…` or `rtsps://…`.
    Rtsp {
        /// The whole address.
        url: String,
    },
}

impl Input {
    /// Returns the source as anybody may see it: an address without the name and password that may stand in it.
    ///
    /// For logs, findings and pages; [`fmt::Display`] writes what can be opened again.
    pub fn shown(&self) -> String {
        match self {
            // Whatever stands before the last `@`: a password may hold one too.
            Self::Rtsp { url } => match url.split_once("://").zip(url.rsplit_once('@')) {
                Some(((scheme, _), (_, host))) => format!("{scheme}://{host}"),
                None => url.clone(),
            },
            Self::File { .. } | Self::Test(_) | Self::Audio { .. } | Self::Camera { .. } => self.to_string(),
        }
    }
}

/// What a file source does at the end of its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AtEnd {
    /// The session ends.
    Stop,
    /// The file begins again, without a gap on the timeline.
    Loop,
}

/// Which built-in signals are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TestSignal {
    /// Sound and picture.
    Both,
    /// Sound only.
    Audio,
    /// Picture only.
    Video,
}

/// The text names no source.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAnInput {
    /// The scheme is missing or unknown.
    #[error(
        "`{text}` names no kind of source; use file:PATH, test:, alsa:ID, v4l2:/dev/videoN or rtsp://… (`lectern sources` lists what is connected)"
    )]
    Scheme {
        /// What was given.
        text: String,
    },
    /// Nothing stands after the scheme.
    #[error("`{text}` names no {what}; write it after the colon")]
    Missing {
        /// What was given.
        text: String,
        /// What is missing: a path, an id.
        what: &'static str,
    },
    /// The option after `?` is unknown.
    #[error("`{option}` is not an option of a file source; the only one is `?loop`")]
    Option {
        /// What stood after the question mark.
        option: String,
    },
}

impl FromStr for Input {
    type Err = NotAnInput;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let scheme = || NotAnInput::Scheme { text: text.to_owned() };
        let missing = |what| NotAnInput::Missing { text: text.to_owned(), what };
        let (kind, rest) = text.split_once(':').ok_or_else(scheme)?;
        match (kind, rest) {
            ("file", "") => Err(missing("path")),
            ("file", rest) => file(rest).ok_or_else(|| missing("path"))?,
            ("test", "") => Ok(Self::Test(TestSignal::Both)),
            ("test", "audio") => Ok(Self::Test(TestSignal::Audio)),
            ("test", "video") => Ok(Self::Test(TestSignal::Video)),
            ("alsa", "") => Err(missing("device id")),
            ("alsa", id) => Ok(Self::Audio { id: id.to_owned() }),
            ("v4l2", "") => Err(missing("device, such as /dev/video0")),
            ("v4l2", device) => Ok(Self::Camera { device: device.into() }),
            ("rtsp" | "rtsps", rest) if rest.len() > 2 && rest.starts_with("//") => {
                Ok(Self::Rtsp { url: text.to_owned() })
            }
            ("rtsp" | "rtsps", _) => Err(missing("address")),
            _ => Err(scheme()),
        }
    }
}

/// Parses what follows `file:`; `None` when the path is empty.
fn file(rest: &str) -> Option<Result<Input, NotAnInput>> {
    // A file URI has two slashes before its (empty) host; a plain path has none.
    let rest = rest.strip_prefix("//").unwrap_or(rest);
    let (path, at_end) = match rest.rsplit_once('?') {
        Some((path, "loop")) => (path, AtEnd::Loop),
        // A question mark is legal in a file name: only what looks like an option is read as one.
        Some((_, option)) if !option.is_empty() && option.bytes().all(|b| b.is_ascii_lowercase()) => {
            return Some(Err(NotAnInput::Option { option: option.to_owned() }));
        }
        _ => (rest, AtEnd::Stop),
    };
    (!path.is_empty()).then(|| Ok(Input::File { path: path.into(), at_end }))
}

impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, at_end } => {
                // Two slashes at the begin of a path would be read as those of a URI.
                let uri = if path.as_os_str().as_encoded_bytes().starts_with(b"//") { "//" } else { "" };
                let option = if *at_end == AtEnd::Loop { "?loop" } else { "" };
                write!(f, "file:{uri}{}{option}", path.display())
            }
            Self::Test(TestSignal::Both) => f.write_str("test:"),
            Self::Test(TestSignal::Audio) => f.write_str("test:audio"),
            Self::Test(TestSignal::Video) => f.write_str("test:video"),
            Self::Audio { id } => write!(f, "alsa:{id}"),
            Self::Camera { device } => write!(f, "v4l2:{}", device.display()),
            Self::Rtsp { url } => f.write_str(url),
        }
    }
}

impl Serialize for Input {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Input {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, expect: Input) {
        assert_eq!(text.parse(), Ok(expect));
    }

    #[test]
    fn every_kind_of_source_has_a_name() {
        check("file:talk.wav", Input::File { path: "talk.wav".into(), at_end: AtEnd::Stop });
        check("file:///srv/a b.mp4?loop", Input::File { path: "/srv/a b.mp4".into(), at_end: AtEnd::Loop });
        check("file:why?.wav", Input::File { path: "why?.wav".into(), at_end: AtEnd::Stop });
        check("test:", Input::Test(TestSignal::Both));
        check("test:audio", Input::Test(TestSignal::Audio));
        check("alsa:plughw:CARD=Mic,DEV=0", Input::Audio { id: "plughw:CARD=Mic,DEV=0".to_owned() });
        check("v4l2:/dev/video0", Input::Camera { device: "/dev/video0".into() });
        check("rtsp://10.0.0.9/main", Input::Rtsp { url: "rtsp://10.0.0.9/main".to_owned() });
    }

    #[test]
    fn a_wrong_source_says_what_to_write() {
        let message = |text: &str| text.parse::<Input>().unwrap_err().to_string();
        assert!(message("talk.wav").contains("use file:PATH"));
        assert!(message("file:").contains("names no path"));
        assert!(message("file:?loop").contains("names no path"));
        assert!(message("file:a.wav?repeat").contains("`?loop`"));
        assert!(message("rtsp:").contains("names no address"));
        assert!(message("http://example.org").contains("names no kind of source"));
    }

    #[test]
    fn a_password_is_never_shown() {
        let shown = |text: &str| text.parse::<Input>().unwrap().shown();
        assert_eq!(shown("rtsp://admin:p@ss@10.0.0.9/main"), "rtsp://10.0.0.9/main");
        assert_eq!(shown("rtsps://10.0.0.9/main"), "rtsps://10.0.0.9/main");
        assert_eq!(shown("file:/srv/me@home.wav?loop"), "file:/srv/me@home.wav?loop");
    }

    #[test]
    fn a_path_that_begins_with_two_slashes_survives_its_text() {
        let input: Input = "file:////srv/talk.wav".parse().unwrap();
        assert_eq!(input, Input::File { path: "//srv/talk.wav".into(), at_end: AtEnd::Stop });
        assert_eq!(input.to_string().parse(), Ok(input));
    }

    proptest! {
        #[test]
        fn what_parses_survives_its_text(text in "(file|test|alsa|v4l2|rtsp):/{0,5}[ -~]{0,20}") {
            if let Ok(input) = text.parse::<Input>() {
                prop_assert_eq!(input.to_string().parse::<Input>(), Ok(input));
            }
        }
    }
}
