//! Acknowledgements: one JSON object a line for each input, in order.

use std::fmt;
use std::io::Write;

use dreichor_core::History;
use dreichor_core::input::{Input, Kind};
use dreichor_core::state::Decision;
use dreichor_core::value::Spelled;

/// When an input was recorded: now or before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Now, as this many events.
    Recorded(u64),
    /// Before.
    AlreadyRecorded,
}

/// Appends the acknowledgement of `input` on input line `line`, with its LF. The input is in `history`.
pub fn write(line_bytes: &mut Vec<u8>, line: u64, input: &Input<'_>, outcome: Outcome, history: &History) {
    let (status, events) = match outcome {
        Outcome::Recorded(events) => ("RECORDED", events),
        Outcome::AlreadyRecorded => ("ALREADY_RECORDED", 0),
    };
    let (decision, feedback) = match &input.kind {
        Kind::Tick(tick) => (Some(tick.decision_id), None),
        Kind::Feedback(feedback) => (None, Some(feedback.feedback_id)),
    };
    // As Decision Memory holds it, so that an upstream that sends a tick again learns its result as well.
    let remembered = decision.and_then(|id| history.state().memory().decision(id));
    let safety = remembered.and_then(Decision::last_safety_result).map(Spelled::as_str);
    let execution = remembered.and_then(Decision::last_execution_status).map(Spelled::as_str);
    let written = writeln!(
        line_bytes,
        "{{\"line\":{line},\"status\":\"{status}\",\"decisionId\":{},\"feedbackId\":{},\"events\":{events},\"treeSize\":{},\"safety\":{},\"execution\":{}}}",
        Quoted(decision),
        Quoted(feedback),
        history.size(),
        Quoted(safety),
        Quoted(execution),
    );
    debug_assert!(written.is_ok(), "memory takes every byte");
}

/// A text in quotes, or null. None of these texts needs an escape: they are ids and names of the format.
struct Quoted<T>(Option<T>);

impl<T: fmt::Display> fmt::Display for Quoted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(text) => write!(f, "\"{text}\""),
            None => f.write_str("null"),
        }
    }
}
