//! What the database remembers: one row for each migration that was applied.

use sqlx::migrate::Migrate;
use sqlx::{Connection, PgConnection};

use crate::error::Failure;
use crate::folder::Migration;

/// A schema of our own: on a search path, or in a schema that others may write to, somebody else's table could
/// be taken for ours.
const SCHEMA: &str = "dreichor";
const TABLE: &str = "dreichor.migrations";

/// One migration that was applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its number.
    pub number: i64,
    /// Its name at that time.
    pub name: String,
    /// The SHA-384 of its file at that time.
    pub checksum: Vec<u8>,
}

/// Whether there are records, asked of the catalog, which every role may read.
const IS_THERE: &str = "SELECT EXISTS (SELECT FROM pg_catalog.pg_class c \
     JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace \
     WHERE n.nspname OPERATOR(pg_catalog.=) 'dreichor' AND c.relname OPERATOR(pg_catalog.=) 'migrations')";

const HAS_SCHEMA: &str = "SELECT EXISTS (SELECT FROM pg_catalog.pg_namespace \
     WHERE nspname OPERATOR(pg_catalog.=) 'dreichor')";

/// All records, in a transaction in which the server allows no write.
pub(crate) async fn read(connection: &mut PgConnection) -> Result<Vec<Record>, Failure> {
    let mut reading = connection.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
    let mut rows: Vec<(i64, String, Vec<u8>)> = Vec::new();
    if is_true(IS_THERE, &mut reading).await? {
        rows =
            sqlx::query_as("SELECT version, description, checksum FROM dreichor.migrations ORDER BY version")
                .fetch_all(&mut *reading)
                .await?;
    }
    reading.rollback().await?;
    Ok(rows.into_iter().map(|(number, name, checksum)| Record { number, name, checksum }).collect())
}

/// Creates the table of the records, if it is not there. (IF NOT EXISTS would ask for the right to create it.)
pub(crate) async fn create_missing(connection: &mut PgConnection) -> Result<(), Failure> {
    let mut creating = connection.begin().await?;
    if !is_true(HAS_SCHEMA, &mut creating).await? {
        creating.create_schema_if_not_exists(SCHEMA).await?;
    }
    if !is_true(IS_THERE, &mut creating).await? {
        creating.ensure_migrations_table(TABLE).await?;
    }
    Ok(creating.commit().await?)
}

/// Records that `migration` was applied. Its statements belong into the same transaction.
pub(crate) async fn add(connection: &mut PgConnection, migration: &Migration) -> Result<(), Failure> {
    Ok(connection.skip(TABLE, &migration.inner).await?)
}

async fn is_true(question: &'static str, connection: &mut PgConnection) -> Result<bool, Failure> {
    Ok(sqlx::query_scalar(question).fetch_one(connection).await?)
}
