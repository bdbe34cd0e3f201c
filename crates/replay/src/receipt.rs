//! The receipt: one line by which two machines compare what they replayed.

use std::fmt;

use dreichor_core::id::{DecisionId, SnapshotId};
use dreichor_core::state::Digests;
use dreichor_core::value::LogicalTime;
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
    /// The logical time of the last event; none if there is no event.
    pub last_logical_time: Option<LogicalTime>,
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
            last_logical_time: history.state().last_logical_time(),
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

    /// The facts by name, in a fixed order; a receipt without digests lacks those three.
    pub fn facts(&self) -> Vec<(&'static str, Fact)> {
        let text = |text: Option<String>| text.map_or(Fact::None, Fact::Text);
        let number = |number: Option<u64>| number.map_or(Fact::None, Fact::Number);
        let mut facts = vec![
            ("events", Fact::Number(self.events)),
            ("bytes", Fact::Number(self.bytes)),
            ("treeSize", Fact::Number(self.events)),
            ("rootHash", Fact::Text(self.root_hash.to_string())),
            ("snapshotId", text(self.snapshot.map(|(id, _)| id.to_string()))),
            ("snapshotTreeSize", number(self.snapshot.map(|(_, size)| size))),
        ];
        if let Some(Digests { memory, ledger, lifecycles }) = &self.digests {
            facts.extend([
                ("memoryDigest", Fact::Text(memory.to_string())),
                ("ledgerDigest", Fact::Text(ledger.to_string())),
                ("lifecyclesDigest", Fact::Text(lifecycles.to_string())),
            ]);
        }
        facts.extend([
            ("interruptedTick", text(self.interrupted_tick.map(|id| id.to_string()))),
            ("unterminatedBytes", Fact::Number(self.unterminated_bytes)),
            ("lastLogicalTime", number(self.last_logical_time.map(LogicalTime::get))),
            ("formatVersion", Fact::Number(FORMAT_VERSION)),
            ("programVersion", Fact::Text(PROGRAM_VERSION.to_owned())),
        ]);
        facts
    }

    /// The receipt as one line of JSON, without LF. No text in it needs an escape.
    pub fn to_json(&self) -> String {
        let member = |(name, fact): (&str, Fact)| match fact {
            Fact::Text(text) => format!("\"{name}\":\"{text}\""),
            Fact::Number(number) => format!("\"{name}\":{number}"),
            Fact::None => format!("\"{name}\":null"),
        };
        let members: Vec<String> = self.facts().into_iter().map(member).collect();
        format!("{{{}}}", members.join(","))
    }
}

/// The value of a fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// A number.
    Number(u64),
    /// An id, a hash or a version.
    Text(String),
    /// There is none.
    None,
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => f.write_str(text),
            Self::None => f.write_str("none"),
        }
    }
}

/// One line of `name=value`.
impl fmt::Display for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (name, fact)) in self.facts().into_iter().enumerate() {
            write!(f, "{}{name}={fact}", if index > 0 { " " } else { "" })?;
        }
        Ok(())
    }
}
