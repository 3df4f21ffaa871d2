//! What end-to-end tests ask of a recording, whatever it came from. The tests themselves live in `tests/`.

pub mod browser;
pub mod recording;
