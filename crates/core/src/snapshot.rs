//! The snapshot of format v1: the complete Shadow Ledger, and the part of the log that it covers.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use strum::{Display, IntoStaticStr, VariantArray};

use crate::canonical::{Members, Reader, Sink, Value, Version, record};
use crate::certified::Certified;
use crate::fault::{Fault, Result, Rule};
use crate::history::History;
use crate::id::{ExecutionId, SnapshotId};
use crate::schema::{Schema, integer, object};
use crate::state::{Position, Positions};
use crate::tree::Hash;
use crate::value::{Decimal, LogicalTime, MarketId, Plane, Spelled};

/// One snapshot. Its id is computed from it and is not a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot<'a> {
    /// The time of the last event that it covers.
    pub logical_time: LogicalTime,
    /// The number of the log's first events that it covers; at least 1.
    pub audit_tree_size: u64,
    /// The root of the tree over those events.
    pub audit_root_hash: Hash,
    /// The ledger after those events.
    pub positions: Cow<'a, Positions>,
}

/// Upper bound on the length of a snapshot line without positions.
const HEAD_BYTES_MAX: u64 = 1_024;

/// Checks the length of a snapshot line (in bytes, LF excluded) before memory for it is allocated. Each position takes
/// fewer bytes than the events that made it, so a longer line cannot be a snapshot of a log of `log_bytes` bytes.
///
/// # Errors
///
/// [`Rule::SnapshotAhead`]: the snapshot covers more events than the log holds.
pub fn check_length(length: u64, log_bytes: u64) -> Result<()> {
    let max = log_bytes.saturating_add(HEAD_BYTES_MAX);
    if length <= max {
        return Ok(());
    }
    Err(Fault::new(
        Rule::SnapshotAhead,
        0,
        "",
        format!("a line of {length} bytes"),
        format!("at most {max} bytes: no ledger of this log is longer"),
    ))
}

/// The only type of a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Display, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
enum SnapshotType {
    ShadowLedgerSnapshot,
}

impl Spelled for SnapshotType {}

/// The number of events that a snapshot covers: at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct TreeSize(u64);

impl<'a> Value<'a> for TreeSize {
    fn write(&self, sink: &mut impl Sink) {
        self.0.write(sink);
    }

    fn read(reader: &mut Reader<'a>) -> Result<Self> {
        let at = reader.offset();
        match u64::read(reader)? {
            0 => Err(reader.fault(Rule::Value, at, "1 or more: a snapshot is taken of at least one event")),
            size => Ok(Self(size)),
        }
    }
}

impl Schema for TreeSize {
    fn schema() -> String {
        integer(1)
    }
}

record! {
    /// The members of a snapshot, but the id.
    SnapshotMembers<'a> {
        /// The type.
        snapshot_type: SnapshotType = "type",
        /// The format's version.
        version: Version = "version",
        /// The time of the last event that is covered.
        logical_time: LogicalTime = "logicalTime",
        /// The plane on which orders are executed.
        plane: Plane = "plane",
        /// The number of events that are covered.
        audit_tree_size: TreeSize = "auditTreeSize",
        /// The root of the tree over those events.
        audit_root_hash: Hash = "auditRootHash",
        /// The ledger.
        positions: Cow<'a, Positions> = "positions",
    }

    /// The members of a position after the first, which is its market.
    PositionMembers {
        /// The quantity held.
        quantity: Decimal = "quantity",
        /// True if something is held.
        is_open: bool = "isOpen",
        /// The execution that made the position what it is.
        last_execution_id: ExecutionId = "lastExecutionId",
    }
}

const LINE: Certified = Certified {
    opening: "{\"snapshotId\":\"",
    key: "{\"snapshotId\":",
    member: "snapshotId",
    rule: Rule::SnapshotId,
};

impl<'a> Snapshot<'a> {
    /// Creates a snapshot of the present ledger; none if the log is empty.
    pub fn of(history: &'a mut History) -> Option<Self> {
        let (audit_tree_size, audit_root_hash) = (history.size(), history.root());
        Some(Snapshot {
            logical_time: history.state().last_logical_time()?,
            audit_tree_size,
            audit_root_hash,
            positions: Cow::Borrowed(history.state().ledger().positions()),
        })
    }

    /// Appends the snapshot's line and its LF; returns its id.
    pub fn write_line(&self, lines: &mut Vec<u8>) -> SnapshotId {
        let members = SnapshotMembers {
            snapshot_type: SnapshotType::ShadowLedgerSnapshot,
            version: Version,
            logical_time: self.logical_time,
            plane: Plane::Paper,
            audit_tree_size: TreeSize(self.audit_tree_size),
            audit_root_hash: self.audit_root_hash,
            positions: Cow::Borrowed(&*self.positions),
        };
        SnapshotId::of(LINE.write(lines, |lines| members.write_members(lines)))
    }

    /// Checks the snapshot against `history`, which must hold exactly the events that it covers.
    ///
    /// # Errors
    ///
    /// The rule by which the snapshot contradicts them.
    pub fn check(&self, history: &mut History) -> Result<()> {
        debug_assert_eq!(self.audit_tree_size, history.size());
        let root = history.root();
        let state = history.state();
        if let Some(decision) = state.open_tick() {
            return Err(Fault::new(
                Rule::SnapshotBoundary,
                0,
                "auditTreeSize",
                format!("{}, within the tick of decision {decision}", self.audit_tree_size),
                "the number of an event that ends a tick or is feedback",
            ));
        }
        if self.audit_root_hash != root {
            return Err(Fault::new(
                Rule::SnapshotRoot,
                0,
                "auditRootHash",
                self.audit_root_hash.to_string(),
                format!("{root}, the root of the log's first {} events", self.audit_tree_size),
            ));
        }
        if Some(self.logical_time) != state.last_logical_time() {
            let last = state.last_logical_time().map_or(0, LogicalTime::get);
            return Err(Fault::new(
                Rule::SnapshotTime,
                0,
                "logicalTime",
                self.logical_time.to_string(),
                format!("{last}, the time of event {}", self.audit_tree_size),
            ));
        }
        self.check_positions(state.ledger().positions())
    }

    fn check_positions(&self, expected: &Positions) -> Result<()> {
        let found = &*self.positions;
        if found == expected {
            return Ok(());
        }
        let differs = |market| found.get(market) != expected.get(market);
        let market = expected.keys().chain(found.keys()).find(|market| differs(*market));
        Err(Fault::new(
            Rule::SnapshotPositions,
            0,
            market.map_or_else(String::new, |market| format!("positions.{market}")),
            "another position",
            format!("the position that follows from the log's first {} events", self.audit_tree_size),
        ))
    }

    /// Checks that a log of this many `events` has all events that the snapshot covers.
    ///
    /// # Errors
    ///
    /// [`Rule::SnapshotAhead`] if it has not.
    pub fn check_not_ahead(&self, events: u64) -> Result<()> {
        if self.audit_tree_size <= events {
            Ok(())
        } else {
            Err(snapshot_ahead(self.audit_tree_size, events))
        }
    }
}

/// Creates the fault of a snapshot that covers more events than the log has.
#[cold]
pub fn snapshot_ahead(covered: u64, events: u64) -> Box<Fault> {
    Fault::new(
        Rule::SnapshotAhead,
        0,
        "auditTreeSize",
        covered.to_string(),
        format!("at most {events}, the number of events in the log"),
    )
}

impl Snapshot<'static> {
    /// The schema of a snapshot, on one line.
    pub fn schema() -> String {
        let mut members = vec![LINE.describe_id()];
        SnapshotMembers::describe_members(&mut members);
        object(&members)
    }

    /// Reads a line (without its LF). Accepts only the canonical encoding of a snapshot with its right id.
    ///
    /// # Errors
    ///
    /// The first rule of the format that the line breaks.
    pub fn read_line(line: &[u8]) -> Result<(Self, SnapshotId)> {
        let leaf = LINE.leaf(line);
        let members = LINE.read(line, leaf, SnapshotMembers::read_members)?;
        let snapshot = Self {
            logical_time: members.logical_time,
            audit_tree_size: members.audit_tree_size.0,
            audit_root_hash: members.audit_root_hash,
            positions: Cow::Owned(members.positions.into_owned()),
        };
        Ok((snapshot, SnapshotId::of(leaf)))
    }
}

/// The positions by market, in byte order, each under its market's name.
impl<'a> Value<'a> for Cow<'_, Positions> {
    fn write(&self, sink: &mut impl Sink) {
        let mut before: &[u8] = b"{";
        for (market, position) in self.iter() {
            sink.put(before);
            market.write(sink);
            sink.put(b":");
            position.write(*market, sink);
            before = b",";
        }
        sink.put(if self.is_empty() { b"{}" } else { b"}" });
    }

    fn read(reader: &mut Reader<'a>) -> Result<Self> {
        let mut positions = Positions::new();
        reader.literal("{")?;
        if reader.take(b"}") {
            return Ok(Cow::Owned(positions));
        }
        loop {
            reader.enter("positions");
            let start = reader.offset();
            let market: MarketId = reader.formed()?;
            if positions.last_key_value().is_some_and(|(last, _)| *last >= market) {
                return Err(reader.fault(Rule::SnapshotOrder, start, "markets in byte order, each once"));
            }
            reader.literal(":")?;
            let position_at = reader.offset();
            let (named, position) = Position::read(reader)?;
            reader.enter("positions");
            if named != market {
                let expected = format!("the position of {market}, which is the name before it");
                return Err(reader.fault(Rule::SnapshotOrder, position_at, expected));
            }
            positions.insert(market, position);
            if reader.take(b"}") {
                return Ok(Cow::Owned(positions));
            }
            reader.literal(",")?;
        }
    }
}

impl Schema for Cow<'_, Positions> {
    fn schema() -> String {
        let (market, position) = (MarketId::schema(), Position::schema());
        format!("{{\"type\":\"object\",\"propertyNames\":{market},\"additionalProperties\":{position}}}")
    }
}

impl Schema for Position {
    fn schema() -> String {
        let mut members = vec![(MARKET, MarketId::schema())];
        PositionMembers::describe_members(&mut members);
        object(&members)
    }
}

/// The first member of a position.
const MARKET: &str = "marketId";

impl Position {
    /// Appends the position of `market` as canonical JSON, without LF.
    pub fn write(&self, market: MarketId, sink: &mut impl Sink) {
        let &Self { quantity, is_open, last_execution_id } = self;
        sink.put(b"{\"marketId\":");
        market.write(sink);
        PositionMembers { quantity, is_open, last_execution_id }.write_members(sink);
        sink.put(b"}");
    }

    fn read(reader: &mut Reader<'_>) -> Result<(MarketId, Self)> {
        let market = reader.member("{\"marketId\":", MARKET)?;
        let PositionMembers { quantity, is_open, last_execution_id } = PositionMembers::read_members(reader)?;
        reader.literal("}")?;
        Ok((market, Self { quantity, is_open, last_execution_id }))
    }
}
