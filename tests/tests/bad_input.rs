//! Bad input through the real binary: a clear sentence, an exit code, and nothing that was stored is lost.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use lectern_tests::recording;
use testkit::daemon::{Daemon, Outcome, Setup, lectern, run};
use testkit::probe::{Clip, Layout, make, output};
use testkit::promise::Promises;
use testkit::talk::{Talk, input};

const GIVE_UP_WITHIN: Duration = Duration::from_secs(60);

/// Checks that a program gave up as a person needs it.
fn gave_up_clearly(outcome: &Outcome) -> Result<()> {
    ensure!(outcome.code.is_some_and(|code| code != 0), "no exit code for a failure: {outcome:?}");
    let said = &outcome.err;
    for noise in ["panicked", "RUST_BACKTRACE", "unwrap", "Os {", "Error {", "assertion"] {
        ensure!(!said.contains(noise), "{noise:?} is no word for people: {said}");
    }
    let sentence = said.lines().any(|line| line.split_whitespace().count() >= 4);
    ensure!(sentence, "no sentence on standard error: {outcome:?}");
    Ok(())
}

/// Runs `lectern run --start` on inputs that cannot be used.
fn refuses(inputs: &[String], data: &Path, more: &[&str]) -> Result<Outcome> {
    let data = data.display().to_string();
    let mut args = vec!["run", "--data", &data, "--http", "127.0.0.1:0", "--no-mdns", "--start", "Bad"];
    for input in inputs {
        args.extend(["--input", input]);
    }
    args.extend(more);
    let outcome = run(&args, GIVE_UP_WITHIN)?;
    gave_up_clearly(&outcome)?;
    Ok(outcome)
}

/// Lectures a few seconds to the end and checks that the recording plays.
fn is_captured(path: &Path) -> Result<()> {
    let setup = Setup { inputs: vec![input(path)], title: Some("Odd".to_owned()), ..Setup::default() };
    let daemon = Daemon::start(setup)?;
    let ended = daemon.session("ended", GIVE_UP_WITHIN)?;
    let id = ended.get("id").and_then(|id| id.as_str()).context("an id")?;
    let url = daemon.url(&format!("/hls/{id}/index.m3u8"));
    let recorded = recording::load(&url).with_context(|| daemon.log())?;
    recording::plays_everywhere(&recorded, &url)
}

fn hostile_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut file = |name: &str, bytes: &[u8]| -> Result<()> {
        let path = folder.join(name);
        std::fs::write(&path, bytes)?;
        files.push(path);
        Ok(())
    };
    file("empty.wav", b"")?;
    file("text.mp4", b"This is no film.\n")?;
    let noise: Vec<u8> = (0..200_000_u32).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect();
    file("noise.mkv", &noise)?;
    // A box that claims to be larger than any disk.
    let mut giant = b"\0\0\0\x18ftypisom\0\0\0\0isomiso2\0\0\0\x01moov".to_vec();
    giant.extend(u64::MAX.to_be_bytes());
    file("giant-box.mp4", &giant)?;
    // A WAV header that promises a sample rate of zero in zero channels.
    file("zero.wav", b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0data\0\0\0\0")?;
    Ok(files)
}

#[test]
fn broken_and_hostile_files_are_refused_and_harm_nothing() -> Result<()> {
    let home = tempfile::tempdir()?;
    let data = home.path().join("data");
    // Something worth losing.
    let talk =
        Talk::make(&testkit::speech::Plan { levels: vec![(-20.0, 5.0)], ..Talk::minute() }, home.path())?;
    let setup = Setup {
        inputs: vec![input(&talk.sound)],
        title: Some("Kept".to_owned()),
        data: Some(data.clone()),
        ..Setup::default()
    };
    let mut daemon = Daemon::start(setup)?;
    let kept = daemon.session("ended", GIVE_UP_WITHIN)?;
    let id = kept.get("id").and_then(|id| id.as_str()).context("an id")?.to_owned();
    daemon.terminate()?;

    let mut promises = Promises::default();
    for file in hostile_files(home.path())? {
        let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        promises.check(&format!("{name} is refused"), || refuses(&[input(&file)], &data, &[]).map(drop));
    }
    promises.check("a file that is not there is refused by name", || {
        let outcome = refuses(&["file:/nowhere/talk.wav".to_owned()], &data, &[])?;
        ensure!(outcome.err.contains("/nowhere/talk.wav"), "{}", outcome.err);
        Ok(())
    });
    promises.check("a folder is refused", || refuses(&[input(home.path())], &data, &[]).map(drop));
    promises.check("an unknown kind of source is refused with what there is", || {
        let outcome = refuses(&["usb:7".to_owned()], &data, &[])?;
        ensure!(outcome.err.contains("file:"), "{}", outcome.err);
        Ok(())
    });
    promises.check("an unknown sound device is refused", || {
        refuses(&["alsa:no_such_microphone".to_owned()], &data, &[]).map(drop)
    });
    promises.check("a camera that is not there is refused", || {
        refuses(&["v4l2:/dev/video99".to_owned()], &data, &[]).map(drop)
    });
    daemon.restart_without_inputs()?;
    promises.check("the recording from before is whole", || {
        let url = daemon.url(&format!("/hls/{id}/index.m3u8"));
        recording::plays_everywhere(&recording::load(&url)?, &url)
    });
    promises.verdict()
}

#[test]
fn odd_but_honest_files_are_captured() -> Result<()> {
    let home = tempfile::tempdir()?;
    let folder = home.path();
    let talk = Talk::make(&testkit::speech::Plan { levels: vec![(-20.0, 5.0)], ..Talk::minute() }, folder)?;
    let wav = |name: &str, more: &[&str]| {
        let clip = Clip { layout: Layout::Wav, sound: Some(&talk.sound), picture: None, seconds: 4.0, more };
        make(&clip, folder, name)
    };
    let film = |name: &str, layout, sound, size: (u32, u32, &'static str)| {
        make(&Clip { layout, sound, picture: Some(size), seconds: 4.0, more: &[] }, folder, name)
    };
    let sound = Some(talk.sound.as_path());
    let mut promises = Promises::default();
    let odd: Vec<(&str, PathBuf)> = vec![
        ("8 kHz mono", wav("slow", &["-ar", "8000", "-ac", "1"])?),
        ("192 kHz stereo", wav("fast", &["-ar", "192000"])?),
        ("11 025 Hz with 24 bits", wav("odd", &["-ar", "11025", "-c:a", "pcm_s24le"])?),
        (
            "no picture in an MP4",
            make(
                &Clip { layout: Layout::Mp4, sound, picture: None, seconds: 4.0, more: &[] },
                folder,
                "deaf",
            )?,
        ),
        ("VP8 and Vorbis in WebM", film("web", Layout::WebM, sound, (320, 240, "25"))?),
        ("an upright picture at 12.5 Hz", film("tall", Layout::Mkv, sound, (270, 480, "25/2"))?),
        ("a 16 x 16 picture at 120 Hz", film("tiny", Layout::Mp4, sound, (16, 16, "120"))?),
        ("sound cut off in the middle of a sample", cut(&wav("cut", &[])?)?),
    ];
    for (what, path) in odd {
        promises.check(what, || is_captured(&path));
    }
    promises.verdict()
}

/// Cuts a file short by 4001 bytes.
fn cut(path: &Path) -> Result<PathBuf> {
    let bytes = std::fs::read(path)?;
    let shorter = bytes.get(..bytes.len().saturating_sub(4001)).context("the file is long enough")?;
    std::fs::write(path, shorter)?;
    Ok(path.to_owned())
}

#[test]
fn files_at_the_edge_are_captured_or_refused_clearly() -> Result<()> {
    let home = tempfile::tempdir()?;
    let folder = home.path();
    let talk = Talk::make(&testkit::speech::Plan { levels: vec![(-20.0, 5.0)], ..Talk::minute() }, folder)?;
    let many = folder.join("many.wav");
    let mut command = Command::new("sox");
    command.arg(&talk.sound).args(["-b", "16"]).arg(&many).args(["remix"]);
    command.args(std::iter::repeat_n("1", 32)).args(["trim", "0", "4"]);
    ensure!(output(&mut command, GIVE_UP_WITHIN)?.code == Some(0), "sox could not make 32 channels");
    let silent = make(
        &Clip { layout: Layout::Mp4, sound: None, picture: Some((640, 360, "30")), seconds: 4.0, more: &[] },
        folder,
        "silent",
    )?;
    let mut promises = Promises::default();
    for (what, path) in [("32 channels", many), ("a picture without sound", silent)] {
        promises.check(what, || match is_captured(&path) {
            Ok(()) => Ok(()),
            Err(captured) => refuses(&[input(&path)], &folder.join("fresh"), &[])
                .map(drop)
                .with_context(|| format!("neither captured ({captured:#}) nor refused")),
        });
    }
    promises.verdict()
}

#[test]
fn wrong_surroundings_are_told_in_a_sentence() -> Result<()> {
    let home = tempfile::tempdir()?;
    let mut promises = Promises::default();
    let daemon = Daemon::start(Setup { inputs: vec!["test:audio".to_owned()], ..Setup::default() })?;
    let address = daemon.url("").trim_start_matches("http://").to_owned();
    let fresh = home.path().join("fresh").display().to_string();
    promises.check("a taken port is told with the port", || {
        let outcome = run(&["run", "--data", &fresh, "--http", &address, "--no-mdns"], GIVE_UP_WITHIN)?;
        gave_up_clearly(&outcome)?;
        ensure!(outcome.err.contains(&address), "{}", outcome.err);
        Ok(())
    });
    promises.check("a second daemon on the same data is told", || {
        let data = daemon.data().display().to_string();
        let outcome = run(&["run", "--data", &data, "--http", "127.0.0.1:0", "--no-mdns"], GIVE_UP_WITHIN)?;
        gave_up_clearly(&outcome)?;
        ensure!(outcome.err.contains(&data), "{}", outcome.err);
        Ok(())
    });
    promises.check("the first daemon does not care", || {
        let client = testkit::http::Client::new(Duration::from_secs(10));
        client.get(&daemon.url("/healthz"))?.expect_status(200).map(drop)
    });
    promises.check("a file as data folder is told", || {
        let file = home.path().join("file");
        std::fs::write(&file, "x")?;
        let file = file.display().to_string();
        gave_up_clearly(&run(
            &["run", "--data", &file, "--http", "127.0.0.1:0", "--no-mdns"],
            GIVE_UP_WITHIN,
        )?)
    });
    promises.check("a data folder that cannot be written is told", || read_only_data(home.path()));
    promises.check("every mistake in a config is told at once, with its line", || {
        let path = home.path().join("wrong.toml");
        std::fs::write(&path, "[loudness]\ntarget_lufs = 3\n\n[encoding]\nlatency = \"soon\"\nspeed = 1\n")?;
        let path = path.display().to_string();
        let outcome = run(&["run", "--data", &fresh, "--config", &path, "--no-mdns"], GIVE_UP_WITHIN)?;
        gave_up_clearly(&outcome)?;
        for due in ["target_lufs", "soon", "speed", "wrong.toml", ":2", ":5", ":6", "^"] {
            ensure!(outcome.err.contains(due), "no {due:?} in\n{}", outcome.err);
        }
        Ok(())
    });
    promises
        .check("an unknown flag is told", || gave_up_clearly(&run(&["run", "--louder"], GIVE_UP_WITHIN)?));
    promises.check("an address that is none is told", || {
        gave_up_clearly(&run(&["run", "--data", &fresh, "--http", "here", "--no-mdns"], GIVE_UP_WITHIN)?)
    });
    promises.verdict()
}

/// Root may write anywhere but into what the kernel keeps for itself: there, a folder under /proc is the read-only one.
fn read_only_data(home: &Path) -> Result<()> {
    let folder = home.join("read-only");
    std::fs::create_dir_all(&folder)?;
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o555))?;
    let writable = std::fs::write(folder.join("probe"), "x").is_ok();
    let data = if writable { "/proc/lectern".to_owned() } else { folder.join("data").display().to_string() };
    let outcome = run(&["run", "--data", &data, "--http", "127.0.0.1:0", "--no-mdns"], GIVE_UP_WITHIN)?;
    gave_up_clearly(&outcome)?;
    ensure!(outcome.err.contains(&data), "{}", outcome.err);
    Ok(())
}

#[test]
fn sources_are_listed_without_what_libraries_say_to_themselves() -> Result<()> {
    let home = tempfile::tempdir()?;
    let configuration = home.path().join("alsa.conf");
    // The library complains on standard error about a card that is not there.
    let missing = "pcm.missing { type hw card 31 hint { show on description \"Missing\" } }";
    std::fs::write(&configuration, format!("</usr/share/alsa/alsa.conf>\n{missing}\n"))?;
    let mut command = Command::new(lectern()?);
    command.args(["sources", "--quick"]).env("ALSA_CONFIG_PATH", &configuration);
    let listed = output(&mut command, GIVE_UP_WITHIN)?;
    ensure!(listed.code == Some(0), "{listed:?}");
    ensure!(listed.err.is_empty(), "on standard error: {}", listed.err);
    ensure!(listed.out.contains("test:"), "{listed:?}");
    Ok(())
}
