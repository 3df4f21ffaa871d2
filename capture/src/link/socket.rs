//! The messages over a Unix socket, as frames of [`model::wire::frame`].

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use bytes::BytesMut;
use model::Clock;
use model::wire::frame::{self, Message};
use model::wire::v1::{Order, Report};

use super::{Error, Link, ORDERS_WAITING_MAX, REPORTS_WAITING_MAX, spawn};
use crate::engine::{Engine, Next};
use crate::outbox::Outbox;

/// Bytes read at once: a part of 720p video and more.
const READ_BYTES: usize = 128 * 1024;

/// Runs a capture engine on this thread until it is told to leave or the socket closes.
///
/// # Errors
/// The socket breaks or carries something that is no message; the run is ended properly before this returns.
pub fn serve(stream: UnixStream, clock: Arc<dyn Clock>) -> Result<(), Error> {
    let mut incoming = stream.try_clone().map_err(Error::Clone)?;
    let outbox = Arc::new(Outbox::default());
    let writer = spawn("capture-reports", {
        let outbox = outbox.clone();
        move || write_reports(stream, &outbox)
    })?;
    let mut engine = Engine::new(clock, outbox);
    let mut buffer = BytesMut::new();
    let outcome = loop {
        match read_message(&mut incoming, &mut buffer) {
            Ok(Some(order)) => {
                if engine.follow(order) == Next::Leave {
                    break Ok(());
                }
            }
            Ok(None) => break Ok(()),
            Err(why) => break Err(why),
        }
    };
    engine.leave();
    if writer.join().is_err() {
        tracing::error!("the writer of the capture socket ended by a panic");
    }
    outcome
}

/// Speaks to a capture engine behind `stream`.
///
/// # Errors
/// The socket cannot be split, or a thread cannot be started.
pub fn connect(stream: UnixStream) -> Result<Link, Error> {
    let incoming = stream.try_clone().map_err(Error::Clone)?;
    let (orders, orders_in) = sync_channel(ORDERS_WAITING_MAX);
    let (reports_out, reports) = sync_channel(REPORTS_WAITING_MAX);
    let writer = spawn("capture-orders", move || write_orders(stream, &orders_in))?;
    let reader = spawn("capture-intake", move || read_reports(incoming, &reports_out))?;
    Ok(Link { orders, reports, threads: vec![writer, reader] })
}

fn write_reports(mut stream: UnixStream, outbox: &Outbox) {
    while let Some(report) = outbox.take() {
        if let Err(why) = write_message(&mut stream, &report) {
            tracing::warn!(%why, "nobody takes capture reports");
            outbox.abandon();
            return;
        }
    }
    // The listener sees the end of the reports even if it keeps its own half open.
    if let Err(why) = stream.shutdown(Shutdown::Write) {
        tracing::debug!(%why, "the capture socket was closed already");
    }
}

fn write_orders(mut stream: UnixStream, orders: &Receiver<Order>) {
    while let Ok(order) = orders.recv() {
        if let Err(why) = write_message(&mut stream, &order) {
            tracing::debug!(%why, "capture takes no orders");
            return;
        }
    }
    if let Err(why) = stream.shutdown(Shutdown::Write) {
        tracing::debug!(%why, "the capture socket was closed already");
    }
}

fn read_reports(mut stream: UnixStream, reports: &SyncSender<Report>) {
    let mut buffer = BytesMut::new();
    loop {
        match read_message(&mut stream, &mut buffer) {
            Ok(Some(report)) => {
                if reports.send(report).is_err() {
                    return;
                }
            }
            Ok(None) => return,
            Err(why) => {
                tracing::error!(%why, "capture is gone");
                return;
            }
        }
    }
}

fn write_message(stream: &mut UnixStream, message: &impl Message) -> io::Result<()> {
    let (head, body) = frame::encode(message).map_err(io::Error::other)?;
    stream.write_all(&head)?;
    stream.write_all(&body)
}

/// Reads the next message; `None` at the end of the stream.
fn read_message<M: Message>(stream: &mut UnixStream, buffer: &mut BytesMut) -> Result<Option<M>, Error> {
    loop {
        if let Some(message) = frame::decode(buffer).map_err(Error::Message)? {
            return Ok(Some(message));
        }
        let filled = buffer.len();
        buffer.resize(filled + READ_BYTES, 0);
        let read = read_some(stream, buffer.get_mut(filled..).unwrap_or_default());
        buffer.truncate(filled + *read.as_ref().unwrap_or(&0));
        match read {
            Ok(0) => return Ok(None),
            Ok(_) => {}
            // The other process was killed: the same as a closed socket.
            Err(why) if why.kind() == io::ErrorKind::ConnectionReset => return Ok(None),
            Err(why) => return Err(Error::Read(why)),
        }
    }
}

fn read_some(stream: &mut UnixStream, into: &mut [u8]) -> io::Result<usize> {
    loop {
        match stream.read(into) {
            Err(why) if why.kind() == io::ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}
