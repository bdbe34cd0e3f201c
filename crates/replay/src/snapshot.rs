//! The latest snapshot, as quick behind many as behind few.

use dreichor_core::Snapshot;
use dreichor_core::fault::Fault;
use dreichor_core::id::SnapshotId;
use dreichor_core::snapshot::check_length;
use dreichor_log::last::{LastLine, find_end};
use dreichor_log::{Medium, ReadAt, ReadError, read_bytes};

use crate::error::Error;
use crate::store::{Store, Stores};

/// A snapshot with its id; of a store, the last line.
#[derive(Debug, Clone)]
pub struct Latest {
    /// Its id.
    pub id: SnapshotId,
    /// What it says.
    pub snapshot: Snapshot<'static>,
}

/// A line and what it says, or what is wrong with it.
pub type ReadLine = Result<(Vec<u8>, Latest), Box<Fault>>;

/// Reads the line of `length` bytes at `offset` as a snapshot beside a log of `log_bytes`. Its form is checked, not
/// whether the log adds up to it.
pub fn read<F: ReadAt>(file: &F, offset: u64, length: u64, log_bytes: u64) -> Result<ReadLine, ReadError> {
    if let Err(fault) = check_length(length, log_bytes) {
        return Ok(Err(fault));
    }
    let line = read_bytes(file, offset, length)?;
    Ok(Snapshot::read_line(&line).map(|(snapshot, id)| (line, Latest { id, snapshot })))
}

/// Where the latest snapshot stands, before it is read: it is as long as the ledger is large.
pub struct Found<'s, M: Medium> {
    store: &'s Store<M>,
    file: M::File,
    line: LastLine,
    log_bytes: u64,
}

/// Finds the latest snapshot; none if there is no snapshot.
pub fn find<M: Medium>(stores: &Stores<M>) -> Result<Option<Found<'_, M>>, Error> {
    let store = &stores.snapshots;
    let Some((file, stat)) = store.open()? else { return Ok(None) };
    let end = find_end(&file, stat.size).map_err(|error| store.unreadable(error, 0))?;
    let Some(line) = end.last_line else { return Ok(None) };
    // Looked at only now: beside a running writer the log holds the events of every snapshot that was seen.
    let log_bytes = stores.events.stat()?.map_or(0, |stat| stat.size);
    Ok(Some(Found { store, file, line, log_bytes }))
}

impl<M: Medium> Found<'_, M> {
    /// How many bytes its line has, LF excluded.
    pub fn bytes(&self) -> u64 {
        self.line.length
    }

    /// Its line, without LF. Its form is checked, not whether the log adds up to it.
    pub fn read(&self) -> Result<Vec<u8>, Error> {
        let LastLine { offset, length } = self.line;
        let read = read(&self.file, offset, length, self.log_bytes);
        match read.map_err(|error| self.store.unreadable(error, 0))? {
            Ok((line, _)) => Ok(line),
            Err(fault) => Err(self.store.malformed_at(&self.file, offset, fault)),
        }
    }
}
