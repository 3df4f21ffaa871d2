use std::path::PathBuf;

use expect_test::{expect, expect_file};
use proptest::prelude::*;

use super::*;

fn write(folder: &tempfile::TempDir, name: &str, text: &str) -> PathBuf {
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    path
}

fn parse(text: &str) -> Result<Fragment, Mistakes> {
    let mut mistakes = Vec::new();
    let fragment = fragment::parse("venue.toml", text, &mut mistakes);
    if mistakes.is_empty() { Ok(fragment) } else { Err(Mistakes(mistakes)) }
}

fn check_mistakes(text: &str, expect: expect_test::Expect) {
    expect.assert_eq(&parse(text).unwrap_err().to_string());
}

#[test]
fn every_mistake_of_a_file_is_reported_at_once_with_its_place_and_its_fix() {
    check_mistakes(
        "[node]\nnmae = \"Room 12\"\ndata = \"recordings\"\n\n[http]\nlisten = 8080\nmdns = \"yes\"\n\n\
         [loudness]\n  target_lufs = -12\nlatency = \"low\"\n\n[input]\nsources = [\"test:\", \"talk.wav\", 7]\n",
        expect![[r#"
            venue.toml:2:1: there is no key `nmae` in [node]; did you mean `name`?
              |
            2 | nmae = "Room 12"
              | ^^^^

            venue.toml:3:8: `recordings` depends on where the daemon is started; write the path from `/` on
              |
            3 | data = "recordings"
              |        ^^^^^^^^^^^^

            venue.toml:6:10: text is expected here, not a whole number; write "0.0.0.0:8080"
              |
            6 | listen = 8080
              |          ^^^^

            venue.toml:7:8: true or false is expected here, not text; write it without quotes
              |
            7 | mdns = "yes"
              |        ^^^^^

            venue.toml:10:17: -12 LUFS is out of range; use -24 to -14 LUFS
               |
            10 |   target_lufs = -12
               |                 ^^^

            venue.toml:11:1: there is no key `latency` in [loudness]; it belongs below [encoding]
               |
            11 | latency = "low"
               | ^^^^^^^

            venue.toml:14:21: `talk.wav` names no kind of source; use file:PATH, test:, alsa:ID, v4l2:/dev/videoN or rtsp://… (`lectern sources` lists what is connected)
               |
            14 | sources = ["test:", "talk.wav", 7]
               |                     ^^^^^^^^^^

            venue.toml:14:33: text is expected here, not a whole number; write "test:"
               |
            14 | sources = ["test:", "talk.wav", 7]
               |                                 ^

            8 mistakes in the configuration"#]],
    );
}

#[test]
fn a_mistake_of_form_does_not_hide_the_others() {
    check_mistakes(
        "target_lufs = -16\n[loudnes]\n[encoding]\naudio_bps = 12\nvideo_encoder = \"h264\"\nthin_audio = \n[log]\nlevel = \"loud\"\n[log]\n",
        expect![[r#"
            venue.toml:1:1: `target_lufs` stands outside its section; write it below [loudness]
              |
            1 | target_lufs = -16
              | ^^^^^^^^^^^

            venue.toml:2:2: there is no section `loudnes`; did you mean [loudness]?
              |
            2 | [loudnes]
              |  ^^^^^^^

            venue.toml:4:13: 12 bit/s is out of range; use 48000 to 192000 bit/s
              |
            4 | audio_bps = 12
              |             ^^

            venue.toml:5:17: `h264` is unknown; write "auto" or "x264" or "openh264"
              |
            5 | video_encoder = "h264"
              |                 ^^^^^^

            venue.toml:6:14: this is not TOML: string values must be quoted, expected literal string
              |
            6 | thin_audio = 
              |              ^

            venue.toml:8:9: `loud` is unknown; write "error" or "warn" or "info" or "debug" or "trace"
              |
            8 | level = "loud"
              |         ^^^^^^

            venue.toml:9:2: this is not TOML: duplicate key
              |
            9 | [log]
              |  ^^^

            7 mistakes in the configuration"#]],
    );
}

#[test]
fn text_that_is_no_toml_is_shown_where_it_breaks() {
    check_mistakes(
        "[http\nlisten = \"0.0.0.0:80\"",
        expect![[r#"
        venue.toml:1:6: this is not TOML: unclosed table, expected `]`
          |
        1 | [http
          |      ^

        venue.toml:2:1: `listen` stands outside its section; write it below [http]
          |
        2 | listen = "0.0.0.0:80"
          | ^^^^^^

        2 mistakes in the configuration"#]],
    );
}

#[test]
fn what_stands_where_the_syntax_breaks_is_not_judged() {
    for text in ["a = [1,", "a = [1,\n", "a = \"x", "a = {b = 1"] {
        let told = parse(text).unwrap_err().to_string();
        assert!(told.ends_with("1 mistake in the configuration"), "{text:?}: {told}");
        assert!(told.contains("this is not TOML"), "{text:?}: {told}");
    }
    let told = parse("a = 1\n[http\n").unwrap_err().to_string();
    assert!(told.contains("there is no section `a`") && told.contains("2 mistakes"), "{told}");
}

#[test]
fn a_mistake_behind_wide_letters_is_underlined_in_the_right_column() {
    check_mistakes(
        "node = { name = \"Säal\", data = \"ü\" }",
        expect![[r#"
        venue.toml:1:32: `ü` depends on where the daemon is started; write the path from `/` on
          |
        1 | node = { name = "Säal", data = "ü" }
          |                                ^^^

        1 mistake in the configuration"#]],
    );
}

#[test]
fn a_file_that_cannot_be_read_does_not_hide_the_mistakes_of_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing.toml");
    let wrong = write(&folder, "wrong.toml", "[log]\nlevel = 3\n");
    std::fs::write(folder.path().join("bytes.toml"), [0xff, 0xfe]).unwrap();
    let mistakes =
        load(&[missing, wrong, folder.path().join("bytes.toml")], Fragment::default()).unwrap_err();
    let text = mistakes.to_string().replace(&folder.path().display().to_string(), "");
    expect![[r#"
        /missing.toml: cannot be read: No such file or directory (os error 2); check the path and who may read it

        /wrong.toml:2:9: text is expected here, not a whole number; write "error" or "warn" or "info" or "debug" or "trace"
          |
        2 | level = 3
          |         ^

        /bytes.toml: is not UTF-8 text; save it as UTF-8

        3 mistakes in the configuration"#]].assert_eq(&text);
}

#[test]
fn no_file_at_all_gives_settings_that_a_node_can_run_with() {
    let settings = load(&[], Fragment::default()).unwrap();
    assert_eq!(settings.media_encoding(), model::settings::Encoding::default());
    assert_eq!(settings.media_loudness(), model::settings::Loudness::default());
    assert_eq!(settings.http.listen.port(), 8080);
}

#[test]
fn later_files_win_over_earlier_ones_and_flags_over_files() {
    let folder = tempfile::tempdir().unwrap();
    write(
        &folder,
        "10-vendor.toml",
        "[loudness]\ntarget_lufs = -20\nceiling_dbtp = -3\n[encoding]\naudio_bps = 64_000\n",
    );
    write(&folder, "20-site.toml", "[loudness]\ntarget_lufs = -18.5\n[encoding]\naudio_bps = 128000\n");
    write(&folder, "notes.txt", "not a configuration");
    let mut flags = Fragment::default();
    flags.encoding.audio_bps = parse("[encoding]\naudio_bps = 96000").unwrap().encoding.audio_bps;
    let settings = load(&[folder.path().to_owned()], flags).unwrap();
    assert_eq!(settings.loudness.target_lufs.lufs(), -18.5);
    assert_eq!(settings.loudness.ceiling_dbtp.dbtp(), -3.0);
    assert_eq!(settings.media_encoding().audio_bps, 96_000);
}

#[test]
fn what_changed_is_named_with_the_time_at_which_it_takes_hold() {
    let before = Fragment::default().complete();
    let after =
        parse("[http]\nlisten = \"[::1]:80\"\n[loudness]\ntarget_lufs = -18\n[log]\nlevel = \"debug\"");
    let changed = before.changed(&after.unwrap().complete());
    let expect = [
        ("http", "listen", Reload::Restart),
        ("loudness", "target_lufs", Reload::NextSession),
        ("log", "level", Reload::AtOnce),
    ];
    assert_eq!(changed, expect);
}

#[test]
fn the_reference_page_is_the_one_that_the_program_prints() {
    expect_file!["../../../docs/ref/config.md"].assert_eq(&reference());
}

/// Text of one file in which any key may be set or left out.
fn any_file() -> impl Strategy<Value = String> {
    let rate = proptest::option::of(48_000_u32..=192_000);
    let target = proptest::option::of(-240_i16..=-140);
    let latency = proptest::option::of(prop_oneof![Just("low"), Just("standard")]);
    let name = proptest::option::of("[A-Za-z0-9 \"\\\\äö]{1,20}[a-z]");
    (rate, target, latency, name).prop_map(|(rate, target, latency, name)| {
        let mut text = String::from("[encoding]\n");
        text.extend(rate.map(|bps| format!("audio_bps = {bps}\n")));
        text.extend(latency.map(|word| format!("latency = \"{word}\"\n")));
        text.push_str("[loudness]\n");
        text.extend(target.map(|tenths| format!("target_lufs = {:.1}\n", f64::from(tenths) / 10.0)));
        text.push_str("[node]\n");
        text.extend(name.map(|name| format!("name = {}\n", toml::Value::from(name))));
        text
    })
}

proptest! {
    #[test]
    fn merging_is_associative_and_empty_files_change_nothing(a in any_file(), b in any_file(), c in any_file()) {
        let [a, b, c] = [a, b, c].map(|text| parse(&text).unwrap());
        let left = a.clone().or(b.clone()).or(c.clone());
        prop_assert_eq!(&left, &a.clone().or(b.or(c)));
        prop_assert_eq!(&a, &a.clone().or(Fragment::default()));
        prop_assert_eq!(&a, &Fragment::default().or(a.clone()));
        prop_assert_eq!(&a, &a.clone().or(a.clone()));
    }

    #[test]
    fn shown_settings_read_back_as_the_same_settings(text in any_file()) {
        let settings = parse(&text).unwrap().complete();
        prop_assert_eq!(parse(&settings.to_toml()).unwrap().complete(), settings);
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "[\\[\\]=\"'a-z0-9.,{}\\n #_ä-]{0,200}") {
        if let Err(mistakes) = parse(&text) {
            prop_assert!(mistakes.to_string().contains("venue.toml:"));
        }
    }
}
