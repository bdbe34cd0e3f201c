//! Ingest: records inputs as durable events and acknowledges them.
//!
//! ```text
//! input ──batch──▶ lines ──orchestrator──▶ Commit ──committer──▶ events durable ▸ acknowledged ▸ snapshots durable
//! ```
//!
//! A small batch is computed and then committed on one thread. Of a large batch, the next commit is computed on a
//! second thread while this thread syncs the commit before it. Only this thread reads, writes and syncs. Both ways
//! write the same bytes and the same acknowledgements.

use std::io;
use std::thread;

use dreichor_core::History;
use dreichor_core::id::SnapshotId;
use dreichor_core::tick::Policy;
use dreichor_log::WriteMedium;
use dreichor_replay::{Progress, Receipt, Stores};

use crate::acknowledgement::Acknowledgements;
use crate::batch::{Batcher, Inputs, Next, Source};
use crate::committer::Committer;
use crate::orchestrator::{Commit, MetaOrchestrator, Rejection};
use crate::recovery::Recovered;
use crate::writing::{Commits, WriteError};

/// Why ingest ended before its input. The session must not be used again.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// A store could not be used or written to.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// An input breaks a rule. Nothing of it was recorded; every input before it is durable and acknowledged.
    #[error(transparent)]
    Rejected(Rejection),
    /// The input could not be read to its end. Every line that was read before is durable and acknowledged.
    #[error(
        "the input could not be read to its end: {0}\nwhat was acknowledged is recorded; next: fix the input and send it again: what is recorded is not recorded twice"
    )]
    Unreadable(#[source] io::Error),
    /// An acknowledgement could not be delivered. The events and snapshots of its commit are durable.
    #[error(
        "an acknowledgement could not be delivered: {0}\nthe pending batch is recorded; next: send again what was not acknowledged: what is recorded is not recorded twice"
    )]
    Acknowledgement(#[source] io::Error),
}

impl From<dreichor_replay::Error> for IngestError {
    fn from(error: dreichor_replay::Error) -> Self {
        Self::Write(error.into())
    }
}

/// The end of ingest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The input ended.
    AtEnd,
    /// The process was asked to end. Everything that was computed by then is durable and acknowledged.
    Interrupted,
}

/// An orchestrator and a committer that work on the same stores.
pub struct Session<'s, M: WriteMedium> {
    orchestrator: MetaOrchestrator,
    committer: Committer<'s, M>,
    commits: Commits,
    /// The commit that was computed and is not durable yet.
    pending: Commit,
    /// The buffers of the next commit.
    next: Commit,
}

/// Delivers acknowledgements to their senders.
pub type Deliver<'d> = &'d mut dyn FnMut(&Acknowledgements) -> io::Result<()>;

impl<'s, M: WriteMedium> Session<'s, M> {
    /// Creates a session on stores that recovery has completed. The caller holds their locks.
    ///
    /// # Errors
    ///
    /// A store cannot be opened for appending. Nothing was written.
    pub fn new(
        stores: &'s Stores<M>,
        recovered: Recovered,
        policy: Policy,
        commits: impl Into<Commits>,
    ) -> Result<Self, WriteError> {
        let commits = commits.into();
        let Recovered { history, events_bytes, snapshots_bytes, latest } = recovered;
        Ok(Self {
            orchestrator: MetaOrchestrator::new(history, latest, policy, commits.strategy),
            committer: Committer::open(stores, events_bytes, snapshots_bytes)?,
            commits,
            pending: Commit::default(),
            next: Commit::default(),
        })
    }

    /// The history of everything that was computed; the pending commit may not be durable yet.
    pub fn history(&mut self) -> &mut History {
        self.orchestrator.history()
    }

    /// The receipt of the stores, when no commit is pending.
    pub fn receipt(&mut self) -> Receipt {
        let (bytes, latest) = (self.committer.events_bytes(), self.latest());
        Receipt::of_whole(self.history(), bytes, latest)
    }

    /// The latest snapshot and the number of events that it covers.
    pub fn latest(&self) -> Option<(SnapshotId, u64)> {
        self.orchestrator.latest()
    }

    /// The number of acknowledged inputs.
    pub fn acknowledged(&self) -> u64 {
        self.committer.acknowledged()
    }

    /// Records every batch of `batcher` and delivers the acknowledgements by `deliver`.
    ///
    /// If the process is asked to end, the pending commit and the one that is computed meanwhile are finished first.
    ///
    /// # Errors
    ///
    /// Every input that was read before the error is durable and acknowledged, unless the error says otherwise.
    pub fn run<S: Source>(
        &mut self,
        batcher: &mut Batcher<S>,
        deliver: &mut dyn FnMut(&[u8]) -> io::Result<()>,
        progress: &mut impl Progress,
    ) -> Result<Ended, IngestError> {
        let total = batcher.length();
        let deliver: Deliver<'_> = &mut |acknowledgements| deliver(acknowledgements.lines());
        loop {
            // The loop must not wait for input while a commit is pending: the upstream may wait for its answer.
            if !self.pending.is_empty() && !batcher.has_more() {
                self.commit(deliver)?;
            }
            let ended = match batcher.next_batch() {
                Ok(Next::Batch(batch)) => {
                    self.record(&mut batch.lines(), batch.length(), deliver)?;
                    if let Some(total) = total {
                        progress.advance(batch.end(), total);
                    }
                    continue;
                }
                Ok(Next::End) => Ok(Ended::AtEnd),
                Ok(Next::Nothing) => Ok(Ended::Interrupted),
                Err(error) => Err(IngestError::Unreadable(error)),
            };
            self.commit(deliver)?;
            return ended;
        }
    }

    /// Records these inputs, which have about so many `bytes`, in one commit unless they make more than one may have, and
    /// delivers the acknowledgements by `deliver`.
    ///
    /// # Errors
    ///
    /// As [`Session::run`].
    pub fn record_all<'b>(
        &mut self,
        inputs: &mut (impl Inputs<'b> + Send),
        bytes: usize,
        deliver: Deliver<'_>,
    ) -> Result<(), IngestError> {
        self.record(inputs, bytes, deliver)?;
        self.commit(deliver)
    }

    /// Computes the commits of these inputs, and makes all but the last durable; the last stays pending.
    fn record<'b>(
        &mut self,
        inputs: &mut (impl Inputs<'b> + Send),
        bytes: usize,
        deliver: Deliver<'_>,
    ) -> Result<(), IngestError> {
        let is_large = bytes >= self.commits.beside_bytes_min;
        loop {
            let Self { orchestrator, committer, commits, pending, next } = self;
            next.clear();
            let bytes_max = commits.bytes_max;
            let mut fill = || orchestrator.fill(inputs, next, bytes_max);
            let filled = if is_large && !pending.is_empty() {
                let (filled, committed) = thread::scope(|scope| {
                    let filling = scope.spawn(fill);
                    let committed = committer.commit(pending, deliver);
                    (filling.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)), committed)
                });
                committed?;
                filled
            } else {
                committer.commit(pending, deliver)?;
                fill()
            };
            std::mem::swap(pending, next);
            match filled {
                Ok(true) => {}
                Ok(false) => return Ok(()),
                Err(rejection) => {
                    self.commit(deliver)?;
                    return Err(IngestError::Rejected(rejection));
                }
            }
        }
    }

    /// Makes the pending commit durable.
    fn commit(&mut self, deliver: Deliver<'_>) -> Result<(), IngestError> {
        self.committer.commit(&self.pending, deliver)?;
        self.pending.clear();
        Ok(())
    }

    /// Writes one snapshot of the present ledger; none if the latest covers the whole log or the log is empty.
    ///
    /// # Errors
    ///
    /// The snapshot was not written, or may be written; the message says which.
    pub fn snapshot(&mut self) -> Result<Option<(SnapshotId, u64)>, IngestError> {
        let size = self.history().size();
        if size == 0 || self.latest().is_some_and(|(_, latest)| latest == size) {
            return Ok(None);
        }
        self.orchestrator.take_snapshot(&mut self.pending);
        self.commit(&mut |_| Ok(()))?;
        Ok(self.latest())
    }
}
