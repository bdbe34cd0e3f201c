//! `ingest`: inputs in, acknowledgements out.

use std::io::{self, Write};
use std::path::Path;

use dreichor_replay::Error;
use dreichor_runtime::batch::{Batcher, Next};
use dreichor_runtime::ingest::Session;
use dreichor_runtime::{Config, gate};

use crate::input::{self, Inputs};
use crate::output::Failure;
use crate::progress::Progress;
use crate::signals::Signals;

pub(super) fn run(config: &Config, path: Option<&Path>) -> Result<u8, Failure> {
    let (file, name) = input::open(path)?;
    let total = file.metadata().ok().filter(std::fs::Metadata::is_file).map(|metadata| metadata.len());
    let admitted = gate::admit_writer(config, &mut Progress::new("replay"))?;
    let signals = Signals::catch().map_err(|error| Error::Internal(format!("no signal handler: {error}")))?;
    let mut session =
        Session::new(&admitted.stores, admitted.recovered, config.policy, config.snapshot_strategy)?;
    gate::log_ready(&session.receipt());
    let mut batcher = Batcher::new(Inputs::new(file, &signals));
    let mut progress = Progress::new("ingest");
    let mut deliver = |acknowledgements: &[u8]| deliver(acknowledgements, &signals);
    loop {
        let next =
            batcher.next_batch().map_err(|error| Error::Input { problem: format!("{name}: {error}") })?;
        let code = match next {
            Next::Batch(batch) => {
                session.record(batch, &mut deliver)?;
                if let Some(total) = total {
                    progress.set(batch.end(), total);
                }
                continue;
            }
            Next::End => 0,
            Next::Interrupted => signals.exit_code().unwrap_or_default(),
        };
        let (inputs, events) = (session.acknowledged(), session.history().tree().size());
        tracing::info!(inputs, events, code, "all inputs that were taken in are durable and acknowledged");
        return Ok(code);
    }
}

/// What a pipe takes without waiting once it says that it is ready (POSIX: `PIPE_BUF` bytes).
const PIECE_BYTES: usize = 4_096;

/// Writes the acknowledgements piece by piece, so that a signal finds us even if nobody reads them.
fn deliver(acknowledgements: &[u8], signals: &Signals) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for piece in acknowledgements.chunks(PIECE_BYTES) {
        if !signals.wait_to_write(&out)? {
            return Err(io::Error::other("nobody read it, and a signal asked for an end"));
        }
        out.write_all(piece)?;
        // Standard output is buffered by line; what is left of a line must go before the next wait.
        out.flush()?;
    }
    Ok(())
}
