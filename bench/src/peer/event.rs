//! A typed event, as a program would declare it that reads such a log by serde.

use serde::Deserialize;

/// Any event: the members that all have, and those of each type where it has them.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "typed and read, but most members are not part of the fold")]
pub(super) struct Event<'a> {
    pub(super) id: &'a str,
    pub(super) r#type: Type,
    version: u32,
    logical_time: u64,
    decision_id: Option<&'a str>,
    strategy_instance_id: Option<&'a str>,
    decision_class: Option<&'a str>,
    #[serde(borrow)]
    reason_codes: Option<Vec<&'a str>>,
    attention: Option<Attention>,
    parameter_pool_id: Option<&'a str>,
    target_market_id: Option<&'a str>,
    safety_gates: Option<SafetyGates>,
    order_intent_id: Option<&'a str>,
    origin: Option<&'a str>,
    pub(super) side: Option<Side>,
    pub(super) market_id: Option<&'a str>,
    allocation: Option<&'a str>,
    reason: Option<&'a str>,
    result: Option<&'a str>,
    pub(super) execution_id: Option<&'a str>,
    plane: Option<&'a str>,
    pub(super) status: Option<Status>,
    pub(super) filled_quantity: Option<&'a str>,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum Type {
    DecisionEvaluated,
    OrderIntentCreated,
    OrderIntentSkipped,
    SafetyEvaluated,
    ExecutionAttempted,
    ExecutionOutcomeRecorded,
    LedgerUpdated,
    UserFeedbackRecorded,
}

impl Type {
    /// Number of types.
    pub(super) const COUNT: usize = Self::UserFeedbackRecorded as usize + 1;
}

#[derive(Deserialize, Clone, Copy, PartialEq)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum Side {
    Buy,
    Sell,
}

#[derive(Deserialize, Clone, Copy, PartialEq)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum Status {
    Filled,
    PartiallyFilled,
    Failed,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "typed and read, but not part of the fold")]
#[expect(clippy::struct_excessive_bools, clippy::struct_field_names, reason = "the format's members")]
pub(super) struct Attention {
    attention_meaningfully_higher: bool,
    stability_meets_minimum: bool,
    confidence_sufficient: bool,
    difference_persists_over_time: bool,
    switching_costs_justified: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "typed and read, but not part of the fold")]
pub(super) struct SafetyGates {
    halt_all: bool,
    block_buy: bool,
    force_sell: bool,
}
