//! The latest snapshot, as quick behind many as behind few.

use dreichor_core::Snapshot;
use dreichor_core::fault::Fault;
use dreichor_core::id::SnapshotId;
use dreichor_core::snapshot::check_length;
use dreichor_log::last::{LastLine, find_end};
use dreichor_log::{Medium, ReadAt, ReadError};

use crate::error::Error;
use crate::store::Stores;

/// The snapshot store's last line.
#[derive(Debug, Clone)]
pub struct Latest {
    /// Its id.
    pub id: SnapshotId,
    /// What it says.
    pub snapshot: Snapshot<'static>,
}

/// A line and what it says, or what is wrong with it.
type ReadLine = Result<(Vec<u8>, Latest), Box<Fault>>;

/// Reads the last line of snapshots beside a log of so many bytes. Its form is checked, not whether the log adds up to
/// it.
pub(crate) fn read<F: ReadAt>(file: &F, line: LastLine, log_bytes: u64) -> Result<ReadLine, ReadError> {
    if let Err(fault) = check_length(line.length, log_bytes) {
        return Ok(Err(fault));
    }
    let bytes = line.read(file)?;
    Ok(Snapshot::read_line(&bytes).map(|(snapshot, id)| (bytes, Latest { id, snapshot })))
}

/// How many bytes the line of the latest snapshot has; 0 if there is no snapshot.
pub fn latest_bytes<M: Medium>(stores: &Stores<M>) -> Result<u64, Error> {
    let store = &stores.snapshots;
    let Some((file, stat)) = store.open()? else { return Ok(0) };
    let end = find_end(&file, stat.size).map_err(|error| store.unreadable(&error))?;
    Ok(end.last_line.map_or(0, |line| line.length))
}

/// The line of the latest snapshot, without LF; none if there is no snapshot. Its form is checked, not whether
/// the log adds up to it.
pub fn latest<M: Medium>(stores: &Stores<M>) -> Result<Option<Vec<u8>>, Error> {
    let store = &stores.snapshots;
    let Some((file, stat)) = store.open()? else { return Ok(None) };
    let unreadable = |error: ReadError| store.unreadable(&error);
    let Some(line) = find_end(&file, stat.size).map_err(unreadable)?.last_line else { return Ok(None) };
    // Looked at only now: beside a running writer the log holds the events of every snapshot that was seen.
    let log_bytes = stores.events.stat()?.map_or(0, |stat| stat.size);
    match read(&file, line, log_bytes).map_err(unreadable)? {
        Ok((bytes, _)) => Ok(Some(bytes)),
        Err(fault) => Err(store.malformed_at(&file, line.offset, fault)),
    }
}
