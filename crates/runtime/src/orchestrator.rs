//! The Meta Orchestrator: inputs and state in, events out. It is pure: it knows no file and no stream, so the next
//! commit can be computed on one thread while another makes the commit before it durable.

use dreichor_core::fault::Fault;
use dreichor_core::id::SnapshotId;
use dreichor_core::input::Input;
use dreichor_core::tick::{Policy, Step, step};
use dreichor_core::{History, Snapshot};

use crate::acknowledgement::{self, Outcome};
use crate::batch::InputLine;
use crate::snapshots::SnapshotStrategy;

/// The bytes that inputs lead to, not durable yet.
#[derive(Debug, Default)]
pub struct Commit {
    /// Lines of the log.
    pub events: Vec<u8>,
    /// Lines of the snapshots.
    pub snapshots: Vec<u8>,
    /// One line for each input.
    pub acknowledgements: Vec<u8>,
    /// The number of the last input, from 1; 0 if there is none.
    pub last_line: u64,
}

impl Commit {
    /// True if there is nothing to write and nothing to acknowledge.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty() && self.snapshots.is_empty() && self.acknowledgements.is_empty()
    }

    /// The bytes to be written.
    fn length(&self) -> u64 {
        (self.events.len() + self.snapshots.len()) as u64
    }

    /// Empties the buffers, and keeps them.
    pub fn clear(&mut self) {
        self.events.clear();
        self.snapshots.clear();
        self.acknowledgements.clear();
        self.last_line = 0;
    }
}

/// An input that breaks a rule.
#[derive(Debug)]
pub struct Rejection {
    /// The input's line, from 1.
    pub line: u64,
    /// Where the line starts in the input, in bytes.
    pub offset: u64,
    /// True if an LF ended the line.
    pub is_terminated: bool,
    /// The broken rule.
    pub fault: Box<Fault>,
}

/// Turns inputs into events.
#[derive(Debug)]
pub struct MetaOrchestrator {
    history: History,
    policy: Policy,
    strategy: SnapshotStrategy,
    /// The latest snapshot, and how many events it covers.
    latest: Option<(SnapshotId, u64)>,
}

impl MetaOrchestrator {
    /// Goes on from `history`, in which no tick is open, and its latest snapshot.
    pub fn new(
        history: History,
        latest: Option<(SnapshotId, u64)>,
        policy: Policy,
        strategy: SnapshotStrategy,
    ) -> Self {
        Self { history, policy, strategy, latest }
    }

    /// Everything that was computed so far.
    pub fn history(&mut self) -> &mut History {
        &mut self.history
    }

    /// The latest snapshot, and how many events it covers.
    pub fn latest(&self) -> Option<(SnapshotId, u64)> {
        self.latest
    }

    /// Adds inputs to `commit` until it has `bytes_max` or more to be written; true if `inputs` may have more.
    ///
    /// # Errors
    ///
    /// The first input that breaks a rule. Nothing of it is in the commit, everything before it is.
    pub fn fill<'b>(
        &mut self,
        inputs: &mut impl Iterator<Item = InputLine<'b>>,
        commit: &mut Commit,
        bytes_max: u64,
    ) -> Result<bool, Rejection> {
        for input in inputs {
            let InputLine { number, offset, bytes, is_terminated } = input;
            self.record(number, bytes, commit).map_err(|fault| Rejection {
                line: number,
                offset,
                is_terminated,
                fault,
            })?;
            if commit.length() >= bytes_max {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Adds the events of one input.
    #[expect(
        clippy::expect_used,
        reason = "the tick is held to the grammar by tests, and a wrong log is worse than an abort"
    )]
    fn record(&mut self, number: u64, line: &[u8], commit: &mut Commit) -> Result<(), Box<Fault>> {
        let input = Input::parse(line)?;
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
        acknowledgement::write(&mut commit.acknowledgements, number, &input, outcome, &self.history);
        commit.last_line = number;
        Ok(())
    }

    /// Adds a snapshot of the present ledger to `commit`; none of an empty log.
    pub fn take_snapshot(&mut self, commit: &mut Commit) {
        if let Some(snapshot) = Snapshot::of(&mut self.history) {
            let id = snapshot.write_line(&mut commit.snapshots);
            self.latest = Some((id, snapshot.audit_tree_size));
        }
    }
}
