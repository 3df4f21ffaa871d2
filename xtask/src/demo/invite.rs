//! What the demo says to the person: where it is, as text and as a QR code, and what to try.

use std::net::{IpAddr, UdpSocket};
use std::path::Path;

use qrcode::QrCode;
use qrcode::render::unicode::Dense1x2;

/// What the button of the page says that leaves the picture out.
const SOUND_ONLY: &str = "Sound only";

/// Prints the invitation.
pub(crate) fn print(port: u16, data: &Path, log: &Path) {
    let here = format!("http://localhost:{port}/");
    let room = lan_address().map(|address| format!("http://{address}:{port}/"));
    println!();
    if let Some(code) = room.as_deref().and_then(code) {
        println!("{code}\n");
    }
    println!("  On this machine   {here}");
    match &room {
        Some(room) => println!("  In this network   {room}"),
        None => println!("  In this network   no network is connected"),
    }
    println!("\n{}", what_to_try(&here));
    println!("  Recorded in {}; the log is {}", data.display(), log.display());
    println!("  Ctrl-C ends the session and the node.\n");
}

fn what_to_try(here: &str) -> String {
    format!(
        "  What to try
  1. Scan the code with a phone in the same network and listen: the microphone jumps between -35 and -10 LUFS every
     few seconds, as the picture says; what you hear stays at one level.
  2. Drag the position back to the beginning while it is live, then return to live.
  3. Choose \"{SOUND_ONLY}\": the picture goes, the sound does not.
  4. Hold the clock in the picture beside the same page on a second device.
  5. `curl {here}api/v1/sessions` lists what the page shows; `curl {here}metrics` is for machines.
  6. Press Ctrl-C, run `cargo xtask demo` again: the session is a recording, under the address it had."
    )
}

/// Returns this machine's address in its network.
fn lan_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind(("0.0.0.0", 0)).ok()?;
    // Connecting a datagram socket sends nothing: it only asks the routing table which address would be used
    // towards 192.0.2.1, which RFC 5737 gives to nobody.
    socket.connect(("192.0.2.1", 9)).ok()?;
    let address = socket.local_addr().ok()?.ip();
    (!address.is_loopback() && !address.is_unspecified()).then_some(address)
}

/// Draws a QR code for a dark or a light terminal: phones read both.
fn code(url: &str) -> Option<String> {
    let code = QrCode::new(url.as_bytes()).ok()?;
    let drawn = code.render::<Dense1x2>().dark_color(Dense1x2::Light).light_color(Dense1x2::Dark).build();
    Some(drawn.lines().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_a_square_of_blocks() {
        let drawn = code("http://192.168.1.20:8080/").unwrap();
        let widths: Vec<usize> = drawn.lines().map(|line| line.chars().count()).collect();
        assert!(widths.len() > 12 && widths.windows(2).all(|pair| pair[0] == pair[1]), "{widths:?}");
        assert!(drawn.chars().all(|c| " █▀▄\n".contains(c)));
    }

    #[test]
    fn the_button_that_is_named_is_on_the_page() {
        let page = crate::workspace::root().join("node-daemon/serve/src/page.rs");
        let page = std::fs::read_to_string(page).unwrap();
        let button = page.lines().find(|line| line.contains("button #listen")).unwrap();
        assert!(button.contains(&format!("{{ \"{SOUND_ONLY}\" }}")), "{button}");
        assert!(what_to_try("").contains(SOUND_ONLY));
    }

    #[test]
    fn the_invitation_names_addresses_that_can_be_typed() {
        let text = what_to_try("http://localhost:8080/");
        assert!(text.contains("curl http://localhost:8080/api/v1/sessions") && text.contains("Ctrl-C"));
    }
}
