//! A few decisions of a log, told in plain words: one of each kind that teaches something.

use dreichor_core::event::{Body, DecisionEvaluated, Fill, OrderIntentCreated, Verdict};
use dreichor_core::id::DecisionId;
use dreichor_core::value::{Side, SkipReason};
use dreichor_replay::Entry;

/// The first tick of each kind, while a log is replayed.
#[derive(Default)]
pub(super) struct Storyteller {
    tick: Option<Tick>,
    told: Vec<Example>,
}

/// The first tick of its kind.
pub(super) struct Example {
    kind: Kind,
    pub(super) decision_id: DecisionId,
    /// It in two sentences; `explain` tells all of it.
    pub(super) summary: String,
}

/// What a tick is an example of.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Bought,
    HoldTime,
    Blocked,
    Sold,
    ForcedSale,
}

/// What was seen of the present tick.
struct Tick {
    first_line: u64,
    time: u64,
    decision: DecisionEvaluated,
    intent: Option<OrderIntentCreated>,
    skip: Option<SkipReason>,
    verdict: Verdict,
    filled: Option<OrderIntentCreated>,
}

impl Storyteller {
    /// One of each kind, in the order of the kinds.
    pub(super) fn examples(mut self) -> Vec<Example> {
        self.told.sort_by_key(|example| example.kind);
        self.told
    }

    fn finish_tick(&mut self, last_line: u64) {
        let Some(tick) = self.tick.take() else { return };
        let Some(kind) = tick.kind() else { return };
        if self.told.iter().all(|told| told.kind != kind) {
            let (decision_id, summary) = (tick.decision.decision_id, tick.tell(last_line));
            self.told.push(Example { kind, decision_id, summary });
        }
    }
}

impl Storyteller {
    /// Sees the next entry of the log.
    pub(super) fn see(&mut self, entry: &Entry<'_>) {
        if let Body::DecisionEvaluated(decision) = &entry.event.body {
            self.tick = Some(Tick {
                first_line: entry.line.number,
                time: entry.event.logical_time.get(),
                decision: decision.clone(),
                intent: None,
                skip: None,
                verdict: Verdict::Allow,
                filled: None,
            });
        }
        if let Some(tick) = &mut self.tick {
            tick.see(&entry.event.body);
        }
        if entry.history.state().open_tick().is_none() {
            self.finish_tick(entry.line.number);
        }
    }
}

impl Tick {
    fn see(&mut self, body: &Body<'_>) {
        match body {
            // Safety's own intent comes after the strategy's, and is the one that is executed.
            Body::OrderIntentCreated(created) => self.intent = Some(created.clone()),
            Body::OrderIntentSkipped(skipped) => self.skip = Some(skipped.reason),
            Body::SafetyEvaluated(evaluated) => self.verdict = evaluated.verdict,
            Body::ExecutionOutcomeRecorded(recorded) => {
                if let Fill::Filled(_) = recorded.outcome.fill {
                    self.filled.clone_from(&self.intent);
                }
            }
            Body::DecisionEvaluated(_)
            | Body::ExecutionAttempted(_)
            | Body::LedgerUpdated(_)
            | Body::UserFeedbackRecorded(_) => {}
        }
    }

    fn kind(&self) -> Option<Kind> {
        match (self.verdict, &self.filled) {
            (Verdict::ForceSell, Some(_)) => Some(Kind::ForcedSale),
            (_, Some(filled)) if filled.side == Side::Buy => Some(Kind::Bought),
            (_, Some(_)) => Some(Kind::Sold),
            (Verdict::PositionAlreadyOpen, None) => Some(Kind::Blocked),
            (_, None) => (self.skip == Some(SkipReason::HoldTimeActive)).then_some(Kind::HoldTime),
        }
    }

    fn tell(&self, last_line: u64) -> String {
        let pool = self.decision.parameter_pool;
        let target = self.decision.target_market_id.map_or("nothing".into(), |market| market.to_string());
        let facts = if self.decision.attention.is_better() {
            format!("found that {target} was worth a switch (all five attention facts hold)")
        } else {
            format!("looked at {target} (not all five attention facts hold)")
        };
        let outcome = match (self.kind(), &self.filled) {
            (Some(Kind::Bought), Some(order)) => {
                format!(
                    "It was ready, no position was open, so it bought {} of {}.",
                    order.allocation, order.market_id
                )
            }
            (Some(Kind::Sold), Some(order)) => format!(
                "It held {}, its hold time was over, so it sold {} of it.",
                order.market_id, order.allocation
            ),
            (Some(Kind::ForcedSale), Some(order)) => format!(
                "The gate forceSell was in force, so safety sold the open position, {} of {}, whoever held it.",
                order.allocation, order.market_id
            ),
            (Some(Kind::HoldTime), _) => {
                "It held a market, and its hold time was not over: nothing was ordered.".into()
            }
            (Some(Kind::Blocked), _) => {
                "It wanted to buy, but another instance's position was open: safety said BLOCK_BUY.".into()
            }
            (Some(Kind::Bought | Kind::Sold | Kind::ForcedSale) | None, _) => String::new(),
        };
        format!(
            "Time {}, lines {} to {last_line}, decision {}\n      Instance {} ({}) {facts}. {outcome}",
            self.time, self.first_line, self.decision.decision_id, self.decision.strategy_instance_id, pool,
        )
    }
}
