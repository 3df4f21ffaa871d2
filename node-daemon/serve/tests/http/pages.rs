//! Pages as a browser without scripts sees them.

use crate::room::{Lecture, Room};

#[test]
fn an_empty_node_says_so() {
    let room = Room::open();
    let page = room.get("/");
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    assert!(page.text().contains("Nothing has been recorded yet"));
}

#[test]
fn the_list_shows_live_before_recorded_and_escapes_titles() {
    let room = Room::open();
    Lecture::begin(&room.house).end(&room.house);
    let mut lecture = Lecture::begin(&room.house);
    lecture.segment(0);
    let text = room.get("/").text();
    assert!(text.find(">Live<").unwrap() < text.find(">Recorded<").unwrap());
    assert!(text.contains("dir=\"auto\">Sense &amp; &lt;Sensibility&gt;"), "in its own direction");
    assert!(!text.contains("<Sensibility>"));
}

#[test]
fn who_waits_for_a_lecture_sees_it_come_without_a_script() {
    let room = Room::open();
    assert_eq!(room.get("/").header("refresh"), "15");
    Lecture::begin(&room.house).end(&room.house);
    assert_eq!(room.get("/").header("refresh"), "15", "recordings alone do not end the wait");
    Lecture::begin(&room.house).segment(0);
    assert_eq!(room.get("/").header("refresh"), "", "what is there does not move");
}

#[test]
fn a_session_page_works_without_a_script_and_loads_nothing_foreign() {
    let room = Room::open();
    let mut lecture = Lecture::begin(&room.house);
    lecture.segment(0);
    let page = room.get(&format!("/s/{}", lecture.id));
    let text = page.text();
    assert!(text.contains(&format!("href=\"{}\"", lecture.url("index.m3u8"))));
    assert!(text.contains(&format!("href=\"{}\"", lecture.url("audio.m3u8"))));
    let (note, links) = (text.find("<noscript>").unwrap(), text.find("id=\"elsewhere\"").unwrap());
    assert!(note < links, "who has no script is told before the links");
    assert!(text.contains("<h1 dir=\"auto\">"));
    assert!(page.header("content-security-policy").starts_with("default-src 'self'"));
    assert!(!text.contains("<script>") && !text.contains("http://") && !text.contains("style=\""));
    for address in text.split("/assets/").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        let asset = room.get(&format!("/assets/{address}"));
        assert_eq!(asset.status, 200, "{address}");
        assert_eq!(asset.header("cache-control"), "public, max-age=31536000, immutable");
    }
    let gone = room.get(&format!("/s/{}", crate::room::session_id(88)));
    assert_eq!(gone.status, 404);
    assert!(gone.text().contains("no such lecture"));
}

#[test]
fn a_mistyped_address_is_a_page_for_people_and_a_problem_for_programs() {
    let room = Room::open();
    let browser = [("accept", "text/html,application/xhtml+xml,*/*;q=0.8")];
    let page = room.get_with("/hots", &browser);
    assert_eq!((page.status, page.header("content-type")), (404, "text/html; charset=utf-8"));
    assert!(page.text().contains("href=\"/\""), "it leads on");
    room.get_with("/hots", &[("accept", "*/*")]).assert_problem(404, "no_such_page");
    room.get("/hots").assert_problem(404, "no_such_page");
}

#[test]
fn a_lecture_that_ended_as_it_began_says_so_and_has_no_player() {
    let room = Room::open();
    let lecture = Lecture::begin(&room.house);
    let path = format!("/s/{}", lecture.id);
    assert!(room.get(&path).text().contains("id=\"player\""), "its sound may still come");
    lecture.end(&room.house);
    let room = Room::around(room.close().restarted());
    let text = room.get(&path).text();
    assert!(text.contains("Nothing was recorded") && !text.contains("id=\"player\""), "{text}");
}

#[test]
fn every_kind_of_problem_is_explained_on_the_node() {
    let room = Room::open();
    let text = room.get("/problems").text();
    for code in ["no_such_session", "session_live", "bad_directives", "foreign_origin"] {
        assert!(text.contains(&format!("id=\"{code}\"")), "{code}");
    }
}
