//! A log may keep the grammar and still hold what no tick comes to: the story tells what stands there, and says
//! at the first such event, and only there, that the rules demand another.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod support;

use dreichor_core::State;
use dreichor_core::event::{
    Body, DecisionEvaluated, Event, FeedbackTarget, Fill, OrderIntentSkipped, SafetyEvaluated,
    UserFeedbackRecorded, Verdict,
};
use dreichor_core::id::{DecisionId, FeedbackId};
use dreichor_core::tick::enact;
use dreichor_core::value::{
    Attention, Comment, FailureReason, FeedbackCategory, Form, LogicalTime, ParameterPool, ReasonCodes,
    SafetyGates, SkipReason, Spelled, StrategyInstanceId,
};
use support::Bench;

const STRAY: &str = "The log leaves the tick's rules here, where ";

/// A decision for a switch to MARKET by an instance of that number.
fn decision(instance: u8, time: u64, gates: [bool; 3]) -> (LogicalTime, DecisionEvaluated) {
    let time = LogicalTime::new(time).unwrap();
    let id = format!("{instance:08x}-0000-4000-8000-000000000000");
    let strategy_instance_id = StrategyInstanceId::parse(id.as_bytes()).unwrap();
    let decision = DecisionEvaluated {
        decision_id: DecisionId::of(strategy_instance_id, time),
        strategy_instance_id,
        decision_class: Form::parse(b"a.b.c@v1").unwrap(),
        reason_codes: ReasonCodes::EMPTY,
        attention: Attention::new([true; 5]),
        parameter_pool: ParameterPool::Balanced,
        target_market_id: Form::parse(b"MARKET"),
        safety_gates: SafetyGates::new(gates),
    };
    (time, decision)
}

/// The sentences of the last of these ticks' stories, whose events went through `edit` before they were logged.
fn told(
    ticks: &[(LogicalTime, DecisionEvaluated)],
    edit: impl FnOnce(&mut Vec<Event<'static>>),
) -> Vec<String> {
    let (mut state, mut log) = (State::new(), Vec::new());
    let mut record = |events: &[Event<'_>], state: &mut State| {
        for event in events {
            event.write_line(&mut log);
            state.apply(event).unwrap();
        }
    };
    let ((last_time, last), before) = ticks.split_last().unwrap();
    for (time, decision) in before {
        record(&enact(&state, *time, decision.clone()), &mut state);
    }
    let mut events = enact(&state, *last_time, last.clone());
    edit(&mut events);
    record(&events, &mut state);
    let story = Bench::holding(&log).explain(&last.decision_id.to_string()).unwrap();
    story.events.into_iter().flat_map(|event| event.sentences).collect()
}

fn find<'s>(sentences: &'s [String], start: &str) -> &'s str {
    let found = sentences.iter().find(|sentence| sentence.starts_with(start));
    found.unwrap_or_else(|| panic!("nothing begins with {start:?} in {sentences:#?}"))
}

/// The one sentence that says where the log leaves the rules, and one that comes after it.
#[track_caller]
fn check_stray(sentences: &[String], after: &str, instead: &str) {
    let strays: Vec<usize> = (0..sentences.len()).filter(|&at| sentences[at].starts_with(STRAY)).collect();
    let [at] = strays[..] else { panic!("not one stray event in {sentences:#?}") };
    assert!(sentences[at].starts_with(&format!("{STRAY}{instead};")), "{sentences:#?}");
    assert!(sentences[at + 1..].iter().any(|sentence| sentence.contains(after)), "{sentences:#?}");
}

fn set_fill(events: &mut [Event<'_>], fill: Fill) {
    for event in events {
        if let Body::ExecutionOutcomeRecorded(recorded) = &mut event.body {
            recorded.outcome.fill = fill.clone();
        }
    }
}

#[test]
fn an_execution_that_failed() {
    let sentences = told(&[decision(1, 5, [false; 3])], |events| {
        set_fill(events, Fill::Failed(FailureReason::ExecutionRejected));
        events.pop();
    });
    let outcome = "ended FAILED: nothing of MARKET was bought, for the reason EXECUTION_REJECTED: the venue refused, and the Shadow Ledger and all lifecycles stayed as they were.";
    check_stray(&sentences, outcome, "other values belong in EXECUTION_OUTCOME_RECORDED");
}

#[test]
fn an_execution_that_was_filled_in_part() {
    let sentences = told(&[decision(1, 5, [false; 3])], |events| {
        set_fill(events, Fill::PartiallyFilled(Form::parse(b"0.125").unwrap()));
        events.pop();
    });
    let outcome = "ended PARTIALLY_FILLED: 0.125 of MARKET was bought, a part of the allocation 0.5, which changes neither the Shadow Ledger nor any lifecycle.";
    check_stray(&sentences, outcome, "other values belong in EXECUTION_OUTCOME_RECORDED");
}

#[test]
fn a_buy_that_safety_should_have_stopped() {
    // As the tick without the gate would have gone on, but the gate was in force.
    let (time, halted) = decision(1, 5, [true, false, false]);
    let free = DecisionEvaluated { safety_gates: SafetyGates::OPEN, ..halted.clone() };
    let sentences = told(&[(time, halted)], |events| {
        let others = enact(&State::new(), time, free);
        events.truncate(2);
        events.extend(others.into_iter().skip(2));
    });
    check_stray(&sentences, "Safety said ALLOW by rule 5", "other values belong in SAFETY_EVALUATED");
    find(&sentences, "The instance went from READY to HOLDING 0.5 of MARKET until 10,");
}

#[test]
fn a_tick_that_left_the_rules_and_was_cut_off() {
    let sentences = told(&[decision(1, 5, [false; 3])], |events| {
        let Body::OrderIntentCreated(created) = &mut events[1].body else { panic!("{events:?}") };
        created.allocation = Form::parse(b"0.25").unwrap();
        events.truncate(2);
    });
    let refused = "what is there of it is not the beginning of the tick that follows from the decision, so the next writer completes nothing and refuses the log as malformed.";
    check_stray(&sentences, refused, "other values belong in ORDER_INTENT_CREATED");
    find(&sentences, "The tick is not whole, since the log ends here,");
}

#[test]
fn more_feedback_than_anybody_can_read() {
    let (time, decision) = decision(1, 5, [false; 3]);
    let target = FeedbackTarget::Decision(decision.decision_id);
    let category = FeedbackCategory::RiskComfort;
    let (mut state, mut log) = (State::new(), Vec::new());
    let mut record = |event: &Event<'_>| {
        event.write_line(&mut log);
        state.apply(event).unwrap();
    };
    enact(&State::new(), time, decision.clone()).iter().for_each(&mut record);
    for number in 0..900 {
        // What takes the most room in JSON; the last is short, and would have room again.
        let marks = if number == 899 { 1 } else { Comment::BYTES_MAX - 4 };
        let comment = Some(Comment::new(format!("{number}{}", "\"".repeat(marks)).into()).unwrap());
        let feedback_id = FeedbackId::of(time, category, &target, &comment);
        let given = UserFeedbackRecorded { feedback_id, category, target, comment };
        record(&Event { logical_time: time, body: Body::UserFeedbackRecorded(given) });
    }
    let story = Bench::holding(&log).explain(&decision.decision_id.to_string()).unwrap();
    let told = u64::try_from(story.events.len()).unwrap();
    assert_eq!(told + story.feedback_left_out, 906);
    assert!((1..=told).eq(story.events.iter().map(|event| event.line)), "the first are told, without a gap");
    let count = story.feedback_left_out;
    assert!(count > 0);
    let last = story.events.last().unwrap().sentences.last().unwrap();
    assert!(
        last.starts_with(&format!("From here on, {count} more pieces of feedback are left out,")),
        "{last}"
    );
    let json = story.to_json();
    assert!((15 << 20..16 << 20).contains(&json.len()), "{}", json.len());
    assert_eq!(serde_json::from_slice::<serde_json::Value>(&json).unwrap()["feedbackLeftOut"], count);
}

#[test]
fn a_buy_that_safety_should_have_let_pass() {
    let sentences = told(&[decision(1, 5, [false; 3])], |events| {
        let Body::SafetyEvaluated(evaluated) = &mut events[2].body else { panic!("{events:?}") };
        evaluated.verdict = Verdict::BuyBlocked;
        events.truncate(3);
    });
    let said = "Nothing was executed, and the Shadow Ledger and all lifecycles stayed as they were.";
    check_stray(&sentences, said, "other values belong in SAFETY_EVALUATED");
    assert_eq!(
        find(&sentences, "Safety said BLOCK_BUY"),
        "Safety said BLOCK_BUY (BUY_BLOCKED) by rule 3: the gate blockBuy was in force, and the order intent was a BUY."
    );
}

#[test]
fn a_skip_for_a_reason_that_was_none() {
    for reason in SkipReason::ALL {
        let sentences = told(&[decision(1, 5, [false; 3])], |events| {
            let (time, decision_id) = (events[0].logical_time, events[0].body.decision_id().unwrap());
            events.truncate(1);
            let skipped = OrderIntentSkipped { decision_id, reason: *reason };
            let evaluated = SafetyEvaluated { decision_id, verdict: Verdict::Allow };
            for body in [Body::OrderIntentSkipped(skipped), Body::SafetyEvaluated(evaluated)] {
                events.push(Event { logical_time: time, body });
            }
        });
        let skipped = format!("No order intent followed, for the reason {reason}: ");
        check_stray(
            &sentences,
            &skipped,
            "ORDER_INTENT_CREATED belongs in the place of ORDER_INTENT_SKIPPED",
        );
    }
}

#[test]
fn a_holder_that_is_forced_to_sell() {
    // Nothing unusual in the log, but rare: the strategy's own order is the forced sale.
    let sentences = told(&[decision(1, 5, [false; 3]), decision(1, 6, [false, false, true])], |_| ());
    assert!(!sentences.iter().any(|sentence| sentence.starts_with(STRAY)), "{sentences:#?}");
    assert!(find(&sentences, "So the strategy asked for SELL MARKET, allocation 0.5").ends_with(
        ": it held that market, and the gate forceSell was in force, whatever the attention facts and the hold time."
    ));
    find(&sentences, "The strategy's own order intent was that very sale, so there was no need for another.");
    find(
        &sentences,
        "Its holder, the instance itself, went from HOLDING 0.5 of MARKET until 10 to COOLDOWN until 11,",
    );
}
