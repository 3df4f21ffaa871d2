//! Every key, once: its name, type, default, meaning, and when a change of it takes hold.
//!
//! The fragment of a file, the complete settings, the reference and the reload are all made from this one list.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use model::Input;
use model::settings::{self as media, Ceiling, Latency, TargetLoudness, ThinAudio, VideoEncoder};
use toml::Spanned;
use toml::de::DeValue;

use super::diagnostic::Problem;
use super::value::{BitRate, Folder, Format, Level, NodeName, Value};

/// When a changed key takes hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reload {
    /// As soon as the file is saved.
    AtOnce,
    /// When the next session starts; a running one keeps what it began with.
    NextSession,
    /// When the daemon is started again.
    Restart,
}

/// What people read about a section.
#[derive(Debug)]
pub(super) struct Section {
    pub(super) name: &'static str,
    pub(super) doc: &'static [&'static str],
    pub(super) keys: &'static [Key],
}

/// What people read about a key.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) doc: &'static [&'static str],
    pub(super) legal: fn() -> String,
    pub(super) reload: Reload,
}

macro_rules! keys {
    ($(
        $(#[doc = $section_doc:literal])+
        $section:ident: $Section:ident {
            $( $(#[doc = $doc:literal])+ $key:ident: $Type:ty = $default:expr, $reload:ident; )+
        }
    )+) => {
        /// The sections of a [`Fragment`]: every key may be missing.
        mod partial {
            use super::*;
            $(
                $(#[doc = $section_doc])+
                #[derive(Debug, Clone, Default, PartialEq)]
                pub(crate) struct $Section { $( $(#[doc = $doc])+ pub(crate) $key: Option<$Type>, )+ }
            )+
        }

        $(
            $(#[doc = $section_doc])+
            #[derive(Debug, Clone, PartialEq)]
            pub(crate) struct $Section { $( $(#[doc = $doc])+ pub(crate) $key: $Type, )+ }
        )+

        /// What one file, or the command line, says.
        #[derive(Debug, Clone, Default, PartialEq)]
        pub(crate) struct Fragment { $( $(#[doc = $section_doc])+ pub(crate) $section: partial::$Section, )+ }

        /// What holds: every key has a legal value.
        #[derive(Debug, Clone, PartialEq)]
        pub(crate) struct Settings { $( $(#[doc = $section_doc])+ pub(crate) $section: $Section, )+ }

        impl Fragment {
            /// Returns this fragment, with the keys that it leaves out taken from `lower`.
            #[must_use]
            pub(crate) fn or(self, lower: Self) -> Self {
                Self { $( $section: partial::$Section { $( $key: self.$section.$key.or(lower.$section.$key), )+ }, )+ }
            }

            /// Fills in the defaults.
            pub(crate) fn complete(self) -> Settings {
                Settings { $( $section: $Section { $( $key: self.$section.$key.unwrap_or_else(|| $default), )+ }, )+ }
            }

            /// Sets one key from a file; returns whether there is such a key.
            pub(super) fn set(
                &mut self,
                section: &str,
                key: &str,
                value: &Spanned<DeValue<'_>>,
                problems: &mut Vec<Problem>,
            ) -> bool {
                match (section, key) {
                    $( $( (stringify!($section), stringify!($key)) => {
                        self.$section.$key = <$Type as Value>::read(value, problems);
                        true
                    } )+ )+
                    _ => false,
                }
            }
        }

        impl Settings {
            /// Returns every key with its value as TOML, in the order of the reference.
            pub(super) fn show(&self) -> Vec<(&'static str, &'static str, Option<String>)> {
                vec![ $( $( (stringify!($section), stringify!($key), self.$section.$key.show()), )+ )+ ]
            }

            /// Returns the keys whose value differs in `newer`.
            pub(crate) fn changed(&self, newer: &Self) -> Vec<(&'static str, &'static str, Reload)> {
                let mut changed = Vec::new();
                $( $( if self.$section.$key != newer.$section.$key {
                    changed.push((stringify!($section), stringify!($key), Reload::$reload));
                } )+ )+
                changed
            }
        }

        /// The texts of all sections, in the order of the reference.
        pub(super) const SECTIONS: &[Section] = &[ $( Section {
            name: stringify!($section),
            doc: &[$($section_doc),+],
            keys: &[ $( Key {
                name: stringify!($key),
                doc: &[$($doc),+],
                legal: <$Type as Value>::legal,
                reload: Reload::$reload,
            }, )+ ],
        }, )+ ];
    };
}

keys! {
    /// The box itself.
    node: Node {
        /// The name that people see on the page and in the list of devices on the network.
        /// Left out: the host name.
        name: NodeName = NodeName::Host, Restart;
        /// The folder that recordings and their index are kept in.
        /// Left out: `$STATE_DIRECTORY`, else `$XDG_DATA_HOME/lectern`, else `~/.local/share/lectern`.
        data: Folder = Folder::Standard, Restart;
    }
    /// The page, the streams and the API on the local network.
    http: Http {
        /// The address that is listened on.
        listen: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 8080), Restart;
        /// Whether the node announces itself on the network (mDNS, `_http._tcp`).
        mdns: bool = true, Restart;
    }
    /// What is listened to and looked at.
    input: Inputs {
        /// Sources by role: the first with sound gives the sound, the first with a picture gives the picture.
        /// `lectern sources` lists what is connected; `file:PATH?loop` begins again at its end.
        sources: Vec<Input> = Vec::new(), NextSession;
    }
    /// How the sound is normalised (EBU R 128, ITU-R BS.1770-4).
    loudness: Loudness {
        /// Where speech is brought to.
        target_lufs: TargetLoudness = TargetLoudness::DEFAULT, NextSession;
        /// The true peak that no sample exceeds before the encoder; what is decoded may lie up to 1 dB above it.
        ceiling_dbtp: Ceiling = Ceiling::DEFAULT, NextSession;
    }
    /// How sound and picture are encoded.
    encoding: Encoding {
        /// Length of a part: `standard` is 0.5 s, `low` is 0.2 s (less delay, 2.5 times the requests).
        latency: Latency = media::Encoding::default().latency, NextSession;
        /// Rate of the AAC-LC rendition.
        audio_bps: BitRate<48_000, 192_000, false> = BitRate(media::Encoding::default().audio_bps), NextSession;
        /// An extra sound rendition for thin links: `opus` is 24 kbit/s mono.
        thin_audio: ThinAudio = media::Encoding::default().thin_audio, NextSession;
        /// The H.264 encoder: `auto` takes x264 (GPL, when its plugin is installed), else openh264 (BSD).
        video_encoder: VideoEncoder = media::Encoding::default().video_encoder, NextSession;
        /// Rate of the 1280x720 rendition.
        video_720p_bps: BitRate<300_000, 8_000_000, true> = BitRate(media::Encoding::default().video_720p_bps), NextSession;
        /// Rate of the 480x270 rendition.
        video_270p_bps: BitRate<100_000, 2_000_000, true> = BitRate(media::Encoding::default().video_270p_bps), NextSession;
    }
    /// What is written to the log (standard error).
    log: Log {
        /// `human` is one readable line per event, `json` one object per line.
        format: Format = Format::Human, Restart;
        /// The least important events that are written; `info` is what an operator did or waits for.
        /// The capture process takes a change over when it is started the next time.
        level: Level = Level::Info, AtOnce;
    }
}

impl Settings {
    /// Returns how a session is encoded.
    pub(crate) fn media_encoding(&self) -> media::Encoding {
        let Encoding { latency, audio_bps, thin_audio, video_encoder, video_720p_bps, video_270p_bps } =
            &self.encoding;
        media::Encoding {
            latency: *latency,
            audio_bps: audio_bps.0,
            thin_audio: *thin_audio,
            video_encoder: *video_encoder,
            video_720p_bps: video_720p_bps.0,
            video_270p_bps: video_270p_bps.0,
        }
    }

    /// Returns how a session is normalised.
    pub(crate) fn media_loudness(&self) -> media::Loudness {
        media::Loudness { target: self.loudness.target_lufs, ceiling: self.loudness.ceiling_dbtp }
    }
}
