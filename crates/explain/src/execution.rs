//! EXECUTION_ATTEMPTED, EXECUTION_OUTCOME_RECORDED and LEDGER_UPDATED: what was done, and what it changed.

use dreichor_core::State;
use dreichor_core::event::{ExecutionAttempted, ExecutionOutcomeRecorded, Fill, LedgerUpdated};
use dreichor_core::state::Position;
use dreichor_core::value::{FailureReason, LogicalTime, ParameterPool, Side};

use crate::scene::{Order, Scene, describe};

/// The sentence of an attempt.
pub(crate) fn tell_attempted(attempted: &ExecutionAttempted) -> String {
    let ExecutionAttempted { order_intent_id, execution_id, plane, .. } = attempted;
    format!("Execution {execution_id} of order intent {order_intent_id} was attempted on the plane {plane}.")
}

/// The sentence of an outcome.
pub(crate) fn tell_outcome(recorded: &ExecutionOutcomeRecorded, scene: &Scene) -> String {
    let ExecutionOutcomeRecorded { execution_id, outcome, .. } = recorded;
    let market = outcome.market_id;
    let done = match outcome.side {
        Side::Buy => "bought",
        Side::Sell => "sold",
    };
    let allocation = scene.order.as_ref().map_or_else(
        || "its allocation".into(),
        |Order { intent, .. }| format!("the allocation {}", intent.allocation),
    );
    let what = match outcome.fill {
        Fill::Filled(quantity) => format!("{quantity} of {market} was {done}, the whole of {allocation}"),
        Fill::PartiallyFilled(quantity) => format!(
            "{quantity} of {market} was {done}, a part of {allocation}, which changes neither the Shadow Ledger nor any lifecycle"
        ),
        Fill::Failed(reason) => format!(
            "nothing of {market} was {done}, for the reason {reason}: {}, and the Shadow Ledger and all lifecycles stayed as they were",
            meaning(reason)
        ),
    };
    format!("Execution {execution_id} ended {}: {what}.", outcome.fill.status())
}

fn meaning(reason: FailureReason) -> &'static str {
    match reason {
        FailureReason::ExecutionNotAvailable => "there was no venue to execute on",
        FailureReason::ExecutionRejected => "the venue refused",
    }
}

/// The sentences of a ledger update, which `state` has just taken in.
pub(crate) fn tell_update(updated: &LedgerUpdated, scene: &Scene, state: &State) -> Vec<String> {
    let market = updated.market_id;
    let before = scene.order.as_ref().and_then(|order| order.position.as_ref());
    let after = state.ledger().positions().get(&market);
    let mut sentences = vec![format!(
        "The Shadow Ledger's position of {market} changed: before, {}; after, {}.",
        position(before),
        position(after)
    )];
    let decided = scene.decision.strategy_instance_id;
    let pool = scene.decision.parameter_pool;
    match (scene.order.as_ref().map(|order| order.intent.side), &scene.holder) {
        (Some(Side::Sell), Some(holder)) => {
            sentences.push(format!(
                "Its holder, {}, went from {} to {}, {}.",
                scene.name(holder.id),
                describe(holder.lifecycle),
                describe(state.lifecycles().of(holder.id)),
                sum(scene.time, "cooldown", pool.cooldown(), pool)
            ));
            if holder.id != decided {
                sentences.push(format!(
                    "The instance that decided stayed as it was, {}.",
                    describe(state.lifecycles().of(decided))
                ));
            }
        }
        (Some(Side::Buy) | None, _) | (Some(Side::Sell), None) => sentences.push(format!(
            "The instance went from {} to {}, {}.",
            describe(scene.lifecycle),
            describe(state.lifecycles().of(decided)),
            sum(scene.time, "hold time", pool.hold_time(), pool)
        )),
    }
    sentences
}

/// The sentence on how the end of a lifecycle is computed.
fn sum(time: LogicalTime, name: &str, length: u64, pool: ParameterPool) -> String {
    format!("which is logical time {time} plus the {name} {length} of {pool}")
}

fn position(position: Option<&Position>) -> String {
    match position {
        None => "none at all".into(),
        Some(Position { quantity, is_open, last_execution_id }) => {
            let state = if *is_open { "open" } else { "closed" };
            format!("{state} with quantity {quantity}, last execution {last_execution_id}")
        }
    }
}
