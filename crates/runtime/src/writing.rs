//! The operations of a writer on the stores: proves that they are writable, creates, locks and settles their files, and
//! opens them for appending. Readers use the stores of `dreichor-replay`, which has none of these operations.

use std::io;
use std::path::PathBuf;

use dreichor_log::{
    AppendError, Appender, File, Lock, Medium, SyncFile, WriteMedium, refusal, uninterrupted,
};
pub(crate) use dreichor_replay::durable::UNSYNCED_BYTES_MAX;
use dreichor_replay::{Error, Store, Stores};

use crate::snapshots::SnapshotStrategy;

/// The default of [`Commits::bytes_max`]. A commit exceeds its limit by one input at most, so it leaves no more than twice
/// as many bytes unsynced.
const COMMIT_BYTES_MAX: u64 = UNSYNCED_BYTES_MAX / 2;

/// The snapshot strategy and the limits of a writer's commits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Commits {
    /// When a snapshot is taken.
    pub strategy: SnapshotStrategy,
    /// A commit ends with the input that brings its events and snapshots to this many bytes or more. So a batch whose
    /// snapshots would fill the memory becomes several commits. The content of the stores does not depend on it.
    pub bytes_max: u64,
    /// A batch of this many bytes or more is computed on a second thread while the commit before it syncs. A smaller
    /// one is computed in less time than a thread takes to start. The content of the stores does not depend on it.
    pub beside_bytes_min: usize,
}

/// The limits of the program: commits of 16 MiB, and a second thread for batches of 64 KiB or more.
impl From<SnapshotStrategy> for Commits {
    fn from(strategy: SnapshotStrategy) -> Self {
        Self { strategy, bytes_max: COMMIT_BYTES_MAX, beside_bytes_min: 64 << 10 }
    }
}

/// Why a writer could not write to a store.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// A store cannot be used, is malformed, or is another file than before. Nothing was written.
    #[error(transparent)]
    Stores(#[from] Error),
    /// Another writer holds the lock.
    #[error(
        "{}: another writer holds the lock\nnothing was read or changed; next: wait for the other `dreichor ingest` or `dreichor snapshot`, or stop it (`fuser -v` on the file names it)",
        .path.display()
    )]
    Locked {
        /// The locked file.
        path: PathBuf,
    },
    /// A write or sync failed. Its bytes may or may not be on disk.
    #[error(
        "{}: {problem}: {source}\n{consequence}\nno operation was repeated; next: check the disk, start again, and send what was not acknowledged",
        .path.display()
    )]
    InDoubt {
        /// The file.
        path: PathBuf,
        /// The operation that failed.
        problem: String,
        /// The cause.
        source: Box<dyn std::error::Error + Send + Sync>,
        /// Which inputs are acknowledged, and what is in doubt.
        consequence: String,
    },
}

/// The locks of both stores, held until the process ends.
pub type Locks<M> = [Lock<<M as Medium>::File>; 2];

/// A writer's operations on both stores.
///
/// # Errors
///
/// Each method fails with [`WriteError::Stores`] if a store cannot be used, and with [`WriteError::InDoubt`] if a write
/// or sync failed; `lock` also with [`WriteError::Locked`].
pub trait WriteStores<M: WriteMedium> {
    /// Proves that both directories and the files in them are writable. Changes nothing.
    fn prove_writable(&self) -> Result<(), WriteError>;

    /// Creates the files that are missing.
    fn create_missing(&self) -> Result<(), WriteError>;

    /// Takes both locks. From then on, another file under a store's name is an error.
    fn lock(&self) -> Result<Locks<M>, WriteError>;

    /// Syncs what a killed writer left, and drops the end of both files from the page cache, so that the next read asks
    /// the medium.
    fn settle(&self) -> Result<(), WriteError>;

    /// Refuses files that group or others may write to.
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
        // A snapshot may be of any length, and replay reads only the last one: the whole file is dropped.
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

/// A writer's operations on one store.
pub(crate) trait WriteStore<M: WriteMedium> {
    fn prove_writable(&self) -> Result<(), WriteError>;

    fn create_missing(&self) -> Result<(), WriteError>;

    fn lock(&self) -> Result<Lock<M::File>, WriteError>;

    /// Syncs the file and drops its last `evicted_bytes` from the page cache.
    fn settle(&self, evicted_bytes: u64) -> Result<(), WriteError>;

    /// Opens the file, which must have this size, for appending.
    fn open_appender(&self, size: u64) -> Result<Appender<'_, M>, WriteError>;

    /// The error of a failed append; `consequence` says what is acknowledged and what is in doubt.
    fn not_appended(&self, error: AppendError, consequence: String) -> WriteError;

    /// The error of a failed write or sync before this process acknowledged anything.
    fn in_doubt(&self, problem: &str, error: impl std::error::Error + Send + Sync + 'static) -> WriteError;
}

impl<M: WriteMedium> WriteStore<M> for Store<M> {
    fn prove_writable(&self) -> Result<(), WriteError> {
        // The directory too, even if the file exists: recovery creates copies of tails in it.
        let mut proof = self.medium().prove_writable();
        if proof.is_ok() && self.stat()?.is_some() {
            proof = self.medium().open_to_append(self.file()).map(drop);
        }
        proof.map_err(|error| {
            let next = "make the directory and the file writable for this user; `dreichor replay` reads without writing";
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
                // Another writer created it first; the lock decides which of the two continues.
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
        settle().map_err(|error: io::Error| self.in_doubt("its content could not be synced", error))
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
                format!("this is no longer the writer's file: {problem}; {consequence}"),
                "find out which process changed the file, then start again; `dreichor replay` shows what it holds",
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
