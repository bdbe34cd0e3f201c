//! What only a writer does to the stores: it proves, creates, locks and settles their files, and appends.
//! Readers know the stores as `dreichor-replay` has them, which can do none of this.

use std::io;
use std::path::PathBuf;

use dreichor_log::{
    AppendError, Appender, File, Lock, Medium, WriteFile, WriteMedium, refusal, uninterrupted,
};
use dreichor_replay::{Error, Store, Stores};

use crate::snapshots::SnapshotStrategy;

/// A commit ends with the input that makes it this long.
const COMMIT_BYTES_MAX: u64 = 16 << 20;

/// How much of a store's end may be what a last, unsynced commit left: more than the largest, which passes its
/// limit by one input at most. A writer reads it from the medium itself.
pub(crate) const UNSYNCED_BYTES_MAX: u64 = 2 * COMMIT_BYTES_MAX;

/// The snapshots that a writer takes, and the bounds of its commits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Commits {
    /// Which snapshots it takes.
    pub strategy: SnapshotStrategy,
    /// A commit ends with the input that makes it this long, in bytes of events and snapshots: a batch whose snapshots
    /// would fill the memory becomes several commits. What the stores hold in the end does not depend on it.
    pub bytes_max: u64,
    /// A batch of so many bytes or more is computed while the commit before it syncs; a smaller one is computed before
    /// a thread has started. What the stores hold in the end does not depend on it.
    pub beside_bytes_min: usize,
}

/// Commits of 16 MiB.
impl From<SnapshotStrategy> for Commits {
    fn from(strategy: SnapshotStrategy) -> Self {
        Self { strategy, bytes_max: COMMIT_BYTES_MAX, beside_bytes_min: 64 << 10 }
    }
}

/// Why a store was not written to.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// A store cannot be used, is malformed, or is no longer the one that it was. Nothing was written.
    #[error(transparent)]
    Stores(#[from] Error),
    /// Another process writes.
    #[error(
        "{}: another writer holds the lock\nnothing was read or changed; next: wait for the other `dreichor ingest` or `dreichor snapshot`, or stop it (`fuser -v` on the file names it)",
        .path.display()
    )]
    Locked {
        /// The file whose lock it holds.
        path: PathBuf,
    },
    /// A write or sync failed: what was to be written may or may not be on disk.
    #[error(
        "{}: {problem}: {source}\n{consequence}\nnothing was tried again; next: see to the disk, start again, and send what was not acknowledged",
        .path.display()
    )]
    InDoubt {
        /// The file.
        path: PathBuf,
        /// What failed.
        problem: String,
        /// The error behind it.
        source: Box<dyn std::error::Error + Send + Sync>,
        /// What was acknowledged before, and what is in doubt.
        consequence: String,
    },
}

/// The locks of a writer, held for life.
pub type Locks<M> = [Lock<<M as Medium>::File>; 2];

/// Both stores, for a writer.
pub trait WriteStores<M: WriteMedium> {
    /// Proves that the mounts can be written to, changing nothing.
    fn prove_writable(&self) -> Result<(), WriteError>;

    /// Creates the files that are missing.
    fn create_missing(&self) -> Result<(), WriteError>;

    /// Takes both locks. From then on, no other file is taken for a store.
    fn lock(&self) -> Result<Locks<M>, WriteError>;

    /// Makes what a killed predecessor left durable, and has the next read ask the medium itself.
    fn settle(&self) -> Result<(), WriteError>;

    /// Refuses files that others could write to.
    fn refuse_loose_permissions(&self) -> Result<(), WriteError>;
}

impl<M: WriteMedium> WriteStores<M> for Stores<M> {
    fn prove_writable(&self) -> Result<(), WriteError> {
        self.events.prove_writable()?;
        self.snapshots.prove_writable()
    }

    fn create_missing(&self) -> Result<(), WriteError> {
        self.events.create_missing()?;
        self.snapshots.create_missing()
    }

    fn lock(&self) -> Result<Locks<M>, WriteError> {
        Ok([self.events.lock()?, self.snapshots.lock()?])
    }

    fn settle(&self) -> Result<(), WriteError> {
        self.events.settle(UNSYNCED_BYTES_MAX)?;
        // A snapshot is as long as the ledger is large, and replay reads no more than the last one: all goes.
        self.snapshots.settle(u64::MAX)
    }

    fn refuse_loose_permissions(&self) -> Result<(), WriteError> {
        self.each(|store| match store.stat()?.map(|stat| refusal::check_mode(&stat)) {
            Some(Err(refusal)) => Err(store.refused(refusal)),
            Some(Ok(())) | None => Ok(()),
        })?;
        Ok(())
    }
}

/// One store, for a writer.
pub(crate) trait WriteStore<M: WriteMedium> {
    fn prove_writable(&self) -> Result<(), WriteError>;

    fn create_missing(&self) -> Result<(), WriteError>;

    fn lock(&self) -> Result<Lock<M::File>, WriteError>;

    /// Syncs the file, and drops its end from the cache.
    fn settle(&self, evicted_bytes: u64) -> Result<(), WriteError>;

    /// Opens the file, which must have this size, for appending.
    fn open_appender(&self, size: u64) -> Result<Appender<'_, M>, WriteError>;

    /// The error of an append; `consequence` says what was acknowledged and what is in doubt.
    fn not_appended(&self, error: AppendError, consequence: String) -> WriteError;

    /// The error of a write or sync before this process acknowledged anything.
    fn in_doubt(&self, problem: &str, error: impl std::error::Error + Send + Sync + 'static) -> WriteError;
}

impl<M: WriteMedium> WriteStore<M> for Store<M> {
    fn prove_writable(&self) -> Result<(), WriteError> {
        // The mount too, where the file is there: recovery keeps what it cuts off beside it.
        let mut proof = self.medium().prove_writable();
        if proof.is_ok() && self.stat()?.is_some() {
            proof = self.medium().open_to_append(self.file()).map(drop);
        }
        proof.map_err(|error| {
            let next = "make mount and file writable for this user; `dreichor replay` reads without writing";
            Error::unavailable(self.path(), "not writable", next).because(error).into()
        })
    }

    fn create_missing(&self) -> Result<(), WriteError> {
        if self.stat()?.is_some() {
            return Ok(());
        }
        let create = || {
            match self.medium().create(self.file()) {
                Ok(file) => uninterrupted(|| file.sync())?,
                // Another writer was quicker; the lock decides between us.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
                Err(error) => return Err(error),
            }
            sync_mount(self)
        };
        create().map_err(|error| self.in_doubt("it could not be created", error))?;
        tracing::info!(file = %self.path().display(), "created");
        Ok(())
    }

    fn lock(&self) -> Result<Lock<M::File>, WriteError> {
        let lock = Lock::take(self.medium(), self.file()).map_err(|error| self.cannot("be locked", error))?;
        let lock = lock.ok_or_else(|| WriteError::Locked { path: self.path() })?;
        self.pin(lock.identity())?;
        Ok(lock)
    }

    fn settle(&self, evicted_bytes: u64) -> Result<(), WriteError> {
        let settle = || {
            let file = self.medium().open(self.file())?;
            uninterrupted(|| file.sync())?;
            sync_mount(self)?;
            file.evict(file.stat()?.size.saturating_sub(evicted_bytes))
        };
        settle().map_err(|error: io::Error| self.in_doubt("what is in it could not be synced", error))
    }

    fn open_appender(&self, size: u64) -> Result<Appender<'_, M>, WriteError> {
        let stat =
            self.stat()?.ok_or_else(|| Error::unavailable(self.path(), "it vanished", "start again"))?;
        Appender::open(self.medium(), self.file(), stat.identity, size)
            .map_err(|error| self.not_appended(error, "this process acknowledged nothing".into()))
    }

    fn not_appended(&self, error: AppendError, consequence: String) -> WriteError {
        match error {
            AppendError::NotOurs(problem) => Error::unavailable(
                self.path(),
                format!("the file is no longer ours: {problem}; {consequence}"),
                "find out what touched the file, then start again: `dreichor replay` says what it holds",
            )
            .into(),
            AppendError::InDoubt { operation, error } => {
                let problem = format!("{operation} failed");
                WriteError::InDoubt { path: self.path(), problem, source: error.into(), consequence }
            }
            AppendError::Poisoned => unreachable!("a session ends with its first failed append"),
        }
    }

    fn in_doubt(&self, problem: &str, error: impl std::error::Error + Send + Sync + 'static) -> WriteError {
        WriteError::InDoubt {
            path: self.path(),
            problem: problem.into(),
            source: Box::new(error),
            consequence: "this process acknowledged nothing".into(),
        }
    }
}

fn sync_mount<M: WriteMedium>(store: &Store<M>) -> io::Result<()> {
    uninterrupted(|| store.medium().sync())
}
