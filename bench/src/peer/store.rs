//! Stores that take the events of a log commit by commit, each durable before the next.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Result, ensure};
use clap::ValueEnum;

use super::bare_loop::BareLoop;
use super::postgres::Postgres;
use super::sqlite::Sqlite;
use super::umadb::Umadb;
use super::{Available, command};
use crate::commit::{Commit, Commits};
use crate::dreichor::Snapshots;
use crate::log::Log;
use crate::measure::{Sample, reported};
use crate::report::Report;

/// A store.
pub(super) trait Store {
    /// Appends the events of a commit. They are durable when it returns.
    fn append(&mut self, commit: &Commit) -> Result<()>;

    /// Number of events in the store, if it can tell; leaves no work for the next program to wait for.
    fn finish(&mut self) -> Result<Option<u64>>;
}

/// A kind of store.
#[derive(Clone, Copy, PartialEq, ValueEnum)]
pub(crate) enum Kind {
    /// A file.
    BareLoop,
    /// SQLite.
    Sqlite,
    /// PostgreSQL.
    Postgres,
    /// UmaDB.
    Umadb,
}

impl Kind {
    /// The stores that can do more than append.
    pub(crate) const DATABASES: [Self; 3] = [Self::Sqlite, Self::Postgres, Self::Umadb];

    /// Name in the table.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::BareLoop => "bare loop: write and fdatasync of the same bytes",
            Self::Sqlite => "SQLite, WAL, synchronous=FULL",
            Self::Postgres => "PostgreSQL, Unix socket",
            Self::Umadb => "UmaDB, its storage engine in the process",
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::BareLoop => "bare-loop",
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
            Self::Umadb => "umadb",
        }
    }

    /// The socket's directory of the server that this store needs, or why there is none.
    pub(crate) fn needs(self, peers: &Available) -> Result<Option<&Path>, String> {
        match self {
            Self::Postgres => match &peers.postgres {
                Ok(server) => Ok(Some(&server.socket)),
                Err(reason) => Err(reason.clone()),
            },
            Self::BareLoop | Self::Sqlite | Self::Umadb => Ok(None),
        }
    }
}

/// Appends a log to a store, commit by commit, and prints how long that took.
#[derive(clap::Args)]
pub(crate) struct Append {
    kind: Kind,
    /// File of the events
    events: PathBuf,
    /// File of the snapshots, to be appended too
    #[arg(long)]
    snapshots: Option<PathBuf>,
    /// Directory of the store, empty, or of the server's socket
    #[arg(long)]
    to: PathBuf,
    #[arg(long)]
    ticks_per_commit: u64,
}

impl Append {
    /// Reads each commit before its clock starts.
    pub(super) fn run(self) -> Result<()> {
        let mut commits = Commits::open(&self.events, self.snapshots.as_deref())?;
        let mut store: Box<dyn Store> = match self.kind {
            Kind::BareLoop => Box::new(BareLoop::create(&self.to, self.snapshots.is_some())?),
            Kind::Sqlite => Box::new(Sqlite::create(&self.to)?),
            Kind::Postgres => Box::new(Postgres::create(&self.to)?),
            Kind::Umadb => Box::new(Umadb::create(&self.to)?),
        };
        let mut commit = Commit::default();
        let (mut ticks, mut events, mut times) = (0, 0, Vec::new());
        while commits.next(self.ticks_per_commit, &mut commit)? {
            let start = Instant::now();
            store.append(&commit)?;
            times.push(start.elapsed());
            ticks += commit.ticks;
            events += commit.lines().len() as u64;
        }
        if let Some(count) = store.finish()? {
            ensure!(count == events, "the store holds {count} events of {events}");
        }
        println!("{}", serde_json::to_string(&Report::new(ticks, times))?);
        Ok(())
    }
}

/// Appends a log to a store once. Its time is that of the commits alone.
pub(crate) fn measure(
    kind: Kind,
    server: Option<&Path>,
    log: &Log,
    snapshots: Snapshots,
    ticks_per_commit: u64,
    dir: &Path,
) -> Result<Sample> {
    let mut command = command()?;
    command.args(["append", kind.word()]).arg(log.events());
    command
        .arg("--to")
        .arg(server.unwrap_or(dir))
        .arg("--ticks-per-commit")
        .arg(ticks_per_commit.to_string());
    if matches!(snapshots, Snapshots::OnLedgerUpdate) {
        command.arg("--snapshots").arg(log.snapshots());
    }
    let (report, peak): (Report, u64) = reported(&mut command)?;
    // A server's memory is not that of the process that talks to it.
    let peak = server.is_none().then_some(peak);
    // The latency of a commit of many ticks is not that of a tick.
    let latency = (ticks_per_commit == 1).then_some([report.latency_50, report.latency_99]);
    Ok(Sample { latency, peak, ..Sample::from(report) })
}
