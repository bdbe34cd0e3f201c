//! Replay: computes the state from the stores, in the source's order, with every check.
//!
//! 1. Load all audit events, in file order.
//! 2. Reduce memory, lifecycles and ledger from them.
//! 3. Load the latest snapshot.
//! 4. Restore the ledger from it. The grammar needs the ledger at every event, so the fold has it anyway; restoring
//!    therefore means to check that snapshot and fold agree on size, root, time and positions.
//! 5. The caller wires the orchestrator.

use dreichor_core::History;
use dreichor_core::fault::{Fault, Rule};
use dreichor_core::id::{DecisionId, SnapshotId};
use dreichor_log::last::{End, find_end, find_nul, line_start};
use dreichor_log::{Medium, ReadError, Tail};

use crate::directories::Directories;
use crate::error::Error;
use crate::fold::{Entry, Fold};
use crate::interrupted::InterruptedTick;
use crate::progress::Progress;
use crate::snapshot::{self, Latest};
use crate::store::Stores;

/// The stores, opened for one replay. It does not see what is appended later.
///
/// [`Replay::next`] applies one event after the other. [`Replay::finish`] applies the rest and makes the checks that
/// are possible only at the end.
pub struct Replay<'s, M: Medium> {
    stores: &'s Stores<M>,
    snapshots: Option<Snapshots<M>>,
    fold: Fold<'s, M>,
    snapshot_fault: Option<Box<Fault>>,
}

/// The file of the snapshots, and the latest one.
struct Snapshots<M: Medium> {
    file: M::File,
    size: u64,
    end: End,
    /// The offset of the last line in bytes, and the snapshot in it or the fault of the line.
    latest: Option<(u64, Result<Latest, Box<Fault>>)>,
}

/// The content of the stores, fully checked.
#[derive(Debug)]
pub struct Replayed {
    /// The state and the tree.
    pub history: History,
    /// The latest snapshot.
    pub latest: Option<Latest>,
    /// The size of the log's whole lines, in bytes.
    pub events_bytes: u64,
    /// The unterminated tail of the log.
    pub events_tail: Option<Tail>,
    /// The size of the snapshots' whole lines, in bytes.
    pub snapshots_bytes: u64,
    /// The unterminated tail of the snapshots.
    pub snapshots_tail: Option<Tail>,
    /// The interrupted tick, if there is one.
    pub interrupted: Option<InterruptedTick>,
}

impl Replayed {
    /// Replays the stores for a reader: takes no lock, needs no writable directory, and only warns of files that a
    /// writer would refuse.
    ///
    /// # Errors
    ///
    /// The stores cannot be read, or are malformed.
    pub fn read(directories: &Directories, progress: &mut impl Progress) -> Result<Self, Error> {
        let stores = Stores::open_to_read(directories)?;
        let replayed = Replay::open(&stores)?.run(progress)?;
        replayed.warn_of_tail();
        Ok(replayed)
    }

    /// Logs a warning for each unterminated tail and for an interrupted tick.
    pub fn warn_of_tail(&self) {
        let tails = [("audit events", self.events_tail), ("snapshots", self.snapshots_tail)];
        for (store, tail) in tails.into_iter().filter_map(|(store, tail)| tail.map(|tail| (store, tail))) {
            tracing::warn!(
                store,
                offset = tail.offset,
                bytes = tail.length,
                "ignored unterminated bytes after the last line: a write in progress, or an interrupted one"
            );
        }
        if let Some(tick) = &self.interrupted {
            tracing::warn!(
                decisionId = %tick.decision.decision_id,
                line = tick.line,
                "the last tick is not complete: a write in progress, or an interrupted one; the next writer completes it"
            );
        }
    }

    /// The id of the latest snapshot and the number of events that it covers.
    pub fn latest(&self) -> Option<(SnapshotId, u64)> {
        self.latest.as_ref().map(|latest| (latest.id, latest.snapshot.audit_tree_size))
    }

    /// The decision of the interrupted tick, if there is one.
    pub fn interrupted_decision(&self) -> Option<DecisionId> {
        self.interrupted.as_ref().map(|tick| tick.decision.decision_id)
    }
}

impl<'s, M: Medium> Replay<'s, M> {
    /// Opens the stores. Fixes the length of the snapshots first and that of the log second, so that beside a running
    /// writer the log holds the events of every snapshot that is read.
    ///
    /// # Errors
    ///
    /// A store cannot be read. A fault of the latest snapshot is returned only after those of the log.
    pub fn open(stores: &'s Stores<M>) -> Result<Self, Error> {
        let snapshots = stores.snapshots.open()?.map(|(file, stat)| (file, stat.size));
        let log = stores.events.open()?.map(|(file, stat)| (file, stat.size));
        Self::of(stores, snapshots, log)
    }

    /// Creates a replay of opened files, each with the length that is read of it. That of the snapshots was fixed first.
    ///
    /// # Errors
    ///
    /// As of [`Replay::open`].
    pub fn of(
        stores: &'s Stores<M>,
        snapshots: Option<(M::File, u64)>,
        log: Option<(M::File, u64)>,
    ) -> Result<Self, Error> {
        let unreadable = |error: ReadError| stores.snapshots.unreadable(error, 0);
        let log_bytes = log.as_ref().map_or(0, |(_, size)| *size);
        let snapshots = match snapshots {
            Some((file, size)) => {
                let end = find_end(&file, size).map_err(unreadable)?;
                // The snapshot's size must be known before the fold reaches it. A fault in it is reported after those
                // of the log.
                let read = |line: dreichor_log::last::LastLine| {
                    let read =
                        snapshot::read(&file, line.offset, line.length, log_bytes).map_err(unreadable)?;
                    Ok((line.offset, read.map(|(_, latest)| latest)))
                };
                let latest = end.last_line.map(read).transpose()?;
                Some(Snapshots { file, size, end, latest })
            }
            None => None,
        };
        let fold = Fold::new(&stores.events, log.map(|(file, _)| file), log_bytes);
        Ok(Self { stores, snapshots, fold, snapshot_fault: None })
    }

    /// The latest snapshot, not checked against the log yet.
    fn latest(&self) -> Option<&Latest> {
        self.snapshots.as_ref()?.latest.as_ref()?.1.as_ref().ok()
    }

    /// The number of events that the latest snapshot claims to cover, not checked yet; 0 if there is no snapshot.
    pub fn latest_size(&self) -> u64 {
        self.latest().map_or(0, |latest| latest.snapshot.audit_tree_size)
    }

    /// The log's file; none: the log is missing, which is an empty log.
    pub(crate) fn log_file(&self) -> Option<&M::File> {
        self.fold.file()
    }

    /// The size of the log in bytes when it was opened.
    pub fn end(&self) -> u64 {
        self.fold.end()
    }

    /// Checks for a writer that the snapshots have no hole. Replay reads the latest snapshot only, but a crash may have
    /// kept a later part of the last batch and lost an earlier one; a writer that continued would bury the hole. Reads
    /// the last `unsynced_bytes` bytes before the latest snapshot.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] by the rule `snapshot-hole`, or [`Error::Unavailable`].
    pub fn refuse_hole(&self, unsynced_bytes: u64) -> Result<(), Error> {
        let Some(Snapshots { file, end: End { last_line: Some(latest), .. }, .. }) = &self.snapshots else {
            return Ok(());
        };
        let store = &self.stores.snapshots;
        let unreadable = |error: ReadError| store.unreadable(error, 0);
        let from = latest.offset.saturating_sub(unsynced_bytes);
        let found = find_nul(file, from, latest.offset).map_err(unreadable)?;
        let Some(offset) = found else { return Ok(()) };
        let start = line_start(file, offset).map_err(unreadable)?;
        let within = usize::try_from(offset - start).unwrap_or(usize::MAX);
        let expected =
            "snapshots without a NUL: the medium kept later parts of a batch that was never acknowledged";
        let fault = Fault::new(Rule::SnapshotHole, within, "", "a NUL byte", expected);
        Err(store.malformed_at(file, start, fault))
    }

    /// Applies the next event; none if no line follows.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong with the log, in file order. The replay is then over.
    #[expect(
        clippy::should_implement_trait,
        reason = "an entry borrows from the replay, as no Iterator's item can"
    )]
    #[inline]
    pub fn next(&mut self) -> Result<Option<Entry<'_>>, Error> {
        let covered = self.latest_size();
        let Some(entry) = self.fold.next()? else { return Ok(None) };
        if entry.line.number == covered
            && let Some(Snapshots { latest: Some((_, Ok(latest))), .. }) = &self.snapshots
        {
            self.snapshot_fault = latest.snapshot.check(entry.history).err();
        }
        Ok(Some(entry))
    }

    /// Applies all events, and checks the latest snapshot against them.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong: of the log, in file order, then of the latest snapshot.
    pub fn run(mut self, progress: &mut impl Progress) -> Result<Replayed, Error> {
        let total = self.end();
        while let Some(entry) = self.next()? {
            progress.advance(entry.line.offset, total);
        }
        self.finish()
    }

    /// Applies the events that are left, and checks the latest snapshot against the log.
    ///
    /// # Errors
    ///
    /// As of [`Replay::run`].
    pub fn finish(mut self) -> Result<Replayed, Error> {
        while self.next()?.is_some() {}
        let latest = self.check_latest()?;
        let interrupted = self.interrupted_tick();
        let (snapshots_bytes, snapshots_tail) = match &self.snapshots {
            Some(Snapshots { size, end, .. }) => (end.tail.map_or(*size, |tail| tail.offset), end.tail),
            None => (0, None),
        };
        Ok(Replayed {
            latest,
            events_bytes: self.fold.offset(),
            events_tail: self.fold.tail(),
            snapshots_bytes,
            snapshots_tail,
            interrupted,
            history: self.fold.into_history(),
        })
    }

    fn check_latest(&mut self) -> Result<Option<Latest>, Error> {
        let events = self.fold.history().size();
        let Some(Snapshots { file, latest: Some((offset, latest)), .. }) = &self.snapshots else {
            return Ok(None);
        };
        let checked = latest.clone().and_then(|latest| match self.snapshot_fault.take() {
            Some(fault) => Err(fault),
            None => latest.snapshot.check_not_ahead(events).map(|()| latest),
        });
        checked.map(Some).map_err(|fault| self.stores.snapshots.malformed_at(file, *offset, fault))
    }

    /// The interrupted tick, if the log ends within a tick.
    #[expect(clippy::expect_used, reason = "an open tick has begun with its decision, on a line")]
    fn interrupted_tick(&mut self) -> Option<InterruptedTick> {
        let tick_start = self.fold.tick_start();
        let state = self.fold.history().state();
        let id = state.open_tick()?;
        let (line, offset) = tick_start.expect("an open tick has begun on a line");
        let decision = state.memory().decision(id).expect("an open tick's decision is remembered");
        let time = decision.first_seen_logical_time();
        Some(InterruptedTick { line, offset, time, decision: decision.evaluated() })
    }
}
