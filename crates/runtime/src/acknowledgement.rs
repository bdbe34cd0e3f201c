//! What an upstream is told of each input: one JSON object a line, in order.

use dreichor_core::canonical::{Sink, write_integer};
use dreichor_core::input::{Input, Kind};
use dreichor_core::state::Decision;
use dreichor_core::value::{SafetyResult, Status};
use dreichor_replay::History;

/// Whether the input was recorded now or before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Now, by so many events.
    Recorded(u64),
    /// Before.
    AlreadyRecorded,
}

/// Appends the acknowledgement of `input` on input line `line`, with its LF. `history` has dealt with it.
pub fn write(sink: &mut impl Sink, line: u64, input: &Input<'_>, outcome: Outcome, history: &History) {
    let (status, events) = match outcome {
        Outcome::Recorded(events) => ("RECORDED", events),
        Outcome::AlreadyRecorded => ("ALREADY_RECORDED", 0),
    };
    let (decision, feedback) = match &input.kind {
        Kind::Tick(tick) => (Some(tick.decision_id), None),
        Kind::Feedback(feedback) => (None, Some(feedback.feedback_id)),
    };
    // As Decision Memory holds it: so that an upstream learns what became of its tick, also when it asks again.
    let remembered = decision.and_then(|id| history.state().memory().decision(id));
    let safety = remembered.and_then(Decision::last_safety_result).map(SafetyResult::as_str);
    let execution = remembered.and_then(Decision::last_execution_status).map(Status::as_str);
    sink.put(b"{\"line\":");
    write_integer(sink, line);
    write_text(sink, ",\"status\":", Some(status));
    write_text(sink, ",\"decisionId\":", decision.map(|id| id.to_string()).as_deref());
    write_text(sink, ",\"feedbackId\":", feedback.map(|id| id.to_string()).as_deref());
    sink.put(b",\"events\":");
    write_integer(sink, events);
    sink.put(b",\"treeSize\":");
    write_integer(sink, history.tree().size());
    write_text(sink, ",\"safety\":", safety);
    write_text(sink, ",\"execution\":", execution);
    sink.put(b"}\n");
}

/// None of these texts needs an escape: they are ids and names of the format.
fn write_text(sink: &mut impl Sink, key: &str, value: Option<&str>) {
    sink.put(key.as_bytes());
    match value {
        Some(text) => {
            sink.put(b"\"");
            sink.put(text.as_bytes());
            sink.put(b"\"");
        }
        None => sink.put(b"null"),
    }
}
