//! Processes that die: every crash point, and `kill -9` at random. More with `cargo xtask faults --seeds N`.

use std::process::Command;

fn faults(args: &[&str]) -> String {
    let dir = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_cache-faults"))
        .args(args)
        .arg("--dir")
        .arg(dir.path())
        .output()
        .unwrap();
    let (said, why) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(output.status.success(), "{said}{why}");
    said
}

#[test]
fn nothing_promised_is_lost_at_any_crash_point() {
    let said = faults(&["--points"]);
    println!("{said}");
    assert!(said.starts_with(&format!("{} folders", cache::crash_point::Point::ALL.len())), "{said}");
}

#[test]
fn nothing_promised_is_lost_by_kills_at_random() {
    let said = faults(&["--seeds", "2"]);
    println!("{said}");
    assert!(said.ends_with("0 lost\n"), "{said}");
}

#[test]
fn a_wrong_command_line_is_refused() {
    let output = Command::new(env!("CARGO_BIN_EXE_cache-faults")).arg("--sees").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
}
