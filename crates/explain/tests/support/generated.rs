//! Logs of made-up ticks and feedback, as the domain's own function enacts them.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use dreichor_core::State;
use dreichor_core::event::{DecisionEvaluated, FeedbackTarget, UserFeedbackRecorded};
use dreichor_core::id::{DecisionId, FeedbackId};
use dreichor_core::input::{Input, Kind};
use dreichor_core::tick::{Policy, Step, step};
use dreichor_core::value::{
    Attention, Comment, FeedbackCategory, Form, LogicalTime, MarketId, ParameterPool, ReasonCode,
    ReasonCodes, SafetyGates, Spelled, StrategyInstanceId,
};
use proptest::prelude::*;

/// From what one input is made.
#[derive(Debug, Clone)]
pub(crate) enum Seed {
    Tick { instance: u8, later: u8, attention: [bool; 5], pool: usize, market: Option<u8>, gates: [bool; 3] },
    Feedback { back: u8, category: usize, on: On, comment: Option<String> },
}

/// On what feedback is given.
#[derive(Debug, Clone, Copy)]
pub(crate) enum On {
    Decision,
    Execution,
    Window,
}

/// Whole logs of a few instances and markets: dense enough that each rule of the tick comes up.
pub(crate) fn logs() -> impl Strategy<Value = Vec<u8>> {
    let attention = prop_oneof![3 => Just([true; 5]), 1 => any::<[bool; 5]>()];
    let gates = prop_oneof![3 => Just([false; 3]), 1 => any::<[bool; 3]>()];
    let market = prop_oneof![8 => (0..3_u8).prop_map(Some), 1 => Just(None)];
    let tick = (0..3_u8, 0..4_u8, attention, 0..3_usize, market, gates).prop_map(
        |(instance, later, attention, pool, market, gates)| Seed::Tick {
            instance,
            later,
            attention,
            pool,
            market,
            gates,
        },
    );
    let on = prop_oneof![Just(On::Decision), Just(On::Execution), Just(On::Window)];
    let comment = prop::option::of("[a-z\"\\\\\u{0}-\u{1f}\u{202e}ß ]{0,12}");
    let feedback = (0..20_u8, 0..3_usize, on, comment)
        .prop_map(|(back, category, on, comment)| Seed::Feedback { back, category, on, comment });
    prop::collection::vec(prop_oneof![4 => tick, 1 => feedback], 1..60).prop_map(|seeds| enacted(&seeds))
}

fn enacted(seeds: &[Seed]) -> Vec<u8> {
    let (mut state, mut log) = (State::new(), Vec::new());
    for seed in seeds {
        let Some(input) = input(seed, &state) else { continue };
        // Inputs that the rules reject, such as repeated feedback, are no part of the log.
        let Ok(Step::Events(events)) = step(&state, &input, Policy::default()) else { continue };
        for event in events {
            event.write_line(&mut log);
            state.apply(&event).unwrap();
        }
    }
    log
}

fn input<'a>(seed: &'a Seed, state: &State) -> Option<Input<'a>> {
    let last = state.last_logical_time().map_or(0, LogicalTime::get);
    let time = |value| LogicalTime::new(value).unwrap();
    match seed {
        Seed::Tick { instance, later, attention, pool, market, gates } => {
            let at = time(last + u64::from(*later));
            let id = format!("{instance:08x}-0000-4000-8000-000000000000");
            let strategy_instance_id = StrategyInstanceId::parse(id.as_bytes()).unwrap();
            let codes = ReasonCode::ALL[..usize::from(*later)].iter();
            let reason_codes = codes.fold(ReasonCodes::EMPTY, |codes, code| codes.with(*code).unwrap());
            let market = market.map(|market| MarketId::parse(format!("MARKET-{market}").as_bytes()).unwrap());
            let decision = DecisionEvaluated {
                decision_id: DecisionId::of(strategy_instance_id, at),
                strategy_instance_id,
                decision_class: Form::parse(b"a.b.c@v1").unwrap(),
                reason_codes,
                attention: Attention::new(*attention),
                parameter_pool: ParameterPool::ALL[*pool],
                target_market_id: market,
                safety_gates: SafetyGates::new(*gates),
            };
            Some(Input { logical_time: at, kind: Kind::Tick(decision) })
        }
        Seed::Feedback { back, category, on, comment } => {
            let at = time(last);
            let recent = state.memory().decisions().len().checked_sub(1 + usize::from(*back));
            let decision = recent.and_then(|recent| state.memory().decisions().nth(recent));
            let target = match on {
                On::Decision => FeedbackTarget::Decision(decision?.id()),
                On::Execution => FeedbackTarget::Execution(decision?.id(), decision?.execution_id()?),
                On::Window => FeedbackTarget::TimeWindow { from: time(last / 2), to: at },
            };
            let category = FeedbackCategory::ALL[*category];
            let comment = comment.as_deref().map(|text| Comment::new(text.into()).unwrap());
            let feedback_id = FeedbackId::of(at, category, &target, &comment);
            let given = UserFeedbackRecorded { feedback_id, category, target, comment };
            Some(Input { logical_time: at, kind: Kind::Feedback(given) })
        }
    }
}
