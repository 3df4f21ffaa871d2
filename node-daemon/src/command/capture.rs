//! `lectern capture`: the child process that opens devices, so that none of them can take the room with it.

use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use model::chain;
use rustix::process::{Signal, set_parent_process_death_signal};

use crate::cli::Capture;
use crate::clock::SystemClock;
use crate::error::Error;
use crate::log;

pub(super) fn serve(arguments: &Capture) -> Result<(), Error> {
    log::start(arguments.log, arguments.log_level).map_err(|error| Error::Capture(error.to_string()))?;
    let socket = |source| Error::System { what: "the socket to the daemon cannot be used", source };
    let stream = match &arguments.socket {
        Some(path) => UnixStream::connect(path).map_err(socket)?,
        None => {
            // The end of the socket says that the daemon is gone; a driver that hangs would not hear it.
            set_parent_process_death_signal(Some(Signal::KILL)).map_err(|error| socket(error.into()))?;
            UnixStream::from(std::io::stdin().as_fd().try_clone_to_owned().map_err(socket)?)
        }
    };
    capture::serve(stream, Arc::new(SystemClock)).map_err(|error| Error::Capture(chain(&error)))
}
