//! The daemon as a child of the demo: started, waited for, and ended in order.

use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

use crate::stopwatch::{Stopwatch, pause};

/// How long the daemon may take until it serves.
const READY_WITHIN: Duration = Duration::from_secs(30);
/// How long the daemon may take to end its session, before it is killed.
const STOP_WITHIN: Duration = Duration::from_secs(20);
/// How often a child or a file is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// How much of the log is shown when something goes wrong.
const LAST_WORDS_LINES: usize = 20;

/// What is started.
#[derive(Debug)]
pub(crate) struct Setup {
    /// The daemon's program.
    pub(crate) program: PathBuf,
    /// Its input.
    pub(crate) input: String,
    /// Where it records.
    pub(crate) data: PathBuf,
    /// The port to listen on.
    pub(crate) port: u16,
    /// The session's title.
    pub(crate) title: String,
    /// The file in which it says that it is ready.
    pub(crate) ready: PathBuf,
    /// Where its log goes.
    pub(crate) log: PathBuf,
}

/// A running daemon. Dropping it ends it too, so that no error leaves one behind.
#[derive(Debug)]
pub(crate) struct Node {
    child: Child,
    ready: PathBuf,
    url: String,
    /// Where its log goes.
    pub(crate) log: PathBuf,
}

impl Node {
    /// Starts the daemon, in a process group of its own: a Ctrl-C at the terminal is this program's to pass on.
    pub(crate) fn start(setup: &Setup) -> Result<Self> {
        if setup.ready.exists() {
            std::fs::remove_file(&setup.ready)
                .with_context(|| format!("remove {}", setup.ready.display()))?;
        }
        let log = File::create(&setup.log).with_context(|| format!("make {}", setup.log.display()))?;
        let mut command = Command::new(&setup.program);
        command
            .args(["run", "--input", &setup.input, "--data"])
            .arg(&setup.data)
            .args(["--http", &format!("0.0.0.0:{}", setup.port), "--start", &setup.title, "--ready-file"])
            .arg(&setup.ready)
            .stdin(Stdio::null())
            .stdout(log.try_clone().context("share the log")?)
            .stderr(log)
            .process_group(0);
        println!("$ {}", crate::process::shown(&command));
        let child = command.spawn().with_context(|| format!("start {}", setup.program.display()))?;
        Ok(Self { child, ready: setup.ready.clone(), url: String::new(), log: setup.log.clone() })
    }

    /// Waits until the daemon says that it serves.
    pub(crate) fn wait_until_ready(&mut self, interrupted: &Receiver<()>) -> Result<()> {
        let watch = Stopwatch::start();
        loop {
            if let Some(url) = std::fs::read_to_string(&self.ready).ok().filter(|text| text.ends_with('\n')) {
                url.trim().clone_into(&mut self.url);
                return Ok(());
            }
            if let Some(status) = self.ended()? {
                bail!("the node ended with {status}; its last words:\n{}", self.last_words());
            }
            if watch.elapsed() > READY_WITHIN {
                bail!(
                    "the node is not ready after {} s; its last words:\n{}",
                    READY_WITHIN.as_secs(),
                    self.last_words()
                );
            }
            match interrupted.recv_timeout(LOOK_EVERY) {
                Ok(()) | Err(RecvTimeoutError::Disconnected) => bail!("interrupted"),
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }

    /// Returns the port that it listens on.
    pub(crate) fn port(&self) -> u16 {
        self.url
            .rsplit(':')
            .next()
            .and_then(|port| port.trim_end_matches('/').parse().ok())
            .unwrap_or_default()
    }

    /// Returns its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Returns how it ended, once it has.
    pub(crate) fn ended(&mut self) -> Result<Option<ExitStatus>> {
        self.child.try_wait().context("look at the node")
    }

    /// Returns the end of its log.
    pub(crate) fn last_words(&self) -> String {
        let log = std::fs::read(&self.log).unwrap_or_default();
        last_lines(&String::from_utf8_lossy(&log), LAST_WORDS_LINES)
    }

    /// Asks the daemon to end, waits for it, and kills it where it does not.
    pub(crate) fn stop(mut self) -> Result<()> {
        if let Some(status) = self.end()?.filter(|status| !status.success()) {
            bail!("the node ended with {status}; its last words:\n{}", self.last_words());
        }
        Ok(())
    }

    fn end(&mut self) -> Result<Option<ExitStatus>> {
        if let Some(status) = self.ended()? {
            return Ok(Some(status));
        }
        let pid = i32::try_from(self.child.id())
            .ok()
            .and_then(Pid::from_raw)
            .context("a process id is positive")?;
        kill_process(pid, Signal::TERM).context("ask the node to end")?;
        let watch = Stopwatch::start();
        while watch.elapsed() < STOP_WITHIN {
            if let Some(status) = self.ended()? {
                return Ok(Some(status));
            }
            pause(LOOK_EVERY);
        }
        self.child.kill().context("kill the node")?;
        self.child.wait().context("wait for the node")?;
        bail!("the node did not end within {} s and was killed", STOP_WITHIN.as_secs())
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            eprintln!("xtask: {error:#}");
        }
    }
}

fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let from = lines.len().saturating_sub(count);
    lines.get(from..).unwrap_or_default().join("\n")
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::sync_channel;

    use super::*;

    /// Starts a shell that is given the daemon's arguments and runs `script`; `$ready` is the file in which it says that it serves.
    fn start(name: &str, script: &str) -> Node {
        let folder = std::env::temp_dir().join(format!("xtask-node-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let program = folder.join("daemon");
        std::fs::write(&program, format!("#!/bin/sh\nshift 10\nready=$1\n{script}\n")).unwrap();
        std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        Node::start(&Setup {
            program,
            input: "test:".to_owned(),
            data: folder.join("data"),
            port: 0,
            title: "t".to_owned(),
            ready: folder.join("ready"),
            log: folder.join("log"),
        })
        .unwrap()
    }

    #[test]
    fn a_node_is_ready_when_it_says_so_and_ends_when_asked() {
        let mut node = start(
            "good",
            "trap 'exit 0' TERM; echo http://0.0.0.0:8123 > $ready; while :; do sleep 0.05; done",
        );
        let (_sender, interrupted) = sync_channel(1);
        node.wait_until_ready(&interrupted).unwrap();
        assert_eq!(node.port(), 8123);
        node.stop().unwrap();
    }

    #[test]
    fn a_node_that_dies_leaves_its_last_words() {
        let mut node = start("bad", "echo the data folder is read-only; exit 3");
        let (_sender, interrupted) = sync_channel(1);
        let error = node.wait_until_ready(&interrupted).unwrap_err().to_string();
        assert!(error.contains("exit status: 3") && error.contains("read-only"), "{error}");
    }

    #[test]
    fn the_end_of_a_log_is_shown() {
        assert_eq!(last_lines("a\nb\nc\n", 2), "b\nc");
        assert_eq!(last_lines("a", 2), "a");
    }
}
