//! Which Debian packages the chores need, and why.

/// A package that a chore needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Need {
    /// Debian's name for it.
    pub(crate) package: &'static str,
    /// A program that makes the package unnecessary when it is on the search path.
    pub(crate) instead: Option<&'static str>,
    /// What it is needed for, for the person who is asked.
    pub(crate) why: &'static str,
}

const fn need(package: &'static str, why: &'static str) -> Need {
    Need { package, instead: None, why }
}

const fn program(package: &'static str, program: &'static str, why: &'static str) -> Need {
    Need { package, instead: Some(program), why }
}

/// To build the workspace.
pub(crate) const BUILD: &[Need] = &[
    need("build-essential", "compiles SQLite and BLAKE3"),
    need("pkg-config", "finds GStreamer and ALSA for the build"),
    need("libgstreamer1.0-dev", "GStreamer, which encodes and packages"),
    need("libgstreamer-plugins-base1.0-dev", "GStreamer's sound and picture libraries"),
    need("libasound2-dev", "ALSA, through which sound devices are read"),
];

/// To run the daemon.
pub(crate) const RUN: &[Need] = &[
    need("gstreamer1.0-plugins-base", "reads media files, converts sound and picture"),
    need("gstreamer1.0-plugins-good", "reads mkv, mp4 and wav, cameras and network cameras"),
    need("gstreamer1.0-plugins-bad", "parses H.264 and AAC; openh264, the encoder that is not GPL"),
    need("gstreamer1.0-plugins-ugly", "x264, the H.264 encoder, loaded at run time (GPL)"),
    need("gstreamer1.0-libav", "the AAC encoder and further decoders"),
    need("libasound2-plugins", "the PCM `pulse`: sound devices that PulseAudio or PipeWire holds"),
];

/// To make the demo's material and to measure what it sends.
pub(crate) const DEMO: &[Need] = &[
    need("pocketsphinx-testdata", "real recorded speech (LibriVox)"),
    program("ffmpeg", "ffmpeg", "makes the demo's media file; decodes and measures what is received"),
    need("fonts-dejavu-core", "the font of the clock in the demo's picture"),
];

/// To run the tests.
pub(crate) const TEST: &[Need] = &[
    need("gstreamer1.0-tools", "GStreamer as a client that plays what is served"),
    need("pulseaudio", "a sound card made of software, for the capture tests"),
    need("pulseaudio-utils", "plays and controls on that sound card"),
    need("gir1.2-gst-rtsp-server-1.0", "a network camera made of software, for the capture tests"),
    need("python3-gi", "runs that camera"),
    need("alsa-utils", "lists and tries sound devices"),
    program("chromium", "chromium", "the browser that plays the attendee page"),
    program("sox", "sox", "makes and measures tones"),
    program("espeak-ng", "espeak-ng", "a second voice, for tests"),
    need("e2fsprogs", "makes small file systems that can be full"),
    program("nodejs", "node", "runs the browser tests"),
    program("npm", "npm", "installs hls.js for the browser tests"),
];

/// To run the benches beside their peers.
pub(crate) const BENCH: &[Need] =
    &[program("nginx-light", "nginx", "serves the peers' playlists; it is installed without being started")];
