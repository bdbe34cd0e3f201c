//! What an id belongs to: ids of all kinds look alike, so the log is asked.

use dreichor_core::Event;
use dreichor_core::event::Body;
use dreichor_core::id::{DecisionId, FeedbackId};
use dreichor_core::value::Uuid;
use dreichor_replay::page::Search;
use dreichor_replay::{Error, Medium, Stores, View};

/// What a story is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subject {
    /// A decision: its tick, and all feedback on it.
    Decision(DecisionId),
    /// Feedback on a stretch of time, which is of no decision.
    Window(FeedbackId),
}

impl Subject {
    /// What `id` belongs to. Only the lines that have it are parsed; the log is not checked.
    pub(crate) fn find<M: Medium>(stores: &Stores<M>, id: Uuid) -> Result<Option<Self>, Error> {
        let view = View::open(&stores.events)?;
        let words = vec![format!("\"{id}\"")];
        let search = Search { limit: 1, words, asks_for: |event: &Event<'_>| names(&event.body, id) };
        let named = view.page_after(0, &search)?.lines.pop();
        let line = match named {
            Some(line) => Some(line),
            None => view.find(id)?.map(|found| found.bytes.into()),
        };
        // A line that was found has been read.
        let event = line.as_ref().and_then(|line| Event::read_line(line).ok());
        Ok(event.and_then(|(event, _)| Self::of(&event.body)))
    }

    fn of(body: &Body<'_>) -> Option<Self> {
        match body {
            Body::UserFeedbackRecorded(given) => {
                Some(body.decision_id().map_or(Self::Window(given.feedback_id), Self::Decision))
            }
            Body::DecisionEvaluated(_)
            | Body::OrderIntentCreated(_)
            | Body::OrderIntentSkipped(_)
            | Body::SafetyEvaluated(_)
            | Body::ExecutionAttempted(_)
            | Body::ExecutionOutcomeRecorded(_)
            | Body::LedgerUpdated(_) => body.tick_decision_id().map(Self::Decision),
        }
    }
}

/// Whether the event is the first to name the decision, order intent, execution or feedback with this id.
fn names(body: &Body<'_>, id: Uuid) -> bool {
    let named = match body {
        Body::DecisionEvaluated(body) => body.decision_id.uuid(),
        Body::OrderIntentCreated(body) => body.order_intent_id.uuid(),
        Body::ExecutionAttempted(body) => body.execution_id.uuid(),
        Body::UserFeedbackRecorded(body) => body.feedback_id.uuid(),
        Body::OrderIntentSkipped(_)
        | Body::SafetyEvaluated(_)
        | Body::ExecutionOutcomeRecorded(_)
        | Body::LedgerUpdated(_) => return false,
    };
    named == id
}
