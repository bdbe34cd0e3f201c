//! A log as text: events, each with the ids and the time that follow from the events before it.
//!
//! ```text
//! decision A t=3            intent STRATEGY BUY M1 0.5      skip ATTENTION_NEGATIVE
//! safety ALLOW              attempt                         outcome FILLED 0.5
//! ledger                    feedback t=9 on=A@3             feedback t=9 from=1 to=4
//!
//! decided, skipped, intended, ordered, attempted, filled
//!                           the tick in which A buys 0.5 in M1 at time 3, up to that point
//! forced                    B has bought 0.5 in M1, and A's tick at time 3 is to sell it
//! executed SELL M1 0.5      intent to outcome
//! bought A t=3 M1 0.5       a whole tick
//! sold A t=9 M1 0.5         a whole tick
//! ```
//!
//! Every value that follows from the events before can be given another: `ledger market=M2`.

use dreichor_core::Event;
use dreichor_core::event::{
    Body, DecisionEvaluated, ExecutionAttempted, ExecutionOutcomeRecorded, FeedbackTarget, Fill,
    LedgerUpdated, OrderIntentCreated, OrderIntentSkipped, Outcome, SafetyEvaluated, UserFeedbackRecorded,
    Verdict,
};
use dreichor_core::id::{DecisionId, ExecutionId, FeedbackId, OrderIntentId};
use dreichor_core::value::{FeedbackCategory, LogicalTime, MarketId, Origin, Plane, Side};

use super::words::{self, Words, formed};

/// The values that the next line is computed from.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    decision_id: DecisionId,
    time: LogicalTime,
    intent: OrderIntentCreated,
    execution_id: ExecutionId,
}

impl Context {
    /// The context of a log that ends with the decision of `A@3`, which has bought 0.5 in M1.
    pub(crate) fn new() -> Self {
        let decision_id = words::decision("A@3");
        let order_intent_id = words::intent("A@3.STRATEGY.BUY.M1");
        Self {
            decision_id,
            time: words::time("3"),
            intent: OrderIntentCreated {
                decision_id,
                order_intent_id,
                origin: Origin::Strategy,
                side: Side::Buy,
                market_id: formed("M1"),
                allocation: formed("0.5"),
            },
            execution_id: ExecutionId::of(order_intent_id, Plane::Paper),
        }
    }

    /// The event that the line speaks of.
    pub(crate) fn event(&self, line: &str) -> Event<'static> {
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        let words = Words::new(rest, positional(verb));
        let plane = Plane::Paper;
        let logical_time = words.time("t").unwrap_or(self.time);
        let decision_id = words.get("decision").map_or(self.decision_id, words::decision);
        let order_intent_id = words.get("intent").map_or(self.intent.order_intent_id, words::intent);
        let execution_id = words.get("execution").map_or(self.execution_id, words::execution);
        let market_id: MarketId = words.formed("market").unwrap_or(self.intent.market_id);
        let body = match verb {
            "decision" => {
                let strategy_instance_id = words::instance(words.get("instance").unwrap());
                let decision_id = DecisionId::of(strategy_instance_id, logical_time);
                Body::DecisionEvaluated(DecisionEvaluated {
                    decision_id: words.get("decision").map_or(decision_id, words::decision),
                    strategy_instance_id,
                    decision_class: formed("attention.enter.rotation@v1"),
                    reason_codes: words.reasons(),
                    attention: words.attention(),
                    parameter_pool: words.pool(),
                    target_market_id: words.formed("target"),
                    safety_gates: words.gates(),
                })
            }
            "intent" => {
                let (origin, side) = (words.formed("origin").unwrap(), words.formed("side").unwrap());
                let order_intent_id = OrderIntentId::of(decision_id, origin, side, market_id);
                Body::OrderIntentCreated(OrderIntentCreated {
                    decision_id,
                    order_intent_id: words.get("intent").map_or(order_intent_id, words::intent),
                    origin,
                    side,
                    market_id,
                    allocation: words.formed("quantity").unwrap(),
                })
            }
            "skip" => Body::OrderIntentSkipped(OrderIntentSkipped {
                decision_id,
                reason: words.formed("reason").unwrap(),
            }),
            "safety" => Body::SafetyEvaluated(SafetyEvaluated {
                decision_id,
                verdict: verdict(words.get("verdict").unwrap()),
            }),
            "attempt" => {
                // The execution of the intent in force, unless another is named.
                let own = ExecutionId::of(self.intent.order_intent_id, plane);
                let execution_id = words.get("execution").map_or(own, words::execution);
                Body::ExecutionAttempted(ExecutionAttempted {
                    decision_id,
                    order_intent_id,
                    execution_id,
                    plane,
                })
            }
            "outcome" => {
                let side = words.formed("side").unwrap_or(self.intent.side);
                let fill = fill(words.get("status").unwrap(), words.get("fill").unwrap());
                Body::ExecutionOutcomeRecorded(ExecutionOutcomeRecorded {
                    decision_id,
                    order_intent_id,
                    execution_id,
                    plane,
                    outcome: Outcome { side, market_id, fill },
                })
            }
            "ledger" => Body::LedgerUpdated(LedgerUpdated { decision_id, execution_id, plane, market_id }),
            "feedback" => Body::UserFeedbackRecorded(feedback(logical_time, &words)),
            verb => panic!("no event is called {verb}"),
        };
        Event { logical_time, body }
    }

    /// The context after `event`.
    pub(crate) fn advance(&mut self, event: &Event<'_>) {
        if let Body::DecisionEvaluated(decision) = &event.body {
            (self.decision_id, self.time) = (decision.decision_id, event.logical_time);
        }
        if let Body::OrderIntentCreated(intent) = &event.body {
            self.intent = intent.clone();
        }
        if let Body::ExecutionAttempted(attempted) = &event.body {
            self.execution_id = attempted.execution_id;
        }
    }
}

/// The keys of the words that have none.
fn positional(verb: &str) -> &'static [&'static str] {
    match verb {
        "decision" => &["instance"],
        "intent" => &["origin", "side", "market", "quantity"],
        "skip" => &["reason"],
        "safety" => &["verdict"],
        "outcome" => &["status", "fill"],
        _ => &[],
    }
}

fn verdict(name: &str) -> Verdict {
    match name {
        "ALLOW" => Verdict::Allow,
        "BUY_BLOCKED" => Verdict::BuyBlocked,
        "POSITION_ALREADY_OPEN" => Verdict::PositionAlreadyOpen,
        "FORCE_SELL" => Verdict::ForceSell,
        "HALT" => Verdict::Halt,
        name => panic!("no verdict is called {name}"),
    }
}

fn fill(status: &str, fill: &str) -> Fill {
    match status {
        "FILLED" => Fill::Filled(formed(fill)),
        "PARTIALLY_FILLED" => Fill::PartiallyFilled(formed(fill)),
        "FAILED" => Fill::Failed(formed(fill)),
        status => panic!("no status is called {status}"),
    }
}

/// Feedback on a decision (`on=`), an execution of it (`execution=` too) or a time window (`from=`, `to=`).
pub(crate) fn feedback(at: LogicalTime, words: &Words<'_>) -> UserFeedbackRecorded<'static> {
    let target = match (words.get("on").map(words::decision), words.get("execution")) {
        (Some(decision), None) => FeedbackTarget::Decision(decision),
        (Some(decision), Some(of)) => FeedbackTarget::Execution(decision, words::execution(of)),
        (None, _) => {
            FeedbackTarget::TimeWindow { from: words.time("from").unwrap(), to: words.time("to").unwrap() }
        }
    };
    let category = words.formed("category").unwrap_or(FeedbackCategory::DecisionQuality);
    let comment = words.comment();
    // The id of other feedback, where that of time 0 is asked for.
    let id_time = words.time("id-of-time").unwrap_or(at);
    let feedback_id = FeedbackId::of(id_time, category, &target, &comment);
    UserFeedbackRecorded { feedback_id, category, target, comment }
}

/// Expands an abbreviation to its events.
pub(crate) fn expanded(words: &str) -> Vec<String> {
    let (verb, rest) = words.split_once(' ').unwrap_or((words, ""));
    let parts: Vec<&str> = rest.split(' ').collect();
    let events = match (verb, &parts[..]) {
        ("bought", [instance, time, market, quantity]) => {
            format!("decision {instance} {time}|executed BUY {market} {quantity}|ledger")
        }
        ("sold", [instance, time, market, quantity]) => {
            format!("decision {instance} {time}|executed SELL {market} {quantity}|ledger")
        }
        ("executed", [side, market, quantity]) => {
            format!(
                "intent STRATEGY {side} {market} {quantity}|safety ALLOW|attempt|outcome FILLED {quantity}"
            )
        }
        ("decided", [""]) => "decision A t=3".to_owned(),
        ("skipped", [""]) => "decided|skip ATTENTION_NEGATIVE".to_owned(),
        ("forced", [""]) => "bought B t=1 M1 0.5|skipped|safety FORCE_SELL".to_owned(),
        ("intended", [""]) => "decided|intent STRATEGY BUY M1 0.5".to_owned(),
        ("ordered", [""]) => "intended|safety ALLOW".to_owned(),
        ("attempted", [""]) => "ordered|attempt".to_owned(),
        ("filled", [""]) => "attempted|outcome FILLED 0.5".to_owned(),
        _ => return vec![words.to_owned()],
    };
    events.split('|').flat_map(expanded).collect()
}
