//! The `lectern-bench` binary: measures Lectern beside its peers in the same run.
//!
//! `lectern-bench live|encode|loudness [--json] [--seconds N]`. It ends with exit code 1 where a bar is missed.

mod bar;
mod delays;
mod encode;
mod live;
mod loudness;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// How long each system is watched, unless asked otherwise.
const WATCH: Duration = Duration::from_secs(60);

#[derive(Debug, PartialEq, Eq)]
struct Order {
    bench: String,
    json: bool,
    watch: Duration,
}

fn main() -> Result<ExitCode> {
    let Order { bench, json, watch } = order(std::env::args().skip(1))?;
    let met = match bench.as_str() {
        "live" => live::run(&live::Options { json, watch })?,
        "encode" => encode::run(&encode::Options { json, watch })?,
        "loudness" => loudness::run(&loudness::Options { json })?,
        other => bail!("there is no bench `{other}`; there are: live, encode, loudness"),
    };
    Ok(if met { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn order(mut args: impl Iterator<Item = String>) -> Result<Order> {
    let mut order = Order { bench: String::new(), json: false, watch: WATCH };
    order.bench = args.next().context("say which bench: live, encode, loudness")?;
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--json" => order.json = true,
            "--seconds" => {
                let text = args.next().context("--seconds needs a number")?;
                let seconds: u64 = text.parse().with_context(|| format!("--seconds {text}"))?;
                order.watch = Duration::from_secs(seconds);
            }
            other => bail!("unknown argument `{other}`; there are: --json, --seconds N"),
        }
    }
    Ok(order)
}

/// Prints a line of the result.
#[expect(clippy::print_stdout, reason = "figures are what a bench is for")]
fn show(line: &str) {
    println!("{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(args: &[&str]) -> Result<Order> {
        order(args.iter().map(|arg| (*arg).to_owned()))
    }

    #[test]
    fn an_order_is_read_and_a_wrong_one_refused() {
        let due = Order { bench: "live".to_owned(), json: true, watch: Duration::from_secs(9) };
        assert_eq!(read(&["live", "--json", "--seconds", "9"]).unwrap(), due);
        for wrong in [&[][..], &["live", "--loud"], &["live", "--seconds"], &["live", "--seconds", "soon"]] {
            assert!(read(wrong).is_err(), "{wrong:?}");
        }
    }
}
