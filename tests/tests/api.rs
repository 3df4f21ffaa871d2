//! The JSON API from outside: what a program relies on.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use testkit::daemon::{Daemon, Setup};
use testkit::http::{Answer, Client};
use testkit::promise::Promises;

fn problem(answer: &Answer, status: u16) -> Result<()> {
    let kind = answer.header("content-type").unwrap_or_default();
    ensure!(answer.status == status, "{} answered {} and not {status}", answer.url, answer.status);
    ensure!(kind == "application/problem+json", "{} says {kind}", answer.url);
    let document = answer.json()?;
    for member in ["type", "title", "detail"] {
        let text = document.get(member).and_then(Value::as_str).unwrap_or_default();
        ensure!(!text.is_empty(), "no {member} in {document}");
    }
    ensure!(document.get("status").and_then(Value::as_u64) == Some(u64::from(status)), "{document}");
    Ok(())
}

#[test]
fn the_api_keeps_its_word() -> Result<()> {
    let daemon = Daemon::start(Setup { inputs: vec!["test:audio".to_owned()], ..Setup::default() })?;
    let client = Client::new(Duration::from_secs(30));
    let get = |path: &str| client.get(&daemon.url(path));
    let post = |path: &str, body: &Value| client.post_json(&daemon.url(path), body);
    let mut promises = Promises::default();

    promises.check("health, readiness and metrics answer", || {
        ensure!(get("/healthz")?.status == 200, "/healthz");
        ensure!([200, 503].contains(&get("/readyz")?.status), "/readyz");
        let metrics = get("/metrics")?.expect_status(200)?;
        ensure!(metrics.header("content-type").unwrap_or_default().starts_with("text/plain"), "{metrics:?}");
        ensure!(metrics.text()?.lines().any(|line| line.starts_with("# TYPE lectern_")), "no metric of ours");
        Ok(())
    });
    promises.check("the checklist has findings with stable ids", || {
        let list = get("/api/v1/checklist")?.expect_status(200)?.json()?;
        let findings = list.get("findings").and_then(Value::as_array).context("findings")?;
        for finding in findings {
            let verdict = finding.get("verdict").and_then(Value::as_str).unwrap_or_default();
            ensure!(["pass", "warn", "fail", "unknown"].contains(&verdict), "{finding}");
            ensure!(finding.get("id").is_some() && finding.get("what").is_some(), "{finding}");
            ensure!(finding.get("do_this").is_some(), "{finding}");
        }
        ensure!(!findings.is_empty(), "an empty checklist checks nothing");
        Ok(())
    });
    promises.check("wrong orders are told as problems", || {
        problem(&post("/api/v1/sessions", &json!({ "title": "" }))?, 422)?;
        problem(&post("/api/v1/sessions", &json!({ "title": "x", "volume": 11 }))?, 400)?;
        problem(&client.post(&daemon.url("/api/v1/sessions"), "application/json", "{")?, 400)?;
        problem(&client.post(&daemon.url("/api/v1/sessions"), "text/plain", "{}")?, 415)?;
        let nowhere = "/api/v1/sessions/0190b8f0-3c5a-7000-8000-000000000000";
        problem(&get(nowhere)?, 404)?;
        problem(&post(&format!("{nowhere}/stop"), &json!({}))?, 404)?;
        problem(&get("/api/v1/sessions/..%2f..")?, 404)?;
        problem(&get("/api/v1/nothing")?, 404)?;
        problem(&client.post(&daemon.url("/healthz"), "text/plain", "")?, 405)
    });
    promises.check("a session has one life", || one_life(&get, &post));
    promises.check("OpenAPI describes what is there", || openapi(&get));
    promises.verdict()
}

fn one_life(
    get: &impl Fn(&str) -> Result<Answer>,
    post: &impl Fn(&str, &Value) -> Result<Answer>,
) -> Result<()> {
    let started = post("/api/v1/sessions", &json!({ "title": "  One  " }))?.expect_status(201)?;
    let place = started.header("location").context("Location")?.to_owned();
    let session = started.json()?;
    ensure!(session.get("title").is_some_and(|title| title == "One"), "{session}");
    problem(&post("/api/v1/sessions", &json!({ "title": "Two" }))?, 409)?;
    let detail = get(&place)?.expect_status(200)?.json()?;
    ensure!(detail.get("state").is_some_and(|state| state == "live"), "{detail}");
    post(&format!("{place}/stop"), &json!({}))?.expect_status(200)?;
    problem(&post(&format!("{place}/stop"), &json!({}))?, 409)?;
    let listed = get("/api/v1/sessions")?.expect_status(200)?.json()?;
    let sessions = listed.get("sessions").and_then(Value::as_array).context("sessions")?;
    ensure!(sessions.len() == 1, "{listed}");
    ensure!(sessions.iter().all(|one| one.get("state").is_some_and(|state| state == "ended")), "{listed}");
    Ok(())
}

fn openapi(get: &impl Fn(&str) -> Result<Answer>) -> Result<()> {
    let description = get("/openapi.json")?.expect_status(200)?.json()?;
    let version = description.get("openapi").and_then(Value::as_str).unwrap_or_default();
    ensure!(version.starts_with("3."), "OpenAPI {version:?}");
    let paths = description.get("paths").and_then(Value::as_object).context("paths")?;
    for due in [
        "/api/v1/sessions",
        "/api/v1/sessions/{id}/stop",
        "/api/v1/checklist",
        "/healthz",
        "/readyz",
        "/metrics",
    ] {
        ensure!(paths.contains_key(due), "{due} is not described");
    }
    for (path, methods) in paths {
        if path.contains('{') || methods.get("get").is_none() {
            continue;
        }
        let answer = get(path)?;
        ensure!(answer.status < 500 || path == "/readyz", "{path} answered {}", answer.status);
        ensure!(answer.status != 404 && answer.status != 405, "{path} is described and not there");
    }
    Ok(())
}
