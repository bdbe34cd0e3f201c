//! Content ids: the first 16 bytes of an RFC 6962 leaf hash, as a UUID of version 8 (RFC 9562).
//!
//! An id identifies its content: a reader computes it again from the content and refuses another one.

use alloc::string::String;
use core::fmt;
use core::ops::Deref;

use crate::canonical::{Reader, Sink, Value};
use crate::fault::Result;
use crate::schema::Schema;
use crate::tree::Hash;
use crate::value::{
    Form, LogicalTime, MarketId, Origin, Plane, Side, StrategyInstanceId, UUID_TEXT_BYTES, Uuid, read_uuid,
};

/// The content id that belongs to a leaf hash.
#[inline(always)]
pub fn content_id(leaf: Hash) -> Uuid {
    let [bytes, _] = leaf.as_bytes().as_chunks::<16>().0 else { unreachable!("a hash has 32 bytes") };
    uuid::Builder::from_custom_bytes(*bytes).into_uuid()
}

/// The UUID of this spelling, if it is a content id.
#[inline(always)]
fn read_content_id(text: &[u8; UUID_TEXT_BYTES]) -> Option<Uuid> {
    let uuid = read_uuid(text)?;
    // Version 8 and the variant of RFC 9562.
    let is_content_id = uuid.as_bytes()[6] & 0xf0 == 0x80 && uuid.as_bytes()[8] & 0xc0 == 0x80;
    is_content_id.then_some(uuid)
}

fn expected_content_id() -> String {
    "a content id: a UUID of version 8 in lower-case hexadecimal digits, 8-4-4-4-12".into()
}

pub(crate) fn content_id_schema() -> String {
    r#"{"type":"string","pattern":"^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"}"#
        .into()
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
            fn expected() -> String {
                expected_content_id()
            }

            fn parse(text: &[u8]) -> Option<Self> {
                read_content_id(text.try_into().ok()?).map(Self)
            }
        }

        impl Schema for $name {
            fn schema() -> String {
                content_id_schema()
            }
        }

        impl<'a> Value<'a> for $name {
            #[inline(always)]
            fn write(&self, sink: &mut impl Sink) {
                self.0.write(sink);
            }

            #[inline(always)]
            fn read(reader: &mut Reader<'a>) -> Result<Self> {
                reader.fixed(read_content_id, expected_content_id).map(Self)
            }
        }

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
    /// The same words on the same target at the same time, regardless of the sender.
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

/// Hashes `{"identity":"…","version":1` and the members that follow, by one update of the hash. The text is written to
/// `$content`, an empty [`Sink`] that dereferences to its bytes.
macro_rules! identity {
    ($content:expr, $name:literal, $( $key:literal => $value:expr ),+) => {{
        let mut content = $content;
        content.put(concat!("\0{\"identity\":\"", $name, "\",\"version\":1").as_bytes());
        $( content.put(concat!(",\"", $key, "\":").as_bytes()); $value.write(&mut content); )+
        content.put(b"}");
        let mut hasher = $crate::tree::Hasher::plain();
        hasher.put(&content);
        hasher.finish()
    }};
}

/// The text of an identity without a comment, which is never long: a decision's is computed for every tick.
struct ShortText {
    bytes: [u8; Self::BYTES_MAX],
    used: usize,
}

impl ShortText {
    /// More than the longest: an order intent's with a market of 64 bytes.
    const BYTES_MAX: usize = 256;

    fn new() -> Self {
        Self { bytes: [0; Self::BYTES_MAX], used: 0 }
    }
}

impl Sink for ShortText {
    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        self.bytes[self.used..self.used + bytes.len()].copy_from_slice(bytes);
        self.used += bytes.len();
    }
}

impl Deref for ShortText {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[..self.used]
    }
}

pub(crate) use identity;

impl DecisionId {
    /// The decision of `instance` at `time`.
    pub fn of(instance: StrategyInstanceId, time: LogicalTime) -> Self {
        Self(content_id(
            identity!(ShortText::new(), "DECISION", "strategyInstanceId" => instance, "logicalTime" => time),
        ))
    }
}

impl OrderIntentId {
    /// The order that `origin` asks for at `decision`.
    pub fn of(decision: DecisionId, origin: Origin, side: Side, market: MarketId) -> Self {
        Self(content_id(
            identity!(ShortText::new(), "ORDER_INTENT", "decisionId" => decision, "origin" => origin, "side" => side, "marketId" => market),
        ))
    }
}

impl ExecutionId {
    /// The execution of `intent` on `plane`.
    pub fn of(intent: OrderIntentId, plane: Plane) -> Self {
        Self(content_id(
            identity!(ShortText::new(), "EXECUTION", "orderIntentId" => intent, "plane" => plane),
        ))
    }
}
