//! Answers on standard output.

use std::fs::OpenOptions;
use std::io::{self, Write};

/// Writes a text as it is. A reader that has seen enough, such as `head`, is no failure.
///
/// # Errors
/// Standard output cannot be written.
pub(crate) fn text(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        done => done,
    }
}

/// Writes a line.
///
/// # Errors
/// Standard output cannot be written.
pub(crate) fn line(line: &str) -> io::Result<()> {
    text(&format!("{line}\n"))
}

/// Writes a value as indented JSON.
///
/// # Errors
/// Standard output cannot be written.
pub(crate) fn json(value: &serde_json::Value) -> io::Result<()> {
    line(&format!("{value:#}"))
}

/// Does `work` while everything that this process writes to standard error is thrown away: the libraries of sound servers
/// write there by themselves, and nothing else can silence them.
///
/// # Errors
/// Standard error cannot be turned away, or back.
pub(crate) fn quietly<T>(work: impl FnOnce() -> T) -> io::Result<T> {
    let kept = rustix::io::dup(io::stderr())?;
    rustix::stdio::dup2_stderr(OpenOptions::new().write(true).open("/dev/null")?)?;
    let done = work();
    rustix::stdio::dup2_stderr(kept)?;
    Ok(done)
}
