//! Acknowledgements: one JSON object a line for each input, in order.

use std::fmt;
use std::io::Write;

use dreichor_core::History;
use dreichor_core::canonical::write_string;
use dreichor_core::input::{Input, Kind};
use dreichor_core::state::Decision;
use dreichor_core::value::Spelled;

use crate::batch::InputLine;
use crate::orchestrator::Rejection;

/// When an input was recorded: now or before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Now, as this many events.
    Recorded(u64),
    /// Before.
    AlreadyRecorded,
}

/// Acknowledgements and rejections, and whom each is for.
#[derive(Debug, Default)]
pub struct Acknowledgements {
    lines: Vec<u8>,
    senders: Vec<usize>,
}

impl Acknowledgements {
    /// All lines, each with its LF.
    pub fn lines(&self) -> &[u8] {
        &self.lines
    }

    /// Each line with its LF, and the number of the connection that sent its input.
    pub fn by_sender(&self) -> impl Iterator<Item = (usize, &[u8])> {
        self.senders.iter().copied().zip(self.lines.split_inclusive(|&byte| byte == b'\n'))
    }

    /// True if there is none.
    pub fn is_empty(&self) -> bool {
        self.senders.is_empty()
    }

    /// Removes all, and keeps the memory.
    pub fn clear(&mut self) {
        self.lines.clear();
        self.senders.clear();
    }

    /// Adds the acknowledgement of `input`, which came as `line` and is in `history`.
    pub(crate) fn acknowledge(
        &mut self,
        line: &InputLine<'_>,
        input: &Input<'_>,
        outcome: Outcome,
        history: &History,
    ) {
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
            self.lines,
            "{{\"line\":{},\"status\":\"{status}\",\"decisionId\":{},\"feedbackId\":{},\"events\":{events},\"treeSize\":{},\"safety\":{},\"execution\":{}}}",
            line.number,
            Quoted(decision),
            Quoted(feedback),
            history.size(),
            Quoted(safety),
            Quoted(execution),
        );
        debug_assert!(written.is_ok(), "memory takes every byte");
        self.senders.push(line.sender);
    }

    /// Adds the answer to a rejected input of `sender`.
    pub(crate) fn reject(&mut self, sender: usize, rejection: &Rejection) {
        let Rejection { line, fault, .. } = rejection;
        write_rejection(&mut self.lines, *line, fault.rule.as_str(), &fault.member, &rejection.to_string());
        self.senders.push(sender);
    }
}

/// Appends the last answer that a connection gets: the line at fault, or 0 if the fault is in no line; the rule, the
/// member (empty: none), and the message.
pub(crate) fn write_rejection(lines: &mut Vec<u8>, line: u64, rule: &str, member: &str, message: &str) {
    let written = write!(lines, "{{\"line\":{line},\"status\":\"REJECTED\",\"rule\":\"{rule}\",\"member\":");
    debug_assert!(written.is_ok(), "memory takes every byte");
    match member {
        "" => lines.extend_from_slice(b"null"),
        // Of an unknown member, it is the sender's own text.
        member => write_string(lines, member),
    }
    lines.extend_from_slice(b",\"message\":");
    write_string(lines, message);
    lines.extend_from_slice(b"}\n");
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
