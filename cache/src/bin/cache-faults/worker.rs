//! The process that dies: records by the script and says each promise the moment it is made.

use std::io::{self, Write};
use std::path::Path;

use cache::crash_point::{CrashAt, Point};
use cache::{Durability, Growing, Options, Store};
use model::SessionId;

use crate::script::{self, PARTS, SEGMENTS, TRACKS, Which};

/// What a worker is told.
#[derive(Debug, Clone, Default)]
pub(crate) struct Orders {
    /// Decides what is recorded; above 0.
    pub(crate) seed: u64,
    /// The run it records.
    pub(crate) run: u32,
    /// Where it dies.
    pub(crate) crash_at: Option<CrashAt>,
}

/// Reads `NAME:HIT`.
pub(crate) fn crash_at(text: &str) -> Result<CrashAt, String> {
    let (name, hit) = text.split_once(':').unwrap_or((text, "1"));
    let point: Point = name.parse().map_err(|why: cache::crash_point::NotACrashPoint| why.to_string())?;
    Ok(CrashAt { point, hit: hit.parse().map_err(|_| format!("{hit} is no number"))? })
}

/// Says a promise. It is in the pipe, and outlives this process, when this returns.
fn promise(line: &str) -> Result<(), String> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).map_err(said)
}

fn said(error: impl std::error::Error) -> String {
    model::chain(&error)
}

pub(crate) fn run(dir: &Path, orders: &Orders) -> Result<(), String> {
    let options = Options { durability: Durability::Fsync, crash_at: orders.crash_at };
    let (store, _) = Store::open(dir, options).map_err(said)?;
    promise("open")?;
    let lecture = script::session(orders.seed, Which::Lecture)?;
    if store.session(lecture.id).map_err(said)?.is_none() {
        store.begin_session(&lecture).map_err(said)?;
        promise(&format!("session {}", lecture.id))?;
    }
    if orders.run > 0 {
        store.add_gap(lecture.id, &script::gap(orders.run)).map_err(said)?;
        promise(&format!("gap {} {}", lecture.id, orders.run))?;
    }
    begin(&store, lecture.id, orders.run)?;
    for number in 0..SEGMENTS {
        record(&store, lecture.id, orders.run, number)?;
        if number % 8 == 2 {
            throw_away(&store, orders, u8::try_from(number).unwrap_or(0))?;
        }
    }
    store.end_session(lecture.id, model::MediaTime::ZERO).map_err(said)?;
    promise(&format!("ended {}", lecture.id))
}

fn begin(store: &Store, session: SessionId, run: u32) -> Result<(), String> {
    store.begin_run(session, &script::run(run)).map_err(said)?;
    promise(&format!("run {session} {run}"))?;
    for index in 0..TRACKS.len() {
        let track = cache::synthetic::track(&script::track_name(index)?);
        let run_number = model::RunNumber(run);
        store.add_track(session, run_number, &track, &script::init(session, index, run)).map_err(said)?;
        promise(&format!("track {session} {index} {run}"))?;
    }
    Ok(())
}

/// Records one segment of each track, the tracks' parts in turns.
fn record(store: &Store, session: SessionId, run: u32, number: u64) -> Result<(), String> {
    let key = script::key(run, number);
    let mut growing: Vec<Growing> = Vec::new();
    for index in 0..TRACKS.len() {
        growing.push(store.open_segment(session, &script::track_name(index)?, key).map_err(said)?);
    }
    for part_index in 0..PARTS {
        for (index, growing) in growing.iter_mut().enumerate() {
            let (part, media) = script::part(session, index, key, part_index);
            growing.append(&part, &media).map_err(said)?;
            promise(&format!("part {session} {index} {run} {number} {part_index}"))?;
        }
    }
    for (index, growing) in growing.into_iter().enumerate() {
        growing.seal(None).map_err(said)?;
        promise(&format!("sealed {session} {index} {run} {number}"))?;
    }
    Ok(())
}

/// Makes a session and deletes it; from the word `deleting` on it may be there or not, from `deleted` on it is not.
fn throw_away(store: &Store, orders: &Orders, number: u8) -> Result<(), String> {
    let session = script::session(orders.seed, Which::Throwaway(orders.run, number))?;
    store.begin_session(&session).map_err(said)?;
    promise(&format!("session {}", session.id))?;
    begin(store, session.id, 0)?;
    for segment in 0..3 {
        record(store, session.id, 0, segment)?;
    }
    promise(&format!("deleting {}", session.id))?;
    store.delete_session(session.id).map_err(said)?;
    promise(&format!("deleted {}", session.id))
}
