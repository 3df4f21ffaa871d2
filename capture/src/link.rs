//! The two carriers of the capture messages: in memory, and over a Unix socket. They look and behave the same.
//!
//! Reports are bounded on both: what the listener does not take in time is dropped by the outbox's rules, and said.

mod socket;

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use model::Clock;
use model::wire::frame;
use model::wire::v1::{Order, Report};

use crate::engine::{Engine, Next};
use crate::outbox::Outbox;

pub use self::socket::{connect, serve};

/// Orders that may wait: people press few buttons.
const ORDERS_WAITING_MAX: usize = 8;

/// Reports on the listener's side of a carrier; the outbox behind it holds the rest.
const REPORTS_WAITING_MAX: usize = 64;

/// A carrier broke.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The socket could not be split in two.
    #[error("clone the capture socket")]
    Clone(#[source] std::io::Error),
    /// Reading failed.
    #[error("read from the capture socket")]
    Read(#[source] std::io::Error),
    /// The other side does not speak this version.
    #[error("read a message from the capture socket")]
    Message(#[source] frame::Error),
    /// A thread could not be started.
    #[error("start the thread {name}")]
    Thread {
        /// Its name.
        name: &'static str,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// Both ends of the conversation with a capture engine, as the daemon holds them.
///
/// The engine leaves when it is told to, or when `orders` is dropped. `reports` ends when the engine has left.
#[derive(Debug)]
pub struct Link {
    /// Takes orders.
    pub orders: SyncSender<Order>,
    /// Gives reports, [`Report::Hello`] first.
    pub reports: Receiver<Report>,
    threads: Vec<JoinHandle<()>>,
}

impl Link {
    /// Tells the engine to leave, takes what it still reports, and waits for its threads.
    pub fn close(self) -> Vec<Report> {
        let Self { orders, reports, threads } = self;
        if orders.send(Order::Leave).is_err() {
            tracing::debug!("capture had left already");
        }
        drop(orders);
        let rest = reports.iter().collect();
        for thread in threads {
            if thread.join().is_err() {
                tracing::error!("a thread of the capture link ended by a panic");
            }
        }
        rest
    }
}

/// Runs a capture engine on threads of this process.
///
/// # Errors
/// A thread cannot be started.
pub fn in_process(clock: Arc<dyn Clock>) -> Result<Link, Error> {
    let (orders, orders_in) = sync_channel(ORDERS_WAITING_MAX);
    let (reports_out, reports) = sync_channel(REPORTS_WAITING_MAX);
    let outbox = Arc::new(Outbox::default());
    let engine = spawn("capture-engine", {
        let outbox = outbox.clone();
        move || {
            let mut engine = Engine::new(clock, outbox);
            while let Ok(order) = orders_in.recv() {
                if engine.follow(order) == Next::Leave {
                    break;
                }
            }
            engine.leave();
        }
    })?;
    let carrier = spawn("capture-reports", move || {
        while let Some(report) = outbox.take() {
            if reports_out.send(report).is_err() {
                outbox.abandon();
            }
        }
    })?;
    Ok(Link { orders, reports, threads: vec![engine, carrier] })
}

fn spawn(name: &'static str, body: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, Error> {
    let thread = std::thread::Builder::new().name(name.to_owned());
    thread.spawn(body).map_err(|source| Error::Thread { name, source })
}
