//! A filter of events by type, decision, market, instance and time.

use dreichor_core::Event;
use dreichor_core::event::EventType;
use dreichor_core::id::DecisionId;
use dreichor_core::state::DecisionMemory;
use dreichor_core::value::{Form, MarketId, Spelled, StrategyInstanceId};
use memchr::memmem;

/// What precedes the id of an event's decision. Within a text, its quotes would be escaped.
const DECISION: &[u8] = b"\"decisionId\":\"";

/// The conditions that an event must meet. A condition that is none holds for every event.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Filter {
    /// The event's type.
    pub event_type: Option<EventType>,
    /// The decision of the event's tick, or the one that feedback refers to.
    pub decision: Option<DecisionId>,
    /// The market that the event names.
    pub market: Option<MarketId>,
    /// The strategy instance of that decision.
    pub instance: Option<StrategyInstanceId>,
    /// The least logical time, included.
    pub from: Option<u64>,
    /// The greatest logical time, included.
    pub to: Option<u64>,
}

impl Filter {
    /// True if the event meets all conditions. `memory` must hold the decisions up to this event; it is used only for
    /// the condition on the instance.
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
                remembered.is_some_and(|decision| decision.instance() == asked)
            })
    }

    /// False for a line that cannot match by the decision that it names, which is found without a parse. `memory` as of
    /// [`Filter::asks_for`].
    pub fn is_candidate(&self, line: &[u8], memory: &DecisionMemory) -> bool {
        let Some(asked) = self.instance else { return true };
        let named = memmem::find(line, DECISION).and_then(|at| {
            let text = line.get(at + DECISION.len()..)?.split(|byte| *byte == b'"').next()?;
            memory.decision(DecisionId::parse(text)?)
        });
        named.is_some_and(|decision| decision.instance() == asked)
    }

    /// Returns texts that every matching line contains. A search need not parse lines that lack one of them.
    pub fn words(&self) -> Vec<String> {
        let event_type = self.event_type.map(|event_type| format!("\"type\":\"{}\"", event_type.as_str()));
        let decision = self.decision.map(|decision| format!("\"{decision}\""));
        let market = self.market.map(|market| format!("\"{market}\""));
        [decision, market, event_type].into_iter().flatten().collect()
    }
}
