//! The end, and clients that misbehave.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use crate::room::{Lecture, Room};

fn dial(room: &Room) -> TcpStream {
    TcpStream::connect(room.base.trim_start_matches("http://")).unwrap()
}

#[test]
fn at_the_end_whoever_waits_is_answered_and_the_port_is_free() {
    let room = Room::open();
    let mut lecture = Lecture::begin(&room.house);
    lecture.segment(0);
    let waiting = room.held(&lecture.url("audio/index.m3u8?_HLS_msn=1&_HLS_part=0"));
    let address = room.base.trim_start_matches("http://").to_owned();
    room.close();
    let answer = waiting.join().unwrap();
    answer.assert_problem(503, "stopping");
    assert_eq!((answer.header("retry-after"), answer.header("connection")), ("1", "close"));
    assert!(TcpStream::connect(&address).is_err());
}

#[test]
fn an_answer_under_way_is_finished() {
    let room = Room::open();
    let mut lecture = Lecture::begin(&room.house);
    lecture.segment(0);
    let mut stream = dial(&room);
    let path = lecture.url("audio/0-0.m4s");
    write!(stream, "GET {path} HTTP/1.1\r\nhost: box\r\n\r\n").unwrap();
    let mut first = [0; 16];
    stream.read_exact(&mut first).unwrap();
    room.close();
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).unwrap();
    assert!(first.starts_with(b"HTTP/1.1 200"));
    assert!(rest.len() > 12_000, "{}", rest.len());
}

#[test]
fn nonsense_on_the_wire_hurts_nobody() {
    let room = Room::open();
    for bytes in
        [&b"\0\0\0\0\r\n\r\n"[..], b"GET / HTTP/9.9\r\n\r\n", b"GET /%ff%00 HTTP/1.1\r\nhost: x\r\n\r\n"]
    {
        let mut stream = dial(&room);
        stream.write_all(bytes).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        assert!(!answer.starts_with(b"HTTP/1.1 2"), "{}", String::from_utf8_lossy(&answer));
    }
    let mut stream = dial(&room);
    let long = format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "x".repeat(64 * 1024));
    // The server may hang up before it has read everything.
    if stream.write_all(long.as_bytes()).is_ok() {
        let mut answer = Vec::new();
        if stream.read_to_end(&mut answer).is_ok() {
            assert!(!answer.starts_with(b"HTTP/1.1 2"));
        }
    }
    assert_eq!(room.get("/healthz").status, 200);
}

#[test]
fn clients_that_take_nothing_do_not_hold_up_the_others() {
    let room = Room::open();
    let mut lecture = Lecture::begin(&room.house);
    (0..4).for_each(|number| lecture.segment(number));
    let stalled: Vec<TcpStream> = (0..50)
        .map(|_| {
            let mut stream = dial(&room);
            for _ in 0..20 {
                write!(stream, "GET {} HTTP/1.1\r\nhost: box\r\n\r\n", lecture.url("audio/0-0.m4s")).unwrap();
            }
            stream
        })
        .collect();
    assert_eq!(room.get(&lecture.url("audio/0-3.m4s")).status, 200);
    drop(stalled);
    room.until(|room| room.metric("lectern_connections") < 10);
}
