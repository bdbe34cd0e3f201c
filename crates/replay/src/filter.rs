//! A filter of events by type, decision, market, instance and time.

use dreichor_core::Event;
use dreichor_core::event::EventType;
use dreichor_core::id::DecisionId;
use dreichor_core::state::{Decision, DecisionMemory};
use dreichor_core::value::{Form, MarketId, Spelled};
use memchr::memmem;

/// What precedes the id of an event's decision. Within a text, its quotes would be escaped.
const DECISION: &[u8] = b"\"decisionId\":\"";

use crate::reference::IdPrefix;

/// The conditions that an event must meet: one of each list, and both times. An empty list holds for every event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// The event's type.
    pub event_types: Vec<EventType>,
    /// The decision of the event's tick, or the one that feedback refers to.
    pub decisions: Vec<IdPrefix>,
    /// The market that the event names.
    pub markets: Vec<MarketId>,
    /// The strategy instance of that decision.
    pub instances: Vec<IdPrefix>,
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
        let market = event.body.market_id();
        is_one_of(&self.event_types, |asked| *asked == event.body.event_type())
            && self.from.is_none_or(|from| time >= from)
            && self.to.is_none_or(|to| time <= to)
            && is_one_of(&self.decisions, |asked| decision.is_some_and(|id| asked.matches(id.uuid())))
            && is_one_of(&self.markets, |asked| market == Some(*asked))
            && (self.instances.is_empty() || {
                let remembered = decision.and_then(|id| memory.decision(id));
                remembered.is_some_and(|decision| self.is_of_instance(decision))
            })
    }

    /// False for a line that cannot match by the decision that it names, which is found without a parse. `memory` as of
    /// [`Filter::asks_for`].
    pub fn is_candidate(&self, line: &[u8], memory: &DecisionMemory) -> bool {
        if self.instances.is_empty() {
            return true;
        }
        let named = memmem::find(line, DECISION).and_then(|at| {
            let text = line.get(at + DECISION.len()..)?.split(|byte| *byte == b'"').next()?;
            memory.decision(DecisionId::parse(text)?)
        });
        named.is_some_and(|decision| self.is_of_instance(decision))
    }

    fn is_of_instance(&self, decision: Decision<'_>) -> bool {
        let id = decision.instance().uuid();
        self.instances.iter().any(|asked| asked.matches(id))
    }

    /// Returns lists of texts: of each list, every matching line contains one. A search need not parse other lines.
    pub fn words(&self) -> Vec<Vec<String>> {
        let types = self.event_types.iter().map(|asked| format!("\"type\":\"{}\"", asked.as_str())).collect();
        let decisions = self.decisions.iter().map(IdPrefix::text).collect();
        let markets = self.markets.iter().map(|asked| format!("\"{asked}\"")).collect();
        let lists: [Vec<String>; 3] = [decisions, markets, types];
        lists.into_iter().filter(|list| !list.is_empty()).collect()
    }
}

/// True if one of the asked holds, or none is asked for.
fn is_one_of<T>(asked: &[T], holds: impl FnMut(&T) -> bool) -> bool {
    asked.is_empty() || asked.iter().any(holds)
}
