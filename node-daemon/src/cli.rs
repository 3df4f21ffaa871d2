//! The command line: what can be asked of `lectern`, and nothing of how it is done.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use model::settings::{Latency, TargetLoudness};
use model::{Input, SessionId, Title};

use crate::config::{Folder, Format, Fragment, Level, NodeName};

/// The box in the room: captures a lecture, makes it clear, keeps it, and plays it to everyone on the network.
#[derive(Debug, Parser)]
#[command(
    name = "lectern",
    version,
    after_help = "Exit codes: 0 done, 1 it did not work, 2 the command or the configuration is wrong.\nLogs go to standard error, answers to standard output."
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What is to be done.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the node: serve what is kept, and capture sessions when asked to.
    Run(Box<Run>),
    /// Say whether a lecture can begin, with a fix for whatever is wrong; exit code 0 for go, 1 for no-go.
    Check(Check),
    /// List the sources that are connected, with their stable ids.
    Sources {
        /// Do not listen to each sound device for its level.
        #[arg(long)]
        quick: bool,
        #[command(flatten)]
        json: Json,
    },
    /// List the sessions that are kept, or delete one.
    #[command(args_conflicts_with_subcommands = true)]
    Sessions {
        #[command(subcommand)]
        action: Option<Sessions>,
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        json: Json,
    },
    /// Check what is kept, byte by byte, or sum it up.
    #[command(subcommand)]
    Cache(Cache),
    /// Write a session to one MP4 file, without encoding it again.
    Export(Export),
    /// Check, show or explain the configuration.
    #[command(subcommand)]
    Config(Config),
    /// Print the version.
    Version {
        #[command(flatten)]
        json: Json,
    },
    /// The capture process; `run` starts it, with the socket as its standard input.
    #[command(hide = true)]
    Capture(Capture),
}

/// Whether programs read the answer.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Json {
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Which data folder.
#[derive(Debug, Clone, Args)]
pub(crate) struct Place {
    /// Folder that recordings are kept in [default: $STATE_DIRECTORY, else $XDG_DATA_HOME/lectern, else ~/.local/share/lectern].
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Configuration file or folder; may be given several times, later ones win.
    #[arg(long = "config", value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
}

/// Options of `run`. Flags win over configuration files.
#[derive(Debug, Clone, Args)]
pub(crate) struct Run {
    /// Source of sound or pictures: file:PATH, file:PATH?loop, test:, alsa:ID, v4l2:/dev/videoN, rtsp://…; may be given several times, first one wins by role.
    #[arg(long = "input", value_name = "SOURCE")]
    inputs: Vec<Input>,
    #[command(flatten)]
    pub(crate) place: Place,
    /// Address to serve on; port 0 takes a free one [default: 0.0.0.0:8080].
    #[arg(long, value_name = "IP:PORT")]
    http: Option<SocketAddr>,
    /// Begin a session with this title at once, or go on with one that was cut.
    #[arg(long, value_name = "TITLE", value_parser = Title::new)]
    pub(crate) start: Option<Title>,
    /// Name that people see [default: the host name].
    #[arg(long)]
    name: Option<NodeName>,
    /// Length of parts: `standard` is 0.5 s, `low` is 0.2 s [default: standard].
    #[arg(long, value_parser = latency, value_name = "low|standard")]
    latency: Option<Latency>,
    /// Where speech is brought to, -24 to -14 LUFS [default: -16].
    #[arg(long, value_name = "LUFS", value_parser = target, allow_hyphen_values = true)]
    target_lufs: Option<TargetLoudness>,
    /// Do not announce the node on the network.
    #[arg(long)]
    no_mdns: bool,
    /// Write the address to this file once the node serves.
    #[arg(long, value_name = "FILE")]
    pub(crate) ready_file: Option<PathBuf>,
    /// How log lines look [default: human].
    #[arg(long, value_enum)]
    log: Option<Format>,
    /// Least important log lines that are written [default: info].
    #[arg(long, value_enum)]
    log_level: Option<Level>,
    /// Capture on threads of this process instead of in a process of its own.
    #[arg(long)]
    pub(crate) in_process: bool,
    /// Read files as fast as the encoders go instead of in real time.
    #[arg(long, hide = true)]
    pub(crate) unpaced: bool,
}

/// Options of `check`: those of `run` that it checks.
#[derive(Debug, Args)]
pub(crate) struct Check {
    /// Source that the node would be run with, as `run` takes it; may be given several times.
    #[arg(long = "input", value_name = "SOURCE")]
    inputs: Vec<Input>,
    #[command(flatten)]
    pub(crate) place: Place,
    /// Address that the node serves on, or would [default: 0.0.0.0:8080].
    #[arg(long, value_name = "IP:PORT")]
    http: Option<SocketAddr>,
    #[command(flatten)]
    pub(crate) json: Json,
}

/// What is done to sessions.
#[derive(Debug, Subcommand)]
pub(crate) enum Sessions {
    /// Delete a session with all its media; this cannot be undone.
    Delete {
        /// The session, as `lectern sessions` lists it.
        session: SessionId,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        place: Place,
    },
}

/// What is done to the data folder.
#[derive(Debug, Subcommand)]
pub(crate) enum Cache {
    /// Compare every file with the index; exit code 1 when something is wrong.
    Check {
        /// Mend what can be mended and put aside what cannot. Needs the daemon to be stopped.
        #[arg(long)]
        repair: bool,
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        json: Json,
    },
    /// Sum up what is kept and how much more fits.
    Stats {
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        json: Json,
    },
}

/// Options of `export`.
#[derive(Debug, Args)]
pub(crate) struct Export {
    /// The session, as `lectern sessions` lists it.
    pub(crate) session: SessionId,
    /// The file to write.
    #[arg(long, value_name = "FILE.mp4")]
    pub(crate) out: PathBuf,
    /// Leave the pictures out.
    #[arg(long)]
    pub(crate) audio_only: bool,
    /// Replace the file if it is there; what is no file (a device, a link) is never replaced.
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) place: Place,
}

/// What is done to the configuration.
#[derive(Debug, Subcommand)]
pub(crate) enum Config {
    /// Report every mistake in these files; exit code 2 when there is one.
    Check {
        /// Files or folders, read in order.
        #[arg(required_unless_present = "named", value_name = "FILE")]
        files: Vec<PathBuf>,
        /// The same, as other commands take it.
        #[arg(id = "named", long = "config", value_name = "FILE")]
        named: Vec<PathBuf>,
    },
    /// Print the settings that hold, with all defaults filled in.
    Show {
        /// Configuration file or folder; may be given several times, later ones win.
        #[arg(long = "config", value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    /// Print the reference of all keys.
    Reference,
}

/// Options of the capture process.
#[derive(Debug, Args)]
pub(crate) struct Capture {
    /// Connect to this socket instead of speaking over standard input.
    #[arg(long, value_name = "PATH")]
    pub(crate) socket: Option<PathBuf>,
    /// How log lines look.
    #[arg(long, value_enum, default_value = "human")]
    pub(crate) log: Format,
    /// Least important log lines that are written.
    #[arg(long, value_enum, default_value = "info")]
    pub(crate) log_level: Level,
}

impl Place {
    /// Returns the flags as a fragment.
    pub(crate) fn fragment(&self) -> Fragment {
        let mut fragment = Fragment::default();
        fragment.node.data = self.data.clone().map(Folder::At);
        fragment
    }
}

impl Check {
    /// Returns the flags as the fragment that wins over all files.
    pub(crate) fn fragment(&self) -> Fragment {
        let mut fragment = self.place.fragment();
        fragment.http.listen = self.http;
        fragment.input.sources = (!self.inputs.is_empty()).then(|| self.inputs.clone());
        fragment
    }
}

impl Run {
    /// Returns the flags as the fragment that wins over all files.
    pub(crate) fn fragment(&self) -> Fragment {
        let mut fragment = self.place.fragment();
        fragment.node.name = self.name.clone();
        fragment.http.listen = self.http;
        fragment.http.mdns = self.no_mdns.then_some(false);
        fragment.input.sources = (!self.inputs.is_empty()).then(|| self.inputs.clone());
        fragment.loudness.target_lufs = self.target_lufs;
        fragment.encoding.latency = self.latency;
        fragment.log.format = self.log;
        fragment.log.level = self.log_level;
        fragment
    }
}

fn latency(word: &str) -> Result<Latency, String> {
    match word {
        "standard" => Ok(Latency::Standard),
        "low" => Ok(Latency::Low),
        _ => Err("use `standard` or `low`".to_owned()),
    }
}

fn target(number: &str) -> Result<TargetLoudness, String> {
    let lufs: f64 = number.parse().map_err(|_| format!("`{number}` is not a number; use -24 to -14 LUFS"))?;
    TargetLoudness::new(lufs).map_err(|wrong| wrong.to_string())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn run(arguments: &[&str]) -> Result<Run, String> {
        let cli =
            Cli::try_parse_from([&["lectern", "run"], arguments].concat()).map_err(|e| e.to_string())?;
        let Command::Run(run) = cli.command else { panic!("{cli:?}") };
        Ok(*run)
    }

    #[test]
    fn the_command_line_contradicts_itself_nowhere() {
        Cli::command().debug_assert();
    }

    #[test]
    fn flags_that_are_not_given_leave_the_files_alone() {
        assert_eq!(run(&[]).unwrap().fragment(), Fragment::default());
    }

    #[test]
    fn flags_become_settings() {
        let arguments =
            ["--input", "test:", "--target-lufs", "-18", "--latency", "low", "--http", "127.0.0.1:0"];
        let settings = run(&arguments).unwrap().fragment().complete();
        assert_eq!(settings.loudness.target_lufs.lufs(), -18.0);
        assert_eq!(settings.encoding.latency, Latency::Low);
        assert_eq!(settings.http.listen.to_string(), "127.0.0.1:0");
        assert_eq!(settings.input.sources, ["test:".parse().unwrap()]);
    }

    #[test]
    fn wrong_flags_say_what_to_write() {
        assert!(run(&["--target-lufs", "-3"]).unwrap_err().contains("use -24 to -14 LUFS"));
        assert!(run(&["--input", "talk.wav"]).unwrap_err().contains("use file:PATH"));
        assert!(run(&["--start", " "]).unwrap_err().contains("give the lecture a name"));
        assert!(run(&["--latency", "none"]).unwrap_err().contains("use `standard` or `low`"));
    }
}
