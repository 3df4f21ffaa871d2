//! One writer: a `flock` on a file that the kernel lets go of when the holder dies.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::FlockOperation;

use crate::layout::Layout;
use crate::{Error, durable};

/// Held as long as the store is open for writing.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock of a data folder.
    pub(crate) fn take(layout: &Layout) -> Result<Self, Error> {
        let path = layout.lock();
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(durable::FILE_MODE)
            .open(&path)
            .map_err(|source| Error::Create { path: path.clone(), source })?;
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                return Err(Error::Locked { path: layout.root().to_owned(), pid: holder(&path) });
            }
            Err(errno) => return Err(Error::Create { path, source: errno.into() }),
        }
        // The pid only serves the sentence that a second writer gets: on a full disk the lock holds without it.
        if let Err(error) = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id())) {
            tracing::debug!(path = %path.display(), %error, "lock file without pid");
        }
        Ok(Self { _file: file })
    }
}

/// Says whether a process writes in this data folder. Asks the kernel's list: taking the lock, however briefly, could turn
/// away a daemon that starts at this moment.
pub(crate) fn is_held(layout: &Layout) -> bool {
    let Ok(meta) = std::fs::metadata(layout.lock()) else { return false };
    let locks = std::fs::read_to_string("/proc/locks").unwrap_or_default();
    // `1: FLOCK  ADVISORY  WRITE 3711 fe:01:1843 0 EOF`: the inode ends the sixth word (proc_locks(5)).
    let inode = meta.ino().to_string();
    locks.lines().any(|line| {
        let mut words = line.split_ascii_whitespace();
        words.nth(1) == Some("FLOCK") && words.nth(3).and_then(|file| file.rsplit(':').next()) == Some(&inode)
    })
}

fn holder(path: &Path) -> Option<u32> {
    let mut text = String::new();
    // A pid and a line end have at most 11 characters.
    File::open(path).ok()?.take(11).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}
