//! Takes up, at the start of the daemon, the session that was live when it stopped.

use cache::{Error, Store};
use model::{Input, SessionState};

use super::{Cut, Verdict, decide};
use crate::clock::Moment;
use crate::intake::Resumed;
use crate::note::Place;
use crate::room;

/// Returns the session that goes on; ends every other one that is live.
///
/// # Errors
/// The index cannot be read or written.
pub(crate) fn take_up(
    store: &Store,
    note: &Place,
    inputs: &[Input],
    now: Moment,
) -> Result<Option<Resumed>, Error> {
    let known = note.read();
    let mut taken = None;
    for session in store.sessions()?.into_iter().rev().filter(|session| session.state == SessionState::Live) {
        let last = store.runs(session.id)?.last().copied();
        let before = known.as_ref().filter(|note| note.session == session.id).map(|note| note.inputs.clone());
        let cut = Cut { last, end: session.end, inputs: before };
        match (decide(&cut, inputs, now), last, &taken) {
            (Verdict::GoOn(run), Some(last), None) => {
                tracing::warn!(session = %session.id, %run, "a session was cut and goes on");
                let cut = room::Cut { last, end: session.end };
                let inputs = inputs.to_vec();
                taken = Some(Resumed { session: session.id, title: session.title, inputs, cut });
            }
            (verdict, ..) => {
                let why = if let Verdict::End(why) = verdict { why.as_str() } else { "a later one goes on" };
                tracing::warn!(session = %session.id, why, "a session was cut and is ended");
                store.end_session(session.id, session.end)?;
            }
        }
    }
    if taken.is_none()
        && let Err(error) = note.remove()
    {
        tracing::warn!(%error, "an old note of a live session stays");
    }
    Ok(taken)
}
