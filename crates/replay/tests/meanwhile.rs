//! Changes of the stores between two calls of a reader: a writer commits, or a file is replaced.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(clippy::disallowed_methods, reason = "a test makes the files that are read")]

mod support;

use std::cell::{Cell, RefCell};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use dreichor_log::{Directory, Medium, Stat};
use dreichor_replay::{Replay, Stores};
use support::samples::line::vector;
use tempfile::TempDir;

const LOG: &str = "audit_events.ndjson";
const SNAPSHOTS: &str = "snapshots.ndjson";

/// A directory in which something happens just before a file is opened for the nth time, counted over both directories.
struct Meanwhile<'a> {
    directory: Directory,
    opens: Rc<Cell<u32>>,
    at: u32,
    happens: &'a dyn Fn(),
}

impl Medium for Meanwhile<'_> {
    type File = fs::File;

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path(name)
    }

    fn stat(&self, name: &str) -> io::Result<Option<Stat>> {
        self.directory.stat(name)
    }

    fn open(&self, name: &str) -> io::Result<fs::File> {
        self.opens.set(self.opens.get() + 1);
        if self.opens.get() == self.at {
            (self.happens)();
        }
        self.directory.open(name)
    }
}

/// Both stores in this directory; before the nth opening of a file, `happens` happens.
fn stores<'a>(dir: &Path, at: u32, happens: &'a dyn Fn()) -> Stores<Meanwhile<'a>> {
    let opens = Rc::new(Cell::new(0));
    let mount =
        || Meanwhile { directory: Directory::open(dir).unwrap(), opens: Rc::clone(&opens), at, happens };
    Stores::new(mount(), mount())
}

/// The first lines of a published file.
fn first(file: &str, count: usize) -> Vec<u8> {
    vector(file).split_inclusive(|&byte| byte == b'\n').take(count).collect::<Vec<_>>().concat()
}

/// The log that is read holds the events of every snapshot that is read: a writer syncs the events first, so a reader
/// opens the snapshots first.
#[test]
fn a_commit_between_the_openings_of_the_stores_is_no_fault() {
    for at in 1..=3 {
        let dir = TempDir::new().unwrap();
        let put = |events: usize, snapshots: usize| {
            fs::write(dir.path().join(LOG), first(LOG, events)).unwrap();
            fs::write(dir.path().join(SNAPSHOTS), first(SNAPSHOTS, snapshots)).unwrap();
        };
        put(220, 16);
        // The same files, which grow: the tick of a sale, and its snapshot.
        let commit = || put(254, 17);
        let stores = stores(dir.path(), at, &commit);
        let replayed = Replay::open(&stores).and_then(|replay| replay.run(&mut ())).unwrap();
        let events = replayed.history.size();
        let covered = replayed.latest.unwrap().snapshot.audit_tree_size;
        let expected = match at {
            // Before both are opened; between the two; not at all.
            1 => (254, 229),
            2 => (254, 220),
            _ => (220, 220),
        };
        assert_eq!((events, covered), expected, "before opening {at}");
    }
}

/// The file that was examined is not the one that is then opened.
#[test]
fn a_file_that_is_replaced_just_before_it_is_opened_is_refused() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join(LOG);
    fs::write(&path, vector(LOG)).unwrap();
    let replace = || {
        fs::copy(&path, dir.path().join("other")).unwrap();
        fs::rename(dir.path().join("other"), &path).unwrap();
    };
    let stores = stores(dir.path(), 1, &replace);
    stores.events.pin(stores.events.stat().unwrap().unwrap().identity).unwrap();
    let error = stores.events.open().map(drop).unwrap_err();
    assert!(matches!(error, dreichor_replay::Error::Unavailable { .. }), "{error}");
    // Another thread has opened the new file before it learned of the first.
    let other = Directory::open(dir.path()).unwrap().stat(LOG).unwrap().unwrap();
    let error = stores.events.pin(other.identity).unwrap_err();
    assert!(matches!(error, dreichor_replay::Error::Unavailable { .. }), "{error}");
}

/// A directory in which something happens once, just after a file is examined.
struct Afterwards {
    directory: Directory,
    happens: RefCell<Option<Box<dyn FnOnce()>>>,
}

impl Afterwards {
    fn of(dir: &Path) -> Self {
        Self { directory: Directory::open(dir).unwrap(), happens: RefCell::default() }
    }
}

impl Medium for Afterwards {
    type File = fs::File;

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path(name)
    }

    fn stat(&self, name: &str) -> io::Result<Option<Stat>> {
        let stat = self.directory.stat(name);
        if let Some(happens) = self.happens.take() {
            happens();
        }
        stat
    }

    fn open(&self, name: &str) -> io::Result<fs::File> {
        self.directory.open(name)
    }
}

/// Two requests met a store without a file. A writer created the file, and the second request pinned the store to it,
/// while the first still had the answer that there is no file. The first one then said that the file had vanished.
#[test]
fn a_file_that_appears_while_the_store_is_examined_has_not_vanished() {
    let dir = TempDir::new().unwrap();
    let stores = Rc::new(Stores::new(Afterwards::of(dir.path()), Afterwards::of(dir.path())));
    let (others, path) = (Rc::clone(&stores), dir.path().join(LOG));
    *stores.events.medium().happens.borrow_mut() = Some(Box::new(move || {
        fs::write(&path, vector(LOG)).unwrap();
        let (_, stat) = others.events.open().unwrap().unwrap();
        others.events.pin(stat.identity).unwrap();
    }));
    assert_eq!(stores.events.stat().unwrap(), None);
    assert!(stores.events.stat().unwrap().is_some());
}
