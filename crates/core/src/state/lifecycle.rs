//! Strategy Lifecycles: for each instance, if it may buy, must hold or must wait.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use strum::{Display, IntoStaticStr, VariantArray};

use super::ledger::OpenPosition;
use super::table::{At, Row, Table};
use crate::canonical::{Members, Reader, Sink, Value, record};
use crate::fault::Result;
use crate::schema::{Schema, object};
use crate::value::{Decimal, LogicalTime, MarketId, Spelled, StrategyInstanceId};

/// The lifecycle of an instance: which orders of it are allowed.
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
    /// The instance that holds the open position. At most one position is open, so at most one instance holds.
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

    /// The lifecycle of an instance; one that has not decided yet is ready.
    pub fn of(&self, id: StrategyInstanceId) -> Lifecycle {
        self.instance(id).map_or(Lifecycle::Ready, |instance| instance.lifecycle)
    }

    /// The instance that holds the open position, if one is open.
    pub fn holder(&self) -> Option<&Instance> {
        self.holder.map(|at| self.instances.at(at))
    }

    /// Notes that an instance decides at `time`; its place, and the time of its decision before that.
    pub(super) fn decide(
        &mut self,
        id: StrategyInstanceId,
        time: LogicalTime,
    ) -> Result<(At, Option<LogicalTime>)> {
        let make = || Instance { id, lifecycle: Lifecycle::Ready, last_logical_time: time };
        let (at, is_new) = self.instances.intern(id, make)?;
        let last = core::mem::replace(&mut self.instances.at_mut(at).last_logical_time, time);
        Ok((at, (!is_new).then_some(last)))
    }

    /// The instance bought `position`.
    pub(super) fn hold(&mut self, instance: At, position: OpenPosition, until: u64) {
        self.holder = Some(instance);
        self.instances.at_mut(instance).lifecycle = Lifecycle::Holding { position, until };
    }

    /// The open position was sold, by the instance that holds it or by another.
    #[expect(
        clippy::expect_used,
        reason = "the grammar lets only the open position be sold, and a BUY sets its holder"
    )]
    pub(super) fn cool_down_holder(&mut self, until: u64) {
        let holder = self.holder.take().expect("an open position has a holder");
        self.instances.at_mut(holder).lifecycle = Lifecycle::Cooldown { until };
    }
}

impl Instance {
    /// The instance's id.
    pub fn id(&self) -> StrategyInstanceId {
        self.id
    }

    /// Its lifecycle.
    pub fn lifecycle(&self) -> Lifecycle {
        self.lifecycle
    }

    /// The time of its own last decision; another's sale of its position does not change it.
    pub fn last_logical_time(&self) -> LogicalTime {
        self.last_logical_time
    }

    /// The lifecycle's state, what is held if anything, and until when it lasts if it ends.
    pub fn describe(&self) -> (LifecycleState, Option<OpenPosition>, Option<u64>) {
        match self.lifecycle {
            Lifecycle::Ready => (LifecycleState::Ready, None, None),
            Lifecycle::Holding { position, until } => (LifecycleState::Holding, Some(position), Some(until)),
            Lifecycle::Cooldown { until } => (LifecycleState::Cooldown, None, Some(until)),
        }
    }

    /// Appends the entry as canonical JSON, without LF.
    pub fn write(&self, sink: &mut impl Sink) {
        let (state, position, until) = self.describe();
        sink.put(b"{\"strategyInstanceId\":");
        self.id.write(sink);
        InstanceMembers {
            state,
            market_id: position.map(|position| position.market_id),
            quantity: position.map(|position| position.quantity),
            until: until.map(Until),
            last_logical_time: self.last_logical_time,
        }
        .write_members(sink);
        sink.put(b"}");
    }
}

/// The schema of what [`Instance::write`] writes.
impl Schema for Instance {
    fn schema() -> String {
        let mut members = vec![("strategyInstanceId", StrategyInstanceId::schema())];
        InstanceMembers::describe_members(&mut members);
        object(&members)
    }
}

/// The name of a lifecycle on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Display, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum LifecycleState {
    /// [`Lifecycle::Ready`].
    Ready,
    /// [`Lifecycle::Holding`].
    Holding,
    /// [`Lifecycle::Cooldown`].
    Cooldown,
}

impl Spelled for LifecycleState {}

record! {
    /// The members of an entry after the first, which is its instance.
    InstanceMembers {
        /// What the instance may do. An expired cooldown stays COOLDOWN until the next purchase.
        state: LifecycleState = "state",
        /// The market of what it holds.
        market_id: Option<MarketId> = "marketId",
        /// What it holds.
        quantity: Option<Decimal> = "quantity",
        /// Until when the hold time or the cooldown lasts.
        until: Option<Until> = "until",
        /// The time of its own last decision.
        last_logical_time: LogicalTime = "lastLogicalTime",
    }
}

/// Until when a hold time or a cooldown lasts, in units of logicalTime; may exceed 2^53 − 1.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Until(u64);

impl<'a> Value<'a> for Until {
    fn write(&self, sink: &mut impl Sink) {
        self.0.write(sink);
    }

    fn read(reader: &mut Reader<'a>) -> Result<Self> {
        reader.integer().map(Self)
    }
}

impl Schema for Until {
    fn schema() -> String {
        "{\"type\":\"integer\",\"minimum\":0}".into()
    }
}
