//! The Shadow Ledger: the position of each market that was ever traded. At most one is open.

use alloc::collections::BTreeMap;

use crate::canonical::{Sink, Value};
use crate::id::ExecutionId;
use crate::value::{Decimal, MarketId};

/// The position of one market.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// What is held; `"0"` when closed.
    pub quantity: Decimal,
    /// Whether something is held.
    pub is_open: bool,
    /// The execution that made the position what it is.
    pub last_execution_id: ExecutionId,
}

impl Position {
    /// Appends the position of `market` as canonical JSON, without LF.
    pub fn write(&self, market: MarketId, sink: &mut impl Sink) {
        sink.put(b"{\"marketId\":");
        market.write(sink);
        sink.put(b",\"quantity\":");
        self.quantity.write(sink);
        sink.put(b",\"isOpen\":");
        self.is_open.write(sink);
        sink.put(b",\"lastExecutionId\":");
        self.last_execution_id.write(sink);
        sink.put(b"}");
    }
}

/// Positions by market, in byte order.
pub type Positions = BTreeMap<MarketId, Position>;

/// All positions, and which of them is open.
#[derive(Debug, Clone, Default)]
pub struct ShadowLedger {
    positions: Positions,
    open: Option<OpenPosition>,
}

/// What is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenPosition {
    /// In which market.
    pub market_id: MarketId,
    /// How much.
    pub quantity: Decimal,
}

impl ShadowLedger {
    /// All positions, by market in byte order.
    pub fn positions(&self) -> &Positions {
        &self.positions
    }

    /// The one open position, if there is one.
    pub fn open_position(&self) -> Option<OpenPosition> {
        self.open
    }

    pub(super) fn buy(&mut self, position: OpenPosition, execution: ExecutionId) {
        self.open = Some(position);
        self.positions.insert(
            position.market_id,
            Position { quantity: position.quantity, is_open: true, last_execution_id: execution },
        );
    }

    pub(super) fn sell(&mut self, market: MarketId, execution: ExecutionId) {
        self.open = None;
        self.positions.insert(
            market,
            Position { quantity: Decimal::ZERO, is_open: false, last_execution_id: execution },
        );
    }
}
