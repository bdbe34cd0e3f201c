//! The startup gate: a fixed sequence of steps, each logged with its outcome. The first step that fails ends the
//! process. There are no retries and no degraded mode.

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

/// Why the gate refuses a start.
#[derive(Debug, thiserror::Error)]
pub enum GateError {
    /// A store cannot be read or written to.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The database could not be reached.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The process cannot listen on the Observer's address.
    #[error(
        "the configuration has 1 fault:\n  --observer-addr: {address} cannot be listened on: {source}; name another address or port, or `off`\nnothing was changed; next: fix them all, see `dreichor help`"
    )]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The system's error.
        source: io::Error,
    },
}

impl From<Error> for GateError {
    fn from(error: Error) -> Self {
        Self::Write(error.into())
    }
}

/// A writer that has passed the gate.
pub struct Admitted<M: WriteMedium> {
    /// The stores.
    pub stores: Stores<M>,
    /// The locks of both stores.
    pub locks: Locks<M>,
    /// The content of both stores, after recovery.
    pub recovered: Recovered,
    /// The promises that the kernel enforces from now on.
    pub sandbox: Outcome,
}

/// A runtime (`run`) that has passed the gate.
pub struct AdmittedRuntime {
    /// The stores.
    pub stores: Stores<Directory>,
    /// The Observer's bound listener; none: the Observer is off. After the sandbox no port can be bound.
    pub listener: Option<TcpListener>,
    /// The content of both stores.
    pub replayed: Replayed,
    /// The promises that the kernel enforces from now on.
    pub sandbox: Outcome,
}

/// Executes steps 1 to 6 of the gate for a writer (`ingest`, `snapshot`): checks, locks, replays, recovers and
/// confines. The caller then opens the stores for appending.
///
/// # Errors
///
/// The first step that failed. Recovery may have changed the stores by then.
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

/// Executes the checks that need no file to be created or locked.
fn examine(config: &Config) -> Result<Stores<Directory>, WriteError> {
    let stores = check_mounts(config)?;
    stores.refuse_loose_permissions()?;
    stores.prove_writable()?;
    if stores.events.stat()?.is_none() || stores.snapshots.stat()?.is_none() {
        // A file is missing: the directory may be the wrong one. This is found before anything is created. The bytes
        // that are read here may not be synced yet; everything is read again after `settle`.
        recovery::check(&stores, config.snapshot_strategy, &mut ())?;
    }
    Ok(stores)
}

/// Logs READY with the receipt: the gate's last step.
pub fn log_ready(receipt: &Receipt) {
    tracing::info!(step = 7, %receipt, "READY");
}

/// The length of the queue of connections that are not accepted yet; the system may set a lower limit. The standard
/// library's 128 fill up fast under load, and a client that finds the queue full tries again only after a second.
const WAITING_MAX: i32 = 1024;

/// Executes steps 1 to 6 of the gate for the runtime (`run`). It changes no file, and after the sandbox it cannot.
///
/// # Errors
///
/// The first step that failed.
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

/// Replays the stores for a tool: takes no lock and does not need writable directories.
///
/// # Errors
///
/// The stores cannot be read, or are malformed.
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

/// Logs a warning for each unterminated tail and for an interrupted tick.
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
