//! `observe`: serves the Observer API from a copy or a read-only volume. It is an auditor's tool, not the runtime.

use dreichor_replay::Receipt;
use dreichor_runtime::config::ConfigError;
use dreichor_runtime::gate::AdmittedRuntime;
use dreichor_runtime::{Config, ExitCode, gate};

use super::run::{about, read_token, serve};
use crate::manager::Manager;
use crate::output::Failure;
use crate::progress::Progress;
use crate::signals::Signals;

pub(super) fn run(config: &Config) -> Result<ExitCode, Failure> {
    if config.settings.observer_addr.0.is_none() {
        let fault = "--observer-addr: with `off` there is nothing to do; name an address and port";
        return Err(ConfigError(vec![fault.into()]).into());
    }
    let manager = Manager::connect();
    let token = read_token(config)?;
    let opened = gate::open_for_observer(config, &mut Progress::new("replay"))?;
    let AdmittedRuntime { stores, listener, mut replayed, sandbox } = opened;
    let signals = Signals::catch()?;
    let receipt = Receipt::of(&mut replayed);
    drop(replayed);
    let Some(listener) = listener else { return Ok(ExitCode::Done) };
    let observer = serve(stores, about(&sandbox, receipt.clone()), token, listener)?;
    tracing::info!(
        addr = %observer.address(),
        events = receipt.events,
        bytes = receipt.bytes,
        rootHash = %receipt.root_hash,
        auditEventsDir = %config.directories.audit_events.display(),
        snapshotsDir = %config.directories.snapshots.display(),
        "SERVING"
    );
    manager.tell("READY=1");
    signals.wait().map_err(|error| Failure::Internal(format!("no wait for signals: {error}")))?;
    manager.tell("STOPPING=1");
    tracing::info!("stopped by a signal");
    observer.stop();
    Ok(ExitCode::Done)
}
