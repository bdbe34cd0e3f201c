//! The disk as the running process sees it.
//!
//! # Which faults it injects, where, and why
//!
//! | fault | where | why |
//! |---|---|---|
//! | the machine stops ([`Plan::crash_at`]) | just before any one call, reads too, counted over both directories | a power cut or a kernel's panic; what stays is [`Disk::ways`] |
//! | the process is killed ([`Disk::fork`], [`Disk::begin`]) | between any two calls | the page cache stays, locks go |
//! | EIO, ENOSPC, EDQUOT, EFBIG, EROFS, any `errno` ([`Failure::Error`]) | any one call, or all from one on | a failing or full disk, a quota, a limit, a file system that went read-only |
//! | EIO of a write after half of its bytes | where EIO strikes a write | what an error leaves is in doubt |
//! | EINTR | reads, writes, syncs, once | the calls that a signal can interrupt and that the callers must repeat; the real disk repeats the others itself |
//! | a short write ([`Failure::Short`]) | any write, by any number of bytes | a disk that fills up, a file size limit |
//! | a failed sync loses the pages | where an error strikes a sync | Linux marks them clean: the cache goes on showing what the medium will never hold, later syncs succeed, and only [`SyncFile::evict`] tells |
//! | another process ([`Disk::directory`] gives more than one) | between any two calls | a second writer, a tool that truncates, replaces, removes |
//!
//! It watches, too: [`Disk::calls_made`] is what the process did, and [`Disk::violations`] what it must never
//! do (use a descriptor whose write or sync has failed). A file is locked as `flock` does: the lock belongs to
//! the open file and goes when that is closed.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::rc::Rc;

use dreichor_log::{File, FileKind, Medium, ReadAt, Stat, SyncFile, WriteFile, WriteMedium};

use crate::plan::{Failure, Plan};

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
    /// The bytes on the medium.
    pub(crate) durable: Vec<u8>,
    /// The bytes in the page cache.
    pub(crate) cache: Vec<u8>,
    /// A sync failed: what is not durable by now never will be, though the cache shows it and syncs succeed.
    pub(crate) has_lost: bool,
}

/// An operation on a directory's entries that is not durable yet.
#[derive(Debug, Clone)]
pub(crate) enum EntryOperation {
    Link(String, usize),
    /// Both names, and the inode that is renamed.
    Rename(String, String, usize),
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
                EntryOperation::Rename(from, to, inode) => {
                    entries.remove(from);
                    entries.insert(to.clone(), *inode);
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

/// An operation of a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the calls of the traits Medium and File, and of those for writers")]
pub enum Operation {
    Examine,
    Open,
    Create,
    Rename,
    Remove,
    SyncDirectory,
    ProveWritable,
    ExamineOpen,
    Read,
    Write,
    Sync,
    Truncate,
    Lock,
    Evict,
}

impl Operation {
    /// True if it may fail with EINTR; the caller must then repeat it.
    pub const fn is_interruptible(self) -> bool {
        matches!(self, Self::SyncDirectory | Self::Read | Self::Write | Self::Sync)
    }

    /// True if it changes the content of the disk.
    pub const fn is_change(self) -> bool {
        matches!(self, Self::Create | Self::Rename | Self::Remove | Self::Write | Self::Truncate)
    }
}

/// One call to the disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The operation.
    pub operation: Operation,
    /// The directory.
    pub mount: Mount,
    /// The name of its file; empty for the directory itself.
    pub name: Rc<str>,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct World {
    pub(crate) inodes: Vec<Inode>,
    pub(crate) entries: BTreeMap<Mount, Entries>,
    plan: Plan,
    calls: Vec<Call>,
    has_crashed: bool,
    /// Broken promises of the process, found while it ran.
    violations: Vec<String>,
    /// Which open file holds an inode's lock.
    locks: BTreeMap<usize, u64>,
    /// The number of files opened so far: the next one's number.
    opened: u64,
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
    mount: Mount,
    name: Rc<str>,
    number: u64,
    /// A write or sync through this handle failed.
    has_failed: Cell<bool>,
}

/// A lock lasts as long as the open file that took it.
impl Drop for Handle {
    fn drop(&mut self) {
        let mut world = self.world.borrow_mut();
        if world.locks.get(&self.inode) == Some(&self.number) {
            world.locks.remove(&self.inode);
        }
    }
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

    /// Begins another run of the process, with its own plan; calls count from 0 again.
    pub fn begin(&self, plan: Plan) {
        let mut world = self.world.borrow_mut();
        world.plan = plan;
        world.calls.clear();
        world.has_crashed = false;
        world.locks.clear();
    }

    /// The same disk in the same state, page cache included, on which something else may happen.
    #[must_use]
    pub fn fork(&self) -> Self {
        Self { world: Rc::new(RefCell::new(self.world.borrow().clone())) }
    }

    /// The number of calls of this run.
    pub fn calls(&self) -> u64 {
        self.world.borrow().calls.len() as u64
    }

    /// The calls that this run has made.
    pub fn calls_made(&self) -> Vec<Call> {
        self.world.borrow().calls.clone()
    }

    /// True if the planned crash has happened.
    pub fn has_crashed(&self) -> bool {
        self.world.borrow().has_crashed
    }

    /// The forbidden operations of the process.
    pub fn violations(&self) -> Vec<String> {
        self.world.borrow().violations.clone()
    }

    /// The bytes that a reader of the file sees; none if there is no such file.
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

const EINTR: i32 = 4;
const EIO: i32 = 5;

/// What a call may do.
enum Verdict {
    Goes,
    /// At most so many bytes are written.
    Short(usize),
}

impl World {
    /// Counts a call, and crashes or fails it as planned.
    fn call(&mut self, operation: Operation, mount: Mount, name: Rc<str>) -> io::Result<Verdict> {
        let call = self.calls.len() as u64;
        if self.has_crashed || self.plan.crash_at.is_some_and(|at| call >= at) {
            self.has_crashed = true;
            return Err(io::Error::other("the simulated machine has stopped"));
        }
        self.calls.push(Call { operation, mount, name });
        match self.plan.fault.filter(|fault| fault.hits(call)).map(|fault| fault.failure) {
            Some(Failure::Error(EINTR)) if !operation.is_interruptible() => Ok(Verdict::Goes),
            Some(Failure::Error(errno)) => Err(io::Error::from_raw_os_error(errno)),
            Some(Failure::Short(bytes)) if operation == Operation::Write => Ok(Verdict::Short(bytes)),
            Some(Failure::Short(_)) | None => Ok(Verdict::Goes),
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
            // No reader of this disk uses it.
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

    fn handle(&self, inode: usize, name: &str) -> Handle {
        let mut world = self.world.borrow_mut();
        world.opened += 1;
        Handle {
            world: Rc::clone(&self.world),
            inode,
            mount: self.mount,
            name: name.into(),
            number: world.opened,
            has_failed: Cell::new(false),
        }
    }

    /// Counts a call.
    fn call(&self, operation: Operation, name: &str) -> io::Result<()> {
        self.world.borrow_mut().call(operation, self.mount, name.into()).map(drop)
    }
}

impl Medium for Directory {
    type File = Handle;

    fn path(&self, name: &str) -> PathBuf {
        PathBuf::from(format!("simulated/{:?}", self.mount)).join(name)
    }

    fn stat(&self, name: &str) -> io::Result<Option<Stat>> {
        self.call(Operation::Examine, name)?;
        let world = self.world.borrow();
        Ok(world.find(self.mount, name).and_then(|inode| world.stat(inode)))
    }

    fn open(&self, name: &str) -> io::Result<Handle> {
        self.call(Operation::Open, name)?;
        let inode = self.world.borrow().find(self.mount, name).ok_or_else(|| missing(name))?;
        Ok(self.handle(inode, name))
    }
}

impl WriteMedium for Directory {
    fn open_to_append(&self, name: &str) -> io::Result<Handle> {
        self.open(name)
    }

    fn create(&self, name: &str) -> io::Result<Handle> {
        self.call(Operation::Create, name)?;
        if self.world.borrow().find(self.mount, name).is_some() {
            return Err(io::Error::from(io::ErrorKind::AlreadyExists));
        }
        let inode = self.world.borrow().inodes.len();
        self.world.borrow_mut().inodes.push(Inode::default());
        self.operate(EntryOperation::Link(name.to_owned(), inode));
        Ok(self.handle(inode, name))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.call(Operation::Rename, to)?;
        let inode = self.world.borrow().find(self.mount, from).ok_or_else(|| missing(from))?;
        if self.world.borrow().find(self.mount, to).is_some() {
            return Err(io::Error::from(io::ErrorKind::AlreadyExists));
        }
        self.operate(EntryOperation::Rename(from.to_owned(), to.to_owned(), inode));
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.call(Operation::Remove, name)?;
        self.world.borrow().find(self.mount, name).ok_or_else(|| missing(name))?;
        self.operate(EntryOperation::Unlink(name.to_owned()));
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        self.call(Operation::SyncDirectory, "")?;
        let mut world = self.world.borrow_mut();
        let entries = world.entries.entry(self.mount).or_default();
        entries.durable = entries.now();
        entries.pending.clear();
        Ok(())
    }

    fn prove_writable(&self) -> io::Result<()> {
        self.call(Operation::ProveWritable, "")
    }
}

impl Handle {
    /// Counts a call that writes or syncs; after a failed one there must be none.
    fn change(&self, operation: Operation) -> io::Result<Verdict> {
        let mut world = self.world.borrow_mut();
        if self.has_failed.get() && !world.has_crashed {
            let violation =
                format!("{operation:?} of {} on a descriptor whose write or sync had failed", self.name);
            world.violations.push(violation);
        }
        let verdict = world.call(operation, self.mount, Rc::clone(&self.name));
        let fails = match &verdict {
            Ok(Verdict::Goes) => false,
            Ok(Verdict::Short(_)) => true,
            Err(error) => error.kind() != io::ErrorKind::Interrupted,
        };
        self.has_failed.set(self.has_failed.get() || fails);
        verdict
    }

    /// Counts a call that changes nothing.
    fn look(&self, operation: Operation) -> io::Result<()> {
        self.world.borrow_mut().call(operation, self.mount, Rc::clone(&self.name)).map(drop)
    }

    fn with<T>(&self, act: impl FnOnce(&mut Inode) -> T) -> io::Result<T> {
        let mut world = self.world.borrow_mut();
        world.inodes.get_mut(self.inode).map(act).ok_or_else(|| io::Error::other("no such inode"))
    }
}

impl ReadAt for Handle {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.look(Operation::Read)?;
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
        self.look(Operation::ExamineOpen)?;
        self.world.borrow().stat(self.inode).ok_or_else(|| io::Error::other("no such inode"))
    }
}

impl SyncFile for Handle {
    fn sync(&self) -> io::Result<()> {
        match self.change(Operation::Sync) {
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

    fn evict(&self, offset: u64) -> io::Result<()> {
        self.look(Operation::Evict)?;
        self.with(|inode| {
            // The bytes that are not on the medium are lost now; dirty pages without a failed sync stay. It is all or
            // nothing: to drop only a part of the lost pages has no effect.
            let reaches_all = usize::try_from(offset).is_ok_and(|offset| offset <= inode.durable.len());
            if inode.has_lost && reaches_all {
                inode.cache.clone_from(&inode.durable);
                inode.has_lost = false;
            }
        })
    }
}

impl WriteFile for Handle {
    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        let verdict = self.change(Operation::Write);
        let count = match &verdict {
            Ok(Verdict::Goes) => bytes.len(),
            Ok(Verdict::Short(count)) => (*count).min(bytes.len().saturating_sub(1)),
            Err(error) if error.raw_os_error() == Some(EIO) => bytes.len() / 2,
            Err(_) => 0,
        };
        let written = bytes.get(..count).unwrap_or_default();
        self.with(|inode| inode.cache.extend_from_slice(written))?;
        verdict.map(|_| count)
    }

    fn truncate(&self, size: u64) -> io::Result<()> {
        self.change(Operation::Truncate)?;
        self.with(|inode| inode.cache.truncate(usize::try_from(size).unwrap_or(usize::MAX)))
    }

    fn try_lock(&self) -> io::Result<bool> {
        self.look(Operation::Lock)?;
        let mut world = self.world.borrow_mut();
        Ok(*world.locks.entry(self.inode).or_insert(self.number) == self.number)
    }
}
