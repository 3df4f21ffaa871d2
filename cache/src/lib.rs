//! Segment files and their SQLite index: keep, find, repair.
