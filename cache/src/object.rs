//! Objects: sealed files, immutable, named by their hash; equal ones are one file.

mod map;

use std::fs::{self, File};
use std::io;
use std::path::Path;

use bytes::Bytes;
use model::ContentHash;

use crate::crash_point::{Plan, Point};
use crate::layout::{COPY_SUFFIX, Layout, create_dir};
use crate::{Error, durable};

/// Gives a synced file its object name and brings the name to the disk. The first name stays: it goes after the row.
///
/// Until then the first name says where the bytes belong, whatever happens in between.
pub(crate) fn place(layout: &Layout, crash: &Plan, from: &Path, hash: ContentHash) -> Result<(), Error> {
    let fan = layout.fan(hash);
    if create_dir(&fan)? {
        durable::sync_dir(&layout.objects())?;
    }
    let to = layout.object(hash);
    let failed = |source| Error::Name { from: from.to_owned(), to: to.clone(), source };
    match fs::hard_link(from, &to) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            if !same_bytes(from, &to)? {
                quarantine(layout, &to)?;
                fs::hard_link(from, &to).map_err(failed)?;
            }
        }
        // FAT, exFAT and some network file systems know no links: there a segment is written twice.
        Err(error) if is_without_links(&error) => copy(layout, from, &to, hash)?,
        Err(source) => return Err(failed(source)),
    }
    crash.reach(Point::ObjectLinked);
    durable::sync_dir(&fan)
}

fn is_without_links(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::Unsupported | io::ErrorKind::PermissionDenied | io::ErrorKind::TooManyLinks
    )
}

fn copy(layout: &Layout, from: &Path, to: &Path, hash: ContentHash) -> Result<(), Error> {
    let scratch = layout.growing().join(format!("{hash}{COPY_SUFFIX}"));
    durable::write_synced(&scratch, &read(from)?)?;
    fs::rename(&scratch, to).map_err(|source| Error::Name {
        from: scratch.clone(),
        to: to.to_owned(),
        source,
    })
}

fn same_bytes(a: &Path, b: &Path) -> Result<bool, Error> {
    Ok(read(a)? == read(b)?)
}

/// Reads a whole file.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Error> {
    fs::read(path).map_err(|source| Error::Read { path: path.to_owned(), source })
}

/// Moves a file to the quarantine, under a name that is free there; returns that name.
pub(crate) fn quarantine(layout: &Layout, path: &Path) -> Result<String, Error> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut free = name.clone();
    let mut copies = 0_u64;
    while layout.quarantine().join(&free).exists() {
        copies += 1;
        free = format!("{name}.{copies}");
    }
    let to = layout.quarantine().join(&free);
    fs::rename(path, &to).map_err(|source| Error::Name { from: path.to_owned(), to, source })?;
    durable::sync_dir(&layout.quarantine())?;
    if let Some(parent) = path.parent() {
        durable::sync_dir(parent)?;
    }
    Ok(free)
}

/// Maps an object; `None` when there is no such file.
pub(crate) fn open(layout: &Layout, hash: ContentHash) -> Result<Option<Bytes>, Error> {
    let path = layout.object(hash);
    let failed = |source| Error::Read { path: path.clone(), source };
    match File::open(&path) {
        Ok(file) => map::bytes(&file).map(Some).map_err(failed),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(failed(source)),
    }
}

/// Hashes bytes.
pub(crate) fn hash_of(bytes: &[u8]) -> ContentHash {
    ContentHash::from_bytes(*blake3::hash(bytes).as_bytes())
}

/// Hashes a file piece by piece; returns its size too.
pub(crate) fn hash_file(path: &Path) -> io::Result<(ContentHash, u64)> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(File::open(path)?)?;
    Ok((ContentHash::from_bytes(*hasher.finalize().as_bytes()), hasher.count()))
}
