//! Running other programs: always shown, always with the command in the error.

use std::ffi::OsStr;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::workspace;

/// Returns a cargo command that runs at the root of the workspace, with the cargo that runs this program.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(workspace::root());
    command
}

/// Writes a command as a person would type it.
pub(crate) fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    std::iter::once(program).chain(command.get_args()).map(quoted).collect::<Vec<_>>().join(" ")
}

fn quoted(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) { word.into_owned() } else { format!("'{word}'") }
}

/// Runs a command to its end, showing it and all it prints.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    if !shown_status(command)? {
        bail!("`{}` failed", shown(command));
    }
    Ok(())
}

/// Runs a command to its end, showing it and all it prints, and returns whether it ended well.
pub(crate) fn shown_status(command: &mut Command) -> Result<bool> {
    println!("$ {}", shown(command));
    Ok(command.status().with_context(|| format!("start `{}`", shown(command)))?.success())
}

/// Runs a command to its end and returns its standard output as text.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let done =
        command.stdin(Stdio::null()).output().with_context(|| format!("start `{}`", shown(command)))?;
    if !done.status.success() {
        let errors = String::from_utf8_lossy(&done.stderr);
        bail!("`{}` ended with {}: {}", shown(command), done.status, errors.trim());
    }
    String::from_utf8(done.stdout).with_context(|| format!("read what `{}` printed", shown(command)))
}

/// Runs a command to its end, handing each line of its output and errors, in order, to `line`.
///
/// Returns whether it ended well.
pub(crate) fn lines(command: &mut Command, mut line: impl FnMut(&str)) -> Result<bool> {
    println!("$ {}", shown(command));
    let (reader, writer) = io::pipe().context("make a pipe")?;
    command.stdin(Stdio::null());
    command.stdout(writer.try_clone().context("copy a pipe")?).stderr(writer);
    let mut child = command.spawn().with_context(|| format!("start `{}`", shown(command)))?;
    // The command holds the writing end too: let go of it, or the reader never sees the end.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    each_line(reader, &mut line).with_context(|| format!("read what `{}` prints", shown(command)))?;
    Ok(child.wait().with_context(|| format!("wait for `{}`", shown(command)))?.success())
}

fn each_line(reader: impl Read, line: &mut impl FnMut(&str)) -> io::Result<()> {
    let mut reader = BufReader::new(reader);
    let mut bytes = Vec::new();
    while reader.read_until(b'\n', &mut bytes)? > 0 {
        line(String::from_utf8_lossy(&bytes).trim_end_matches(['\n', '\r']));
        bytes.clear();
    }
    Ok(())
}

/// Returns where a program lies, if it is on the search path.
pub(crate) fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_shown_as_typed() {
        let mut command = Command::new("/usr/bin/ffmpeg");
        command.args(["-i", "a file.wav", "-y"]);
        assert_eq!(shown(&command), "ffmpeg -i 'a file.wav' -y");
    }

    #[test]
    fn both_streams_arrive_in_order() {
        let mut seen = Vec::new();
        let mut command = Command::new("sh");
        command.args(["-c", "echo one; echo two >&2; echo three; exit 3"]);
        let ended_well = lines(&mut command, |line| seen.push(line.to_owned())).unwrap();
        assert!(!ended_well);
        assert_eq!(seen, ["one", "two", "three"]);
    }

    #[test]
    fn a_failure_carries_the_command_and_its_words() {
        let error = output(Command::new("sh").args(["-c", "echo no such luck >&2; exit 2"])).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("sh -c") && text.contains("no such luck"), "{text}");
    }

    #[test]
    fn programs_are_found_on_the_path() {
        assert!(find_program("sh").is_some());
        assert!(find_program("no-such-program-anywhere").is_none());
    }
}
