//! Histories of made-up ticks, as the orchestrator computes them.

use dreichor_core::State;
use dreichor_core::event::{DecisionEvaluated, Event};
use dreichor_core::id::DecisionId;
use dreichor_core::input::{Input, Kind};
use dreichor_core::tick::{Policy, Step, step};
use dreichor_core::value::{
    Attention, Form, LogicalTime, MarketId, ParameterPool, ReasonCodes, SafetyGates, Spelled,
    StrategyInstanceId,
};

/// A fixed sequence of numbers for each seed.
pub(crate) struct Draw(pub(crate) u64);

impl Draw {
    /// The next number, less than `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        // The multiplier of Knuth's MMIX; the upper bits are the better ones.
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

/// The events of so many ticks of four instances.
pub(crate) fn events(seed: u64, ticks: u64) -> Vec<Event<'static>> {
    let (mut draw, mut state, mut events) = (Draw(seed), State::new(), Vec::new());
    for index in 0..ticks {
        let time = LogicalTime::new(10 + index).unwrap();
        let instance = format!("{:08x}-0000-4000-8000-{seed:012x}", draw.below(4));
        let strategy_instance_id = StrategyInstanceId::parse(instance.as_bytes()).unwrap();
        let is_better = draw.below(3) > 0;
        let fact = draw.below(5);
        let market = format!("MARKET-{}", draw.below(5));
        let pools = ParameterPool::ALL;
        let decision = DecisionEvaluated {
            decision_id: DecisionId::of(strategy_instance_id, time),
            strategy_instance_id,
            decision_class: Form::parse(b"a.b.c@v1").unwrap(),
            reason_codes: ReasonCodes::EMPTY,
            attention: Attention::new([0, 1, 2, 3, 4].map(|index| is_better || index != fact)),
            parameter_pool: pools[usize::try_from(draw.below(3)).unwrap()],
            target_market_id: MarketId::parse(market.as_bytes()).filter(|_| draw.below(10) > 0),
            safety_gates: SafetyGates::new([20, 20, 20].map(|one_of| draw.below(one_of) == 0)),
        };
        let input = Input { logical_time: time, kind: Kind::Tick(decision) };
        let Ok(Step::Events(tick)) = step(&state, &input, Policy::default()) else { unreachable!() };
        for event in &tick {
            state.apply(event).unwrap();
        }
        events.extend(tick);
    }
    events
}
