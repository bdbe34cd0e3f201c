//! The snapshot of format v1: the complete Shadow Ledger, and of which history it was taken.

use alloc::borrow::Cow;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::vec::Vec;

use crate::FORMAT_VERSION;
use crate::canonical::{Reader, Sink, Value};
use crate::certified::Certified;
use crate::event::read_version;
use crate::fault::{Fault, Result, Rule};
use crate::id::SnapshotId;
use crate::state::{Position, Positions};
use crate::tree::Hash;
use crate::value::{LogicalTime, MarketId, Plane};

/// One snapshot. Its id is not a part of it but follows from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot<'a> {
    /// The time of the last event that it covers.
    pub logical_time: LogicalTime,
    /// How many of the log's first events it covers; at least 1.
    pub audit_tree_size: u64,
    /// The root of the tree over those events.
    pub audit_root_hash: Hash,
    /// The ledger that those events add up to.
    pub positions: Cow<'a, Positions>,
}

/// What a snapshot of an empty ledger may be long, and more.
const HEAD_BYTES: u64 = 1_024;

/// Refuses a line of `length` bytes (LF excluded) that is too long for a snapshot of a log of `log_bytes`, before the
/// memory is asked to hold it: each position takes less room than the events that made it.
///
/// # Errors
///
/// [`Rule::SnapshotAhead`]: it is a snapshot of more than the log holds.
pub fn check_length(length: u64, log_bytes: u64) -> Result<()> {
    let max = log_bytes.saturating_add(HEAD_BYTES);
    if length <= max {
        return Ok(());
    }
    Err(Fault::new(
        Rule::SnapshotAhead,
        0,
        "",
        format!("a line of {length} bytes"),
        format!("at most {max} bytes: no ledger that this log adds up to is longer"),
    ))
}

const TYPE: &str = "\"SHADOW_LEDGER_SNAPSHOT\"";
const LINE: Certified = Certified {
    opening: "{\"snapshotId\":\"",
    key: "{\"snapshotId\":",
    member: "snapshotId",
    rule: Rule::SnapshotId,
};

impl Snapshot<'_> {
    /// Appends the snapshot's line and its LF; returns its id.
    pub fn write_line(&self, lines: &mut Vec<u8>) -> SnapshotId {
        let leaf = LINE.write(lines, |lines| {
            lines.put(b"\"type\":");
            lines.put(TYPE.as_bytes());
            lines.put(b",\"version\":");
            FORMAT_VERSION.write(lines);
            lines.put(b",\"logicalTime\":");
            self.logical_time.write(lines);
            lines.put(b",\"plane\":");
            Plane::Paper.write(lines);
            lines.put(b",\"auditTreeSize\":");
            self.audit_tree_size.write(lines);
            lines.put(b",\"auditRootHash\":");
            self.audit_root_hash.write(lines);
            lines.put(b",\"positions\":{");
            for (index, (market, position)) in self.positions.iter().enumerate() {
                if index > 0 {
                    lines.put(b",");
                }
                market.write(lines);
                lines.put(b":");
                position.write(*market, lines);
            }
            lines.put(b"}}");
        });
        SnapshotId::of(leaf)
    }
}

impl Snapshot<'static> {
    /// Reads a line (without its LF), refusing everything but the one canonical encoding of a snapshot with
    /// its right id.
    pub fn read_line(line: &[u8]) -> Result<(Self, SnapshotId)> {
        let (snapshot, leaf) = LINE.read(line, |reader| {
            reader.key(",\"type\":", "type")?;
            if !reader.take(TYPE.as_bytes()) {
                return Err(reader.fault(Rule::Type, reader.offset(), TYPE));
            }
            reader.key(",\"version\":", "version")?;
            read_version(reader)?;
            reader.key(",\"logicalTime\":", "logicalTime")?;
            let logical_time = Value::read(reader)?;
            reader.key(",\"plane\":", "plane")?;
            reader.plane()?;
            reader.key(",\"auditTreeSize\":", "auditTreeSize")?;
            let size_at = reader.offset();
            let audit_tree_size = Value::read(reader)?;
            if audit_tree_size == 0 {
                return Err(reader.fault(
                    Rule::Value,
                    size_at,
                    "1 or more: a snapshot is taken of at least one event",
                ));
            }
            reader.key(",\"auditRootHash\":", "auditRootHash")?;
            let audit_root_hash = Value::read(reader)?;
            reader.key(",\"positions\":", "positions")?;
            let positions = Cow::Owned(read_positions(reader)?);
            reader.literal("}")?;
            Ok(Self { logical_time, audit_tree_size, audit_root_hash, positions })
        })?;
        Ok((snapshot, SnapshotId::of(leaf)))
    }
}

fn read_positions(reader: &mut Reader<'_>) -> Result<Positions> {
    let mut positions: Positions = BTreeMap::new();
    reader.literal("{")?;
    if reader.take(b"}") {
        return Ok(positions);
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
        let (named, position) = read_position(reader)?;
        reader.enter("positions");
        if named != market {
            return Err(reader.fault(
                Rule::SnapshotOrder,
                position_at,
                format!("the position of {market}, under which name it stands"),
            ));
        }
        positions.insert(market, position);
        if reader.take(b"}") {
            return Ok(positions);
        }
        reader.literal(",")?;
    }
}

fn read_position(reader: &mut Reader<'_>) -> Result<(MarketId, Position)> {
    reader.key("{\"marketId\":", "marketId")?;
    let market = Value::read(reader)?;
    reader.key(",\"quantity\":", "quantity")?;
    let quantity = Value::read(reader)?;
    reader.key(",\"isOpen\":", "isOpen")?;
    let is_open = Value::read(reader)?;
    reader.key(",\"lastExecutionId\":", "lastExecutionId")?;
    let last_execution_id = Value::read(reader)?;
    reader.literal("}")?;
    Ok((market, Position { quantity, is_open, last_execution_id }))
}
