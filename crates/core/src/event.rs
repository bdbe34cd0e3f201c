//! The eight audit events of format v1: a closed union.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

use strum::{Display, IntoStaticStr, VariantArray};

use crate::LINE_BYTES_MAX;
use crate::canonical::{Members, Reader, Sink, Version, record};
use crate::certified::Certified;
use crate::fault::{Fault, Result, Rule, broken};
pub use crate::feedback::FeedbackTarget;
use crate::id::{DecisionId, ExecutionId, FeedbackId, OrderIntentId};
use crate::schema::{self, constant, object};
use crate::tree::Hash;
use crate::value::{
    Attention, Comment, Decimal, DecisionClass, FailureReason, FeedbackCategory, LogicalTime, MarketId,
    Origin, ParameterPool, Plane, ReasonCodes, SafetyGates, SafetyReason, SafetyResult, Side, SkipReason,
    Spelled, Status, StrategyInstanceId,
};

/// One audit event. Its id is computed from it and is not a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event<'a> {
    /// When it happened.
    pub logical_time: LogicalTime,
    /// What happened.
    pub body: Body<'a>,
}

record! {
    /// An upstream decision, with all values that the rest of its tick is computed from.
    pub DecisionEvaluated {
        /// The decision.
        decision_id: DecisionId = "decisionId",
        /// The strategy instance that decided.
        strategy_instance_id: StrategyInstanceId = "strategyInstanceId",
        /// Its class.
        decision_class: DecisionClass = "decisionClass",
        /// Why, in the upstream's words.
        reason_codes: ReasonCodes = "reasonCodes",
        /// The five facts.
        attention: Attention = "attention",
        /// The parameters.
        parameter_pool: ParameterPool = "parameterPoolId",
        /// The market to buy, if any.
        target_market_id: Option<MarketId> = "targetMarketId",
        /// The gates that the tick asks for; in the log, with those of the mode.
        safety_gates: SafetyGates = "safetyGates",
    }

    /// An order that the strategy, or safety, asks for.
    pub OrderIntentCreated {
        /// The decision that it belongs to.
        decision_id: DecisionId = "decisionId",
        /// The intent.
        order_intent_id: OrderIntentId = "orderIntentId",
        /// The strategy or safety.
        origin: Origin = "origin",
        /// Buy or sell.
        side: Side = "side",
        /// Which market.
        market_id: MarketId = "marketId",
        /// How much.
        allocation: Decimal = "allocation",
    }

    /// No order follows from the decision.
    pub OrderIntentSkipped {
        /// The decision.
        decision_id: DecisionId = "decisionId",
        /// Why not.
        reason: SkipReason = "reason",
    }

    /// The result of safety's evaluation.
    pub SafetyEvaluated {
        /// The decision.
        decision_id: DecisionId = "decisionId",
        /// Result and reason.
        verdict: Verdict = ..,
    }

    /// An execution was begun.
    pub ExecutionAttempted {
        /// The decision.
        decision_id: DecisionId = "decisionId",
        /// The intent that is executed.
        order_intent_id: OrderIntentId = "orderIntentId",
        /// The execution.
        execution_id: ExecutionId = "executionId",
        /// Where.
        plane: Plane = "plane",
    }

    /// An execution ended.
    pub ExecutionOutcomeRecorded {
        /// The decision.
        decision_id: DecisionId = "decisionId",
        /// The intent that was executed.
        order_intent_id: OrderIntentId = "orderIntentId",
        /// The execution.
        execution_id: ExecutionId = "executionId",
        /// Where.
        plane: Plane = "plane",
        /// How it ended.
        outcome: Outcome = ..,
    }

    /// A filled execution changed the Shadow Ledger.
    pub LedgerUpdated {
        /// The decision.
        decision_id: DecisionId = "decisionId",
        /// The execution.
        execution_id: ExecutionId = "executionId",
        /// Where it was executed.
        plane: Plane = "plane",
        /// The market whose position changed.
        market_id: MarketId = "marketId",
    }

    /// A person's feedback on a decision, an execution or a stretch of time.
    pub UserFeedbackRecorded<'a> {
        /// The feedback.
        feedback_id: FeedbackId = "feedbackId",
        /// The subject of the feedback.
        category: FeedbackCategory = "category",
        /// The decision, execution or time window.
        target: FeedbackTarget = "target",
        /// The words, if any.
        comment: Option<Comment<'a>> = "comment",
    }
}

/// Safety's result with its reason: only the pairs that a tick can produce.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The intent, if any, is executed.
    Allow,
    /// The gate blockBuy stops a BUY.
    BuyBlocked,
    /// An open position stops a BUY.
    PositionAlreadyOpen,
    /// The gate forceSell sells the open position.
    ForceSell,
    /// The gate haltAll stops everything but a SELL.
    Halt,
}

impl Verdict {
    /// The result.
    pub const fn result(self) -> SafetyResult {
        match self {
            Self::Allow => SafetyResult::Allow,
            Self::BuyBlocked | Self::PositionAlreadyOpen => SafetyResult::BlockBuy,
            Self::ForceSell => SafetyResult::ForceSell,
            Self::Halt => SafetyResult::Halt,
        }
    }

    /// The reason; none exactly for ALLOW.
    pub const fn reason(self) -> Option<SafetyReason> {
        match self {
            Self::Allow => None,
            Self::BuyBlocked => Some(SafetyReason::BuyBlocked),
            Self::PositionAlreadyOpen => Some(SafetyReason::PositionAlreadyOpen),
            Self::ForceSell => Some(SafetyReason::ForceSellActive),
            Self::Halt => Some(SafetyReason::HaltAllActive),
        }
    }

    const ALL: [Self; 5] =
        [Self::Allow, Self::BuyBlocked, Self::PositionAlreadyOpen, Self::ForceSell, Self::Halt];
}

record! {
    /// Result and reason as they are on disk, not checked to be a pair yet.
    VerdictMembers {
        /// The result.
        result: SafetyResult = "result",
        /// The reason.
        reason: Option<SafetyReason> = "reason",
    }

    /// An outcome as it is on disk, its members not checked to agree yet.
    OutcomeMembers {
        /// The status.
        status: Status = "status",
        /// Bought or sold.
        side: Side = "side",
        /// Which market.
        market_id: MarketId = "marketId",
        /// How much was filled.
        filled_quantity: Decimal = "filledQuantity",
        /// Why it failed.
        reason: Option<FailureReason> = "reason",
    }
}

impl<'a> Members<'a> for Verdict {
    fn write_members(&self, sink: &mut impl Sink) {
        VerdictMembers { result: self.result(), reason: self.reason() }.write_members(sink);
    }

    fn describe_members(members: &mut schema::Members) {
        VerdictMembers::describe_members(members);
    }

    #[inline(always)]
    fn read_members(reader: &mut Reader<'a>) -> Result<Self> {
        let start = reader.offset();
        let VerdictMembers { result, reason } = VerdictMembers::read_members(reader)?;
        Self::ALL.into_iter().find(|verdict| verdict.result() == result && verdict.reason() == reason).ok_or_else(
            || {
                reader.fault(
                    Rule::SafetyPair,
                    start,
                    "ALLOW with null, BLOCK_BUY with BUY_BLOCKED or POSITION_ALREADY_OPEN, FORCE_SELL with FORCE_SELL_ACTIVE, or HALT with HALT_ALL_ACTIVE",
                )
            },
        )
    }
}

/// How an execution ended, and in what market.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Bought or sold.
    pub side: Side,
    /// Which market.
    pub market_id: MarketId,
    /// The filled quantity.
    pub fill: Fill,
}

/// The quantity that an execution filled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fill {
    /// The whole allocation, the same text.
    Filled(Decimal),
    /// A part of it; not produced on paper.
    PartiallyFilled(Decimal),
    /// Nothing; not produced on paper.
    Failed(FailureReason),
}

impl Fill {
    /// The status on disk.
    pub const fn status(&self) -> Status {
        match self {
            Self::Filled(_) => Status::Filled,
            Self::PartiallyFilled(_) => Status::PartiallyFilled,
            Self::Failed(_) => Status::Failed,
        }
    }
}

impl<'a> Members<'a> for Outcome {
    fn write_members(&self, sink: &mut impl Sink) {
        let (filled_quantity, reason) = match self.fill {
            Fill::Filled(quantity) | Fill::PartiallyFilled(quantity) => (quantity, None),
            Fill::Failed(reason) => (Decimal::ZERO, Some(reason)),
        };
        OutcomeMembers {
            status: self.fill.status(),
            side: self.side,
            market_id: self.market_id,
            filled_quantity,
            reason,
        }
        .write_members(sink);
    }

    fn describe_members(members: &mut schema::Members) {
        OutcomeMembers::describe_members(members);
    }

    #[inline(always)]
    fn read_members(reader: &mut Reader<'a>) -> Result<Self> {
        let start = reader.offset();
        let OutcomeMembers { status, side, market_id, filled_quantity, reason } =
            OutcomeMembers::read_members(reader)?;
        let fill = match (status, reason) {
            (Status::Filled, None) => Fill::Filled(filled_quantity),
            (Status::PartiallyFilled, None) => Fill::PartiallyFilled(filled_quantity),
            (Status::Failed, Some(reason)) if filled_quantity == Decimal::ZERO => Fill::Failed(reason),
            (Status::Filled | Status::PartiallyFilled, Some(_)) | (Status::Failed, _) => {
                return Err(reader.fault(
                    Rule::OutcomeReason,
                    start,
                    "FAILED with filledQuantity \"0\" and a reason, or another status with reason null",
                ));
            }
        };
        Ok(Self { side, market_id, fill })
    }
}

/// Declares the variants of [`Body`], each with the record of its members, and [`EventType`], their names.
macro_rules! union {
    ($( $(#[$doc:meta])* $variant:ident($body:ty) ),* $(,)?) => {
        /// What happened: one of the eight.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum Body<'a> { $( $(#[$doc])* $variant($body) ),* }

        /// The name of what happened.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        #[derive(Display, IntoStaticStr, VariantArray)]
        #[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
        pub enum EventType { $( $(#[$doc])* $variant ),* }

        impl Body<'_> {
            /// The name of what happened.
            pub const fn event_type(&self) -> EventType {
                match self { $( Self::$variant(_) => EventType::$variant ),* }
            }

            fn write_members(&self, sink: &mut impl Sink) {
                match self { $( Self::$variant(body) => body.write_members(sink) ),* }
            }
        }

        impl<'a> Body<'a> {
            fn describe_members(event_type: EventType, members: &mut schema::Members) {
                match event_type { $( EventType::$variant => <$body>::describe_members(members) ),* }
            }

            #[inline(always)]
            fn read_members(event_type: EventType, reader: &mut Reader<'a>) -> Result<Self> {
                match event_type {
                    $( EventType::$variant => Ok(Self::$variant(<$body>::read_members(reader)?)) ),*
                }
            }
        }
    };
}

union! {
    /// An upstream decision.
    DecisionEvaluated(DecisionEvaluated),
    /// An order that the strategy, or safety, asks for.
    OrderIntentCreated(OrderIntentCreated),
    /// No order follows from the decision.
    OrderIntentSkipped(OrderIntentSkipped),
    /// The result of safety's evaluation.
    SafetyEvaluated(SafetyEvaluated),
    /// An execution was begun.
    ExecutionAttempted(ExecutionAttempted),
    /// An execution ended.
    ExecutionOutcomeRecorded(ExecutionOutcomeRecorded),
    /// A filled execution changed the Shadow Ledger.
    LedgerUpdated(LedgerUpdated),
    /// A person's feedback.
    UserFeedbackRecorded(UserFeedbackRecorded<'a>),
}

impl Spelled for EventType {}

impl Body<'_> {
    /// The decision whose tick the event is a part of; feedback is a part of none.
    pub const fn tick_decision_id(&self) -> Option<DecisionId> {
        match self {
            Self::DecisionEvaluated(body) => Some(body.decision_id),
            Self::OrderIntentCreated(body) => Some(body.decision_id),
            Self::OrderIntentSkipped(body) => Some(body.decision_id),
            Self::SafetyEvaluated(body) => Some(body.decision_id),
            Self::ExecutionAttempted(body) => Some(body.decision_id),
            Self::ExecutionOutcomeRecorded(body) => Some(body.decision_id),
            Self::LedgerUpdated(body) => Some(body.decision_id),
            Self::UserFeedbackRecorded(_) => None,
        }
    }

    /// The decision whose tick the event is a part of, or that feedback speaks of; none: feedback on a stretch of
    /// time.
    pub fn decision_id(&self) -> Option<DecisionId> {
        match self {
            Self::UserFeedbackRecorded(feedback) => match feedback.target {
                FeedbackTarget::Decision(decision) | FeedbackTarget::Execution(decision, _) => Some(decision),
                FeedbackTarget::TimeWindow { .. } => None,
            },
            Self::DecisionEvaluated(_)
            | Self::OrderIntentCreated(_)
            | Self::OrderIntentSkipped(_)
            | Self::SafetyEvaluated(_)
            | Self::ExecutionAttempted(_)
            | Self::ExecutionOutcomeRecorded(_)
            | Self::LedgerUpdated(_) => self.tick_decision_id(),
        }
    }

    /// The market that the event names.
    pub fn market_id(&self) -> Option<MarketId> {
        match self {
            Self::DecisionEvaluated(body) => body.target_market_id,
            Self::OrderIntentCreated(body) => Some(body.market_id),
            Self::ExecutionOutcomeRecorded(body) => Some(body.outcome.market_id),
            Self::LedgerUpdated(body) => Some(body.market_id),
            Self::OrderIntentSkipped(_)
            | Self::SafetyEvaluated(_)
            | Self::ExecutionAttempted(_)
            | Self::UserFeedbackRecorded(_) => None,
        }
    }
}

const LINE: Certified =
    Certified { opening: "{\"id\":\"", key: "{\"id\":", member: "id", rule: Rule::EventId };

record! {
    /// The members that begin every event.
    pub(crate) Head {
        /// The type, which says which members follow.
        event_type: EventType = "type",
        /// The format's version.
        version: Version = "version",
        /// When it happened.
        logical_time: LogicalTime = "logicalTime",
    }
}

impl<'a> Event<'a> {
    /// The leaf hash of a line (without its LF), which needs no parse: of any bytes.
    pub fn leaf(line: &[u8]) -> Hash {
        LINE.leaf(line)
    }

    /// The content of a line (without its LF), which is the data of its leaf: the line without its id.
    pub fn content(line: &[u8]) -> Vec<u8> {
        LINE.whole_content(line)
    }

    /// The line (without LF) that has this content; of any content that begins with a brace, so it is to be read next.
    pub fn line_of(content: &[u8]) -> Option<Vec<u8>> {
        LINE.line_of(content)
    }

    /// Appends the leaf hash of each line, in order: several at once, where the processor can do that.
    pub fn leaves<'l>(lines: impl ExactSizeIterator<Item = &'l [u8]>, leaves: &mut Vec<Hash>) {
        LINE.leaves(lines, leaves);
    }

    /// The schema of an event of this type, on one line.
    pub fn schema(event_type: EventType) -> String {
        let mut members = vec![LINE.describe_id()];
        Head::describe_members(&mut members);
        for (_, schema) in members.iter_mut().filter(|(name, _)| *name == "type") {
            *schema = constant(event_type.as_str());
        }
        Body::describe_members(event_type, &mut members);
        object(&members)
    }

    /// Appends the event's line and its LF; returns its leaf hash.
    pub fn write_line(&self, lines: &mut Vec<u8>) -> Hash {
        LINE.write(lines, |lines| {
            let (event_type, logical_time) = (self.body.event_type(), self.logical_time);
            Head { event_type, version: Version, logical_time }.write_members(lines);
            self.body.write_members(lines);
        })
    }

    /// Reads a line (without its LF), refusing everything but the one canonical encoding of an event with its right
    /// id; returns the event and its leaf hash.
    ///
    /// # Errors
    ///
    /// The first rule of the format that the line breaks.
    pub fn read_line(line: &'a [u8]) -> Result<(Self, Hash)> {
        let leaf = Self::leaf(line);
        Ok((Self::read_hashed(line, leaf)?, leaf))
    }

    /// The same for a line whose leaf hash is known.
    ///
    /// # Errors
    ///
    /// The first rule of the format that the line breaks.
    #[inline]
    pub fn read_hashed(line: &'a [u8], leaf: Hash) -> Result<Self> {
        if line.len() > LINE_BYTES_MAX {
            return Err(line_too_long(line.len()));
        }
        LINE.read(line, leaf, |reader| {
            let Head { event_type, version: Version, logical_time } = Head::read_members(reader)?;
            Ok(Self { logical_time, body: Body::read_members(event_type, reader)? })
        })
    }
}

impl Event<'_> {
    /// Checks the ids that reading does not compute: orderIntentId, executionId and feedbackId. (Applying the event
    /// checks the decisionId.)
    ///
    /// # Errors
    ///
    /// [`Rule::OrderIntentId`], [`Rule::ExecutionId`] or [`Rule::FeedbackId`].
    pub fn check_derived_ids(&self) -> Result<()> {
        match &self.body {
            Body::OrderIntentCreated(created) => {
                let &OrderIntentCreated { decision_id, origin, side, market_id, .. } = created;
                let computed = OrderIntentId::of(decision_id, origin, side, market_id);
                let of = "this decision, origin, side and market";
                check_id(Rule::OrderIntentId, "orderIntentId", created.order_intent_id, computed, of)
            }
            Body::ExecutionAttempted(ExecutionAttempted { order_intent_id, execution_id, plane, .. })
            | Body::ExecutionOutcomeRecorded(ExecutionOutcomeRecorded {
                order_intent_id,
                execution_id,
                plane,
                ..
            }) => {
                let computed = ExecutionId::of(*order_intent_id, *plane);
                let of = "this order intent and plane";
                check_id(Rule::ExecutionId, "executionId", *execution_id, computed, of)
            }
            Body::UserFeedbackRecorded(feedback) => {
                let UserFeedbackRecorded { feedback_id, category, target, comment } = feedback;
                let computed = FeedbackId::of(self.logical_time, *category, target, comment);
                check_id(Rule::FeedbackId, "feedbackId", *feedback_id, computed, "this feedback")
            }
            Body::DecisionEvaluated(_)
            | Body::OrderIntentSkipped(_)
            | Body::SafetyEvaluated(_)
            | Body::LedgerUpdated(_) => Ok(()),
        }
    }

    /// The same event, which no longer borrows from its line.
    #[inline]
    pub fn into_owned(self) -> Event<'static> {
        let body = match self.body {
            Body::DecisionEvaluated(body) => Body::DecisionEvaluated(body),
            Body::OrderIntentCreated(body) => Body::OrderIntentCreated(body),
            Body::OrderIntentSkipped(body) => Body::OrderIntentSkipped(body),
            Body::SafetyEvaluated(body) => Body::SafetyEvaluated(body),
            Body::ExecutionAttempted(body) => Body::ExecutionAttempted(body),
            Body::ExecutionOutcomeRecorded(body) => Body::ExecutionOutcomeRecorded(body),
            Body::LedgerUpdated(body) => Body::LedgerUpdated(body),
            Body::UserFeedbackRecorded(body) => {
                let UserFeedbackRecorded { feedback_id, category, target, comment } = body;
                let comment = comment.map(Comment::into_owned);
                Body::UserFeedbackRecorded(UserFeedbackRecorded { feedback_id, category, target, comment })
            }
        };
        Event { logical_time: self.logical_time, body }
    }
}

fn check_id<T: PartialEq + fmt::Display>(
    rule: Rule,
    member: &str,
    found: T,
    computed: T,
    of: &str,
) -> Result<()> {
    if found == computed {
        return Ok(());
    }
    Err(broken(rule, member, found, format!("{computed}, the content id of {of}")))
}

/// The fault of a line of `length` bytes, or of at least so many.
#[cold]
pub fn line_too_long(length: usize) -> Box<Fault> {
    Fault::new(
        Rule::LineLength,
        LINE_BYTES_MAX,
        "",
        format!("{length} bytes or more"),
        format!("a line of at most {LINE_BYTES_MAX} bytes"),
    )
}
