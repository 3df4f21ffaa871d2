//! Rows that could not be written yet, in the order in which they have to be.

use std::collections::VecDeque;

use bytes::Bytes;
use cache::{Error, Store};
use model::{Gap, MediaTime, Run, RunNumber, SessionId, Track};

/// More runs, tracks and gaps than a lecture on a failing disk can have: neighbouring gaps are joined.
const ROWS_MAX: usize = 1024;

/// A row of the index.
#[derive(Debug)]
pub(super) enum Row {
    Run(SessionId, Run),
    Track(SessionId, RunNumber, Track, Bytes),
    Gap(SessionId, Gap),
    End(SessionId, MediaTime),
}

/// Rows that are owed to the index.
#[derive(Debug, Default)]
pub(super) struct Owed {
    rows: VecDeque<Row>,
}

impl Owed {
    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Adds a row to what is owed.
    pub(super) fn push(&mut self, row: Row) {
        if let (Some(Row::Gap(of, last)), Row::Gap(session, gap)) = (self.rows.back_mut(), &row)
            && *of == *session
            && last.track == gap.track
            && last.cause == gap.cause
            && gap.from <= last.to
        {
            last.to = last.to.max(gap.to);
            return;
        }
        if self.rows.len() == ROWS_MAX {
            tracing::error!(row = ?self.rows.pop_front(), "a row of the index is given up");
        }
        self.rows.push_back(row);
    }

    /// Writes what is owed, up to the first row that cannot be written.
    pub(super) fn pay(&mut self, store: &Store) -> Result<(), Error> {
        while let Some(row) = self.rows.front() {
            match write(store, row) {
                Ok(()) => {}
                // Waiting would not make the row fit.
                Err(error) if is_hopeless(&error) => {
                    tracing::error!(%error, ?row, "a row of the index is given up");
                }
                Err(error) => return Err(error),
            }
            self.rows.pop_front();
        }
        Ok(())
    }
}

/// Returns whether trying again cannot help: the row contradicts what is stored.
fn is_hopeless(error: &Error) -> bool {
    matches!(error.kind(), cache::Kind::Misuse | cache::Kind::NotFound)
}

fn write(store: &Store, row: &Row) -> Result<(), Error> {
    match row {
        Row::Run(session, run) => store.begin_run(*session, run),
        Row::Track(session, run, track, init) => store.add_track(*session, *run, track, init).map(|_| ()),
        Row::Gap(session, gap) => store.add_gap(*session, gap),
        Row::End(session, end) => store.end_session(*session, *end),
    }
}
