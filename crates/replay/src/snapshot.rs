//! The latest snapshot, read from the end of the file.

use dreichor_core::Snapshot;
use dreichor_core::fault::Fault;
use dreichor_core::id::SnapshotId;
use dreichor_core::snapshot::check_length;
use dreichor_log::last::{LastLine, find_end};
use dreichor_log::{Medium, ReadAt, ReadError, read_bytes};

use crate::error::Error;
use crate::store::{Store, Stores};

/// A snapshot and its id.
#[derive(Debug, Clone)]
pub struct Latest {
    /// Its id.
    pub id: SnapshotId,
    /// The snapshot.
    pub snapshot: Snapshot<'static>,
}

/// A line with its snapshot, or the fault of the line.
pub type ReadLine = Result<(Vec<u8>, Latest), Box<Fault>>;

/// Reads the line of `length` bytes at `offset` as a snapshot of a log of `log_bytes` bytes. Checks its form, and does
/// not check it against the log.
///
/// # Errors
///
/// The file cannot be read. (A fault of the line is in the result.)
pub fn read<F: ReadAt>(file: &F, offset: u64, length: u64, log_bytes: u64) -> Result<ReadLine, ReadError> {
    if let Err(fault) = check_length(length, log_bytes) {
        return Ok(Err(fault));
    }
    let line = read_bytes(file, offset, length)?;
    Ok(Snapshot::read_line(&line).map(|(snapshot, id)| (line, Latest { id, snapshot })))
}

/// The place of the latest snapshot, which is not read yet: it may be long.
pub struct Found<'s, M: Medium> {
    store: &'s Store<M>,
    file: M::File,
    line: LastLine,
    log_bytes: u64,
}

/// Finds the latest snapshot; none if there is no snapshot.
///
/// # Errors
///
/// A store cannot be read.
pub fn find<M: Medium>(stores: &Stores<M>) -> Result<Option<Found<'_, M>>, Error> {
    let store = &stores.snapshots;
    let Some((file, stat)) = store.open()? else { return Ok(None) };
    // The log's size is read last: beside a running writer the log then holds the events of the snapshot found.
    let log_bytes = stores.events.stat()?.map_or(0, |stat| stat.size);
    find_in(store, file, stat.size, log_bytes)
}

/// The same in the first `end` bytes of an opened file, for a log of `log_bytes` bytes.
///
/// # Errors
///
/// The file cannot be read.
pub fn find_in<M: Medium>(
    store: &Store<M>,
    file: M::File,
    end: u64,
    log_bytes: u64,
) -> Result<Option<Found<'_, M>>, Error> {
    let end = find_end(&file, end).map_err(|error| store.unreadable(error, 0))?;
    Ok(end.last_line.map(|line| Found { store, file, line, log_bytes }))
}

impl<M: Medium> Found<'_, M> {
    /// The length of its line in bytes, LF excluded.
    pub fn bytes(&self) -> u64 {
        self.line.length
    }

    /// Reads its line, without LF, and the snapshot in it. Checks its form, and does not check it against the log.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or the line is malformed.
    pub fn read(&self) -> Result<(Vec<u8>, Latest), Error> {
        let LastLine { offset, length } = self.line;
        let read = read(&self.file, offset, length, self.log_bytes);
        read.map_err(|error| self.store.unreadable(error, 0))?
            .map_err(|fault| self.store.malformed_at(&self.file, offset, fault))
    }
}
