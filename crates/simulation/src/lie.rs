//! A disk that does not do what it is asked, in one way: what it does is what a correct disk would do under a
//! program with a bug. The program stays as it is, so no bug is compiled into it.
//!
//! Each lie replaces the calls that the program makes by those that the program with the bug would make.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::rc::Rc;

use dreichor_log::{File, Medium, ReadAt, Stat, SyncFile, WriteFile, WriteMedium};

use crate::disk::{Directory, Disk, Handle, Mount};

/// A wrong operation of the disk in place of the requested one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lie {
    /// A sync that follows a write to a store does nothing.
    SyncSkipped,
    /// A sync that follows a write to the snapshots does nothing.
    SnapshotSyncSkipped,
    /// A sync of the events is made just before the next call.
    SyncDeferred,
    /// A write to the events, and its sync, are made just before the next call.
    WriteDeferred,
    /// A write to the snapshots, and its sync, are made after the next sync of the events.
    SnapshotsDeferred,
    /// A write to a store is made in two halves.
    WriteSplit,
    /// A failed sync that follows a write is made once more.
    SyncRetried,
    /// A short write to a store is reported as a whole one.
    ShortWriteAccepted,
    /// The rest of a short write to a store is written next.
    ShortWriteContinued,
    /// An interrupted call reports another error, so that nobody repeats it.
    InterruptionFatal,
    /// After a write, the file is said to be as that write left it.
    OwnershipAssumed,
    /// Any file of a name is said to be the same file.
    IdentityForgotten,
    /// A lock is released once it is taken.
    LockDropped,
    /// Syncs of directories do nothing.
    DirectorySyncSkipped,
    /// The first sync of a new store does nothing, nor does that of its directory.
    CreationUnsynced,
    /// Syncs of what a process found at its start do nothing.
    StartUnsynced,
    /// Nothing is dropped from the page cache.
    CacheKept,
    /// A sync that follows a truncation does nothing.
    TruncationUnsynced,
    /// The copy of a tail is removed once it is created.
    CopyRemoved,
    /// The copy of a tail is not synced.
    CopyUnsynced,
    /// The directory of the copy of a tail is not synced.
    CopyDirectoryUnsynced,
    /// The copy of a tail has its final name from the start.
    CopyInPlace,
    /// The copy of a tail that a killed process began is not removed.
    CopyLeft,
    /// A file that is there already is opened where a new one is asked for.
    CreationResumed,
    /// A sync of a directory in which this process created none does nothing ([`crate::SimulatedTree`]).
    AncestorsUnsynced,
}

impl Lie {
    /// Every lie.
    pub const ALL: [Self; 25] = [
        Self::SyncSkipped,
        Self::SnapshotSyncSkipped,
        Self::SyncDeferred,
        Self::WriteDeferred,
        Self::SnapshotsDeferred,
        Self::WriteSplit,
        Self::SyncRetried,
        Self::ShortWriteAccepted,
        Self::ShortWriteContinued,
        Self::InterruptionFatal,
        Self::OwnershipAssumed,
        Self::IdentityForgotten,
        Self::LockDropped,
        Self::DirectorySyncSkipped,
        Self::CreationUnsynced,
        Self::StartUnsynced,
        Self::CacheKept,
        Self::TruncationUnsynced,
        Self::CopyRemoved,
        Self::CopyUnsynced,
        Self::CopyDirectoryUnsynced,
        Self::CopyInPlace,
        Self::CopyLeft,
        Self::CreationResumed,
        Self::AncestorsUnsynced,
    ];
}

/// The state that the directories and files of one process share.
#[derive(Debug)]
struct Shared {
    lie: Option<Lie>,
    /// Calls that were reported as made.
    deferred: RefCell<Vec<Deferred>>,
    /// The status of each store after its last write.
    left: RefCell<BTreeMap<Mount, Stat>>,
}

#[derive(Debug)]
enum Deferred {
    Write(Rc<Handle>, Vec<u8>),
    Sync(Rc<Handle>),
}

impl Shared {
    fn tells(&self, lie: Lie) -> bool {
        self.lie == Some(lie)
    }

    /// Makes the deferred calls that precede the next call on `mount`.
    fn catch_up(&self, mount: Mount) -> io::Result<()> {
        let is_due = !self.tells(Lie::SnapshotsDeferred) || mount == Mount::Snapshots;
        if is_due { self.make_deferred() } else { Ok(()) }
    }

    fn make_deferred(&self) -> io::Result<()> {
        for call in self.deferred.take() {
            match call {
                Deferred::Write(file, bytes) => drop(file.write(&bytes)?),
                Deferred::Sync(file) => file.sync()?,
            }
        }
        Ok(())
    }

    fn defer(&self, call: Deferred) {
        self.deferred.borrow_mut().push(call);
    }

    fn report<T>(&self, result: io::Result<T>) -> io::Result<T> {
        result.map_err(|error| {
            let is_fatal = self.tells(Lie::InterruptionFatal);
            if is_fatal && error.kind() == io::ErrorKind::Interrupted {
                io::Error::other("a call was interrupted")
            } else {
                error
            }
        })
    }

    fn disguise(&self, stat: Stat, mount: Mount) -> Stat {
        match self.lie {
            Some(Lie::IdentityForgotten) => Stat { identity: (1, mount as u64), ..stat },
            Some(_) | None => stat,
        }
    }
}

/// A process that ends makes its deferred calls, unless the machine has stopped.
impl Drop for Shared {
    fn drop(&mut self) {
        let _ = self.make_deferred();
    }
}

/// One directory of a disk that tells a lie, or none.
#[derive(Debug)]
pub struct LyingDirectory {
    inner: Directory,
    mount: Mount,
    shared: Rc<Shared>,
    /// An entry was changed since the last sync.
    is_changed: Cell<bool>,
    /// A store was created since the last sync.
    has_new_store: Cell<bool>,
    /// A copy was made or opened since the last sync.
    has_copy: Cell<bool>,
}

/// The mode in which a file was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Access {
    Read,
    Append,
    Create,
}

/// The last change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    None,
    Write,
    Truncation,
}

/// An open file of a disk that tells a lie, or none.
#[derive(Debug)]
pub struct LyingFile {
    inner: Rc<Handle>,
    directory: Directory,
    mount: Mount,
    name: String,
    access: Access,
    last: Cell<Change>,
    shared: Rc<Shared>,
}

impl Disk {
    /// Both directories as one process sees them.
    pub fn lying(&self, lie: Option<Lie>) -> [LyingDirectory; 2] {
        let shared = Rc::new(Shared { lie, deferred: RefCell::default(), left: RefCell::default() });
        Mount::ALL.map(|mount| LyingDirectory {
            inner: self.directory(mount),
            mount,
            shared: Rc::clone(&shared),
            is_changed: Cell::default(),
            has_new_store: Cell::default(),
            has_copy: Cell::default(),
        })
    }
}

fn is_copy(name: &str) -> bool {
    name.contains(".torn-")
}

impl LyingDirectory {
    fn file(&self, inner: Handle, name: &str, access: Access) -> LyingFile {
        LyingFile {
            inner: Rc::new(inner),
            directory: self.inner.clone(),
            mount: self.mount,
            name: name.to_owned(),
            access,
            last: Cell::new(Change::None),
            shared: Rc::clone(&self.shared),
        }
    }

    fn tells(&self, lie: Lie) -> bool {
        self.shared.tells(lie)
    }

    fn catch_up(&self) -> io::Result<()> {
        self.shared.catch_up(self.mount)
    }

    /// The final name of the copy of which this is the temporary name.
    fn final_name(&self, temporary: &str) -> io::Result<String> {
        let first = temporary.trim_end_matches(".tmp");
        let (mut name, mut number) = (first.to_owned(), 2_u64);
        while self.inner.stat(&name)?.is_some() {
            name = format!("{first}.{number}");
            number += 1;
        }
        Ok(name)
    }
}

impl Medium for LyingDirectory {
    type File = LyingFile;

    fn path(&self, name: &str) -> PathBuf {
        self.inner.path(name)
    }

    fn stat(&self, name: &str) -> io::Result<Option<Stat>> {
        self.catch_up()?;
        if let Some(left) = self.shared.left.borrow().get(&self.mount).filter(|_| !is_copy(name)) {
            return Ok(Some(*left));
        }
        Ok(self.inner.stat(name)?.map(|stat| self.shared.disguise(stat, self.mount)))
    }

    fn open(&self, name: &str) -> io::Result<LyingFile> {
        self.catch_up()?;
        self.has_copy.set(self.has_copy.get() || is_copy(name));
        Ok(self.file(self.inner.open(name)?, name, Access::Read))
    }
}

impl WriteMedium for LyingDirectory {
    fn open_to_append(&self, name: &str) -> io::Result<LyingFile> {
        self.catch_up()?;
        Ok(self.file(self.inner.open_to_append(name)?, name, Access::Append))
    }

    fn create(&self, name: &str) -> io::Result<LyingFile> {
        self.catch_up()?;
        self.is_changed.set(true);
        self.has_new_store.set(self.has_new_store.get() || !is_copy(name));
        let name = if self.tells(Lie::CopyInPlace) && is_copy(name) {
            self.final_name(name)?
        } else {
            name.to_owned()
        };
        let created = match self.inner.create(&name) {
            Err(error)
                if error.kind() == io::ErrorKind::AlreadyExists && self.tells(Lie::CreationResumed) =>
            {
                self.inner.open_to_append(&name)?
            }
            created => created?,
        };
        if self.tells(Lie::CopyRemoved) && is_copy(&name) {
            self.inner.remove(&name)?;
        }
        Ok(self.file(created, &name, Access::Create))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.catch_up()?;
        self.is_changed.set(true);
        self.has_copy.set(true);
        if self.tells(Lie::CopyInPlace) || self.tells(Lie::CopyRemoved) {
            return Ok(());
        }
        self.inner.rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.catch_up()?;
        self.is_changed.set(true);
        if self.tells(Lie::CopyLeft) { Ok(()) } else { self.inner.remove(name) }
    }

    fn sync(&self) -> io::Result<()> {
        self.catch_up()?;
        let is_skipped = match self.shared.lie {
            Some(Lie::DirectorySyncSkipped) => true,
            Some(Lie::CreationUnsynced) => self.has_new_store.get(),
            Some(Lie::StartUnsynced) => !self.is_changed.get(),
            Some(Lie::CopyDirectoryUnsynced) => self.has_copy.get(),
            Some(_) | None => false,
        };
        let synced = if is_skipped { Ok(()) } else { self.inner.sync() };
        if synced.is_ok() {
            self.is_changed.set(false);
            self.has_new_store.set(false);
            self.has_copy.set(false);
        }
        self.shared.report(synced)
    }

    fn prove_writable(&self) -> io::Result<()> {
        self.catch_up()?;
        self.inner.prove_writable()
    }
}

impl LyingFile {
    fn tells(&self, lie: Lie) -> bool {
        self.shared.tells(lie)
    }

    fn catch_up(&self) -> io::Result<()> {
        self.shared.catch_up(self.mount)
    }

    fn is_store(&self) -> bool {
        !is_copy(&self.name)
    }

    /// The calls of this file are deferred when the last change is a write.
    fn is_deferred(&self) -> bool {
        let deferred = match self.shared.lie {
            Some(Lie::WriteDeferred) => Mount::Events,
            Some(Lie::SnapshotsDeferred) => Mount::Snapshots,
            Some(_) | None => return false,
        };
        self.is_store() && self.mount == deferred
    }

    fn write_as_told(&self, bytes: &[u8]) -> io::Result<usize> {
        let (first, second) = bytes.split_at(bytes.len() / 2);
        match self.shared.lie {
            Some(Lie::WriteSplit) if self.is_store() => {
                Ok(self.inner.write(first)? + self.inner.write(second)?)
            }
            Some(Lie::ShortWriteAccepted) if self.is_store() => self.inner.write(bytes).map(|_| bytes.len()),
            Some(Lie::ShortWriteContinued) if self.is_store() => {
                let written = self.inner.write(bytes)?;
                let rest = bytes.get(written..).unwrap_or_default();
                if rest.is_empty() { Ok(written) } else { Ok(written + self.inner.write(rest)?) }
            }
            Some(_) | None => self.inner.write(bytes),
        }
    }

    fn is_sync_skipped(&self) -> bool {
        let follows = |change| self.last.get() == change;
        match self.shared.lie {
            Some(Lie::SyncSkipped) => self.is_store() && follows(Change::Write),
            Some(Lie::SnapshotSyncSkipped) => {
                self.is_store() && follows(Change::Write) && self.mount == Mount::Snapshots
            }
            Some(Lie::CreationUnsynced) => {
                self.is_store() && self.access == Access::Create && follows(Change::None)
            }
            Some(Lie::StartUnsynced) => self.is_store() && self.access == Access::Read,
            Some(Lie::TruncationUnsynced) => follows(Change::Truncation),
            Some(Lie::CopyUnsynced) => !self.is_store(),
            Some(_) | None => false,
        }
    }
}

impl ReadAt for LyingFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.catch_up()?;
        self.shared.report(self.inner.read_at(buffer, offset))
    }
}

impl File for LyingFile {
    fn stat(&self) -> io::Result<Stat> {
        self.catch_up()?;
        Ok(self.shared.disguise(File::stat(&*self.inner)?, self.mount))
    }
}

impl SyncFile for LyingFile {
    fn sync(&self) -> io::Result<()> {
        let follows_write = self.last.get() == Change::Write;
        let is_events = self.is_store() && self.mount == Mount::Events;
        if follows_write && (self.is_deferred() || self.tells(Lie::SyncDeferred) && is_events) {
            self.shared.defer(Deferred::Sync(Rc::clone(&self.inner)));
            return Ok(());
        }
        self.catch_up()?;
        if self.is_sync_skipped() {
            return Ok(());
        }
        let synced = match self.inner.sync() {
            Err(_) if follows_write && self.tells(Lie::SyncRetried) => self.inner.sync(),
            synced => synced,
        };
        if synced.is_ok() && is_events && self.tells(Lie::SnapshotsDeferred) {
            self.shared.make_deferred()?;
        }
        self.shared.report(synced)
    }

    fn evict(&self, offset: u64) -> io::Result<()> {
        self.catch_up()?;
        if self.tells(Lie::CacheKept) { Ok(()) } else { self.inner.evict(offset) }
    }
}

impl WriteFile for LyingFile {
    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.catch_up()?;
        self.last.set(Change::Write);
        if self.is_deferred() {
            self.shared.defer(Deferred::Write(Rc::clone(&self.inner), bytes.to_vec()));
            return Ok(bytes.len());
        }
        let written = self.write_as_told(bytes);
        if self.tells(Lie::OwnershipAssumed) && self.is_store() {
            self.shared.left.borrow_mut().insert(self.mount, File::stat(&*self.inner)?);
        }
        self.shared.report(written)
    }

    fn truncate(&self, size: u64) -> io::Result<()> {
        self.catch_up()?;
        self.last.set(Change::Truncation);
        self.inner.truncate(size)
    }

    fn try_lock(&self) -> io::Result<bool> {
        self.catch_up()?;
        if self.tells(Lie::LockDropped) {
            // Another open file takes it, and is closed here.
            return self.directory.open(&self.name)?.try_lock();
        }
        self.inner.try_lock()
    }
}
