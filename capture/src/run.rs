//! A run: sources opened, samples and pictures put on one timeline, encoders fed, everything closed in order.
//!
//! One thread, the conductor, owns all of it. A picture can never hold sound up in real time.

mod begin;
mod missing;
mod picture;
mod sound;
mod tally;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use model::wire::v1::{End, Failure, FailureKind, NoSound, Pace, Report, SourceState, Start};
use model::{Clock, Input, MediaTime};

use self::begin::Begin;
use self::missing::Missing;
use self::picture::Pictures;
use self::sound::Sound;
use crate::encode::rendition::Rendition;
use crate::encode::{Closings, Encoder, Place};
use crate::failure::{failure, internal, no_media};
use crate::inbox::{Inbox, Item, Limits, Note, Role};
use crate::outbox::{Outbox, Patience};
use crate::plugin;
use crate::source::{self, Length, Outlet, Roles, Source, Timebase, sample_at, sample_time};

/// How often the conductor looks up when nothing comes in.
const IDLE: Duration = Duration::from_millis(50);

/// How long a picture may stay away before the one before it is repeated: four times what a slow camera needs.
const PICTURE_STARVED: Duration = Duration::from_millis(300);

/// A hole of a device's sound that is shorter than an AAC frame is only flagged: no track could be cut so finely.
const HOLE_MIN: Duration = Duration::from_micros(21_334);

/// Sound of a file that ends this much before its picture ends with it: many files do.
const SILENCE_MIN: Duration = Duration::from_secs(1);

/// A run on its own thread.
pub(crate) struct Run {
    inbox: Arc<Inbox>,
    over: Arc<AtomicBool>,
    conductor: JoinHandle<()>,
}

impl Run {
    /// Begins a run; everything that happens is reported to `outbox`.
    pub(crate) fn begin(start: Start, clock: Arc<dyn Clock>, outbox: Arc<Outbox>) -> Result<Self, Failure> {
        let (inbox, over) = (Arc::new(Inbox::default()), Arc::new(AtomicBool::new(false)));
        let thread = std::thread::Builder::new().name("capture-run".to_owned());
        let conductor = thread
            .spawn({
                let (inbox, over) = (inbox.clone(), over.clone());
                move || {
                    let last = conduct(&start, &clock, &outbox, &inbox);
                    // Whoever hears the last report may order the next start before this thread is gone.
                    over.store(true, Ordering::SeqCst);
                    outbox.put(last, Patience::None);
                }
            })
            .map_err(internal)?;
        Ok(Self { inbox, over, conductor })
    }

    /// Returns whether it is over but for its last report.
    pub(crate) fn is_over(&self) -> bool {
        self.over.load(Ordering::SeqCst) || self.conductor.is_finished()
    }

    /// Asks it to end.
    pub(crate) fn stop(&self) {
        self.inbox.stop();
    }

    /// Waits for its end.
    pub(crate) fn join(self) {
        if self.conductor.join().is_err() {
            tracing::error!("a run ended by a panic");
        }
    }
}

/// A source and the roles it has in this run.
struct Member {
    input: Input,
    source: Box<dyn Source>,
}

/// Conducts the run to its end; returns the last report, after which nothing comes.
fn conduct(start: &Start, clock: &Arc<dyn Clock>, outbox: &Arc<Outbox>, inbox: &Arc<Inbox>) -> Report {
    let refused = |why: Failure| {
        // Whoever asked says it to people, or tries again and says that.
        tracing::debug!(session = %start.session, run = %start.run, why = %why.message, "start refused");
        Report::Refused { run: start.run, why }
    };
    let members = match open_all(start, clock) {
        Ok(members) => members,
        Err(why) => return refused(why),
    };
    members.iter().for_each(|member| member.source.freshen());
    let begin = Begin::of(start, clock.as_ref());
    let mut stage = match Stage::build(start, begin.origin, outbox, &members) {
        Ok(stage) => stage,
        Err(why) => return refused(why),
    };
    let time = Timebase { clock: clock.clone(), start: begin.mono, pace: start.pace };
    let Begin { origin, anchor, mono } = begin;
    outbox.put(Report::Started { run: start.run, origin, anchor, mono }, Patience::None);
    tracing::info!(session = %start.session, run = %start.run, "run started");
    for member in &members {
        let report = Report::Source { input: member.input.clone(), state: SourceState::Delivering };
        outbox.put(report, Patience::None);
    }
    let threads = match spawn_all(members, inbox, &time) {
        Ok(threads) => threads,
        Err(why) => {
            inbox.over();
            return Report::Ended { run: start.run, why: End::Failed(why) };
        }
    };
    let end = stage.play(inbox, &time);
    inbox.over();
    if end == End::Stopped {
        // What was captured up to the order still counts.
        stage.drain(inbox);
    }
    for thread in threads {
        if thread.join().is_err() {
            tracing::error!("a source ended by a panic");
        }
    }
    let why = match stage.finish() {
        Ok(()) => end,
        Err(why) => End::Failed(why),
    };
    tracing::info!(session = %start.session, run = %start.run, ?why, "run ended");
    Report::Ended { run: start.run, why }
}

/// Opens inputs in their order until both roles are given.
fn open_all(start: &Start, clock: &Arc<dyn Clock>) -> Result<Vec<Member>, Failure> {
    plugin::init()?;
    let mut wanted = Roles::ALL;
    if start.encoding.video_720p_bps == 0 && start.encoding.video_270p_bps == 0 {
        wanted.picture = false;
    }
    let mut members = Vec::new();
    for input in &start.inputs {
        let source = source::open(input, wanted, clock)?;
        let roles = source.roles();
        if roles.is_empty() {
            tracing::info!(input = input.shown(), "nothing is needed from this source");
            continue;
        }
        wanted = wanted.without(roles);
        members.push(Member { input: input.clone(), source });
        if wanted.is_empty() {
            break;
        }
    }
    match (members.is_empty(), start.inputs.first()) {
        (false, _) => Ok(members),
        (true, Some(input)) => Err(no_media(input)),
        (true, None) => Err(failure(
            FailureKind::NoMedia,
            "no source is chosen; name one with --input (`lectern sources` lists what is connected)",
        )),
    }
}

fn spawn_all(
    members: Vec<Member>,
    inbox: &Arc<Inbox>,
    time: &Timebase,
) -> Result<Vec<JoinHandle<()>>, Failure> {
    let spawn = |(n, member): (usize, Member)| {
        let outlet = Outlet::new(inbox.clone(), member.input, time.pace);
        let time = time.clone();
        std::thread::Builder::new()
            .name(format!("source-{n}"))
            .spawn(move || {
                let roles = member.source.roles();
                member.source.run(&outlet, &time);
                if roles.sound {
                    outlet.end(Role::Sound);
                }
                if roles.picture {
                    outlet.end(Role::Picture);
                }
            })
            .map_err(internal)
    };
    members.into_iter().enumerate().map(spawn).collect()
}

/// Where a role stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line {
    /// Nobody gives it.
    Absent,
    /// A source gives it that ends, or not.
    Open(Length),
    /// Its source came to its end.
    Ended,
}

impl Line {
    const fn is_open(self) -> bool {
        matches!(self, Self::Open(_))
    }
}

/// Everything between the sources and the reports.
struct Stage {
    start: Start,
    outbox: Arc<Outbox>,
    patience: Patience,
    sound: Sound,
    pictures: Option<Pictures>,
    sound_input: Option<Input>,
    picture_input: Option<Input>,
    sound_line: Line,
    picture_line: Line,
    drift_ns: i64,
    silence_said: bool,
}

impl Stage {
    fn build(
        start: &Start,
        origin: MediaTime,
        outbox: &Arc<Outbox>,
        members: &[Member],
    ) -> Result<Self, Failure> {
        let patience = match start.pace {
            Pace::RealTime => Patience::None,
            Pace::Unpaced => Patience::Wait,
        };
        let part = Duration::from_millis(u64::from(start.encoding.latency.part_ms()));
        let place = Place {
            run: start.run,
            origin,
            closings: Closings::default(),
            emit: {
                let outbox = outbox.clone();
                Arc::new(move |report| outbox.put(report, patience))
            },
        };
        let build = |renditions: Vec<Rendition>| -> Result<Vec<Encoder>, Failure> {
            renditions.into_iter().map(|rendition| Encoder::new(rendition, &place)).collect()
        };
        let line = |has: fn(Roles) -> bool| {
            let giver = members.iter().find(|member| has(member.source.roles()));
            giver.map_or(Line::Absent, |member| Line::Open(member.source.length()))
        };
        let (sound_line, picture_line) = (line(|roles| roles.sound), line(|roles| roles.picture));
        let audio = build(Rendition::audio(&start.encoding))?;
        let pictures = if picture_line == Line::Absent {
            None
        } else {
            let video = build(Rendition::video(&start.encoding))?;
            Some(Pictures::new(video, start.pace == Pace::Unpaced, part, &place))
        };
        let names = audio.iter().map(|encoder| encoder.rendition().name.clone()).collect();
        let shortest = if sound_line == Line::Open(Length::Endless) { HOLE_MIN } else { SILENCE_MIN };
        let missing = Missing::new(names, place.clone(), part, shortest);
        let sound = Sound::new(&start.loudness, audio, missing, &place)?;
        let giver = |has: fn(Roles) -> bool| {
            let giver = members.iter().find(|member| has(member.source.roles()));
            giver.map(|member| member.input.clone())
        };
        let (sound_input, picture_input) = (giver(|roles| roles.sound), giver(|roles| roles.picture));
        Ok(Self {
            start: start.clone(),
            outbox: outbox.clone(),
            patience,
            sound,
            pictures,
            sound_input,
            picture_input,
            sound_line,
            picture_line,
            drift_ns: 0,
            silence_said: false,
        })
    }

    /// Takes what comes until the run ends; returns why it does.
    fn play(&mut self, inbox: &Inbox, time: &Timebase) -> End {
        loop {
            match inbox.take(IDLE, self.limits()) {
                Item::Stop => return End::Stopped,
                Item::Note(note) => {
                    if let Some(why) = self.note(note) {
                        return End::Failed(why);
                    }
                }
                Item::Ended(role) => self.ended(role),
                item => self.media(item),
            }
            self.drift_ns = inbox.drift_ns();
            self.fill(time);
            self.tell_pictures(inbox, time);
            self.tell_silence();
            if let Some(why) = self.failure() {
                return End::Failed(why);
            }
            if self.is_at_end() {
                return End::EndOfInput;
            }
        }
    }

    /// Returns how far sources may be taken. Without a clock, an endless one must not run away from one that ends.
    fn limits(&self) -> Limits {
        let (endless, finite) = (Line::Open(Length::Endless), Line::Open(Length::Finite));
        match (self.start.pace, self.sound_line, self.picture_line, &self.pictures) {
            (Pace::Unpaced, sound, picture, _) if sound == finite && picture == endless => {
                Limits { picture: Some(sample_time(self.sound.taken())), ..Limits::default() }
            }
            (Pace::Unpaced, sound, picture, Some(pictures)) if sound == endless && picture == finite => {
                Limits { sample: Some(sample_at(pictures.taken())), ..Limits::default() }
            }
            _ => Limits::default(),
        }
    }

    /// Takes the media that is waiting.
    fn drain(&mut self, inbox: &Inbox) {
        loop {
            match inbox.take(Duration::ZERO, self.limits()) {
                Item::Nothing => return,
                item @ (Item::Sound(_) | Item::Picture(_)) => self.media(item),
                Item::Ended(_) | Item::Note(_) | Item::Stop => {}
            }
        }
    }

    fn media(&mut self, item: Item) {
        match item {
            Item::Sound(block) => self.sound.take(block),
            Item::Picture(mut picture) => {
                picture.at = shifted(picture.at, self.drift_ns);
                if let Some(pictures) = &mut self.pictures {
                    pictures.take(picture);
                }
            }
            Item::Ended(_) | Item::Note(_) | Item::Stop | Item::Nothing => {}
        }
        for levels in self.sound.levels() {
            self.outbox.put(Report::Levels(levels), self.patience);
        }
    }

    fn note(&mut self, note: Note) -> Option<Failure> {
        let (input, state) = match note {
            Note::State(input, state) => (input, state),
            // Without its sound a lecture is over; without its picture it is not.
            Note::Failed(input, why) if self.sound_input.as_ref().is_some_and(|sound| *sound != input) => {
                (input, SourceState::Lost { why: why.message })
            }
            Note::Failed(_, why) => return Some(why),
        };
        if matches!(state, SourceState::Lost { .. })
            && self.picture_input.as_ref() == Some(&input)
            && let Some(pictures) = &mut self.pictures
        {
            pictures.lost();
        }
        self.outbox.put(Report::Source { input, state }, Patience::None);
        None
    }

    const fn ended(&mut self, role: Role) {
        match role {
            Role::Sound => self.sound_line = Line::Ended,
            Role::Picture => self.picture_line = Line::Ended,
        }
    }

    /// Keeps both lines going while only one of them gets anything.
    fn fill(&mut self, time: &Timebase) {
        let Some(pictures) = &mut self.pictures else { return };
        if !self.sound_line.is_open() && self.picture_line.is_open() {
            self.sound.fill_to(sample_at(pictures.taken()));
        }
        if self.picture_line == Line::Ended && self.sound_line.is_open() {
            pictures.fill_to(sample_time(self.sound.taken()));
        } else if time.pace == Pace::RealTime && self.picture_line.is_open() {
            let elapsed = shifted(time.elapsed(), self.drift_ns);
            if elapsed.saturating_sub(pictures.taken()) > PICTURE_STARVED {
                pictures.fill_to(elapsed.saturating_sub(PICTURE_STARVED));
            }
        }
    }

    fn tell_silence(&mut self) {
        let why = match self.sound_line {
            Line::Open(_) => return,
            Line::Absent => NoSound::Absent,
            Line::Ended => NoSound::Ended,
        };
        if self.sound.is_missing() && !self.silence_said {
            self.silence_said = true;
            self.outbox.put(Report::NoSound { run: self.start.run, why }, Patience::None);
        }
    }

    fn tell_pictures(&mut self, inbox: &Inbox, time: &Timebase) {
        let Some(pictures) = &mut self.pictures else { return };
        pictures.missed(inbox.pictures_dropped());
        if let Some(counts) = pictures.due(time.elapsed()) {
            self.outbox.put(Report::Pictures { run: self.start.run, counts }, Patience::None);
        }
    }

    fn failure(&self) -> Option<Failure> {
        self.sound.failure().or_else(|| self.pictures.as_ref().and_then(Pictures::failure))
    }

    /// Returns whether every source that ends has ended, and there was one.
    fn is_at_end(&self) -> bool {
        let lines = [self.sound_line, self.picture_line];
        lines.contains(&Line::Ended) && !lines.contains(&Line::Open(Length::Finite))
    }

    /// Ends all tracks at one time: where the longer of sound and picture ends.
    fn finish(mut self) -> Result<(), Failure> {
        if let Some(pictures) = &self.pictures
            && (self.sound_line == Line::Absent || self.picture_line == Line::Ended)
        {
            self.sound.fill_to(sample_at(pictures.taken()));
        }
        let samples = self.sound.taken();
        tracing::debug!(session = %self.start.session, samples, "closing");
        let sound = self.sound.finish();
        let Some(pictures) = &mut self.pictures else { return sound };
        let counts = pictures.finish(samples)?;
        self.outbox.put(Report::Pictures { run: self.start.run, counts }, Patience::None);
        sound
    }
}

/// Returns a time of the machine's clock in media time, which is the sound device's.
const fn shifted(time: Duration, drift_ns: i64) -> Duration {
    let by = Duration::from_nanos(drift_ns.unsigned_abs());
    if drift_ns < 0 { time.saturating_sub(by) } else { time.saturating_add(by) }
}
