//! Any order of operations, restarts included, against a model that is a few maps.

use std::collections::BTreeMap;
use std::path::Path;

use cache::{Error, Growing, Repair, Store};
use model::{Gap, GapCause, MediaTime, SegmentKey, SessionId};
use proptest::prelude::*;

use crate::kit::{append, begin_run, key, name, open, part, run, segments, session};

const TRACKS: [&str; 2] = ["audio", "720p"];

#[derive(Debug, Clone)]
enum Operation {
    BeginSession(u8),
    BeginRun(u8, u32),
    OpenSegment(u8, u32, usize, u64),
    Append(prop::sample::Index, u32),
    Seal(prop::sample::Index),
    LetGo(prop::sample::Index),
    Settle,
    Gap(u8, u64),
    End(u8),
    Delete(u8),
    Restart,
    Check,
}

fn operation() -> impl Strategy<Value = Operation> {
    let (session, run, track, number) = (1_u8..4, 0_u32..3, 0_usize..2, 0_u64..4);
    prop_oneof![
        3 => session.clone().prop_map(Operation::BeginSession),
        4 => (session.clone(), run.clone()).prop_map(|(s, r)| Operation::BeginRun(s, r)),
        12 => (session.clone(), run, track, number).prop_map(|(s, r, t, n)| Operation::OpenSegment(s, r, t, n)),
        14 => (any::<prop::sample::Index>(), 1_u32..4).prop_map(|(i, n)| Operation::Append(i, n)),
        8 => any::<prop::sample::Index>().prop_map(Operation::Seal),
        3 => any::<prop::sample::Index>().prop_map(Operation::LetGo),
        2 => Just(Operation::Settle),
        2 => (session.clone(), 0_u64..5).prop_map(|(s, at)| Operation::Gap(s, at)),
        1 => session.clone().prop_map(Operation::End),
        2 => session.prop_map(Operation::Delete),
        3 => Just(Operation::Restart),
        1 => Just(Operation::Check),
    ]
}

/// What the store has to say.
#[derive(Debug, Default, Clone, PartialEq)]
struct Known {
    runs: Vec<u32>,
    gaps: Vec<Gap>,
    ended: bool,
    /// Parts of each sealed segment.
    sealed: BTreeMap<(usize, SegmentKey), u32>,
    /// Parts of each segment that nobody holds and nothing has sealed yet.
    waiting: BTreeMap<(usize, SegmentKey), u32>,
}

impl Known {
    fn settle(&mut self) {
        let waiting = std::mem::take(&mut self.waiting);
        self.sealed.extend(waiting.into_iter().filter(|(_, parts)| *parts > 0));
    }
}

struct Held {
    session: u8,
    track: usize,
    key: SegmentKey,
    growing: Growing,
    parts: u32,
}

struct Machine {
    store: Option<Store>,
    held: Vec<Held>,
    known: BTreeMap<u8, Known>,
}

fn id(n: u8) -> SessionId {
    session(n).id
}

impl Machine {
    fn store(&self) -> &Store {
        self.store.as_ref().unwrap()
    }

    fn apply(&mut self, dir: &Path, operation: Operation) {
        match operation {
            Operation::BeginSession(n) => {
                let is_new = !self.known.contains_key(&n);
                assert_eq!(self.store().begin_session(&session(n)).is_ok(), is_new);
                self.known.entry(n).or_default();
            }
            Operation::BeginRun(n, number) => self.begin_run(n, number),
            Operation::OpenSegment(n, run, track, number) => self.open_segment(n, track, key(run, number)),
            Operation::Append(which, count) if !self.held.is_empty() => {
                let at = which.index(self.held.len());
                let held = &mut self.held[at];
                append(&mut held.growing, TRACKS[held.track], held.key, held.parts..held.parts + count);
                held.parts += count;
            }
            Operation::Seal(which) if !self.held.is_empty() => self.seal(which.index(self.held.len())),
            Operation::LetGo(which) if !self.held.is_empty() => {
                let held = self.held.remove(which.index(self.held.len()));
                self.known.get_mut(&held.session).unwrap().waiting.insert((held.track, held.key), held.parts);
            }
            Operation::Append(..) | Operation::Seal(_) | Operation::LetGo(_) => {}
            Operation::Settle => {
                assert_eq!(self.store().settle().unwrap().left, []);
                self.known.values_mut().for_each(Known::settle);
            }
            Operation::Gap(n, at) => self.gap(n, at),
            Operation::End(n) => {
                let ended = self.store().end_session(id(n), MediaTime::ZERO);
                self.known.values_mut().for_each(Known::settle);
                assert_eq!(ended.is_ok(), self.known.contains_key(&n));
                if let Some(known) = self.known.get_mut(&n) {
                    known.ended = true;
                }
            }
            Operation::Delete(n) => self.delete(n),
            Operation::Restart => self.restart(dir),
            Operation::Check => {
                // A let-go segment is what a check reports as torn; nothing else may be wrong.
                let waiting: usize = self.known.values().map(|known| known.waiting.len()).sum();
                let report = self.store().check(Repair::No, &mut |_| {}).unwrap();
                assert_eq!(report.open, waiting as u64, "{report:?}");
                assert_eq!(report.growing, self.held.len() as u64);
            }
        }
    }

    fn begin_run(&mut self, n: u8, number: u32) {
        match self.known.get_mut(&n) {
            Some(known) if !known.runs.contains(&number) => {
                known.runs.push(number);
                known.runs.sort_unstable();
                begin_run(self.store(), id(n), number, &TRACKS);
            }
            _ => assert!(self.store().begin_run(id(n), &run(number)).is_err()),
        }
    }

    fn open_segment(&mut self, n: u8, track: usize, key: SegmentKey) {
        let opened = self.store().open_segment(id(n), &name(TRACKS[track]), key);
        let known = self.known.get(&n).filter(|known| known.runs.contains(&key.run.0));
        let is_held = self.held.iter().any(|held| (held.session, held.track, held.key) == (n, track, key));
        match (opened, known) {
            (Ok(growing), Some(known)) => {
                assert!(
                    !is_held
                        && !known.sealed.contains_key(&(track, key))
                        && !known.waiting.contains_key(&(track, key))
                );
                self.held.push(Held { session: n, track, key, growing, parts: 0 });
            }
            (Err(Error::SegmentExists { .. }), Some(known)) => {
                assert!(
                    is_held
                        || known.sealed.contains_key(&(track, key))
                        || known.waiting.contains_key(&(track, key))
                );
            }
            (Err(Error::NoTrack { .. }), None) => {}
            (opened, known) => panic!("{opened:?} {known:?}"),
        }
    }

    fn seal(&mut self, at: usize) {
        let held = self.held.remove(at);
        let sealed = held.growing.seal(None);
        assert_eq!(sealed.is_ok(), held.parts > 0);
        if held.parts > 0 {
            self.known.get_mut(&held.session).unwrap().sealed.insert((held.track, held.key), held.parts);
        }
    }

    fn gap(&mut self, n: u8, at: u64) {
        let gap = Gap {
            from: MediaTime::from_millis(at),
            to: MediaTime::from_millis(at + 1),
            track: None,
            cause: GapCause::SourceLost,
        };
        let added = self.store().add_gap(id(n), &gap);
        assert_eq!(added.is_ok(), self.known.contains_key(&n));
        if let Some(known) = self.known.get_mut(&n)
            && !known.gaps.contains(&gap)
        {
            known.gaps.push(gap);
            known.gaps.sort_by_key(|gap| gap.from);
        }
    }

    fn delete(&mut self, n: u8) {
        let deleted = self.store().delete_session(id(n));
        if self.held.iter().any(|held| held.session == n) {
            assert!(matches!(deleted, Err(Error::SessionBusy { .. })));
        } else {
            assert_eq!(deleted.is_ok(), self.known.remove(&n).is_some());
        }
    }

    fn restart(&mut self, dir: &Path) {
        for held in self.held.drain(..) {
            self.known.get_mut(&held.session).unwrap().waiting.insert((held.track, held.key), held.parts);
        }
        self.store = None;
        let (store, recovery) = open(dir);
        let waiting: usize = self.known.values().map(|known| known.waiting.len()).sum();
        assert_eq!(recovery.salvaged.len() as u64 + recovery.empty, waiting as u64);
        assert_eq!((recovery.missing, recovery.strays, recovery.left.len()), (0, 0, 0), "{recovery:?}");
        self.known.values_mut().for_each(Known::settle);
        self.store = Some(store);
    }

    fn compare(&self) {
        let store = self.store();
        let mut ids: Vec<_> = store.sessions().unwrap().into_iter().map(|session| session.id).collect();
        ids.sort_unstable();
        assert_eq!(ids, self.known.keys().map(|n| id(*n)).collect::<Vec<_>>());
        for (n, known) in &self.known {
            let runs: Vec<_> = known.runs.iter().map(|number| run(*number)).collect();
            assert_eq!(store.runs(id(*n)).unwrap(), runs);
            assert_eq!(store.gaps(id(*n)).unwrap(), known.gaps);
            let ended = store.session(id(*n)).unwrap().unwrap().state == model::SessionState::Ended;
            assert_eq!(ended, known.ended);
            for (index, track) in TRACKS.iter().enumerate() {
                let expected: Vec<_> = known.sealed.iter().filter(|((at, _), _)| *at == index).collect();
                let found = segments(store, id(*n), track);
                assert_eq!(found.len(), expected.len());
                for (segment, ((_, key), parts)) in found.iter().zip(expected) {
                    let bytes: Vec<u8> =
                        (0..*parts).flat_map(|index| self::part(track, *key, index).1).collect();
                    assert_eq!((segment.key, segment.parts.len()), (*key, *parts as usize));
                    assert_eq!(store.object(segment.hash).unwrap().unwrap(), bytes);
                }
            }
        }
    }
}

proptest! {
    // Each case syncs some hundred times; the fault runs do the rest.
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn any_order_of_operations_keeps_exactly_what_was_promised(operations in proptest::collection::vec(operation(), 1..60)) {
        let dir = tempfile::tempdir().unwrap();
        let (store, _) = open(dir.path());
        let mut machine = Machine { store: Some(store), held: Vec::new(), known: BTreeMap::new() };
        for operation in operations {
            machine.apply(dir.path(), operation);
        }
        machine.compare();
        machine.restart(dir.path());
        machine.compare();
    }
}
