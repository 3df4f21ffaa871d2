//! A little room that is given back when the disk is full, so that rows can be written that free more.

use std::fs::{File, OpenOptions};

use rustix::fs::FallocateFlags;

use crate::layout::Layout;
use crate::{Error, durable};

/// Deleting the longest session (8 h, four tracks) rewrites at most this much of an index of 10^5 segments, bytes.
const BYTES: u64 = 8 << 20;

/// Disks smaller than this are spared, bytes.
const DISK_BYTES_MIN: u64 = 32 * BYTES;

/// Takes the room, if the disk has plenty and the room is not taken yet. Doing without it is no failure.
pub(crate) fn fill(layout: &Layout) {
    let path = layout.reserve();
    let plenty = || {
        let disk = rustix::fs::statvfs(layout.root()).ok()?;
        Some(disk.f_blocks * disk.f_frsize >= DISK_BYTES_MIN && disk.f_bavail * disk.f_frsize >= 2 * BYTES)
    };
    let taken = || -> std::io::Result<()> {
        let file: File = OpenOptions::new().write(true).create_new(true).open(&path)?;
        Ok(rustix::fs::fallocate(&file, FallocateFlags::empty(), 0, BYTES)?)
    };
    if path.exists() || plenty() != Some(true) {
        return;
    }
    if let Err(error) = taken() {
        tracing::debug!(path = %path.display(), %error, "no room is held back");
        if let Err(error) = durable::remove_if_there(&path) {
            tracing::debug!(path = %path.display(), %error, "an unfinished reserve stays");
        }
    }
}

/// Gives the room back; says whether there was any.
pub(crate) fn release(layout: &Layout) -> Result<bool, Error> {
    durable::remove_if_there(&layout.reserve())
}
