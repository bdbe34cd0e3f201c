//! Stores that end anyhow: what is whole, what the tail is, who refuses, and what recovery makes of them, against
//! a naive reading of the same bytes.
//!
//! The stores are the first lines of the vectors' files, a part of the line that follows, and arbitrary bytes.
#![no_main]

use dreichor_core::{Event, History, Snapshot, State};
use dreichor_log::WriteMedium;
use dreichor_replay::{Error, Replay, Stores};
use dreichor_runtime::recovery::recover;
use dreichor_runtime::snapshots::SnapshotStrategy;
use dreichor_runtime::writing::{WriteError, WriteStores as _};
use dreichor_simulation::{Disk, Kept, Mount, Plan};
use libfuzzer_sys::fuzz_target;

const LOG: &[u8] = include_bytes!("../../tests/vectors/audit_events.ndjson");
const SNAPSHOTS: &[u8] = include_bytes!("../../tests/vectors/snapshots.ndjson");

/// The number of the vectors' lines that are used; they have all shapes of a tick.
const LINES_MAX: usize = 80;

fuzz_target!(|data: &[u8]| {
    let Some((&[events, events_cut, snapshots, snapshots_cut, high, low], rest)) = data.split_first_chunk()
    else {
        return;
    };
    let at = usize::from(u16::from_be_bytes([high, low])).min(rest.len());
    let kept = usize::from(events) % LINES_MAX;
    let covered = lines(SNAPSHOTS).filter(|line| size_of(line) <= kept as u64).count();
    // As many as belong to the log, or a few less, or one more than there may be.
    let snapshots = (covered + 1).saturating_sub(usize::from(snapshots) % 6);
    Bytes {
        events: [beginning(LOG, kept, events_cut), &rest[..at]].concat(),
        snapshots: [beginning(SNAPSHOTS, snapshots, snapshots_cut), &rest[at..]].concat(),
    }
    .check();
});

fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split_inclusive(|&byte| byte == b'\n')
}

fn size_of(snapshot: &[u8]) -> u64 {
    Snapshot::read_line(&snapshot[..snapshot.len() - 1]).expect("a line of the vectors").0.audit_tree_size
}

/// The first `count` lines, and `cut` more bytes (at most the next line without its LF).
fn beginning(bytes: &[u8], count: usize, cut: u8) -> &[u8] {
    let whole: usize = lines(bytes).take(count).map(<[u8]>::len).sum();
    let next = lines(bytes).nth(count).map_or(0, |line| line.len() - 1);
    &bytes[..whole + next.min(usize::from(cut))]
}

/// The part that ends with the last LF, and what follows it.
fn parts(bytes: &[u8]) -> (&[u8], &[u8]) {
    bytes.split_at(bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1))
}

struct Bytes {
    events: Vec<u8>,
    snapshots: Vec<u8>,
}

/// The result of the naive reading of whole lines.
struct Whole {
    events: u64,
    /// The log ends within a tick.
    is_interrupted: bool,
    /// The snapshot that a writer would have taken of each size at which one may be taken.
    snapshots: Vec<(u64, Vec<u8>)>,
}

impl Bytes {
    fn check(&self) {
        let expected = self.read();
        let disk = Disk::holding([
            (Mount::Events, "audit_events.ndjson".into(), self.events.clone()),
            (Mount::Snapshots, "snapshots.ndjson".into(), self.snapshots.clone()),
        ]);
        self.check_reader(&disk, expected.as_ref());
        self.check_writer(&disk, expected.as_ref());
    }

    /// The naive reading; none if a line breaks a rule, or the latest snapshot is not the log's.
    fn read(&self) -> Option<Whole> {
        let mut history = History::new();
        let mut state = State::new();
        let mut snapshots = Vec::new();
        for line in lines(parts(&self.events).0) {
            let (event, leaf) = Event::read_line(line.strip_suffix(b"\n")?).ok()?;
            state.apply(&event).ok()?;
            history.push(&event, leaf).ok()?;
            if state.open_tick().is_none() {
                let mut snapshot = Vec::new();
                Snapshot::of(&mut history)?.write_line(&mut snapshot);
                snapshots.push((history.size(), snapshot));
            }
        }
        let latest = lines(parts(&self.snapshots).0).last();
        latest.is_none_or(|latest| snapshots.iter().any(|(_, snapshot)| snapshot == latest)).then(|| Whole {
            events: history.size(),
            is_interrupted: state.open_tick().is_some(),
            snapshots,
        })
    }

    fn check_reader(&self, disk: &Disk, expected: Option<&Whole>) {
        let stores = stores(disk);
        match (Replay::open(&stores).and_then(|replay| replay.run(&mut ())), expected) {
            (Ok(found), Some(whole)) => {
                let tail = |bytes: &[u8]| {
                    let (whole, tail) = parts(bytes);
                    (!tail.is_empty()).then_some((whole.len() as u64, tail.len() as u64))
                };
                let found_tail =
                    |tail: Option<dreichor_log::Tail>| tail.map(|tail| (tail.offset, tail.length));
                assert_eq!(found_tail(found.events_tail), tail(&self.events));
                assert_eq!(found_tail(found.snapshots_tail), tail(&self.snapshots));
                assert_eq!(found.events_bytes, parts(&self.events).0.len() as u64);
                assert_eq!(found.snapshots_bytes, parts(&self.snapshots).0.len() as u64);
                assert_eq!(found.history.size(), whole.events);
                assert_eq!(found.interrupted.is_some(), whole.is_interrupted);
            }
            (Err(Error::Malformed { .. }), None) => {}
            (Err(error), None) => panic!("not the contract: {error}"),
            (Ok(_), None) => panic!("a reader accepts it"),
            (Err(error), Some(_)) => panic!("a reader refuses it: {error}"),
        }
        self.check_unchanged(disk);
    }

    fn check_unchanged(&self, disk: &Disk) {
        for (mount, name, bytes) in self.files() {
            assert_eq!(disk.shows(mount, name).as_deref(), Some(bytes));
            assert_eq!(disk.names(mount).len(), 1, "{:?}", disk.names(mount));
        }
    }

    fn files(&self) -> [(Mount, &'static str, &[u8]); 2] {
        [
            (Mount::Events, "audit_events.ndjson", &self.events),
            (Mount::Snapshots, "snapshots.ndjson", &self.snapshots),
        ]
    }

    fn check_writer(&self, disk: &Disk, expected: Option<&Whole>) {
        // A hole: NULs before the latest snapshot.
        let (whole, _) = parts(&self.snapshots);
        let latest = lines(whole).last().map_or(0, <[u8]>::len);
        let expected = expected.filter(|_| !whole[..whole.len() - latest].contains(&0));
        match (recover_by(disk), expected) {
            (Ok(()), Some(whole)) => self.check_recovered(disk, whole),
            (Err(error), None) => {
                assert!(matches!(error, WriteError::Stores(Error::Malformed { .. })), "{error}");
                self.check_unchanged(disk);
            }
            (Err(error), Some(whole)) => {
                // A tick that keeps the grammar, but is not the one that its decision leads to.
                let is_theirs = LOG.starts_with(parts(&self.events).0);
                assert!(whole.is_interrupted && !is_theirs, "a writer refuses it: {error}");
                assert!(matches!(error, WriteError::Stores(Error::Malformed { .. })), "{error}");
                self.check_unchanged(disk);
            }
            (Ok(()), None) => panic!("a writer accepts it"),
        }
    }

    fn check_recovered(&self, disk: &Disk, whole: &Whole) {
        let durable = disk.image(Kept::Nothing).files;
        for (mount, name, before) in self.files() {
            let (whole, tail) = parts(before);
            let after = disk.shows(mount, name).expect("the store");
            assert!(after.starts_with(whole), "whole lines were touched");
            assert!(after.is_empty() || after.ends_with(b"\n"));
            let mut expected = vec![name.to_owned()];
            if !tail.is_empty() {
                let copy = format!("{name}.torn-{}", whole.len());
                assert!(
                    durable.iter().any(|(at, file, bytes)| *at == mount && *file == copy && bytes == tail)
                );
                expected.push(copy);
            }
            assert_eq!(disk.names(mount), expected);
        }
        let [events, snapshots] =
            self.files().map(|(mount, name, _)| disk.shows(mount, name).expect("a store"));
        let (before, _) = parts(&self.events);
        if !whole.is_interrupted {
            assert_eq!(events, before, "nothing was missing");
        } else if LOG.starts_with(before) {
            // The tick was completed: up to the first end of a tick that the vectors come to.
            let recorded =
                Bytes { events: events.clone(), snapshots: Vec::new() }.read().expect("a sound log");
            assert!(LOG.starts_with(&events) && events.len() > before.len());
            assert!(!recorded.is_interrupted && recorded.snapshots.len() == whole.snapshots.len() + 1);
        }
        if LOG.starts_with(&events) && SNAPSHOTS.starts_with(parts(&self.snapshots).0) {
            let size = lines(&events).count() as u64;
            let expected: Vec<u8> =
                lines(SNAPSHOTS).filter(|line| size_of(line) <= size).collect::<Vec<_>>().concat();
            assert_eq!(snapshots, expected, "the snapshots of an uninterrupted run");
        }
        // Once more: nothing is left to do.
        let names = Mount::ALL.map(|mount| disk.names(mount));
        recover_by(disk).expect("what was recovered is sound");
        assert_eq!(Mount::ALL.map(|mount| disk.names(mount)), names);
        let again = self.files().map(|(mount, name, _)| disk.shows(mount, name).expect("a store"));
        assert!(again == [events, snapshots]);
        assert_eq!(disk.violations(), Vec::<String>::new());
    }
}

fn stores(disk: &Disk) -> Stores<impl WriteMedium> {
    Stores::new(disk.directory(Mount::Events), disk.directory(Mount::Snapshots))
}

fn recover_by(disk: &Disk) -> Result<(), WriteError> {
    disk.begin(Plan::default());
    let stores = stores(disk);
    let _locks = stores.lock()?;
    stores.settle()?;
    recover(&stores, SnapshotStrategy::OnLedgerUpdate, &mut ()).map(drop)
}
