//! Which decisions are asked for: OR within one kind of condition, AND between kinds.

use std::collections::BTreeSet;
use std::fmt;

use dreichor_core::Event;
use dreichor_core::event::Body;
use dreichor_core::value::{LogicalTime, MarketId, ParameterPool, StrategyInstanceId};
use dreichor_replay::reference::IdPrefix;

use crate::decided::{Decided, Outcome};

/// Conditions on a decision. A kind without a condition holds for every decision.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Selection {
    /// The outcome of the decision.
    pub outcomes: Vec<Outcome>,
    /// Why, by the name of the reason.
    pub reasons: Vec<String>,
    /// The strategy instance that decided.
    pub instances: Vec<IdPrefix>,
    /// Its target, or the market of its order.
    pub markets: Vec<MarketId>,
    /// Its parameter pool.
    pub pools: Vec<ParameterPool>,
    /// The least logical time, included.
    pub from: Option<u64>,
    /// The greatest logical time, included.
    pub to: Option<u64>,
}

impl Selection {
    /// True if the decision meets all conditions.
    pub fn asks_for(&self, decided: &Decided) -> bool {
        let any = |is_empty: bool, found: bool| is_empty || found;
        let time = decided.logical_time.get();
        let instance = decided.decision.strategy_instance_id.uuid();
        let order_market = decided.order().map(|(_, market, _)| market);
        let names = |market: &MarketId| {
            Some(*market) == decided.decision.target_market_id || Some(*market) == order_market
        };
        self.from.is_none_or(|from| time >= from)
            && self.to.is_none_or(|to| time <= to)
            && any(self.outcomes.is_empty(), self.outcomes.contains(&decided.outcome()))
            && any(
                self.reasons.is_empty(),
                decided.reason().is_some_and(|reason| self.reasons.iter().any(|asked| asked == reason)),
            )
            && any(self.instances.is_empty(), self.instances.iter().any(|prefix| prefix.matches(instance)))
            && any(self.markets.is_empty(), self.markets.iter().any(names))
            && any(self.pools.is_empty(), self.pools.contains(&decided.decision.parameter_pool))
    }
}

/// The names and times in a log, for the message that nothing was selected.
#[derive(Debug, Clone)]
pub struct Holdings {
    /// What is counted, in the plural.
    what: &'static str,
    times: Option<(u64, u64)>,
    markets: BTreeSet<MarketId>,
    instances: BTreeSet<StrategyInstanceId>,
}

/// The number of names of a kind that are shown.
const SHOWN_MAX: usize = 8;

impl Holdings {
    /// Nothing yet, of events or of decisions.
    pub const fn of(what: &'static str) -> Self {
        Self { what, times: None, markets: BTreeSet::new(), instances: BTreeSet::new() }
    }

    /// Adds a decision.
    pub fn add(&mut self, decided: &Decided) {
        let Decided { decision, logical_time, .. } = decided;
        self.note(*logical_time, decision.target_market_id, Some(decision.strategy_instance_id));
    }

    /// Adds an event.
    pub fn add_event(&mut self, event: &Event<'_>) {
        let instance = if let Body::DecisionEvaluated(decision) = &event.body {
            Some(decision.strategy_instance_id)
        } else {
            None
        };
        self.note(event.logical_time, event.body.market_id(), instance);
    }

    fn note(&mut self, time: LogicalTime, market: Option<MarketId>, instance: Option<StrategyInstanceId>) {
        let time = time.get();
        let (first, last) = self.times.unwrap_or((time, time));
        self.times = Some((first.min(time), last.max(time)));
        if self.markets.len() <= SHOWN_MAX {
            self.markets.extend(market);
        }
        if self.instances.len() <= SHOWN_MAX {
            self.instances.extend(instance);
        }
    }
}

impl fmt::Display for Holdings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = self.what;
        let Some((first, last)) = self.times else { return write!(f, "the log holds no {what}") };
        let enumerate = |names: Vec<String>| {
            let more = if names.len() > SHOWN_MAX { ", …" } else { "" };
            let shown: Vec<String> = names.into_iter().take(SHOWN_MAX).collect();
            if shown.is_empty() { "none".to_owned() } else { format!("{}{more}", shown.join(", ")) }
        };
        let instances = self.instances.iter().map(ToString::to_string).collect();
        write!(
            f,
            "the log holds {what} of the times {first} to {last}, markets {}, instances {}",
            enumerate(self.markets.iter().map(ToString::to_string).collect()),
            enumerate(instances)
        )
    }
}
