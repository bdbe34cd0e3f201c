//! Ingest: inputs become events, durably, and are acknowledged.
//!
//! ```text
//! input ──batch──▶ lines ──orchestrator──▶ Commit ──committer──▶ events durable ▸ acknowledged ▸ snapshots durable
//! ```
//!
//! A single input is computed and committed in turn on one thread. Of many inputs, the next commit is computed on a
//! second thread while this one syncs the commit before it. Only this thread reads, writes and syncs; the files and
//! acknowledgements are the same both ways.

use std::fmt;
use std::io;
use std::thread;

use dreichor_core::History;
use dreichor_core::id::SnapshotId;
use dreichor_core::tick::Policy;
use dreichor_log::WriteMedium;
use dreichor_replay::{Progress, Receipt, Stores};

use crate::batch::{Batch, Batcher, Next, Source};
use crate::committer::Committer;
use crate::orchestrator::{Commit, MetaOrchestrator, Rejection};
use crate::recovery::Recovered;
use crate::writing::{Commits, WriteError};

/// Why an ingestion ended before its input did. After any of these the session is over.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// A store could not be written to.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// An input breaks a rule. Nothing of it was recorded; everything before it was, and is acknowledged.
    #[error("{}", Rejected(.0))]
    Rejected(Rejection),
    /// The input could not be read to its end. What was read before is durable and acknowledged.
    #[error(
        "the input could not be read to its end: {0}\nwhat was acknowledged is recorded; next: mend the input and send it again: what is recorded is not recorded twice"
    )]
    Unreadable(#[source] io::Error),
    /// An acknowledgement could not be delivered.
    #[error(
        "an acknowledgement could not be delivered: {0}\nthe batch in hand is recorded; next: send again what was not acknowledged: what is recorded is not recorded twice"
    )]
    Acknowledgement(#[source] io::Error),
}

impl From<dreichor_replay::Error> for IngestError {
    fn from(error: dreichor_replay::Error) -> Self {
        Self::Write(error.into())
    }
}

/// The message of a rejected input.
struct Rejected<'r>(&'r Rejection);

impl fmt::Display for Rejected<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Rejection { line, offset, is_terminated, fault } = self.0;
        write!(
            f,
            "input line {line} at byte {} (the line starts at byte {offset}) is rejected: {fault}",
            offset + fault.offset as u64
        )?;
        if !is_terminated {
            write!(f, "; the input ended without LF behind this line")?;
        }
        write!(
            f,
            "\nnothing of it was recorded, everything before it is; next: mend the line and send the input again: what is recorded is not recorded twice"
        )
    }
}

/// How an ingestion ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// With the end of its input.
    AtEnd,
    /// Because an end was asked for. The pending batch was finished.
    Interrupted,
}

/// An orchestrator and a committer at work on the same stores.
pub struct Session<'s, M: WriteMedium> {
    orchestrator: MetaOrchestrator,
    committer: Committer<'s, M>,
    commits: Commits,
    /// The commit that is computed and not durable yet.
    pending: Commit,
    /// The buffers of the next one.
    next: Commit,
}

type Deliver<'d> = &'d mut dyn FnMut(&[u8]) -> io::Result<()>;

impl<'s, M: WriteMedium> Session<'s, M> {
    /// A session on stores that recovery has made whole. The caller holds their locks.
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

    /// Everything that is recorded.
    pub fn history(&mut self) -> &mut History {
        self.orchestrator.history()
    }

    /// The receipt of the stores.
    pub fn receipt(&mut self) -> Receipt {
        let (bytes, latest) = (self.committer.events_bytes(), self.latest());
        Receipt::of_whole(self.history(), bytes, latest)
    }

    /// The latest snapshot, and how many events it covers.
    pub fn latest(&self) -> Option<(SnapshotId, u64)> {
        self.orchestrator.latest()
    }

    /// The last input line that is acknowledged, from 1; 0 if none is.
    pub fn acknowledged(&self) -> u64 {
        self.committer.acknowledged()
    }

    /// Records everything that `batcher` returns, and has `deliver` deliver the acknowledgements.
    ///
    /// # Errors
    ///
    /// Whatever the error, everything before it that was read is durable and acknowledged, unless the error says
    /// otherwise.
    pub fn run<S: Source>(
        &mut self,
        batcher: &mut Batcher<S>,
        deliver: Deliver<'_>,
        progress: &mut impl Progress,
    ) -> Result<Ended, IngestError> {
        let total = batcher.length();
        loop {
            // Nobody is waited for while a commit is pending.
            if !self.pending.is_empty() && !batcher.has_more() {
                self.commit(deliver)?;
            }
            let ended = match batcher.next_batch() {
                Ok(Next::Batch(batch)) => {
                    self.record(batch, deliver)?;
                    if let Some(total) = total {
                        progress.advance(batch.end(), total);
                    }
                    continue;
                }
                Ok(Next::End) => Ok(Ended::AtEnd),
                Ok(Next::Interrupted) => Ok(Ended::Interrupted),
                Err(error) => Err(IngestError::Unreadable(error)),
            };
            self.commit(deliver)?;
            return ended;
        }
    }

    /// Computes the commits of a batch. The last of them stays pending.
    fn record(&mut self, batch: Batch<'_>, deliver: Deliver<'_>) -> Result<(), IngestError> {
        let is_large = batch.length() >= self.commits.beside_bytes_min;
        let mut inputs = batch.lines();
        loop {
            let Self { orchestrator, committer, commits, pending, next } = self;
            next.clear();
            let bytes_max = commits.bytes_max;
            let mut fill = || orchestrator.fill(&mut inputs, next, bytes_max);
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

    /// Takes one snapshot of the present ledger; none if the latest is of the same size or there is no event.
    ///
    /// # Errors
    ///
    /// The snapshot was not written, or may not have been.
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
