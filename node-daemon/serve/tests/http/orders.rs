//! The API: orders, who may give them, and what is said when they cannot be carried out.

use crate::room::{Lecture, Room};

const JSON: (&str, &str) = ("content-type", "application/json");

#[test]
fn a_session_is_started_found_and_stopped() {
    let room = Room::open();
    let started = room.post("/api/v1/sessions", &[JSON], r#"{"title":" Persuasion "}"#);
    assert_eq!(started.status, 201, "{}", started.text());
    let session = started.json();
    assert_eq!((&session["title"], &session["state"]), (&"Persuasion".into(), &"live".into()));
    let at = started.header("location").to_owned();
    assert_eq!(at, format!("/api/v1/sessions/{}", session["id"].as_str().unwrap()));
    assert_eq!(
        room.get(&at).json()["hls"]["audio"],
        format!("/hls/{}/audio.m3u8", session["id"].as_str().unwrap())
    );
    room.post("/api/v1/sessions", &[JSON], r#"{"title":"Emma"}"#).assert_problem(409, "session_live");
    let stopped = room.post(&format!("{at}/stop"), &[], "");
    assert_eq!((stopped.status, &stopped.json()["state"]), (200, &"ended".into()));
    room.post(&format!("{at}/stop"), &[], "").assert_problem(409, "session_not_live");
}

#[test]
fn an_order_sent_twice_is_carried_out_once() {
    let room = Room::open();
    let headers = [JSON, ("idempotency-key", "a-1")];
    let first = room.post("/api/v1/sessions", &headers, r#"{"title":"Emma"}"#);
    let again = room.post("/api/v1/sessions", &headers, r#"{"title":"Emma"}"#);
    assert_eq!((first.status, again.status), (201, 201));
    assert_eq!(first.json()["id"], again.json()["id"]);
    assert_eq!(*room.house.daemon.starts.lock().unwrap(), 1);
    let other = room.post("/api/v1/sessions", &headers, r#"{"title":"Other"}"#);
    other.assert_problem(422, "idempotency_key_reused");
    let odd = [JSON, ("idempotency-key", "a b")];
    room.post("/api/v1/sessions", &odd, r#"{"title":"Emma"}"#).assert_problem(400, "bad_idempotency_key");
}

#[test]
fn after_a_restart_a_repeated_order_meets_the_live_session_and_the_description_says_so() {
    let headers = [JSON, ("idempotency-key", "a-1")];
    let room = Room::open();
    let first = room.post("/api/v1/sessions", &headers, r#"{"title":"Emma"}"#);
    let id = first.json()["id"].as_str().unwrap().to_owned();
    let live = *room.house.daemon.live.lock().unwrap();
    let house = room.close().restarted();
    // The daemon goes on with a session that was cut.
    *house.daemon.live.lock().unwrap() = live;
    let room = Room::around(house);
    let again = room.post("/api/v1/sessions", &headers, r#"{"title":"Emma"}"#);
    again.assert_problem(409, "session_live");
    assert!(again.json()["detail"].as_str().unwrap().contains(&id), "{}", again.text());
    assert!(room.get("/openapi.json").text().contains("known until the node restarts"));
}

#[test]
fn a_body_that_cannot_be_used_is_explained() {
    let room = Room::open();
    let post = |body: &str| room.post("/api/v1/sessions", &[JSON], body);
    post(r#"{"title":""}"#).assert_problem(422, "bad_title");
    post(r#"{"title":"a\nb"}"#).assert_problem(422, "bad_title");
    post(r#"{"titel":"x"}"#).assert_problem(400, "bad_body");
    post("{").assert_problem(400, "bad_body");
    post(&format!(r#"{{"title":"{}"}}"#, "x".repeat(100_000))).assert_problem(413, "body_too_large");
    let form = [("content-type", "application/x-www-form-urlencoded")];
    room.post("/api/v1/sessions", &form, "title=x").assert_problem(415, "json_expected");
    assert_eq!(*room.house.daemon.starts.lock().unwrap(), 0);
}

#[test]
fn no_other_site_gives_orders() {
    let room = Room::open();
    let body = r#"{"title":"x"}"#;
    let from = |name, value| room.post("/api/v1/sessions", &[JSON, (name, value)], body);
    from("origin", "http://evil.example").assert_problem(403, "foreign_origin");
    from("origin", "null").assert_problem(403, "foreign_origin");
    from("sec-fetch-site", "cross-site").assert_problem(403, "foreign_origin");
    from("host", "evil.example").assert_problem(403, "foreign_host");
    assert_eq!(*room.house.daemon.starts.lock().unwrap(), 0);
    let own = room.base.clone();
    assert_eq!(room.post("/api/v1/sessions", &[JSON, ("origin", &own)], body).status, 201);
}

#[test]
fn the_list_shows_live_first_and_pages() {
    let room = Room::open();
    for _ in 0..3 {
        Lecture::begin(&room.house).end(&room.house);
    }
    let live = Lecture::begin(&room.house);
    let all = room.get("/api/v1/sessions").json();
    let ids = |page: &serde_json::Value| -> Vec<String> {
        page["sessions"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["id"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(ids(&all).len(), 4);
    assert_eq!(ids(&all)[0], live.id.to_string());
    let first = room.get("/api/v1/sessions?limit=3").json();
    let rest =
        room.get(&format!("/api/v1/sessions?limit=3&after={}", first["next"].as_str().unwrap())).json();
    assert_eq!([ids(&first), ids(&rest)].concat(), ids(&all));
    assert!(rest.get("next").is_none());
    for odd in ["x", "0", "201", "145087968439648927744", "-1"] {
        room.get(&format!("/api/v1/sessions?limit={odd}")).assert_problem(400, "bad_query");
    }
    let nobody = crate::room::session_id(77);
    room.get(&format!("/api/v1/sessions?after={nobody}")).assert_problem(404, "no_such_session");
}

#[test]
fn a_detail_tells_tracks_gaps_and_addresses() {
    let room = Room::open();
    let mut lecture = Lecture::begin(&room.house);
    lecture.segment(0);
    lecture.segment(1);
    let detail = room.get(&format!("/api/v1/sessions/{}", lecture.id)).json();
    assert_eq!(detail["tracks"].as_array().unwrap().len(), 2);
    assert!(detail["tracks"].as_array().unwrap().iter().all(|track| track["segments"] == 2));
    assert_eq!(detail["duration_seconds"], 4.011);
    assert!(room.get(&format!("/api/v1/sessions/{}", crate::room::session_id(77))).status == 404);
}

#[test]
fn unknown_addresses_and_methods_are_problems_too() {
    let room = Room::open();
    room.get("/api/v2/sessions").assert_problem(404, "no_such_page");
    room.get("/api/v1/sessions/x").assert_problem(404, "no_such_session");
    let wrong = room.post("/api/v1/status", &[], "");
    wrong.assert_problem(405, "method_not_allowed");
    assert_eq!(wrong.header("allow"), "GET,HEAD");
}
