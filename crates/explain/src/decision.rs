//! DECISION_EVALUATED: what was decided, on which facts, under which gates, in which lifecycle.

use dreichor_core::event::DecisionEvaluated;
use dreichor_core::state::Lifecycle;
use dreichor_core::value::{Attention, LogicalTime, ReasonCode, ReasonCodes, SafetyGates};

use crate::scene::Scene;

/// The sentences of a tick's first event.
pub(crate) fn tell(scene: &Scene) -> Vec<String> {
    let Scene { time, decision, lifecycle, .. } = scene;
    vec![
        made(*time, decision),
        target(decision),
        reasons(decision.reason_codes),
        attention(decision.attention),
        gates(decision.safety_gates),
        lifecycle_before(*lifecycle, *time),
    ]
}

fn made(time: LogicalTime, decision: &DecisionEvaluated) -> String {
    let DecisionEvaluated { decision_id, strategy_instance_id, decision_class, parameter_pool: pool, .. } =
        decision;
    format!(
        "At logical time {time}, strategy instance {strategy_instance_id} made decision {decision_id} of class {decision_class}, with the parameter pool {pool}: allocation {}, hold time {}, cooldown {}.",
        pool.allocation(),
        pool.hold_time(),
        pool.cooldown()
    )
}

fn target(decision: &DecisionEvaluated) -> String {
    match decision.target_market_id {
        Some(market) => format!("Its target was the market {market}."),
        None => "It named no target market.".into(),
    }
}

fn reasons(codes: ReasonCodes) -> String {
    let told: Vec<String> = codes.iter().map(|code| format!("{code} ({})", meaning(code))).collect();
    match told.as_slice() {
        [] => "The upstream gave no reason code.".into(),
        [one] => format!("The upstream's reason code was {one}."),
        many => format!("The upstream's reason codes were, in its order, {}.", listed(many)),
    }
}

/// The meaning of a reason code.
fn meaning(code: ReasonCode) -> &'static str {
    match code {
        ReasonCode::Unknown => "it gave no reason",
        ReasonCode::AttentionSuperior => "another market deserves more attention",
        ReasonCode::AttentionInsufficient => "no market deserves more attention",
        ReasonCode::StabilityInsufficient => "the difference is not stable enough",
        ReasonCode::HoldTimeActive => "the hold time is not over",
        ReasonCode::CooldownActive => "the cooldown is not over",
        ReasonCode::SafetyTriggered => "it asked for a safety gate",
        ReasonCode::PreflightBlocked => "a check before the decision failed",
    }
}

/// Each fact in words, where it holds and where it does not; in the format's order.
const FACTS: [[&str; 2]; 5] = [
    ["attention is not meaningfully higher", "attention is meaningfully higher"],
    ["stability does not meet the minimum", "stability meets the minimum"],
    ["confidence is not sufficient", "confidence is sufficient"],
    ["the difference does not persist over time", "the difference persists over time"],
    ["the switching costs are not justified", "the switching costs are justified"],
];

/// The number of facts that held, if not all did.
const FEWER: [&str; 5] = ["None", "Only one", "Only two", "Only three", "Only four"];

fn attention(attention: Attention) -> String {
    let members = attention.members();
    let facts: Vec<String> = (Attention::NAMES.iter().zip(FACTS).zip(members))
        .map(|((name, [fails, holds]), is_true)| {
            format!("{} ({name} is {is_true})", if is_true { holds } else { fails })
        })
        .collect();
    let count = members.iter().filter(|&&is_true| is_true).count();
    let summary = match count {
        5 => "All five attention facts held, so a switch was worth it".into(),
        fewer => format!("{} of the five attention facts held, so a switch was not worth it", FEWER[fewer]),
    };
    format!("{summary}: {}.", listed(&facts))
}

/// The effect of each gate, in the format's order.
const GATES: [&str; 3] = ["nothing but a SELL is executed", "nothing is bought", "the open position is sold"];

fn gates(gates: SafetyGates) -> String {
    let told: Vec<String> = (SafetyGates::NAMES.iter().zip(GATES).zip(gates.members()))
        .filter(|(_, is_in_force)| *is_in_force)
        .map(|((name, effect), _)| format!("{name} ({effect})"))
        .collect();
    match told.as_slice() {
        [] => "No safety gate was in force.".into(),
        [one] => format!("The safety gate in force, the operator's mode included, was {one}."),
        many => format!("The safety gates in force, the operator's mode included, were {}.", listed(many)),
    }
}

fn lifecycle_before(lifecycle: Lifecycle, time: LogicalTime) -> String {
    let is_over = |until| if time.get() < until { "was not over yet" } else { "was over" };
    match lifecycle {
        Lifecycle::Ready => "The instance was READY: it held nothing and was free to buy.".into(),
        Lifecycle::Holding { position, until } => format!(
            "The instance was HOLDING {} of {}, and its hold time until {until} {}.",
            position.quantity,
            position.market_id,
            is_over(until)
        ),
        Lifecycle::Cooldown { until } => {
            format!(
                "The instance was in COOLDOWN: it held nothing, and its cooldown until {until} {}.",
                is_over(until)
            )
        }
    }
}

/// The items as a list in a sentence.
pub(crate) fn listed(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}
