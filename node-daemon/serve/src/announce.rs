//! Says on the local network that this node is here (DNS-SD over mDNS, RFC 6762 and RFC 6763).

use std::collections::HashMap;

use mdns_sd::{ServiceDaemon, ServiceInfo};

/// What programs look for.
const LECTERN: &str = "_lectern._tcp.local.";

/// What browsers of services look for.
const HTTP: &str = "_http._tcp.local.";

/// Longest instance name, bytes (RFC 6763, section 4.1.1).
const INSTANCE_BYTES_MAX: usize = 63;

/// The announcement could not be made; everything else works without it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The network does not take multicast.
    #[error("announce `{name}` on the local network")]
    Announce {
        /// What was to be announced.
        name: String,
        /// Why not.
        source: mdns_sd::Error,
    },
}

/// An announcement; dropped, it is withdrawn.
pub struct Announcement {
    daemon: ServiceDaemon,
    names: Vec<String>,
}

impl std::fmt::Debug for Announcement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Announcement").field("names", &self.names).finish_non_exhaustive()
    }
}

/// Announces the node under `name`, reachable as `<host>.local` on `port`.
///
/// # Errors
/// No interface takes multicast.
pub fn announce(name: &str, port: u16) -> Result<Announcement, Error> {
    let failed = |source| Error::Announce { name: name.to_owned(), source };
    let services = services(name, port).map_err(failed)?;
    // From here on dropped in any case, which ends the daemon's thread.
    let mut announcement = Announcement { daemon: ServiceDaemon::new().map_err(failed)?, names: Vec::new() };
    for service in services {
        let name = service.get_fullname().to_owned();
        announcement.daemon.register(service).map_err(failed)?;
        announcement.names.push(name);
    }
    Ok(announcement)
}

impl Drop for Announcement {
    fn drop(&mut self) {
        for name in &self.names {
            if let Err(error) = self.daemon.unregister(name) {
                tracing::debug!(%error, "withdraw announcement");
            }
        }
        if let Err(error) = self.daemon.shutdown() {
            tracing::debug!(%error, "end announcements");
        }
    }
}

/// Returns the services of a node; addresses follow the interfaces as they come and go.
fn services(name: &str, port: u16) -> Result<Vec<ServiceInfo>, mdns_sd::Error> {
    let instance = instance(name);
    let host = format!("{}.local.", host(name));
    let properties = HashMap::from([
        ("path".to_owned(), "/".to_owned()),
        ("api".to_owned(), "/api/v1".to_owned()),
        ("version".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
    ]);
    let service = |kind| ServiceInfo::new(kind, &instance, &host, "", port, properties.clone());
    Ok(vec![service(LECTERN)?.enable_addr_auto(), service(HTTP)?.enable_addr_auto()])
}

/// Returns the name as DNS-SD takes it: UTF-8, at most 63 bytes, cut between characters.
fn instance(name: &str) -> String {
    let mut text = String::new();
    for letter in name.chars().filter(|letter| !letter.is_control()) {
        if text.len() + letter.len_utf8() > INSTANCE_BYTES_MAX {
            break;
        }
        text.push(letter);
    }
    if text.trim().is_empty() { "Lectern".to_owned() } else { text.trim().to_owned() }
}

/// Returns the name as a host name: letters, digits and hyphens.
fn host(name: &str) -> String {
    let letter =
        |letter: char| if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '-' };
    let text: String = name.chars().map(letter).take(INSTANCE_BYTES_MAX).collect();
    let words: Vec<&str> = text.split('-').filter(|word| !word.is_empty()).collect();
    if words.is_empty() { "lectern".to_owned() } else { words.join("-") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_announced_for_programs_and_for_browsers() {
        let services = services("Hall 3 – Café", 8080).unwrap();
        let names: Vec<_> = services.iter().map(|service| service.get_fullname().to_owned()).collect();
        assert_eq!(names, ["Hall 3 – Café._lectern._tcp.local.", "Hall 3 – Café._http._tcp.local."]);
        assert!(services.iter().all(|service| service.get_port() == 8080));
        assert!(services.iter().all(|service| service.get_hostname() == "hall-3-caf.local."));
    }

    #[test]
    fn any_name_becomes_a_legal_one() {
        assert_eq!(instance(" \n "), "Lectern");
        assert_eq!(instance(&"ä".repeat(40)).len(), 62);
        assert_eq!(host("--- ÄÖ"), "lectern");
        assert_eq!(host(&"x".repeat(99)).len(), 63);
    }
}
