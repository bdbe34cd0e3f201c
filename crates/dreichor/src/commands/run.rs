//! `run`: the runtime of this phase. It passes the gate, is ready, and serves the Observer until it is stopped.

use std::net::{SocketAddr, TcpListener};

use dreichor_core::value::Spelled;
use dreichor_observer::{About, Gap, Limits, Observer, Running, SandboxReport, StartError, Token};
use dreichor_replay::{Directory, Receipt, Stores};
use dreichor_runtime::config::ConfigError;
use dreichor_runtime::gate::AdmittedRuntime;
use dreichor_runtime::sandbox::Outcome;
use dreichor_runtime::{Config, ExitCode, gate};

use crate::manager::Manager;
use crate::output::Failure;
use crate::progress::Progress;
use crate::signals::Signals;

pub(super) fn run(config: &Config) -> Result<ExitCode, Failure> {
    until_stopped(config, |_| Ok(()))
}

/// Serves until SIGINT or SIGTERM. `is_ready` gets the Observer's address once the runtime is ready.
pub(super) fn until_stopped(
    config: &Config,
    is_ready: impl FnOnce(Option<SocketAddr>) -> Result<(), Failure>,
) -> Result<ExitCode, Failure> {
    let manager = Manager::connect();
    // Once confined, no file but the stores' can be read.
    let token = read_token(config)?;
    let admitted = gate::admit_runtime(config, &mut Progress::new("replay"))?;
    let AdmittedRuntime { stores, listener, mut replayed, sandbox } = admitted;
    let signals = Signals::catch()?;
    let receipt = Receipt::of(&mut replayed);
    // Observing needs a history of its own, and only when asked: two of a long log need not fit the memory.
    drop(replayed);
    let settings = &config.settings;
    let about = About {
        safety_mode: Some(settings.safety_mode.as_str()),
        snapshot_strategy: Some(settings.snapshot_strategy.to_string()),
        database: settings.database.is_some(),
        ..about(&sandbox, receipt.clone())
    };
    let start = |listener| serve(stores, about, token, listener);
    let observer = listener.map(start).transpose()?;
    match &observer {
        Some(observer) => tracing::info!(addr = %observer.address(), "observer: listening"),
        None => tracing::debug!("observer: off"),
    }
    config.log_ready(&receipt);
    manager.tell("READY=1");
    is_ready(observer.as_ref().map(Running::address))?;
    signals.wait().map_err(|error| Failure::Internal(format!("no wait for signals: {error}")))?;
    manager.tell("STOPPING=1");
    tracing::info!("stopped by a signal");
    if let Some(observer) = observer {
        observer.stop();
    }
    Ok(ExitCode::Done)
}

/// Starts the Observer.
pub(super) fn serve(
    stores: Stores<Directory>,
    about: About,
    token: Option<Token>,
    listener: TcpListener,
) -> Result<Running, Failure> {
    let observer = Observer::new(stores, about, token, Limits::default()).map_err(|error| match error {
        StartError::Stores(error) => Failure::from(error),
        StartError::Threads(_) | StartError::Description => Failure::Internal(error.to_string()),
    })?;
    let running = observer.start(listener);
    running.map_err(|error| Failure::Internal(format!("the Observer cannot start: {error}")))
}

pub(super) fn read_token(config: &Config) -> Result<Option<Token>, ConfigError> {
    let file =
        config.settings.observer_token_file.as_ref().filter(|_| config.settings.observer_addr.0.is_some());
    let token = file.map(|path| {
        Token::read(path)
            .map_err(|error| ConfigError(vec![format!("--observer-token-file: {}: {error}", path.display())]))
    });
    token.transpose()
}

/// What a process that only observes says of itself.
pub(super) fn about(sandbox: &Outcome, started_with: Receipt) -> About {
    let gaps = sandbox.not_enforced.iter();
    About {
        safety_mode: None,
        snapshot_strategy: None,
        database: false,
        sandbox: SandboxReport {
            mode: sandbox.mode.as_str(),
            abi: sandbox.abi,
            enforced: sandbox.enforced.iter().map(|promise| promise.as_str()).collect(),
            not_enforced: gaps
                .map(|gap| Gap { promise: gap.promise.as_str(), reason: gap.reason.clone() })
                .collect(),
        },
        started_with,
    }
}
