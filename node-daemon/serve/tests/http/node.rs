//! The node about itself, and its description.

use std::collections::BTreeSet;

use model::{Finding, Verdict};

use crate::room::{Lecture, Room};

#[test]
fn the_description_names_every_route_and_each_answers() {
    let room = Room::open();
    let description = room.get("/openapi.json").json();
    assert!(description["openapi"].as_str().unwrap().starts_with("3.1"));
    let paths = description["paths"].as_object().unwrap();
    for (path, methods) in paths {
        let concrete = path.replace("{id}", &crate::room::session_id(9).to_string());
        for method in methods.as_object().unwrap().keys() {
            let answer = if method == "get" { room.get(&concrete) } else { room.post(&concrete, &[], "") };
            assert_ne!(answer.status, 405, "{method} {path}");
            assert!(answer.status != 404 || answer.json()["code"] == "no_such_session", "{method} {path}");
        }
    }
    // The other way round: the source of the routes, read.
    let source = include_str!("../../src/api.rs");
    let routes: Vec<&str> =
        source.split(".route(\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    assert!(routes.len() > 8);
    assert!(routes.iter().all(|route| paths.contains_key(*route)), "{routes:?}");
}

#[test]
fn what_changes_is_kept_by_nobody() {
    let room = Room::open();
    let lecture = Lecture::begin(&room.house);
    let description = room.get("/openapi.json").json();
    for path in description["paths"].as_object().unwrap().keys() {
        let concrete = path.replace("{id}", &lecture.id.to_string());
        assert_eq!(room.get(&concrete).header("cache-control"), "no-store", "{path}");
    }
    assert_eq!(room.get("/openapi.json").header("cache-control"), "no-store");
}

#[test]
fn readiness_gives_its_reasons() {
    let room = Room::open();
    assert_eq!((room.get("/healthz").status, room.get("/readyz").status), (200, 200));
    let finding = Finding {
        id: "storage.low".to_owned(),
        verdict: Verdict::Fail,
        what: "The disk is full.".to_owned(),
        do_this: "Delete old lectures.".to_owned(),
    };
    room.house.daemon.readiness.lock().unwrap().findings.push(finding);
    let answer = room.get("/readyz");
    assert_eq!(answer.status, 503);
    assert_eq!(answer.json()["findings"][0]["do_this"], "Delete old lectures.");
    assert_eq!(room.get("/healthz").status, 200);
    assert_eq!(room.get("/api/v1/checklist").json()["ready"], false);
}

#[test]
fn counters_move_with_what_happens() {
    let room = Room::open();
    let mut lecture = Lecture::begin(&room.house);
    lecture.segment(0);
    room.house.clock.advance(std::time::Duration::from_millis(1500));
    let bytes = room.get(&lecture.url("audio/0-0.m4s")).body.len();
    let text = room.get("/metrics").text();
    for line in [
        "lectern_parts_published_total 8".to_owned(),
        "lectern_live_edge_age_seconds 1.500".to_owned(),
        "lectern_held_requests 0".to_owned(),
        "lectern_pictures_dropped_total{track=\"720p\"} 6".to_owned(),
        "lectern_pictures_repeated_total{track=\"720p\"} 2".to_owned(),
        format!("lectern_sent_bytes_total{{kind=\"media\"}} {bytes}"),
    ] {
        assert!(text.lines().any(|known| known == line), "{line} is not in\n{text}");
    }
    let families = text.lines().filter(|line| line.starts_with("# TYPE")).count();
    assert_eq!(families, text.lines().filter(|line| line.starts_with("# HELP")).count());
}

#[test]
fn the_checklist_is_told_to_prometheus_too_each_id_once() {
    let room = Room::open();
    assert!(room.get("/metrics").text().contains("\nlectern_ready 1\n"));
    for (id, verdict) in [
        ("storage.low", Verdict::Warn),
        ("camera.lost", Verdict::Fail),
        ("camera.lost", Verdict::Pass),
        ("odd\"id", Verdict::Unknown),
    ] {
        let text = "Words.".to_owned();
        let finding = Finding { id: id.to_owned(), verdict, what: text.clone(), do_this: text };
        room.house.daemon.readiness.lock().unwrap().findings.push(finding);
    }
    let text = room.get("/metrics").text();
    let lines: Vec<&str> = text.lines().filter(|line| line.starts_with("lectern_finding{")).collect();
    assert_eq!(lines.len(), 3 * 4, "{lines:#?}");
    let held: Vec<&str> = lines.into_iter().filter(|line| line.ends_with(" 1")).collect();
    assert_eq!(
        held,
        [
            r#"lectern_finding{id="camera.lost",verdict="fail"} 1"#,
            r#"lectern_finding{id="odd\"id",verdict="unknown"} 1"#,
            r#"lectern_finding{id="storage.low",verdict="warn"} 1"#,
        ]
    );
    assert!(text.contains("\nlectern_ready 0\n"));
    assert!(!text.contains("Words."), "sentences are no labels");
}

#[test]
fn every_metric_is_described_and_no_other() {
    let text = Room::open().get("/metrics").text();
    let told: BTreeSet<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE "))
        .filter_map(|rest| rest.split(' ').next())
        .collect();
    let described: BTreeSet<&str> = include_str!("../../../../docs/ref/metrics.md")
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split(['`', '{']).next())
        .collect();
    assert_eq!(told, described);
}

#[test]
fn levels_and_status_are_of_this_moment() {
    let room = Room::open();
    assert_eq!(room.get("/api/v1/levels").text(), "null");
    let lecture = Lecture::begin(&room.house);
    assert_eq!(room.get("/api/v1/levels").json()["gain_db"], 15.0);
    let status = room.get("/api/v1/status");
    assert_eq!(status.json()["live"], lecture.id.to_string());
    assert_eq!(
        (status.json()["name"].as_str(), status.header("cache-control")),
        (Some("Hall 3"), "no-store")
    );
}

#[test]
fn a_session_that_was_stopped_has_no_edge_to_age() {
    let room = Room::open();
    let mut lecture = Lecture::begin(&room.house);
    lecture.segment(0);
    lecture.end(&room.house);
    assert!(!room.get("/metrics").text().contains("\nlectern_live_edge_age_seconds "));
}
