//! Feedback: its target, and the id by which equal feedback is recognized.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use crate::canonical::{Members, Reader, Sink, Value, record};
use crate::fault::{Result, Rule};
use crate::id::{DecisionId, ExecutionId, FeedbackId, identity};
use crate::schema::{self, Schema, constant, object, one_of};
use crate::value::{Comment, FeedbackCategory, LogicalTime};

/// The target of feedback.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FeedbackTarget {
    /// A decision.
    Decision(DecisionId),
    /// An execution of a decision.
    Execution(DecisionId, ExecutionId),
    /// Everything that happened from the first time to the second, both included.
    TimeWindow {
        /// The first time.
        from: LogicalTime,
        /// The last time.
        to: LogicalTime,
    },
}

record! {
    /// The members of a decision as target, after its type.
    DecisionMembers {
        /// The decision.
        decision_id: DecisionId = "decisionId",
    }

    /// The members of an execution as target, after its type.
    ExecutionMembers {
        /// The decision.
        decision_id: DecisionId = "decisionId",
        /// The execution.
        execution_id: ExecutionId = "executionId",
    }

    /// The members of a time window as target, after its type.
    TimeWindowMembers {
        /// The first time.
        from: LogicalTime = "from",
        /// The last time.
        to: LogicalTime = "to",
    }
}

const DECISION: &[u8] = b"{\"type\":\"DECISION\"";
const EXECUTION: &[u8] = b"{\"type\":\"EXECUTION\"";
const TIME_WINDOW: &[u8] = b"{\"type\":\"TIME_WINDOW\"";

impl<'a> Value<'a> for FeedbackTarget {
    fn write(&self, sink: &mut impl Sink) {
        match *self {
            Self::Decision(decision_id) => {
                sink.put(DECISION);
                DecisionMembers { decision_id }.write_members(sink);
            }
            Self::Execution(decision_id, execution_id) => {
                sink.put(EXECUTION);
                ExecutionMembers { decision_id, execution_id }.write_members(sink);
            }
            Self::TimeWindow { from, to } => {
                sink.put(TIME_WINDOW);
                TimeWindowMembers { from, to }.write_members(sink);
            }
        }
        sink.put(b"}");
    }

    fn read(reader: &mut Reader<'a>) -> Result<Self> {
        reader.within("target", |reader| {
            let target = if reader.take(DECISION) {
                Self::Decision(DecisionMembers::read_members(reader)?.decision_id)
            } else if reader.take(EXECUTION) {
                let ExecutionMembers { decision_id, execution_id } = ExecutionMembers::read_members(reader)?;
                Self::Execution(decision_id, execution_id)
            } else if reader.take(TIME_WINDOW) {
                let TimeWindowMembers { from, to } = TimeWindowMembers::read_members(reader)?;
                Self::TimeWindow { from, to }
            } else {
                return Err(reader.fault(
                    Rule::Value,
                    reader.offset(),
                    "an object whose first member is type: DECISION, EXECUTION or TIME_WINDOW",
                ));
            };
            reader.literal("}")?;
            Ok(target)
        })
    }
}

impl Schema for FeedbackTarget {
    fn schema() -> String {
        let target = |name, describe: fn(&mut schema::Members)| {
            let mut members = vec![("type", constant(name))];
            describe(&mut members);
            object(&members)
        };
        one_of(&[
            target("DECISION", DecisionMembers::describe_members),
            target("EXECUTION", ExecutionMembers::describe_members),
            target("TIME_WINDOW", TimeWindowMembers::describe_members),
        ])
    }
}

impl FeedbackId {
    /// Creates the event of feedback at `time`, with its id.
    pub fn of(
        time: LogicalTime,
        category: FeedbackCategory,
        target: &FeedbackTarget,
        comment: &Option<Comment<'_>>,
    ) -> Self {
        Self::of_identity(
            identity!(Vec::new(), "FEEDBACK", "logicalTime" => time, "category" => category, "target" => target, "comment" => comment),
        )
    }
}
