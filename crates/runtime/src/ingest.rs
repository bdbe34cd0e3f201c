//! Ingest: inputs become events, durably, and are acknowledged.
//!
//! Per commit: compute all events; append them in one write, and sync; the same for their snapshots; then
//! acknowledge. The order is the promise: what is acknowledged is durable, and what a snapshot speaks of is
//! durable before it.

use std::io;

use dreichor_core::fault::Fault;
use dreichor_core::id::SnapshotId;
use dreichor_core::input::Input;
use dreichor_core::tick::{Policy, Step, step};
use dreichor_log::{AppendError, Appender, WriteMedium};
use dreichor_replay::{Error, History, Receipt, Stores};

use crate::acknowledgement::{self, Outcome};
use crate::batch::{Batch, InputLine};
use crate::recovery::Recovered;
use crate::snapshots::take;
use crate::writing::{Commits, WriteStore};

/// A writer at work.
pub struct Session<'s, M: WriteMedium> {
    stores: &'s Stores<M>,
    policy: Policy,
    commits: Commits,
    history: History,
    latest: Option<(SnapshotId, u64)>,
    events: Appender<'s, M>,
    snapshots: Appender<'s, M>,
    commit: Commit,
    /// Input lines that are acknowledged.
    acknowledged: u64,
}

const NOT_WRITTEN: &str = "not written";
const IN_DOUBT: &str = "in doubt, on disk or not";

/// What is computed but not yet durable.
#[derive(Debug, Default)]
struct Commit {
    events: Vec<u8>,
    snapshots: Vec<u8>,
    acknowledgements: Vec<u8>,
    last_line: u64,
}

impl<'s, M: WriteMedium> Session<'s, M> {
    /// A session on stores that recovery has made whole. The caller holds their locks.
    pub fn new(
        stores: &'s Stores<M>,
        recovered: Recovered,
        policy: Policy,
        commits: impl Into<Commits>,
    ) -> Result<Self, Error> {
        Ok(Self {
            stores,
            policy,
            commits: commits.into(),
            events: stores.events.open_appender(recovered.events_bytes)?,
            snapshots: stores.snapshots.open_appender(recovered.snapshots_bytes)?,
            history: recovered.history,
            latest: recovered.latest,
            commit: Commit::default(),
            acknowledged: 0,
        })
    }

    /// What is recorded.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// What the stores hold.
    pub fn receipt(&self) -> Receipt {
        Receipt::of_whole(&self.history, self.events.size(), self.latest)
    }

    /// The latest snapshot, and how many events it covers.
    pub fn latest(&self) -> Option<(SnapshotId, u64)> {
        self.latest
    }

    /// How many input lines are acknowledged.
    pub fn acknowledged(&self) -> u64 {
        self.acknowledged
    }

    /// Records a batch and hands the acknowledgements to `deliver`.
    ///
    /// # Errors
    ///
    /// [`Error::Rejected`] for the first input that breaks a rule; everything before it is durable and
    /// acknowledged. After any error the session is over.
    pub fn record(
        &mut self,
        batch: Batch<'_>,
        deliver: &mut dyn FnMut(&[u8]) -> io::Result<()>,
    ) -> Result<(), Error> {
        for line in batch.lines() {
            if let Err(fault) = self.take_in(line)? {
                self.commit(deliver)?;
                let InputLine { number, offset, is_terminated, .. } = line;
                return Err(Error::Rejected { line: number, offset, is_terminated, fault });
            }
            if (self.commit.events.len() + self.commit.snapshots.len()) as u64 >= self.commits.bytes_max {
                self.commit(deliver)?;
            }
        }
        self.commit(deliver)
    }

    /// Takes one snapshot of the present ledger; none if the latest is of the same size or there is no event.
    pub fn snapshot(&mut self) -> Result<Option<(SnapshotId, u64)>, Error> {
        let size = self.history.tree().size();
        if self.latest.is_some_and(|(_, latest)| latest == size) {
            return Ok(None);
        }
        self.take_snapshot();
        self.commit(&mut |_| Ok(()))?;
        Ok(self.latest.filter(|_| size > 0))
    }

    /// Adds what an input comes to to the commit in hand; the inner result is the input's own fault.
    fn take_in(&mut self, line: InputLine<'_>) -> Result<Result<(), Box<Fault>>, Error> {
        let parsed = Input::parse(line.bytes).and_then(|input| {
            let step = step(self.history.state(), &input, self.policy)?;
            Ok((input, step))
        });
        let (input, step) = match parsed {
            Ok(parsed) => parsed,
            Err(fault) => return Ok(Err(fault)),
        };
        let outcome = match step {
            Step::AlreadyRecorded => Outcome::AlreadyRecorded,
            Step::Events(events) => {
                for event in &events {
                    let recorded = self.history.record(event, &mut self.commit.events);
                    recorded.map_err(|fault| {
                        Error::Internal(format!(
                            "an event of input line {} breaks the grammar: {fault}",
                            line.number
                        ))
                    })?;
                    let latest = self.latest.map_or(0, |(_, size)| size);
                    if self.commits.strategy.is_due(event, latest, self.history.tree().size()) {
                        self.take_snapshot();
                    }
                }
                Outcome::Recorded(events.len() as u64)
            }
        };
        acknowledgement::write(
            &mut self.commit.acknowledgements,
            line.number,
            &input,
            outcome,
            &self.history,
        );
        self.commit.last_line = line.number;
        Ok(Ok(()))
    }

    fn take_snapshot(&mut self) {
        if let Some(snapshot) = take(&self.history) {
            let id = snapshot.write_line(&mut self.commit.snapshots);
            self.latest = Some((id, snapshot.audit_tree_size));
        }
    }

    /// Makes the commit in hand durable, then acknowledges it.
    fn commit(&mut self, deliver: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> Result<(), Error> {
        let commit = std::mem::take(&mut self.commit);
        self.append_events(&commit)?;
        self.append_snapshots(&commit)?;
        self.acknowledge(&commit, deliver)
    }

    fn append_events(&mut self, commit: &Commit) -> Result<(), Error> {
        if !commit.events.is_empty() {
            self.events.append(&commit.events).map_err(|error| {
                let fate = match &error {
                    AppendError::NotOurs(_) => NOT_WRITTEN,
                    AppendError::InDoubt { .. } | AppendError::Poisoned => IN_DOUBT,
                };
                self.stores.events.not_appended(error, self.tell(commit, fate))
            })?;
        }
        Ok(())
    }

    fn append_snapshots(&mut self, commit: &Commit) -> Result<(), Error> {
        if !commit.snapshots.is_empty() {
            self.snapshots.append(&commit.snapshots).map_err(|error| {
                let fate = match &error {
                    _ if commit.last_line > 0 => {
                        "durable but not acknowledged, and without snapshots until the next start writes them"
                    }
                    AppendError::NotOurs(_) => NOT_WRITTEN,
                    AppendError::InDoubt { .. } | AppendError::Poisoned => IN_DOUBT,
                };
                self.stores.snapshots.not_appended(error, self.tell(commit, fate))
            })?;
        }
        Ok(())
    }

    fn acknowledge(
        &mut self,
        commit: &Commit,
        deliver: &mut dyn FnMut(&[u8]) -> io::Result<()>,
    ) -> Result<(), Error> {
        if !commit.acknowledgements.is_empty() {
            deliver(&commit.acknowledgements)
                .map_err(|error| Error::Acknowledgement { problem: error.to_string() })?;
            self.acknowledged = commit.last_line;
        }
        Ok(())
    }

    /// What is acknowledged, and the fate of the inputs behind that.
    fn tell(&self, commit: &Commit, fate: &str) -> String {
        let acknowledged = match self.acknowledged {
            0 => "no input was acknowledged".into(),
            1 => "input line 1 is acknowledged and durable".into(),
            last => format!("input lines 1 to {last} are acknowledged and durable"),
        };
        let first = self.acknowledged + 1;
        let rest = match commit.last_line {
            0 => "the snapshot that was asked for".into(),
            last if last == first => format!("input line {last}"),
            last => format!("input lines {first} to {last}"),
        };
        format!("{acknowledged}; {fate}: {rest}")
    }
}
