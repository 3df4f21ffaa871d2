//! The `lectern-bench` binary.
fn main() {}
