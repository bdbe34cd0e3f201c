//! ORDER_INTENT_CREATED and ORDER_INTENT_SKIPPED: what the strategy or safety asked for, or why nothing.

use dreichor_core::event::OrderIntentCreated;
use dreichor_core::state::Lifecycle;
use dreichor_core::value::{Origin, Side, SkipReason};

use crate::scene::Scene;

/// The sentence of an intent that was created; the scene is that before it.
pub(crate) fn tell_created(created: &OrderIntentCreated, scene: &Scene) -> String {
    let OrderIntentCreated { order_intent_id, side, market_id, allocation, .. } = created;
    let asked = format!("{side} {market_id}, allocation {allocation}, as order intent {order_intent_id}");
    match created.origin {
        Origin::Strategy => format!("So the strategy asked for {asked}: {}.", motive(created.side, scene)),
        Origin::Safety => {
            let instead = match &scene.intent {
                Some(intent) => format!("{} {}", intent.side, intent.market_id),
                None => "nothing".into(),
            };
            format!("So safety itself asked for {asked}: the strategy had asked for {instead}.")
        }
    }
}

/// Why the strategy's intent followed.
fn motive(side: Side, scene: &Scene) -> &'static str {
    match (side, scene.decision.safety_gates.force_sell()) {
        (Side::Buy, _) => {
            "it was free to buy, all five attention facts held, the gate blockBuy was not in force, and there was a target market"
        }
        (Side::Sell, true) => {
            "it held that market, and the gate forceSell was in force, which overrides the attention facts and the hold time"
        }
        (Side::Sell, false) => {
            "it held that market, all five attention facts held, and its hold time was over"
        }
    }
}

/// The sentence of an intent that was not created.
pub(crate) fn tell_skipped(reason: SkipReason, scene: &Scene) -> String {
    let time = scene.time;
    let why = match (reason, scene.lifecycle) {
        (SkipReason::AttentionNegative, Lifecycle::Holding { .. }) => {
            "not all five attention facts held and the gate forceSell was not in force, so the instance kept what it held".into()
        }
        (SkipReason::AttentionNegative, Lifecycle::Ready | Lifecycle::Cooldown { .. }) => {
            "not all five attention facts held, so there was nothing worth buying".into()
        }
        (SkipReason::HoldTimeActive, Lifecycle::Holding { until, .. }) => format!(
            "at {time} the hold time until {until} was not over, and the gate forceSell was not in force, so the instance kept what it held"
        ),
        (SkipReason::CooldownActive, Lifecycle::Cooldown { until }) => {
            format!("at {time} the cooldown until {until} was not over, so the instance could not buy")
        }
        // No tick gives these reasons in such a lifecycle; the story says that of the event.
        (SkipReason::HoldTimeActive, Lifecycle::Ready | Lifecycle::Cooldown { .. }) => {
            "the hold time was not over".into()
        }
        (SkipReason::CooldownActive, Lifecycle::Ready | Lifecycle::Holding { .. }) => {
            "the cooldown was not over".into()
        }
        (SkipReason::SafetyBlocked, _) => "the gate blockBuy was in force, so nothing could be bought".into(),
        (SkipReason::MissingTargetMarket, _) => {
            "a switch was worth it, but the tick named no market to buy".into()
        }
    };
    format!("No order intent followed, for the reason {reason}: {why}.")
}
