//! Installing what a chore needs from Debian: found by asking dpkg, said with its reason, asked where a person can answer.
//!
//! It never starts a service, never removes or upgrades a package, and installs nothing that no chore needs.

mod need;

use std::collections::HashSet;
use std::io::{self, BufRead, IsTerminal, Write};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

pub(crate) use self::need::{BENCH, BUILD, DEMO, Need, RUN, TEST};
use crate::process;

/// Whether packages may be installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Consent {
    /// Yes, without a question.
    Given,
    /// Ask when a person sits at a terminal; without one the command itself is the consent.
    AskAtTerminal,
    /// No, and nothing is looked for.
    Never,
}

/// How packages can be installed here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Means {
    /// apt-get as it is.
    Root,
    /// apt-get through sudo, which may ask for a password.
    Sudo,
    /// Not at all: no apt-get, or neither root nor sudo.
    None,
}

/// Installs what of `sets` is missing.
///
/// # Errors
/// One sentence with the command to run, where this user may not install, says no, or has no apt.
pub(crate) fn ensure(sets: &[&[Need]], consent: Consent) -> Result<()> {
    if consent == Consent::Never {
        return Ok(());
    }
    let wanted: Vec<Need> = sets.iter().flat_map(|set| set.iter().copied()).collect();
    let installed = installed(&wanted)?;
    let has = |need: &Need| {
        installed.contains(need.package)
            || need.instead.is_some_and(|name| process::find_program(name).is_some())
    };
    let missing = missing(&wanted, has);
    if missing.is_empty() {
        return Ok(());
    }
    println!("These Debian packages are missing:");
    for need in &missing {
        println!("  {:<34} {}", need.package, need.why);
    }
    let means = means();
    if means == Means::None {
        bail!(
            "this user may not install packages (neither root nor sudo): ask an administrator to run `{}`, then run this again",
            by_hand(&missing)
        );
    }
    if consent == Consent::AskAtTerminal && io::stdin().is_terminal() && !agreed()? {
        bail!("nothing was installed; to do it by hand: `{}`", by_hand(&missing));
    }
    install(&missing, means)
}

/// Returns what of `wanted` is not there, each package once, in order.
fn missing(wanted: &[Need], has: impl Fn(&Need) -> bool) -> Vec<Need> {
    let mut seen = HashSet::new();
    wanted.iter().filter(|need| seen.insert(need.package) && !has(need)).copied().collect()
}

/// Asks dpkg which of the packages are installed.
fn installed(wanted: &[Need]) -> Result<HashSet<String>> {
    if process::find_program("dpkg-query").is_none() {
        let names: Vec<&str> = wanted.iter().map(|need| need.package).collect();
        bail!(
            "this system has no dpkg, so what is missing cannot be found out: install the like of {}, then run this again with --no-install",
            names.join(" ")
        );
    }
    // Unknown names make dpkg-query end with 1 and are told on stderr; the known ones are printed all the same.
    let told = Command::new("dpkg-query")
        .args(["--show", "--showformat", "${db:Status-Status} ${Package}\\n"])
        .args(wanted.iter().map(|need| need.package))
        .stderr(Stdio::null())
        .output()
        .context("ask dpkg what is installed")?;
    Ok(installed_in(&String::from_utf8_lossy(&told.stdout)))
}

fn installed_in(dpkg: &str) -> HashSet<String> {
    dpkg.lines().filter_map(|line| line.strip_prefix("installed ")).map(str::to_owned).collect()
}

fn means() -> Means {
    if process::find_program("apt-get").is_none() {
        Means::None
    } else if rustix::process::geteuid().is_root() {
        Means::Root
    } else if process::find_program("sudo").is_some() {
        Means::Sudo
    } else {
        Means::None
    }
}

fn by_hand(missing: &[Need]) -> String {
    let names: Vec<&str> = missing.iter().map(|need| need.package).collect();
    format!("apt-get install --no-install-recommends {}", names.join(" "))
}

fn agreed() -> Result<bool> {
    print!("Install them? [y/N] ");
    io::stdout().flush().context("write to the terminal")?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer).context("read the answer")?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// Installs the packages given as arguments.
///
/// The lists are fetched only when apt cannot plan the install with those it has, and once more when a planned package
/// has since left the mirror. No service that a package brings is started: `policy-rc.d` answers 101, "forbidden by
/// policy" (Debian Policy 9.3.3.1), for as long as apt runs.
const INSTALL: &str = r#"
set -eu
export DEBIAN_FRONTEND=noninteractive
if [ -d /usr/sbin ] && [ ! -e /usr/sbin/policy-rc.d ]; then
    trap 'rm -f /usr/sbin/policy-rc.d' EXIT
    printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d
    chmod 755 /usr/sbin/policy-rc.d
fi
if ! apt-get install --simulate --quiet=2 --no-install-recommends "$@" > /dev/null 2>&1; then
    apt-get update --quiet
fi
apt-get install --yes --quiet --no-install-recommends "$@" || {
    apt-get update --quiet
    apt-get install --yes --quiet --no-install-recommends "$@"
}
"#;

fn install(missing: &[Need], means: Means) -> Result<()> {
    let mut command = match means {
        Means::Sudo => {
            let mut sudo = Command::new("sudo");
            if !io::stdin().is_terminal() {
                sudo.arg("--non-interactive");
            }
            sudo.arg("sh");
            sudo
        }
        Means::Root | Means::None => Command::new("sh"),
    };
    command.args(["-c", INSTALL, "install"]).args(missing.iter().map(|need| need.package));
    println!("$ {}", by_hand(missing));
    let status = command.status().context("start apt-get")?;
    if !status.success() {
        bail!("the packages could not be installed (see above); to do it by hand: `{}`", by_hand(missing));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Need = Need { package: "a", instead: None, why: "" };
    const B: Need = Need { package: "b", instead: None, why: "" };

    fn names(needs: &[Need]) -> Vec<&str> {
        needs.iter().map(|need| need.package).collect()
    }

    #[test]
    fn only_what_dpkg_calls_installed_counts() {
        let told = installed_in(
            "installed sox\nconfig-files nginx-light\nnot-installed chromium\ninstalled ffmpeg\n",
        );
        assert_eq!(told, HashSet::from(["sox".to_owned(), "ffmpeg".to_owned()]));
    }

    #[test]
    fn a_package_wanted_twice_is_installed_once() {
        assert_eq!(names(&missing(&[A, B, A], |_| false)), ["a", "b"]);
        assert_eq!(names(&missing(&[A, B, A], |need| need.package == "a")), ["b"]);
    }

    #[test]
    fn never_means_that_nothing_is_looked_for() {
        let nowhere = Need { package: "no-such-package-anywhere", instead: None, why: "a test" };
        assert!(ensure(&[&[nowhere]], Consent::Never).is_ok());
    }

    #[test]
    fn every_package_says_why() {
        for need in [BUILD, RUN, DEMO, TEST, BENCH].concat() {
            assert!(need.why.len() > 10, "{} has no reason", need.package);
            assert!(
                need.package
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.+".contains(&b))
            );
        }
    }
}
