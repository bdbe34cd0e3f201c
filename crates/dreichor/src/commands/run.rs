//! `run`: the runtime of this phase. It passes the gate, is ready, and waits.

use dreichor_replay::{Error, Receipt};
use dreichor_runtime::{Config, gate};

use crate::output::Failure;
use crate::progress::Progress;
use crate::signals::Signals;

pub(super) fn run(config: &Config) -> Result<u8, Failure> {
    let admitted = gate::admit_runtime(config, &mut Progress::new("replay"))?;
    let signals = Signals::catch().map_err(|error| Error::Internal(format!("no signal handler: {error}")))?;
    gate::log_ready(&Receipt::of(&admitted.replayed));
    signals.wait().map_err(|error| Error::Internal(format!("no wait for signals: {error}")))?;
    tracing::info!("stopped by a signal");
    Ok(0)
}
