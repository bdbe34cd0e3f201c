//! The receipt: one line by which two machines compare what they replayed.

use std::fmt;

use dreichor_core::id::{DecisionId, SnapshotId};
use dreichor_core::schema::{Schema, object};
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

    /// The facts, in a fixed order; a receipt without digests lacks those three.
    pub fn facts(&self) -> Vec<Fact> {
        let mut facts = vec![
            Fact::new("events", self.events),
            Fact::new("bytes", self.bytes),
            Fact::new("treeSize", self.events),
            Fact::new("rootHash", self.root_hash),
            Fact::new("snapshotId", self.snapshot.map(|(id, _)| id)),
            Fact::new("snapshotTreeSize", self.snapshot.map(|(_, size)| size)),
        ];
        if let Some(Digests { memory, ledger, lifecycles }) = self.digests {
            facts.extend([
                Fact::new("memoryDigest", memory),
                Fact::new("ledgerDigest", ledger),
                Fact::new("lifecyclesDigest", lifecycles),
            ]);
        }
        facts.extend([
            Fact::new("interruptedTick", self.interrupted_tick),
            Fact::new("unterminatedBytes", self.unterminated_bytes),
            Fact::new("lastLogicalTime", self.last_logical_time),
            Fact::new("formatVersion", FORMAT_VERSION),
            Fact::new("programVersion", PROGRAM_VERSION),
        ]);
        facts
    }

    /// The receipt as one line of JSON, without LF. No text in it needs an escape.
    pub fn to_json(&self) -> String {
        let member = |Fact { name, value, .. }| match value {
            Value::Text(text) => format!("\"{name}\":\"{text}\""),
            Value::Number(number) => format!("\"{name}\":{number}"),
            Value::None => format!("\"{name}\":null"),
        };
        let members: Vec<String> = self.facts().into_iter().map(member).collect();
        format!("{{{}}}", members.join(","))
    }

    /// The JSON Schema of receipts without digests.
    pub fn schema() -> String {
        let facts = Self::of_whole(&mut History::default(), 0, None).facts();
        object(&facts.into_iter().map(|fact| (fact.name, (fact.schema)())).collect::<Vec<_>>())
    }
}

/// One fact of a receipt.
#[derive(Debug, Clone)]
pub struct Fact {
    /// Its name.
    pub name: &'static str,
    /// Its value.
    pub value: Value,
    schema: fn() -> String,
}

impl Fact {
    fn new<T: Into<Value> + Schema>(name: &'static str, value: T) -> Self {
        Self { name, value: value.into(), schema: T::schema }
    }
}

/// The value of a fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A number.
    Number(u64),
    /// An id, a hash or a version.
    Text(String),
    /// There is none.
    None,
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}

impl From<LogicalTime> for Value {
    fn from(time: LogicalTime) -> Self {
        Self::Number(time.get())
    }
}

macro_rules! texts {
    ($($text:ty),*) => { $(
        impl From<$text> for Value {
            fn from(text: $text) -> Self {
                Self::Text(text.to_string())
            }
        }
    )* };
}

texts!(Hash, SnapshotId, DecisionId, &'static str);

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::None, Into::into)
    }
}

impl fmt::Display for Value {
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
        for (index, Fact { name, value, .. }) in self.facts().into_iter().enumerate() {
            write!(f, "{}{name}={value}", if index > 0 { " " } else { "" })?;
        }
        Ok(())
    }
}
