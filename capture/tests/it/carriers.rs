//! Both carriers behave the same.

use std::os::unix::net::UnixStream;
use std::sync::Arc;

use capture::Link;
use model::RunNumber;
use model::wire::v1::{End, FailureKind, Order, Report, Start};

use super::support::*;

/// A link over a socket to an engine on another thread, which returns what `serve` returned.
fn over_socket() -> (Link, std::thread::JoinHandle<Result<(), capture::Error>>) {
    let (near, far) = UnixStream::pair().unwrap();
    let server = std::thread::spawn(move || capture::serve(far, Arc::new(SystemClock::new())));
    (capture::connect(near).unwrap(), server)
}

/// Records the first parts of the test sound.
fn record_over(link: &Link) -> Recording {
    link.orders.send(Order::Start(start(&["test:audio"]))).unwrap();
    let mut recording = Recording::default();
    let mut stopped = false;
    loop {
        if recording.take(link.reports.recv().unwrap()) {
            return recording;
        }
        if !stopped && recording.parts() == 6 {
            link.orders.send(Order::Stop).unwrap();
            stopped = true;
        }
    }
}

#[test]
fn the_socket_carries_what_memory_carries() {
    let memory = capture::in_process(Arc::new(SystemClock::new())).unwrap();
    let (socket, server) = over_socket();
    let [direct, carried] = [&memory, &socket].map(record_over);
    let (direct, carried) = (&direct.tracks["audio"], &carried.tracks["audio"]);
    assert_eq!(direct.init, carried.init);
    assert_eq!(direct.track, carried.track);
    // Where the stop falls differs; up to there the bytes do not.
    assert_eq!(direct.parts[..6], carried.parts[..6]);
    memory.close();
    socket.close();
    server.join().unwrap().unwrap();
}

#[test]
fn a_second_start_is_refused_while_a_run_lasts() {
    let (link, server) = over_socket();
    link.orders.send(Order::Start(start(&["test:audio"]))).unwrap();
    link.orders.send(Order::Start(start(&["test:audio"]))).unwrap();
    let why = link.reports.iter().find_map(|report| match report {
        Report::Refused { why, .. } => Some(why),
        _ => None,
    });
    assert_eq!(why.unwrap().kind, FailureKind::Busy);
    let rest = link.close();
    assert!(
        matches!(rest.last(), Some(Report::Ended { why: End::Stopped, .. })),
        "leaving ends the run properly"
    );
    server.join().unwrap().unwrap();
}

#[test]
fn an_engine_leaves_when_the_daemon_is_gone() {
    let (link, server) = over_socket();
    link.orders.send(Order::Start(start(&["test:audio"]))).unwrap();
    drop(link);
    server.join().unwrap().unwrap();
}

#[test]
fn garbage_on_the_socket_is_an_error() {
    let (near, far) = UnixStream::pair().unwrap();
    let server = std::thread::spawn(move || capture::serve(far, Arc::new(SystemClock::new())));
    std::io::Write::write_all(&mut &near, &[0xff; 64]).unwrap();
    assert!(matches!(server.join().unwrap(), Err(capture::Error::Message(_))));
}

#[test]
fn a_start_right_after_the_end_of_the_last_run_is_never_called_busy() {
    let link = capture::in_process(Arc::new(SystemClock::new())).unwrap();
    assert!(matches!(link.reports.recv().unwrap(), Report::Hello { .. }));
    for run in 0..2000 {
        let start = Start { run: RunNumber(run), ..start(&["file:/no/such/talk.wav"]) };
        link.orders.send(Order::Start(start)).unwrap();
        match link.reports.recv().unwrap() {
            Report::Refused { run: of, why } => {
                assert_eq!((of, why.kind), (RunNumber(run), FailureKind::UnknownSource), "{}", why.message);
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(link.close(), []);
}
