//! `ingest`: inputs in, acknowledgements out.

use std::io::{self, Write};
use std::path::Path;

use dreichor_runtime::batch::{Batcher, Next};
use dreichor_runtime::ingest::Session;
use dreichor_runtime::{Config, Error, gate};

use crate::input::{self, Inputs};
use crate::output::Failure;
use crate::progress::Progress;
use crate::signals::Signals;

pub(super) fn run(config: &Config, path: Option<&Path>) -> Result<u8, Failure> {
    let file = input::open(path)?;
    let total = file.metadata().ok().filter(std::fs::Metadata::is_file).map(|metadata| metadata.len());
    let admitted = gate::admit_writer(config, &mut Progress::new("replay"))?;
    let signals = Signals::catch().map_err(|error| Error::Internal(format!("no signal handler: {error}")))?;
    gate::log_writer_ready(&admitted.recovered);
    let mut session =
        Session::new(&admitted.stores, admitted.recovered, config.policy, config.snapshot_strategy)?;
    let mut batcher = Batcher::new(Inputs::new(file, &signals));
    let mut progress = Progress::new("ingest");
    let mut deliver = |acknowledgements: &[u8]| {
        let mut out = io::stdout().lock();
        out.write_all(acknowledgements)?;
        out.flush()
    };
    loop {
        let next = batcher.next_batch().map_err(|error| Error::Input { problem: error.to_string() })?;
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
