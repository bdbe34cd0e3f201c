//! The startup gate: a fixed sequence of steps, each logged with its outcome at debug level. The first step that fails
//! ends the process. There are no retries and no degraded mode. The last step, READY, is [`Config::log_ready`].

use std::io;
use std::net::{SocketAddr, TcpListener};

use dreichor_core::FORMAT_VERSION;
use dreichor_log::{Directory, WriteMedium};
use dreichor_replay::{Error, Progress, Replay, Replayed, Stores, receipt::PROGRAM_VERSION};

use crate::config::Config;
use crate::database::DatabaseError;
use crate::listener::ListenError;
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
        "--observer-addr: {address} cannot be listened on: {source}\nnothing was changed; next: name another address or port, or `off`"
    )]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The system's error.
        source: io::Error,
    },
    /// The process cannot listen on the socket for upstreams.
    #[error(transparent)]
    Socket(#[from] ListenError),
}

impl From<Error> for GateError {
    fn from(error: Error) -> Self {
        Self::Write(error.into())
    }
}

/// A writer that has passed the gate.
pub struct Admitted<M: WriteMedium, L> {
    /// The stores.
    pub stores: Stores<M>,
    /// The locks of both stores.
    pub locks: Locks<M>,
    /// The content of both stores, after recovery.
    pub recovered: Recovered,
    /// The promises that the kernel enforces from now on.
    pub sandbox: Outcome,
    /// What was opened between lock and sandbox.
    pub opened: L,
}

/// A runtime (`run`) that has passed the gate, or what `observe` serves.
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

/// Executes steps 1 to 6 of the gate for a writer (`ingest`, `snapshot`): checks, locks, calls `open`, replays, recovers
/// and confines. The caller then opens the stores for appending. `open` opens what needs the lock, and what cannot be
/// opened after the sandbox.
///
/// # Errors
///
/// The first step that failed. Recovery may have changed the stores by then.
pub fn admit_writer<L>(
    config: &Config,
    open: impl FnOnce() -> Result<L, GateError>,
    progress: &mut impl Progress,
) -> Result<Admitted<Directory, L>, GateError> {
    let stores = examine(config).map_err(|error| match error {
        WriteError::Stores(error) => WriteError::Stores(error.before_any_change()),
        WriteError::Locked { .. } | WriteError::InDoubt { .. } => error,
    })?;
    stores.create_missing()?;
    let locks = stores.lock()?;
    tracing::debug!(step = 3, "persistence: directories present and writable, lock taken");
    let opened = open()?;
    check_database(config)?;
    stores.settle()?;
    let recovered = recover(&stores, config.settings.snapshot_strategy, progress)?;
    let size = recovered.history.size();
    tracing::debug!(step = 4, events = size, bytes = recovered.events_bytes, "replay: history is sound");
    tracing::debug!(step = 5, "recovery: stores are complete; orchestrator connected");
    let sandbox = sandbox::confine(config.settings.sandbox, &stores, Some(&locks))?;
    Ok(Admitted { stores, locks, recovered, sandbox, opened })
}

/// Executes the checks that need no file to be created or locked.
fn examine(config: &Config) -> Result<Stores<Directory>, WriteError> {
    let stores = open_stores(config)?;
    stores.refuse_open_directories()?;
    stores.refuse_loose_permissions()?;
    stores.prove_writable()?;
    if stores.events.stat()?.is_none() || stores.snapshots.stat()?.is_none() {
        // A file is missing: the directory may be the wrong one. This is found before anything is created. The bytes
        // that are read here may not be synced yet; everything is read again after `settle`.
        recovery::check(&stores, config.settings.snapshot_strategy, &mut ())?;
    }
    Ok(stores)
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
    let stores = open_stores(config)?;
    stores.warn_of_loose_permissions()?;
    stores.prove_writable()?;
    tracing::debug!(step = 3, "persistence: directories present and writable");
    check_database(config)?;
    let replayed = Replay::open(&stores)?.run(progress)?;
    tracing::debug!(
        step = 4,
        events = replayed.history.size(),
        bytes = replayed.events_bytes,
        "replay: history is sound"
    );
    replayed.warn_of_tail();
    tracing::debug!(step = 5, "recovery: left to the writers; orchestrator connected");
    confine_reader(config, stores, replayed)
}

/// Opens a copy or a read-only volume for `observe`, which passes no gate: a sound replay is all that it takes.
///
/// # Errors
///
/// The stores cannot be read or are malformed, the address cannot be listened on, or the sandbox is required and
/// incomplete.
pub fn open_for_observer(
    config: &Config,
    progress: &mut impl Progress,
) -> Result<AdmittedRuntime, GateError> {
    let stores = Stores::open_to_read(&config.directories)?;
    let replayed = Replay::open(&stores)?.run(progress)?;
    replayed.warn_of_tail();
    confine_reader(config, stores, replayed)
}

fn confine_reader(
    config: &Config,
    stores: Stores<Directory>,
    replayed: Replayed,
) -> Result<AdmittedRuntime, GateError> {
    let listener = config.settings.observer_addr.0.map(listen).transpose()?;
    let sandbox = sandbox::confine(config.settings.sandbox, &stores, None)?;
    Ok(AdmittedRuntime { stores, listener, replayed, sandbox })
}

fn listen(address: SocketAddr) -> Result<TcpListener, GateError> {
    let listener = TcpListener::bind(address).and_then(|listener| {
        rustix::net::listen(&listener, WAITING_MAX)?;
        Ok(listener)
    });
    listener.map_err(|source| GateError::Listen { address, source })
}

fn open_stores(config: &Config) -> Result<Stores<Directory>, Error> {
    tracing::debug!(step = 1, programVersion = PROGRAM_VERSION, formatVersion = FORMAT_VERSION, "dreichor");
    tracing::debug!(step = 2, "configuration: valid, frozen");
    Stores::open(&config.directories)
}

fn check_database(config: &Config) -> Result<(), DatabaseError> {
    match &config.settings.database {
        Some(database) => {
            database.check()?;
            tracing::debug!(%database, "database: reachable; this phase does not use it");
        }
        None => tracing::debug!("database: inactive"),
    }
    Ok(())
}
