//! `lectern check`: go or no-go, from the node that runs or, with none running, from what it would run with.

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use cache::Store;
use capture::{Probe, SourceInfo};
use model::{Clock, Finding, Input, Verdict};

use super::data_folder;
use crate::checklist::{finding, without_node};
use crate::cli::Check;
use crate::clock::SystemClock;
use crate::config::load;
use crate::error::Error;
use crate::out;

/// How long a node may take: its own limit is 30 s, and it hardly ever takes 0.1 s.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// No checklist comes near this, bytes.
const ANSWER_BYTES_MAX: u64 = 1 << 20;

pub(super) fn check(arguments: &Check) -> Result<(), Error> {
    let settings = load(&arguments.place.files, arguments.fragment())?;
    let address = here(settings.http.listen);
    let (whose, findings) = match ask(address) {
        Answer::Findings(findings) => (format!("the node at http://{address} says"), findings),
        other => {
            let folder = data_folder(&settings.node.data)?;
            if Store::open_read_only(&folder).is_ok_and(|store| store.is_written()) {
                return Err(Error::Usage(format!(
                    "a node records into `{}`, and none answers at {address}; give its address with --http",
                    folder.display()
                )));
            }
            let inputs = &settings.input.sources;
            let mut findings = without_node(&folder, inputs, &connected(inputs)?);
            findings.extend(matches!(other, Answer::Other).then(|| taken(address)));
            ("no node runs; its folder, sources and settings say".to_owned(), findings)
        }
    };
    tell(&whose, &findings, arguments)
}

/// Returns the devices that are there, if any of the inputs is one.
fn connected(inputs: &[Input]) -> Result<Vec<SourceInfo>, Error> {
    let is_device = |input: &Input| matches!(input, Input::Audio { .. } | Input::Camera { .. });
    if !inputs.iter().any(is_device) {
        return Ok(Vec::new());
    }
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    Ok(out::quietly(|| capture::sources(Probe::Formats, &clock))?)
}

fn tell(whose: &str, findings: &[Finding], arguments: &Check) -> Result<(), Error> {
    let failed = findings.iter().filter(|one| one.verdict == Verdict::Fail).count();
    if arguments.json.json {
        out::json(&serde_json::json!({ "ready": failed == 0, "findings": findings }))?;
    } else {
        out::line(&format!("{whose}:"))?;
        for one in findings {
            out::line(&row(one))?;
        }
        if failed == 0 {
            out::line("go")?;
        }
    }
    match failed {
        0 => Ok(()),
        failed => Err(Error::Failed(format!("no-go: {failed} of {} checks fail", findings.len()))),
    }
}

/// Returns a finding as one line, its fix at the end.
fn row(Finding { id, verdict, what, do_this }: &Finding) -> String {
    let word = match verdict {
        Verdict::Pass => "pass",
        Verdict::Warn => "WARN",
        Verdict::Fail => "FAIL",
        Verdict::Unknown => "unknown",
    };
    format!("{word:<8} {id:<16} {what} {do_this}").trim_end().to_owned()
}

fn taken(address: SocketAddr) -> Finding {
    let what = format!("Port {} is used by another program, so a node cannot serve there.", address.port());
    finding("http.taken", Verdict::Fail, &what, "Stop that program, or choose a port with --http IP:PORT.")
}

/// Returns where a node that listens on `address` is reached from this machine.
fn here(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

/// Who is at an address.
enum Answer {
    /// A node.
    Findings(Vec<Finding>),
    /// Nobody.
    Nobody,
    /// Something that is no node.
    Other,
}

fn ask(address: SocketAddr) -> Answer {
    match request(address) {
        Ok(answer) => findings(&answer).map_or(Answer::Other, Answer::Findings),
        Err(error) if matches!(error.kind(), ErrorKind::ConnectionRefused | ErrorKind::AddrNotAvailable) => {
            Answer::Nobody
        }
        Err(error) => {
            tracing::debug!(%address, %error, "no checklist");
            Answer::Other
        }
    }
}

fn request(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, ANSWER_WITHIN)?;
    stream.set_read_timeout(Some(ANSWER_WITHIN))?;
    stream.set_write_timeout(Some(ANSWER_WITHIN))?;
    let request = format!(
        "GET /api/v1/checklist HTTP/1.1\r\nHost: {address}\r\nAccept: application/json\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.take(ANSWER_BYTES_MAX).read_to_string(&mut answer)?;
    Ok(answer)
}

/// Reads the findings out of a response; `None` where it is not a node's.
fn findings(answer: &str) -> Option<Vec<Finding>> {
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split_ascii_whitespace().nth(1)?;
    let mut value: serde_json::Value = (status == "200").then(|| serde_json::from_str(body).ok())??;
    serde_json::from_value(value.get_mut("findings")?.take()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_is_one_line_with_its_fix_at_the_end() {
        let line = row(&taken("127.0.0.1:80".parse().unwrap()));
        assert!(line.starts_with("FAIL     http.taken       Port 80 is used"), "{line}");
        assert!(line.ends_with("with --http IP:PORT.") && !line.contains('\n'), "{line}");
        assert_eq!(row(&finding("a.b", Verdict::Pass, "Good.", "")), "pass     a.b              Good.");
    }

    #[test]
    fn only_a_checklist_is_taken_for_one() {
        let body = r#"{"ready":true,"findings":[{"id":"a","verdict":"warn","what":"w","do_this":"d"}]}"#;
        let answer = |status: &str, body: &str| format!("HTTP/1.1 {status}\r\nx: y\r\n\r\n{body}");
        assert_eq!(findings(&answer("200 OK", body)).unwrap()[0].verdict, Verdict::Warn);
        for other in [answer("404 Not Found", body), answer("200 OK", "hello"), "SSH-2.0".to_owned()] {
            assert!(findings(&other).is_none(), "{other}");
        }
    }

    #[test]
    fn a_node_on_all_addresses_is_asked_on_this_machine() {
        for (listen, asked) in
            [("0.0.0.0:80", "127.0.0.1:80"), ("[::]:80", "[::1]:80"), ("10.0.0.9:8", "10.0.0.9:8")]
        {
            assert_eq!(here(listen.parse().unwrap()), asked.parse().unwrap());
        }
    }
}
