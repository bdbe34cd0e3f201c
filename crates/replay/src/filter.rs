//! Which events are asked for.

use dreichor_core::Event;
use dreichor_core::event::EventType;
use dreichor_core::id::DecisionId;
use dreichor_core::state::DecisionMemory;
use dreichor_core::value::{MarketId, Spelled, StrategyInstanceId};

/// What an event must be to be asked for; none: whatever it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Filter {
    /// Its type.
    pub event_type: Option<EventType>,
    /// The decision that it is of, or speaks of.
    pub decision: Option<DecisionId>,
    /// The market that it names.
    pub market: Option<MarketId>,
    /// The instance of the decision that it is of, or speaks of.
    pub instance: Option<StrategyInstanceId>,
    /// The least logical time.
    pub from: Option<u64>,
    /// The greatest logical time.
    pub to: Option<u64>,
}

impl Filter {
    /// Whether the event is asked for. `memory` knows the decisions up to this event, or more; it is asked only
    /// for the instance.
    pub fn asks_for(&self, event: &Event<'_>, memory: &DecisionMemory) -> bool {
        let time = event.logical_time.get();
        let decision = event.body.decision_id();
        self.event_type.is_none_or(|asked| asked == event.body.event_type())
            && self.from.is_none_or(|from| time >= from)
            && self.to.is_none_or(|to| time <= to)
            && self.decision.is_none_or(|asked| decision == Some(asked))
            && self.market.is_none_or(|asked| event.body.market_id() == Some(asked))
            && self.instance.is_none_or(|asked| {
                let remembered = decision.and_then(|id| memory.decision(id));
                remembered.is_some_and(|decision| decision.evaluated().strategy_instance_id == asked)
            })
    }

    /// Words of which every line that is asked for has all: who looks for few lines among many need not read
    /// the others.
    pub fn words(&self) -> Vec<String> {
        let event_type = self.event_type.map(|event_type| format!("\"type\":\"{}\"", event_type.as_str()));
        let decision = self.decision.map(|decision| format!("\"{decision}\""));
        let market = self.market.map(|market| format!("\"{market}\""));
        [decision, market, event_type].into_iter().flatten().collect()
    }
}
