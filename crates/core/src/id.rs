//! Content ids: the first 16 bytes of an RFC 6962 leaf hash, as a UUID of version 8 (RFC 9562).
//!
//! An id says what it is the id of: whoever has the content can compute it again, and refuse another.

use core::fmt;

use crate::canonical::{Sink, Value, formed_values};
use crate::tree::Hash;
use crate::value::{Form, LogicalTime, MarketId, Origin, Plane, Side, StrategyInstanceId, Uuid};

/// The content id that belongs to a leaf hash.
pub fn content_id(leaf: Hash) -> Uuid {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&leaf.as_bytes()[..16]);
    bytes[6] = (bytes[6] & 0x0f) | 0x80;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    Uuid::from_bytes(bytes)
}

fn is_content_id(uuid: Uuid) -> bool {
    let bytes = uuid.as_bytes();
    bytes[6] & 0xf0 == 0x80 && bytes[8] & 0xc0 == 0x80
}

macro_rules! content_ids {
    ($( $(#[$doc:meta])* $name:ident ),* $(,)?) => { $(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// The id as a UUID.
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl Form for $name {
            const EXPECTED: &'static str =
                "a content id: a UUID of version 8 in lower-case hexadecimal digits, 8-4-4-4-12";

            fn parse(text: &[u8]) -> Option<Self> {
                Uuid::parse(text).filter(|uuid| is_content_id(*uuid)).map(Self)
            }

            fn as_text(&self) -> impl AsRef<str> {
                crate::value::UuidText::new(self.0)
            }
        }

        formed_values!($name);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )* };
}

content_ids!(
    /// One decision of one strategy instance at one time.
    DecisionId,
    /// One order that a decision, or safety at a decision, asks for.
    OrderIntentId,
    /// One execution of an order intent on a plane.
    ExecutionId,
    /// The same words on the same target at the same time, whoever says them.
    FeedbackId,
    /// One snapshot: the id of its line without the member `snapshotId`.
    SnapshotId,
);

impl FeedbackId {
    pub(crate) fn of_identity(leaf: Hash) -> Self {
        Self(content_id(leaf))
    }
}

impl SnapshotId {
    /// The id of the snapshot whose content has this leaf hash.
    pub fn of(leaf: Hash) -> Self {
        Self(content_id(leaf))
    }
}

/// Hashes `{"identity":"…","version":1` and the members that follow, each given with its name's token.
macro_rules! identity {
    ($name:literal, $( $token:literal => $value:expr ),+) => {{
        let mut hasher = $crate::tree::Hasher::leaf();
        hasher.put(concat!("{\"identity\":\"", $name, "\",\"version\":1").as_bytes());
        $( hasher.put(concat!(",\"", $token, "\":").as_bytes()); $value.write(&mut hasher); )+
        hasher.put(b"}");
        hasher.finish()
    }};
}

pub(crate) use identity;

impl DecisionId {
    /// The decision of `instance` at `time`.
    pub fn of(instance: StrategyInstanceId, time: LogicalTime) -> Self {
        Self(content_id(identity!("DECISION", "strategyInstanceId" => instance, "logicalTime" => time)))
    }
}

impl OrderIntentId {
    /// The order that `origin` asks for at `decision`.
    pub fn of(decision: DecisionId, origin: Origin, side: Side, market: MarketId) -> Self {
        Self(content_id(
            identity!("ORDER_INTENT", "decisionId" => decision, "origin" => origin, "side" => side, "marketId" => market),
        ))
    }
}

impl ExecutionId {
    /// The execution of `intent` on `plane`.
    pub fn of(intent: OrderIntentId, plane: Plane) -> Self {
        Self(content_id(identity!("EXECUTION", "orderIntentId" => intent, "plane" => plane)))
    }
}
