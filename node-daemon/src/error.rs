//! What ends a command, as a sentence for people with the fix, and as an exit code for programs.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::config::Mistakes;
use crate::room::Refusal;

/// Something that ends a command.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The configuration has mistakes.
    #[error("{0}")]
    Settings(#[from] Mistakes),
    /// No home folder is known.
    #[error(
        "it is not known where recordings are kept: neither STATE_DIRECTORY, XDG_DATA_HOME nor HOME is set; name a folder with --data"
    )]
    NoHome,
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {}", listen_advice(source, *address))]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// The data folder cannot be used.
    #[error("{}. {}", model::chain(.0), .0.advice())]
    Store(#[from] cache::Error),
    /// The session did not begin.
    #[error("the session does not begin: {0}")]
    Start(Refusal),
    /// The ready file cannot be written.
    #[error("the ready file `{}` cannot be written: {source}; name another one with --ready-file", path.display())]
    ReadyFile {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The system does not give what every process needs.
    #[error("{what}: {source}; close other programs or restart the machine")]
    System {
        /// What it does not give.
        what: &'static str,
        /// Why not.
        source: io::Error,
    },
    /// A part of the daemon ended that never ends.
    #[error(
        "the {0} ended with a fault, which the lines above describe; start the daemon again and report the fault"
    )]
    Fault(&'static str),
    /// The daemon was told twice to end.
    #[error("ended at once; an unfinished session goes on at the next start")]
    AtOnce,
    /// Capture and daemon lost each other.
    #[error("capture: {0}")]
    Capture(String),
    /// Standard output cannot be written.
    #[error("standard output: {0}")]
    Output(#[from] io::Error),
    /// The command was asked for something that it does not do.
    #[error("{0}")]
    Usage(String),
    /// What was asked for did not succeed, as already described.
    #[error("{0}")]
    Failed(String),
}

impl Error {
    /// Returns the exit code: 1 for a failure, 2 for what the caller can write differently.
    pub(crate) const fn exit_code(&self) -> u8 {
        match self {
            Self::Settings(_) | Self::NoHome | Self::Usage(_) => 2,
            _ => 1,
        }
    }
}

fn listen_advice(error: &io::Error, address: SocketAddr) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => format!(
            "port {} is used by another program, perhaps another lectern; stop that one, or choose a port with --http IP:PORT",
            address.port()
        ),
        io::ErrorKind::PermissionDenied => {
            format!(
                "port {} is reserved for the system; choose one above 1023 with --http IP:PORT",
                address.port()
            )
        }
        io::ErrorKind::AddrNotAvailable => {
            "this machine does not have that address; use 0.0.0.0 for all of its addresses".to_owned()
        }
        _ => format!("{error}; choose another address with --http IP:PORT"),
    }
}
