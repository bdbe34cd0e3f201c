//! The error of every operation that reads the stores.

use std::error::Error as StdError;
use std::fmt;
use std::path::{Path, PathBuf};

use dreichor_core::Fault;
use dreichor_core::fault::Rule;

/// Why the stores cannot be read.
#[derive(Debug)]
pub enum Error {
    /// A directory or file cannot be used, or is another one than before.
    Unavailable {
        /// The directory or file.
        path: PathBuf,
        /// The problem, without the cause.
        problem: String,
        /// The cause, if there is one.
        source: Option<Box<dyn StdError + Send + Sync>>,
        /// The consequence for the data; empty if there is none.
        consequence: &'static str,
        /// The next step.
        next: String,
    },
    /// A file breaks a rule of its format. Nothing was changed.
    Malformed {
        /// The file.
        path: PathBuf,
        /// The number of the line, from 1.
        line: u64,
        /// The offset of the line's start in the file, in bytes.
        offset: u64,
        /// The broken rule.
        fault: Box<Fault>,
    },
}

impl Error {
    /// Creates the error of a directory or file that cannot be used; `next` says what to do.
    pub fn unavailable(path: impl AsRef<Path>, problem: impl fmt::Display, next: impl Into<String>) -> Self {
        Self::Unavailable {
            path: path.as_ref().to_owned(),
            problem: problem.to_string(),
            source: None,
            consequence: "",
            next: next.into(),
        }
    }

    /// Adds the cause.
    #[must_use]
    pub fn because(mut self, cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        if let Self::Unavailable { source, .. } = &mut self {
            *source = Some(cause.into());
        }
        self
    }

    /// Adds that no file was changed, for an error before a writer's first change. (The message about a malformed file
    /// says it anyway.)
    #[must_use]
    pub fn before_any_change(mut self) -> Self {
        if let Self::Unavailable { consequence, .. } = &mut self {
            *consequence = "; no file was changed";
        }
        self
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Unavailable { source, .. } => source.as_deref().map(|source| source as &dyn StdError),
            Self::Malformed { fault, .. } => Some(&**fault),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unavailable { path, problem, source, consequence, next } => {
                write!(f, "{}: {problem}", shown(path))?;
                if let Some(source) = source {
                    write!(f, ": {source}")?;
                }
                write!(f, "{consequence}\nnext: {next}")
            }
            Self::Malformed { path, line, offset, fault } => {
                write!(
                    f,
                    "{}: line {line} at byte {} (the line starts at byte {offset}) breaks the contract: {fault}\nno file was changed; next: ",
                    shown(path),
                    offset + fault.offset as u64,
                )?;
                // The stores may be the wrong ones; then salvaging would keep too little.
                if fault.rule == Rule::SnapshotAhead {
                    f.write_str(
                        "the log ends before the events of this snapshot: it was removed, or replaced by an older copy or another log. Check both directories first. If they belong together, ",
                    )?;
                } else if fault.rule == Rule::SnapshotRoot {
                    f.write_str(
                        "the snapshot does not belong to this log: the two directories may be of different logs. Check both directories first. If they belong together, ",
                    )?;
                }
                f.write_str(
                    "copy both directories to a safe place; then `dreichor salvage --out DIR` copies the sound part to a new directory, from which a writer can start; `dreichor events` prints the log up to the fault",
                )
            }
        }
    }
}

/// A path as a terminal may show it.
fn shown(path: &Path) -> String {
    dreichor_core::fault::escaped(&path.to_string_lossy())
}
