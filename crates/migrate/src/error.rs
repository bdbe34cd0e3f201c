//! Every way to fail, with its exit code, where it happened and what to do next.

use std::fmt::{self, Write as _};
use std::path::PathBuf;

use sqlx::migrate::MigrateError;
use sqlx::postgres::{PgDatabaseError, PgErrorPosition};

/// Why migrations could not be looked at or applied.
#[derive(Debug)]
pub enum Error {
    /// Flags, the directory or its files are wrong; every fault is named. No server was asked.
    Configuration(Vec<String>),
    /// The database cannot be reached, or does not do what every run needs.
    Database {
        /// User, host, port and database.
        target: String,
        /// What was to be done.
        doing: &'static str,
        /// The server's words, or the system's.
        words: String,
        /// What to do next.
        next: String,
    },
    /// Another runner is at work.
    Busy {
        /// User, host, port and database.
        target: String,
        /// The server's process that holds the lock.
        holder: Option<i32>,
    },
    /// Files and records contradict each other: each contradiction, with what to do about it.
    Contradiction {
        /// User, host, port and database.
        target: String,
        /// All of them.
        contradictions: Vec<String>,
    },
    /// A migration failed. Nothing of it stays; those before it do.
    Migration {
        /// Its file.
        path: PathBuf,
        /// How far it came.
        place: Place,
        /// The server's words, or the system's.
        words: String,
        /// How many were applied before it by this run.
        applied: usize,
    },
    /// The connection was lost when a migration was to be made durable.
    InDoubt {
        /// Its file.
        path: PathBuf,
        /// The system's words.
        words: String,
    },
    /// A bug, or a system that is out of means.
    Internal(String),
}

/// Where a migration failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Its transaction could not begin, or its record could not be written.
    Begin,
    /// A line of its file: the one that the server means, or else that where the failed statement begins.
    Line(usize),
    /// What is checked only when the transaction ends: deferred constraints.
    End,
}

impl Error {
    /// The process's exit code.
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Internal(_) => 1,
            Self::Configuration(_) => 2,
            Self::Database { .. }
            | Self::Busy { .. }
            | Self::Contradiction { .. }
            | Self::Migration { .. }
            | Self::InDoubt { .. } => 30,
        }
    }
}

impl std::error::Error for Error {}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Configuration(faults) => {
                let s = if faults.len() == 1 { "" } else { "s" };
                write!(f, "{} fault{s} in what was given:", faults.len())?;
                faults.iter().try_for_each(|fault| write!(f, "\n  {fault}"))?;
                write!(f, "\nno database was asked; next: mend them all, see `dreichor migrate --help`")
            }
            Self::Database { target, doing, words, next } => {
                write!(f, "{}: {doing}: {words}\nnothing was changed; next: {next}", shown(target))
            }
            Self::Busy { target, holder } => {
                write!(f, "{}: another migration runner is at work", shown(target))?;
                if let Some(process) = holder {
                    write!(f, " (process {process} of the server holds its lock)")?;
                }
                write!(
                    f,
                    "\nnothing was changed; next: let it end, then see `dreichor migrate status`; the server ends the lock of a runner that was killed"
                )
            }
            Self::Contradiction { target, contradictions } => {
                write!(f, "{}: the directory and what is recorded contradict each other:", shown(target))?;
                contradictions.iter().try_for_each(|what| write!(f, "\n  {}", shown(what)))?;
                write!(f, "\nnothing was changed; next: mend the directory, then `dreichor migrate status`")
            }
            Self::Migration { path, place, words, applied } => {
                write!(f, "{}", shown(&path.to_string_lossy()))?;
                match place {
                    Place::Begin => write!(f, ": before its first statement: ")?,
                    Place::Line(line) => write!(f, ":{line}: ")?,
                    Place::End => write!(f, ": behind its last statement, when all of it was to be kept: ")?,
                }
                let before = match applied {
                    0 => "no migration was applied by this run".into(),
                    1 => "the migration before it stays applied".into(),
                    many => format!("the {many} migrations before it stay applied"),
                };
                write!(
                    f,
                    "{words}\nnothing of this migration stays; {before}\nnext: mend the file (or what it stumbled on), then `dreichor migrate apply` goes on with it"
                )
            }
            Self::InDoubt { path, words } => write!(
                f,
                "{}: the connection was lost at the end of the migration: {words}\nit is applied whole or not at all; next: `dreichor migrate status` says which",
                shown(&path.to_string_lossy())
            ),
            Self::Internal(problem) => write!(f, "internal error, please report it: {problem}"),
        }
    }
}

/// `text` as it may be shown on a terminal: control and direction characters escaped, but for line ends.
pub(crate) fn shown(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' => out.push('\n'),
            '\t' => out.push(' '),
            other => dreichor_core::fault::push_escaped(&mut out, other),
        }
    }
    out
}

/// What the library reports.
#[derive(Debug)]
pub(crate) struct Failure(sqlx::Error);

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        Self(error)
    }
}

impl From<MigrateError> for Failure {
    fn from(error: MigrateError) -> Self {
        if let MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) = error {
            return Self(error);
        }
        Self(sqlx::Error::Protocol(error.to_string()))
    }
}

impl Failure {
    fn of_server(&self) -> Option<&PgDatabaseError> {
        self.0.as_database_error()?.try_downcast_ref()
    }

    /// Whether the server answered; else the connection is lost.
    pub(crate) fn is_answer(&self) -> bool {
        self.of_server().is_some()
    }

    /// Where in the statement, in characters from 1.
    pub(crate) fn position(&self) -> Option<usize> {
        match self.of_server()?.position()? {
            PgErrorPosition::Original(position) => Some(position),
            // In a query that the server made by itself.
            PgErrorPosition::Internal { .. } => None,
        }
    }

    /// The server's words, all of them; or the system's.
    pub(crate) fn words(&self) -> String {
        let Some(error) = self.of_server() else {
            if let sqlx::Error::Io(error) = &self.0 {
                return shown(&error.to_string());
            }
            return shown(&self.0.to_string());
        };
        let mut words = format!("{} (SQLSTATE {})", error.message(), error.code());
        for (what, text) in [("detail", error.detail()), ("hint", error.hint()), ("where", error.r#where())] {
            if let Some(text) = text {
                // Writing to a String cannot fail.
                let _ = write!(words, "\n  {what}: {}", text.replace('\n', "\n    "));
            }
        }
        shown(&words)
    }
}
