//! The grammar of a tick: which event may follow which, and what they must agree on.
//!
//! ```text
//! DECISION_EVALUATED ─▶ ORDER_INTENT_CREATED ──┐
//!        │                                     ▼
//!        └────────────▶ ORDER_INTENT_SKIPPED ─▶ SAFETY_EVALUATED ─▶ end of tick
//!                                              │
//!                  [ORDER_INTENT_CREATED] ◀────┴────▶ EXECUTION_ATTEMPTED
//!                       SAFETY   └──────────────────────────▲      │
//!                                                                  ▼
//!                        end of tick ◀─ LEDGER_UPDATED ◀─ EXECUTION_OUTCOME_RECORDED ─▶ end of tick
//! ```

use alloc::boxed::Box;
use alloc::format;

use super::ledger::OpenPosition;
use super::table::At;
use crate::event::{
    Event, EventType, ExecutionAttempted, ExecutionOutcomeRecorded, Fill, LedgerUpdated, OrderIntentCreated,
    Verdict,
};
use crate::fault::{Fault, Result, Rule, broken};
use crate::id::{DecisionId, ExecutionId, OrderIntentId};
use crate::value::{LogicalTime, Origin, ParameterPool, Side};

/// A tick whose last event is still to come. It keeps the rows of its decision and instance, so that its events
/// need no lookup after the first.
#[derive(Debug, Clone)]
pub(super) struct OpenTick {
    pub(super) decision_id: DecisionId,
    pub(super) decision: At,
    pub(super) time: LogicalTime,
    pub(super) instance: At,
    pub(super) pool: ParameterPool,
    pub(super) stage: Stage,
}

/// How far the tick has come, and so which event comes next.
#[derive(Debug, Clone)]
pub(super) enum Stage {
    /// The decision: next comes the strategy's intent, or why there is none.
    Decided,
    /// The strategy's intent, or none: next comes safety.
    Intended(Option<OrderIntentCreated>),
    /// Safety sells the open position, for which there is no intent yet: next comes safety's own.
    Forced(OpenPosition),
    /// The intent that is to be executed: next comes the attempt.
    Ordered(OrderIntentCreated),
    /// The attempt: next comes the outcome.
    Attempted(OrderIntentCreated, ExecutionId),
    /// The filled execution: next comes the ledger update.
    Filled(OrderIntentCreated, ExecutionId),
}

impl OrderIntentCreated {
    fn check_fillable(&self, open: Option<OpenPosition>) -> Result<()> {
        match (self.side, open) {
            (Side::Buy, None) => Ok(()),
            (Side::Buy, Some(position)) => Err(broken(
                Rule::OnePosition,
                "side",
                format!("a filled BUY in {}", self.market_id),
                format!("no BUY filled while {} is open in {}", position.quantity, position.market_id),
            )),
            (Side::Sell, Some(position)) if self.sells(position) => Ok(()),
            (Side::Sell, open) => Err(broken(
                Rule::OpenPosition,
                "side",
                format!("a filled SELL of {} in {}", self.allocation, self.market_id),
                match open {
                    Some(position) => {
                        format!("SELL of {} in {}, the open position", position.quantity, position.market_id)
                    }
                    None => "no SELL filled, since no position is open".into(),
                },
            )),
        }
    }

    fn agrees(&self, member: &str, found: OrderIntentId) -> Result<()> {
        agree(Rule::TickAgreement, member, found, self.order_intent_id)
    }
}

#[inline]
fn agree<T: PartialEq + core::fmt::Display>(rule: Rule, member: &str, found: T, expected: T) -> Result<()> {
    if found == expected { Ok(()) } else { Err(disagreement(rule, member, found, expected)) }
}

#[cold]
#[inline(never)]
fn disagreement<T: core::fmt::Display>(rule: Rule, member: &str, found: T, expected: T) -> Box<Fault> {
    broken(rule, member, found, format!("{expected}, as in the tick's events before it"))
}

impl OpenTick {
    /// The event's decision and time must be the tick's.
    pub(super) fn check_belongs(&self, event: &Event<'_>) -> Result<()> {
        let Some(decision_id) = event.body.tick_decision_id() else { return Err(self.cut_short(event)) };
        if event.body.event_type() == EventType::DecisionEvaluated {
            return Err(self.cut_short(event));
        }
        agree(Rule::TickDecision, "decisionId", decision_id, self.decision_id)?;
        agree(Rule::TickTime, "logicalTime", event.logical_time, self.time)
    }

    #[cold]
    fn cut_short(&self, event: &Event<'_>) -> Box<Fault> {
        broken(
            Rule::TickCutShort,
            "type",
            event.body.event_type(),
            format!("{}, the next event of the tick of decision {}", self.next(), self.decision_id),
        )
    }

    /// The fault of an event that does not come next.
    #[cold]
    pub(super) fn out_of_order(&self, found: EventType) -> Box<Fault> {
        broken(
            Rule::TickOrder,
            "type",
            found,
            format!("{}, the next event of the tick of decision {}", self.next(), self.decision_id),
        )
    }

    /// The events that may come next.
    fn next(&self) -> &'static str {
        match self.stage {
            Stage::Decided => "ORDER_INTENT_CREATED or ORDER_INTENT_SKIPPED",
            Stage::Intended(_) => "SAFETY_EVALUATED",
            Stage::Forced(_) => "ORDER_INTENT_CREATED of origin SAFETY",
            Stage::Ordered(_) => "EXECUTION_ATTEMPTED",
            Stage::Attempted(..) => "EXECUTION_OUTCOME_RECORDED",
            Stage::Filled(..) => "LEDGER_UPDATED",
        }
    }

    /// The stage after an intent was created.
    pub(super) fn create(&self, created: &OrderIntentCreated) -> Result<Stage> {
        let intent = created.clone();
        match (&self.stage, created.origin) {
            (Stage::Decided, Origin::Strategy) => Ok(Stage::Intended(Some(intent))),
            (Stage::Forced(position), Origin::Safety) if intent.sells(*position) => {
                Ok(Stage::Ordered(intent))
            }
            (Stage::Forced(position), Origin::Safety) => Err(broken(
                Rule::ForcedSale,
                "side",
                format!("{} of {} in {}", created.side, created.allocation, created.market_id),
                format!("SELL of {} in {}, the open position", position.quantity, position.market_id),
            )),
            (Stage::Decided, Origin::Safety) => Err(broken(
                Rule::IntentOrigin,
                "origin",
                created.origin,
                "STRATEGY before safety was evaluated",
            )),
            (Stage::Forced(_), Origin::Strategy) => {
                Err(broken(Rule::IntentOrigin, "origin", created.origin, "SAFETY after FORCE_SELL"))
            }
            (Stage::Ordered(_), Origin::Safety) => Err(broken(
                Rule::ForcedSale,
                "origin",
                created.origin,
                "EXECUTION_ATTEMPTED: an intent of safety only where FORCE_SELL finds that the strategy's is not the SELL of the open position",
            )),
            (Stage::Intended(_) | Stage::Ordered(_) | Stage::Attempted(..) | Stage::Filled(..), _) => {
                Err(self.out_of_order(EventType::OrderIntentCreated))
            }
        }
    }

    /// The stage after no intent was created.
    pub(super) fn skip(&self) -> Result<Stage> {
        match self.stage {
            Stage::Decided => Ok(Stage::Intended(None)),
            Stage::Intended(_)
            | Stage::Forced(_)
            | Stage::Ordered(_)
            | Stage::Attempted(..)
            | Stage::Filled(..) => Err(self.out_of_order(EventType::OrderIntentSkipped)),
        }
    }

    /// The stage after safety was evaluated; none if that ends the tick.
    pub(super) fn evaluate(&self, verdict: Verdict, open: Option<OpenPosition>) -> Result<Option<Stage>> {
        let Stage::Intended(intent) = &self.stage else {
            return Err(self.out_of_order(EventType::SafetyEvaluated));
        };
        match verdict {
            Verdict::Allow => Ok(intent.clone().map(Stage::Ordered)),
            Verdict::BuyBlocked | Verdict::PositionAlreadyOpen | Verdict::Halt => Ok(None),
            Verdict::ForceSell => {
                let position = open.ok_or_else(|| {
                    broken(
                        Rule::ForcedSale,
                        "result",
                        "FORCE_SELL",
                        "another result, since no position is open",
                    )
                })?;
                Ok(Some(match intent {
                    Some(intent) if intent.sells(position) => Stage::Ordered(intent.clone()),
                    Some(_) | None => Stage::Forced(position),
                }))
            }
        }
    }

    /// The stage after an execution was attempted.
    pub(super) fn attempt(&self, attempted: &ExecutionAttempted) -> Result<Stage> {
        match &self.stage {
            Stage::Ordered(intent) => {
                intent.agrees("orderIntentId", attempted.order_intent_id)?;
                Ok(Stage::Attempted(intent.clone(), attempted.execution_id))
            }
            Stage::Forced(_) => Err(broken(
                Rule::ForcedSale,
                "type",
                EventType::ExecutionAttempted,
                "ORDER_INTENT_CREATED of origin SAFETY: the strategy's intent is not the SELL of the open position",
            )),
            Stage::Decided | Stage::Intended(_) | Stage::Attempted(..) | Stage::Filled(..) => {
                Err(self.out_of_order(EventType::ExecutionAttempted))
            }
        }
    }

    /// The stage after an execution ended; none if that ends the tick.
    pub(super) fn conclude(
        &self,
        recorded: &ExecutionOutcomeRecorded,
        open: Option<OpenPosition>,
    ) -> Result<Option<Stage>> {
        let Stage::Attempted(intent, execution) = &self.stage else {
            return Err(self.out_of_order(EventType::ExecutionOutcomeRecorded));
        };
        intent.agrees("orderIntentId", recorded.order_intent_id)?;
        agree(Rule::TickAgreement, "executionId", recorded.execution_id, *execution)?;
        agree(Rule::TickAgreement, "side", recorded.outcome.side, intent.side)?;
        agree(Rule::TickAgreement, "marketId", recorded.outcome.market_id, intent.market_id)?;
        match recorded.outcome.fill {
            Fill::Filled(quantity) => {
                agree(Rule::FilledQuantity, "filledQuantity", quantity, intent.allocation)?;
                intent.check_fillable(open)?;
                Ok(Some(Stage::Filled(intent.clone(), *execution)))
            }
            Fill::PartiallyFilled(_) | Fill::Failed(_) => Ok(None),
        }
    }

    /// The order that was filled, when its ledger update agrees with it.
    pub(super) fn settle(&self, updated: &LedgerUpdated) -> Result<(&OrderIntentCreated, ExecutionId)> {
        let Stage::Filled(intent, execution) = &self.stage else {
            return Err(self.out_of_order(EventType::LedgerUpdated));
        };
        agree(Rule::TickAgreement, "executionId", updated.execution_id, *execution)?;
        agree(Rule::TickAgreement, "marketId", updated.market_id, intent.market_id)?;
        Ok((intent, *execution))
    }
}
