//! The committer: makes commits durable, one after the other.
//!
//! For each commit it appends the events in one write and syncs them. Then it acknowledges the inputs: the events are
//! durable, and everything else can be computed from them. Then it appends the snapshots in one write and syncs them.
//! Nothing of the next commit is written before that.

use dreichor_log::{AppendError, Appender, WriteMedium};
use dreichor_replay::Stores;

use crate::ingest::{Deliver, IngestError};
use crate::orchestrator::Commit;
use crate::writing::{WriteError, WriteStore};

/// Appends commits to both stores and acknowledges their inputs.
pub struct Committer<'s, M: WriteMedium> {
    stores: &'s Stores<M>,
    events: Appender<'s, M>,
    snapshots: Appender<'s, M>,
    /// The number of acknowledged inputs.
    acknowledged: u64,
}

impl<'s, M: WriteMedium> Committer<'s, M> {
    /// Opens the stores for appending. Their files must have these sizes in bytes, and the caller holds their locks.
    ///
    /// # Errors
    ///
    /// A file cannot be opened, or is not the one that was locked, or has another size. Nothing was written.
    pub fn open(stores: &'s Stores<M>, events_bytes: u64, snapshots_bytes: u64) -> Result<Self, WriteError> {
        Ok(Self {
            stores,
            events: stores.events.open_appender(events_bytes)?,
            snapshots: stores.snapshots.open_appender(snapshots_bytes)?,
            acknowledged: 0,
        })
    }

    /// The size of the log in bytes. All of it is durable.
    pub fn events_bytes(&self) -> u64 {
        self.events.size()
    }

    /// The number of acknowledged inputs.
    pub fn acknowledged(&self) -> u64 {
        self.acknowledged
    }

    /// Makes a commit durable and delivers its acknowledgements by `deliver`.
    ///
    /// A failed delivery does not stop the commit: its snapshots are still written, and the error is returned after
    /// that.
    ///
    /// # Errors
    ///
    /// A write or sync failed, or the acknowledgements could not be delivered. The message says which inputs are
    /// acknowledged and what is in doubt. The committer must not be used again.
    pub fn commit(&mut self, commit: &Commit, deliver: Deliver<'_>) -> Result<(), IngestError> {
        self.append_events(commit)?;
        let delivered = self.acknowledge(commit, deliver);
        // The events are durable, so their snapshots are written even if the acknowledgements could not be delivered.
        self.append_snapshots(commit)?;
        delivered
    }

    fn append_events(&mut self, commit: &Commit) -> Result<(), IngestError> {
        if commit.events.is_empty() {
            return Ok(());
        }
        self.events.append(&commit.events).map_err(|error| {
            let first = self.acknowledged + 1;
            let inputs = match self.acknowledged + commit.inputs {
                last if last == first => format!("input {last}"),
                last => format!("inputs {first} to {last}"),
            };
            let consequence = format!("{}; {}: {inputs}", self.tell_acknowledged(), fate(&error));
            self.stores.events.not_appended(error, consequence).into()
        })
    }

    fn acknowledge(&mut self, commit: &Commit, deliver: Deliver<'_>) -> Result<(), IngestError> {
        if !commit.acknowledgements.is_empty() {
            deliver(&commit.acknowledgements).map_err(IngestError::Acknowledgement)?;
            self.acknowledged += commit.inputs;
        }
        Ok(())
    }

    fn append_snapshots(&mut self, commit: &Commit) -> Result<(), IngestError> {
        if commit.snapshots.is_empty() {
            return Ok(());
        }
        self.snapshots.append(&commit.snapshots).map_err(|error| {
            let consequence = match commit.inputs {
                0 => {
                    format!("{}; {}: the snapshot that was asked for", self.tell_acknowledged(), fate(&error))
                }
                _ => format!(
                    "{}: every input that was read; {}: their snapshots, which the next start writes",
                    self.tell_acknowledged(),
                    fate(&error)
                ),
            };
            self.stores.snapshots.not_appended(error, consequence).into()
        })
    }

    fn tell_acknowledged(&self) -> String {
        match self.acknowledged {
            0 => "no input was acknowledged".into(),
            1 => "input 1 is acknowledged and durable".into(),
            last => format!("inputs 1 to {last} are acknowledged and durable"),
        }
    }
}

fn fate(error: &AppendError) -> &'static str {
    match error {
        AppendError::NotOurs(_) => "not written",
        AppendError::InDoubt { .. } | AppendError::Poisoned => "may or may not be on disk",
    }
}
