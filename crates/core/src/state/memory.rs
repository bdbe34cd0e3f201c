//! Decision Memory: the result of each decision and the feedback on it, in order of first appearance. It observes only:
//! no decision depends on it.

use alloc::string::String;
use alloc::vec;
use core::ops::Range;

use super::table::{At, Row, Table};
use crate::canonical::{Sink, Value};
use crate::event::DecisionEvaluated;
use crate::fault::Result;
use crate::id::{DecisionId, ExecutionId, FeedbackId};
use crate::schema::{Members, Schema, object};
use crate::value::{
    Attention, DecisionClass, FeedbackCategory, LogicalTime, MarketId, ParameterPool, ReasonCodes,
    SafetyGates, SafetyResult, Spelled, Status, StrategyInstanceId,
};

/// All decisions and all feedback of a log.
#[derive(Debug, Clone, Default)]
pub struct DecisionMemory {
    decisions: Table<Remembered>,
    feedback: Table<FeedbackId>,
    classes: Table<DecisionClass>,
    markets: Table<MarketId>,
    totals: Totals,
}

/// One decision, packed: texts are in tables, and counts that the grammar bounds by one are options.
#[derive(Debug, Clone)]
struct Remembered {
    id: DecisionId,
    instance: StrategyInstanceId,
    time: LogicalTime,
    execution: Option<(ExecutionId, Status)>,
    feedback: FeedbackCounts,
    class: At,
    target_market: Option<At>,
    reasons: ReasonCodes,
    attention: Attention,
    gates: SafetyGates,
    pool: ParameterPool,
    safety: Option<SafetyResult>,
}

impl Row for Remembered {
    type Key = DecisionId;
    fn key(&self) -> DecisionId {
        self.id
    }
}

impl Row for FeedbackId {
    type Key = Self;
    fn key(&self) -> Self {
        *self
    }
}

impl Row for DecisionClass {
    type Key = Self;
    fn key(&self) -> Self {
        *self
    }
}

impl Row for MarketId {
    type Key = Self;
    fn key(&self) -> Self {
        *self
    }
}

/// The number of feedbacks of each category. In all there are at most 2^32 − 1, as many as the state holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FeedbackCounts([u32; FeedbackCategory::ALL.len()]);

impl FeedbackCounts {
    /// The feedback of `category`.
    pub fn of(self, category: FeedbackCategory) -> u64 {
        u64::from(self.0[category as usize])
    }

    /// All feedback.
    pub fn total(self) -> u64 {
        self.0.iter().copied().map(u64::from).sum()
    }

    fn add(&mut self, category: FeedbackCategory) {
        self.0[category as usize] += 1;
    }
}

/// The number of decisions, and each count of their entries summed up; feedback on time windows included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Decisions.
    pub decisions: u64,
    /// Executions with an outcome.
    pub executions_observed: u64,
    /// Executions that were filled.
    pub filled: u64,
    /// Executions that failed.
    pub failed: u64,
    /// Evaluations of safety.
    pub safety_evaluations: u64,
    /// Evaluations that blocked: BLOCK_BUY and HALT.
    pub blocked: u64,
    /// Evaluations that forced a sale.
    pub forced_sells: u64,
    /// Feedback by category.
    pub feedback: FeedbackCounts,
}

/// One decision in Decision Memory.
#[derive(Debug, Clone, Copy)]
pub struct Decision<'a> {
    memory: &'a DecisionMemory,
    row: &'a Remembered,
}

impl DecisionMemory {
    /// All decisions, in order of first appearance.
    pub fn decisions(&self) -> impl ExactSizeIterator<Item = Decision<'_>> {
        self.decisions.rows().iter().map(|row| Decision { memory: self, row })
    }

    /// The decisions at these places in the order of first appearance, as far as there are any.
    pub fn decisions_in(&self, places: Range<usize>) -> impl ExactSizeIterator<Item = Decision<'_>> {
        let rows = self.decisions.rows();
        let end = places.end.min(rows.len());
        let rows = &rows[places.start.min(end)..end];
        rows.iter().map(|row| Decision { memory: self, row })
    }

    /// One decision.
    pub fn decision(&self, id: DecisionId) -> Option<Decision<'_>> {
        self.decisions.get(id).map(|row| Decision { memory: self, row })
    }

    /// True if this feedback is recorded.
    pub fn has_feedback(&self, id: FeedbackId) -> bool {
        self.feedback.find(id).is_some()
    }

    /// The sums over all decisions.
    pub fn totals(&self) -> Totals {
        self.totals
    }

    /// Makes room for so many decisions in all.
    pub(super) fn expect(&mut self, decisions: usize) {
        self.decisions.expect(decisions);
    }

    /// Adds a decision; its place, and false if it was there already.
    pub(super) fn observe_decision(
        &mut self,
        time: LogicalTime,
        decision: &DecisionEvaluated,
    ) -> Result<(At, bool)> {
        let class = decision.decision_class;
        let (class, _) = self.classes.intern(class, || class)?;
        let target_market = match decision.target_market_id {
            Some(market) => Some(self.markets.intern(market, || market)?.0),
            None => None,
        };
        let added = self.decisions.intern(decision.decision_id, || Remembered {
            id: decision.decision_id,
            instance: decision.strategy_instance_id,
            time,
            execution: None,
            feedback: FeedbackCounts::default(),
            class,
            target_market,
            reasons: decision.reason_codes,
            attention: decision.attention,
            gates: decision.safety_gates,
            pool: decision.parameter_pool,
            safety: None,
        })?;
        self.totals.decisions += 1;
        Ok(added)
    }

    pub(super) fn observe_safety(&mut self, decision: At, result: SafetyResult) {
        self.decisions.at_mut(decision).safety = Some(result);
        self.totals.safety_evaluations += 1;
        match result {
            SafetyResult::Allow => {}
            SafetyResult::BlockBuy | SafetyResult::Halt => self.totals.blocked += 1,
            SafetyResult::ForceSell => self.totals.forced_sells += 1,
        }
    }

    pub(super) fn observe_execution(&mut self, decision: At, execution: ExecutionId, status: Status) {
        self.decisions.at_mut(decision).execution = Some((execution, status));
        self.totals.executions_observed += 1;
        match status {
            Status::Filled => self.totals.filled += 1,
            Status::PartiallyFilled => {}
            Status::Failed => self.totals.failed += 1,
        }
    }

    /// Adds feedback on a decision that is there, or on no decision; false if it was there already.
    pub(super) fn observe_feedback(
        &mut self,
        id: FeedbackId,
        category: FeedbackCategory,
        decision: Option<At>,
    ) -> Result<bool> {
        let (_, is_new) = self.feedback.intern(id, || id)?;
        self.totals.feedback.add(category);
        if let Some(decision) = decision {
            self.decisions.at_mut(decision).feedback.add(category);
        }
        Ok(is_new)
    }

    /// The place of a decision.
    pub(super) fn find(&self, id: DecisionId) -> Option<At> {
        self.decisions.find(id)
    }

    /// The decision at a place that this memory returned.
    pub(super) fn at(&self, at: At) -> Decision<'_> {
        Decision { memory: self, row: self.decisions.at(at) }
    }
}

impl Decision<'_> {
    /// The decision's id.
    pub fn id(self) -> DecisionId {
        self.row.id
    }

    /// The time of the decision.
    pub fn first_seen_logical_time(self) -> LogicalTime {
        self.row.time
    }

    /// The strategy instance that decided.
    pub fn instance(self) -> StrategyInstanceId {
        self.row.instance
    }

    /// The decision as it was recorded.
    pub fn evaluated(self) -> DecisionEvaluated {
        DecisionEvaluated {
            decision_id: self.row.id,
            strategy_instance_id: self.row.instance,
            decision_class: *self.memory.classes.at(self.row.class),
            reason_codes: self.row.reasons,
            attention: self.row.attention,
            parameter_pool: self.row.pool,
            target_market_id: self.row.target_market.map(|at| *self.memory.markets.at(at)),
            safety_gates: self.row.gates,
        }
    }

    /// The execution that has an outcome; the grammar allows one.
    pub fn execution_id(self) -> Option<ExecutionId> {
        self.row.execution.map(|(id, _)| id)
    }

    /// How its execution ended.
    pub fn last_execution_status(self) -> Option<Status> {
        self.row.execution.map(|(_, status)| status)
    }

    /// The result of safety's evaluation.
    pub fn last_safety_result(self) -> Option<SafetyResult> {
        self.row.safety
    }

    /// The feedback on it, by category.
    pub fn feedback(self) -> FeedbackCounts {
        self.row.feedback
    }
}

impl Decision<'_> {
    /// Appends the entry as canonical JSON, without LF.
    pub fn write(self, sink: &mut impl Sink) {
        let status = self.last_execution_status();
        let safety = self.last_safety_result();
        let count = |holds: bool| u64::from(holds);
        sink.put(b"{\"decisionId\":");
        self.row.id.write(sink);
        sink.put(b",\"strategyInstanceId\":");
        self.row.instance.write(sink);
        sink.put(b",\"decisionClass\":");
        self.memory.classes.at(self.row.class).write(sink);
        sink.put(b",\"firstSeenLogicalTime\":");
        self.row.time.write(sink);
        sink.put(b",\"execution\":{\"executionsObserved\":");
        count(status.is_some()).write(sink);
        sink.put(b",\"filledCount\":");
        count(status == Some(Status::Filled)).write(sink);
        sink.put(b",\"failedCount\":");
        count(status == Some(Status::Failed)).write(sink);
        sink.put(b",\"lastExecutionStatus\":");
        status.write(sink);
        sink.put(b"},\"safety\":{\"evaluationsObserved\":");
        count(safety.is_some()).write(sink);
        sink.put(b",\"blockedCount\":");
        count(matches!(safety, Some(SafetyResult::BlockBuy | SafetyResult::Halt))).write(sink);
        sink.put(b",\"forcedSellCount\":");
        count(safety == Some(SafetyResult::ForceSell)).write(sink);
        sink.put(b",\"lastSafetyResult\":");
        safety.write(sink);
        sink.put(b"},\"feedback\":");
        write_feedback(self.row.feedback, sink);
        sink.put(b"}");
    }

    /// The members of an entry, each with its schema.
    pub fn members() -> Members {
        let count = u64::schema;
        let execution = object(&[
            ("executionsObserved", count()),
            ("filledCount", count()),
            ("failedCount", count()),
            ("lastExecutionStatus", Option::<Status>::schema()),
        ]);
        let safety = object(&[
            ("evaluationsObserved", count()),
            ("blockedCount", count()),
            ("forcedSellCount", count()),
            ("lastSafetyResult", Option::<SafetyResult>::schema()),
        ]);
        vec![
            ("decisionId", DecisionId::schema()),
            ("strategyInstanceId", StrategyInstanceId::schema()),
            ("decisionClass", DecisionClass::schema()),
            ("firstSeenLogicalTime", LogicalTime::schema()),
            ("execution", execution),
            ("safety", safety),
            ("feedback", FeedbackCounts::schema()),
        ]
    }
}

impl Totals {
    /// Appends the totals as canonical JSON, without LF. They are no part of the digest.
    pub fn write(self, sink: &mut impl Sink) {
        sink.put(b"{\"decisions\":");
        self.decisions.write(sink);
        sink.put(b",\"execution\":{\"executionsObserved\":");
        self.executions_observed.write(sink);
        sink.put(b",\"filledCount\":");
        self.filled.write(sink);
        sink.put(b",\"failedCount\":");
        self.failed.write(sink);
        sink.put(b"},\"safety\":{\"evaluationsObserved\":");
        self.safety_evaluations.write(sink);
        sink.put(b",\"blockedCount\":");
        self.blocked.write(sink);
        sink.put(b",\"forcedSellCount\":");
        self.forced_sells.write(sink);
        sink.put(b"},\"feedback\":");
        write_feedback(self.feedback, sink);
        sink.put(b"}");
    }
}

impl Schema for Totals {
    fn schema() -> String {
        let count = u64::schema;
        let execution =
            object(&[("executionsObserved", count()), ("filledCount", count()), ("failedCount", count())]);
        let safety = object(&[
            ("evaluationsObserved", count()),
            ("blockedCount", count()),
            ("forcedSellCount", count()),
        ]);
        object(&[
            ("decisions", count()),
            ("execution", execution),
            ("safety", safety),
            ("feedback", FeedbackCounts::schema()),
        ])
    }
}

fn write_feedback(counts: FeedbackCounts, sink: &mut impl Sink) {
    sink.put(b"{\"feedbackCount\":");
    counts.total().write(sink);
    let mut before: &[u8] = b",\"categories\":{\"";
    for category in FeedbackCategory::ALL {
        sink.put(before);
        sink.put(category.as_str().as_bytes());
        sink.put(b"\":");
        counts.of(*category).write(sink);
        before = b",\"";
    }
    sink.put(b"}}");
}

impl Schema for FeedbackCounts {
    fn schema() -> String {
        let category = |category: &FeedbackCategory| (category.as_str(), u64::schema());
        let categories: Members = FeedbackCategory::ALL.iter().map(category).collect();
        object(&[("feedbackCount", u64::schema()), ("categories", object(&categories))])
    }
}
