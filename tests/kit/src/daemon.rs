//! Drives the real `lectern` binary: a process of its own, a port of its own, a data folder of its own.
//!
//! It ends only processes that it started itself, by their ids.

mod binary;
mod usage;

pub use binary::lectern;
pub use usage::{Usage, usage_of};

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};

use crate::http::Client;
use crate::stopwatch::wait_until;

/// How long a daemon may take until it listens: a debug build under load, with GStreamer's first scan of its plugins.
const START_WITHIN: Duration = Duration::from_secs(60);
/// How long an orderly end may take.
const END_WITHIN: Duration = Duration::from_secs(30);
/// How long an orphaned capture process may take to notice that its daemon is gone.
const ORPHAN_WITHIN: Duration = Duration::from_secs(15);

/// An address with a port that is free.
const ANY_PORT: &str = "127.0.0.1:0";

/// What a daemon is started with.
#[derive(Debug, Clone, Default)]
pub struct Setup {
    /// `--input` values.
    pub inputs: Vec<String>,
    /// `--start` value.
    pub title: Option<String>,
    /// Text of a `--config` file.
    pub config: Option<String>,
    /// More arguments of `lectern run`.
    pub args: Vec<String>,
    /// Environment of the daemon.
    pub env: Vec<(String, String)>,
    /// Data folder; a fresh one if `None`.
    pub data: Option<PathBuf>,
}

/// A running daemon. Dropped, it is killed.
#[derive(Debug)]
pub struct Daemon {
    setup: Setup,
    child: Child,
    url: String,
    data: PathBuf,
    logs: PathBuf,
    starts: u32,
    /// Holds logs, ready files and, unless the setup names one, the data folder.
    home: tempfile::TempDir,
}

impl Daemon {
    /// Starts a daemon and waits until it listens.
    ///
    /// # Errors
    /// It does not come up; the error holds its log.
    pub fn start(setup: Setup) -> Result<Self> {
        let home = tempfile::Builder::new().prefix("lectern-e2e-").tempdir()?;
        let data = setup.data.clone().unwrap_or_else(|| home.path().join("data"));
        let logs = home.path().join("log");
        let (child, url) = spawn(&setup, home.path(), &data, 1, ANY_PORT)?;
        Ok(Self { setup, child, url, data, logs, starts: 1, home })
    }

    /// Returns its address with `path` behind it.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.url.trim_end_matches('/'))
    }

    /// Returns its data folder.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// Returns its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Returns everything it wrote so far.
    pub fn log(&self) -> String {
        let read = |name: String| std::fs::read_to_string(self.home.path().join(name)).unwrap_or_default();
        (1..=self.starts)
            .map(|start| read(format!("log.{start}.err")) + &read(format!("log.{start}.out")))
            .collect()
    }

    /// Kills it as a power cut would, together with nothing else: its capture process must notice by itself.
    ///
    /// # Errors
    /// It cannot be killed, or its capture process lives on.
    pub fn kill9(&mut self) -> Result<()> {
        let children = usage::children_of(self.child.id());
        self.child.kill().context("kill -9 the daemon")?;
        self.child.wait().context("wait for the killed daemon")?;
        wait_until("the capture process to notice that its daemon is gone", ORPHAN_WITHIN, || {
            Ok(children.iter().all(|pid| !usage::is_alive(*pid)).then_some(()))
        })
    }

    /// Kills its capture process, as a crashing driver would.
    ///
    /// # Errors
    /// There is none.
    pub fn kill_capture(&self) -> Result<()> {
        let children = usage::children_of(self.child.id());
        ensure!(!children.is_empty(), "the daemon has no capture process\n{}", self.log());
        children.into_iter().try_for_each(|pid| send(pid, Signal::KILL))
    }

    /// Keeps its capture process from running for `length`, as a starved processor would.
    ///
    /// # Errors
    /// There is none.
    pub fn stall_capture(&self, length: Duration) -> Result<()> {
        let children = usage::children_of(self.child.id());
        ensure!(!children.is_empty(), "the daemon has no capture process\n{}", self.log());
        children.iter().try_for_each(|pid| send(*pid, Signal::STOP))?;
        crate::stopwatch::pause(length);
        children.iter().try_for_each(|pid| send(*pid, Signal::CONT))
    }

    /// Asks it to end and waits for it.
    ///
    /// # Errors
    /// It does not end in time; the error holds its log.
    pub fn terminate(&mut self) -> Result<ExitStatus> {
        send(self.child.id(), Signal::TERM)?;
        let ended = wait_until("the daemon to end", END_WITHIN, || Ok(self.child.try_wait()?));
        ended.with_context(|| self.log())
    }

    /// Starts it again on the same data, on another port.
    ///
    /// # Errors
    /// It does not come up.
    pub fn restart(&mut self) -> Result<()> {
        self.restart_at(ANY_PORT)
    }

    /// Starts it again on the same data at the same address, where pages that are open look for it.
    ///
    /// # Errors
    /// It does not come up.
    pub fn restart_in_place(&mut self) -> Result<()> {
        let address = self.url.trim_start_matches("http://").trim_end_matches('/').to_owned();
        self.restart_at(&address)
    }

    fn restart_at(&mut self, address: &str) -> Result<()> {
        ensure!(self.child.try_wait()?.is_some(), "the daemon still runs");
        self.starts += 1;
        (self.child, self.url) = spawn(&self.setup, self.home.path(), &self.data, self.starts, address)?;
        Ok(())
    }

    /// Starts it again without inputs and without `--start`.
    ///
    /// # Errors
    /// It does not come up.
    pub fn restart_without_inputs(&mut self) -> Result<()> {
        self.setup.inputs.clear();
        self.setup.title = None;
        self.restart()
    }

    /// Returns what it and its children used so far.
    pub fn usage(&self) -> Usage {
        usage_of(self.child.id())
    }

    /// Waits until a session has this state and returns it.
    ///
    /// # Errors
    /// None comes to it in time.
    pub fn session(&self, state: &str, within: Duration) -> Result<serde_json::Value> {
        let client = Client::new(Duration::from_secs(10));
        let found = wait_until(&format!("a session that is {state}"), within, || {
            session_in(&client, &self.url, state)
        });
        found.with_context(|| self.log())
    }

    /// Ends a session over the API; answered once its recording is complete.
    ///
    /// # Errors
    /// It is not live, or does not end in time.
    pub fn stop_session(&self, id: &str) -> Result<()> {
        let stop = self.url(&format!("/api/v1/sessions/{id}/stop"));
        Client::new(END_WITHIN).post_json(&stop, &serde_json::json!({}))?.expect_status(200).map(drop)
    }

    /// Waits until a session is live and its multivariant playlist is there; returns its id and that playlist's URL.
    ///
    /// # Errors
    /// None comes to it in time.
    pub fn live_session(&self, within: Duration) -> Result<(String, String)> {
        let session = self.session("live", within)?;
        let id = session.get("id").and_then(|id| id.as_str()).context("the session has no id")?.to_owned();
        let url = self.url(&format!("/hls/{id}/index.m3u8"));
        let client = Client::new(Duration::from_secs(10));
        let ready = wait_until("the session's playlist", within, || {
            Ok((client.get(&url)?.status == 200).then_some(()))
        });
        ready.with_context(|| self.log())?;
        Ok((id, url))
    }
}

/// Returns the first session in this state that the node at `url` lists.
///
/// # Errors
/// It lists none at all.
pub fn session_in(client: &Client, url: &str, state: &str) -> Result<Option<serde_json::Value>> {
    let url = format!("{}/api/v1/sessions", url.trim_end_matches('/'));
    let listed = client.get(&url)?.expect_status(200)?.json()?;
    let sessions = listed.get("sessions").and_then(|sessions| sessions.as_array());
    let sessions = sessions.with_context(|| format!("no list of sessions in {listed}"))?;
    Ok(sessions.iter().find(|session| session.get("state").is_some_and(|is| is == state)).cloned())
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let children = usage::children_of(self.child.id());
        let ended = self.child.try_wait().is_ok_and(|status| status.is_some());
        if !ended && self.child.kill().is_ok() {
            drop(self.child.wait());
        }
        for pid in children {
            // Its capture process, in case that it has not noticed yet.
            drop(send(pid, Signal::KILL));
        }
        if std::thread::panicking() {
            show(&format!("--- log of the daemon in {}\n{}", self.logs.display(), self.log()));
        }
    }
}

#[expect(clippy::print_stderr, reason = "a failed test shows what its daemon said")]
fn show(text: &str) {
    eprintln!("{text}");
}

fn send(pid: u32, signal: Signal) -> Result<()> {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).context("a process id is positive")?;
    kill_process(pid, signal).with_context(|| format!("send {signal:?} to {pid:?}"))
}

/// Returns the command line of `lectern run` for a setup.
fn command(setup: &Setup, home: &Path, data: &Path, start: u32, address: &str) -> Result<Command> {
    let mut command = Command::new(lectern()?);
    command.arg("run").arg("--data").arg(data).args(["--http", address, "--no-mdns"]);
    command.arg("--ready-file").arg(home.join(format!("ready.{start}")));
    for input in &setup.inputs {
        command.args(["--input", input]);
    }
    if let Some(title) = &setup.title {
        command.args(["--start", title]);
    }
    if let Some(config) = &setup.config {
        let path = home.join("lectern.toml");
        std::fs::write(&path, config)?;
        command.arg("--config").arg(path);
    }
    command.args(&setup.args).envs(setup.env.iter().map(|(name, value)| (name, value)));
    command.stdin(Stdio::null());
    command.stdout(File::create(home.join(format!("log.{start}.out")))?);
    command.stderr(File::create(home.join(format!("log.{start}.err")))?);
    Ok(command)
}

fn spawn(setup: &Setup, home: &Path, data: &Path, start: u32, address: &str) -> Result<(Child, String)> {
    let mut command = command(setup, home, data, start, address)?;
    let mut child = command.spawn().with_context(|| format!("start {command:?}"))?;
    let ready = home.join(format!("ready.{start}"));
    let url = wait_until("the daemon to listen", START_WITHIN, || {
        if let Some(status) = child.try_wait()? {
            bail!("the daemon ended at once with {status}");
        }
        let text = std::fs::read_to_string(&ready).unwrap_or_default();
        Ok(text.contains('\n').then(|| text.trim().to_owned()).or_else(|| complete_url(&text)))
    });
    match url {
        Ok(url) => Ok((child, url)),
        Err(error) => {
            drop(child.kill());
            drop(child.wait());
            let log = std::fs::read_to_string(home.join(format!("log.{start}.err"))).unwrap_or_default();
            Err(error.context(format!("{command:?}\n{log}")))
        }
    }
}

/// Returns the text if it is a whole URL with a port, as a ready file without a line end may hold.
fn complete_url(text: &str) -> Option<String> {
    let (_, port) = text.trim().strip_prefix("http://")?.rsplit_once(':')?;
    port.trim_end_matches('/').parse::<u16>().ok().map(|_| text.trim().to_owned())
}

/// How a command of the binary ended.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

/// Runs `lectern` with arguments to its end.
///
/// # Errors
/// It does not end within `within`.
pub fn run(args: &[&str], within: Duration) -> Result<Outcome> {
    let mut command = Command::new(lectern()?);
    command.args(args);
    let output = crate::probe::output(&mut command, within)?;
    Ok(Outcome { code: output.code, out: output.out, err: output.err })
}
