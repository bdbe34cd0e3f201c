//! The eight audit events of format v1: a closed union.

use alloc::boxed::Box;
use alloc::format;
use alloc::vec::Vec;

use crate::canonical::{Members, Reader, Sink, Value, record};
use crate::certified::Certified;
use crate::fault::{Fault, Result, Rule};
pub use crate::feedback::FeedbackTarget;
use crate::id::{DecisionId, ExecutionId, FeedbackId, OrderIntentId};
use crate::tree::Hash;
use crate::value::{
    Attention, Comment, Decimal, DecisionClass, FailureReason, FeedbackCategory, Form, LogicalTime, MarketId,
    Origin, ParameterPool, Plane, ReasonCodes, SafetyGates, SafetyReason, SafetyResult, Side, SkipReason,
    Status, StrategyInstanceId,
};
use crate::{FORMAT_VERSION, LINE_BYTES_MAX};

/// One audit event. Its id is not a part of it but follows from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event<'a> {
    /// When it happened.
    pub logical_time: LogicalTime,
    /// What happened.
    pub body: Body<'a>,
}

record! {
    /// An upstream decision, with all that the rest of its tick follows from.
    DecisionEvaluated {
        /// The decision.
        decision_id: DecisionId = "decisionId",
        /// Whose decision.
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
        /// The gates in force, those of the mode included.
        safety_gates: SafetyGates = "safetyGates",
    }

    /// An order that the strategy, or safety, asks for.
    OrderIntentCreated {
        /// The decision that it belongs to.
        decision_id: DecisionId = "decisionId",
        /// The intent.
        order_intent_id: OrderIntentId = "orderIntentId",
        /// Who asks.
        origin: Origin = "origin",
        /// Buy or sell.
        side: Side = "side",
        /// Which market.
        market_id: MarketId = "marketId",
        /// How much.
        allocation: Decimal = "allocation",
    }

    /// No order follows from the decision.
    OrderIntentSkipped {
        /// The decision.
        decision_id: DecisionId = "decisionId",
        /// Why not.
        reason: SkipReason = "reason",
    }

    /// What safety said.
    SafetyEvaluated {
        /// The decision.
        decision_id: DecisionId = "decisionId",
        /// Result and reason.
        verdict: Verdict = ..,
    }

    /// An execution was begun.
    ExecutionAttempted {
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
    ExecutionOutcomeRecorded {
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
    LedgerUpdated {
        /// The decision.
        decision_id: DecisionId = "decisionId",
        /// The execution.
        execution_id: ExecutionId = "executionId",
        /// Where it was executed.
        plane: Plane = "plane",
        /// The market whose position changed.
        market_id: MarketId = "marketId",
    }

    /// What a person said of a decision, an execution or a stretch of time.
    UserFeedbackRecorded<'a> {
        /// The feedback.
        feedback_id: FeedbackId = "feedbackId",
        /// What it speaks of.
        category: FeedbackCategory = "category",
        /// Whom it concerns.
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
    /// Result and reason as they stand on disk, before they are known to be a pair.
    VerdictMembers {
        /// The result.
        result: SafetyResult = "result",
        /// The reason.
        reason: Option<SafetyReason> = "reason",
    }

    /// An outcome as it stands on disk, before its members are known to agree.
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
    /// What was filled.
    pub fill: Fill,
}

/// What an execution filled.
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
    /// The status that stands for this on disk.
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

macro_rules! union {
    ($( $(#[$doc:meta])* $variant:ident($body:ty) = $text:literal ),* $(,)?) => {
        /// What happened: one of the eight.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum Body<'a> { $( $(#[$doc])* $variant($body) ),* }

        /// The name of what happened.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum EventType { $( $(#[$doc])* $variant ),* }

        impl EventType {
            /// All types, in the format's order.
            pub const ALL: &'static [Self] = &[$( Self::$variant ),*];

            /// The type's spelling on disk.
            pub const fn as_str(self) -> &'static str {
                match self { $( Self::$variant => $text ),* }
            }
        }

        impl Form for EventType {
            const EXPECTED: &'static str = concat!("one of" $(, " ", $text)*);

            fn parse(text: &[u8]) -> Option<Self> {
                $( if text == $text.as_bytes() { return Some(Self::$variant); } )*
                None
            }

            fn as_text(&self) -> impl AsRef<str> {
                self.as_str()
            }
        }

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
            fn read_members(event_type: EventType, reader: &mut Reader<'a>) -> Result<Self> {
                match event_type {
                    $( EventType::$variant => <$body>::read_members(reader).map(Self::$variant) ),*
                }
            }
        }
    };
}

union! {
    /// An upstream decision.
    DecisionEvaluated(DecisionEvaluated) = "DECISION_EVALUATED",
    /// An order that the strategy, or safety, asks for.
    OrderIntentCreated(OrderIntentCreated) = "ORDER_INTENT_CREATED",
    /// No order follows from the decision.
    OrderIntentSkipped(OrderIntentSkipped) = "ORDER_INTENT_SKIPPED",
    /// What safety said.
    SafetyEvaluated(SafetyEvaluated) = "SAFETY_EVALUATED",
    /// An execution was begun.
    ExecutionAttempted(ExecutionAttempted) = "EXECUTION_ATTEMPTED",
    /// An execution ended.
    ExecutionOutcomeRecorded(ExecutionOutcomeRecorded) = "EXECUTION_OUTCOME_RECORDED",
    /// A filled execution changed the Shadow Ledger.
    LedgerUpdated(LedgerUpdated) = "LEDGER_UPDATED",
    /// What a person said.
    UserFeedbackRecorded(UserFeedbackRecorded<'a>) = "USER_FEEDBACK_RECORDED",
}

impl core::fmt::Display for EventType {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.as_str())
    }
}

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

impl<'a> Event<'a> {
    /// Appends the event's line and its LF; returns its leaf hash.
    pub fn write_line(&self, lines: &mut Vec<u8>) -> Hash {
        LINE.write(lines, |lines| {
            lines.put(b"\"type\":\"");
            lines.put(self.body.event_type().as_str().as_bytes());
            lines.put(b"\",\"version\":");
            FORMAT_VERSION.write(lines);
            lines.put(b",\"logicalTime\":");
            self.logical_time.write(lines);
            self.body.write_members(lines);
            lines.put(b"}");
        })
    }

    /// Reads a line (without its LF), refusing everything but the one canonical encoding of an event with
    /// its right id; returns the event and its leaf hash.
    pub fn read_line(line: &'a [u8]) -> Result<(Self, Hash)> {
        check_length(line)?;
        LINE.read(line, |reader| {
            reader.key(",\"type\":", "type")?;
            let event_type = read_type(reader)?;
            reader.key(",\"version\":", "version")?;
            read_version(reader)?;
            reader.key(",\"logicalTime\":", "logicalTime")?;
            let logical_time = Value::read(reader)?;
            let body = Body::read_members(event_type, reader)?;
            reader.literal("}")?;
            Ok(Self { logical_time, body })
        })
    }
}

fn check_length(line: &[u8]) -> Result<()> {
    if line.len() <= LINE_BYTES_MAX {
        return Ok(());
    }
    Err(line_too_long(line.len()))
}

/// The fault of a line of `length` bytes, or of at least so many.
pub fn line_too_long(length: usize) -> Box<Fault> {
    Fault::new(
        Rule::LineLength,
        LINE_BYTES_MAX,
        "",
        format!("{length} bytes or more"),
        format!("a line of at most {LINE_BYTES_MAX} bytes"),
    )
}

fn read_type(reader: &mut Reader<'_>) -> Result<EventType> {
    reader.formed().map_err(|mut fault| {
        fault.rule = Rule::Type;
        fault
    })
}

/// Reads the version and refuses every one but the format's.
pub(crate) fn read_version(reader: &mut Reader<'_>) -> Result<()> {
    let start = reader.offset();
    if reader.integer()? == FORMAT_VERSION {
        Ok(())
    } else {
        Err(reader.fault(
            Rule::Version,
            start,
            format!("{FORMAT_VERSION}, the only version that this program knows"),
        ))
    }
}
