//! Why migrations could not be shown or applied, and what to do next.

use std::fmt::Write as _;
use std::path::PathBuf;

use sqlx::postgres::{PgDatabaseError, PgErrorPosition};

/// Why migrations could not be shown or applied.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The URL or the directory is wrong; every fault is named. No server was contacted.
    #[error("{}\nno database was contacted; next: fix it, see `dreichor migrate --help`", shown(&.0.join("\n")))]
    Usage(Vec<String>),
    /// The database cannot be reached, or refuses what every run needs.
    #[error("{target}: {operation}: {words}\nnothing was changed; next: {next}")]
    Database {
        /// The database.
        target: String,
        /// The operation that failed.
        operation: &'static str,
        /// The words of the server or of the system.
        words: String,
        /// The next step.
        next: &'static str,
    },
    /// Another runner holds the lock.
    #[error(
        "{target}: another migration runner holds the lock{}\nnothing was changed; next: wait until it ends, then `dreichor migrate status`. The server frees the lock of a runner that was killed",
        .holder.map(|process| format!(" (process {process} of the server)")).unwrap_or_default()
    )]
    Busy {
        /// The database.
        target: String,
        /// The server's process that holds the lock, if the server shows it.
        holder: Option<i32>,
    },
    /// Files and records contradict each other.
    #[error(
        "{target}: the files and the records contradict each other:\n  {}\nnothing was changed; next: fix the directory, then `dreichor migrate status`",
        shown(&.contradictions.join("\n  "))
    )]
    Contradiction {
        /// The database.
        target: String,
        /// Each contradiction, with what to do about it.
        contradictions: Vec<String>,
    },
    /// A migration failed.
    #[error(
        "{}{}: {words}\n{outcome}; the migrations before it stay applied\nnext: {}",
        shown(&.path.to_string_lossy()), .line.map(|line| format!(":{line}")).unwrap_or_default(), .outcome.advice()
    )]
    Migration {
        /// Its file.
        path: PathBuf,
        /// The line that the server's position is in, from 1, if the server gave one.
        line: Option<usize>,
        /// The words of the server or of the system.
        words: String,
        /// The state of the migration.
        outcome: Outcome,
    },
    /// The runtime could not start.
    #[error("internal error, please report it: {0}")]
    Internal(#[from] std::io::Error),
}

/// The state of a migration that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Outcome {
    /// Its transaction was rolled back.
    #[error("no part of this migration is applied")]
    RolledBack,
    /// The connection was lost when its transaction was committed.
    #[error("this migration is applied completely or not at all")]
    InDoubt,
    /// It ran without a transaction.
    #[error(
        "this migration runs without a transaction: its statement may have taken effect without a record"
    )]
    WithoutTransaction,
}

impl Outcome {
    const fn advice(self) -> &'static str {
        match self {
            Self::RolledBack => "fix the file or its cause, then `dreichor migrate apply`",
            Self::InDoubt => "`dreichor migrate status` shows which",
            Self::WithoutTransaction => {
                "check the database, undo the effect of the statement, fix the file, then `dreichor migrate apply`"
            }
        }
    }
}

/// `text` as a terminal may show it: control and direction characters are escaped, line ends are kept.
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

/// The server's error, if the server answered.
fn of_server(error: &sqlx::Error) -> Option<&PgDatabaseError> {
    error.as_database_error()?.try_downcast_ref()
}

/// The line of `script`, from 1, that the server's position is in, if it gave one.
pub(crate) fn line_of(error: &sqlx::Error, script: &str) -> Option<usize> {
    match of_server(error)?.position()? {
        // In characters, from 1.
        PgErrorPosition::Original(position) => {
            Some(1 + script.chars().take(position.saturating_sub(1)).filter(|&letter| letter == '\n').count())
        }
        // A position in a query that the server made by itself.
        PgErrorPosition::Internal { .. } => None,
    }
}

/// All words of the server, or those of the system.
pub(crate) fn words_of(error: &sqlx::Error) -> String {
    let Some(answer) = of_server(error) else {
        return shown(&error.to_string());
    };
    let mut words = format!("{} (SQLSTATE {})", answer.message(), answer.code());
    for (what, text) in [("detail", answer.detail()), ("hint", answer.hint()), ("where", answer.r#where())] {
        if let Some(text) = text {
            // Writing to a String cannot fail.
            let _ = write!(words, "\n  {what}: {}", text.replace('\n', "\n    "));
        }
    }
    shown(&words)
}
