//! The settings as text: the reference of all keys, and what holds.

use super::keys::{Fragment, Reload, SECTIONS, Settings};

/// Returns `docs/ref/config.md`: every key with its meaning, range, unit and default.
pub(crate) fn reference() -> String {
    let mut page = String::from(HEAD);
    let defaults = Fragment::default().complete().show();
    let default_of = |section: &str, name: &str| {
        let shown = defaults.iter().find(|(of, key, _)| (*of, *key) == (section, name));
        shown
            .and_then(|(_, _, value)| value.as_ref())
            .map_or("see above".to_owned(), |value| format!("`{value}`"))
    };
    for section in SECTIONS {
        page.push_str(&format!("\n## [{}]\n\n{}\n", section.name, text(section.doc)));
        for key in section.keys {
            page.push_str(&format!(
                "\n### {}\n\n{}\n\nRange: {}. Default: {}. A change takes hold {}.\n",
                key.name,
                text(key.doc),
                (key.legal)(),
                default_of(section.name, key.name),
                when(key.reload),
            ));
        }
    }
    page
}

impl Settings {
    /// Returns the settings as a TOML file that gives the same settings when it is read.
    pub(crate) fn to_toml(&self) -> String {
        let mut file = String::new();
        let mut last = "";
        for (section, name, value) in self.show() {
            if section != last {
                let gap = if last.is_empty() { "" } else { "\n" };
                file.push_str(&format!("{gap}[{section}]\n"));
                last = section;
            }
            match value {
                Some(value) => file.push_str(&format!("{name} = {value}\n")),
                None => file.push_str(&format!("# {name} is left out\n")),
            }
        }
        file
    }
}

fn text(doc: &[&str]) -> String {
    doc.iter().map(|line| line.trim()).collect::<Vec<_>>().join("\n")
}

const fn when(reload: Reload) -> &'static str {
    match reload {
        Reload::AtOnce => "when the file is saved",
        Reload::NextSession => "with the next session",
        Reload::Restart => "when the daemon is started again",
    }
}

const HEAD: &str = "\
# Configuration

Made by `lectern config reference`; a test compares the two.

The daemon runs without any file. `--config PATH` may be given several times: files are read in order, a later value wins
over an earlier one, and flags win over files. A folder stands for its `*.toml` files in the order of their names.

`lectern config check PATH…` lists every mistake with its place and what to write; `lectern config show` prints what holds.
A file that is changed while the daemon runs is read again. One with a mistake changes nothing, and the log says why.
";
