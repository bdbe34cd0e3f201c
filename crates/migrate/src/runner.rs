//! Shows what a database has of the migrations, and applies what is pending.
//!
//! A runner holds an advisory lock of its session from before it reads the records until it ends. A second one is
//! refused at once instead of waiting: what it would find afterwards is not what its operator saw. The server frees
//! the lock when the session ends, however the runner ended.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::migrate::{AppliedMigration, Migrate, MigrateError, Migration, Migrator};
use sqlx::{ConnectOptions, Connection, PgConnection};

use crate::error::{Error, Outcome, line_of, shown, words_of};
use crate::status::{Entry, State, compare};
use crate::target::Target;

/// The time limit of a connection, with authentication.
const CONNECT_LIMIT: Duration = Duration::from_secs(3);

/// The time limit of locking and of reading the records. A migration has none.
const READ_LIMIT: Duration = Duration::from_secs(10);

/// The key of the advisory lock. Such a lock belongs to one database.
const LOCK: i64 = i64::from_be_bytes(*b"dreichor");

/// The table of sqlx. It is named with its schema, since a migration may change the search path.
const RECORDS: &str = "public._sqlx_migrations";

/// A step of a migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// It is sent to the server.
    Begins,
    /// It is committed, with its record.
    Applied,
}

/// Reads the migrations of `dir`.
///
/// # Errors
///
/// [`Error::Usage`] if the directory or one of its files cannot be read, or if a number cannot be parsed.
pub fn read(dir: &Path) -> Result<Migrator, Error> {
    let mut migrator = block_on(async {
        let fault = |error| Error::Usage(vec![format!("--dir {}: {}", dir.display(), causes(&error))]);
        Migrator::new(dir).await.map_err(fault)
    })?;
    migrator.set_locking(false);
    migrator.dangerous_set_table_name(RECORDS);
    Ok(migrator)
}

/// Compares the migrations with the records. Writes nothing, and works for a role that may only read.
pub fn status(target: &Target, migrator: &Migrator) -> Result<Vec<Entry>, Error> {
    block_on(async {
        let mut connection = connect(target).await?;
        let records = read_records(target, &mut connection).await?;
        hang_up(connection).await;
        Ok(compare(&forward(migrator), &records))
    })
}

/// Applies every pending migration in order, and calls `observe` before and after each. Returns their number.
pub fn apply(
    target: &Target,
    migrator: &Migrator,
    dir: &Path,
    mut observe: impl FnMut(&Entry, Step),
) -> Result<usize, Error> {
    block_on(async {
        let mut connection = connect(target).await?;
        lock(target, &mut connection).await?;
        let entries = compare(&forward(migrator), &read_records(target, &mut connection).await?);
        refuse_contradictions(target, &entries)?;
        let pending = entries.iter().filter(|entry| entry.state == State::Pending);
        let mut applied = 0;
        for entry in pending {
            observe(entry, Step::Begins);
            apply_one(&mut connection, migrator, entry.number, dir).await?;
            observe(entry, Step::Applied);
            applied += 1;
        }
        unlock(&mut connection).await;
        hang_up(connection).await;
        Ok(applied)
    })
}

/// Refuses if files and records contradict each other.
///
/// # Errors
///
/// [`Error::Contradiction`] names every contradiction.
pub fn refuse_contradictions(target: &Target, entries: &[Entry]) -> Result<(), Error> {
    let contradictions: Vec<String> = entries.iter().filter_map(Entry::contradiction).collect();
    if contradictions.is_empty() {
        return Ok(());
    }
    Err(Error::Contradiction { target: target.to_string(), contradictions })
}

fn block_on<T>(work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work)
}

/// The migrations that are applied; sqlx reads the way back (`.down.sql`), too.
fn forward(migrator: &Migrator) -> Vec<&Migration> {
    migrator.iter().filter(|migration| !migration.migration_type.is_down_migration()).collect()
}

async fn connect(target: &Target) -> Result<PgConnection, Error> {
    let next = "check the server, the URL and the role's rights";
    within(CONNECT_LIMIT, target.options().connect(), target, "cannot connect", next).await
}

async fn lock(target: &Target, connection: &mut PgConnection) -> Result<(), Error> {
    let locking = async {
        let question = "SELECT pg_catalog.pg_try_advisory_lock($1)";
        let is_ours: bool = sqlx::query_scalar(question).bind(LOCK).fetch_one(&mut *connection).await?;
        let holder = if is_ours { None } else { Some(find_holder(connection).await?) };
        Ok(holder)
    };
    match within(READ_LIMIT, locking, target, "cannot take the lock", "check the server").await? {
        None => Ok(()),
        Some(holder) => Err(Error::Busy { target: target.to_string(), holder }),
    }
}

/// Frees the lock now: the server ends a session a moment after its client, and a runner that starts at once would
/// still find the lock taken. If this fails, the end of the session frees it.
async fn unlock(connection: &mut PgConnection) {
    let freeing = sqlx::query("SELECT pg_catalog.pg_advisory_unlock($1)").bind(LOCK).execute(connection);
    let _ = tokio::time::timeout(READ_LIMIT, freeing).await;
}

/// The server's process that holds the lock. The catalog shows a key in two halves.
async fn find_holder(connection: &mut PgConnection) -> Result<Option<i32>, sqlx::Error> {
    let question = "SELECT pid FROM pg_catalog.pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1 \
         AND classid::bigint = ($1 >> 32) AND objid::bigint = ($1 & 4294967295) \
         AND database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())";
    sqlx::query_scalar(question).bind(LOCK).fetch_optional(connection).await
}

/// Reads the records; none if there is no table of them.
async fn read_records(
    target: &Target,
    connection: &mut PgConnection,
) -> Result<Vec<AppliedMigration>, Error> {
    let reading = async {
        let question = "SELECT pg_catalog.to_regclass($1) IS NOT NULL";
        let is_there: bool = sqlx::query_scalar(question).bind(RECORDS).fetch_one(&mut *connection).await?;
        if !is_there {
            return Ok(Vec::new());
        }
        connection.list_applied_migrations(RECORDS).await.map_err(of_library)
    };
    let next = "the role needs SELECT on public._sqlx_migrations";
    within(READ_LIMIT, reading, target, "cannot read the records of applied migrations", next).await
}

async fn apply_one(
    connection: &mut PgConnection,
    migrator: &Migrator,
    number: i64,
    dir: &Path,
) -> Result<(), Error> {
    let Some(migration) = migrator.iter().find(|migration| migration.version == number) else {
        unreachable!("a pending migration {number} has a file")
    };
    let failed = |error: &sqlx::Error, outcome| Error::Migration {
        path: file_of(dir, number),
        line: line_of(error, migration.sql.as_str()),
        words: words_of(error),
        outcome,
    };
    clean_session(connection).await.map_err(|error| failed(&error, Outcome::RolledBack))?;
    let undone = if migration.no_tx { Outcome::WithoutTransaction } else { Outcome::RolledBack };
    match migrator.run_to(number, &mut *connection).await {
        Ok(()) => Ok(()),
        Err(MigrateError::ExecuteMigration(error, _)) => Err(failed(&error, undone)),
        // sqlx failed before the commit, at it, or after it, when it records the duration. The records tell which.
        Err(error) => match connection.list_applied_migrations(RECORDS).await {
            Ok(records) if records.iter().any(|record| record.version == number) => Ok(()),
            Ok(_) => Err(failed(&of_library(error), undone)),
            Err(_) => Err(failed(&of_library(error), Outcome::InDoubt)),
        },
    }
}

/// Resets the session, so that no setting, role, prepared statement or temporary table of one migration reaches the
/// next. A timeout that only the role or the database sets does not end a migration.
async fn clean_session(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    connection.clear_cached_statements().await?;
    let reset = "CLOSE ALL; SET SESSION AUTHORIZATION DEFAULT; RESET ALL; DEALLOCATE ALL; DISCARD TEMP; \
         DISCARD SEQUENCES; UNLISTEN *; \
         SELECT pg_catalog.set_config(name, '0', false) FROM pg_catalog.pg_settings \
         WHERE name = 'statement_timeout' AND source <> 'client'";
    sqlx::raw_sql(reset).execute(&mut *connection).await?;
    // From version 14 on, the server notices within a second that a killed runner is gone, and frees its lock.
    let notice = "SET client_connection_check_interval = '1s'";
    let _ = sqlx::raw_sql(notice).execute(connection).await;
    Ok(())
}

/// The error that the library wraps.
fn of_library(error: MigrateError) -> sqlx::Error {
    if let MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) = error {
        return error;
    }
    sqlx::Error::Protocol(error.to_string())
}

/// The file of a migration: the name that sqlx read its number from.
fn file_of(dir: &Path, number: i64) -> PathBuf {
    let is_it = |path: &PathBuf| {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        let number_of = |name: String| name.split_once('_')?.0.parse::<i64>().ok();
        name.and_then(number_of) == Some(number)
    };
    let mut paths = std::fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path());
    paths.find(is_it).unwrap_or_else(|| dir.to_owned())
}

/// Ends the session. It ends in any case, so a failure changes nothing.
async fn hang_up(connection: PgConnection) {
    let _ = tokio::time::timeout(CONNECT_LIMIT, connection.close()).await;
}

async fn within<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, sqlx::Error>>,
    target: &Target,
    operation: &'static str,
    next: &'static str,
) -> Result<T, Error> {
    let words = match tokio::time::timeout(limit, work).await {
        Ok(Ok(done)) => return Ok(done),
        Ok(Err(error)) => words_of(&error),
        Err(_) => format!("no answer within {} seconds", limit.as_secs()),
    };
    Err(Error::Database { target: target.to_string(), operation, words, next })
}

/// An error with its causes.
fn causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| (*cause).source());
    let words: Vec<String> = causes.map(ToString::to_string).collect();
    shown(&words.join(": "))
}
