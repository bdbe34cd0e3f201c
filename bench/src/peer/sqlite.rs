//! SQLite: a table of events, one transaction per commit.

use std::path::Path;

use anyhow::{Result, ensure};
use rusqlite::{Connection, params_from_iter};

use super::store::Store;
use crate::commit::Commit;

/// No tick has more events.
const ROWS_MAX: usize = 7;

/// A database in a file.
pub(super) struct Sqlite(Connection);

/// Version of the library.
pub(super) fn version() -> &'static str {
    rusqlite::version()
}

impl Sqlite {
    /// Creates the database in `dir`.
    pub(super) fn create(dir: &Path) -> Result<Self> {
        let connection = Connection::open(dir.join("events.sqlite"))?;
        let mode: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
        ensure!(mode == "wal", "the journal's mode is {mode}");
        connection.execute_batch(
            "PRAGMA synchronous = FULL; CREATE TABLE events (position INTEGER PRIMARY KEY, line BLOB NOT NULL)",
        )?;
        Ok(Self(connection))
    }
}

impl Store for Sqlite {
    fn append(&mut self, commit: &Commit) -> Result<()> {
        let lines = commit.lines();
        if lines.len() <= ROWS_MAX {
            // One INSERT of all rows: a transaction of its own.
            let rows = vec!["(?)"; lines.len()].join(",");
            let mut insert = self.0.prepare_cached(&format!("INSERT INTO events (line) VALUES {rows}"))?;
            insert.execute(params_from_iter(lines))?;
            return Ok(());
        }
        let transaction = self.0.transaction()?;
        {
            let mut insert = transaction.prepare_cached("INSERT INTO events (line) VALUES (?)")?;
            for line in lines {
                insert.execute([line])?;
            }
        }
        transaction.commit()?;
        Ok(())
    }

    fn finish(&mut self) -> Result<Option<u64>> {
        let count: i64 = self.0.query_row("SELECT count(*) FROM events", [], |row| row.get(0))?;
        Ok(Some(u64::try_from(count)?))
    }
}
