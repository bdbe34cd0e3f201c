//! A published directory that crashes or fails at any call.
//!
//! A name that was given or taken away is durable once its directory is synced. Until then a crash keeps it or not,
//! whatever it does with other names. A name in a directory whose own name is lost is lost, too. The bytes of a file are
//! synced before it has a name.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;

use dreichor_audit::site::Site;
use dreichor_audit::source::{Source, SourceError};

/// The files by path; none: a directory.
pub(crate) type Names = BTreeMap<String, Option<Vec<u8>>>;

/// A change of one name that is not durable yet.
#[derive(Debug, Clone)]
struct Change {
    path: String,
    to: To,
}

/// What a name became.
#[derive(Debug, Clone)]
enum To {
    /// A file, or a directory.
    Named(Option<Vec<u8>>),
    Removed,
}

#[derive(Debug, Clone, Default)]
struct World {
    durable: Names,
    pending: Vec<Change>,
    new: Option<Vec<u8>>,
    calls: u64,
    /// The call before which the machine stops.
    crash_at: Option<u64>,
    /// The call that fails, and whether it does its work all the same.
    fail_at: Option<(u64, bool)>,
    has_crashed: bool,
}

/// The simulated directory.
#[derive(Debug, Clone, Default)]
pub(crate) struct SimulatedSite(RefCell<World>);

fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

fn apply<'c>(names: &Names, changes: impl IntoIterator<Item = &'c Change>) -> Names {
    let mut names = names.clone();
    for Change { path, to } in changes {
        match to {
            To::Named(file) => names.insert(path.clone(), file.clone()),
            To::Removed => names.remove(path),
        };
    }
    // A name needs all directories above it.
    let is_there = |path: &str| parent(path).is_empty() || names.contains_key(parent(path));
    let lost: Vec<String> = {
        let reachable = |path: &str| {
            let mut at = path;
            while !at.is_empty() {
                if !is_there(at) {
                    return false;
                }
                at = parent(at);
            }
            true
        };
        names.keys().filter(|path| !reachable(path)).cloned().collect()
    };
    names.retain(|path, _| !lost.contains(path));
    names
}

impl SimulatedSite {
    /// A directory that holds these names, durably.
    pub(crate) fn holding(names: Names) -> Self {
        Self(RefCell::new(World { durable: names, ..World::default() }))
    }

    pub(crate) fn crash_at(self, call: u64) -> Self {
        self.0.borrow_mut().crash_at = Some(call);
        self
    }

    pub(crate) fn fail_at(self, call: u64, works: bool) -> Self {
        self.0.borrow_mut().fail_at = Some((call, works));
        self
    }

    pub(crate) fn calls(&self) -> u64 {
        self.0.borrow().calls
    }

    /// What readers see now.
    pub(crate) fn names(&self) -> Names {
        let world = self.0.borrow();
        apply(&world.durable, &world.pending)
    }

    /// What a crash may leave: none of the pending changes, all, each beginning of them, and some picked by each seed.
    pub(crate) fn images(&self, seeds: u64) -> Vec<Names> {
        let world = self.0.borrow();
        let pending = &world.pending;
        let mut images: Vec<Names> =
            (0..=pending.len()).map(|kept| apply(&world.durable, &pending[..kept])).collect();
        for seed in 1..=seeds {
            let mut bits = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            images.push(apply(
                &world.durable,
                pending.iter().filter(|_| {
                    bits ^= bits << 13;
                    bits ^= bits >> 7;
                    bits ^= bits << 17;
                    bits % 2 == 0
                }),
            ));
        }
        images.sort();
        images.dedup();
        images
    }

    /// Counts a call; true if it does its work.
    fn call(&self) -> io::Result<Option<io::Error>> {
        let mut world = self.0.borrow_mut();
        let call = world.calls;
        if world.has_crashed || world.crash_at == Some(call) {
            world.has_crashed = true;
            return Err(io::Error::other("the simulated machine has stopped"));
        }
        world.calls += 1;
        match world.fail_at.filter(|(at, _)| *at == call) {
            Some((_, false)) => Err(io::Error::from_raw_os_error(5)),
            Some((_, true)) => Ok(Some(io::Error::from_raw_os_error(5))),
            None => Ok(None),
        }
    }

    fn change(&self, path: &str, to: To) {
        self.0.borrow_mut().pending.push(Change { path: path.to_owned(), to });
    }

    fn take_new(&self) -> io::Result<Vec<u8>> {
        self.0.borrow_mut().new.take().ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
    }
}

fn ended<T>(value: T, failure: Option<io::Error>) -> io::Result<T> {
    failure.map_or(Ok(value), Err)
}

fn check_parent(names: &Names, path: &str) -> io::Result<()> {
    let is_there = parent(path).is_empty() || names.get(parent(path)) == Some(&None);
    if is_there { Ok(()) } else { Err(io::Error::from(io::ErrorKind::NotFound)) }
}

impl Site for SimulatedSite {
    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        let failure = self.call()?;
        ended(self.names().get(path).cloned().flatten(), failure)
    }

    fn create_directory(&self, path: &str) -> io::Result<()> {
        let failure = self.call()?;
        check_parent(&self.names(), path)?;
        if !self.names().contains_key(path) {
            self.change(path, To::Named(None));
        }
        ended((), failure)
    }

    fn write_new(&self, bytes: &[u8]) -> io::Result<()> {
        let failure = self.call()?;
        self.0.borrow_mut().new = Some(bytes.to_vec());
        ended((), failure)
    }

    fn link_new(&self, path: &str) -> io::Result<bool> {
        let failure = self.call()?;
        check_parent(&self.names(), path)?;
        if self.names().contains_key(path) {
            return ended(false, failure);
        }
        let bytes = self.take_new()?;
        self.change(path, To::Named(Some(bytes)));
        ended(true, failure)
    }

    fn replace_by_new(&self, path: &str) -> io::Result<()> {
        let failure = self.call()?;
        check_parent(&self.names(), path)?;
        let bytes = self.take_new()?;
        self.change(path, To::Named(Some(bytes)));
        ended((), failure)
    }

    fn remove_directory(&self, path: &str) -> io::Result<()> {
        let failure = self.call()?;
        let names = self.names();
        for name in names.keys().filter(|name| parent(name) == path) {
            self.change(name, To::Removed);
        }
        if names.contains_key(path) {
            self.change(path, To::Removed);
        }
        ended((), failure)
    }

    fn sync(&self, directory: &str) -> io::Result<()> {
        let failure = self.call()?;
        check_parent(&self.names(), &format!("{directory}/"))?;
        let mut world = self.0.borrow_mut();
        if failure.is_none() {
            let (synced, pending) =
                world.pending.drain(..).partition(|change: &Change| parent(&change.path) == directory);
            world.pending = pending;
            let synced: Vec<Change> = synced;
            for Change { path, to } in synced {
                match to {
                    To::Named(file) => world.durable.insert(path, file),
                    To::Removed => world.durable.remove(&path),
                };
            }
        }
        ended((), failure)
    }
}

/// Readers of an image.
pub(crate) struct Image<'n>(pub(crate) &'n Names);

impl Source for Image<'_> {
    fn get(&self, path: &str, _: u64) -> Result<Option<Vec<u8>>, SourceError> {
        Ok(self.0.get(path).cloned().flatten())
    }
}
