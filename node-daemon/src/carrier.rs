//! How capture is reached: as a process of its own, or inside this one.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender};

use model::Clock;
use model::wire::v1::{Order, Report};

/// Both ends of the conversation with capture. Its end is the end of `reports`.
#[derive(Debug)]
pub(crate) struct Line {
    /// Takes orders; dropped, it makes capture leave.
    pub(crate) orders: SyncSender<Order>,
    /// Gives reports, [`Report::Hello`] first.
    pub(crate) reports: Receiver<Report>,
}

impl From<capture::Link> for Line {
    fn from(capture::Link { orders, reports, .. }: capture::Link) -> Self {
        Self { orders, reports }
    }
}

/// Opens lines to capture, one at a time.
pub(crate) trait Carrier: Send + 'static {
    /// Starts capture and returns the line to it; what was started before is ended first.
    ///
    /// # Errors
    /// Capture cannot be started.
    fn open(&mut self) -> io::Result<Line>;

    /// Ends what was started, at once, and waits until it is gone. Nothing else is ever ended.
    fn end(&mut self);
}

/// Capture as a child process, so that no driver or codec that crashes takes the room with it.
#[derive(Debug)]
pub(crate) struct Process {
    program: PathBuf,
    arguments: Vec<String>,
    child: Option<Child>,
}

impl Process {
    /// Starts `program` with `arguments`; its standard input is the socket.
    pub(crate) const fn new(program: PathBuf, arguments: Vec<String>) -> Self {
        Self { program, arguments, child: None }
    }
}

impl Carrier for Process {
    fn open(&mut self) -> io::Result<Line> {
        self.end();
        let (ours, theirs) = UnixStream::pair()?;
        let child = Command::new(&self.program)
            .args(&self.arguments)
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            // Standard output belongs to the daemon's answers.
            .stdout(Stdio::null())
            // A Ctrl-C in the terminal is for the daemon: capture first has to deliver what it holds.
            .process_group(0)
            .spawn()?;
        tracing::debug!(pid = child.id(), "capture process started");
        self.child = Some(child);
        capture::connect(ours).map(Line::from).map_err(io::Error::other)
    }

    fn end(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        // A child that is gone but not waited for still holds its number, so this can reach no other process.
        if let Err(error) = child.kill() {
            tracing::warn!(pid = child.id(), %error, "capture process cannot be ended");
        }
        match child.wait() {
            Ok(status) => tracing::debug!(pid = child.id(), %status, "capture process ended"),
            Err(error) => tracing::warn!(pid = child.id(), %error, "capture process cannot be waited for"),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}

/// Capture on threads of this process, for tests and for looking at one process only.
#[derive(Debug)]
pub(crate) struct InProcess(pub(crate) Arc<dyn Clock>);

impl Carrier for InProcess {
    fn open(&mut self) -> io::Result<Line> {
        capture::in_process(Arc::clone(&self.0)).map(Line::from).map_err(io::Error::other)
    }

    /// The line that the intake drops is what ends it.
    fn end(&mut self) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_that_is_ended_ends_its_line_and_is_waited_for() {
        // A stand-in that never reads its socket and never leaves by itself.
        let mut process = Process::new("/bin/sleep".into(), vec!["600".to_owned()]);
        let line = process.open().unwrap();
        let pid = process.child.as_ref().unwrap().id();
        process.end();
        assert!(line.reports.recv().is_err());
        assert!(!std::fs::exists(format!("/proc/{pid}")).unwrap(), "not even a zombie is left");
        process.end();
    }

    #[test]
    fn a_program_that_is_not_there_is_an_error_and_no_child() {
        let mut process = Process::new("/nonexistent/lectern".into(), Vec::new());
        assert_eq!(process.open().unwrap_err().kind(), io::ErrorKind::NotFound);
        assert!(process.child.is_none());
    }
}
