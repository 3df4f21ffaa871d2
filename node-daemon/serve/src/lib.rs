//! The LAN surface: playlists, media, API, pages, announcement.
//!
//! The only crate that knows HTTP status codes and playlist syntax. It reads the cache and never writes it; orders go
//! to the daemon through [`Control`], media comes from the daemon through [`Live`].
//!
//! - pure: `timeline` (what there is), `playlist` (how it is written), `text`
//! - shared state: `feed` (one session), [`Live`] (the running ones), `shelf` (the recorded ones)
//! - HTTP: [`Server`], `hls`, `media`, `api`, `page`, `assets`, `problem`, `metrics`

mod announce;
mod api;
mod assets;
mod control;
mod deps;
mod feed;
mod hls;
mod live;
mod media;
mod metrics;
mod page;
mod playlist;
mod problem;
mod server;
mod shelf;
mod text;
mod timeline;

pub use announce::{Announcement, Error as AnnounceError, announce};
pub use control::{Control, ControlError, Readiness};
pub use live::{Error as LiveError, Ignored, Live};
pub use server::{Options, Server};
