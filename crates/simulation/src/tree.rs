//! Directories, and their entries in one another.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use dreichor_log::directory::Tree;

use crate::lie::Lie;

/// A file system of directories alone, as one process sees it.
#[derive(Debug, Clone, Default)]
pub struct SimulatedTree {
    /// Directories whose entries are durable.
    durable: BTreeSet<PathBuf>,
    /// Directories whose entries are not durable yet.
    pending: RefCell<BTreeSet<PathBuf>>,
    synced: RefCell<BTreeSet<PathBuf>>,
    /// Directories that this process created.
    created: RefCell<BTreeSet<PathBuf>>,
    /// Directories that cannot be synced, and the `errno`.
    refused: BTreeMap<PathBuf, i32>,
    calls: Cell<u64>,
    /// The process is killed just before this call.
    kill_at: Option<u64>,
    lie: Option<Lie>,
}

impl SimulatedTree {
    /// A tree that has these directories, durably, and may tell a lie.
    pub fn holding(directories: impl IntoIterator<Item = PathBuf>, lie: Option<Lie>) -> Self {
        Self { durable: directories.into_iter().collect(), lie, ..Self::default() }
    }

    /// The same tree, in which syncs of this directory end with this `errno`.
    #[must_use]
    pub fn refusing(mut self, directory: &Path, errno: i32) -> Self {
        self.refused.insert(directory.to_owned(), errno);
        self
    }

    /// The same tree as the next process sees it; that is killed just before the call of this number.
    #[must_use]
    pub fn next_process(&self, kill_at: Option<u64>) -> Self {
        Self { created: RefCell::default(), calls: Cell::new(0), kill_at, ..self.clone() }
    }

    /// The number of calls of this process.
    pub fn calls(&self) -> u64 {
        self.calls.get()
    }

    /// The trees that a crash of the machine may leave: every subset of the entries that are not durable.
    pub fn images(&self) -> Vec<Self> {
        let pending: Vec<PathBuf> = self.pending.borrow().iter().cloned().collect();
        let durable =
            || self.durable.iter().chain(self.synced.borrow().iter()).cloned().collect::<BTreeSet<_>>();
        let image = |subset: u64| {
            let kept = pending.iter().enumerate().filter(|(bit, _)| subset >> bit & 1 == 1);
            let mut all = durable();
            all.extend(kept.map(|(_, path)| path.clone()));
            // Without its parent, a directory cannot be reached.
            let reachable = all.iter().filter(|path| path.ancestors().all(|above| all.contains(above)));
            Self {
                durable: reachable.cloned().collect(),
                refused: self.refused.clone(),
                lie: self.lie,
                ..Self::default()
            }
        };
        (0..1 << pending.len()).map(image).collect()
    }

    /// True if there is a directory at `path`.
    pub fn has(&self, path: &Path) -> bool {
        [&self.durable, &self.pending.borrow(), &self.synced.borrow()].iter().any(|all| all.contains(path))
    }

    fn call(&self) -> io::Result<()> {
        if self.kill_at.is_some_and(|at| self.calls.get() >= at) {
            return Err(io::Error::other("the simulated process has been killed"));
        }
        self.calls.set(self.calls.get() + 1);
        Ok(())
    }
}

impl Tree for SimulatedTree {
    fn is_directory(&self, path: &Path) -> bool {
        self.call().is_ok() && self.has(path)
    }

    fn create(&self, path: &Path) -> io::Result<()> {
        self.call()?;
        if self.has(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        if !path.parent().is_some_and(|parent| self.has(parent)) {
            return Err(io::ErrorKind::NotFound.into());
        }
        self.created.borrow_mut().insert(path.to_owned());
        self.pending.borrow_mut().insert(path.to_owned());
        Ok(())
    }

    fn sync(&self, path: &Path) -> io::Result<()> {
        self.call()?;
        if let Some(errno) = self.refused.get(path) {
            return Err(io::Error::from_raw_os_error(*errno));
        }
        let is_entry = |entry: &&PathBuf| entry.parent() == Some(path);
        if self.lie == Some(Lie::AncestorsUnsynced)
            && !self.created.borrow().iter().any(|entry| is_entry(&entry))
        {
            return Ok(());
        }
        let entries: Vec<PathBuf> = self.pending.borrow().iter().filter(is_entry).cloned().collect();
        for entry in entries {
            self.pending.borrow_mut().remove(&entry);
            self.synced.borrow_mut().insert(entry);
        }
        Ok(())
    }
}
