//! Every way to fail, with its exit code, where it happened and what to do next.

use std::fmt;
use std::path::{Path, PathBuf};

use dreichor_core::Fault;
use dreichor_core::fault::Rule;

/// Why a command could not do what it was asked.
#[derive(Debug)]
pub enum Error {
    /// Flags or variables are wrong; every fault is named.
    Configuration(Vec<String>),
    /// A mount or file cannot be used, or is no longer ours. Nothing was written.
    Unavailable {
        /// The mount or file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
        /// What to do next.
        next: String,
    },
    /// Another process writes.
    Locked {
        /// The file whose lock it holds.
        path: PathBuf,
    },
    /// A file breaks its contract. Nothing was changed.
    Malformed {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// Where the line starts in the file, in bytes.
        offset: u64,
        /// The broken rule.
        fault: Box<Fault>,
    },
    /// A write or sync failed: what was to be written may or may not be on disk.
    InDoubt {
        /// The file.
        path: PathBuf,
        /// What failed, and how.
        problem: String,
        /// What was acknowledged before, and what is in doubt.
        consequence: String,
    },
    /// A copy could not be made; what it was to be of is as it was.
    Copy {
        /// The file or directory of the copy.
        path: PathBuf,
        /// What failed, and how.
        problem: String,
    },
    /// The input could not be read to its end.
    Input {
        /// What went wrong.
        problem: String,
    },
    /// An acknowledgement could not be delivered.
    Acknowledgement {
        /// What went wrong.
        problem: String,
    },
    /// An input breaks a rule. Nothing of it was recorded; everything before it was.
    Rejected {
        /// The input's line, from 1.
        line: u64,
        /// Where the line starts in the input, in bytes.
        offset: u64,
        /// Whether an LF ended the line.
        is_terminated: bool,
        /// The broken rule.
        fault: Box<Fault>,
    },
    /// The database cannot be reached.
    Database {
        /// What went wrong; without the password.
        problem: String,
    },
    /// A bug.
    Internal(String),
}

impl Error {
    /// The process's exit code.
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Internal(_) => 1,
            Self::Configuration(_) => 2,
            Self::Unavailable { .. } => 10,
            Self::Locked { .. } => 11,
            Self::Malformed { .. } => 12,
            Self::InDoubt { .. } | Self::Copy { .. } => 13,
            Self::Input { .. } | Self::Acknowledgement { .. } => 14,
            Self::Rejected { .. } => 20,
            Self::Database { .. } => 30,
        }
    }

    /// The error of a mount or file that cannot be used; `next` says what to do.
    pub fn unavailable(path: impl AsRef<Path>, problem: impl fmt::Display, next: impl Into<String>) -> Self {
        Self::Unavailable { path: path.as_ref().to_owned(), problem: problem.to_string(), next: next.into() }
    }

    /// The same error, met before a writer changed anything, which it then says.
    #[must_use]
    pub fn before_any_change(self) -> Self {
        match self {
            Self::Unavailable { path, problem, next } => {
                Self::Unavailable { path, problem: format!("{problem}; no file was changed"), next }
            }
            // These say already what was changed and what was not.
            Self::Configuration(_)
            | Self::Locked { .. }
            | Self::Malformed { .. }
            | Self::InDoubt { .. }
            | Self::Copy { .. }
            | Self::Input { .. }
            | Self::Acknowledgement { .. }
            | Self::Rejected { .. }
            | Self::Database { .. }
            | Self::Internal(_) => self,
        }
    }
}

impl std::error::Error for Error {}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Configuration(faults) => {
                write!(
                    f,
                    "the configuration has {} fault{}:",
                    faults.len(),
                    if faults.len() == 1 { "" } else { "s" }
                )?;
                faults.iter().try_for_each(|fault| write!(f, "\n  {fault}"))?;
                write!(f, "\nnothing was changed; next: mend them all, see `dreichor help`")
            }
            Self::Unavailable { path, problem, next } => {
                write!(f, "{}: {problem}\nnext: {next}", path.display())
            }
            Self::Locked { path } => write!(
                f,
                "{}: another writer holds the lock\nnothing was read or changed; next: wait for the other `dreichor ingest` or `dreichor snapshot`, or stop it (`fuser -v` on the file names it)",
                path.display()
            ),
            Self::Malformed { path, line, offset, fault } => {
                write!(
                    f,
                    "{}: line {line} at byte {} (the line starts at byte {offset}) breaks the contract: {fault}\nno file was changed; next: ",
                    path.display(),
                    offset + fault.offset as u64,
                )?;
                if fault.rule == Rule::SnapshotAhead {
                    // What is wrong may be where we look, and then salvaging would keep too little.
                    f.write_str("see whether the log is the one that these snapshots were taken of: a wrong mount, or an older copy, has fewer events. If it is, ")?;
                }
                f.write_str("copy both mounts to a safe place before anything else; then `dreichor salvage --out DIR` copies what is sound to a new directory, from which a writer can start, and `dreichor events` prints the log as far as it is sound")
            }
            Self::InDoubt { path, problem, consequence } => write!(
                f,
                "{}: {problem}\n{consequence}\nnothing was tried again; next: see to the disk, start again, and send what was not acknowledged",
                path.display()
            ),
            Self::Copy { path, problem } => write!(
                f,
                "{}: {problem}\nthe copy is not whole, and the originals are as they were; next: remove the copy, see to its disk, and name a new directory",
                path.display()
            ),
            Self::Input { problem } => write!(
                f,
                "the input could not be read to its end: {problem}\nwhat was acknowledged is recorded; next: mend the input and send it again: what is recorded is not recorded twice"
            ),
            Self::Acknowledgement { problem } => write!(
                f,
                "an acknowledgement could not be delivered: {problem}\nthe batch in hand is recorded; next: send again what was not acknowledged: what is recorded is not recorded twice"
            ),
            Self::Rejected { line, offset, is_terminated, fault } => {
                write!(
                    f,
                    "input line {line} at byte {} (the line starts at byte {offset}) is rejected: {fault}",
                    offset + fault.offset as u64
                )?;
                if !is_terminated {
                    write!(f, "; the input ended without LF behind this line")?;
                }
                write!(
                    f,
                    "\nnothing of it was recorded, everything before it is; next: mend the line and send the input again: what is recorded is not recorded twice"
                )
            }
            Self::Database { problem } => write!(
                f,
                "the database cannot be reached: {problem}\nnothing was changed; next: mend it, or unset --database-url, for the database is not used in this phase"
            ),
            Self::Internal(problem) => write!(f, "internal error, please report it: {problem}"),
        }
    }
}
