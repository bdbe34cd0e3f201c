//! Strategy Lifecycles: may an instance buy, must it hold, must it wait?

use alloc::vec::Vec;

use super::ledger::OpenPosition;
use super::table::{At, Row, Table};
use crate::canonical::{Sink, Value};
use crate::fault::Result;
use crate::value::{LogicalTime, StrategyInstanceId};

/// What an instance may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lifecycle {
    /// It may buy.
    Ready,
    /// It holds the open position, and sells no sooner than `until` unless it is forced to.
    Holding {
        /// What it holds.
        position: OpenPosition,
        /// In units of logicalTime; may exceed 2^53 − 1.
        until: u64,
    },
    /// It has sold, and buys no sooner than `until`. An expired cooldown stays until the next BUY.
    Cooldown {
        /// In units of logicalTime; may exceed 2^53 − 1.
        until: u64,
    },
}

/// One instance that has decided.
#[derive(Debug, Clone)]
pub struct Instance {
    id: StrategyInstanceId,
    lifecycle: Lifecycle,
    last_logical_time: LogicalTime,
}

impl Row for Instance {
    type Key = StrategyInstanceId;
    fn key(&self) -> StrategyInstanceId {
        self.id
    }
}

/// The lifecycle of every instance that has decided.
#[derive(Debug, Clone, Default)]
pub struct Lifecycles {
    instances: Table<Instance>,
    /// Who holds the open position. At most one position is open, so at most one instance holds.
    holder: Option<At>,
}

impl Lifecycles {
    /// All instances that have decided, in byte order of their ids.
    pub fn instances(&self) -> Vec<&Instance> {
        let mut instances: Vec<_> = self.instances.rows().iter().collect();
        instances.sort_unstable_by_key(|instance| instance.id);
        instances
    }

    /// The instance, if it has decided.
    pub fn instance(&self, id: StrategyInstanceId) -> Option<&Instance> {
        self.instances.get(id)
    }

    /// What the instance may do; one that has not decided yet is ready.
    pub fn of(&self, id: StrategyInstanceId) -> Lifecycle {
        self.instance(id).map_or(Lifecycle::Ready, |instance| instance.lifecycle)
    }

    /// The instance that holds the open position, if one is open.
    pub fn holder(&self) -> Option<&Instance> {
        self.holder.map(|at| self.instances.at(at))
    }

    pub(super) fn decide(&mut self, id: StrategyInstanceId, time: LogicalTime) -> Result<()> {
        let at =
            self.instances.intern(Instance { id, lifecycle: Lifecycle::Ready, last_logical_time: time })?;
        self.instances.at_mut(at).last_logical_time = time;
        Ok(())
    }

    pub(super) fn hold(&mut self, id: StrategyInstanceId, position: OpenPosition, until: u64) {
        self.holder = self.instances.find(id);
        if let Some(at) = self.holder {
            self.instances.at_mut(at).lifecycle = Lifecycle::Holding { position, until };
        }
    }

    /// The holder's position was sold, by whomever.
    pub(super) fn cool_down_holder(&mut self, until: u64) {
        if let Some(at) = self.holder.take() {
            self.instances.at_mut(at).lifecycle = Lifecycle::Cooldown { until };
        }
    }
}

impl Instance {
    /// The instance's id.
    pub fn id(&self) -> StrategyInstanceId {
        self.id
    }

    /// What it may do.
    pub fn lifecycle(&self) -> Lifecycle {
        self.lifecycle
    }

    /// The time of its own last decision; another's sale of its position does not change it.
    pub fn last_logical_time(&self) -> LogicalTime {
        self.last_logical_time
    }

    /// The lifecycle's name on disk, what is held if anything, and until when it lasts if it ends.
    pub fn describe(&self) -> (&'static str, Option<OpenPosition>, Option<u64>) {
        match self.lifecycle {
            Lifecycle::Ready => ("READY", None, None),
            Lifecycle::Holding { position, until } => ("HOLDING", Some(position), Some(until)),
            Lifecycle::Cooldown { until } => ("COOLDOWN", None, Some(until)),
        }
    }

    /// Appends the entry as canonical JSON, without LF.
    pub fn write(&self, sink: &mut impl Sink) {
        let (state, position, until) = self.describe();
        sink.put(b"{\"strategyInstanceId\":");
        self.id.write(sink);
        sink.put(b",\"state\":\"");
        sink.put(state.as_bytes());
        sink.put(b"\",\"marketId\":");
        position.map(|position| position.market_id).write(sink);
        sink.put(b",\"quantity\":");
        position.map(|position| position.quantity).write(sink);
        sink.put(b",\"until\":");
        until.write(sink);
        sink.put(b",\"lastLogicalTime\":");
        self.last_logical_time.write(sink);
        sink.put(b"}");
    }
}
