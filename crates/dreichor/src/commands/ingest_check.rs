//! `ingest --check`: which inputs of a file would be rejected. Takes no lock and records nothing.

use std::path::Path;

use dreichor_replay::{Replayed, Stores};
use dreichor_runtime::batch::{Batcher, Next};
use dreichor_runtime::orchestrator::{Commit, MetaOrchestrator};
use dreichor_runtime::snapshots::SnapshotStrategy;
use dreichor_runtime::{Config, ExitCode};

use crate::input::{self, Inputs};
use crate::output::{self, Failure, print_line};
use crate::progress::Progress;
use crate::signals::Signals;

pub(super) fn run(config: &Config, path: Option<&Path>) -> Result<ExitCode, Failure> {
    let (file, name) = input::open(path)?;
    let stores = Stores::open_to_read(&config.directories)?;
    let replayed = Replayed::read(&config.directories, &mut Progress::new("replay"))?;
    let missing = match &replayed.interrupted {
        Some(tick) => tick.missing_events(&stores, &replayed)?,
        None => Vec::new(),
    };
    let mut history = replayed.history;
    for event in &missing {
        // The events of a tick that is computed again keep the grammar, as recovery relies on.
        if let Err(fault) = history.record(event, &mut Vec::new()) {
            return Err(Failure::Internal(format!("a computed event breaks the grammar: {fault}")));
        }
    }
    // Snapshots would be thrown away.
    let mut orchestrator = MetaOrchestrator::new(history, None, config.policy(), SnapshotStrategy::Manual);
    let signals = Signals::catch()?;
    let mut batcher = Batcher::new(Inputs::new(file, &signals));
    let mut tally = Tally::default();
    let mut commit = Commit::default();
    loop {
        match batcher.next_batch().map_err(|error| input::unreadable(&name, &error))? {
            Next::Batch(batch) => {
                let mut lines = batch.lines();
                while let Err(rejection) = orchestrator.fill(&mut lines, &mut commit, u64::MAX) {
                    tally.faults += 1;
                    print_line(
                        &rejection
                            .to_string()
                            .lines()
                            .next()
                            .unwrap_or_default()
                            .replace("is rejected", "would be rejected"),
                    )?;
                }
                tally.add(commit.acknowledgements.lines());
                commit.clear();
            }
            Next::End => break,
            Next::Nothing => return Ok(signals.exit_code().unwrap_or(ExitCode::Interrupted)),
        }
    }
    let printed = print_line(&format!(
        "{} inputs checked and none recorded: {} new, {} already recorded, {} would be rejected",
        tally.new + tally.known + tally.faults,
        tally.new,
        tally.known,
        tally.faults
    ));
    output::result(printed, if tally.faults == 0 { ExitCode::Done } else { ExitCode::Rejected })
}

/// Counts of acknowledged inputs.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tally {
    pub(super) new: u64,
    pub(super) known: u64,
    pub(super) filled: u64,
    pub(super) blocked: u64,
    pub(super) skipped: u64,
    faults: u64,
}

impl Tally {
    /// Adds acknowledgement lines.
    pub(super) fn add(&mut self, acknowledgements: &[u8]) {
        for line in acknowledgements.split_inclusive(|&byte| byte == b'\n') {
            let has = |text: &[u8]| memchr::memmem::find(line, text).is_some();
            if has(b"\"ALREADY_RECORDED\"") {
                self.known += 1;
                continue;
            }
            self.new += 1;
            if has(b"\"execution\":\"FILLED\"") {
                self.filled += 1;
            } else if has(b"\"BLOCK_BUY\"") || has(b"\"HALT\"") {
                self.blocked += 1;
            } else if !has(b"\"decisionId\":null") {
                self.skipped += 1;
            }
        }
    }
}
