//! The messages between the daemon and the capture process.
//!
//! One seam, two carriers: in memory (tests, `--in-process`) the values themselves travel; over a Unix socket they are
//! written as [`frame`]s. A version is said first; nothing else is read before it.

pub mod frame;
pub mod v1;
