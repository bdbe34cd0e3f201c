//! The two stores, and the checks of their files that precede every read.

use std::io;
use std::path::Path;
use std::sync::OnceLock;

use dreichor_core::Fault;
use dreichor_core::event::line_too_long;
use dreichor_log::directory::OpenError;
use dreichor_log::last::{count_lines, line_start};
use dreichor_log::{Directory, File, Line, Medium, ReadError, Refusal, Stat, refusal};

use crate::directories::{Directories, quoted};
use crate::error::Error;

/// The name of the audit log's file.
pub const EVENTS_FILE: &str = "audit_events.ndjson";
/// The name of the snapshots' file.
pub const SNAPSHOTS_FILE: &str = "snapshots.ndjson";

/// One store: a file in its directory.
#[derive(Debug)]
pub struct Store<M> {
    medium: M,
    file: &'static str,
    /// Device and inode of the file that the store was pinned to. From then on another file is an error.
    pinned: OnceLock<(u64, u64)>,
}

/// An opened file of a store, as it was at one moment.
#[derive(Debug)]
pub struct Opened<F> {
    /// The file.
    pub file: F,
    /// Its properties.
    pub stat: Stat,
    /// Where its last whole line ends, LF included, in bytes.
    pub end: u64,
}

/// How often a file that became shorter while it was looked at is looked at again: a writer that starts truncates the
/// unterminated tail.
const TRUNCATIONS_MAX: usize = 2;

/// Both stores.
#[derive(Debug)]
pub struct Stores<M> {
    /// The audit log.
    pub events: Store<M>,
    /// The snapshots.
    pub snapshots: Store<M>,
}

impl<M> Stores<M> {
    /// Creates the stores of these directories. Reads nothing.
    pub fn new(events: M, snapshots: M) -> Self {
        Self {
            events: Store { medium: events, file: EVENTS_FILE, pinned: OnceLock::new() },
            snapshots: Store { medium: snapshots, file: SNAPSHOTS_FILE, pinned: OnceLock::new() },
        }
    }
}

impl<M> Stores<M> {
    /// The same stores, in another view of their directories.
    pub fn map<N>(self, map: impl Fn(M) -> N) -> Stores<N> {
        let store =
            |store: Store<M>| Store { medium: map(store.medium), file: store.file, pinned: store.pinned };
        Stores { events: store(self.events), snapshots: store(self.snapshots) }
    }
}

impl Stores<Directory> {
    /// Opens both directories, which must exist.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] with the directory.
    pub fn open(directories: &Directories) -> Result<Self, Error> {
        let open = |path: &Path| open_directory(path, directories);
        Ok(Self::new(open(&directories.audit_events)?, open(&directories.snapshots)?))
    }

    /// Opens both directories for a reader, which only warns of files that a writer would refuse.
    ///
    /// # Errors
    ///
    /// As of [`Stores::open`]; or a file cannot be examined, or cannot be a store.
    pub fn open_to_read(directories: &Directories) -> Result<Self, Error> {
        let stores = Self::open(directories)?;
        stores.warn_of_loose_permissions()?;
        Ok(stores)
    }

    /// Logs a warning for each directory and each file that group or others may write to.
    ///
    /// # Errors
    ///
    /// A directory or file cannot be examined, or a file cannot be a store.
    pub fn warn_of_loose_permissions(&self) -> Result<(), Error> {
        self.each(|store| {
            if let Err(refusal) = refusal::check_directory_mode(store.directory_mode()?) {
                let directory = store.medium.directory().display();
                tracing::warn!(%directory, "{refusal}: a writer would refuse it");
            }
            if let Some(Err(refusal)) = store.stat()?.map(|stat| refusal::check_mode(&stat)) {
                tracing::warn!(file = %store.path().display(), "{refusal}: a writer would refuse it");
            }
            store.warn_of_shared_directory()
        })
    }

    /// Refuses directories that everyone may write to, and warns of those that their group may write to.
    ///
    /// # Errors
    ///
    /// A directory cannot be examined, or is refused.
    pub fn refuse_open_directories(&self) -> Result<(), Error> {
        self.each(|store| {
            let checked = refusal::check_directory_mode(store.directory_mode()?);
            checked.map_err(|refusal| store.refused(refusal))?;
            store.warn_of_shared_directory()
        })
    }
}

impl Store<Directory> {
    fn directory_mode(&self) -> Result<u32, Error> {
        let directory = self.medium.directory();
        let next = "check its permissions and its disk";
        let mode = self.medium.mode();
        mode.map_err(|error| {
            Error::unavailable(directory, "the directory cannot be examined", next).because(error)
        })
    }

    /// Logs a warning if others than the owner may create files here, and a writer accepts it.
    fn warn_of_shared_directory(&self) -> Result<(), Error> {
        let mode = self.directory_mode()?;
        if mode & 0o022 != 0 && refusal::check_directory_mode(mode).is_ok() {
            let directory = self.medium.directory().display();
            tracing::warn!(%directory, "others than its owner may write to this directory (mode {mode:04o})");
        }
        Ok(())
    }
}

fn open_directory(path: &Path, directories: &Directories) -> Result<Directory, Error> {
    Directory::open(path).map_err(|error| match error {
        OpenError::Missing => {
            Error::unavailable(path, "the directory is missing", directories.advice_for_missing())
        }
        OpenError::NotADirectory => {
            let next = "name the directory of the stores by --data-dir, or move this file away";
            Error::unavailable(path, "it is not a directory", next)
        }
        OpenError::Refused(error) => {
            Error::unavailable(path, "the directory cannot be opened", "check its permissions").because(error)
        }
    })
}

impl<M: Medium> Stores<M> {
    /// Calls `act` with both stores, the log first.
    ///
    /// # Errors
    ///
    /// The first error of `act`.
    pub fn each(&self, act: impl Fn(&Store<M>) -> Result<(), Error>) -> Result<(), Error> {
        act(&self.events)?;
        act(&self.snapshots)
    }
}

impl<M: Medium> Store<M> {
    /// The store's directory.
    pub fn medium(&self) -> &M {
        &self.medium
    }

    /// The file's name in the directory.
    pub fn file(&self) -> &'static str {
        self.file
    }

    /// The file's path, for messages.
    pub fn path(&self) -> std::path::PathBuf {
        self.medium.path(self.file)
    }

    /// Examines the file; none if it is missing, which is an empty store.
    ///
    /// # Errors
    ///
    /// The file cannot be examined, cannot be a store, or is not the pinned one.
    pub fn stat(&self) -> Result<Option<Stat>, Error> {
        // Read first: another thread may pin the store to a file that appears after it was examined here.
        let was_pinned = self.pinned.get().is_some();
        let stat = self.medium.stat(self.file).map_err(|error| self.cannot("be examined", error))?;
        if stat.is_none() && was_pinned {
            return Err(Error::unavailable(
                self.path(),
                "it vanished after this process had opened it",
                "find out what removed it, then start again",
            ));
        }
        stat.map(|stat| self.check(stat)).transpose()
    }

    /// Checks that the file can be a store and is the pinned one.
    fn check(&self, stat: Stat) -> Result<Stat, Error> {
        refusal::check_kind(&stat).map_err(|refusal| self.refused(refusal))?;
        match self.pinned.get() {
            Some(pinned) if *pinned != stat.identity => Err(self.replaced()),
            Some(_) | None => Ok(stat),
        }
    }

    /// Pins the store to the file with this identity: from now on another file is an error.
    ///
    /// # Errors
    ///
    /// The store is pinned to another file, or the file has been removed or replaced already.
    pub fn pin(&self, identity: (u64, u64)) -> Result<(), Error> {
        if *self.pinned.get_or_init(|| identity) != identity {
            return Err(self.replaced());
        }
        // Another file may have taken the name just before.
        self.stat().map(drop)
    }

    fn replaced(&self) -> Error {
        Error::unavailable(
            self.path(),
            "it was replaced by another file after this process had opened it",
            "find out which process changed the file, then start again; `dreichor replay` shows what it holds",
        )
    }

    /// Opens the file for reading and examines it; none if it is missing.
    ///
    /// # Errors
    ///
    /// The file cannot be opened, cannot be a store, or is not the pinned one.
    pub fn open(&self) -> Result<Option<(M::File, Stat)>, Error> {
        if self.stat()?.is_none() {
            return Ok(None);
        }
        let cannot = |error: io::Error| self.cannot("be read", error);
        let file = self.medium.open(self.file).map_err(cannot)?;
        let stat = file.stat().map_err(cannot)?;
        Ok(Some((file, self.check(stat)?)))
    }

    /// Opens the file for reading and finds the end of its last whole line; none if it is missing. A tail that a writer
    /// truncates meanwhile is no error.
    ///
    /// # Errors
    ///
    /// As of [`Store::open`]; or the file cannot be read.
    pub fn look(&self) -> Result<Option<Opened<M::File>>, Error> {
        let mut truncations = 0;
        loop {
            let Some((file, stat)) = self.open()? else { return Ok(None) };
            match line_start(&file, stat.size) {
                Ok(end) => return Ok(Some(Opened { file, stat, end })),
                Err(ReadError::Shrank { .. }) if truncations < TRUNCATIONS_MAX => truncations += 1,
                Err(error) => return Err(self.unreadable(error, 0)),
            }
        }
    }

    /// Creates the error of an operation on the file that the system refused.
    pub fn cannot(&self, act: &str, error: io::Error) -> Error {
        Error::unavailable(self.path(), format!("it cannot {act}"), "check its permissions and its disk")
            .because(error)
    }

    /// Creates the error of a file that cannot be a store.
    pub fn refused(&self, refusal: Refusal) -> Error {
        let next = match refusal {
            Refusal::Kind(_) => "put the file of the store there, or name the directory that holds it",
            Refusal::Links(_) => "remove the other names, or copy the file",
            Refusal::Writable(_) => "check who could have written to the file, then `chmod go-w` it",
            Refusal::OpenDirectory(_) => {
                let path = self.path();
                let directory = path.parent().unwrap_or(&path);
                let next = format!(
                    "check who could have replaced the files in it, then `chmod o-w {}`",
                    quoted(directory)
                );
                return Error::unavailable(directory, refusal, next);
            }
        };
        Error::unavailable(self.path(), refusal, next)
    }

    /// Creates the error of a line that breaks a rule.
    pub fn malformed(&self, line: Line<'_>, fault: Box<Fault>) -> Error {
        Error::Malformed { path: self.path(), line: line.number, offset: line.offset, fault }
    }

    /// Creates the error of the line that starts at `offset` and breaks a rule. Counts the lines before it.
    pub fn malformed_at(&self, file: &M::File, offset: u64, fault: Box<Fault>) -> Error {
        match count_lines(file, 0, offset) {
            Ok(before) => Error::Malformed { path: self.path(), line: before + 1, offset, fault },
            Err(error) => self.unreadable(error, 0),
        }
    }

    /// Creates the error of a file that cannot be read further after `lines` lines.
    pub fn unreadable(&self, error: ReadError, lines: u64) -> Error {
        match error {
            ReadError::Refused { offset, error } => {
                let problem = format!("it cannot be read at byte {offset}");
                Error::unavailable(self.path(), problem, "check its permissions and its disk").because(error)
            }
            ReadError::Shrank { .. } => Error::unavailable(
                self.path(),
                error,
                "first find out which other process writes to the file",
            ),
            ReadError::TooLong { offset, length } => Error::Malformed {
                path: self.path(),
                line: lines + 1,
                offset,
                fault: line_too_long(usize::try_from(length).unwrap_or(usize::MAX)),
            },
        }
    }
}
