//! `lectern run`: puts the parts together, watches over them, and ends them in order.

mod mended;
mod ready;
mod reload;
mod shutdown;

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use std::{env, io};

use cache::Store;
use model::wire::v1::Pace;
use model::{Clock, Title};
use serve::{Announcement, Live, Server};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::carrier::{Carrier, InProcess, Process};
use crate::clock::{Moment, SystemClock, boot};
use crate::command::data_folder;
use crate::config::{NodeName, Settings, load};
use crate::control::Desk;
use crate::error::Error;
use crate::intake::{self, Parts};
use crate::keep::{self, Health};
use crate::note::Place;
use crate::view::View;
use crate::{cli, log, resume};
use reload::Reloader;

/// A person who presses Ctrl-C twice takes longer.
const ECHO: Duration = Duration::from_millis(200);

/// A node that runs.
struct Node {
    desk: Arc<Desk>,
    intake: JoinHandle<()>,
    server: tokio::task::JoinHandle<()>,
    stop_serving: CancellationToken,
    announcement: Option<Announcement>,
    address: SocketAddr,
    resumes: bool,
}

/// Runs the node until it is told to end.
///
/// # Errors
/// It does not start, or a part of it ended that never ends.
pub(crate) fn run(arguments: &cli::Run) -> Result<(), Error> {
    let settings = load(&arguments.place.files, arguments.fragment())?;
    let dial = log::start(settings.log.format, settings.log.level)
        .map_err(|error| Error::System { what: "the log", source: io::Error::other(error) })?;
    let system = |what| move |source| Error::System { what, source };
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(system("the runtime"))?;
    let (settings, watched) = watch::channel(Arc::new(settings));
    let node = open(arguments, watched, &runtime)?;
    let reloader = Reloader::new(arguments.clone(), settings, dial);
    let outcome = runtime.block_on(watch_over(node, arguments, reloader));
    // A part that did not end in time must not keep the process: what it held is mended at the next start.
    runtime.shutdown_background();
    outcome
}

/// Opens everything that can be refused, before anything is started; nothing stored is touched until all is there.
fn open(
    arguments: &cli::Run,
    settings: watch::Receiver<Arc<Settings>>,
    runtime: &Runtime,
) -> Result<Node, Error> {
    let now = settings.borrow().clone();
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let listener = runtime.block_on(listen(now.http.listen))?;
    let folder = data_folder(&now.node.data)?;
    let (store, recovery) = Store::open(&folder, cache::Options::default())?;
    if let Err(error) = store.remembers() {
        tracing::error!(what = %error, advice = error.advice(), "recordings are not in the index");
    }
    mended::tell(&recovery);
    let note = Place::new(&folder);
    let moment = Moment { mono: clock.monotonic(), wall: clock.wall(), boot: boot() };
    let resumed = resume::take_up(&store, &note, &now.input.sources, moment)?;
    let resumes = resumed.is_some();

    let live = Live::new(store.clone(), Arc::clone(&clock));
    let (view, health) = (View::default(), Health::default());
    let threads = |source| Error::System { what: "a thread", source };
    let parts = Parts {
        clock: Arc::clone(&clock),
        boot: moment.boot,
        carrier: carrier(arguments, &now, &clock)?,
        store: store.clone(),
        live: live.clone(),
        keeper: keep::Handle::start(store.clone(), live.clone(), health.clone()).map_err(threads)?,
        view: view.clone(),
        settings,
        note,
        pace: if arguments.unpaced { Pace::Unpaced } else { Pace::RealTime },
    };
    let (commands, intake) = intake::start(parts, resumed).map_err(threads)?;
    let desk = Arc::new(Desk { commands, view, health, store: store.clone(), clock: clock.clone() });

    let host = host_name();
    let name = if let NodeName::Given(name) = &now.node.name { name.clone() } else { host.clone() };
    let address =
        listener.local_addr().map_err(|source| Error::Listen { address: now.http.listen, source })?;
    let options = serve::Options { name: name.clone(), hosts: vec![host] };
    let server = Server::new(store, live, Arc::<Desk>::clone(&desk), clock, options);
    let stop_serving = CancellationToken::new();
    let server = runtime.handle().spawn(server.run(listener, stop_serving.clone()));
    let announcement = announce(&now, &name, address);
    Ok(Node { desk, intake, server, stop_serving, announcement, address, resumes })
}

/// Works until a signal comes or a part fails.
async fn watch_over(mut node: Node, arguments: &cli::Run, mut reloader: Reloader) -> Result<(), Error> {
    let signal = |kind| signal(kind).map_err(|source| Error::System { what: "signals", source });
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let mut hang_up = signal(SignalKind::hangup())?;
    let (mut outcome, mut ends) = (Ok(()), false);
    tokio::select! {
        begun = begin(&node, arguments.start.as_ref()) => {
            outcome = begun.and_then(|()| ready::say(node.address, arguments));
        }
        _ = terminate.recv() => ends = true,
        _ = interrupt.recv() => ends = true,
    }
    while outcome.is_ok() && !ends {
        tokio::select! {
            _ = terminate.recv() => ends = true,
            _ = interrupt.recv() => ends = true,
            _ = hang_up.recv() => reloader.reload(),
            () = reloader.saved() => reloader.reload(),
            () = node.desk.commands.closed() => outcome = Err(Error::Fault("intake")),
            _ = &mut node.server => outcome = Err(Error::Fault("server")),
        }
    }
    // Whoever asks twice does not want to wait.
    let ended = tokio::select! {
        () = shutdown::shutdown(node) => Ok(()),
        () = asked_again(&mut terminate, &mut interrupt) => Err(Error::AtOnce),
    };
    outcome.and(ended)
}

/// Waits for a signal that is not an echo of the first: `timeout` and terminals signal a process and then its group.
async fn asked_again(terminate: &mut Signal, interrupt: &mut Signal) {
    let mut echo = std::pin::pin!(tokio::time::sleep(ECHO));
    let mut echoes = true;
    loop {
        tokio::select! {
            biased;
            () = &mut echo, if echoes => echoes = false,
            _ = terminate.recv() => if !echoes { return },
            _ = interrupt.recv() => if !echoes { return },
        }
    }
}

/// Begins the session that was asked for, unless one goes on.
async fn begin(node: &Node, title: Option<&Title>) -> Result<(), Error> {
    match title {
        Some(title) if !node.resumes => {
            node.desk.begin(title.clone()).await.map(|_| ()).map_err(Error::Start)
        }
        _ => Ok(()),
    }
}

async fn listen(address: SocketAddr) -> Result<TcpListener, Error> {
    TcpListener::bind(address).await.map_err(|source| Error::Listen { address, source })
}

fn carrier(
    arguments: &cli::Run,
    settings: &Settings,
    clock: &Arc<dyn Clock>,
) -> Result<Box<dyn Carrier>, Error> {
    if arguments.in_process {
        return Ok(Box::new(InProcess(Arc::clone(clock))));
    }
    let program =
        env::current_exe().map_err(|source| Error::System { what: "the program's own file", source })?;
    let mut words = vec!["capture".to_owned()];
    words.extend(log::arguments(settings.log.format, settings.log.level));
    Ok(Box::new(Process::new(program, words)))
}

/// Announces the node, where there is a network to announce it on.
fn announce(settings: &Settings, name: &str, address: SocketAddr) -> Option<Announcement> {
    if !settings.http.mdns || address.ip().is_loopback() {
        return None;
    }
    match serve::announce(name, address.port()) {
        Ok(announcement) => Some(announcement),
        Err(error) => {
            tracing::warn!(error = %model::chain(&error), "the node is not announced; its address works");
            None
        }
    }
}

fn host_name() -> String {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    if name.is_empty() { "lectern".to_owned() } else { name }
}
