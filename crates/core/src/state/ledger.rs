//! The Shadow Ledger: the position of each market that was ever traded. At most one is open.

use alloc::collections::BTreeMap;

use crate::id::ExecutionId;
use crate::value::{Decimal, MarketId};

/// The position of one market.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// The quantity held; `"0"` when closed.
    pub quantity: Decimal,
    /// True if something is held.
    pub is_open: bool,
    /// The execution that made the position what it is.
    pub last_execution_id: ExecutionId,
}

/// Positions by market, in byte order.
pub type Positions = BTreeMap<MarketId, Position>;

/// All positions, and which of them is open.
#[derive(Debug, Clone, Default)]
pub struct ShadowLedger {
    positions: Positions,
    open: Option<OpenPosition>,
}

/// The open position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenPosition {
    /// Its market.
    pub market_id: MarketId,
    /// The quantity held.
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
