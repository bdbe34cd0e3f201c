//! Snapshots that outgrow their log, and how much less another strategy would write.

use std::fmt;

use dreichor_log::Medium;
use dreichor_replay::{Error, Stores, snapshot};

use crate::snapshots::SnapshotStrategy;

/// Snapshots that take more room than their log, and more than [`Outgrown::BYTES_MIN`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outgrown {
    /// The size of the log in bytes.
    pub log_bytes: u64,
    /// The size of the snapshots in bytes.
    pub snapshots_bytes: u64,
    /// The N of `every:N` with which the snapshots would not outgrow the log: a power of ten.
    pub every: u64,
    /// The size in bytes that the snapshots of the same log would have with it, at most.
    pub every_bytes: u64,
}

impl Outgrown {
    /// Up to this size, in bytes, the snapshots never outgrow the log.
    pub const BYTES_MIN: u64 = 16 << 20;

    /// Compares the sizes of log and snapshots. The latest snapshot covers `events` and has `latest_bytes`; no earlier one
    /// is longer, since a ledger only gains markets.
    pub fn of(log_bytes: u64, snapshots_bytes: u64, events: u64, latest_bytes: u64) -> Option<Self> {
        if snapshots_bytes <= log_bytes.max(Self::BYTES_MIN) {
            return None;
        }
        let bytes_of = |every: u64| (events / every).saturating_mul(latest_bytes);
        let every = (1..=19).map(|digits| 10_u64.pow(digits)).find(|every| bytes_of(*every) <= log_bytes)?;
        Some(Self { log_bytes, snapshots_bytes, every, every_bytes: bytes_of(every) })
    }

    /// Compares the stores' files, by their ends.
    ///
    /// # Errors
    ///
    /// A store cannot be read, or the latest snapshot is malformed.
    pub fn find<M: Medium>(stores: &Stores<M>) -> Result<Option<Self>, Error> {
        let size = |stat: Option<dreichor_log::Stat>| stat.map_or(0, |stat| stat.size);
        let snapshots_bytes = size(stores.snapshots.stat()?);
        // Almost always: nothing is read.
        if snapshots_bytes <= Self::BYTES_MIN {
            return Ok(None);
        }
        let Some(found) = snapshot::find(stores)? else { return Ok(None) };
        let (_, latest) = found.read()?;
        let log_bytes = size(stores.events.stat()?);
        Ok(Self::of(log_bytes, snapshots_bytes, latest.snapshot.audit_tree_size, found.bytes()))
    }

    /// True if a writer with this strategy still writes snapshots that often.
    pub const fn goes_on_with(&self, strategy: SnapshotStrategy) -> bool {
        match strategy {
            SnapshotStrategy::OnLedgerUpdate => true,
            SnapshotStrategy::Every(events) => events < self.every,
            SnapshotStrategy::Manual => false,
        }
    }
}

impl fmt::Display for Outgrown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { every, every_bytes, .. } = self;
        write!(
            f,
            "the snapshots outgrow the log: with `--snapshot-strategy every:{every}` they would have at most {every_bytes} bytes"
        )
    }
}
