//! Random values of every kind in the stores and in inputs.

use std::borrow::Cow;

use dreichor_core::event::{
    Body, DecisionEvaluated, ExecutionAttempted, ExecutionOutcomeRecorded, FeedbackTarget, Fill,
    LedgerUpdated, OrderIntentCreated, OrderIntentSkipped, Outcome, SafetyEvaluated, UserFeedbackRecorded,
    Verdict,
};
use dreichor_core::id::{DecisionId, FeedbackId};
use dreichor_core::input::Kind;
use dreichor_core::state::Position;
use dreichor_core::value::{
    Attention, Comment, Decimal, DecisionClass, FailureReason, FeedbackCategory, Form, INTEGER_MAX,
    LogicalTime, MarketId, Origin, ParameterPool, Plane, ReasonCode, ReasonCodes, SafetyGates, Side,
    SkipReason, Spelled, StrategyInstanceId, Uuid,
};
use dreichor_core::{Event, Input, Snapshot};
use proptest::char::range;
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::words::formed;

pub(crate) fn time() -> impl Strategy<Value = LogicalTime> {
    prop_oneof![0..=20_u64, Just(INTEGER_MAX), 0..=INTEGER_MAX]
        .prop_map(|value| LogicalTime::new(value).unwrap())
}

/// A content id, of no content.
fn id<T: Form + std::fmt::Debug>() -> impl Strategy<Value = T> {
    any::<[u8; 16]>().prop_map(|mut bytes| {
        bytes[6] = 0x80 | (bytes[6] & 0x0f);
        bytes[8] = 0x80 | (bytes[8] & 0x3f);
        formed(&Uuid::from_bytes(bytes).to_string())
    })
}

pub(crate) fn instance() -> impl Strategy<Value = StrategyInstanceId> {
    any::<[u8; 16]>().prop_map(|bytes| formed(&Uuid::from_bytes(bytes).to_string()))
}

fn text<T: Form + std::fmt::Debug>(pattern: &'static str) -> impl Strategy<Value = T> {
    pattern.prop_map(|text| formed(&text))
}

pub(crate) fn market() -> impl Strategy<Value = MarketId> {
    text("[A-Za-z0-9._:/-]{1,64}")
}

pub(crate) fn decimal() -> impl Strategy<Value = Decimal> {
    text("-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,31})?")
}

pub(crate) fn class() -> impl Strategy<Value = DecisionClass> {
    text("[A-Za-z0-9_-]{1,35}(\\.[A-Za-z0-9_-]{1,35}){2}@v[1-9][0-9]{0,18}")
}

pub(crate) fn comment() -> impl Strategy<Value = Comment<'static>> {
    let character = prop_oneof![
        range('\0', '\u{1f}'),
        range(' ', '\u{7f}'),
        select(vec!['"', '\\', '/', '\u{2028}', '\u{feff}', '\u{fffd}', '\u{ffff}', '\u{10000}', '😀']),
        any::<char>(),
    ];
    let short = vec(character, 0..40).prop_map(|text| text.into_iter().collect::<String>());
    let long = (short.clone(), "\u{1}|x|é|😀").prop_map(|(text, filler)| {
        let room = Comment::BYTES_MAX - text.len();
        text + &filler.repeat(room / filler.len())
    });
    prop_oneof![20 => short, 1 => long].prop_map(|text: String| Comment::new(Cow::Owned(text)).unwrap())
}

pub(crate) fn reasons() -> impl Strategy<Value = ReasonCodes> {
    vec(select(ReasonCode::ALL), 0..12).prop_map(|codes| {
        codes.into_iter().fold(ReasonCodes::EMPTY, |all, code| all.with(code).unwrap_or(all))
    })
}

/// A decision whose id is that of its instance and time.
fn decision_at(time: LogicalTime) -> impl Strategy<Value = DecisionEvaluated> {
    (
        instance(),
        class(),
        reasons(),
        any::<[bool; 5]>(),
        select(ParameterPool::ALL),
        option::of(market()),
        any::<[bool; 3]>(),
    )
        .prop_map(
            move |(instance, decision_class, reason_codes, attention, pool, target_market_id, gates)| {
                DecisionEvaluated {
                    decision_id: DecisionId::of(instance, time),
                    strategy_instance_id: instance,
                    decision_class,
                    reason_codes,
                    attention: Attention::new(attention),
                    parameter_pool: pool,
                    target_market_id,
                    safety_gates: SafetyGates::new(gates),
                }
            },
        )
}

/// Feedback whose id is that of its words.
fn feedback_at(at: LogicalTime) -> impl Strategy<Value = UserFeedbackRecorded<'static>> {
    let target = prop_oneof![
        id().prop_map(FeedbackTarget::Decision),
        (id(), id()).prop_map(|(decision, execution)| FeedbackTarget::Execution(decision, execution)),
        (time(), time()).prop_map(|(from, to)| FeedbackTarget::TimeWindow { from, to }),
    ];
    (select(FeedbackCategory::ALL), target, option::of(comment())).prop_map(
        move |(category, target, comment)| UserFeedbackRecorded {
            feedback_id: FeedbackId::of(at, category, &target, &comment),
            category,
            target,
            comment,
        },
    )
}

fn intent() -> impl Strategy<Value = OrderIntentCreated> {
    (id(), id(), select(Origin::ALL), select(Side::ALL), market(), decimal()).prop_map(
        |(decision_id, order_intent_id, origin, side, market_id, allocation)| OrderIntentCreated {
            decision_id,
            order_intent_id,
            origin,
            side,
            market_id,
            allocation,
        },
    )
}

fn execution() -> impl Strategy<Value = Body<'static>> {
    let fill = prop_oneof![
        decimal().prop_map(Fill::Filled),
        decimal().prop_map(Fill::PartiallyFilled),
        select(FailureReason::ALL).prop_map(Fill::Failed),
    ];
    (id(), id(), id(), 0..3, select(Side::ALL), market(), fill).prop_map(
        |(decision_id, order_intent_id, execution_id, which, side, market_id, fill)| {
            let plane = Plane::Paper;
            let outcome = Outcome { side, market_id, fill };
            match which {
                0 => Body::ExecutionAttempted(ExecutionAttempted {
                    decision_id,
                    order_intent_id,
                    execution_id,
                    plane,
                }),
                1 => Body::ExecutionOutcomeRecorded(ExecutionOutcomeRecorded {
                    decision_id,
                    order_intent_id,
                    execution_id,
                    plane,
                    outcome,
                }),
                _ => Body::LedgerUpdated(LedgerUpdated { decision_id, execution_id, plane, market_id }),
            }
        },
    )
}

/// An event of any type; its ids are no content ids of anything.
pub(crate) fn event() -> impl Strategy<Value = Event<'static>> {
    let verdict = select(&[
        Verdict::Allow,
        Verdict::BuyBlocked,
        Verdict::PositionAlreadyOpen,
        Verdict::ForceSell,
        Verdict::Halt,
    ]);
    let body = prop_oneof![
        1 => (time(), id()).prop_flat_map(|(time, decision_id)| {
            decision_at(time)
                .prop_map(move |decision| Body::DecisionEvaluated(DecisionEvaluated { decision_id, ..decision }))
        }),
        1 => intent().prop_map(Body::OrderIntentCreated),
        1 => (id(), select(SkipReason::ALL)).prop_map(|(decision_id, reason)| {
            Body::OrderIntentSkipped(OrderIntentSkipped { decision_id, reason })
        }),
        1 => (id(), verdict).prop_map(|(decision_id, verdict)| {
            Body::SafetyEvaluated(SafetyEvaluated { decision_id, verdict })
        }),
        3 => execution(),
        2 => (time(), id()).prop_flat_map(|(time, feedback_id)| {
            feedback_at(time).prop_map(move |feedback| {
                Body::UserFeedbackRecorded(UserFeedbackRecorded { feedback_id, ..feedback })
            })
        }),
    ];
    (time(), body).prop_map(|(logical_time, body)| Event { logical_time, body })
}

pub(crate) fn snapshot() -> impl Strategy<Value = Snapshot<'static>> {
    let position = (decimal(), any::<bool>(), id())
        .prop_map(|(quantity, is_open, last_execution_id)| Position { quantity, is_open, last_execution_id });
    (time(), 1..=INTEGER_MAX, "[0-9a-f]{64}", btree_map(market(), position, 0..6)).prop_map(
        |(logical_time, audit_tree_size, root, positions)| Snapshot {
            logical_time,
            audit_tree_size,
            audit_root_hash: formed(&root),
            positions: Cow::Owned(positions),
        },
    )
}

/// An input of either kind, with its right ids.
pub(crate) fn input() -> impl Strategy<Value = Input<'static>> {
    time().prop_flat_map(|logical_time| {
        let kind = prop_oneof![
            decision_at(logical_time).prop_map(Kind::Tick),
            feedback_at(logical_time).prop_map(Kind::Feedback),
        ];
        kind.prop_map(move |kind| Input { logical_time, kind })
    })
}
