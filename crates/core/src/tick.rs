//! The tick: computes the events of an input from the state. Pure, total, deterministic.

use alloc::boxed::Box;
use alloc::format;
use alloc::vec;
use alloc::vec::{IntoIter, Vec};

use strum::{Display, IntoStaticStr, VariantArray};

use crate::event::{
    Body, DecisionEvaluated, Event, ExecutionAttempted, ExecutionOutcomeRecorded, Fill, LedgerUpdated,
    OrderIntentCreated, OrderIntentSkipped, Outcome, SafetyEvaluated, Verdict,
};
use crate::fault::{Result, Rule, broken};
use crate::id::{DecisionId, ExecutionId, OrderIntentId};
use crate::input::{Input, Kind};
use crate::state::{Lifecycle, OpenPosition, State};
use crate::value::{Decimal, LogicalTime, MarketId, Origin, Plane, SafetyGates, Side, SkipReason, Spelled};

/// The gates that the operator adds to those of every tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Display, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "kebab-case")]
pub enum SafetyMode {
    /// None.
    #[default]
    Normal,
    /// haltAll.
    Halt,
    /// blockBuy and forceSell.
    Flatten,
}

impl Spelled for SafetyMode {}

impl SafetyMode {
    /// The gates.
    pub const fn gates(self) -> SafetyGates {
        match self {
            Self::Normal => SafetyGates::OPEN,
            Self::Halt => SafetyGates::new([true, false, false]),
            Self::Flatten => SafetyGates::new([false, true, true]),
        }
    }
}

/// The operator's settings for all inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Policy {
    /// The gates added to every tick's.
    pub safety_mode: SafetyMode,
    /// The most that an input may be ahead of the last recorded time, in units of logicalTime; none: no limit.
    pub logical_step_max: Option<u64>,
}

/// The result of an input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step<'a> {
    /// The log holds the input already.
    AlreadyRecorded,
    /// The events to record, together.
    Events(Vec<Event<'a>>),
}

/// Computes the result of `input` on `state`. The state must have no open tick: recovery completes an open one first.
///
/// # Errors
///
/// The rule by which the input is rejected. Nothing of it may be recorded.
pub fn step<'a>(state: &State, input: &Input<'a>, policy: Policy) -> Result<Step<'a>> {
    let time = input.logical_time;
    match &input.kind {
        Kind::Tick(asked) => {
            if let Some(recorded) = state.memory().decision(asked.decision_id) {
                check_same(asked, &recorded.evaluated())?;
                return Ok(Step::AlreadyRecorded);
            }
            check_time(state, time, policy)?;
            let safety_gates = asked.safety_gates.union(policy.safety_mode.gates());
            Ok(Step::Events(enact(state, time, DecisionEvaluated { safety_gates, ..asked.clone() })))
        }
        Kind::Feedback(feedback) => {
            if state.memory().has_feedback(feedback.feedback_id) {
                return Ok(Step::AlreadyRecorded);
            }
            check_time(state, time, policy)?;
            state.check_feedback_target(time, feedback.target)?;
            Ok(Step::Events(vec![Event {
                logical_time: time,
                body: Body::UserFeedbackRecorded(feedback.clone()),
            }]))
        }
    }
}

/// Checks that a tick that is sent again equals the recorded one. The recorded gates include those of the safety mode
/// of that time, so they may be more than the tick asks for, but not less.
fn check_same(asked: &DecisionEvaluated, recorded: &DecisionEvaluated) -> Result<()> {
    let with_recorded_gates = DecisionEvaluated { safety_gates: recorded.safety_gates, ..asked.clone() };
    if with_recorded_gates == *recorded && recorded.safety_gates.contains(asked.safety_gates) {
        return Ok(());
    }
    let member = [
        ("decisionClass", asked.decision_class == recorded.decision_class),
        ("reasonCodes", asked.reason_codes == recorded.reason_codes),
        ("attention", asked.attention == recorded.attention),
        ("parameterPoolId", asked.parameter_pool == recorded.parameter_pool),
        ("targetMarketId", asked.target_market_id == recorded.target_market_id),
    ]
    .into_iter()
    .find_map(|(name, is_same)| (!is_same).then_some(name))
    .unwrap_or("safetyGates");
    Err(broken(
        Rule::ConflictingTick,
        member,
        "another value than the recorded one",
        format!(
            "the tick that is recorded as decision {}: one decision for each instance and time",
            recorded.decision_id
        ),
    ))
}

fn check_time(state: &State, time: LogicalTime, policy: Policy) -> Result<()> {
    let Some(last) = state.last_logical_time() else { return Ok(()) };
    if time < last {
        return Err(broken(
            Rule::TimeOrder,
            "logicalTime",
            time,
            format!("{last}, the last recorded time, or later: time never goes back"),
        ));
    }
    match policy.logical_step_max {
        Some(step_max) if time.get() - last.get() > step_max => Err(broken(
            Rule::LogicalStep,
            "logicalTime",
            time,
            format!("at most {step_max} (--logical-step-max) after {last}, the last recorded time"),
        )),
        Some(_) | None => Ok(()),
    }
}

/// Computes all events of the tick of `decision`, whose gates are those in force. Recovery calls this, too, to complete
/// an interrupted tick: before its last event, a tick changes neither ledger nor lifecycles.
pub fn enact(state: &State, time: LogicalTime, decision: DecisionEvaluated) -> Vec<Event<'static>> {
    let open = state.ledger().open_position();
    let intent = intend(state.lifecycles().of(decision.strategy_instance_id), time, &decision);
    let verdict = evaluate_safety(decision.safety_gates, intent.as_ref().ok(), open);
    let decision_id = decision.decision_id;
    let mut events = Vec::with_capacity(TICK_EVENTS_MAX);
    let mut push = |body| events.push(Event { logical_time: time, body });
    push(Body::DecisionEvaluated(decision));
    push(match &intent {
        Ok(intent) => Body::OrderIntentCreated(intent.clone()),
        Err(reason) => Body::OrderIntentSkipped(OrderIntentSkipped { decision_id, reason: *reason }),
    });
    push(Body::SafetyEvaluated(SafetyEvaluated { decision_id, verdict }));
    match (verdict, intent.ok(), open) {
        (Verdict::Allow, Some(intent), _) => execute(&intent, push),
        // The instance that holds the position sold it of its own accord: there is no need for a second intent.
        (Verdict::ForceSell, Some(intent), Some(position)) if intent.sells(position) => {
            execute(&intent, push);
        }
        (Verdict::ForceSell, _, Some(position)) => {
            let sale = OrderIntentCreated::sale(decision_id, Origin::Safety, position);
            push(Body::OrderIntentCreated(sale.clone()));
            execute(&sale, push);
        }
        (
            Verdict::Allow
            | Verdict::ForceSell
            | Verdict::BuyBlocked
            | Verdict::PositionAlreadyOpen
            | Verdict::Halt,
            ..,
        ) => {}
    }
    events
}

/// A recorded tick that is executed again, beside its recorded events.
#[derive(Debug)]
pub struct Reexecution {
    /// What the tick's rules demand next.
    demanded: IntoIter<Event<'static>>,
    has_diverged: bool,
}

/// How a recorded event compares with the tick that is executed again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Comparison {
    /// It is the event that the rules demand.
    Same,
    /// It is the first event that is not what the rules demand; with the demanded event, if the tick should not be over.
    Diverged(Option<Box<Event<'static>>>),
    /// An earlier event was not what the rules demand, so nothing is known of this one.
    Unknown,
}

impl Reexecution {
    /// Executes the tick of a recorded decision again. `state` is the state before the decision, or the state that has
    /// just applied it, or later ones within the tick: before its last event, a tick changes neither ledger nor
    /// lifecycles.
    pub fn of(state: &State, time: LogicalTime, decision: &DecisionEvaluated) -> Self {
        Self { demanded: enact(state, time, decision.clone()).into_iter(), has_diverged: false }
    }

    /// Compares the next recorded event, DECISION_EVALUATED first. Each event has one encoding, so events are equal
    /// exactly if their bytes are.
    pub fn compare(&mut self, recorded: &Event<'_>) -> Comparison {
        if self.has_diverged {
            return Comparison::Unknown;
        }
        match self.demanded.next() {
            Some(demanded) if demanded == *recorded => Comparison::Same,
            demanded => {
                self.has_diverged = true;
                Comparison::Diverged(demanded.map(Box::new))
            }
        }
    }

    /// The events that are not recorded; none if a recorded event is not what the rules demand.
    pub fn missing(&self) -> Option<&[Event<'static>]> {
        (!self.has_diverged).then_some(self.demanded.as_slice())
    }
}

/// A tick with a sale of safety's: decision, two intents, safety, attempt, outcome, ledger update.
const TICK_EVENTS_MAX: usize = 7;

impl OrderIntentCreated {
    fn sale(decision_id: DecisionId, origin: Origin, position: OpenPosition) -> Self {
        Self::new(decision_id, origin, Side::Sell, position.market_id, position.quantity)
    }

    /// True if the order sells exactly `position`.
    pub(crate) fn sells(&self, position: OpenPosition) -> bool {
        self.side == Side::Sell
            && self.market_id == position.market_id
            && self.allocation == position.quantity
    }

    fn new(
        decision_id: DecisionId,
        origin: Origin,
        side: Side,
        market_id: MarketId,
        allocation: Decimal,
    ) -> Self {
        let order_intent_id = OrderIntentId::of(decision_id, origin, side, market_id);
        Self { decision_id, order_intent_id, origin, side, market_id, allocation }
    }
}

/// Computes the strategy's order intent, or why there is none.
fn intend(
    lifecycle: Lifecycle,
    time: LogicalTime,
    decision: &DecisionEvaluated,
) -> core::result::Result<OrderIntentCreated, SkipReason> {
    let is_better = decision.attention.is_better();
    let gates = decision.safety_gates;
    let time = time.get();
    match lifecycle {
        Lifecycle::Holding { .. } if !is_better && !gates.force_sell() => Err(SkipReason::AttentionNegative),
        Lifecycle::Holding { until, .. } if !gates.force_sell() && time < until => {
            Err(SkipReason::HoldTimeActive)
        }
        Lifecycle::Holding { position, .. } => {
            Ok(OrderIntentCreated::sale(decision.decision_id, Origin::Strategy, position))
        }
        Lifecycle::Cooldown { until } if time < until => Err(SkipReason::CooldownActive),
        Lifecycle::Cooldown { .. } | Lifecycle::Ready => {
            if !is_better {
                return Err(SkipReason::AttentionNegative);
            }
            if gates.block_buy() {
                return Err(SkipReason::SafetyBlocked);
            }
            let market = decision.target_market_id.ok_or(SkipReason::MissingTargetMarket)?;
            let allocation = decision.parameter_pool.allocation();
            Ok(OrderIntentCreated::new(decision.decision_id, Origin::Strategy, Side::Buy, market, allocation))
        }
    }
}

/// Evaluates safety: the first rule that holds decides.
fn evaluate_safety(
    gates: SafetyGates,
    intent: Option<&OrderIntentCreated>,
    open: Option<OpenPosition>,
) -> Verdict {
    let side = intent.map(|intent| intent.side);
    if gates.halt_all() {
        return if side == Some(Side::Sell) { Verdict::Allow } else { Verdict::Halt };
    }
    if gates.force_sell() && open.is_some() {
        return Verdict::ForceSell;
    }
    if side == Some(Side::Buy) {
        if gates.block_buy() {
            return Verdict::BuyBlocked;
        }
        if open.is_some() {
            return Verdict::PositionAlreadyOpen;
        }
    }
    Verdict::Allow
}

/// Paper execution: filled in full, always.
fn execute(intent: &OrderIntentCreated, mut push: impl FnMut(Body<'static>)) {
    let &OrderIntentCreated { decision_id, order_intent_id, side, market_id, allocation, .. } = intent;
    let plane = Plane::Paper;
    let execution_id = ExecutionId::of(order_intent_id, plane);
    let outcome = Outcome { side, market_id, fill: Fill::Filled(allocation) };
    push(Body::ExecutionAttempted(ExecutionAttempted { decision_id, order_intent_id, execution_id, plane }));
    push(Body::ExecutionOutcomeRecorded(ExecutionOutcomeRecorded {
        decision_id,
        order_intent_id,
        execution_id,
        plane,
        outcome,
    }));
    push(Body::LedgerUpdated(LedgerUpdated { decision_id, execution_id, plane, market_id }));
}
