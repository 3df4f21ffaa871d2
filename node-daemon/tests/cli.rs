//! The built binary, as a person or a script meets it.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

fn lectern(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lectern"));
    command.args(arguments).env_remove("STATE_DIRECTORY").stdin(Stdio::null());
    command
}

/// Runs a command to its end; returns its exit code, standard output and standard error.
fn done(arguments: &[&str]) -> (i32, String, String) {
    let output = lectern(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn check_fails(arguments: &[&str], code: i32, sentence: &str) {
    let (found, _, stderr) = done(arguments);
    assert_eq!(found, code, "{stderr}");
    assert!(stderr.contains(sentence), "{stderr}");
}

/// A running node; killed if a test ends early.
struct Node {
    child: Child,
    url: String,
}

impl Node {
    fn run(arguments: &[&str]) -> Self {
        let mut arguments = arguments.to_vec();
        arguments.extend(["--http", "127.0.0.1:0", "--no-mdns"]);
        let mut child = lectern(&[&["run"], &arguments[..]].concat()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url =
            line.trim().strip_prefix("listening on ").expect("the node says where it listens").to_owned();
        Self { child, url }
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// Waits for its end, which was asked for.
    fn ended(mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    fn end(self, signal: Signal) -> ExitStatus {
        self.signal(signal);
        self.ended()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if self.child.try_wait().unwrap().is_none() {
            self.child.kill().unwrap();
            self.child.wait().unwrap();
        }
    }
}

fn folder() -> (TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data").display().to_string();
    (folder, path)
}

fn sessions(data: &str) -> serde_json::Value {
    let (code, stdout, stderr) = done(&["sessions", "--json", "--data", data]);
    assert_eq!(code, 0, "{stderr}");
    serde_json::from_str(&stdout).unwrap()
}

#[test]
fn the_version_is_told_to_people_and_to_programs() {
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(done(&["version"]), (0, format!("lectern {version}\n"), String::new()));
    let (_, json, _) = done(&["version", "--json"]);
    assert_eq!(serde_json::from_str::<serde_json::Value>(&json).unwrap()["version"], version);
}

#[test]
fn a_wrong_configuration_is_exit_code_2_before_anything_is_touched() {
    let (folder, data) = folder();
    let file = folder.path().join("venue.toml");
    fs::write(&file, "[http]\nlisten = 80\n[loudness]\ntarget = -16\n").unwrap();
    let file = file.to_str().unwrap();
    check_fails(&["config", "check", file], 2, "2 mistakes in the configuration");
    check_fails(&["config", "check", "--config", file], 2, "2 mistakes in the configuration");
    check_fails(&["config", "check"], 2, "required arguments were not provided");
    check_fails(&["run", "--config", file, "--data", &data], 2, "did you mean `target_lufs`?");
    assert!(!fs::exists(&data).unwrap());
}

#[test]
fn shown_settings_are_a_configuration_without_mistakes() {
    let (folder, _) = folder();
    let file = folder.path().join("all.toml");
    fs::write(&file, done(&["config", "show"]).1).unwrap();
    assert_eq!(done(&["config", "check", file.to_str().unwrap()]).0, 0);
}

#[test]
fn a_port_in_use_and_an_address_of_others_are_said_with_the_fix() {
    let (_folder, data) = folder();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    check_fails(&["run", "--data", &data, "--http", &address], 1, "is used by another program");
    check_fails(&["run", "--data", &data, "--http", "192.0.2.1:8080"], 1, "use 0.0.0.0");
    assert!(!fs::exists(&data).unwrap());
}

#[test]
fn a_data_folder_that_cannot_be_one_is_said_with_the_fix() {
    let (folder, _) = folder();
    let file = folder.path().join("file");
    fs::write(&file, "mine").unwrap();
    let arguments = ["run", "--data", file.to_str().unwrap(), "--http", "127.0.0.1:0"];
    let (code, _, stderr) = done(&arguments);
    assert_eq!(code, 1);
    assert!(stderr.starts_with("lectern: "), "{stderr}");
    assert!(stderr.contains("is a file, not a folder: give another folder with --data"), "{stderr}");
    assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
    let below = file.join("data");
    for words in [&["run", "--http", "127.0.0.1:0"][..], &["sessions"], &["cache", "check"]] {
        let arguments = [words, &["--data", below.to_str().unwrap()]].concat();
        check_fails(&arguments, 1, "/file` is a file, not a folder");
    }
    let nowhere = ["run", "--data", "/proc/lectern", "--http", "127.0.0.1:0"];
    check_fails(&nowhere, 1, "No folder can be made in `/proc`: give another folder with --data");
}

#[test]
fn a_second_daemon_on_the_same_folder_leaves_the_first_alone() {
    let (_folder, data) = folder();
    let first = Node::run(&["--data", &data]);
    assert!(first.url.starts_with("http://127.0.0.1:"));
    check_fails(&["run", "--data", &data, "--http", "127.0.0.1:0"], 1, "Stop the other process first");
    assert_eq!(sessions(&data), serde_json::json!([]));
    assert_eq!(first.end(Signal::TERM).code(), Some(0));
}

#[test]
fn go_or_no_go_is_asked_of_the_node_that_runs_and_else_of_what_it_would_run_with() {
    let (_folder, data) = folder();
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let check = |address: &str, more: &[&str]| {
        done(&[&["check", "--data", &data, "--http", address][..], more].concat())
    };
    let (code, stdout, _) = check(&nobody, &["--input", "test:"]);
    assert_eq!(code, 0, "{stdout}");
    assert!(stdout.starts_with("no node runs") && stdout.ends_with("\ngo\n"), "{stdout}");
    let (code, stdout, stderr) = check(&nobody, &[]);
    assert_eq!((code, stderr.as_str()), (1, "lectern: no-go: 1 of 3 checks fail\n"));
    assert!(
        stdout.contains("FAIL     audio.dead") && stdout.contains("`lectern sources` lists them."),
        "{stdout}"
    );

    // A session that has begun has its capture process.
    let node = Node::run(&["--data", &data, "--input", "test:audio", "--start", "Tides"]);
    let address = node.url.strip_prefix("http://").unwrap().to_owned();
    let (code, stdout, _) = check(&address, &["--json"]);
    let answer: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    let ids: Vec<_> = answer["findings"].as_array().unwrap().iter().map(|one| &one["id"]).collect();
    assert_eq!((code, &answer["ready"]), (0, &true.into()), "{stdout}");
    assert!(ids.contains(&&"capture.lost".into()), "the node's own: {stdout}");
    let (code, _, stderr) = check(&nobody, &["--input", "test:"]);
    assert_eq!(code, 2);
    assert!(stderr.contains("give its address with --http"), "{stderr}");
    assert_eq!(node.end(Signal::TERM).code(), Some(0));

    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap().to_string();
    let hangs_up = std::thread::spawn(move || drop(other.accept().unwrap()));
    let (code, stdout, _) = check(&address, &["--input", "test:"]);
    hangs_up.join().unwrap();
    assert_eq!(code, 1);
    assert!(stdout.contains("FAIL     http.taken"), "{stdout}");
}

#[test]
fn a_source_that_is_not_there_is_exit_code_1_and_no_session() {
    let (folder, data) = folder();
    let missing = format!("file:{}", folder.path().join("missing.wav").display());
    let arguments =
        ["run", "--input", &missing, "--start", "Tides", "--data", &data, "--http", "127.0.0.1:0"];
    let (code, stdout, stderr) = done(&arguments);
    assert_eq!((code, stdout.as_str()), (1, ""), "{stderr}");
    assert!(
        stderr.contains("lectern: the session does not begin: ") && stderr.contains("missing.wav"),
        "{stderr}"
    );
    assert_eq!(stderr.matches("missing.wav").count(), 1, "it is said once: {stderr}");
    assert_eq!(sessions(&data), serde_json::json!([]));
}

#[test]
fn a_daemon_that_is_told_to_end_while_a_source_opens_ends() {
    let (_folder, data) = folder();
    let camera = TcpListener::bind("127.0.0.1:0").unwrap();
    let input = format!("rtsp://{}/main", camera.local_addr().unwrap());
    let arguments = ["run", "--input", &input, "--start", "Tides", "--data", &data, "--http", "127.0.0.1:0"];
    let mut child =
        lectern(&[&arguments[..], &["--no-mdns"]].concat()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let node = Node { child, url: String::new() };
    // The camera takes the call and says nothing: the source is neither open nor refused.
    let held = camera.accept().unwrap();
    let (closed, ended) = sync_channel(1);
    let hear_out =
        std::thread::spawn(move || closed.send(stdout.read_to_string(&mut String::new())).unwrap());
    node.signal(Signal::TERM);
    assert_eq!(ended.recv_timeout(Duration::from_secs(60)).expect("the daemon ends").unwrap(), 0);
    hear_out.join().unwrap();
    assert_eq!(node.ended().code(), Some(0));
    drop(held);
    assert_eq!(sessions(&data), serde_json::json!([]));
}

#[test]
fn a_session_outlives_a_killed_daemon_and_ends_with_a_polite_one() {
    let (folder, data) = folder();
    let arguments = ["--input", "test:audio", "--start", "Tides", "--data", &data, "--log-level", "error"];
    let killed = Node::run(&arguments);
    let before = sessions(&data);
    assert_eq!(before[0]["cut"], false);
    assert_eq!(killed.end(Signal::KILL).code(), None);
    assert_eq!((&sessions(&data)[0]["state"], &sessions(&data)[0]["cut"]), (&"live".into(), &true.into()));
    let (_, listed, _) = done(&["sessions", "--data", &data]);
    assert!(listed.contains("  cut  ") && !listed.contains("live"), "{listed}");

    let polite = Node::run(&arguments);
    assert_eq!(polite.end(Signal::TERM).code(), Some(0));
    let after = sessions(&data);
    assert_eq!((&after[0]["id"], after.as_array().unwrap().len()), (&before[0]["id"], 1));
    assert_eq!(after[0]["state"], "ended");
    let copy = folder.path().join("copy");
    fs::create_dir(&copy).unwrap();
    fs::copy(Path::new(&data).join("index.sqlite"), copy.join("index.sqlite")).unwrap();
    assert_eq!(sessions(copy.to_str().unwrap()), after, "the index alone is whole after a polite end");
    assert_eq!(done(&["cache", "check", "--data", &data]).0, 0);

    let id = after[0]["id"].as_str().unwrap();
    let out = folder.path().join("x.mp4");
    fs::write(&out, "mine").unwrap();
    check_fails(&["export", id, "--data", &data, "--out", out.to_str().unwrap()], 2, "add --force");
    check_fails(&["sessions", "delete", id, "--data", &data], 2, "add --yes");
    assert_eq!(fs::read_to_string(&out).unwrap(), "mine");
    assert_eq!(done(&["sessions", "delete", id, "--yes", "--data", &data]).0, 0);
    assert_eq!(sessions(&data), serde_json::json!([]));
}
