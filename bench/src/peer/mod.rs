//! The peers and bare loops. Most run as processes of their own: this program again, with the command `peer`.

pub(crate) mod bare_loop;
pub(crate) mod bare_server;
pub(crate) mod blocks;
pub(crate) mod duckdb;
mod event;
pub(crate) mod fold;
mod hash_fold;
pub(crate) mod openssl;
mod plain_fold;
pub(crate) mod postgres;
mod serde_fold;
mod sonic_fold;
mod sqlite;
pub(crate) mod store;
mod umadb;

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;
use clap::Subcommand;

use crate::machine::first_line;
use crate::part::Part;
use crate::work::Work;

/// A peer, as a process of its own.
#[derive(Subcommand)]
pub(crate) enum Peer {
    /// Folds a log.
    Fold { kind: fold::Kind, events: PathBuf },
    /// Does the parts of a replay, and measures one.
    Part { part: Part, events: PathBuf },
    /// Appends the events of a log to a store.
    Append(store::Append),
    /// Appends a tick's events to files for each line of standard input, and acknowledges it.
    Pipe(bare_loop::Pipe),
    /// Appends bytes for each line that its connections send, all that is ready together, and acknowledges it.
    Server(bare_server::Server),
}

impl Peer {
    /// Runs it.
    pub(crate) fn run(self) -> Result<()> {
        match self {
            Self::Fold { kind, events } => kind.run(&events),
            Self::Part { part, events } => part.run(&events),
            Self::Append(append) => append.run(),
            Self::Pipe(pipe) => pipe.run(),
            Self::Server(server) => server.run(),
        }
    }
}

/// This program, with the command `peer`.
pub(crate) fn command() -> Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("peer");
    Ok(command)
}

/// Peers that this machine may lack, or why it lacks them.
pub(crate) struct Available {
    /// A Python that has DuckDB.
    pub(crate) duckdb: Result<duckdb::Python, String>,
    /// A server.
    pub(crate) postgres: Result<postgres::Server, String>,
}

impl Available {
    /// Installs DuckDB where it is missing, and starts a PostgreSQL server.
    pub(crate) fn find(work: &Work) -> Self {
        Self {
            duckdb: duckdb::Python::find(work).map_err(|error| format!("{error:#}")),
            postgres: postgres::Server::start(work).map_err(|error| format!("{error:#}")),
        }
    }

    /// Versions, for the head of the table.
    pub(crate) fn versions(&self) -> String {
        let mut out = vec![
            format!("OpenSSL {}", word(first_line("openssl", "version"), 1)),
            format!("SQLite {}", sqlite::version()),
        ];
        out.extend(self.postgres.as_ref().ok().map(|server| format!("PostgreSQL {}", server.version)));
        out.extend(self.duckdb.as_ref().ok().map(|_| format!("DuckDB {}", duckdb::VERSION)));
        out.push(format!("UmaDB {}", umadb::VERSION));
        out.join(", ")
    }
}

/// One word of a line, counted from 0.
fn word(line: Option<String>, index: usize) -> String {
    line.as_deref().and_then(|line| line.split(' ').nth(index)).unwrap_or("unknown").to_owned()
}
