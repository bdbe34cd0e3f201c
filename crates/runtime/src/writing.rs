//! What only a writer does to the stores: it proves, creates, locks and settles their files, and appends.
//! Readers know the stores as `dreichor-replay` has them, which can do none of this.

use std::io;

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

/// Which snapshots a writer takes, and when its commits end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Commits {
    /// Which snapshots it takes.
    pub strategy: SnapshotStrategy,
    /// A commit ends with the input that makes it this long, in bytes of events and snapshots: a batch whose snapshots
    /// would fill the memory becomes several commits. What the stores hold in the end does not depend on it.
    pub bytes_max: u64,
}

/// Commits of 16 MiB.
impl From<SnapshotStrategy> for Commits {
    fn from(strategy: SnapshotStrategy) -> Self {
        Self { strategy, bytes_max: COMMIT_BYTES_MAX }
    }
}

/// The locks of a writer, held for life.
pub type Locks<M> = [Lock<<M as Medium>::File>; 2];

/// Both stores, for a writer.
pub trait WriteStores<M: WriteMedium> {
    /// Proves that the mounts can be written to, changing nothing.
    fn prove_writable(&self) -> Result<(), Error>;

    /// Creates whichever file is missing.
    fn create_missing(&self) -> Result<(), Error>;

    /// Takes both locks. From then on, no other file is taken for a store.
    fn lock(&self) -> Result<Locks<M>, Error>;

    /// Makes what a killed predecessor left durable, and has the next read ask the medium itself.
    fn settle(&self) -> Result<(), Error>;

    /// Refuses files that others could write to.
    fn refuse_loose_permissions(&self) -> Result<(), Error>;
}

impl<M: WriteMedium> WriteStores<M> for Stores<M> {
    fn prove_writable(&self) -> Result<(), Error> {
        self.each(WriteStore::prove_writable)
    }

    fn create_missing(&self) -> Result<(), Error> {
        self.each(WriteStore::create_missing)
    }

    fn lock(&self) -> Result<Locks<M>, Error> {
        Ok([self.events.lock()?, self.snapshots.lock()?])
    }

    fn settle(&self) -> Result<(), Error> {
        self.events.settle(UNSYNCED_BYTES_MAX)?;
        // A snapshot is as long as the ledger is large, and replay reads no more than the last one: all goes.
        self.snapshots.settle(u64::MAX)
    }

    fn refuse_loose_permissions(&self) -> Result<(), Error> {
        self.each(|store| match store.stat()?.map(|stat| refusal::check_mode(&stat)) {
            Some(Err(refusal)) => Err(store.refused(refusal)),
            Some(Ok(())) | None => Ok(()),
        })
    }
}

/// One store, for a writer.
pub(crate) trait WriteStore<M: WriteMedium> {
    fn prove_writable(&self) -> Result<(), Error>;

    fn create_missing(&self) -> Result<(), Error>;

    fn lock(&self) -> Result<Lock<M::File>, Error>;

    /// Syncs what stands in the file, and drops its end from the cache.
    fn settle(&self, evicted_bytes: u64) -> Result<(), Error>;

    /// Opens the file, which must have this size, for appending.
    fn open_appender(&self, size: u64) -> Result<Appender<'_, M>, Error>;

    /// The error of an append; `consequence` says what was acknowledged and what is in doubt.
    fn not_appended(&self, error: AppendError, consequence: String) -> Error;

    /// The error of a write or sync before anything was taken in by this process.
    fn in_doubt(&self, what: &str, error: &dyn std::error::Error) -> Error;
}

impl<M: WriteMedium> WriteStore<M> for Store<M> {
    fn prove_writable(&self) -> Result<(), Error> {
        // The mount too, where the file is there: recovery keeps what it cuts off beside it.
        let mut proof = self.medium().prove_writable();
        if proof.is_ok() && self.stat()?.is_some() {
            proof = self.medium().open_to_append(self.file()).map(drop);
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
            match self.medium().create(self.file()) {
                Ok(file) => uninterrupted(|| file.sync())?,
                // Another writer was quicker; the lock decides between us.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
                Err(error) => return Err(error),
            }
            sync_mount(self)
        };
        create().map_err(|error| self.in_doubt("it could not be created", &error))?;
        tracing::info!(file = %self.path().display(), "created");
        Ok(())
    }

    fn lock(&self) -> Result<Lock<M::File>, Error> {
        let lock =
            Lock::take(self.medium(), self.file()).map_err(|error| self.cannot("be locked", &error))?;
        let lock = lock.ok_or_else(|| Error::Locked { path: self.path() })?;
        self.pin(lock.identity())?;
        Ok(lock)
    }

    fn settle(&self, evicted_bytes: u64) -> Result<(), Error> {
        let settle = || {
            let file = self.medium().open(self.file())?;
            uninterrupted(|| file.sync())?;
            sync_mount(self)?;
            file.evict(file.stat()?.size.saturating_sub(evicted_bytes))
        };
        settle().map_err(|error| self.in_doubt("what stands in it could not be synced", &error))
    }

    fn open_appender(&self, size: u64) -> Result<Appender<'_, M>, Error> {
        let stat =
            self.stat()?.ok_or_else(|| Error::unavailable(self.path(), "it vanished", "start again"))?;
        Appender::open(self.medium(), self.file(), stat.identity, size)
            .map_err(|error| self.not_appended(error, "this process acknowledged nothing".into()))
    }

    fn not_appended(&self, error: AppendError, consequence: String) -> Error {
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

    fn in_doubt(&self, what: &str, error: &dyn std::error::Error) -> Error {
        Error::InDoubt {
            path: self.path(),
            problem: format!("{what}: {error}"),
            consequence: "this process acknowledged nothing".into(),
        }
    }
}

fn sync_mount<M: WriteMedium>(store: &Store<M>) -> io::Result<()> {
    uninterrupted(|| store.medium().sync())
}
