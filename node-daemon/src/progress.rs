//! How far a long command is, where a person looks: one line of the terminal, written over and over.

use std::io::{IsTerminal, Write, stderr};

/// Back to the begin of the line, which is emptied.
const AGAIN: &str = "\r\x1b[K";

/// Shows how far it is on standard error, if that is a terminal.
#[derive(Debug)]
pub(crate) struct Progress {
    watched: bool,
}

impl Progress {
    /// Looks whether anybody watches.
    pub(crate) fn new() -> Self {
        Self { watched: stderr().is_terminal() }
    }

    /// Shows `text` in place of what was shown before.
    pub(crate) fn say(&self, text: &str) {
        self.write(&format!("{AGAIN}{text}"));
    }

    /// Takes away what was shown.
    pub(crate) fn end(&self) {
        self.write(AGAIN);
    }

    fn write(&self, text: &str) {
        let mut terminal = stderr().lock();
        // The terminal may go away; what is shown there goes on.
        if self.watched && terminal.write_all(text.as_bytes()).and_then(|()| terminal.flush()).is_err() {
            tracing::trace!("the terminal is gone");
        }
    }
}
