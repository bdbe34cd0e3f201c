//! The receipt: one line by which two machines compare what they replayed.

use std::fmt;

use dreichor_core::canonical::write_string;
use dreichor_core::id::{DecisionId, SnapshotId};
use dreichor_core::state::Digests;
use dreichor_core::{FORMAT_VERSION, Hash, History};

use crate::digests::digests;
use crate::replay::Replayed;

/// This program's version.
pub const PROGRAM_VERSION: &str = env!("CARGO_PKG_VERSION");

/// The result of a replay in a few values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The number of events, which is the size of the tree.
    pub events: u64,
    /// The size of the log's whole lines, in bytes.
    pub bytes: u64,
    /// The root of the tree.
    pub root_hash: Hash,
    /// The latest snapshot and the number of events that it covers.
    pub snapshot: Option<(SnapshotId, u64)>,
    /// The digests of the state; none at a start, since they cost a second pass over the state and follow from the
    /// root.
    pub digests: Option<Digests>,
    /// The decision of the interrupted tick, if there is one.
    pub interrupted_tick: Option<DecisionId>,
    /// The number of bytes of both unterminated tails.
    pub unterminated_bytes: u64,
}

impl Receipt {
    /// Creates the receipt of a replay, without digests.
    pub fn of(replayed: &mut Replayed) -> Self {
        let latest = replayed.latest();
        let tails = [replayed.events_tail, replayed.snapshots_tail];
        Self {
            interrupted_tick: replayed.interrupted_decision(),
            unterminated_bytes: tails.iter().flatten().map(|tail| tail.length).sum(),
            ..Self::of_whole(&mut replayed.history, replayed.events_bytes, latest)
        }
    }

    /// Creates the receipt of complete stores, without digests: no interrupted tick and no tails.
    pub fn of_whole(history: &mut History, bytes: u64, snapshot: Option<(SnapshotId, u64)>) -> Self {
        Self {
            events: history.size(),
            bytes,
            root_hash: history.root(),
            snapshot,
            digests: None,
            interrupted_tick: None,
            unterminated_bytes: 0,
        }
    }

    /// Adds the digests of the replayed state.
    #[must_use]
    pub fn with_digests(self, replayed: &Replayed) -> Self {
        Self { digests: Some(digests(replayed.history.state())), ..self }
    }

    /// The receipt as one line of JSON, without LF.
    pub fn to_json(&self) -> String {
        let quoted = |text: Option<String>| match text {
            Some(text) => {
                let mut bytes = Vec::new();
                write_string(&mut bytes, &text);
                String::from_utf8_lossy(&bytes).into_owned()
            }
            None => "null".into(),
        };
        format!(
            "{{\"events\":{},\"bytes\":{},\"treeSize\":{},\"rootHash\":\"{}\",\"snapshotId\":{},\"snapshotTreeSize\":{}{},\"interruptedTick\":{},\"unterminatedBytes\":{},\"formatVersion\":{FORMAT_VERSION},\"programVersion\":\"{PROGRAM_VERSION}\"}}",
            self.events,
            self.bytes,
            self.events,
            self.root_hash,
            quoted(self.snapshot.map(|(id, _)| id.to_string())),
            self.snapshot.map_or_else(|| "null".into(), |(_, size)| size.to_string()),
            self.digests.map_or_else(String::new, |Digests { memory, ledger, lifecycles }| format!(
                ",\"memoryDigest\":\"{memory}\",\"ledgerDigest\":\"{ledger}\",\"lifecyclesDigest\":\"{lifecycles}\""
            )),
            quoted(self.interrupted_tick.map(|id| id.to_string())),
            self.unterminated_bytes,
        )
    }
}

/// One line of `name=value`, in the same order as the JSON.
impl fmt::Display for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let or_none = |text: Option<String>| text.unwrap_or_else(|| "none".into());
        write!(
            f,
            "events={} bytes={} tree_size={} root_hash={} snapshot_id={} snapshot_tree_size={}{} interrupted_tick={} unterminated_bytes={} format_version={FORMAT_VERSION} program_version={PROGRAM_VERSION}",
            self.events,
            self.bytes,
            self.events,
            self.root_hash,
            or_none(self.snapshot.map(|(id, _)| id.to_string())),
            or_none(self.snapshot.map(|(_, size)| size.to_string())),
            self.digests.map_or_else(String::new, |Digests { memory, ledger, lifecycles }| format!(
                " memory_digest={memory} ledger_digest={ledger} lifecycles_digest={lifecycles}"
            )),
            or_none(self.interrupted_tick.map(|id| id.to_string())),
            self.unterminated_bytes,
        )
    }
}
