//! The disk as the running process sees it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::rc::Rc;

use dreichor_log::{Access, File, FileKind, Medium, ReadAt, Stat};

use crate::plan::Plan;

/// Which of the two directories.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mount {
    /// The audit log's.
    Events,
    /// The snapshots'.
    Snapshots,
}

impl Mount {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Events, Self::Snapshots];
}

/// A file's bytes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Inode {
    /// What the medium holds.
    pub(crate) durable: Vec<u8>,
    /// What the page cache shows.
    pub(crate) cache: Vec<u8>,
    /// A sync failed: what is not durable by now never will be, though the cache shows it and syncs succeed.
    pub(crate) has_lost: bool,
}

/// An operation on a directory's entries that is not durable yet.
#[derive(Debug, Clone)]
pub(crate) enum EntryOperation {
    Link(String, usize),
    Rename(String, String),
    Unlink(String),
}

/// One directory's entries.
#[derive(Debug, Clone, Default)]
pub(crate) struct Entries {
    pub(crate) durable: BTreeMap<String, usize>,
    pub(crate) pending: Vec<EntryOperation>,
}

impl Entries {
    /// The entries after `operations`.
    pub(crate) fn after<'o>(
        &self,
        operations: impl IntoIterator<Item = &'o EntryOperation>,
    ) -> BTreeMap<String, usize> {
        let mut entries = self.durable.clone();
        for operation in operations {
            match operation {
                EntryOperation::Link(name, inode) => {
                    entries.insert(name.clone(), *inode);
                }
                EntryOperation::Rename(from, to) => {
                    if let Some(inode) = entries.remove(from) {
                        entries.insert(to.clone(), inode);
                    }
                }
                EntryOperation::Unlink(name) => {
                    entries.remove(name);
                }
            }
        }
        entries
    }

    fn now(&self) -> BTreeMap<String, usize> {
        self.after(&self.pending)
    }
}

#[derive(Debug, Clone, Default)]
pub(crate) struct World {
    pub(crate) inodes: Vec<Inode>,
    pub(crate) entries: BTreeMap<Mount, Entries>,
    plan: Plan,
    calls: u64,
    has_crashed: bool,
    /// Broken promises of the process, found while it ran.
    violations: Vec<String>,
}

/// Two directories that crash together.
#[derive(Debug, Clone, Default)]
pub struct Disk {
    pub(crate) world: Rc<RefCell<World>>,
}

/// One directory of a disk.
#[derive(Debug, Clone)]
pub struct Directory {
    world: Rc<RefCell<World>>,
    mount: Mount,
}

/// An open file.
#[derive(Debug)]
pub struct Handle {
    world: Rc<RefCell<World>>,
    inode: usize,
    /// A write or sync through this handle failed.
    has_failed: RefCell<bool>,
}

impl Disk {
    /// A disk whose files hold these bytes, durably.
    pub fn holding(files: impl IntoIterator<Item = (Mount, String, Vec<u8>)>) -> Self {
        let disk = Self::default();
        for (mount, name, bytes) in files {
            let mut world = disk.world.borrow_mut();
            let inode = world.inodes.len();
            world.inodes.push(Inode { durable: bytes.clone(), cache: bytes, has_lost: false });
            world.entries.entry(mount).or_default().durable.insert(name, inode);
        }
        disk
    }

    /// The directory of `mount`.
    pub fn directory(&self, mount: Mount) -> Directory {
        Directory { world: Rc::clone(&self.world), mount }
    }

    /// Begins another life of the process, with its own plan; calls count from 0 again.
    pub fn begin(&self, plan: Plan) {
        let mut world = self.world.borrow_mut();
        world.plan = plan;
        world.calls = 0;
        world.has_crashed = false;
    }

    /// The same disk in the same state, page cache included, on which something else may happen.
    #[must_use]
    pub fn fork(&self) -> Self {
        Self { world: Rc::new(RefCell::new(self.world.borrow().clone())) }
    }

    /// How many calls this life has made.
    pub fn calls(&self) -> u64 {
        self.world.borrow().calls
    }

    /// Whether the planned crash has come.
    pub fn has_crashed(&self) -> bool {
        self.world.borrow().has_crashed
    }

    /// What the process did that it must not do.
    pub fn violations(&self) -> Vec<String> {
        self.world.borrow().violations.clone()
    }

    /// What a file shows now; none if there is no such file.
    pub fn shows(&self, mount: Mount, name: &str) -> Option<Vec<u8>> {
        let world = self.world.borrow();
        let inode = *world.entries.get(&mount)?.now().get(name)?;
        world.inodes.get(inode).map(|inode| inode.cache.clone())
    }

    /// The names in a directory now.
    pub fn names(&self, mount: Mount) -> Vec<String> {
        self.world
            .borrow()
            .entries
            .get(&mount)
            .map(|entries| entries.now().into_keys().collect())
            .unwrap_or_default()
    }
}

/// What a call comes to before it does anything.
enum Verdict {
    Goes,
    Short,
}

impl World {
    /// Counts a call, and crashes or fails it as planned.
    fn call(&mut self) -> io::Result<Verdict> {
        let call = self.calls;
        if self.has_crashed || self.plan.crash_at.is_some_and(|at| call >= at) {
            self.has_crashed = true;
            return Err(io::Error::other("the simulated machine has stopped"));
        }
        self.calls += 1;
        match self.plan.fault.filter(|fault| fault.hits(call)) {
            None => Ok(Verdict::Goes),
            Some(fault) => fault.error().map_or(Ok(Verdict::Short), Err),
        }
    }

    fn find(&self, mount: Mount, name: &str) -> Option<usize> {
        self.entries.get(&mount)?.now().get(name).copied()
    }

    fn stat(&self, inode: usize) -> Option<Stat> {
        let bytes = self.inodes.get(inode)?;
        Some(Stat {
            kind: FileKind::Regular,
            identity: (1, inode as u64),
            links: 1,
            size: bytes.cache.len() as u64,
            mode: 0o640,
            // Nobody who goes by it reads this disk.
            change_time: (0, 0),
        })
    }
}

fn missing(name: &str) -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, format!("no file {name}"))
}

impl Directory {
    fn operate(&self, operation: EntryOperation) {
        self.world.borrow_mut().entries.entry(self.mount).or_default().pending.push(operation);
    }

    fn handle(&self, inode: usize) -> Handle {
        Handle { world: Rc::clone(&self.world), inode, has_failed: RefCell::new(false) }
    }
}

impl Medium for Directory {
    type File = Handle;

    fn path(&self, name: &str) -> PathBuf {
        PathBuf::from(format!("simulated/{:?}", self.mount)).join(name)
    }

    fn stat(&self, name: &str) -> io::Result<Option<Stat>> {
        let mut world = self.world.borrow_mut();
        world.call()?;
        Ok(world.find(self.mount, name).and_then(|inode| world.stat(inode)))
    }

    fn open(&self, name: &str, _: Access) -> io::Result<Handle> {
        self.world.borrow_mut().call()?;
        let inode = self.world.borrow().find(self.mount, name).ok_or_else(|| missing(name))?;
        Ok(self.handle(inode))
    }

    fn create(&self, name: &str) -> io::Result<Handle> {
        self.world.borrow_mut().call()?;
        if self.world.borrow().find(self.mount, name).is_some() {
            return Err(io::Error::from(io::ErrorKind::AlreadyExists));
        }
        let inode = self.world.borrow().inodes.len();
        self.world.borrow_mut().inodes.push(Inode::default());
        self.operate(EntryOperation::Link(name.to_owned(), inode));
        Ok(self.handle(inode))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.world.borrow_mut().call()?;
        self.world.borrow().find(self.mount, from).ok_or_else(|| missing(from))?;
        if self.world.borrow().find(self.mount, to).is_some() {
            return Err(io::Error::from(io::ErrorKind::AlreadyExists));
        }
        self.operate(EntryOperation::Rename(from.to_owned(), to.to_owned()));
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.world.borrow_mut().call()?;
        self.world.borrow().find(self.mount, name).ok_or_else(|| missing(name))?;
        self.operate(EntryOperation::Unlink(name.to_owned()));
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut world = self.world.borrow_mut();
        world.call()?;
        let entries = world.entries.entry(self.mount).or_default();
        entries.durable = entries.now();
        entries.pending.clear();
        Ok(())
    }

    fn prove_writable(&self) -> io::Result<()> {
        self.world.borrow_mut().call().map(drop)
    }
}

impl Handle {
    /// Counts a call that writes or syncs; after a failed one there must be none.
    fn change(&self, name: &str) -> io::Result<Verdict> {
        let mut world = self.world.borrow_mut();
        if *self.has_failed.borrow() && !world.has_crashed {
            world.violations.push(format!("{name} on a descriptor whose write or sync had failed"));
        }
        let verdict = world.call();
        *self.has_failed.borrow_mut() |= match &verdict {
            Ok(Verdict::Goes) => false,
            // Only a write can be short.
            Ok(Verdict::Short) => name == "write",
            Err(error) => error.kind() != io::ErrorKind::Interrupted,
        };
        verdict
    }

    fn with<T>(&self, act: impl FnOnce(&mut Inode) -> T) -> io::Result<T> {
        let mut world = self.world.borrow_mut();
        world.inodes.get_mut(self.inode).map(act).ok_or_else(|| io::Error::other("no such inode"))
    }
}

impl ReadAt for Handle {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.world.borrow_mut().call()?;
        self.with(|inode| {
            let start = usize::try_from(offset).unwrap_or(usize::MAX);
            let rest = inode.cache.get(start..).unwrap_or_default();
            let count = rest.len().min(buffer.len());
            if let (Some(to), Some(from)) = (buffer.get_mut(..count), rest.get(..count)) {
                to.copy_from_slice(from);
            }
            count
        })
    }
}

impl File for Handle {
    fn stat(&self) -> io::Result<Stat> {
        let mut world = self.world.borrow_mut();
        world.call()?;
        world.stat(self.inode).ok_or_else(|| io::Error::other("no such inode"))
    }

    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        let written = match self.change("write")? {
            Verdict::Goes => bytes,
            Verdict::Short => bytes.get(..bytes.len() / 2).unwrap_or_default(),
        };
        self.with(|inode| inode.cache.extend_from_slice(written))?;
        Ok(written.len())
    }

    fn sync(&self) -> io::Result<()> {
        match self.change("sync") {
            Ok(_) => self.with(|inode| {
                if !inode.has_lost {
                    inode.durable.clone_from(&inode.cache);
                }
            }),
            Err(error) => {
                if error.kind() != io::ErrorKind::Interrupted && !self.world.borrow().has_crashed {
                    // The pages are marked clean all the same: no later sync will write them.
                    self.with(|inode| inode.has_lost |= inode.cache != inode.durable)?;
                }
                Err(error)
            }
        }
    }

    fn truncate(&self, size: u64) -> io::Result<()> {
        self.change("truncate")?;
        self.with(|inode| inode.cache.truncate(usize::try_from(size).unwrap_or(usize::MAX)))
    }

    fn try_lock(&self) -> io::Result<bool> {
        self.world.borrow_mut().call()?;
        Ok(true)
    }

    fn evict(&self, _: u64) -> io::Result<()> {
        self.world.borrow_mut().call()?;
        self.with(|inode| {
            // What the medium does not hold is gone now; dirty pages, of which no sync has failed, stay.
            if inode.has_lost {
                inode.cache.clone_from(&inode.durable);
                inode.has_lost = false;
            }
        })
    }
}
