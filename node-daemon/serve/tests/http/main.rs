//! The LAN surface as clients meet it: a real cache, a real TCP port, real HTTP clients.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod files;
mod node;
mod orders;
mod pages;
mod playlists;
mod room;
mod shutdown;
