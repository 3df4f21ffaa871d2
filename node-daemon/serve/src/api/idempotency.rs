//! `Idempotency-Key`: an order that is sent again is not carried out again.

use std::collections::VecDeque;

use model::{SessionId, Title};

/// Keys remembered. Orders come from people: a hundred are weeks of them.
const KEYS_MAX: usize = 100;

/// Longest key, bytes.
const KEY_BYTES_MAX: usize = 200;

/// A key as a client chose it: 1 to 200 visible ASCII characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Key(String);

impl Key {
    /// Reads a header's value; `None` if it is no key.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let legal =
            (1..=KEY_BYTES_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        legal.then(|| Self(text.to_owned()))
    }
}

/// Keys and what became of their orders. Kept in memory: a restart forgets them. A session that is live then, as one that
/// a crash cut is, answers a repeated start with a conflict that names it; the description of the API says so.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    started: VecDeque<(Key, Title, SessionId)>,
}

/// What is known of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Known {
    /// Nothing.
    Fresh,
    /// The same order was carried out.
    Done(SessionId),
    /// Another order was carried out under it.
    Other,
}

impl Keys {
    pub(crate) fn look_up(&self, key: &Key, title: &Title) -> Known {
        match self.started.iter().find(|(known, ..)| known == key) {
            None => Known::Fresh,
            Some((_, known, session)) if known == title => Known::Done(*session),
            Some(_) => Known::Other,
        }
    }

    pub(crate) fn remember(&mut self, key: Key, title: Title, session: SessionId) {
        if self.started.len() == KEYS_MAX {
            self.started.pop_front();
        }
        self.started.push_back((key, title, session));
    }
}
