//! What people are told when something cannot be done: one sentence with the fix.

use std::path::Path;

use model::Input;
use model::wire::v1::{Failure, FailureKind};

/// Makes a failure; `message` is one sentence that ends with what to do.
pub(crate) fn failure(kind: FailureKind, message: impl Into<String>) -> Failure {
    Failure { kind, message: message.into() }
}

/// An internal failure: nothing that the reader did.
pub(crate) fn internal(what: impl std::fmt::Display) -> Failure {
    failure(
        FailureKind::Internal,
        format!("capture failed inside: {what}; start again, and report it if it returns"),
    )
}

/// A plugin is not installed.
pub(crate) fn missing_plugin(what: &str, package: &str) -> Failure {
    failure(
        FailureKind::MissingPlugin,
        format!("{what} needs a GStreamer plugin that is not installed; run `apt install {package}`"),
    )
}

/// No H.264 encoder is installed. One of two is the reader's choice, since their licences differ.
pub(crate) fn no_encoder() -> Failure {
    failure(
        FailureKind::MissingPlugin,
        "pictures need an H.264 encoder and none is installed; run `apt install gstreamer1.0-plugins-ugly` (x264, GPL) \
         or `apt install gstreamer1.0-plugins-bad` (openh264, not GPL)",
    )
}

/// No such file.
pub(crate) fn no_such_file(path: &Path) -> Failure {
    failure(FailureKind::UnknownSource, format!("there is no file {}; check the path", path.display()))
}

/// The file exists, but cannot be opened.
pub(crate) fn unreadable_file(path: &Path, why: &std::io::Error) -> Failure {
    failure(
        FailureKind::WrongFormat,
        format!("{} cannot be read ({why}); give it read permission or choose another file", path.display()),
    )
}

/// The path leads to a folder or a device.
pub(crate) fn not_a_file(path: &Path) -> Failure {
    failure(
        FailureKind::WrongFormat,
        format!("{} is not a file; give the path of a recording", path.display()),
    )
}

/// The file holds nothing.
pub(crate) fn empty_file(path: &Path) -> Failure {
    failure(
        FailureKind::WrongFormat,
        format!("{} is empty; copy the recording again or choose another file", path.display()),
    )
}

/// The file is no media that can be decoded.
pub(crate) fn not_media(path: &Path, why: &str) -> Failure {
    failure(
        FailureKind::WrongFormat,
        format!(
            "{} cannot be decoded ({why}); convert it, for example with `ffmpeg -i IN out.mp4`",
            path.display()
        ),
    )
}

/// The inputs hold neither sound nor picture.
pub(crate) fn no_media(input: &Input) -> Failure {
    failure(
        FailureKind::NoMedia,
        format!(
            "{} holds neither sound nor picture; choose a recording or a device that has one",
            input.shown()
        ),
    )
}
