//! Says that the node serves: a line for people, a file for programs.

use std::net::SocketAddr;
use std::path::Path;
use std::{fs, io};

use crate::cli;
use crate::error::Error;
use crate::out;

/// Says where the node serves.
///
/// # Errors
/// The line or the file cannot be written.
pub(super) fn say(address: SocketAddr, arguments: &cli::Run) -> Result<(), Error> {
    let url = format!("http://{address}");
    out::line(&format!("listening on {url}"))?;
    match &arguments.ready_file {
        Some(path) => write(path, &url).map_err(|source| Error::ReadyFile { path: path.clone(), source }),
        None => Ok(()),
    }
}

/// Writes the file under another name first: whoever sees it sees all of it.
fn write(path: &Path, url: &str) -> io::Result<()> {
    let fresh = path.with_extension("new");
    fs::write(&fresh, format!("{url}\n"))?;
    fs::rename(fresh, path)
}
