//! Replay: from the stores to the state, in the source's order, with every check.
//!
//! 1. All audit events are loaded, in file order.
//! 2. Memory, lifecycles and ledger are reduced from them.
//! 3. The latest snapshot is loaded.
//! 4. The ledger is restored from it. The grammar needs the ledger at every event, so the fold has it
//!    anyway, and restoring means proving that snapshot and fold agree on size, root, time and positions.
//! 5. The caller wires the orchestrator.

use dreichor_core::event::{Body, DecisionEvaluated};
use dreichor_core::fault::{Fault, Rule};
use dreichor_core::id::DecisionId;
use dreichor_core::value::LogicalTime;
use dreichor_core::{Event, Hash, LINE_BYTES_MAX, Snapshot};
use dreichor_log::last::{End, find_end, find_nul, line_start};
use dreichor_log::{Line, Lines, Medium, ReadError, Stat, Tail};

use crate::error::Error;
use crate::history::History;
use crate::snapshot::{self, Latest};
use crate::store::Stores;

/// The stores, opened for one replay: what is appended later is not seen.
pub struct Replay<'s, M: Medium> {
    stores: &'s Stores<M>,
    snapshots: Opened<M>,
    snapshots_end: End,
    latest: Option<Result<Latest, Box<Fault>>>,
    events: Opened<M>,
}

type Opened<M> = Option<(<M as Medium>::File, Stat)>;

/// A log's last tick, if its last events are missing.
#[derive(Debug, Clone)]
pub struct InterruptedTick {
    /// The line of its DECISION_EVALUATED, from 1.
    pub line: u64,
    /// Where that line starts.
    pub offset: u64,
    /// When it was decided.
    pub time: LogicalTime,
    /// The decision, from which the whole tick can be computed again.
    pub decision: DecisionEvaluated,
}

/// What replay found, all of it checked.
#[derive(Debug)]
pub struct Replayed {
    /// State and tree.
    pub history: History,
    /// The latest snapshot.
    pub latest: Option<Latest>,
    /// The log's whole lines, in bytes.
    pub events_bytes: u64,
    /// What stands behind them.
    pub events_tail: Option<Tail>,
    /// The snapshots' whole lines, in bytes.
    pub snapshots_bytes: u64,
    /// What stands behind the snapshots' whole lines.
    pub snapshots_tail: Option<Tail>,
    /// The last tick, if it is not whole.
    pub interrupted: Option<InterruptedTick>,
}

impl Replayed {
    /// The decision of the tick that is not whole.
    pub fn interrupted_decision(&self) -> Option<DecisionId> {
        self.interrupted.as_ref().map(|tick| tick.decision.decision_id)
    }
}

/// Is told of each event once it is folded, and now and then of the progress.
pub trait Watch {
    /// The event on `line`, with its leaf hash, was folded into `history`.
    fn event(
        &mut self,
        line: Line<'_>,
        event: &Event<'_>,
        leaf: Hash,
        history: &History,
    ) -> Result<(), Error> {
        let _ = (line, event, leaf, history);
        Ok(())
    }

    /// `done` of `total` bytes were read.
    fn progress(&mut self, done: u64, total: u64) {
        let _ = (done, total);
    }
}

/// Watches nothing.
impl Watch for () {}

/// How often progress is told, in bytes.
const PROGRESS_BYTES: u64 = 4 << 20;

impl<'s, M: Medium> Replay<'s, M> {
    /// Opens the stores: first fixes the length of the snapshots, then that of the log, so that beside a
    /// running writer every snapshot that is seen is of events that are seen.
    pub fn open(stores: &'s Stores<M>) -> Result<Self, Error> {
        let snapshots = stores.snapshots.open()?;
        let unreadable = |error: ReadError| stores.snapshots.unreadable(&error);
        let snapshots_end = match &snapshots {
            Some((file, stat)) => find_end(file, stat.size).map_err(unreadable)?,
            None => End { last_line: None, tail: None },
        };
        let events = stores.events.open()?;
        // Its size must be known before the fold comes by; a fault in it is told only after the log's own.
        let latest = match (&snapshots, snapshots_end.last_line) {
            (Some((file, _)), Some(line)) => {
                let log_bytes = events.as_ref().map_or(0, |(_, stat)| stat.size);
                let read = snapshot::read(file, line.offset, line.length, log_bytes).map_err(unreadable)?;
                Some(read.map(|(_, latest)| latest))
            }
            (Some(_), None) | (None, _) => None,
        };
        Ok(Self { stores, snapshots, snapshots_end, latest, events })
    }

    /// The events that the latest snapshot says it covers, before it is known to be right; 0 if there is none.
    pub fn latest_size(&self) -> u64 {
        match &self.latest {
            Some(Ok(latest)) => latest.snapshot.audit_tree_size,
            Some(Err(_)) | None => 0,
        }
    }

    /// Refuses snapshots with a hole, for a writer: replay reads the latest only, but a crash may have kept a
    /// later part of the last batch and not an earlier one, and the writer that goes on would bury the hole.
    /// Of the snapshots before the latest, the last `unsynced_bytes` are read.
    pub fn refuse_hole(&self, unsynced_bytes: u64) -> Result<(), Error> {
        let Some((file, _)) = &self.snapshots else { return Ok(()) };
        let Some(latest) = self.snapshots_end.last_line else { return Ok(()) };
        let store = &self.stores.snapshots;
        let from = latest.offset.saturating_sub(unsynced_bytes);
        let found = find_nul(file, from, latest.offset).map_err(|error| store.unreadable(&error))?;
        let Some(offset) = found else { return Ok(()) };
        let start = line_start(file, offset).map_err(|error| store.unreadable(&error))?;
        let within = usize::try_from(offset - start).unwrap_or(usize::MAX);
        let expected =
            "snapshots without a NUL: the medium kept later parts of a batch that was never acknowledged";
        let fault = Fault::new(Rule::SnapshotHole, within, "", "a NUL byte", expected);
        Err(store.malformed_at(file, start, fault))
    }

    /// Folds the whole log and checks the latest snapshot against it.
    pub fn run(self, watch: &mut impl Watch) -> Result<Replayed, Error> {
        let store = &self.stores.events;
        let mut history = History::new();
        let mut tick_start = None;
        let mut snapshot_fault = None;
        let (mut events_bytes, mut events_tail) = (0, None);
        if let Some((file, stat)) = &self.events {
            let mut lines = Lines::new(file, stat.size, LINE_BYTES_MAX);
            let mut told = 0;
            while let Some(line) = lines.next_line().map_err(|error| store.unreadable(&error))? {
                let (event, leaf) =
                    Event::read_line(line.bytes).map_err(|fault| store.malformed(line, fault))?;
                history.push(&event, leaf).map_err(|fault| store.malformed(line, fault))?;
                if let Body::DecisionEvaluated(_) = event.body {
                    tick_start = Some((line.number, line.offset));
                }
                if let Some(Ok(latest)) = &self.latest
                    && latest.snapshot.audit_tree_size == line.number
                {
                    snapshot_fault = check_snapshot(&latest.snapshot, &history).err();
                }
                watch.event(line, &event, leaf, &history)?;
                if line.offset >= told {
                    watch.progress(line.offset, stat.size);
                    told = line.offset + PROGRESS_BYTES;
                }
            }
            events_bytes = lines.offset();
            events_tail = lines.tail();
        }
        let latest = self.check_latest(&history, snapshot_fault)?;
        let interrupted = find_interrupted(&history, tick_start)?;
        Ok(Replayed {
            history,
            latest,
            events_bytes,
            events_tail,
            snapshots_bytes: self.snapshots_bytes(),
            snapshots_tail: self.snapshots_end.tail,
            interrupted,
        })
    }

    fn snapshots_bytes(&self) -> u64 {
        let size = self.snapshots.as_ref().map_or(0, |(_, stat)| stat.size);
        self.snapshots_end.tail.map_or(size, |tail| tail.offset)
    }

    fn check_latest(&self, history: &History, fault: Option<Box<Fault>>) -> Result<Option<Latest>, Error> {
        let latest = match &self.latest {
            None => return Ok(None),
            Some(Err(fault)) => return Err(self.snapshot_malformed(fault.clone())),
            Some(Ok(latest)) => latest,
        };
        let covered = latest.snapshot.audit_tree_size;
        let size = history.tree().size();
        let fault = fault.or_else(|| (covered > size).then(|| snapshot_ahead(covered, size)));
        match fault {
            Some(fault) => Err(self.snapshot_malformed(fault)),
            None => Ok(Some(latest.clone())),
        }
    }

    fn snapshot_malformed(&self, fault: Box<Fault>) -> Error {
        let store = &self.stores.snapshots;
        let offset = self.snapshots_end.last_line.map_or(0, |line| line.offset);
        let Some((file, _)) = &self.snapshots else {
            return Error::Internal("a snapshot without a file".into());
        };
        store.malformed_at(file, offset, fault)
    }
}

/// The tick whose last events are missing, if `history` ends within one.
fn find_interrupted(
    history: &History,
    tick_start: Option<(u64, u64)>,
) -> Result<Option<InterruptedTick>, Error> {
    let Some(id) = history.state().open_tick() else { return Ok(None) };
    let (Some((line, offset)), Some(decision)) = (tick_start, history.state().memory().decision(id)) else {
        return Err(Error::Internal("an open tick without its decision".into()));
    };
    let time = decision.first_seen_logical_time();
    Ok(Some(InterruptedTick { line, offset, time, decision: decision.evaluated() }))
}

/// The fault of a snapshot of more events than the log has.
pub fn snapshot_ahead(covered: u64, events: u64) -> Box<Fault> {
    Fault::new(
        Rule::SnapshotAhead,
        0,
        "auditTreeSize",
        covered.to_string(),
        format!("at most {events}, the number of events in the log"),
    )
}

/// Whether the snapshot says what the events that it covers, which are all of `history`, add up to.
pub fn check_snapshot(snapshot: &Snapshot<'_>, history: &History) -> Result<(), Box<Fault>> {
    let state = history.state();
    if let Some(decision) = state.open_tick() {
        return Err(Fault::new(
            Rule::SnapshotBoundary,
            0,
            "auditTreeSize",
            format!("{}, within the tick of decision {decision}", snapshot.audit_tree_size),
            "the number of an event that ends a tick or is feedback",
        ));
    }
    let root = history.tree().root();
    if snapshot.audit_root_hash != root {
        return Err(Fault::new(
            Rule::SnapshotRoot,
            0,
            "auditRootHash",
            snapshot.audit_root_hash.to_string(),
            format!("{root}, the root of the log's first {} events", snapshot.audit_tree_size),
        ));
    }
    if Some(snapshot.logical_time) != state.last_logical_time() {
        let last = state.last_logical_time().map_or(0, LogicalTime::get);
        return Err(Fault::new(
            Rule::SnapshotTime,
            0,
            "logicalTime",
            snapshot.logical_time.to_string(),
            format!("{last}, the time of event {}", snapshot.audit_tree_size),
        ));
    }
    let (found, expected) = (&*snapshot.positions, state.ledger().positions());
    if found != expected {
        let differs = |market| found.get(market) != expected.get(market);
        let market = expected.keys().chain(found.keys()).find(|market| differs(*market));
        return Err(Fault::new(
            Rule::SnapshotPositions,
            0,
            market.map_or_else(String::new, |market| format!("positions.{market}")),
            "another position",
            format!("the position that the log's first {} events add up to", snapshot.audit_tree_size),
        ));
    }
    Ok(())
}
