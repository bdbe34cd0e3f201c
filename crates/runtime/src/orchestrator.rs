//! The Meta Orchestrator: computes events from inputs and the state.
//!
//! Invariant: it knows no file and no stream. So one thread can compute the next commit while another makes the commit
//! before it durable.

use std::fmt;

use dreichor_core::fault::Fault;
use dreichor_core::id::SnapshotId;
use dreichor_core::input::Input;
use dreichor_core::tick::{Policy, Step, step};
use dreichor_core::{History, Rule, Snapshot};

use crate::acknowledgement::{Acknowledgements, Outcome};
use crate::batch::{InputLine, Inputs};
use crate::snapshots::SnapshotStrategy;

/// Bytes that are written and acknowledged together: the events, snapshots and acknowledgements of some inputs.
#[derive(Debug, Default)]
pub struct Commit {
    /// Lines to append to the log.
    pub events: Vec<u8>,
    /// Lines to append to the snapshots.
    pub snapshots: Vec<u8>,
    /// One acknowledgement for each input, and the rejections between them.
    pub acknowledgements: Acknowledgements,
    /// The number of inputs that were not rejected.
    pub inputs: u64,
}

impl Commit {
    /// True if there is nothing to append and nothing to acknowledge.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty() && self.snapshots.is_empty() && self.acknowledgements.is_empty()
    }

    /// The number of bytes to append to both stores.
    fn length(&self) -> u64 {
        (self.events.len() + self.snapshots.len()) as u64
    }

    /// Empties the buffers and keeps their memory.
    pub fn clear(&mut self) {
        self.events.clear();
        self.snapshots.clear();
        self.acknowledgements.clear();
        self.inputs = 0;
    }
}

/// An input that breaks a rule. Its message is for the input's sender.
#[derive(Debug, thiserror::Error)]
#[error("{}", Message(self))]
pub struct Rejection {
    /// The number of the input's line, from 1.
    pub line: u64,
    /// The offset of the line's start in the input, in bytes.
    pub offset: u64,
    /// True if an LF ends the line.
    pub is_terminated: bool,
    /// The broken rule.
    pub fault: Box<Fault>,
}

/// The message of a rejection.
struct Message<'r>(&'r Rejection);

impl fmt::Display for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Rejection { line, offset, is_terminated, fault } = self.0;
        write!(
            f,
            "input line {line} at byte {} (the line starts at byte {offset}) is rejected: {fault}",
            offset + fault.offset as u64
        )?;
        if !is_terminated {
            write!(f, "; the input ended without LF after this line")?;
        }
        if fault.rule == Rule::TimeOrder {
            write!(
                f,
                "\nif its time is right, this log already holds later inputs: check the directory; several strategies that share a log must share one clock"
            )?;
        }
        write!(
            f,
            "\nnothing of it was recorded, everything before it is; next: fix the line and send the input again: what is recorded is not recorded twice"
        )
    }
}

/// Computes the commits of inputs, in order.
#[derive(Debug)]
pub struct MetaOrchestrator {
    history: History,
    policy: Policy,
    strategy: SnapshotStrategy,
    /// The latest snapshot and the number of events that it covers.
    latest: Option<(SnapshotId, u64)>,
}

impl MetaOrchestrator {
    /// Creates an orchestrator that continues `history`, in which no tick is open, with this `latest` snapshot.
    pub fn new(
        history: History,
        latest: Option<(SnapshotId, u64)>,
        policy: Policy,
        strategy: SnapshotStrategy,
    ) -> Self {
        Self { history, policy, strategy, latest }
    }

    /// The history of all events that were computed so far.
    pub fn history(&mut self) -> &mut History {
        &mut self.history
    }

    /// The latest snapshot and the number of events that it covers.
    pub fn latest(&self) -> Option<(SnapshotId, u64)> {
        self.latest
    }

    /// Adds inputs to `commit` until it has `bytes_max` bytes or more to append; returns true if `inputs` may have
    /// more.
    ///
    /// # Errors
    ///
    /// The rejection of an input after which `inputs` does not go on. Nothing of this input is in the commit; every input before it is.
    pub fn fill<'b>(
        &mut self,
        inputs: &mut impl Inputs<'b>,
        commit: &mut Commit,
        bytes_max: u64,
    ) -> Result<bool, Rejection> {
        while let Some(input) = inputs.next() {
            if let Err(fault) = self.record(&input, commit) {
                let InputLine { sender, number: line, offset, bytes: _, is_terminated } = input;
                let rejection = Rejection { line, offset, is_terminated, fault };
                if !inputs.go_on_after(&rejection) {
                    return Err(rejection);
                }
                commit.acknowledgements.reject(sender, &rejection);
            }
            if commit.length() >= bytes_max {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Adds the events, snapshots and acknowledgement of one input.
    #[expect(
        clippy::expect_used,
        reason = "the tick is held to the grammar by tests, and a wrong log is worse than an abort"
    )]
    fn record(&mut self, line: &InputLine<'_>, commit: &mut Commit) -> Result<(), Box<Fault>> {
        let input = Input::parse(line.bytes)?;
        let outcome = match step(self.history.state(), &input, self.policy)? {
            Step::AlreadyRecorded => Outcome::AlreadyRecorded,
            Step::Events(events) => {
                for event in &events {
                    let recorded = self.history.record(event, &mut commit.events);
                    recorded.expect("the events of a tick keep the grammar");
                    let latest = self.latest.map_or(0, |(_, size)| size);
                    if self.strategy.is_due(event, latest, self.history.size()) {
                        self.take_snapshot(commit);
                    }
                }
                Outcome::Recorded(events.len() as u64)
            }
        };
        commit.acknowledgements.acknowledge(line, &input, outcome, &self.history);
        commit.inputs += 1;
        Ok(())
    }

    /// Adds a snapshot of the present ledger to `commit`; does nothing if the log is empty.
    pub fn take_snapshot(&mut self, commit: &mut Commit) {
        if let Some(snapshot) = Snapshot::of(&mut self.history) {
            let id = snapshot.write_line(&mut commit.snapshots);
            self.latest = Some((id, snapshot.audit_tree_size));
        }
    }
}
