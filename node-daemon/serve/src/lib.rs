//! The LAN surface: playlists, media, API, pages, announcement.
