//! Sealed files as memory, without a copy. The only unsafe code of this crate.

use std::fs::File;
use std::io;

use bytes::Bytes;
use memmap2::Mmap;

/// Maps a sealed file; the mapping lives as long as the last clone of the bytes, even after the file is removed.
pub(super) fn bytes(file: &File) -> io::Result<Bytes> {
    if file.metadata()?.len() == 0 {
        return Ok(Bytes::new());
    }
    // SAFETY: the mapped file must not be truncated or changed while it is mapped. Only objects are mapped; they are
    // complete and synced before they get their name, this program never opens them for writing afterwards, removing
    // one leaves its inode to the mapping, and the folder belongs to this program's account alone.
    #[expect(unsafe_code, reason = "a mapping cannot be made without it")]
    let map = unsafe { Mmap::map(file) }?;
    Ok(Bytes::from_owner(map))
}
