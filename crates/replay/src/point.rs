//! The state at an earlier point of the log, while all of the log is replayed and checked.

use dreichor_core::History;
use dreichor_core::id::SnapshotId;
use dreichor_log::Medium;
use dreichor_log::last::{find_end, line_start};

use crate::digests::digests;
use crate::error::Error;
use crate::fold::Entry;
use crate::progress::Progress;
use crate::receipt::Receipt;
use crate::replay::{Replay, Replayed};
use crate::snapshot;
use crate::store::Stores;

/// A point of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Point {
    /// After event N; 0 is before the first.
    Event(u64),
    /// After the last event whose logical time is not greater.
    Time(u64),
}

/// The state at a point.
#[derive(Debug)]
pub struct Held {
    /// State and tree.
    pub history: History,
    /// The size of the log up to there, in bytes.
    pub bytes: u64,
}

impl Held {
    /// The receipt at the point, with digests; its snapshot is the last one of as many events or fewer.
    ///
    /// # Errors
    ///
    /// The snapshots cannot be read, or one of them is malformed.
    pub fn receipt<M: Medium>(&mut self, stores: &Stores<M>) -> Result<Receipt, Error> {
        let snapshot = last_snapshot(stores, self.history.size())?;
        let receipt = Receipt::of_whole(&mut self.history, self.bytes, snapshot);
        Ok(Receipt { digests: Some(digests(self.history.state())), ..receipt })
    }
}

/// Replays and checks the stores, calls `follow` with each event, and keeps what held at `point`; none if the log is
/// shorter.
///
/// # Errors
///
/// As of [`Replay::run`].
pub fn hold<M: Medium>(
    stores: &Stores<M>,
    point: Point,
    progress: &mut impl Progress,
    mut follow: impl FnMut(&Entry<'_>),
) -> Result<(Option<Held>, Replayed), Error> {
    let number = match point {
        Point::Event(number) => number,
        Point::Time(time) => count_up_to(stores, time, progress)?,
    };
    let mut held = (number == 0).then(|| Held { history: History::new(), bytes: 0 });
    let mut replay = Replay::open(stores)?;
    let total = replay.end();
    while let Some(entry) = replay.next()? {
        follow(&entry);
        if entry.line.number == number {
            let bytes = entry.line.offset + entry.line.bytes.len() as u64 + 1;
            held = Some(Held { history: entry.history.clone(), bytes });
        }
        progress.advance(entry.line.offset, total);
    }
    Ok((held, replay.finish()?))
}

/// The number of events whose logical time is not greater. Logical time never decreases.
fn count_up_to<M: Medium>(stores: &Stores<M>, time: u64, progress: &mut impl Progress) -> Result<u64, Error> {
    let mut replay = Replay::open(stores)?;
    let (mut count, total) = (0, replay.end());
    while let Some(entry) = replay.next()? {
        if entry.event.logical_time.get() > time {
            break;
        }
        count = entry.line.number;
        progress.advance(entry.line.offset, total);
    }
    Ok(count)
}

/// The last snapshot of so many events or fewer, read from the end of the file.
fn last_snapshot<M: Medium>(stores: &Stores<M>, events: u64) -> Result<Option<(SnapshotId, u64)>, Error> {
    let store = &stores.snapshots;
    let Some((file, stat)) = store.open()? else { return Ok(None) };
    let unreadable = |error| store.unreadable(error, 0);
    let log_bytes = stores.events.stat()?.map_or(0, |stat| stat.size);
    let mut line = find_end(&file, stat.size).map_err(unreadable)?.last_line;
    while let Some(found) = line {
        let read = snapshot::read(&file, found.offset, found.length, log_bytes).map_err(unreadable)?;
        let (_, latest) = read.map_err(|fault| store.malformed_at(&file, found.offset, fault))?;
        if latest.snapshot.audit_tree_size <= events {
            return Ok(Some((latest.id, latest.snapshot.audit_tree_size)));
        }
        line = match found.offset.checked_sub(1) {
            Some(line_feed) => {
                let offset = line_start(&file, line_feed).map_err(unreadable)?;
                Some(dreichor_log::last::LastLine { offset, length: line_feed - offset })
            }
            None => None,
        };
    }
    Ok(None)
}
