//! The peers: ffmpeg's and GStreamer's HLS with segments of one second, both served by nginx.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use testkit::http::{Client, join};
use testkit::playlist::Media;
use testkit::probe::Process;
use testkit::stopwatch::{Stopwatch, pause, wait_until, wall};

use super::Measured;

/// How often a player without blocking reload looks; real players look every target duration and are worse off.
const POLL_EVERY: Duration = Duration::from_millis(20);
/// Segments that are not measured.
const WARM_UP: Duration = Duration::from_secs(6);
/// Players stay this many target durations from the end (RFC 8216, 6.3.3; RFC 8216bis, HOLD-BACK).
const HOLD_BACK_TARGETS: f64 = 3.0;

/// nginx on loopback with a configuration of its own.
struct Nginx {
    _process: Process,
    url: String,
}

impl Nginx {
    fn serve(folder: &Path, home: &Path) -> Result<Self> {
        // The port may be taken between this line and nginx's own bind; then nginx says so and the bench ends.
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let prefix = home.join(format!("nginx-{port}"));
        std::fs::create_dir_all(&prefix)?;
        let config = prefix.join("nginx.conf");
        let (pid, temp) = (prefix.join("pid"), prefix.display().to_string());
        std::fs::write(
            &config,
            format!(
                "daemon off; master_process off; worker_processes 1; pid {}; error_log {temp}/error.log;\n\
                 events {{ worker_connections 64; }}\n\
                 http {{ access_log off; sendfile on; tcp_nodelay on; open_file_cache off;\n\
                 client_body_temp_path {temp}/b; proxy_temp_path {temp}/p; fastcgi_temp_path {temp}/f;\n\
                 uwsgi_temp_path {temp}/u; scgi_temp_path {temp}/s;\n\
                 server {{ listen 127.0.0.1:{port}; root {}; }} }}\n",
                pid.display(),
                folder.display(),
            ),
        )?;
        let mut command = Command::new("nginx");
        command.arg("-p").arg(&prefix).arg("-c").arg(&config).stdin(Stdio::null());
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let process = Process(command.spawn().context("start nginx; is it installed?")?);
        let url = format!("http://127.0.0.1:{port}");
        let client = Client::new(Duration::from_secs(2));
        wait_until("nginx to answer", Duration::from_secs(10), || Ok(client.get(&url).ok().map(drop)))?;
        Ok(Self { _process: process, url })
    }
}

/// Measures `ffmpeg -re … -f hls` with fragmented MP4.
pub(crate) fn ffmpeg(film: &Path, home: &Path, watch: Duration) -> Result<Measured> {
    let folder = home.join("ffmpeg");
    std::fs::create_dir_all(&folder)?;
    let mut command = Command::new("ffmpeg");
    command.args(["-hide_banner", "-nostdin", "-loglevel", "error", "-re", "-stream_loop", "-1", "-i"]);
    command.arg(film);
    command.args([
        "-c:v",
        "libx264",
        "-preset",
        "veryfast",
        "-tune",
        "zerolatency",
        "-b:v",
        "1800k",
        "-g",
        "30",
    ]);
    command.args(["-sc_threshold", "0", "-pix_fmt", "yuv420p", "-c:a", "aac", "-b:a", "96k", "-f", "hls"]);
    command.args(["-hls_time", "1", "-hls_segment_type", "fmp4", "-hls_list_size", "8"]);
    command.args(["-hls_flags", "delete_segments+append_list+program_date_time", "live.m3u8"]);
    command.current_dir(&folder).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::inherit());
    let nginx = Nginx::serve(&folder, home)?;
    let _process = Process(command.spawn().context("start ffmpeg; is it installed?")?);
    // ffmpeg dates its segments itself, from the moment at which its muxer opened: later than capture, if anything.
    watch_segments("ffmpeg hls 1 s + nginx", &nginx.url, None, watch)
}

/// Measures `hlssink2`.
pub(crate) fn gstreamer(film: &Path, home: &Path, watch: Duration) -> Result<Measured> {
    let folder = home.join("gstreamer");
    std::fs::create_dir_all(&folder)?;
    let mut command = Command::new("gst-launch-1.0");
    command.arg("filesrc").arg(format!("location={}", film.display()));
    command.args(
        "! decodebin name=d hlssink2 name=h target-duration=1 max-files=12 playlist-length=8".split(' '),
    );
    command.args(["location=s%05d.ts", "playlist-location=live.m3u8"]);
    command.args("d. ! queue ! identity sync=true ! videoconvert ! x264enc tune=zerolatency".split(' '));
    command.args(
        "speed-preset=veryfast bitrate=1800 key-int-max=30 bframes=0 ! h264parse ! queue ! h.video"
            .split(' '),
    );
    command.args("d. ! queue ! identity sync=true ! audioconvert ! audioresample ! avenc_aac".split(' '));
    command.args("bitrate=96000 ! aacparse ! queue ! h.audio".split(' '));
    command.current_dir(&folder).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit());
    let nginx = Nginx::serve(&folder, home)?;
    let mut process = Process(command.spawn().context("start gst-launch-1.0; is it installed?")?);
    let out = process.0.stdout.take().context("stdout is piped")?;
    let began_ms = began(out)?;
    watch_segments("hlssink2 1 s + nginx", &nginx.url, Some(began_ms), watch)
}

/// Returns the wall time at which gst-launch chose its clock: when media time begins to run.
fn began(out: impl std::io::Read + Send + 'static) -> Result<f64> {
    let mut lines = BufReader::new(out).lines();
    while let Some(line) = lines.next().transpose()? {
        if line.contains("New clock") {
            let now_ms = wall().as_secs_f64() * 1000.0;
            // Keeps the pipe from filling up.
            std::thread::spawn(move || lines.for_each(drop));
            return Ok(now_ms);
        }
    }
    bail!("gst-launch-1.0 ended before it began")
}

/// Polls a playlist and fetches each new segment. `began_ms` is the date of media time zero where segments have none.
#[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 stay below 2^53")]
fn watch_segments(name: &str, base: &str, began_ms: Option<f64>, watch: Duration) -> Result<Measured> {
    let client = Client::new(Duration::from_secs(5));
    let url = format!("{base}/live.m3u8");
    let stopwatch = Stopwatch::start();
    let (mut delays_ms, mut seen, mut media_s, mut target_s) = (Vec::new(), BTreeSet::new(), 0.0, 1.0);
    let mut longest_s: f64 = 0.0;
    while stopwatch.elapsed() < watch + WARM_UP {
        let answer = client.get(&url)?;
        // A playlist that is being written, or not there yet, cannot be read; a player tries again too.
        let playlist = if answer.status == 200 { Media::parse(&answer.text()?).ok() } else { None };
        for segment in playlist.iter().flat_map(|playlist| &playlist.segments) {
            let Some(length) = segment.duration.filter(|_| seen.insert(segment.msn)) else { continue };
            media_s += length.as_f64();
            longest_s = longest_s.max(length.as_f64());
            let dated = segment.pdt_ms.map(|start| start as f64 + length.as_f64() * 1000.0);
            let end_ms = dated.or(began_ms.map(|began| began + media_s * 1000.0)).context("no date")?;
            let media = client.get(&join(&url, &segment.uri)?)?.expect_status(200)?;
            if stopwatch.elapsed() > WARM_UP {
                delays_ms.push(media.arrived.as_secs_f64() * 1000.0 - end_ms);
            }
        }
        target_s = playlist.map_or(target_s, |playlist| playlist.target_duration_s as f64);
        pause(POLL_EVERY);
    }
    Measured::new(name, delays_ms, HOLD_BACK_TARGETS * target_s, longest_s)
}
