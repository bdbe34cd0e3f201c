//! What the backend knows, derived from events and from nothing else.

mod grammar;
mod ledger;
mod lifecycle;
mod memory;
mod table;

use crate::canonical::Sink;
use crate::event::{
    Body, DecisionEvaluated, Event, EventType, FeedbackTarget, LedgerUpdated, UserFeedbackRecorded,
};
use crate::fault::{Result, Rule, broken};
use crate::id::DecisionId;
use crate::tree::{Hash, Hasher};
use crate::value::{LogicalTime, Side};

use grammar::{OpenTick, Stage};
pub use ledger::{OpenPosition, Position, Positions, ShadowLedger};
pub use lifecycle::{Instance, Lifecycle, Lifecycles};
pub use memory::{Decision, DecisionMemory, FeedbackCounts, Totals};

/// Decision Memory, Shadow Ledger and Strategy Lifecycles, and where in the log's grammar the fold stands.
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

    /// What is known of each decision.
    pub fn memory(&self) -> &DecisionMemory {
        &self.memory
    }

    /// The positions.
    pub fn ledger(&self) -> &ShadowLedger {
        &self.ledger
    }

    /// What each instance may do.
    pub fn lifecycles(&self) -> &Lifecycles {
        &self.lifecycles
    }

    /// The time of the last event.
    pub fn last_logical_time(&self) -> Option<LogicalTime> {
        self.last_logical_time
    }

    /// The decision of the tick whose last events are still to come, if the log stands within a tick.
    pub fn open_tick(&self) -> Option<DecisionId> {
        self.open_tick.as_ref().map(|tick| tick.decision_id)
    }

    /// Folds one event, the next of the log, into the state: the only way to state.
    ///
    /// # Errors
    ///
    /// The rule of the log's grammar that the event breaks. The state is then not to be used any more.
    pub fn apply(&mut self, event: &Event<'_>) -> Result<()> {
        match &self.open_tick {
            Some(tick) => tick.check_belongs(event)?,
            None => self.check_time(event.logical_time)?,
        }
        match &event.body {
            Body::DecisionEvaluated(decision) => self.begin_tick(event.logical_time, decision)?,
            Body::UserFeedbackRecorded(feedback) => self.record_feedback(event.logical_time, feedback)?,
            Body::OrderIntentCreated(created) => {
                let stage = self.tick(event)?.create(created)?;
                self.advance(Some(stage));
            }
            Body::OrderIntentSkipped(_) => {
                let stage = self.tick(event)?.skip()?;
                self.advance(Some(stage));
            }
            Body::SafetyEvaluated(evaluated) => {
                let stage = self.tick(event)?.judge(evaluated.verdict, self.ledger.open_position())?;
                self.memory.observe_safety(evaluated.decision_id, evaluated.verdict.result());
                self.advance(stage);
            }
            Body::ExecutionAttempted(attempted) => {
                let stage = self.tick(event)?.attempt(attempted)?;
                self.advance(Some(stage));
            }
            Body::ExecutionOutcomeRecorded(recorded) => {
                let stage = self.tick(event)?.conclude(recorded, self.ledger.open_position())?;
                let status = recorded.outcome.fill.status();
                self.memory.observe_execution(recorded.decision_id, recorded.execution_id, status);
                self.advance(stage);
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

    /// The tick that `event`, which begins none, goes on with.
    fn tick(&self, event: &Event<'_>) -> Result<&OpenTick> {
        self.open_tick.as_ref().ok_or_else(|| {
            broken(
                Rule::TickOrder,
                "type",
                event.body.event_type(),
                alloc::format!(
                    "{} or {}, since the tick before it is whole",
                    EventType::DecisionEvaluated,
                    EventType::UserFeedbackRecorded
                ),
            )
        })
    }

    /// The tick goes on with `stage`, or ends.
    fn advance(&mut self, stage: Option<Stage>) {
        match (stage, &mut self.open_tick) {
            (Some(stage), Some(tick)) => tick.stage = stage,
            (None, open_tick) => *open_tick = None,
            (Some(_), None) => debug_assert!(false, "only an open tick can go on"),
        }
    }

    fn begin_tick(&mut self, time: LogicalTime, decision: &DecisionEvaluated) -> Result<()> {
        let instance = decision.strategy_instance_id;
        let computed = DecisionId::of(instance, time);
        if computed != decision.decision_id {
            return Err(broken(
                Rule::DecisionId,
                "decisionId",
                decision.decision_id,
                alloc::format!("{computed}, the content id of this instance and time"),
            ));
        }
        if let Some(last) = self.lifecycles.instance(instance).map(Instance::last_logical_time)
            && time <= last
        {
            return Err(broken(
                Rule::InstanceTimeOrder,
                "logicalTime",
                time,
                alloc::format!("later than {last}, the last decision of strategy instance {instance}"),
            ));
        }
        if self.memory.decision(decision.decision_id).is_some() {
            return Err(broken(
                Rule::DecisionOnce,
                "decisionId",
                decision.decision_id,
                "a decision that no tick before it has",
            ));
        }
        self.memory.observe_decision(time, decision)?;
        self.lifecycles.decide(instance, time)?;
        self.open_tick = Some(OpenTick {
            decision_id: decision.decision_id,
            time,
            instance,
            pool: decision.parameter_pool,
            stage: Stage::Decided,
        });
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
        self.advance(None);
        Ok(())
    }

    fn record_feedback(&mut self, time: LogicalTime, feedback: &UserFeedbackRecorded<'_>) -> Result<()> {
        self.check_feedback_target(time, feedback.target)?;
        if self.memory.has_feedback(feedback.feedback_id) {
            return Err(broken(
                Rule::FeedbackOnce,
                "feedbackId",
                feedback.feedback_id,
                "feedback that is not recorded yet",
            ));
        }
        self.memory.observe_feedback(feedback.feedback_id, feedback.category, feedback.target)
    }

    /// Whether feedback at `time` may speak of `target`.
    pub(crate) fn check_feedback_target(&self, time: LogicalTime, target: FeedbackTarget) -> Result<()> {
        let decision = |id| {
            self.memory.decision(id).ok_or_else(|| {
                broken(
                    Rule::FeedbackTarget,
                    "target.decisionId",
                    id,
                    "a decision that stands before the feedback",
                )
            })
        };
        match target {
            FeedbackTarget::Decision(id) => decision(id).map(drop),
            FeedbackTarget::Execution(id, execution) => {
                if decision(id)?.execution_id() == Some(execution) {
                    return Ok(());
                }
                Err(broken(
                    Rule::FeedbackTarget,
                    "target.executionId",
                    execution,
                    alloc::format!("an execution of decision {id} that stands before the feedback"),
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
            FeedbackTarget::TimeWindow { .. } => Ok(()),
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
