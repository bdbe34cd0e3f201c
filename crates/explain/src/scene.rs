//! The context of a sentence: the state before the tick, and the tick's events so far.

use dreichor_core::State;
use dreichor_core::event::{DecisionEvaluated, OrderIntentCreated};
use dreichor_core::state::{Instance, Lifecycle, OpenPosition, Position};
use dreichor_core::value::{LogicalTime, Side, StrategyInstanceId};

/// The tick's surroundings. A tick changes neither ledger nor lifecycles before its last event, so the
/// state at its first event is the one that all of its rules used.
pub(crate) struct Scene {
    pub(crate) time: LogicalTime,
    pub(crate) decision: DecisionEvaluated,
    /// The lifecycle of the instance that decided.
    pub(crate) lifecycle: Lifecycle,
    /// The holder of the open position.
    pub(crate) holder: Option<Holder>,
    /// The strategy's own intent.
    pub(crate) intent: Option<OrderIntentCreated>,
    /// The latest intent, which is the one that is executed, if one is.
    pub(crate) order: Option<Order>,
}

/// The one instance that held.
pub(crate) struct Holder {
    pub(crate) id: StrategyInstanceId,
    pub(crate) lifecycle: Lifecycle,
    pub(crate) position: OpenPosition,
}

/// An order, and what its market's position was before it.
pub(crate) struct Order {
    pub(crate) intent: OrderIntentCreated,
    pub(crate) position: Option<Position>,
}

impl Scene {
    /// The surroundings of the decision, which `state` has just taken in.
    pub(crate) fn set(time: LogicalTime, decision: &DecisionEvaluated, state: &State) -> Self {
        let lifecycles = state.lifecycles();
        Self {
            time,
            decision: decision.clone(),
            lifecycle: lifecycles.of(decision.strategy_instance_id),
            holder: lifecycles.holder().and_then(Holder::of),
            intent: None,
            order: None,
        }
    }

    /// True if the strategy itself asked to sell the open position.
    pub(crate) fn asks_for_open_position(&self) -> bool {
        let (Some(intent), Some(Holder { position, .. })) = (&self.intent, &self.holder) else {
            return false;
        };
        intent.side == Side::Sell
            && intent.market_id == position.market_id
            && intent.allocation == position.quantity
    }

    /// The instance `id`, seen from the one that decided.
    pub(crate) fn name(&self, id: StrategyInstanceId) -> String {
        if id == self.decision.strategy_instance_id {
            "the instance itself".into()
        } else {
            format!("strategy instance {id}, which is not the one that decided")
        }
    }
}

impl Holder {
    fn of(instance: &Instance) -> Option<Self> {
        match instance.lifecycle() {
            Lifecycle::Holding { position, .. } => {
                Some(Self { id: instance.id(), lifecycle: instance.lifecycle(), position })
            }
            Lifecycle::Ready | Lifecycle::Cooldown { .. } => None,
        }
    }
}

/// A lifecycle in a few words.
pub(crate) fn describe(lifecycle: Lifecycle) -> String {
    match lifecycle {
        Lifecycle::Ready => "READY".into(),
        Lifecycle::Holding { position, until } => {
            format!("HOLDING {} of {} until {until}", position.quantity, position.market_id)
        }
        Lifecycle::Cooldown { until } => format!("COOLDOWN until {until}"),
    }
}
