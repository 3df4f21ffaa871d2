//! An LL-HLS client that plays nothing and checks everything: RFC 8216bis on the wire, rule by rule.
//!
//! It is written from the draft. A rule has a name and a reason; a [`Report`] counts how often each was tried, so that a
//! check that never ran cannot pass for one that held.

mod at_rest;
mod fetched;
mod http_rules;
mod moving;
#[cfg(test)]
mod origin;
mod report;
pub mod rules;
mod session;
#[cfg(test)]
mod tests;
mod track;

pub use http_rules::check_http;
pub use report::{Report, Rule};
pub use session::{Following, Session};
pub use track::{Fetched, FetchedPart, FetchedSegment, Goal, Track};
