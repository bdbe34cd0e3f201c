//! The latest snapshot, as quick behind many as behind few.

use dreichor_core::Snapshot;
use dreichor_log::Medium;
use dreichor_log::last::{End, read_end};

use crate::error::Error;
use crate::store::Stores;

/// The line of the latest snapshot, without LF; none if there is no snapshot. Its form is checked, not whether
/// the log adds up to it.
pub fn latest<M: Medium>(stores: &Stores<M>) -> Result<Option<Vec<u8>>, Error> {
    let store = &stores.snapshots;
    let Some((file, stat)) = store.open()? else { return Ok(None) };
    let End { last_line, .. } = read_end(&file, stat.size).map_err(|error| store.unreadable(&error))?;
    let Some((offset, line)) = last_line else { return Ok(None) };
    Snapshot::read_line(&line).map_err(|fault| store.malformed_at(&file, offset, fault))?;
    Ok(Some(line))
}
