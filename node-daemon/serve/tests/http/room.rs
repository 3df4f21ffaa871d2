//! A server on a port of its own, a cache in a folder of its own, and a lecture made of noise.

use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use cache::{Growing, Store, synthetic};
use model::settings::SEGMENT_MS;
use model::wire::v1::{Close, Levels, PartReport, PictureCount};
use model::{
    BootId, Clock, Gap, GapCause, GapState, ManualClock, Media, MediaTime, MonoTime, Part, PartIndex, Run,
    RunNumber, SegmentKey, SegmentNumber, Session, SessionId, SessionState, Ticks, Title, Track, TrackName,
    WallTime,
};
use serve::{Control, ControlError, Live, Options, Readiness, Server};
use tokio_util::sync::{CancellationToken, DropGuard};

pub(crate) const PARTS: u32 = 4;
pub(crate) const AUDIO: &str = "audio";
pub(crate) const VIDEO: &str = "270p";

/// How often something is asked before a test gives up on it.
const TRIES: u32 = 20_000;

pub(crate) type BoxFuture<'a, T> = std::pin::Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A daemon that only keeps books.
#[derive(Debug)]
pub(crate) struct Daemon {
    store: Store,
    pub(crate) live: Mutex<Option<SessionId>>,
    pub(crate) starts: Mutex<u8>,
    pub(crate) readiness: Mutex<Readiness>,
}

impl Control for Daemon {
    fn start(&self, title: Title) -> BoxFuture<'_, Result<SessionId, ControlError>> {
        Box::pin(std::future::ready(self.begin(title)))
    }

    fn stop(&self, session: SessionId) -> BoxFuture<'_, Result<(), ControlError>> {
        let mut live = self.live.lock().unwrap();
        let answer = if *live == Some(session) {
            *live = None;
            self.store.end_session(session, MediaTime::from_millis(1000)).unwrap();
            Ok(())
        } else {
            Err(ControlError::NotLive)
        };
        Box::pin(std::future::ready(answer))
    }

    fn live(&self) -> Option<SessionId> {
        *self.live.lock().unwrap()
    }

    fn levels(&self) -> Option<Levels> {
        self.live().map(|_| Levels {
            at: MediaTime::from_millis(1500),
            input_momentary_lufs: Some(-31.0),
            input_peak_dbfs: Some(-12.0),
            momentary_lufs: Some(-16.0),
            short_term_lufs: None,
            gain_db: 15.0,
            noise_floor_lufs: None,
        })
    }

    fn pictures(&self) -> Vec<PictureCount> {
        vec![PictureCount { track: "720p".parse().unwrap(), dropped: 6, repeated: 2 }]
    }

    fn readiness(&self) -> Readiness {
        self.readiness.lock().unwrap().clone()
    }
}

impl Daemon {
    fn begin(&self, title: Title) -> Result<SessionId, ControlError> {
        let mut live = self.live.lock().unwrap();
        if let Some(session) = *live {
            return Err(ControlError::Live { session });
        }
        let mut starts = self.starts.lock().unwrap();
        *starts += 1;
        let id = session_id(*starts);
        self.store.begin_session(&session(id, title, *starts)).unwrap();
        *live = Some(id);
        Ok(id)
    }
}

pub(crate) fn session_id(number: u8) -> SessionId {
    SessionId::new(WallTime::from_unix_ms(1_795_000_000_000), [number; 10])
}

fn session(id: SessionId, title: Title, number: u8) -> Session {
    let started = WallTime::from_unix_ms(1_795_000_000_000 + 60_000 * i64::from(number));
    Session { id, title, state: SessionState::Live, started, end: MediaTime::ZERO }
}

/// Everything a server needs, without a port.
pub(crate) struct House {
    pub(crate) store: Store,
    pub(crate) live: Live,
    pub(crate) daemon: Arc<Daemon>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) dir: Arc<tempfile::TempDir>,
}

impl House {
    pub(crate) fn new() -> Self {
        let dir = Arc::new(tempfile::tempdir().unwrap());
        let options = cache::Options { durability: cache::Durability::Lazy, ..cache::Options::default() };
        let (store, _) = Store::open(dir.path(), options).unwrap();
        Self::with(store, dir)
    }

    fn with(store: Store, dir: Arc<tempfile::TempDir>) -> Self {
        let clock = Arc::new(ManualClock::new(WallTime::from_unix_ms(1_795_000_000_000)));
        let live = Live::new(store.clone(), Arc::clone(&clock) as Arc<dyn Clock>);
        let daemon = Arc::new(Daemon {
            store: store.clone(),
            live: Mutex::default(),
            starts: Mutex::default(),
            readiness: Mutex::default(),
        });
        Self { store, live, daemon, clock, dir }
    }

    /// Returns the same cache after the process was killed and started again.
    pub(crate) fn restarted(self) -> Self {
        let Self { store, live, daemon, clock, dir } = self;
        drop((live, daemon, clock));
        drop(store);
        let options = cache::Options { durability: cache::Durability::Lazy, ..cache::Options::default() };
        let (store, _) = Store::open(dir.path(), options).unwrap();
        Self::with(store, dir)
    }

    pub(crate) fn server(&self) -> Server {
        let options = Options { name: "Hall 3".to_owned(), hosts: Vec::new() };
        let clock = Arc::clone(&self.clock) as Arc<dyn Clock>;
        Server::new(self.store.clone(), self.live.clone(), Arc::clone(&self.daemon) as _, clock, options)
    }
}

/// A server on a port of its own.
pub(crate) struct Room {
    pub(crate) house: House,
    pub(crate) base: String,
    shutdown: DropGuard,
    thread: JoinHandle<()>,
}

impl Room {
    pub(crate) fn open() -> Self {
        Self::around(House::new())
    }

    pub(crate) fn around(house: House) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let shutdown = CancellationToken::new();
        let run = house.server().run(listener, shutdown.clone());
        let thread = std::thread::spawn(move || runtime.block_on(run));
        Self { house, base, shutdown: shutdown.drop_guard(), thread }
    }

    /// Stops the server and waits until every connection is closed.
    pub(crate) fn close(self) -> House {
        drop(self.shutdown);
        self.thread.join().unwrap();
        self.house
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        get(&format!("{}{path}", self.base), &[])
    }

    pub(crate) fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        get(&format!("{}{path}", self.base), headers)
    }

    /// Sends a request from a thread of its own and waits until the server holds it.
    pub(crate) fn held(&self, path: &str) -> JoinHandle<Answer> {
        let before = self.metric("lectern_held_requests");
        let url = format!("{}{path}", self.base);
        let thread = std::thread::spawn(move || get(&url, &[]));
        self.until(|room| room.metric("lectern_held_requests") > before);
        thread
    }

    pub(crate) fn metric(&self, name: &str) -> i64 {
        let text = self.get("/metrics").text();
        let line = text.lines().find(|line| line.starts_with(&format!("{name} ")));
        line.unwrap().rsplit(' ').next().unwrap().parse().unwrap()
    }

    /// Waits for something that other threads bring about.
    pub(crate) fn until(&self, condition: impl Fn(&Self) -> bool) {
        assert!((0..TRIES).any(|_| condition(self)), "it never came about");
    }

    pub(crate) fn post(&self, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut request = agent().post(format!("{}{path}", self.base));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Answer::read(request.send(body).unwrap())
    }
}

/// A response, read.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: http::HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn read(mut response: http::Response<ureq::Body>) -> Self {
        let body = response.body_mut().read_to_vec().unwrap();
        Self { status: response.status().as_u16(), headers: response.headers().clone(), body }
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Checks that this is a problem document of one kind.
    pub(crate) fn assert_problem(&self, status: u16, code: &str) {
        assert_eq!(self.status, status, "{}", self.text());
        assert_eq!(self.header("content-type"), "application/problem+json");
        let problem = self.json();
        assert_eq!(problem["code"], code, "{problem}");
        assert_eq!(problem["status"], status);
        assert_eq!(problem["type"], format!("/problems#{code}"));
        assert!(problem["instance"].as_str().unwrap().starts_with('/'));
        assert!(!problem["detail"].as_str().unwrap().is_empty());
    }
}

pub(crate) fn agent() -> ureq::Agent {
    let config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(Duration::from_secs(60)))
        .accept_encoding("identity")
        .build();
    ureq::Agent::new_with_config(config)
}

pub(crate) fn get(url: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = agent().get(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    Answer::read(request.call().unwrap())
}

/// A lecture of noise, fed as the daemon's intake feeds: first the live door, then the cache.
pub(crate) struct Lecture {
    pub(crate) id: SessionId,
    store: Store,
    live: Live,
    pub(crate) run: Run,
    growing: Vec<(TrackName, Growing)>,
}

impl Lecture {
    /// Begins a lecture with sound and picture.
    pub(crate) fn begin(house: &House) -> Self {
        let id = house.daemon.begin(Title::new("Sense & <Sensibility>").unwrap()).unwrap();
        let mut lecture = Self {
            id,
            store: house.store.clone(),
            live: house.live.clone(),
            run: run(0, 0),
            growing: Vec::new(),
        };
        lecture.announce();
        lecture
    }

    /// Goes on after a restart, with the next run.
    pub(crate) fn resume(house: &House, id: SessionId, origin_ms: u64) -> Self {
        let number = u32::try_from(house.store.runs(id).unwrap().len()).unwrap();
        let run = run(number, origin_ms);
        let mut lecture =
            Self { id, store: house.store.clone(), live: house.live.clone(), run, growing: Vec::new() };
        lecture.announce();
        let gap = Gap {
            from: MediaTime::from_millis(2_000),
            to: run.origin,
            track: None,
            cause: GapCause::Restart,
        };
        lecture.live.gap(id, &gap, GapState::Closed).unwrap();
        lecture.store.add_gap(id, &gap).unwrap();
        lecture
    }

    fn announce(&mut self) {
        self.live.begin_run(self.id, &self.run).unwrap();
        self.store.begin_run(self.id, &self.run).unwrap();
        for name in [AUDIO, VIDEO] {
            let track = track(name);
            let init = synthetic::init(u64::from(self.run.number.0));
            self.live.track(self.id, self.run.number, &track, Bytes::from(init.clone())).unwrap();
            self.store.add_track(self.id, self.run.number, &track, &init).unwrap();
        }
    }

    /// Publishes one part of one track.
    pub(crate) fn part(&mut self, name: &str, number: u64, index: u32) -> Bytes {
        let closes = index + 1 == PARTS;
        let (part, media) = self.make(number, index);
        let track: TrackName = name.parse().unwrap();
        let key = SegmentKey { run: self.run.number, number: SegmentNumber(number) };
        let report = PartReport {
            track: track.clone(),
            segment: key,
            part,
            closes: closes.then(Close::default),
            media: media.clone(),
        };
        self.live.part(self.id, &report).unwrap();
        if index == 0 {
            let growing = self.store.open_segment(self.id, &track, key).unwrap();
            self.growing.push((track.clone(), growing));
        }
        let at = self.growing.iter().position(|(name, _)| *name == track).unwrap();
        self.growing[at].1.append(&part, &media).unwrap();
        if closes {
            let (_, growing) = self.growing.remove(at);
            let sealed = growing.seal(None).unwrap();
            self.live.sealed(self.id, &track, &sealed).unwrap();
        }
        media
    }

    fn make(&self, number: u64, index: u32) -> (Part, Bytes) {
        let part_ms = SEGMENT_MS / PARTS;
        let cut = |at: u64| model::rational::frames_nearest(at * u64::from(part_ms), 48_000, 1024);
        let at = number * u64::from(PARTS) + u64::from(index);
        let samples = u32::try_from(cut(at + 1) - cut(at)).unwrap();
        let origin = self.run.origin.as_nanos() / 1_000_000 * 48;
        let start = Ticks(origin + cut(at) * 1024);
        let (part, media) = synthetic::part(PartIndex(index), start, samples, 3000, at);
        (Part { independent: true, ..part }, Bytes::from(media))
    }

    /// Publishes a whole segment of both tracks.
    pub(crate) fn segment(&mut self, number: u64) {
        for index in 0..PARTS {
            for name in [AUDIO, VIDEO] {
                self.part(name, number, index);
            }
        }
    }

    pub(crate) fn end(self, house: &House) {
        self.live.ended(self.id);
        self.store.end_session(self.id, MediaTime::from_millis(6000)).unwrap();
        *house.daemon.live.lock().unwrap() = None;
    }

    /// Returns the address of something of this session.
    pub(crate) fn url(&self, rest: &str) -> String {
        format!("/hls/{}/{rest}", self.id)
    }
}

fn track(name: &str) -> Track {
    let name: TrackName = name.parse().unwrap();
    let sound = synthetic::track(&name);
    if name.as_str() == AUDIO {
        return sound;
    }
    let media = Media::Video { width: 480, height: 270, frame_rate_millihertz: 30_000 };
    Track { media, codec: "avc1.42c015".to_owned(), bitrate_bps: 220_000, ..sound }
}

fn run(number: u32, origin_ms: u64) -> Run {
    Run {
        number: RunNumber(number),
        origin: MediaTime::from_millis(origin_ms),
        anchor: WallTime::from_unix_ms(1_795_000_000_000 + i64::try_from(origin_ms).unwrap()),
        mono: MonoTime::from_nanos(0),
        boot: BootId::UNKNOWN,
    }
}
