//! Looks at a database, and applies what is pending.
//!
//! A runner holds an advisory lock of its session from before it reads the records until it is done. A second one
//! is refused at once: whatever it would wait for, the records it then finds are others than its operator saw.
//! The server frees the lock at the latest when the session ends, however the runner ended.

use std::time::Duration;

use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection};

use crate::comparison::{Entry, State, compare};
use crate::error::{Error, Failure, Place};
use crate::folder::Migration;
use crate::records;
use crate::script::Statement;
use crate::target::Target;

/// How long it may take to connect, with all that the server asks before it lets us in.
const CONNECT_LIMIT: Duration = Duration::from_secs(3);

/// How long reading and locking may take. Migrations themselves may take as long as they need.
const READ_LIMIT: Duration = Duration::from_secs(10);

/// The key of the advisory lock; such locks are of one database.
const LOCK: i64 = i64::from_be_bytes(*b"dreichor");

/// All migrations, and how they stand. Writes nothing, and works for a role that may only read.
pub fn status(target: &Target, migrations: &[Migration]) -> Result<Vec<Entry>, Error> {
    block_on(async {
        let mut connection = connect(target).await?;
        let recorded = read(target, &mut connection).await?;
        hang_up(connection).await;
        Ok(compare(migrations, &recorded))
    })
}

/// Applies every pending migration, in order; `watch` is told of each before and after. How many they were.
pub fn apply(target: &Target, migrations: &[Migration], watch: &mut impl Watch) -> Result<usize, Error> {
    block_on(async {
        let mut connection = connect(target).await?;
        lock(target, &mut connection).await?;
        let result = apply_pending(target, &mut connection, migrations, watch).await;
        unlock(&mut connection).await;
        hang_up(connection).await;
        result
    })
}

async fn apply_pending(
    target: &Target,
    connection: &mut PgConnection,
    migrations: &[Migration],
    watch: &mut impl Watch,
) -> Result<usize, Error> {
    let entries = compare(migrations, &read(target, connection).await?);
    refuse_contradictions(target, &entries)?;
    let is_pending = |migration: &&Migration| {
        let of_this = |entry: &&Entry| entry.number == migration.number();
        entries.iter().find(of_this).is_some_and(|entry| entry.state == State::Pending)
    };
    let pending: Vec<&Migration> = migrations.iter().filter(is_pending).collect();
    if !pending.is_empty() {
        create_records(target, connection).await?;
    }
    for (applied, migration) in pending.iter().enumerate() {
        watch.begins(migration);
        apply_one(connection, migration, applied).await?;
        watch.applied(migration);
    }
    Ok(pending.len())
}

/// Refuses if a file and a record contradict each other, naming all that do.
pub fn refuse_contradictions(target: &Target, entries: &[Entry]) -> Result<(), Error> {
    let contradictions: Vec<String> = entries.iter().filter_map(Entry::contradiction).collect();
    if contradictions.is_empty() {
        return Ok(());
    }
    Err(Error::Contradiction { target: target.to_string(), contradictions })
}

/// Who is told what a run does.
pub trait Watch {
    /// A migration begins.
    fn begins(&mut self, migration: &Migration);
    /// A migration is applied, durably.
    fn applied(&mut self, migration: &Migration);
}

fn block_on<T>(work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| Error::Internal(format!("no event loop: {error}")))?.block_on(work)
}

async fn connect(target: &Target) -> Result<PgConnection, Error> {
    let options = target.options();
    let connecting = async { options.connect().await.map_err(Failure::from) };
    let next =
        "see to the server, the URL and the role's rights; `run` and `ingest` use no database in this phase";
    within(CONNECT_LIMIT, connecting).await.map_err(|words| database(target, "cannot connect", words, next))
}

async fn lock(target: &Target, connection: &mut PgConnection) -> Result<(), Error> {
    let question = "SELECT pg_catalog.pg_try_advisory_lock($1)";
    let locking = async {
        let is_ours: bool = sqlx::query_scalar(question).bind(LOCK).fetch_one(&mut *connection).await?;
        let holder = if is_ours { None } else { Some(holder_of_lock(connection).await?) };
        Ok(holder)
    };
    let next = "see to the server; then again";
    match within(READ_LIMIT, locking).await {
        Ok(None) => Ok(()),
        Ok(Some(holder)) => Err(Error::Busy { target: target.to_string(), holder }),
        Err(words) => Err(database(target, "the lock cannot be asked for", words, next)),
    }
}

/// Frees the lock now: the server ends a session a moment after its client, and who tries again at once would find
/// it at work. Where this fails, the session's end frees it.
async fn unlock(connection: &mut PgConnection) {
    let freeing = async {
        sqlx::query("SELECT pg_catalog.pg_advisory_unlock($1)").bind(LOCK).execute(connection).await?;
        Ok(())
    };
    let _ = within(READ_LIMIT, freeing).await;
}

/// The catalog shows a key in two halves.
async fn holder_of_lock(connection: &mut PgConnection) -> Result<Option<i32>, Failure> {
    let question = "SELECT pid FROM pg_catalog.pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1 \
         AND classid::bigint = ($1 >> 32) AND objid::bigint = ($1 & 4294967295) \
         AND database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())";
    Ok(sqlx::query_scalar(question).bind(LOCK).fetch_optional(connection).await?)
}

async fn read(target: &Target, connection: &mut PgConnection) -> Result<Vec<records::Record>, Error> {
    let next = "the role needs USAGE on the schema dreichor and SELECT on dreichor.migrations";
    within(READ_LIMIT, records::read(connection))
        .await
        .map_err(|words| database(target, "the records of applied migrations cannot be read", words, next))
}

async fn create_records(target: &Target, connection: &mut PgConnection) -> Result<(), Error> {
    let next = "apply by the role that owns the database, or let it create the schema dreichor for this one";
    within(READ_LIMIT, records::create_missing(connection)).await.map_err(|words| {
        database(
            target,
            "the table of applied migrations, dreichor.migrations, cannot be created",
            words,
            next,
        )
    })
}

/// Statements and record in one transaction. The record comes first: no statement can change who writes it, and a
/// number that is taken is found before any work.
async fn apply_one(
    connection: &mut PgConnection,
    migration: &Migration,
    applied: usize,
) -> Result<(), Error> {
    let failed = |place: Place| {
        move |failure: Failure| Error::Migration {
            path: migration.path.clone(),
            place,
            words: failure.words(),
            applied,
        }
    };
    forget_settings(connection).await.map_err(failed(Place::Begin))?;
    notice_our_death(connection).await;
    let mut transaction = connection.begin().await.map_err(Failure::from).map_err(failed(Place::Begin))?;
    records::add(&mut transaction, migration).await.map_err(failed(Place::Begin))?;
    for statement in migration.statements() {
        execute(&mut transaction, statement).await.map_err(|failure| {
            let line = failure.position().map_or(statement.line, |position| statement.line_at(position));
            failed(Place::Line(line))(failure)
        })?;
    }
    transaction.commit().await.map_err(Failure::from).map_err(|failure| {
        if failure.is_answer() {
            return failed(Place::End)(failure);
        }
        Error::InDoubt { path: migration.path.clone(), words: failure.words() }
    })
}

/// Not by `raw_sql`: only by the extended protocol does the server refuse two statements in one. Not by an unnamed
/// statement: where the library asks for the types of its columns, it is gone. And never prepared for a second use:
/// the migration may change what the same text means.
async fn execute(connection: &mut PgConnection, statement: Statement<'_>) -> Result<(), Failure> {
    sqlx::query(AssertSqlSafe(statement.text)).execute(&mut *connection).await?;
    Ok(connection.clear_cached_statements().await?)
}

/// Asks the server to look, while it works, whether we are still there: what a killed runner began ends then, and
/// its lock with it. Servers before version 14 cannot, nor can those of every system: they find out later.
async fn notice_our_death(connection: &mut PgConnection) {
    let _ = sqlx::query("SET client_connection_check_interval = '1s'").execute(connection).await;
}

/// What the migration before set for the session must not reach this one: each begins as if it were alone.
async fn forget_settings(connection: &mut PgConnection) -> Result<(), Failure> {
    let reset = "CLOSE ALL; SET SESSION AUTHORIZATION DEFAULT; RESET ALL; DISCARD TEMP; DISCARD SEQUENCES; UNLISTEN *";
    sqlx::raw_sql(reset).execute(connection).await?;
    Ok(())
}

/// The session ends in any case; a farewell that fails changes nothing.
async fn hang_up(connection: PgConnection) {
    let _ = tokio::time::timeout(CONNECT_LIMIT, connection.close()).await;
}

async fn within<T>(limit: Duration, work: impl Future<Output = Result<T, Failure>>) -> Result<T, String> {
    match tokio::time::timeout(limit, work).await {
        Ok(done) => done.map_err(|failure| failure.words()),
        Err(_) => Err(format!("no answer within {} seconds", limit.as_secs())),
    }
}

fn database(target: &Target, doing: &'static str, words: String, next: &str) -> Error {
    Error::Database { target: target.to_string(), doing, words, next: next.into() }
}
