//! UmaDB: the storage engine of its server, called in the process, so without the network.

use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use umadb_core::db::UmaDb;
use umadb_core::mvcc::{Mvcc, StorageOptions};
use umadb_dcb::{DcbEvent, DcbEventStoreSync};

use super::store::Store;
use crate::commit::Commit;

/// Version of the crate; Cargo.toml pins it.
pub(super) const VERSION: &str = "0.7.8";

/// A store in a file.
pub(super) struct Umadb(UmaDb);

impl Umadb {
    /// Creates the store in `dir`.
    pub(super) fn create(dir: &Path) -> Result<Self> {
        let mvcc = Mvcc::new(false, StorageOptions::default().db_path(dir.join("events.uma")))?;
        Ok(Self(UmaDb::from_arc(Arc::new(mvcc))))
    }
}

impl Store for Umadb {
    fn append(&mut self, commit: &Commit) -> Result<()> {
        let events = commit.lines().map(|line| DcbEvent::new().data(line)).collect();
        self.0.append(events, None, None)?;
        Ok(())
    }

    fn finish(&mut self) -> Result<Option<u64>> {
        Ok(self.0.head()?)
    }
}
