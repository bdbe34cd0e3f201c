//! The bare loop: the same bytes in the same writes and syncs, and nothing else.

use std::fs::File;
use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, ensure};

use super::command;
use super::store::Store;
use crate::commit::{Commit, Commits};
use crate::dreichor::Snapshots;
use crate::log::Log;

/// A file of events, and one of snapshots.
pub(super) struct BareLoop {
    events: File,
    snapshots: Option<File>,
}

impl BareLoop {
    /// Creates the files in `dir`.
    pub(super) fn create(dir: &Path, snapshots: bool) -> Result<Self> {
        let events = File::create(dir.join("events"))?;
        let snapshots = snapshots.then(|| File::create(dir.join("snapshots"))).transpose()?;
        File::open(dir)?.sync_all()?;
        Ok(Self { events, snapshots })
    }
}

impl Store for BareLoop {
    fn append(&mut self, commit: &Commit) -> Result<()> {
        self.events.write_all(&commit.bytes)?;
        self.events.sync_data()?;
        if let Some(file) = self.snapshots.as_mut().filter(|_| !commit.snapshots.is_empty()) {
            file.write_all(&commit.snapshots)?;
            file.sync_data()?;
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<Option<u64>> {
        Ok(None)
    }
}

/// The bare loop with the pipes of `dreichor ingest`.
#[derive(clap::Args)]
pub(crate) struct Pipe {
    /// File of the events
    events: PathBuf,
    /// File of the snapshots, to be appended too
    #[arg(long)]
    snapshots: Option<PathBuf>,
    /// Directory of the files, empty
    #[arg(long)]
    to: PathBuf,
}

impl Pipe {
    /// For each line of standard input: appends a tick, then writes a line as long as an acknowledgement.
    pub(super) fn run(self) -> Result<()> {
        let mut commits = Commits::open(&self.events, self.snapshots.as_deref())?;
        let mut store = BareLoop::create(&self.to, self.snapshots.is_some())?;
        let mut commit = Commit::default();
        let mut input = std::io::stdin().lock();
        let mut output = std::io::stdout().lock();
        let mut line = Vec::new();
        let answer = [&[b'.'; 163][..], b"\n"].concat();
        while input.read_until(b'\n', &mut line)? > 0 {
            line.clear();
            ensure!(commits.next(1, &mut commit)?, "the log has fewer ticks than there are inputs");
            store.append(&commit)?;
            output.write_all(&answer)?;
            output.flush()?;
        }
        Ok(())
    }
}

/// The command of [`Pipe`].
pub(crate) fn with_pipe(log: &Log, snapshots: Snapshots, dir: &Path) -> Result<Command> {
    let mut command = command()?;
    command.arg("pipe").arg(log.events()).arg("--to").arg(dir);
    if matches!(snapshots, Snapshots::OnLedgerUpdate) {
        command.arg("--snapshots").arg(log.snapshots());
    }
    Ok(command)
}
