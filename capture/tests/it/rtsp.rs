//! A network camera: GStreamer's own RTSP server on the loopback, H.264 at 25 Hz with AAC beside it.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use model::wire::v1::{End, Pace, Report, SourceState};

use super::support::*;

/// Serves a ball on black at `/main`; prints the port that it got.
const SERVER: &str = r"
import gi
gi.require_version('Gst', '1.0')
gi.require_version('GstRtspServer', '1.0')
from gi.repository import GLib, Gst, GstRtspServer
Gst.init(None)
server = GstRtspServer.RTSPServer()
server.set_address('127.0.0.1')
server.set_service('0')
factory = GstRtspServer.RTSPMediaFactory()
factory.set_launch(
    '( videotestsrc is-live=true pattern=ball ! video/x-raw,width=640,height=360,framerate=25/1'
    ' ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=25 ! rtph264pay name=pay0 config-interval=1'
    ' audiotestsrc is-live=true ! avenc_aac ! aacparse ! rtpmp4gpay name=pay1 )')
server.get_mount_points().add_factory('/main', factory)
server.attach(None)
print(server.get_bound_port(), flush=True)
GLib.MainLoop().run()
";

struct Server {
    child: Child,
    port: String,
}

impl Server {
    fn new() -> Self {
        // Debian's own Python has Debian's modules, whatever else is in the path.
        let mut child = Command::new("/usr/bin/python3")
            .args(["-c", SERVER])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("Python is installed");
        let mut port = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut port).unwrap();
        Self { child, port: port.trim().to_owned() }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

#[test]
fn a_network_cameras_picture_is_captured() {
    let server = Server::new();
    let mut start = start(&[&format!("rtsp://127.0.0.1:{}/main", server.port)]);
    start.pace = Pace::RealTime;
    let recording = record_until(start, |so_far| so_far.parts() >= 24);
    assert_eq!(recording.ended, Some(End::Stopped), "{:?}", recording.refused);
    let lost = |report: &Report| matches!(report, Report::Source { state: SourceState::Lost { .. }, .. });
    assert!(!recording.other.iter().any(lost), "{:?}", recording.other);
    let gray = ffmpeg(&recording.tracks["270p"].file(), &["-pix_fmt", "gray", "-f", "rawvideo"]);
    let pictures: Vec<&[u8]> = gray.chunks_exact(480 * 270).collect();
    let bright = |picture: &&[u8]| picture.iter().filter(|pixel| **pixel > 200).count();
    assert!(pictures.iter().all(|picture| bright(picture) > 100), "the ball is in every picture");
    let moves = pictures.windows(2).filter(|pair| pair[0] != pair[1]).count();
    assert!(moves > 5, "the ball moves: {moves} of {} pictures differ", pictures.len());
}
