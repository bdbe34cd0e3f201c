//! The startup gate: everything here succeeds, in this order, each step logged with its outcome, or the
//! process ends. No retries, no degraded mode.

use std::io;
use std::net::{SocketAddr, TcpListener};

use dreichor_core::FORMAT_VERSION;
use dreichor_log::{Directory, WriteMedium};
use dreichor_replay::{Error, Progress, Receipt, Replay, Replayed, Stores, receipt::PROGRAM_VERSION};

use crate::config::Config;
use crate::database::DatabaseError;
use crate::recovery::{self, Recovered, recover};
use crate::sandbox::{self, Outcome};
use crate::writing::{Locks, WriteError, WriteStores};

/// Why a process may not begin.
#[derive(Debug, thiserror::Error)]
pub enum GateError {
    /// A store cannot be used, or could not be written to.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The database does not answer.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The Observer's address cannot be listened on.
    #[error(
        "the configuration has 1 fault:\n  --observer-addr: {address} cannot be listened on: {source}; name another address or port, or `off`\nnothing was changed; next: mend them all, see `dreichor help`"
    )]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The system's reason.
        source: io::Error,
    },
}

impl From<Error> for GateError {
    fn from(error: Error) -> Self {
        Self::Write(error.into())
    }
}

/// A writer that may begin.
pub struct Admitted<M: WriteMedium> {
    /// The stores.
    pub stores: Stores<M>,
    /// Their locks; dropped last.
    pub locks: Locks<M>,
    /// Their content.
    pub recovered: Recovered,
    /// What the kernel enforces from now on.
    pub sandbox: Outcome,
}

/// A runtime that may begin.
pub struct AdmittedRuntime {
    /// The stores.
    pub stores: Stores<Directory>,
    /// The Observer's listener; none: off. Bound already, since from now on nothing can be.
    pub listener: Option<TcpListener>,
    /// Their content.
    pub replayed: Replayed,
    /// What the kernel enforces from now on.
    pub sandbox: Outcome,
}

/// Lets a writer (`ingest`, `snapshot`) pass. Its next step is to open the stores for appending.
pub fn admit_writer(config: &Config, progress: &mut impl Progress) -> Result<Admitted<Directory>, GateError> {
    let stores = examine(config).map_err(|error| match error {
        WriteError::Stores(error) => WriteError::Stores(error.before_any_change()),
        WriteError::Locked { .. } | WriteError::InDoubt { .. } => error,
    })?;
    stores.create_missing()?;
    let locks = stores.lock()?;
    tracing::info!(step = 3, "persistence: mounts present and writable, lock taken");
    check_database(config)?;
    stores.settle()?;
    let recovered = recover(&stores, config.snapshot_strategy, progress)?;
    let size = recovered.history.size();
    tracing::info!(step = 4, events = size, bytes = recovered.events_bytes, "replay: history is sound");
    tracing::info!(step = 5, "recovery: stores are whole; orchestrator wired");
    let sandbox = sandbox::confine(config.sandbox, &stores, Some(&locks))?;
    Ok(Admitted { stores, locks, recovered, sandbox })
}

/// All that can be refused before a file is created or locked.
fn examine(config: &Config) -> Result<Stores<Directory>, WriteError> {
    let stores = check_mounts(config)?;
    stores.refuse_loose_permissions()?;
    stores.prove_writable()?;
    if stores.events.stat()?.is_none() || stores.snapshots.stat()?.is_none() {
        // One without the other: a wrong mount, perhaps. That must be said before anything is created. What a crashed
        // predecessor did not sync may be read here; all is read again once it is settled.
        recovery::check(&stores, config.snapshot_strategy, &mut ())?;
    }
    Ok(stores)
}

/// Logs that all is open and all may begin: the gate's last step.
pub fn log_ready(receipt: &Receipt) {
    tracing::info!(step = 7, %receipt, "READY");
}

/// How many clients may wait to be let in, as far as the system allows. The standard library's 128 are soon taken
/// by a crowd; a client that comes then tries again after a second.
const WAITING_MAX: i32 = 1024;

/// Lets the runtime (`run`) pass: it changes nothing, and from here on cannot.
pub fn admit_runtime(config: &Config, progress: &mut impl Progress) -> Result<AdmittedRuntime, GateError> {
    let stores = check_mounts(config)?;
    stores.warn_of_loose_permissions()?;
    stores.prove_writable()?;
    tracing::info!(step = 3, "persistence: mounts present and writable");
    check_database(config)?;
    let replayed = Replay::open(&stores)?.run(progress)?;
    tracing::info!(
        step = 4,
        events = replayed.history.size(),
        bytes = replayed.events_bytes,
        "replay: history is sound"
    );
    warn_of_tail(&replayed);
    tracing::info!(step = 5, "recovery: left to the writers; orchestrator wired");
    let listener = config.observer_addr.map(listen).transpose()?;
    let sandbox = sandbox::confine(config.sandbox, &stores, None)?;
    Ok(AdmittedRuntime { stores, listener, replayed, sandbox })
}

fn listen(address: SocketAddr) -> Result<TcpListener, GateError> {
    let listener = TcpListener::bind(address).and_then(|listener| {
        rustix::net::listen(&listener, WAITING_MAX)?;
        Ok(listener)
    });
    listener.map_err(|source| GateError::Listen { address, source })
}

/// Replays for a tool: no lock, no demand for writable mounts.
pub fn replay_for_tool(config: &Config, progress: &mut impl Progress) -> Result<Replayed, Error> {
    let stores = Stores::open(&config.audit_events_dir, &config.snapshots_dir)?;
    stores.warn_of_loose_permissions()?;
    let replayed = Replay::open(&stores)?.run(progress)?;
    warn_of_tail(&replayed);
    Ok(replayed)
}

fn check_mounts(config: &Config) -> Result<Stores<Directory>, Error> {
    tracing::info!(step = 1, program_version = PROGRAM_VERSION, format_version = FORMAT_VERSION, "dreichor");
    config.log();
    tracing::info!(step = 2, "configuration: valid, frozen");
    Stores::open(&config.audit_events_dir, &config.snapshots_dir)
}

fn check_database(config: &Config) -> Result<(), DatabaseError> {
    match &config.database {
        Some(database) => {
            database.check()?;
            tracing::info!(%database, "database: reachable; this phase does not use it");
        }
        None => tracing::info!("database: inactive"),
    }
    Ok(())
}

/// Warns of what a reader ignores.
pub fn warn_of_tail(replayed: &Replayed) {
    let tails = [("audit events", replayed.events_tail), ("snapshots", replayed.snapshots_tail)];
    for (store, tail) in tails.into_iter().filter_map(|(store, tail)| tail.map(|tail| (store, tail))) {
        tracing::warn!(
            store,
            offset = tail.offset,
            bytes = tail.length,
            "ignored unterminated bytes behind the last line: a write in progress, or one cut off"
        );
    }
    if let Some(tick) = &replayed.interrupted {
        tracing::warn!(
            decision = %tick.decision.decision_id,
            line = tick.line,
            "the last tick is not whole: a write in progress, or one cut off; the next writer completes it"
        );
    }
}
