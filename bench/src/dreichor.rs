//! The program that is measured.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;
use wait4::Wait4;

use crate::machine::first_core;
use crate::measure::{Sample, run, timed};
use crate::work::checkout;

/// Snapshot strategy of a run.
#[derive(Clone, Copy)]
pub(crate) enum Snapshots {
    /// Never: `manual`.
    Manual,
    /// After each change of the ledger: `on-ledger-update`.
    OnLedgerUpdate,
}

impl Snapshots {
    pub(crate) fn flag(self) -> &'static str {
        match self {
            Self::Manual => "manual",
            Self::OnLedgerUpdate => "on-ledger-update",
        }
    }
}

/// Cores that a run may use.
#[derive(Clone, Copy)]
pub(crate) enum Cores {
    /// All that the benchmark may use.
    All,
    /// One of them.
    One,
}

/// The binary.
pub(crate) struct Dreichor {
    path: PathBuf,
}

/// Members of the receipt that are compared with the results of the peers.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Receipt {
    pub(crate) events: u64,
    pub(crate) root_hash: String,
}

impl Dreichor {
    /// Takes the binary at `path`, or builds that of the checkout.
    pub(crate) fn find(path: Option<PathBuf>) -> Result<Self> {
        if let Some(path) = path {
            let path =
                std::fs::canonicalize(&path).with_context(|| format!("no binary at {}", path.display()))?;
            return Ok(Self { path });
        }
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let root = checkout();
        let mut build = Command::new(cargo);
        build.args(["build", "--release", "--locked", "-p", "dreichor", "--manifest-path"]);
        build.arg(root.join("Cargo.toml")).arg("--target-dir").arg(root.join("target"));
        ensure!(build.status()?.success(), "dreichor cannot be built");
        Ok(Self { path: root.join("target/release/dreichor") })
    }

    /// Name and version.
    pub(crate) fn version(&self) -> Result<String> {
        let output = Command::new(&self.path).arg("--version").output()?;
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    fn command(&self, data: &Path, cores: Cores) -> Result<Command> {
        let mut command = match cores {
            Cores::All => Command::new(&self.path),
            Cores::One => {
                let mut command = Command::new("taskset");
                command.args(["-c", &first_core()?.to_string()]).arg(&self.path);
                command
            }
        };
        command.env_clear().arg("--data-dir").arg(data);
        Ok(command)
    }

    /// Creates a data directory.
    pub(crate) fn init(&self, data: &Path) -> Result<()> {
        let mut command = self.command(data, Cores::All)?;
        run(command.arg("init"))?;
        Ok(())
    }

    /// Replays a log, and returns its receipt.
    pub(crate) fn receipt(&self, data: &Path) -> Result<Receipt> {
        let mut command = self.command(data, Cores::All)?;
        Ok(serde_json::from_slice(&run(command.args(["replay", "--json"]))?)?)
    }

    /// `dreichor replay`, from start to exit.
    pub(crate) fn replay(&self, data: &Path, cores: Cores) -> Result<Sample> {
        let mut command = self.command(data, cores)?;
        timed(command.arg("replay"))
    }

    /// `dreichor verify`, from start to exit: every tick executed again, every snapshot checked.
    pub(crate) fn verify(&self, data: &Path) -> Result<Sample> {
        timed(self.command(data, Cores::All)?.arg("verify"))
    }

    /// `dreichor run`, from start to its line READY; then it is stopped.
    pub(crate) fn ready(&self, data: &Path, cores: Cores) -> Result<Sample> {
        let mut command = self.command(data, cores)?;
        command.args(["run", "--observer-addr", "off", "--sandbox", "off"]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let start = Instant::now();
        let mut child = command.spawn()?;
        let mut lines = BufReader::new(child.stderr.take().context("no standard error")?).lines();
        let mut said = String::new();
        let ready = loop {
            let Some(line) = lines.next().transpose()? else { break false };
            if line.split(' ').any(|word| word == "READY") {
                break true;
            }
            said = line;
        };
        let seconds = start.elapsed().as_secs_f64();
        if ready {
            kill_process(Pid::from_child(&child), Signal::TERM)?;
        }
        for line in lines {
            line?;
        }
        let used = child.wait4()?;
        ensure!(ready, "dreichor run ended before READY: {said}");
        ensure!(used.status.success(), "dreichor run ended with {}", used.status);
        Ok(Sample { seconds, ticks: 0, latency: None, peak: Some(used.rusage.maxrss) })
    }

    /// `dreichor ingest FILE`, from start to exit.
    pub(crate) fn ingest(&self, data: &Path, inputs: &Path, snapshots: Snapshots) -> Result<Sample> {
        let mut command = self.command(data, Cores::All)?;
        timed(command.args(["--snapshot-strategy", snapshots.flag(), "ingest"]).arg(inputs))
    }

    /// `dreichor ingest --listen`, without snapshots.
    pub(crate) fn ingest_listen(&self, data: &Path, socket: &Path) -> Result<Command> {
        let mut command = self.command(data, Cores::All)?;
        command.args(["--snapshot-strategy", "manual", "ingest", "--listen"]);
        command.arg(format!("unix:{}", socket.display()));
        Ok(command)
    }

    /// `dreichor ingest`, which reads ticks from a pipe.
    pub(crate) fn ingest_pipe(&self, data: &Path, snapshots: Snapshots) -> Result<Command> {
        let mut command = self.command(data, Cores::All)?;
        command.args(["--snapshot-strategy", snapshots.flag(), "ingest"]);
        Ok(command)
    }
}
