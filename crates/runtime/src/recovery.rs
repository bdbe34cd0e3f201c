//! Recovery: a writer completes the stores that a killed writer left. Recovery is itself crash-safe: it can be stopped
//! anywhere and started again, any number of times, and the files end the same.
//!
//! The order is: check everything, copy the unterminated tails and truncate them, complete the interrupted tick, write
//! the missing snapshots.

use dreichor_core::id::SnapshotId;
use dreichor_core::{Event, History, Snapshot};
use dreichor_log::cut::CutError;
use dreichor_log::{Medium, Tail, WriteMedium};
use dreichor_replay::{Error, Progress, Replay, Replayed, Store, Stores};

use crate::snapshots::SnapshotStrategy;
use crate::writing::{Commits, UNSYNCED_BYTES_MAX, WriteError, WriteStore};

/// The content of stores that are complete: no tail, no interrupted tick, no missing snapshot.
#[derive(Debug)]
pub struct Recovered {
    /// State and tree.
    pub history: History,
    /// The log's size in bytes.
    pub events_bytes: u64,
    /// The snapshots' size in bytes.
    pub snapshots_bytes: u64,
    /// The latest snapshot and the number of events that it covers.
    pub latest: Option<(SnapshotId, u64)>,
}

/// The content of sound stores, and what recovery must add.
pub struct Checked {
    replayed: Replayed,
    /// The missing events of the interrupted tick, if there is one.
    rest: Option<Vec<Event<'static>>>,
    /// The number of events that the latest snapshot covers.
    latest_size: u64,
    /// True if the strategy asks for a snapshot that is missing.
    is_missing: bool,
}

/// Checks everything that must hold before recovery changes a file. Changes nothing.
///
/// # Errors
///
/// [`Error::Malformed`] with the first broken rule, or [`Error::Unavailable`].
pub fn check<M: Medium>(
    stores: &Stores<M>,
    strategy: SnapshotStrategy,
    progress: &mut impl Progress,
) -> Result<Checked, Error> {
    let mut replay = Replay::open(stores)?;
    let (latest_size, total) = (replay.latest_size(), replay.end());
    // A fault of the log is reported before one of the snapshots.
    let hole = replay.refuse_hole(UNSYNCED_BYTES_MAX);
    let (mut latest, mut is_missing) = (latest_size, false);
    while let Some(entry) = replay.next()? {
        let size = entry.line.number;
        if strategy.is_due(entry.event, latest, size) {
            (latest, is_missing) = (size, true);
        }
        progress.advance(entry.line.offset, total);
    }
    let replayed = replay.finish()?;
    hole?;
    let rest =
        replayed.interrupted.as_ref().map(|tick| tick.missing_events(stores, &replayed)).transpose()?;
    Ok(Checked { replayed, rest, latest_size, is_missing })
}

/// Replays the stores and completes them. The caller holds their locks.
///
/// # Errors
///
/// The stores cannot be used or are malformed, or a write or sync of recovery failed. The next start recovers again.
pub fn recover<M: WriteMedium>(
    stores: &Stores<M>,
    commits: impl Into<Commits>,
    progress: &mut impl Progress,
) -> Result<Recovered, WriteError> {
    let commits = commits.into();
    let Checked { mut replayed, rest, latest_size, mut is_missing } =
        check(stores, commits.strategy, progress)?;
    cut(&stores.events, replayed.events_tail)?;
    cut(&stores.snapshots, replayed.snapshots_tail)?;
    if let Some(rest) = rest {
        complete(&stores.events, &mut replayed, &rest)?;
        let size = replayed.history.size();
        is_missing |= rest.last().is_some_and(|event| commits.strategy.is_due(event, latest_size, size));
    }
    let mut recovered = Recovered {
        latest: replayed.latest(),
        history: replayed.history,
        events_bytes: replayed.events_bytes,
        snapshots_bytes: replayed.snapshots_bytes,
    };
    if is_missing {
        write_missing_snapshots(stores, commits, &mut recovered, progress)?;
    }
    Ok(recovered)
}

#[expect(clippy::expect_used, reason = "a tail was read from the file, and the store is pinned to it")]
fn cut<M: WriteMedium>(store: &Store<M>, tail: Option<Tail>) -> Result<(), WriteError> {
    let Some(tail) = tail else { return Ok(()) };
    let stat = store.stat()?.expect("a tail is of a file, which has not vanished");
    let copy = tail.cut(store.medium(), store.file(), stat.identity).map_err(|error| match error {
        CutError::NotOurs => {
            let next = "find out which other process writes to the file, then start again";
            Error::unavailable(store.path(), error, next).into()
        }
        CutError::Copy { .. } | CutError::Cut { .. } => {
            store.in_doubt("the recovery of its tail failed", error)
        }
    })?;
    // Logged as an error, so that every log level shows it: nothing is truncated in silence.
    tracing::error!(
        file = %store.path().display(),
        offset = tail.offset,
        bytes = tail.length,
        copy = %copy.display(),
        "truncated unterminated bytes, which the copy keeps. They were never acknowledged, if the medium kept what was synced"
    );
    Ok(())
}

/// Appends the missing events of the interrupted tick.
#[expect(
    clippy::expect_used,
    reason = "the tick is held to the grammar by tests, and a wrong log is worse than an abort"
)]
fn complete<M: WriteMedium>(
    store: &Store<M>,
    replayed: &mut Replayed,
    rest: &[Event<'_>],
) -> Result<(), WriteError> {
    let mut lines = Vec::new();
    for event in rest {
        replayed.history.record(event, &mut lines).expect("the events of a tick keep the grammar");
    }
    let mut appender = store.open_appender(replayed.events_bytes)?;
    appender.append(&lines).map_err(|error| store.not_appended(error, GOES_ON.into()))?;
    replayed.events_bytes += lines.len() as u64;
    tracing::warn!(
        file = %store.path().display(),
        decision = replayed.interrupted_decision().map(|id| id.to_string()),
        events = rest.len(),
        "completed an interrupted tick: its missing events follow from its decision"
    );
    Ok(())
}

const GOES_ON: &str = "this process acknowledged nothing; the next start continues its recovery";

/// Writes each missing snapshot with the bytes that it would have had. Folds the log a second time, since the first
/// fold has passed the states that the snapshots are taken of.
fn write_missing_snapshots<M: WriteMedium>(
    stores: &Stores<M>,
    commits: Commits,
    recovered: &mut Recovered,
    progress: &mut impl Progress,
) -> Result<(), WriteError> {
    let store = &stores.snapshots;
    let mut appender = store.open_appender(recovered.snapshots_bytes)?;
    let mut append = |lines: &mut Vec<u8>| {
        if !lines.is_empty() {
            appender.append(lines).map_err(|error| store.not_appended(error, GOES_ON.into()))?;
            recovered.snapshots_bytes += lines.len() as u64;
            lines.clear();
        }
        Ok::<(), WriteError>(())
    };
    let (mut lines, mut count) = (Vec::new(), 0_u64);
    let mut replay = Replay::open(stores)?;
    let total = replay.end();
    while let Some(entry) = replay.next()? {
        let latest = recovered.latest.map_or(0, |(_, size)| size);
        if commits.strategy.is_due(entry.event, latest, entry.line.number)
            && let Some(snapshot) = Snapshot::of(entry.history)
        {
            recovered.latest = Some((snapshot.write_line(&mut lines), snapshot.audit_tree_size));
            count += 1;
            if lines.len() as u64 >= commits.bytes_max {
                append(&mut lines)?;
            }
        }
        progress.advance(entry.line.offset, total);
    }
    replay.finish()?;
    append(&mut lines)?;
    tracing::warn!(file = %store.path().display(), snapshots = count, "wrote snapshots that were missing");
    Ok(())
}
