//! The tick does what the domain's tables say, row by row.
//!
//! A scenario is lines of text. `A t=3 target=M1 -> EVENTS` is a tick of instance A, whose five attention
//! facts hold unless `attention=` says otherwise, and what follows on its decision: the intent or why there is
//! none, safety's verdict, a sale of safety's, `filled` (attempt, FILLED outcome and ledger update). Also
//! `-> already recorded` and `-> refused RULE MEMBER`. `feedback t=9 on=A@3 -> feedback` likewise. `mode` and
//! `step-max` set the policy; `A is HOLDING M1 0.5 until 8` and `open is M1 0.5` ask the state.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a helper's failure is the test's")]

mod support;

use dreichor_core::event::{Body, DecisionEvaluated, Fill, OrderIntentCreated};
use dreichor_core::id::{DecisionId, ExecutionId, OrderIntentId};
use dreichor_core::input::Kind;
use dreichor_core::state::Lifecycle;
use dreichor_core::tick::{Policy, SafetyMode, Step, step};
use dreichor_core::value::{Origin, Plane};
use dreichor_core::{Event, Input, State};
use support::log;
use support::words::{self, Words, formed};

fn input(words: &str) -> Input<'static> {
    let (feedback, words) = match words.strip_prefix("feedback ") {
        Some(words) => (true, Words::new(words, &[])),
        None => (false, Words::new(words, &["instance"])),
    };
    let logical_time = words.time("t").unwrap();
    if feedback {
        return Input { logical_time, kind: Kind::Feedback(log::feedback(logical_time, &words)) };
    }
    let strategy_instance_id = words::instance(words.get("instance").unwrap());
    let tick = DecisionEvaluated {
        decision_id: DecisionId::of(strategy_instance_id, logical_time),
        strategy_instance_id,
        decision_class: words.formed("class").unwrap_or_else(|| formed("a.b.c@v1")),
        reason_codes: words.reasons(),
        attention: words.attention(),
        parameter_pool: words.pool(),
        target_market_id: words.formed("target"),
        safety_gates: words.gates(),
    };
    Input { logical_time, kind: Kind::Tick(tick) }
}

/// Describes events in words; checks the decision and every value that follows from the words.
fn described(events: &[Event<'_>], input: &Input<'_>, policy: Policy) -> String {
    let mut words = Vec::new();
    let mut intents: Vec<&OrderIntentCreated> = Vec::new();
    for event in events {
        assert_eq!(event.logical_time, input.logical_time);
        match (&event.body, &input.kind) {
            (Body::DecisionEvaluated(decision), Kind::Tick(asked)) => {
                let safety_gates = asked.safety_gates.union(policy.safety_mode.gates());
                assert_eq!(*decision, DecisionEvaluated { safety_gates, ..asked.clone() });
                continue;
            }
            (Body::UserFeedbackRecorded(recorded), Kind::Feedback(asked)) => assert_eq!(recorded, asked),
            _ => {}
        }
        let plane = Plane::Paper;
        words.push(match &event.body {
            Body::DecisionEvaluated(_) => panic!("a decision of its own"),
            Body::UserFeedbackRecorded(_) => "feedback".to_owned(),
            Body::OrderIntentSkipped(skipped) => skipped.reason.to_string(),
            Body::OrderIntentCreated(intent) => {
                let OrderIntentCreated { decision_id, order_intent_id, origin, side, market_id, allocation } =
                    intent;
                assert_eq!(*order_intent_id, OrderIntentId::of(*decision_id, *origin, *side, *market_id));
                intents.push(intent);
                let by = if *origin == Origin::Safety { "SAFETY " } else { "" };
                format!("{by}{side} {market_id} {allocation}")
            }
            Body::SafetyEvaluated(evaluated) => {
                let reason = evaluated.verdict.reason().map(|reason| format!(" {reason}"));
                format!("{}{}", evaluated.verdict.result(), reason.unwrap_or_default())
            }
            Body::ExecutionAttempted(attempted) => {
                let intent = intents.last().unwrap().order_intent_id;
                assert_eq!(
                    (attempted.order_intent_id, attempted.execution_id),
                    (intent, ExecutionId::of(intent, plane))
                );
                "attempt".to_owned()
            }
            Body::ExecutionOutcomeRecorded(recorded) => {
                let intent = intents.last().unwrap();
                let outcome = &recorded.outcome;
                assert_eq!((outcome.side, outcome.market_id), (intent.side, intent.market_id));
                assert_eq!(outcome.fill, Fill::Filled(intent.allocation));
                "outcome".to_owned()
            }
            Body::LedgerUpdated(_) => "ledger".to_owned(),
        });
    }
    words.join(", ").replace("attempt, outcome, ledger", "filled")
}

fn check(scenario: &str) {
    let mut state = State::new();
    let mut policy = Policy::default();
    for line in scenario.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(mode) = line.strip_prefix("mode ") {
            let modes = [
                ("normal", SafetyMode::Normal),
                ("halt", SafetyMode::Halt),
                ("flatten", SafetyMode::Flatten),
            ];
            policy.safety_mode = modes.into_iter().find(|(name, _)| *name == mode).unwrap().1;
        } else if let Some(step_max) = line.strip_prefix("step-max ") {
            policy.logical_step_max = Some(step_max.parse().unwrap());
        } else if let Some(open) = line.strip_prefix("open is ") {
            let position = state.ledger().open_position();
            let found =
                position.map_or("none".into(), |open| format!("{} {}", open.market_id, open.quantity));
            assert_eq!(found, open, "{line} in {scenario}");
        } else if let Some((instance, lifecycle)) = line.split_once(" is ") {
            let found = match state.lifecycles().of(words::instance(instance)) {
                Lifecycle::Ready => "READY".to_owned(),
                Lifecycle::Holding { position, until } => {
                    format!("HOLDING {} {} until {until}", position.market_id, position.quantity)
                }
                Lifecycle::Cooldown { until } => format!("COOLDOWN until {until}"),
            };
            assert_eq!(found, lifecycle, "{line} in {scenario}");
        } else {
            let (words, expected) = line.split_once(" -> ").unwrap();
            let input = input(words.trim());
            let found = match step(&state, &input, policy) {
                Ok(Step::AlreadyRecorded) => "already recorded".to_owned(),
                Err(fault) => format!("refused {} {}", fault.rule, fault.member),
                Ok(Step::Events(events)) => {
                    for event in &events {
                        state.apply(event).unwrap();
                    }
                    described(&events, &input, policy)
                }
            };
            assert_eq!(found, expected.trim(), "{line} in {scenario}");
        }
    }
}

#[test]
fn the_strategys_intent_is_that_of_the_table() {
    INTENTS.split("\n\n").for_each(check);
}

#[test]
fn safetys_verdict_and_the_execution_are_those_of_the_table() {
    SAFETY.split("\n\n").for_each(check);
}

#[test]
fn lifecycles_go_from_holding_to_cooldown() {
    LIFECYCLES.split("\n\n").for_each(check);
}

#[test]
fn an_input_that_comes_again_is_the_same_or_refused() {
    AGAIN.split("\n\n").for_each(check);
}

#[test]
fn an_input_that_would_break_the_log_is_refused() {
    REFUSED.split("\n\n").for_each(check);
}

const INTENTS: &str = "
# HOLDING: not better comes before the hold time
A t=1 target=M1 -> BUY M1 0.5, ALLOW, filled
A t=2 attention=11110 target=M2 -> ATTENTION_NEGATIVE, ALLOW
A is HOLDING M1 0.5 until 6

# HOLDING: better, but within the hold time; blockBuy has no say in it
A t=1 target=M1 -> BUY M1 0.5, ALLOW, filled
A t=2 target=M2 -> HOLD_TIME_ACTIVE, ALLOW
A t=5 target=M2 gates=block -> HOLD_TIME_ACTIVE, ALLOW
A is HOLDING M1 0.5 until 6

# HOLDING: better, the hold time is over at its end; a target is not needed, another is not bought
A t=1 target=M1 -> BUY M1 0.5, ALLOW, filled
A t=6 -> SELL M1 0.5, ALLOW, filled
open is none

A t=1 target=M1 -> BUY M1 0.5, ALLOW, filled
A t=7 target=M2 gates=block pool=assertive -> SELL M1 0.5, ALLOW, filled
open is none

# HOLDING: not better after the hold time
A t=1 target=M1 -> BUY M1 0.5, ALLOW, filled
A t=100 attention=00000 target=M2 -> ATTENTION_NEGATIVE, ALLOW

# HOLDING: forceSell needs neither
A t=1 target=M1 -> BUY M1 0.5, ALLOW, filled
A t=2 attention=00000 gates=force -> SELL M1 0.5, FORCE_SELL FORCE_SELL_ACTIVE, filled

# COOLDOWN: before everything else
A t=1 target=M1 -> BUY M1 0.5, ALLOW, filled
A t=6 -> SELL M1 0.5, ALLOW, filled
A t=7 target=M1 -> COOLDOWN_ACTIVE, ALLOW
A t=8 attention=00000 target=M1 -> COOLDOWN_ACTIVE, ALLOW
A t=9 target=M1 gates=block -> COOLDOWN_ACTIVE, ALLOW
A t=10 -> COOLDOWN_ACTIVE, ALLOW
A is COOLDOWN until 11

# COOLDOWN is over at its end, and then as READY
A t=1 target=M1 -> BUY M1 0.5, ALLOW, filled
A t=6 -> SELL M1 0.5, ALLOW, filled
A t=11 target=M1 attention=01111 -> ATTENTION_NEGATIVE, ALLOW
A t=12 target=M1 gates=block -> SAFETY_BLOCKED, ALLOW
A t=13 -> MISSING_TARGET_MARKET, ALLOW
A is COOLDOWN until 11
A t=14 target=M2 -> BUY M2 0.5, ALLOW, filled

A t=1 target=M1 -> BUY M1 0.5, ALLOW, filled
A t=6 -> SELL M1 0.5, ALLOW, filled
A t=11 target=M1 -> BUY M1 0.5, ALLOW, filled

# READY: each of the five facts is needed, before blockBuy and target
A t=1 target=M1 attention=01111 -> ATTENTION_NEGATIVE, ALLOW
A t=2 target=M1 attention=10111 -> ATTENTION_NEGATIVE, ALLOW
A t=3 target=M1 attention=11011 -> ATTENTION_NEGATIVE, ALLOW
A t=4 target=M1 attention=11101 -> ATTENTION_NEGATIVE, ALLOW
A t=5 target=M1 attention=11110 -> ATTENTION_NEGATIVE, ALLOW
A t=6 attention=00000 gates=block -> ATTENTION_NEGATIVE, ALLOW
# blockBuy before the target
A t=7 gates=block -> SAFETY_BLOCKED, ALLOW
A t=8 target=M1 gates=block -> SAFETY_BLOCKED, ALLOW
A t=9 -> MISSING_TARGET_MARKET, ALLOW
A is READY
# reasons and class have no say
A t=10 target=M1 reasons=HOLD_TIME_ACTIVE,COOLDOWN_ACTIVE,SAFETY_TRIGGERED class=x.y.z@v9 -> BUY M1 0.5, ALLOW, filled

# the allocation is the pool's, then that of the position
A t=1 target=M1 pool=cautious -> BUY M1 0.25, ALLOW, filled
A is HOLDING M1 0.25 until 11
A t=11 pool=assertive -> SELL M1 0.25, ALLOW, filled
A is COOLDOWN until 13
B t=13 target=M2 pool=assertive -> BUY M2 1, ALLOW, filled
B is HOLDING M2 1 until 15
open is M2 1
";

const SAFETY: &str = "
# 1: haltAll stops all but a SELL
A t=1 target=M1 gates=halt -> BUY M1 0.5, HALT HALT_ALL_ACTIVE
A t=2 gates=halt -> MISSING_TARGET_MARKET, HALT HALT_ALL_ACTIVE
A t=3 target=M1 -> BUY M1 0.5, ALLOW, filled
A t=4 gates=halt -> HOLD_TIME_ACTIVE, HALT HALT_ALL_ACTIVE
A t=8 gates=halt,block -> SELL M1 0.5, ALLOW, filled
open is none

# 1 before 2: with forceSell, the holder's own SELL is allowed, and another instance sells nothing
A t=1 target=M1 -> BUY M1 0.5, ALLOW, filled
B t=2 target=M2 gates=halt,force -> BUY M2 0.5, HALT HALT_ALL_ACTIVE
B t=3 attention=00000 gates=halt,block,force -> ATTENTION_NEGATIVE, HALT HALT_ALL_ACTIVE
A t=3 attention=00000 gates=halt,force -> SELL M1 0.5, ALLOW, filled
open is none

# 2: forceSell sells the open position: the holder by its own intent, others by one of safety's
A t=1 target=M1 -> BUY M1 0.5, ALLOW, filled
A t=2 gates=force -> SELL M1 0.5, FORCE_SELL FORCE_SELL_ACTIVE, filled
A is COOLDOWN until 7

A t=1 target=M1 pool=cautious -> BUY M1 0.25, ALLOW, filled
B t=1 attention=00000 gates=force -> ATTENTION_NEGATIVE, FORCE_SELL FORCE_SELL_ACTIVE, SAFETY SELL M1 0.25, filled
B is READY
open is none

# 2 before 3 and 4: the BUY that another instance wants is not executed, also of the same market
A t=1 target=M1 -> BUY M1 0.5, ALLOW, filled
B t=2 target=M2 gates=force -> BUY M2 0.5, FORCE_SELL FORCE_SELL_ACTIVE, SAFETY SELL M1 0.5, filled
B is READY
open is none
B t=3 target=M1 -> BUY M1 0.5, ALLOW, filled
C t=4 target=M1 gates=force -> BUY M1 0.5, FORCE_SELL FORCE_SELL_ACTIVE, SAFETY SELL M1 0.5, filled
open is none
C t=5 target=M1 gates=block,force -> SAFETY_BLOCKED, ALLOW

# 2: forced by an instance in cooldown
A t=1 target=M1 -> BUY M1 0.5, ALLOW, filled
A t=6 -> SELL M1 0.5, ALLOW, filled
B t=7 target=M2 -> BUY M2 0.5, ALLOW, filled
A t=8 gates=force -> COOLDOWN_ACTIVE, FORCE_SELL FORCE_SELL_ACTIVE, SAFETY SELL M2 0.5, filled
A is COOLDOWN until 11
B is COOLDOWN until 13

# 2: with nothing to sell, forceSell forbids nothing
A t=1 attention=00000 gates=force -> ATTENTION_NEGATIVE, ALLOW
A t=2 target=M1 gates=force -> BUY M1 0.5, ALLOW, filled

# 3 (blockBuy and BUY) is no tick's: where blockBuy is in force, the intent is skipped before
A t=1 target=M1 gates=block -> SAFETY_BLOCKED, ALLOW
A t=2 target=M1 gates=halt,block -> SAFETY_BLOCKED, HALT HALT_ALL_ACTIVE

# 4: one position of all instances
A t=1 target=M1 -> BUY M1 0.5, ALLOW, filled
B t=1 target=M2 -> BUY M2 0.5, BLOCK_BUY POSITION_ALREADY_OPEN
B t=2 target=M1 -> BUY M1 0.5, BLOCK_BUY POSITION_ALREADY_OPEN
B is READY
open is M1 0.5

# the modes add their gates
mode halt
A t=1 target=M1 -> BUY M1 0.5, HALT HALT_ALL_ACTIVE
mode flatten
A t=2 target=M1 -> SAFETY_BLOCKED, ALLOW
A t=3 target=M1 gates=halt -> SAFETY_BLOCKED, HALT HALT_ALL_ACTIVE
mode normal
A t=4 target=M1 -> BUY M1 0.5, ALLOW, filled
mode halt
B t=4 gates=force attention=00000 -> ATTENTION_NEGATIVE, HALT HALT_ALL_ACTIVE
mode flatten
A t=5 attention=00000 -> SELL M1 0.5, FORCE_SELL FORCE_SELL_ACTIVE, filled
mode normal
B t=6 target=M1 -> BUY M1 0.5, ALLOW, filled
mode flatten
A t=7 target=M1 -> COOLDOWN_ACTIVE, FORCE_SELL FORCE_SELL_ACTIVE, SAFETY SELL M1 0.5, filled
B t=8 target=M1 -> COOLDOWN_ACTIVE, ALLOW
mode halt
A t=100 target=M1 -> BUY M1 0.5, HALT HALT_ALL_ACTIVE
";

const LIFECYCLES: &str = "
# another's sale: the holder cools down, by the pool of the tick that sold
A t=1 target=M1 -> BUY M1 0.5, ALLOW, filled
B t=3 pool=cautious gates=force -> MISSING_TARGET_MARKET, FORCE_SELL FORCE_SELL_ACTIVE, SAFETY SELL M1 0.5, filled
A is COOLDOWN until 13
B is READY
A t=12 target=M1 -> COOLDOWN_ACTIVE, ALLOW
A t=13 target=M1 -> BUY M1 0.5, ALLOW, filled

# own sale: by the pool of the tick that sold, not of the one that bought
A t=1 target=M1 pool=cautious -> BUY M1 0.25, ALLOW, filled
A t=11 pool=assertive -> SELL M1 0.25, ALLOW, filled
A is COOLDOWN until 13

# at the end of time
A t=max target=M1 pool=cautious -> BUY M1 0.25, ALLOW, filled
A is HOLDING M1 0.25 until 9007199254741001
nil t=max gates=force pool=assertive -> MISSING_TARGET_MARKET, FORCE_SELL FORCE_SELL_ACTIVE, SAFETY SELL M1 0.25, filled
A is COOLDOWN until 9007199254740993
feedback t=max from=0 to=max -> feedback
A t=max -> refused conflicting-tick parameterPoolId
";

const AGAIN: &str = "
# the same again, also later, also with an earlier time than the last
A t=1 target=M1 -> BUY M1 0.5, ALLOW, filled
A t=1 target=M1 -> already recorded
feedback t=1 on=A@1 comment=\"x\" -> feedback
feedback t=1 on=A@1 comment=\"x\" -> already recorded
B t=5 target=M1 -> BUY M1 0.5, BLOCK_BUY POSITION_ALREADY_OPEN
A t=1 target=M1 -> already recorded
feedback t=1 on=A@1 comment=\"x\" -> already recorded
open is M1 0.5

# a difference in any member, also with an earlier time than the last
A t=1 target=M1 -> BUY M1 0.5, ALLOW, filled
A t=1 target=M1 class=a.b.c@v2 -> refused conflicting-tick decisionClass
A t=1 target=M1 reasons= -> refused conflicting-tick reasonCodes
A t=1 target=M1 attention=11110 -> refused conflicting-tick attention
A t=1 target=M1 pool=cautious -> refused conflicting-tick parameterPoolId
A t=1 target=M2 -> refused conflicting-tick targetMarketId
A t=1 -> refused conflicting-tick targetMarketId
A t=1 target=M1 gates=halt -> refused conflicting-tick safetyGates
A t=1 target=M1 gates=block -> refused conflicting-tick safetyGates
A t=1 target=M1 gates=force -> refused conflicting-tick safetyGates
B t=2 -> MISSING_TARGET_MARKET, ALLOW
A t=1 target=M2 -> refused conflicting-tick targetMarketId
A t=1 target=M1 -> already recorded

# the order of the reasons is a part of them
A t=1 reasons=UNKNOWN,HOLD_TIME_ACTIVE -> MISSING_TARGET_MARKET, ALLOW
A t=1 reasons=HOLD_TIME_ACTIVE,UNKNOWN -> refused conflicting-tick reasonCodes

# gates: what is recorded may be more, by the mode of then or by the tick, but not less; the mode of now is no part of the input
mode flatten
A t=1 gates=block -> SAFETY_BLOCKED, ALLOW
mode normal
A t=1 gates=block -> already recorded
A t=1 -> already recorded
A t=1 gates=force -> already recorded
A t=1 gates=halt -> refused conflicting-tick safetyGates
A t=1 gates=halt,block,force -> refused conflicting-tick safetyGates
mode halt
A t=1 gates=block -> already recorded

# feedback that differs in anything is another
A t=1 -> MISSING_TARGET_MARKET, ALLOW
feedback t=1 on=A@1 -> feedback
feedback t=1 on=A@1 comment=\"\" -> feedback
feedback t=1 on=A@1 comment=\"null\" -> feedback
feedback t=1 on=A@1 category=RISK_COMFORT -> feedback
feedback t=1 from=1 to=1 -> feedback
feedback t=2 on=A@1 -> feedback
feedback t=1 on=A@1 comment=\"y\" -> refused time-order logicalTime
feedback t=1 on=A@1 -> already recorded

# what comes again is not measured by the step
A t=1 -> MISSING_TARGET_MARKET, ALLOW
B t=9 -> MISSING_TARGET_MARKET, ALLOW
step-max 0
A t=1 -> already recorded
B t=9 -> already recorded
";

const REFUSED: &str = "
# time never goes back, for any instance
A t=5 -> MISSING_TARGET_MARKET, ALLOW
A t=4 -> refused time-order logicalTime
B t=4 -> refused time-order logicalTime
feedback t=4 on=A@5 -> refused time-order logicalTime
feedback t=4 from=0 to=1 -> refused time-order logicalTime
B t=5 -> MISSING_TARGET_MARKET, ALLOW

# nor after feedback
feedback t=5 from=0 to=1 -> feedback
A t=4 -> refused time-order logicalTime

# the first input may be at any time, later ones step-max ahead of the last, and not one more
step-max 10
A t=1000 -> MISSING_TARGET_MARKET, ALLOW
B t=1011 -> refused logical-step logicalTime
feedback t=1011 on=A@1000 -> refused logical-step logicalTime
feedback t=1010 on=A@1000 -> feedback
B t=1020 -> MISSING_TARGET_MARKET, ALLOW
step-max 0
C t=1020 -> MISSING_TARGET_MARKET, ALLOW
D t=1021 -> refused logical-step logicalTime
D t=max -> refused logical-step logicalTime

# feedback on what is not there, or not yet
feedback t=1 on=A@1 -> refused feedback-target target.decisionId
A t=1 target=M1 gates=halt -> BUY M1 0.5, HALT HALT_ALL_ACTIVE
feedback t=1 on=A@1 -> feedback
feedback t=1 on=A@1 execution=A@1.STRATEGY.BUY.M1 -> refused feedback-target target.executionId
A t=2 target=M1 -> BUY M1 0.5, ALLOW, filled
feedback t=2 on=A@2 execution=A@2.STRATEGY.BUY.M1 -> feedback
feedback t=2 on=A@1 execution=A@2.STRATEGY.BUY.M1 -> refused feedback-target target.executionId
feedback t=2 on=B@2 execution=A@2.STRATEGY.BUY.M1 -> refused feedback-target target.decisionId
feedback t=2 on=A@2 execution=A@2.STRATEGY.SELL.M1 -> refused feedback-target target.executionId

# a window that ends before it starts, or in the future
feedback t=5 from=4 to=3 -> refused feedback-window target.from
feedback t=5 from=5 to=6 -> refused feedback-window target.to
feedback t=5 from=7 to=6 -> refused feedback-window target.from
feedback t=5 from=5 to=5 -> feedback
feedback t=5 from=0 to=5 -> feedback
";
