//! File operations whose result survives a power cut, and the order in which they must come.
//!
//! A failed sync is final: the kernel may have dropped the bytes and says "done" the next time it is asked.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::Error;

/// Owner writes, group reads.
pub(crate) const FILE_MODE: u32 = 0o640;

/// Makes a file that must not exist.
pub(crate) fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create_new(true).mode(FILE_MODE).open(path)
}

/// Brings the names in a folder to the disk.
pub(crate) fn sync_dir(path: &Path) -> Result<(), Error> {
    File::open(path)
        .and_then(|dir| dir.sync_all())
        .map_err(|source| Error::SyncFolder { path: path.to_owned(), source })
}

/// Writes a whole file afresh and brings it to the disk; a file of that name is replaced.
///
/// The bytes go to an inode of their own, so that a sync that failed on another one says nothing about them.
pub(crate) fn write_synced(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    remove_if_there(path)?;
    let written = create(path).map_err(|source| Error::Create { path: path.to_owned(), source }).and_then(
        |mut file| {
            file.write_all(bytes).map_err(|source| Error::Write { path: path.to_owned(), source })?;
            file.sync_all().map_err(|source| Error::Sync { path: path.to_owned(), source })
        },
    );
    if written.is_err()
        && let Err(error) = remove_if_there(path)
    {
        // Why it could not be written counts more; recovery removes what is left.
        tracing::debug!(path = %path.display(), %error, "a half-written file stays");
    }
    written
}

/// Removes a file; says whether it was there.
pub(crate) fn remove_if_there(path: &Path) -> Result<bool, Error> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(source) => Err(Error::Remove { path: path.to_owned(), source }),
    }
}

/// Returns the names in a folder that are files; an absent folder has none. Names that are no UTF-8 come out lossy.
pub(crate) fn file_names(path: &Path) -> Result<Vec<String>, Error> {
    entries(path, |kind| kind.is_file() || kind.is_symlink())
}

/// Returns the names in a folder that are folders.
pub(crate) fn dir_names(path: &Path) -> Result<Vec<String>, Error> {
    entries(path, fs::FileType::is_dir)
}

fn entries(path: &Path, wanted: impl Fn(&fs::FileType) -> bool) -> Result<Vec<String>, Error> {
    let failed = |source| Error::ListFolder { path: path.to_owned(), source };
    let dir = match fs::read_dir(path) {
        Ok(dir) => dir,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(failed(source)),
    };
    let mut names = Vec::new();
    for entry in dir {
        let entry = entry.map_err(failed)?;
        if wanted(&entry.file_type().map_err(failed)?) {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    Ok(names)
}
