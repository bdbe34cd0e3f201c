//! The outcome of a decision, from the events of its tick.

use dreichor_core::Event;
use dreichor_core::event::{
    Body, DecisionEvaluated, EventType, Fill, OrderIntentCreated, Outcome as Execution, Verdict,
};
use dreichor_core::fault::{Fault, Rule};
use dreichor_core::id::{DecisionId, OrderIntentId};
use dreichor_core::schema::{Schema, described, object, or_null};
use dreichor_core::value::{
    Decimal, DecisionClass, LogicalTime, MarketId, SafetyResult, Side, SkipReason, Spelled,
    StrategyInstanceId,
};
use serde::Serialize;
use strum::{Display, IntoStaticStr, VariantArray};

use crate::funnel;

/// The outcome of a decision, in one word.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Display, IntoStaticStr, VariantArray, Serialize,
)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Outcome {
    /// The strategy created no intent, and nothing was executed.
    Skipped,
    /// There was an intent, and safety stopped it.
    Blocked,
    /// Executed in full.
    Filled,
    /// Executed in part; not produced on paper.
    PartiallyFilled,
    /// Attempted, and nothing was executed; not produced on paper.
    Failed,
    /// The tick is not whole.
    Interrupted,
}

impl Spelled for Outcome {}

/// A decision with the events of its tick.
#[derive(Debug, Clone)]
pub struct Decided {
    /// The decision.
    pub decision: DecisionEvaluated,
    /// Its logical time.
    pub logical_time: LogicalTime,
    /// The offset in the log at which its DECISION_EVALUATED begins, in bytes.
    pub offset: u64,
    wanted: Option<OrderIntentCreated>,
    skipped: Option<SkipReason>,
    verdict: Option<Verdict>,
    /// The latest intent, which is the one that is executed.
    intent: Option<OrderIntentId>,
    /// True once safety created an intent of its own.
    is_forced: bool,
    is_attempted: bool,
    execution: Option<Execution>,
    is_settled: bool,
}

impl Decided {
    /// Begins with a DECISION_EVALUATED whose line starts at `offset`; none for another event.
    pub fn begin(event: &Event<'_>, offset: u64) -> Option<Self> {
        let Body::DecisionEvaluated(decision) = &event.body else { return None };
        Some(Self {
            decision: decision.clone(),
            logical_time: event.logical_time,
            offset,
            wanted: None,
            skipped: None,
            verdict: None,
            intent: None,
            is_forced: false,
            is_attempted: false,
            execution: None,
            is_settled: false,
        })
    }

    /// Adds the next event of the tick.
    ///
    /// # Errors
    ///
    /// Rule `tick-order`: a tick does not allow the event here, or the event belongs to another decision or time. The fold
    /// checks more: what it accepts is accepted here.
    pub fn add(&mut self, event: &Event<'_>) -> Result<(), Box<Fault>> {
        let belongs = event.body.tick_decision_id() == Some(self.decision.decision_id)
            && event.logical_time == self.logical_time;
        let is_intended = self.wanted.is_some() || self.skipped.is_some();
        let is_ordered = match self.verdict {
            Some(Verdict::Allow) => self.wanted.is_some(),
            Some(Verdict::ForceSell) => true,
            Some(Verdict::BuyBlocked | Verdict::PositionAlreadyOpen | Verdict::Halt) | None => false,
        };
        let is_next = match &event.body {
            Body::DecisionEvaluated(_) | Body::UserFeedbackRecorded(_) => false,
            Body::OrderIntentCreated(created) if self.verdict.is_none() => {
                self.wanted = Some(created.clone());
                self.intent = Some(created.order_intent_id);
                !is_intended
            }
            Body::OrderIntentCreated(created) => {
                let is_first = !self.is_forced && !self.is_attempted;
                self.is_forced = true;
                self.intent = Some(created.order_intent_id);
                is_first && self.verdict == Some(Verdict::ForceSell)
            }
            Body::OrderIntentSkipped(skipped) => {
                self.skipped = Some(skipped.reason);
                !is_intended && self.verdict.is_none()
            }
            Body::SafetyEvaluated(evaluated) => {
                is_intended && self.verdict.replace(evaluated.verdict).is_none()
            }
            Body::ExecutionAttempted(attempted) => {
                is_ordered
                    && self.intent == Some(attempted.order_intent_id)
                    && !std::mem::replace(&mut self.is_attempted, true)
            }
            Body::ExecutionOutcomeRecorded(recorded) => {
                self.is_attempted
                    && self.intent == Some(recorded.order_intent_id)
                    && self.execution.replace(recorded.outcome.clone()).is_none()
            }
            Body::LedgerUpdated(_) => self.is_filled() && !std::mem::replace(&mut self.is_settled, true),
        };
        if belongs && is_next {
            return Ok(());
        }
        let expected =
            format!("an event that the tick of decision {} allows here", self.decision.decision_id);
        Err(Fault::new(Rule::TickOrder, 0, "type", event.body.event_type().as_str(), expected))
    }

    /// Checks that the tick is whole where another decision follows: only the last tick of a log may be interrupted.
    ///
    /// # Errors
    ///
    /// Rule `tick-cut-short`.
    pub fn check_whole(&self) -> Result<(), Box<Fault>> {
        if self.is_whole() {
            return Ok(());
        }
        let expected = format!("the next event of the tick of decision {}", self.decision.decision_id);
        Err(Fault::new(Rule::TickCutShort, 0, "type", EventType::DecisionEvaluated.as_str(), expected))
    }

    fn is_filled(&self) -> bool {
        self.execution.as_ref().is_some_and(|execution| matches!(execution.fill, Fill::Filled(_)))
    }

    /// True if no event of the tick is missing.
    pub fn is_whole(&self) -> bool {
        match (self.verdict, &self.execution) {
            (None, _) | (Some(Verdict::ForceSell), None) => false,
            (Some(Verdict::Allow), None) => self.wanted.is_none(),
            (Some(Verdict::BuyBlocked | Verdict::PositionAlreadyOpen | Verdict::Halt), None) => true,
            (Some(_), Some(_)) => !self.is_filled() || self.is_settled,
        }
    }

    /// The outcome of the decision.
    pub fn outcome(&self) -> Outcome {
        if !self.is_whole() {
            return Outcome::Interrupted;
        }
        match &self.execution {
            Some(execution) => match execution.fill {
                Fill::Filled(_) => Outcome::Filled,
                Fill::PartiallyFilled(_) => Outcome::PartiallyFilled,
                Fill::Failed(_) => Outcome::Failed,
            },
            None if self.wanted.is_some() => Outcome::Blocked,
            None => Outcome::Skipped,
        }
    }

    /// Why: the reason of a skip, of a block, of a failure, or FORCE_SELL_ACTIVE of a forced sale.
    pub fn reason(&self) -> Option<&'static str> {
        let of_safety = self.verdict.and_then(Verdict::reason).map(Spelled::as_str);
        match self.outcome() {
            Outcome::Skipped => self.skipped.map(Spelled::as_str),
            Outcome::Blocked => of_safety,
            Outcome::Failed => match self.execution.as_ref().map(|execution| &execution.fill) {
                Some(Fill::Failed(reason)) => Some(reason.as_str()),
                Some(Fill::Filled(_) | Fill::PartiallyFilled(_)) | None => None,
            },
            Outcome::Filled | Outcome::PartiallyFilled => {
                of_safety.filter(|_| self.verdict == Some(Verdict::ForceSell))
            }
            Outcome::Interrupted => None,
        }
    }

    /// Side, market and quantity of what was executed, else of the strategy's intent.
    pub fn order(&self) -> Option<(Side, MarketId, Decimal)> {
        if let Some(Execution { side, market_id, fill }) = &self.execution {
            let quantity = match fill {
                Fill::Filled(quantity) | Fill::PartiallyFilled(quantity) => *quantity,
                Fill::Failed(_) => Decimal::ZERO,
            };
            return Some((*side, *market_id, quantity));
        }
        self.wanted.as_ref().map(|intent| (intent.side, intent.market_id, intent.allocation))
    }

    /// The strategy's intent.
    pub fn wanted(&self) -> Option<&OrderIntentCreated> {
        self.wanted.as_ref()
    }

    /// The result of safety.
    pub fn safety(&self) -> Option<SafetyResult> {
        self.verdict.map(Verdict::result)
    }

    /// True if safety sold the open position.
    pub fn is_forced_sale(&self) -> bool {
        self.verdict == Some(Verdict::ForceSell) && self.execution.is_some()
    }

    /// The outcome of the decision, in two sentences.
    pub fn sentence(&self) -> String {
        let DecisionEvaluated {
            strategy_instance_id: instance,
            parameter_pool: pool,
            target_market_id,
            attention,
            ..
        } = &self.decision;
        let target = target_market_id.map_or_else(|| "no market".into(), |market| market.to_string());
        let facts = if attention.is_better() {
            format!("found that {target} was worth a switch (all five attention facts held)")
        } else {
            format!("looked at {target} (not all five attention facts held)")
        };
        format!("At time {}, instance {instance} ({pool}) {facts}. {}", self.logical_time, self.ending())
    }

    fn ending(&self) -> String {
        let order = self.order().map(|(side, market, quantity)| {
            let verb = match side {
                Side::Buy => ["buy", "bought"],
                Side::Sell => ["sell", "sold"],
            };
            (verb, format!("{quantity} of {market}"))
        });
        match (self.outcome(), order) {
            (Outcome::Filled, Some((_, what))) if self.is_forced_sale() => {
                format!("The gate forceSell was in force, so safety sold the open position, {what}.")
            }
            (Outcome::Filled, Some(([_, verb], what))) => format!("It {verb} {what}."),
            (Outcome::PartiallyFilled, Some(([_, verb], what))) => {
                format!("It {verb} {what}, a part of its order.")
            }
            (Outcome::Failed, Some(([verb, _], what))) => {
                format!("Its order to {verb} {what} failed: {}.", self.reason().unwrap_or("no reason"))
            }
            (Outcome::Blocked, Some(([verb, _], what))) => {
                format!("It wanted to {verb} {what}, but {}.", self.block())
            }
            (Outcome::Skipped, _) => format!("It ordered nothing: {}.", self.skip()),
            (Outcome::Interrupted, _) => "The log ends within its tick.".into(),
            (Outcome::Filled | Outcome::PartiallyFilled | Outcome::Failed | Outcome::Blocked, None) => {
                unreachable!("an execution or an intent has an order")
            }
        }
    }

    fn block(&self) -> &'static str {
        match self.verdict {
            Some(Verdict::BuyBlocked) => "the gate blockBuy was in force",
            Some(Verdict::PositionAlreadyOpen) => "another position was open, and at most one may be",
            Some(Verdict::Halt) => "the gate haltAll was in force",
            Some(Verdict::Allow | Verdict::ForceSell) | None => unreachable!("these block nothing"),
        }
    }

    fn skip(&self) -> &'static str {
        match self.skipped {
            Some(SkipReason::AttentionNegative) => "nothing was worth a switch",
            Some(SkipReason::HoldTimeActive) => "the hold time of its position was not over",
            Some(SkipReason::CooldownActive) => "its cooldown was not over",
            Some(SkipReason::SafetyBlocked) => "the gate blockBuy was in force",
            Some(SkipReason::MissingTargetMarket) => "the tick named no market",
            None => unreachable!("without an intent there is the reason of a skip"),
        }
    }

    /// The row of `decisions --json`.
    pub fn row(&self) -> Row {
        let order = self.order();
        Row {
            decision_id: self.decision.decision_id.to_string(),
            logical_time: self.logical_time.get(),
            strategy_instance_id: self.decision.strategy_instance_id.to_string(),
            decision_class: self.decision.decision_class.to_string(),
            target_market_id: self.decision.target_market_id.map(|market| market.to_string()),
            outcome: self.outcome(),
            reason: self.reason(),
            side: order.as_ref().map(|(side, ..)| side.as_str()),
            market_id: order.as_ref().map(|(_, market, _)| market.to_string()),
            quantity: order.as_ref().map(|(.., quantity)| quantity.to_string()),
            safety: self.safety().map(Spelled::as_str),
            offset: self.offset,
        }
    }
}

/// The fault of an event of a tick whose decision does not precede it.
pub(crate) fn without_decision(event: &Event<'_>) -> Box<Fault> {
    let expected = "DECISION_EVALUATED before the other events of its tick";
    Fault::new(Rule::TickOrder, 0, "type", event.body.event_type().as_str(), expected)
}

/// A decision as one JSON object; the members are in this order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// The decision.
    pub decision_id: String,
    /// Its logical time.
    pub logical_time: u64,
    /// The strategy instance that decided.
    pub strategy_instance_id: String,
    /// Its class.
    pub decision_class: String,
    /// Its target.
    pub target_market_id: Option<String>,
    /// The outcome of the decision.
    pub outcome: Outcome,
    /// Why.
    pub reason: Option<&'static str>,
    /// Bought or sold, or wanted.
    pub side: Option<&'static str>,
    /// Which market.
    pub market_id: Option<String>,
    /// The quantity.
    pub quantity: Option<String>,
    /// The result of safety.
    pub safety: Option<&'static str>,
    /// The offset at which the decision begins, in bytes.
    pub offset: u64,
}

impl Schema for Row {
    fn schema() -> String {
        let reason = "Why it was skipped, blocked or failed, or that its sale was forced.";
        let side = "Of what was executed, else of what was wanted.";
        object(&[
            ("decisionId", DecisionId::schema()),
            ("logicalTime", LogicalTime::schema()),
            ("strategyInstanceId", StrategyInstanceId::schema()),
            ("decisionClass", DecisionClass::schema()),
            ("targetMarketId", Option::<MarketId>::schema()),
            ("outcome", Outcome::schema()),
            ("reason", described(&or_null(&funnel::reason_schema()), reason)),
            ("side", described(&Option::<Side>::schema(), side)),
            ("marketId", Option::<MarketId>::schema()),
            ("quantity", Option::<Decimal>::schema()),
            ("safety", described(&Option::<SafetyResult>::schema(), "The result of safety.")),
            (
                "offset",
                described(&u64::schema(), "Where its DECISION_EVALUATED begins in the log, in bytes."),
            ),
        ])
    }
}
