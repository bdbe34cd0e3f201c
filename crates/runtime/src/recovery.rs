//! Recovery: what a writer does about a tail. It is itself crash-safe: stopped anywhere and started again,
//! any number of times, it ends the same.
//!
//! The order is: check all, cut the tails off behind copies of them, complete the tick, write
//! the snapshots that are missing.

use dreichor_core::fault::{Fault, Rule, excerpt};
use dreichor_core::id::SnapshotId;
use dreichor_core::tick::enact;
use dreichor_core::{Event, Hash};
use dreichor_log::cut::CutError;
use dreichor_log::{Appender, Line, Medium, Tail, WriteMedium, read_exactly};
use dreichor_replay::{Error, History, Replay, Replayed, Store, Stores, Watch, replay::InterruptedTick};

use crate::snapshots::{SnapshotStrategy, take};
use crate::writing::{Commits, UNSYNCED_BYTES_MAX, WriteStore};

/// Stores that are whole, and what they hold.
#[derive(Debug)]
pub struct Recovered {
    /// State and tree.
    pub history: History,
    /// The log's size in bytes.
    pub events_bytes: u64,
    /// The snapshots' size in bytes.
    pub snapshots_bytes: u64,
    /// The latest snapshot, and how many events it covers.
    pub latest: Option<(SnapshotId, u64)>,
}

/// Stores that are sound, and what they lack to be whole.
pub struct Checked {
    replayed: Replayed,
    /// The events that the last tick lacks, if it is not whole.
    rest: Option<Vec<Event<'static>>>,
    /// The events that the latest snapshot covers.
    latest_size: u64,
    /// Whether the strategy asks for a snapshot that is not there.
    is_missing: bool,
}

/// Checks all that is checked before anything is changed, and changes nothing.
///
/// # Errors
///
/// [`Error::Malformed`] with the first thing that is.
pub fn check<M: Medium>(
    stores: &Stores<M>,
    strategy: SnapshotStrategy,
    watch: &mut impl Watch,
) -> Result<Checked, Error> {
    let replay = Replay::open(stores)?;
    let latest_size = replay.latest_size();
    let mut missing = Missing { strategy, latest: latest_size, is_any: false, watch };
    let hole = replay.refuse_hole(UNSYNCED_BYTES_MAX);
    let replayed = replay.run(&mut missing)?;
    let is_missing = missing.is_any;
    hole?;
    let rest =
        replayed.interrupted.as_ref().map(|tick| missing_events(stores, &replayed, tick)).transpose()?;
    Ok(Checked { replayed, rest, latest_size, is_missing })
}

/// Replays the stores and makes them whole. The caller holds their locks.
pub fn recover<M: WriteMedium>(
    stores: &Stores<M>,
    commits: impl Into<Commits>,
    watch: &mut impl Watch,
) -> Result<Recovered, Error> {
    let commits = commits.into();
    let Checked { mut replayed, rest, latest_size, mut is_missing } = check(stores, commits.strategy, watch)?;
    cut(&stores.events, replayed.events_tail)?;
    cut(&stores.snapshots, replayed.snapshots_tail)?;
    if let Some(rest) = rest {
        complete(&stores.events, &mut replayed, &rest)?;
        let size = replayed.history.tree().size();
        is_missing |= rest.last().is_some_and(|event| commits.strategy.is_due(event, latest_size, size));
    }
    let mut recovered = Recovered {
        latest: replayed.latest.as_ref().map(|latest| (latest.id, latest.snapshot.audit_tree_size)),
        history: replayed.history,
        events_bytes: replayed.events_bytes,
        snapshots_bytes: replayed.snapshots_bytes,
    };
    if is_missing {
        write_missing_snapshots(stores, commits, &mut recovered, watch)?;
    }
    Ok(recovered)
}

fn cut<M: WriteMedium>(store: &Store<M>, tail: Option<Tail>) -> Result<(), Error> {
    let Some(tail) = tail else { return Ok(()) };
    let Some(stat) = store.stat()? else { return Err(Error::Internal("a tail without a file".into())) };
    let copy = tail.cut(store.medium(), store.file(), stat.identity).map_err(|error| match error {
        CutError::NotOurs => {
            Error::unavailable(store.path(), error, "find out what else writes to the file, then start again")
        }
        CutError::Copy { .. } | CutError::Cut { .. } => {
            store.in_doubt("the recovery of its tail failed", &error)
        }
    })?;
    // An error, whatever the level: nothing is trimmed in silence.
    tracing::error!(
        file = %store.path().display(),
        offset = tail.offset,
        bytes = tail.length,
        copy = %copy.display(),
        "cut off unterminated bytes; the copy keeps them. They were never acknowledged, if the medium kept what was synced"
    );
    Ok(())
}

/// The events that the interrupted tick lacks: it is computed again from its decision and the state before
/// it, and what stands of it must be exactly how that begins. No file is changed.
///
/// # Errors
///
/// [`Error::Malformed`] with the first line that the tick, computed again, does not have.
pub fn missing_events<M: Medium>(
    stores: &Stores<M>,
    replayed: &Replayed,
    tick: &InterruptedTick,
) -> Result<Vec<Event<'static>>, Error> {
    let store = &stores.events;
    let Some((file, _)) = store.open()? else { return Err(Error::Internal("a tick without a log".into())) };
    let length = usize::try_from(replayed.events_bytes - tick.offset).unwrap_or(usize::MAX);
    let mut recorded = vec![0; length];
    read_exactly(&file, &mut recorded, tick.offset).map_err(|error| store.unreadable(&error))?;
    let mut computed = enact(replayed.history.state(), tick.time, tick.decision.clone()).into_iter();
    let mut offset = tick.offset;
    for (found, number) in recorded.split_inclusive(|&byte| byte == b'\n').zip(tick.line..) {
        let mut expected = Vec::new();
        if let Some(event) = computed.next() {
            event.write_line(&mut expected);
        }
        if found != expected {
            let fault = Fault::new(
                Rule::InterruptedTick,
                0,
                "",
                excerpt(found),
                format!("{} as the tick, computed again from its decision, has it", excerpt(&expected)),
            );
            return Err(Error::Malformed { path: store.path(), line: number, offset, fault });
        }
        offset += found.len() as u64;
    }
    Ok(computed.collect())
}

/// Appends the rest of the interrupted tick.
fn complete<M: WriteMedium>(
    store: &Store<M>,
    replayed: &mut Replayed,
    rest: &[Event<'_>],
) -> Result<(), Error> {
    let mut lines = Vec::new();
    for event in rest {
        let recorded = replayed.history.record(event, &mut lines);
        recorded.map_err(|fault| Error::Internal(format!("a computed event breaks the grammar: {fault}")))?;
    }
    append(store, replayed.events_bytes, |appender| appender.append(&lines))?;
    replayed.events_bytes += lines.len() as u64;
    tracing::warn!(
        file = %store.path().display(),
        decision = replayed.interrupted_decision().map(|id| id.to_string()),
        events = rest.len(),
        "completed an interrupted tick: its missing events follow from its decision"
    );
    Ok(())
}

fn append<'s, M: WriteMedium>(
    store: &'s Store<M>,
    size: u64,
    act: impl FnOnce(&mut Appender<'s, M>) -> Result<(), dreichor_log::AppendError>,
) -> Result<(), Error> {
    let mut appender = store.open_appender(size)?;
    act(&mut appender).map_err(|error| {
        store.not_appended(
            error,
            "this process acknowledged nothing; the recovery that it began goes on at the next start".into(),
        )
    })
}

/// Finds whether the strategy asks for snapshots that are not there.
struct Missing<'w, W> {
    strategy: SnapshotStrategy,
    /// How many events the latest snapshot covers, were the missing ones written.
    latest: u64,
    is_any: bool,
    watch: &'w mut W,
}

impl<W: Watch> Watch for Missing<'_, W> {
    fn event(
        &mut self,
        line: Line<'_>,
        event: &Event<'_>,
        leaf: Hash,
        history: &History,
    ) -> Result<(), Error> {
        let size = history.tree().size();
        if self.strategy.is_due(event, self.latest, size) {
            self.latest = size;
            self.is_any = true;
        }
        self.watch.event(line, event, leaf, history)
    }

    fn progress(&mut self, done: u64, total: u64) {
        self.watch.progress(done, total);
    }
}

/// Writes each missing snapshot as it would have been, by folding the log once more: the states that they
/// are of have passed.
fn write_missing_snapshots<M: WriteMedium>(
    stores: &Stores<M>,
    commits: Commits,
    recovered: &mut Recovered,
    watch: &mut impl Watch,
) -> Result<(), Error> {
    let store = &stores.snapshots;
    let mut writer = Writer {
        commits,
        latest: recovered.latest,
        count: 0,
        lines: Vec::new(),
        store,
        appender: store.open_appender(recovered.snapshots_bytes)?,
        watch,
    };
    Replay::open(stores)?.run(&mut writer)?;
    writer.flush()?;
    recovered.latest = writer.latest;
    recovered.snapshots_bytes = writer.appender.size();
    tracing::warn!(file = %store.path().display(), snapshots = writer.count, "wrote snapshots that were missing");
    Ok(())
}

struct Writer<'s, M: WriteMedium, W> {
    watch: &'s mut W,
    commits: Commits,
    latest: Option<(SnapshotId, u64)>,
    count: u64,
    lines: Vec<u8>,
    store: &'s Store<M>,
    appender: Appender<'s, M>,
}

impl<M: WriteMedium, W: Watch> Writer<'_, M, W> {
    fn flush(&mut self) -> Result<(), Error> {
        if self.lines.is_empty() {
            return Ok(());
        }
        let appended = self.appender.append(&self.lines);
        appended.map_err(|error| {
            self.store.not_appended(
                error,
                "this process acknowledged nothing; the recovery that it began goes on at the next start"
                    .into(),
            )
        })?;
        self.lines.clear();
        Ok(())
    }
}

impl<M: WriteMedium, W: Watch> Watch for Writer<'_, M, W> {
    fn event(&mut self, _: Line<'_>, event: &Event<'_>, _: Hash, history: &History) -> Result<(), Error> {
        let size = history.tree().size();
        let latest = self.latest.map_or(0, |(_, size)| size);
        if self.commits.strategy.is_due(event, latest, size)
            && let Some(snapshot) = take(history)
        {
            self.latest = Some((snapshot.write_line(&mut self.lines), size));
            self.count += 1;
            if self.lines.len() as u64 >= self.commits.bytes_max {
                self.flush()?;
            }
        }
        Ok(())
    }

    fn progress(&mut self, done: u64, total: u64) {
        self.watch.progress(done, total);
    }
}
