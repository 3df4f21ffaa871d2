//! What the one who opens a store decides.

use crate::crash_point::CrashAt;

/// When a part counts as kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Durability {
    /// When the disk has it: each part costs one `fdatasync`, and a power cut loses at most the part being written.
    #[default]
    Fsync,
    /// When the kernel has it: a killed process loses nothing, a power cut loses the segments that were growing.
    /// Sealing still waits for the disk.
    Lazy,
}

/// How a store is opened for writing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// When a part counts as kept.
    pub durability: Durability,
    /// Where the process kills itself, for tests of what a crash leaves; `None` in a lecture.
    pub crash_at: Option<CrashAt>,
}
