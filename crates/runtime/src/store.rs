//! The two stores, and what is checked of their files before anything of them is read.

use std::cell::OnceCell;
use std::io;
use std::path::Path;

use dreichor_core::Fault;
use dreichor_core::event::line_too_long;
use dreichor_log::directory::OpenError;
use dreichor_log::{
    Access, AppendError, Appender, Directory, File, Line, Lock, Medium, ReadError, Refusal, Stat, refusal,
    uninterrupted,
};

use crate::config::Config;
use crate::error::Error;

/// The audit log's file.
pub const EVENTS_FILE: &str = "audit_events.ndjson";
/// The snapshots' file.
pub const SNAPSHOTS_FILE: &str = "snapshots.ndjson";

/// A commit ends with the input that makes it this long, in bytes of events and snapshots: a batch whose
/// snapshots would fill the memory becomes several commits.
pub const COMMIT_BYTES_MAX: u64 = 16 << 20;

/// How much of the log's end a writer reads from the medium itself: more than the largest commit, which
/// passes its limit by one input at most.
pub(crate) const EVICTED_BYTES: u64 = 2 * COMMIT_BYTES_MAX;

/// One store: a file in its mount.
#[derive(Debug)]
pub struct Store<M> {
    medium: M,
    file: &'static str,
    /// Device and inode of the file whose lock we hold: from then on, no other file is taken for it.
    locked: OnceCell<(u64, u64)>,
}

/// Both stores.
#[derive(Debug)]
pub struct Stores<M> {
    /// The audit log.
    pub events: Store<M>,
    /// The snapshots.
    pub snapshots: Store<M>,
}

/// The locks of a writer, held for life.
pub type Locks<M> = [Lock<<M as Medium>::File>; 2];

impl<M> Stores<M> {
    /// The stores in these mounts.
    pub fn new(events: M, snapshots: M) -> Self {
        Self {
            events: Store { medium: events, file: EVENTS_FILE, locked: OnceCell::new() },
            snapshots: Store { medium: snapshots, file: SNAPSHOTS_FILE, locked: OnceCell::new() },
        }
    }
}

impl Stores<Directory> {
    /// The stores in the configured mounts, which must be there.
    pub fn open(config: &Config) -> Result<Self, Error> {
        Ok(Self::new(open_mount(&config.audit_events_dir)?, open_mount(&config.snapshots_dir)?))
    }
}

fn open_mount(path: &Path) -> Result<Directory, Error> {
    let init = "`dreichor init` creates the mounts; or name others by --data-dir";
    Directory::open(path).map_err(|error| match error {
        OpenError::Missing => Error::unavailable(path, "the mount is missing", init),
        OpenError::NotADirectory => Error::unavailable(
            path,
            "the mount is not a directory",
            format!("move what is there away; {init}"),
        ),
        OpenError::Refused(error) => {
            Error::unavailable(path, format!("the mount cannot be opened: {error}"), "see to its permissions")
        }
    })
}

impl<M: Medium> Stores<M> {
    /// Proves that the mounts can be written to, changing nothing.
    pub fn prove_writable(&self) -> Result<(), Error> {
        self.each(Store::prove_writable)
    }

    /// Creates whichever file is missing.
    pub fn create_missing(&self) -> Result<(), Error> {
        self.each(Store::create_missing)
    }

    /// Takes both locks.
    pub fn lock(&self) -> Result<Locks<M>, Error> {
        Ok([self.events.lock()?, self.snapshots.lock()?])
    }

    /// Makes what a killed predecessor left durable, and has the next read ask the medium itself.
    pub fn settle(&self) -> Result<(), Error> {
        self.events.settle(EVICTED_BYTES)?;
        // A snapshot is as long as the ledger is large, and replay reads no more than the last one: all goes.
        self.snapshots.settle(u64::MAX)
    }

    /// Refuses files that others could write to.
    pub fn refuse_loose_permissions(&self) -> Result<(), Error> {
        self.each(|store| match store.stat()?.map(|stat| refusal::check_mode(&stat)) {
            Some(Err(refusal)) => Err(store.refused(refusal)),
            Some(Ok(())) | None => Ok(()),
        })
    }

    /// Says which files others could write to.
    pub fn warn_of_loose_permissions(&self) -> Result<(), Error> {
        self.each(|store| {
            if let Some(Err(refusal)) = store.stat()?.map(|stat| refusal::check_mode(&stat)) {
                tracing::warn!(file = %store.path().display(), "{refusal}: a writer would refuse it");
            }
            Ok(())
        })
    }

    fn each(&self, act: impl Fn(&Store<M>) -> Result<(), Error>) -> Result<(), Error> {
        act(&self.events)?;
        act(&self.snapshots)
    }
}

impl<M: Medium> Store<M> {
    /// The mount.
    pub fn medium(&self) -> &M {
        &self.medium
    }

    /// The file's name in its mount.
    pub fn file(&self) -> &'static str {
        self.file
    }

    /// The file's path, for messages.
    pub fn path(&self) -> std::path::PathBuf {
        self.medium.path(self.file)
    }

    /// What the file is; none if it is missing, which is an empty store. A file that can be no store is
    /// refused.
    pub fn stat(&self) -> Result<Option<Stat>, Error> {
        let stat = self.medium.stat(self.file).map_err(|error| self.cannot("be examined", &error))?;
        stat.map(|stat| self.check(stat)).transpose()
    }

    /// Refuses a file that can be no store, or is not the one that we locked.
    fn check(&self, stat: Stat) -> Result<Stat, Error> {
        refusal::check_kind(&stat).map_err(|refusal| self.refused(refusal))?;
        match self.locked.get() {
            Some(locked) if *locked != stat.identity => Err(Error::unavailable(
                self.path(),
                "another file took its place since its lock was taken",
                "find out what touched the file, then start again: `dreichor replay` says what it holds",
            )),
            Some(_) | None => Ok(stat),
        }
    }

    /// The file opened for reading, with its size now; none if it is missing.
    pub fn open(&self) -> Result<Option<(M::File, Stat)>, Error> {
        if self.stat()?.is_none() {
            return Ok(None);
        }
        let cannot = |error: io::Error| self.cannot("be read", &error);
        let file = self.medium.open(self.file, Access::Read).map_err(cannot)?;
        let stat = file.stat().map_err(cannot)?;
        Ok(Some((file, self.check(stat)?)))
    }

    fn prove_writable(&self) -> Result<(), Error> {
        // The mount too, where the file is there: recovery keeps what it cuts off beside it.
        let mut proof = self.medium.prove_writable();
        if proof.is_ok() && self.stat()?.is_some() {
            proof = self.medium.open(self.file, Access::Append).map(drop);
        }
        proof.map_err(|error| {
            Error::unavailable(
                self.path(),
                format!("not writable: {error}"),
                "make mount and file writable for this user; `dreichor replay` reads without writing",
            )
        })
    }

    fn create_missing(&self) -> Result<(), Error> {
        if self.stat()?.is_some() {
            return Ok(());
        }
        let create = || {
            match self.medium.create(self.file) {
                Ok(file) => uninterrupted(|| file.sync())?,
                // Another writer was quicker; the lock decides between us.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
                Err(error) => return Err(error),
            }
            uninterrupted(|| self.medium.sync())
        };
        create().map_err(|error| self.in_doubt("it could not be created", &error))?;
        tracing::info!(file = %self.path().display(), "created");
        Ok(())
    }

    fn lock(&self) -> Result<Lock<M::File>, Error> {
        let lock = Lock::take(&self.medium, self.file).map_err(|error| self.cannot("be locked", &error))?;
        let lock = lock.ok_or_else(|| Error::Locked { path: self.path() })?;
        let locked = self.locked.get_or_init(|| lock.identity());
        if *locked != lock.identity() {
            return Err(Error::Internal("a store is locked twice".into()));
        }
        // The name may have passed to another file just before.
        self.stat()?;
        Ok(lock)
    }

    fn settle(&self, evicted_bytes: u64) -> Result<(), Error> {
        let settle = || {
            let file = self.medium.open(self.file, Access::Read)?;
            uninterrupted(|| file.sync())?;
            uninterrupted(|| self.medium.sync())?;
            file.evict(file.stat()?.size.saturating_sub(evicted_bytes))
        };
        settle().map_err(|error| self.in_doubt("what stands in it could not be synced", &error))
    }

    /// The error of a file that could not be read, examined, locked.
    pub(crate) fn cannot(&self, act: &str, error: &dyn std::error::Error) -> Error {
        Error::unavailable(
            self.path(),
            format!("it cannot {act}: {error}"),
            "see to its permissions and its disk",
        )
    }

    /// The error of a write or sync before anything was taken in by this process.
    pub(crate) fn in_doubt(&self, what: &str, error: &dyn std::error::Error) -> Error {
        Error::InDoubt {
            path: self.path(),
            problem: format!("{what}: {error}"),
            consequence: "this process acknowledged nothing".into(),
        }
    }

    fn refused(&self, refusal: Refusal) -> Error {
        let next = match refusal {
            Refusal::Kind(_) => "put the store's own file there, or name the mount where it is",
            Refusal::Links(_) => "remove the other names, or copy the file",
            Refusal::Writable(_) => "`chmod go-w` the file, after a look at who could have written to it",
        };
        Error::unavailable(self.path(), refusal, next)
    }

    /// Opens the file, which must have this size, for appending.
    pub(crate) fn open_appender(&self, size: u64) -> Result<Appender<'_, M>, Error> {
        let stat =
            self.stat()?.ok_or_else(|| Error::unavailable(self.path(), "it vanished", "start again"))?;
        Appender::open(&self.medium, self.file, stat.identity, size)
            .map_err(|error| self.not_appended(error, "this process acknowledged nothing".into()))
    }

    /// The error of an append; `consequence` says what was acknowledged and what is in doubt.
    pub(crate) fn not_appended(&self, error: AppendError, consequence: String) -> Error {
        match error {
            AppendError::NotOurs(problem) => Error::unavailable(
                self.path(),
                format!("the file is no longer ours: {problem}; {consequence}"),
                "find out what touched the file, then start again: `dreichor replay` says what it holds",
            ),
            AppendError::InDoubt { .. } | AppendError::Poisoned => {
                Error::InDoubt { path: self.path(), problem: error.to_string(), consequence }
            }
        }
    }

    /// The error of a line that breaks a rule.
    pub fn malformed(&self, line: Line<'_>, fault: Box<Fault>) -> Error {
        Error::Malformed { path: self.path(), line: line.number, offset: line.offset, fault }
    }

    /// The error of a file that cannot be read to the end.
    pub fn unreadable(&self, error: &ReadError) -> Error {
        match error {
            ReadError::Refused { .. } => self.cannot("be read", error),
            ReadError::Shrank { .. } => Error::unavailable(
                self.path(),
                error,
                "find out what else writes to the file, before anything else",
            ),
            ReadError::TooLong { number, offset, length } => Error::Malformed {
                path: self.path(),
                line: *number,
                offset: *offset,
                fault: line_too_long(usize::try_from(*length).unwrap_or(usize::MAX)),
            },
        }
    }
}
