//! A log may keep the grammar and still hold what no tick produces: the story shows the events as they are, and says
//! at the first such event, and only there, that the rules demand another. The stories are in `tests/unusual`; with
//! `UPDATE_GOLDEN=1` they are rewritten.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::path::Path;

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
use dreichor_explain::Story;
use support::{Bench, STRAY, check_golden};

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

/// The story of the last of these ticks, whose events went through `edit` before they were logged.
fn story(ticks: &[(LogicalTime, DecisionEvaluated)], edit: impl FnOnce(&mut Vec<Event<'static>>)) -> Story {
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
    Bench::holding(&log).explain(&last.decision_id.to_string()).unwrap()
}

/// The numbers of the lines at which the story says that the log leaves the rules.
fn strays(story: &Story) -> Vec<u64> {
    let stray = |sentence: &&String| sentence.starts_with(STRAY);
    let events = story.events.iter();
    events.flat_map(|event| event.sentences.iter().filter(stray).map(|_| event.line)).collect()
}

/// The story of one tick whose events went through `edit`: the log leaves the rules at this line of it, and the story is
/// the golden one of this name.
#[track_caller]
fn check_stray(name: &str, line: u64, edit: impl FnOnce(&mut Vec<Event<'static>>)) -> Story {
    let story = story(&[decision(1, 5, [false; 3])], edit);
    assert_eq!(strays(&story), [line]);
    check_story(name, &story);
    story
}

#[track_caller]
fn check_story(name: &str, story: &Story) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/unusual");
    check_golden(&folder.join(name).with_extension("txt"), &story.to_text(None), true);
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
    check_stray("execution-failed", 5, |events| {
        set_fill(events, Fill::Failed(FailureReason::ExecutionRejected));
        events.pop();
    });
}

#[test]
fn an_execution_that_was_filled_in_part() {
    check_stray("execution-filled-in-part", 5, |events| {
        set_fill(events, Fill::PartiallyFilled(Form::parse(b"0.125").unwrap()));
        events.pop();
    });
}

#[test]
fn a_buy_that_safety_should_have_stopped() {
    // As the tick without the gate would have gone on, but the gate was in force.
    let (time, halted) = decision(1, 5, [true, false, false]);
    let free = DecisionEvaluated { safety_gates: SafetyGates::OPEN, ..halted.clone() };
    let story = story(&[(time, halted)], |events| {
        let others = enact(&State::new(), time, free);
        events.truncate(2);
        events.extend(others.into_iter().skip(2));
    });
    assert_eq!(strays(&story), [3]);
    check_story("buy-that-safety-should-have-stopped", &story);
}

#[test]
fn a_tick_that_left_the_rules_and_was_cut_off() {
    let story = check_stray("cut-off-after-it-left-the-rules", 2, |events| {
        let Body::OrderIntentCreated(created) = &mut events[1].body else { panic!("{events:?}") };
        created.allocation = Form::parse(b"0.25").unwrap();
        events.truncate(2);
    });
    assert!(story.is_interrupted);
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
        // Characters that take the most bytes in JSON; the last comment is short, so there would be space for it.
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
    assert!(last.contains(&format!(" {count} ")), "{last}");
    let json = story.to_json();
    assert!((15 << 20..16 << 20).contains(&json.len()), "{}", json.len());
    assert_eq!(serde_json::from_slice::<serde_json::Value>(&json).unwrap()["feedbackLeftOut"], count);
}

#[test]
fn a_buy_that_safety_should_have_let_pass() {
    check_stray("buy-that-safety-should-have-let-pass", 3, |events| {
        let Body::SafetyEvaluated(evaluated) = &mut events[2].body else { panic!("{events:?}") };
        evaluated.verdict = Verdict::BuyBlocked;
        events.truncate(3);
    });
}

#[test]
fn a_skip_for_a_reason_that_was_none() {
    for reason in SkipReason::ALL {
        check_stray(&format!("skipped-for-{reason}").to_lowercase(), 2, |events| {
            let (time, decision_id) = (events[0].logical_time, events[0].body.decision_id().unwrap());
            events.truncate(1);
            let skipped = OrderIntentSkipped { decision_id, reason: *reason };
            let evaluated = SafetyEvaluated { decision_id, verdict: Verdict::Allow };
            for body in [Body::OrderIntentSkipped(skipped), Body::SafetyEvaluated(evaluated)] {
                events.push(Event { logical_time: time, body });
            }
        });
    }
}

#[test]
fn a_holder_that_is_forced_to_sell() {
    // Nothing unusual in the log, but rare: the strategy's own order is the forced sale.
    let story = story(&[decision(1, 5, [false; 3]), decision(1, 6, [false, false, true])], |_| ());
    assert_eq!(strays(&story), [0; 0]);
    check_story("holder-that-is-forced-to-sell", &story);
}
