"""Sends decisions to dreichor, and reads its audit log.

    from dreichor import Attention, Ingest, ParameterPool, ReasonCode, SafetyGates, Tick

    with Ingest.spawn(data_dir="data") as log:
        acknowledgement = log.send(Tick(...))
"""

from ._async_ingest import AsyncIngest
from ._conversation import Acknowledgement, Recording
from ._errors import AnotherWriter, DreichorError, InDoubt, Malformed, Rejected, Unavailable
from ._ingest import Ingest
from ._program import find as find_program
from ._reading import Decision, Outcome, content_id, decision_id, decisions, events, read_decision, read_event
from ._types import (
    Attention,
    DecisionEvaluated,
    DecisionTarget,
    Event,
    ExecutionAttempted,
    ExecutionOutcomeRecorded,
    ExecutionTarget,
    FailureReason,
    Feedback,
    FeedbackCategory,
    FeedbackTarget,
    Input,
    LedgerUpdated,
    OrderIntentCreated,
    OrderIntentSkipped,
    Origin,
    ParameterPool,
    Plane,
    ReasonCode,
    SafetyEvaluated,
    SafetyGates,
    SafetyReason,
    SafetyResult,
    Side,
    SkipReason,
    Status,
    Tick,
    TimeWindowTarget,
    UserFeedbackRecorded,
)

__all__ = [
    "Acknowledgement",
    "AnotherWriter",
    "AsyncIngest",
    "Attention",
    "Decision",
    "DecisionEvaluated",
    "DecisionTarget",
    "DreichorError",
    "Event",
    "ExecutionAttempted",
    "ExecutionOutcomeRecorded",
    "ExecutionTarget",
    "FailureReason",
    "Feedback",
    "FeedbackCategory",
    "FeedbackTarget",
    "InDoubt",
    "Ingest",
    "Input",
    "LedgerUpdated",
    "Malformed",
    "OrderIntentCreated",
    "OrderIntentSkipped",
    "Origin",
    "Outcome",
    "ParameterPool",
    "Plane",
    "ReasonCode",
    "Recording",
    "Rejected",
    "SafetyEvaluated",
    "SafetyGates",
    "SafetyReason",
    "SafetyResult",
    "Side",
    "SkipReason",
    "Status",
    "Tick",
    "TimeWindowTarget",
    "Unavailable",
    "UserFeedbackRecorded",
    "content_id",
    "decision_id",
    "decisions",
    "events",
    "find_program",
    "read_decision",
    "read_event",
]
