//! The latest snapshot, as quick behind many as behind few.

use dreichor_core::Snapshot;
use dreichor_log::Medium;
use dreichor_log::last::{End, count_lines, read_end};

use crate::error::Error;
use crate::store::Stores;

/// The line of the latest snapshot, without LF; none if there is no snapshot. Its form is checked, not whether
/// the log adds up to it.
pub fn latest<M: Medium>(stores: &Stores<M>) -> Result<Option<Vec<u8>>, Error> {
    let store = &stores.snapshots;
    let Some((file, stat)) = store.open()? else { return Ok(None) };
    let End { last_line, .. } = read_end(&file, stat.size).map_err(|error| store.unreadable(&error))?;
    let Some((offset, line)) = last_line else { return Ok(None) };
    match Snapshot::read_line(&line) {
        Ok(_) => Ok(Some(line)),
        Err(fault) => {
            let before = count_lines(&file, offset).map_err(|error| store.unreadable(&error))?;
            Err(Error::Malformed { path: store.path(), line: before + 1, offset, fault })
        }
    }
}
