//! The state: derived from events and from nothing else.

mod grammar;
mod ledger;
mod lifecycle;
mod memory;
mod table;

use alloc::boxed::Box;

use crate::canonical::Sink;
use crate::event::{
    Body, DecisionEvaluated, Event, EventType, FeedbackTarget, LedgerUpdated, UserFeedbackRecorded,
};
use crate::fault::{Fault, Result, Rule, broken};
use crate::id::DecisionId;
use crate::tree::{Hash, Hasher};
use crate::value::{LogicalTime, Side};

use grammar::{OpenTick, Stage};
pub use ledger::{OpenPosition, Position, Positions, ShadowLedger};
pub use lifecycle::{Instance, Lifecycle, LifecycleState, Lifecycles};
pub use memory::{Decision, DecisionMemory, FeedbackCounts, Totals};
use table::At;

/// Decision Memory, Shadow Ledger and Strategy Lifecycles, and the place of the fold in the log's grammar.
#[derive(Debug, Clone, Default)]
pub struct State {
    memory: DecisionMemory,
    ledger: ShadowLedger,
    lifecycles: Lifecycles,
    last_logical_time: Option<LogicalTime>,
    open_tick: Option<OpenTick>,
}

impl State {
    /// The state of an empty log.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes room for so many decisions in all, where it is known how many will follow about.
    pub(crate) fn expect(&mut self, decisions: usize) {
        self.memory.expect(decisions);
    }

    /// Decision Memory.
    pub fn memory(&self) -> &DecisionMemory {
        &self.memory
    }

    /// The positions.
    pub fn ledger(&self) -> &ShadowLedger {
        &self.ledger
    }

    /// The lifecycle of each instance.
    pub fn lifecycles(&self) -> &Lifecycles {
        &self.lifecycles
    }

    /// The time of the last event.
    pub fn last_logical_time(&self) -> Option<LogicalTime> {
        self.last_logical_time
    }

    /// The decision of the tick whose last events are still to come, if the log ends within a tick.
    pub fn open_tick(&self) -> Option<DecisionId> {
        self.open_tick.as_ref().map(|tick| tick.decision_id)
    }

    /// Applies the next event of the log to the state. No other function changes a state.
    ///
    /// # Errors
    ///
    /// The rule of the log's grammar that the event breaks. The state must not be used again.
    pub fn apply(&mut self, event: &Event<'_>) -> Result<()> {
        match &self.open_tick {
            Some(tick) => tick.check_belongs(event)?,
            None => self.check_time(event.logical_time)?,
        }
        match &event.body {
            Body::DecisionEvaluated(decision) => self.begin_tick(event.logical_time, decision)?,
            Body::UserFeedbackRecorded(feedback) => self.record_feedback(event.logical_time, feedback)?,
            Body::OrderIntentCreated(created) => {
                self.advance(event, |tick| tick.create(created).map(Some))?;
            }
            Body::OrderIntentSkipped(_) => self.advance(event, |tick| tick.skip().map(Some))?,
            Body::SafetyEvaluated(evaluated) => {
                let open = self.ledger.open_position();
                let decision = self.tick(event)?.decision;
                self.advance(event, |tick| tick.evaluate(evaluated.verdict, open))?;
                self.memory.observe_safety(decision, evaluated.verdict.result());
            }
            Body::ExecutionAttempted(attempted) => {
                self.advance(event, |tick| tick.attempt(attempted).map(Some))?;
            }
            Body::ExecutionOutcomeRecorded(recorded) => {
                let open = self.ledger.open_position();
                let decision = self.tick(event)?.decision;
                self.advance(event, |tick| tick.conclude(recorded, open))?;
                let status = recorded.outcome.fill.status();
                self.memory.observe_execution(decision, recorded.execution_id, status);
            }
            Body::LedgerUpdated(updated) => self.update_ledger(event, updated)?,
        }
        self.last_logical_time = Some(event.logical_time);
        Ok(())
    }

    fn check_time(&self, time: LogicalTime) -> Result<()> {
        match self.last_logical_time {
            Some(last) if time < last => Err(broken(
                Rule::TimeOrder,
                "logicalTime",
                time,
                alloc::format!("{last} or later, since time never goes back"),
            )),
            Some(_) | None => Ok(()),
        }
    }

    /// The tick that `event`, which begins none, belongs to.
    fn tick(&self, event: &Event<'_>) -> Result<&OpenTick> {
        self.open_tick.as_ref().ok_or_else(|| outside_tick(event.body.event_type()))
    }

    /// Moves the tick to the stage that `next` computes after `event`; none ends the tick.
    fn advance(
        &mut self,
        event: &Event<'_>,
        next: impl FnOnce(&OpenTick) -> Result<Option<Stage>>,
    ) -> Result<()> {
        let Some(tick) = &mut self.open_tick else { return Err(outside_tick(event.body.event_type())) };
        match next(tick)? {
            Some(stage) => tick.stage = stage,
            None => self.open_tick = None,
        }
        Ok(())
    }

    fn begin_tick(&mut self, time: LogicalTime, decision: &DecisionEvaluated) -> Result<()> {
        let (decision_id, instance_id) = (decision.decision_id, decision.strategy_instance_id);
        let computed = DecisionId::of(instance_id, time);
        if computed != decision_id {
            return Err(broken(
                Rule::DecisionId,
                "decisionId",
                decision_id,
                alloc::format!("{computed}, the content id of this instance and time"),
            ));
        }
        let (instance, last) = self.lifecycles.decide(instance_id, time)?;
        if let Some(last) = last.filter(|last| time <= *last) {
            return Err(broken(
                Rule::InstanceTimeOrder,
                "logicalTime",
                time,
                alloc::format!("later than {last}, the last decision of strategy instance {instance_id}"),
            ));
        }
        let pool = decision.parameter_pool;
        let (decision, is_new) = self.memory.observe_decision(time, decision)?;
        if !is_new {
            return Err(broken(
                Rule::DecisionOnce,
                "decisionId",
                decision_id,
                "a decision that no earlier tick has",
            ));
        }
        self.open_tick =
            Some(OpenTick { decision_id, decision, time, instance, pool, stage: Stage::Decided });
        Ok(())
    }

    fn update_ledger(&mut self, event: &Event<'_>, updated: &LedgerUpdated) -> Result<()> {
        let tick = self.tick(event)?;
        let (intent, execution) = tick.settle(updated)?;
        let (time, pool, instance) = (tick.time.get(), tick.pool, tick.instance);
        let (side, position) =
            (intent.side, OpenPosition { market_id: intent.market_id, quantity: intent.allocation });
        match side {
            Side::Buy => {
                self.ledger.buy(position, execution);
                self.lifecycles.hold(instance, position, time + pool.hold_time());
            }
            Side::Sell => {
                self.ledger.sell(position.market_id, execution);
                self.lifecycles.cool_down_holder(time + pool.cooldown());
            }
        }
        self.open_tick = None;
        Ok(())
    }

    fn record_feedback(&mut self, time: LogicalTime, feedback: &UserFeedbackRecorded<'_>) -> Result<()> {
        let decision = self.check_feedback_target(time, feedback.target)?;
        if self.memory.observe_feedback(feedback.feedback_id, feedback.category, decision)? {
            return Ok(());
        }
        Err(broken(
            Rule::FeedbackOnce,
            "feedbackId",
            feedback.feedback_id,
            "feedback that is not yet recorded",
        ))
    }

    /// Checks that feedback at `time` may be about `target`; the place of the decision that it is about, if it is
    /// about one.
    pub(crate) fn check_feedback_target(
        &self,
        time: LogicalTime,
        target: FeedbackTarget,
    ) -> Result<Option<At>> {
        let find = |id| {
            self.memory.find(id).ok_or_else(|| {
                broken(Rule::FeedbackTarget, "target.decisionId", id, "a decision that precedes the feedback")
            })
        };
        match target {
            FeedbackTarget::Decision(id) => find(id).map(Some),
            FeedbackTarget::Execution(id, execution) => {
                let decision = find(id)?;
                if self.memory.at(decision).execution_id() == Some(execution) {
                    return Ok(Some(decision));
                }
                Err(broken(
                    Rule::FeedbackTarget,
                    "target.executionId",
                    execution,
                    alloc::format!("an execution of decision {id} that precedes the feedback"),
                ))
            }
            FeedbackTarget::TimeWindow { from, to } if from > to => Err(broken(
                Rule::FeedbackWindow,
                "target.from",
                from,
                alloc::format!("{to}, which is `to`, or earlier"),
            )),
            FeedbackTarget::TimeWindow { to, .. } if to > time => Err(broken(
                Rule::FeedbackWindow,
                "target.to",
                to,
                alloc::format!("{time}, the feedback's own logicalTime, or earlier"),
            )),
            FeedbackTarget::TimeWindow { .. } => Ok(None),
        }
    }

    /// Appends Decision Memory as canonical JSON, one decision a line.
    pub fn write_memory(&self, sink: &mut impl Sink) {
        for decision in self.memory.decisions() {
            decision.write(sink);
            sink.put(b"\n");
        }
    }

    /// Appends the Shadow Ledger as canonical JSON, one position a line.
    pub fn write_ledger(&self, sink: &mut impl Sink) {
        for (market, position) in self.ledger.positions() {
            position.write(*market, sink);
            sink.put(b"\n");
        }
    }

    /// Appends the Strategy Lifecycles as canonical JSON, one instance a line.
    pub fn write_lifecycles(&self, sink: &mut impl Sink) {
        for instance in self.lifecycles.instances() {
            instance.write(sink);
            sink.put(b"\n");
        }
    }

    /// The digests by which two machines compare their states.
    pub fn digests(&self) -> Digests {
        let digest = |write: &dyn Fn(&mut Hasher)| {
            let mut hasher = Hasher::plain();
            write(&mut hasher);
            hasher.finish()
        };
        Digests {
            memory: digest(&|hasher| self.write_memory(hasher)),
            ledger: digest(&|hasher| self.write_ledger(hasher)),
            lifecycles: digest(&|hasher| self.write_lifecycles(hasher)),
        }
    }
}

/// SHA-256 of what `write_memory`, `write_ledger` and `write_lifecycles` give.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Digests {
    /// Of Decision Memory.
    pub memory: Hash,
    /// Of the Shadow Ledger.
    pub ledger: Hash,
    /// Of the Strategy Lifecycles.
    pub lifecycles: Hash,
}

/// The fault of an event that belongs to a tick, where no tick is open.
#[cold]
fn outside_tick(found: EventType) -> Box<Fault> {
    broken(
        Rule::TickOrder,
        "type",
        found,
        alloc::format!(
            "{} or {}, since the tick before it is complete",
            EventType::DecisionEvaluated,
            EventType::UserFeedbackRecorded
        ),
    )
}
