//! The plain fold, as a program has it that was written without thought of speed: reads line by line, parses each to a
//! value of an enum with a variant per type, whose texts are its own; checks nothing.

#![expect(dead_code, reason = "all members are typed and read, but most are not part of the fold")]

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use anyhow::Result;
use serde::Deserialize;

use super::event::{Attention, SafetyGates, Side, Status, Type};
use super::fold::{Fold, Summary};

pub(super) fn fold(events: &Path) -> Result<Summary> {
    let mut fold = Fold::default();
    for line in BufReader::new(File::open(events)?).lines() {
        let event: Event = serde_json::from_str(&line?)?;
        fold.count(event.kind());
        if let Event::ExecutionOutcomeRecorded(outcome) = event
            && outcome.status == Status::Filled
        {
            fold.fill(&outcome.market_id, outcome.side, &outcome.filled_quantity, &outcome.execution_id);
        }
    }
    Ok(fold.summary(None))
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "SCREAMING_SNAKE_CASE")]
enum Event {
    DecisionEvaluated(DecisionEvaluated),
    OrderIntentCreated(OrderIntentCreated),
    OrderIntentSkipped(OrderIntentSkipped),
    SafetyEvaluated(SafetyEvaluated),
    ExecutionAttempted(ExecutionAttempted),
    ExecutionOutcomeRecorded(ExecutionOutcomeRecorded),
    LedgerUpdated(LedgerUpdated),
    UserFeedbackRecorded,
}

impl Event {
    fn kind(&self) -> Type {
        match self {
            Self::DecisionEvaluated(_) => Type::DecisionEvaluated,
            Self::OrderIntentCreated(_) => Type::OrderIntentCreated,
            Self::OrderIntentSkipped(_) => Type::OrderIntentSkipped,
            Self::SafetyEvaluated(_) => Type::SafetyEvaluated,
            Self::ExecutionAttempted(_) => Type::ExecutionAttempted,
            Self::ExecutionOutcomeRecorded(_) => Type::ExecutionOutcomeRecorded,
            Self::LedgerUpdated(_) => Type::LedgerUpdated,
            Self::UserFeedbackRecorded => Type::UserFeedbackRecorded,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DecisionEvaluated {
    id: String,
    version: u32,
    logical_time: u64,
    decision_id: String,
    strategy_instance_id: String,
    decision_class: String,
    reason_codes: Vec<String>,
    attention: Attention,
    parameter_pool_id: String,
    target_market_id: Option<String>,
    safety_gates: SafetyGates,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OrderIntentCreated {
    id: String,
    version: u32,
    logical_time: u64,
    decision_id: String,
    order_intent_id: String,
    origin: String,
    side: Side,
    market_id: String,
    allocation: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OrderIntentSkipped {
    id: String,
    version: u32,
    logical_time: u64,
    decision_id: String,
    reason: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SafetyEvaluated {
    id: String,
    version: u32,
    logical_time: u64,
    decision_id: String,
    result: String,
    reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ExecutionAttempted {
    id: String,
    version: u32,
    logical_time: u64,
    decision_id: String,
    order_intent_id: String,
    execution_id: String,
    plane: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ExecutionOutcomeRecorded {
    id: String,
    version: u32,
    logical_time: u64,
    decision_id: String,
    order_intent_id: String,
    execution_id: String,
    plane: String,
    status: Status,
    side: Side,
    market_id: String,
    filled_quantity: String,
    reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LedgerUpdated {
    id: String,
    version: u32,
    logical_time: u64,
    decision_id: String,
    execution_id: String,
    plane: String,
    market_id: String,
}
