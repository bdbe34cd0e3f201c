//! Feedback: whom it concerns, and the id by which the same feedback is known.

use crate::canonical::{Reader, Sink, Value};
use crate::fault::{Result, Rule};
use crate::id::{DecisionId, ExecutionId, FeedbackId, identity};
use crate::value::{Comment, FeedbackCategory, LogicalTime};

/// Whom feedback concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FeedbackTarget {
    /// A decision.
    Decision(DecisionId),
    /// An execution of a decision.
    Execution(DecisionId, ExecutionId),
    /// All that happened from the first time to the second, both included.
    TimeWindow {
        /// The first time.
        from: LogicalTime,
        /// The last time.
        to: LogicalTime,
    },
}

impl<'a> Value<'a> for FeedbackTarget {
    fn write(&self, sink: &mut impl Sink) {
        match self {
            Self::Decision(decision) => {
                sink.put(b"{\"type\":\"DECISION\",\"decisionId\":");
                decision.write(sink);
            }
            Self::Execution(decision, execution) => {
                sink.put(b"{\"type\":\"EXECUTION\",\"decisionId\":");
                decision.write(sink);
                sink.put(b",\"executionId\":");
                execution.write(sink);
            }
            Self::TimeWindow { from, to } => {
                sink.put(b"{\"type\":\"TIME_WINDOW\",\"from\":");
                from.write(sink);
                sink.put(b",\"to\":");
                to.write(sink);
            }
        }
        sink.put(b"}");
    }

    fn read(reader: &mut Reader<'a>) -> Result<Self> {
        let target = if reader.take(b"{\"type\":\"DECISION\"") {
            reader.key(",\"decisionId\":", "target.decisionId")?;
            Self::Decision(Value::read(reader)?)
        } else if reader.take(b"{\"type\":\"EXECUTION\"") {
            reader.key(",\"decisionId\":", "target.decisionId")?;
            let decision = Value::read(reader)?;
            reader.key(",\"executionId\":", "target.executionId")?;
            Self::Execution(decision, Value::read(reader)?)
        } else if reader.take(b"{\"type\":\"TIME_WINDOW\"") {
            reader.key(",\"from\":", "target.from")?;
            let from = Value::read(reader)?;
            reader.key(",\"to\":", "target.to")?;
            Self::TimeWindow { from, to: Value::read(reader)? }
        } else {
            return Err(reader.fault(
                Rule::Value,
                reader.offset(),
                "an object whose first member is type: DECISION, EXECUTION or TIME_WINDOW",
            ));
        };
        reader.literal("}")?;
        Ok(target)
    }
}

impl FeedbackId {
    /// The feedback of these words at `time`.
    pub fn of(
        time: LogicalTime,
        category: FeedbackCategory,
        target: &FeedbackTarget,
        comment: &Option<Comment<'_>>,
    ) -> Self {
        Self::of_identity(
            identity!("FEEDBACK", "logicalTime" => time, "category" => category, "target" => target, "comment" => comment),
        )
    }
}
