//! Live loudness: EBU R 128 meters and the normaliser, in plain Rust.
