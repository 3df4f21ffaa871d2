//! `cargo xtask demo`: a node that plays real speech with wild level jumps, for a person or, with `--selfcheck`, for a program.

mod invite;
mod node;
mod selfcheck;

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Args;

use self::node::Node;
use crate::apt::{self, Consent};
use crate::{process, workspace};

/// How the demo runs.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The port that the node listens on; 0 takes a free one.
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// Play it as an attendee would, measure, and fail where a promise is broken.
    #[arg(long)]
    selfcheck: bool,
    /// How long the selfcheck listens, in seconds.
    #[arg(long, default_value_t = 30, requires = "selfcheck", value_parser = clap::value_parser!(u32).range(10..=3600))]
    seconds: u32,
    /// Write what the selfcheck measured to this file as JSON.
    #[arg(long, requires = "selfcheck")]
    json: Option<PathBuf>,
}

/// Length of the demo's material; it is played in a loop.
const MATERIAL_MINUTES: &str = "4";
/// The material's file name; a new name is a new make.
const MATERIAL: &str = "speech-with-jumps-1.mkv";
/// The programs that the demo needs.
const PROGRAMS: &[&str] =
    &["build", "--release", "--locked", "--bins", "-p", "lectern", "-p", "lectern-testkit"];

/// Runs the demo until it is interrupted, or until the selfcheck has its answer.
pub(crate) fn run(options: &Options, consent: Consent) -> Result<ExitCode> {
    apt::ensure(&[apt::BUILD, apt::RUN, apt::DEMO], consent)?;
    check_port(options.port)?;
    let interrupted = interruption()?;
    process::run(&mut process::cargo(PROGRAMS))?;
    let target = workspace::target()?;
    let programs = target.join("release");
    let folder = target.join("demo");
    std::fs::create_dir_all(&folder).with_context(|| format!("make {}", folder.display()))?;
    let material = material(&programs, &folder)?;
    let data = data(options, &folder)?;
    let mut node = Node::start(&node::Setup {
        program: programs.join("lectern"),
        input: format!("file:{}?loop", material.display()),
        data: data.clone(),
        port: options.port,
        title: "Demo: a lecture with wild level jumps".to_owned(),
        ready: folder.join("ready"),
        log: folder.join("lectern.log"),
    })?;
    node.wait_until_ready(&interrupted)?;
    let code = if options.selfcheck {
        selfcheck::run(&node, &programs, options.seconds, options.json.as_deref())?
    } else {
        invite::print(node.port(), &data, &node.log);
        until_interrupted(&mut node, &interrupted)?;
        ExitCode::SUCCESS
    };
    node.stop()?;
    Ok(code)
}

/// Fails with a sentence before minutes of building, where the port is taken.
fn check_port(port: u16) -> Result<()> {
    TcpListener::bind((Ipv4Addr::UNSPECIFIED, port))
        .map(drop)
        .with_context(|| format!("port {port} cannot be listened on; choose another with --port"))
}

/// Makes the material, once for each build folder.
fn material(programs: &Path, folder: &Path) -> Result<PathBuf> {
    let file = folder.join(MATERIAL);
    if !file.is_file() {
        println!("Making {MATERIAL_MINUTES} minutes of speech with level jumps; this is done once.");
        process::run(Command::new(programs.join("make-demo")).arg(&file).arg(MATERIAL_MINUTES))?;
    }
    Ok(file)
}

/// Returns the folder for what is recorded: a selfcheck begins with an empty one.
fn data(options: &Options, folder: &Path) -> Result<PathBuf> {
    let data = folder.join(if options.selfcheck { "selfcheck-data" } else { "data" });
    if options.selfcheck && data.exists() {
        std::fs::remove_dir_all(&data).with_context(|| format!("empty {}", data.display()))?;
    }
    Ok(data)
}

/// Returns what receives a word when the person, or the system, wants this program to end.
fn interruption() -> Result<Receiver<()>> {
    // One word is enough: what follows the first changes nothing.
    let (sender, receiver) = sync_channel(1);
    ctrlc::set_handler(move || sender.try_send(()).unwrap_or_default()).context("listen for Ctrl-C")?;
    Ok(receiver)
}

fn until_interrupted(node: &mut Node, interrupted: &Receiver<()>) -> Result<()> {
    while interrupted.recv_timeout(Duration::from_millis(200)).is_err() {
        if let Some(status) = node.ended()? {
            bail!("the node ended by itself with {status}; its last words:\n{}", node.last_words());
        }
    }
    println!("\nEnding the session and the node.");
    Ok(())
}
