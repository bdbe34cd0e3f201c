//! Faults: the rules that a line, an input or a log can break, by name.

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use core::fmt;

use strum::{Display, IntoStaticStr, VariantArray};

use crate::value::Spelled;

/// A broken rule, with the place where it is broken.
///
/// The offset counts from the start of the line. The caller knows the file, and adds path and line number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The broken rule.
    pub rule: Rule,
    /// The offset in the line, in bytes.
    pub offset: usize,
    /// The name of the member at fault; empty if the fault concerns no member.
    pub member: String,
    /// The text at that place, escaped for a terminal.
    pub found: String,
    /// The expected text or form.
    pub expected: String,
    /// True if the id of the line does not fit its bytes: the line was changed after it was written.
    pub is_changed: bool,
}

/// The result of an operation that may find a broken rule. The fault is boxed, so that the good case stays small.
pub type Result<T> = core::result::Result<T, Box<Fault>>;

impl Fault {
    /// Creates a fault at `offset` bytes from the start of the line.
    #[cold]
    #[inline(never)]
    pub fn new(
        rule: Rule,
        offset: usize,
        member: impl Into<String>,
        found: impl Into<String>,
        expected: impl Into<String>,
    ) -> Box<Self> {
        Box::new(Self {
            rule,
            offset,
            member: member.into(),
            found: found.into(),
            expected: expected.into(),
            is_changed: false,
        })
    }

    /// The same fault of a line that was changed after it was written.
    #[must_use]
    pub fn changed(mut self: Box<Self>) -> Box<Self> {
        self.is_changed = true;
        self
    }
}

/// Creates a fault of the log's grammar. It concerns the whole line, so its offset is 0.
#[cold]
#[inline(never)]
pub(crate) fn broken(rule: Rule, member: &str, found: impl ToString, expected: impl ToString) -> Box<Fault> {
    Fault::new(rule, 0, member, found.to_string(), expected.to_string())
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_changed {
            f.write_str("the line was changed after it was written, since its id does not fit its bytes; ")?;
        }
        write!(f, "rule {}", self.rule)?;
        if !self.member.is_empty() {
            write!(f, ", member {}", self.member)?;
        }
        write!(f, ": expected {}, found {}", self.expected, self.found)
    }
}

impl core::error::Error for Fault {}

/// Every rule of the format, the log's grammar, the snapshots and the inputs. Its spelling is its name in messages and
/// documentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Display, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "kebab-case")]
pub enum Rule {
    /// A line is at most 65,535 bytes, LF excluded.
    LineLength,
    /// An input is JSON in UTF-8: no byte-order mark, no carriage return, no NUL, no blank line. (A line on disk breaks
    /// this rule only by a comment that is not UTF-8; any other invalid JSON there breaks the rule `canonical`.)
    Json,
    /// A line on disk is the one canonical encoding of its content.
    Canonical,
    /// Every member is present once, known and, on disk, in its place.
    Members,
    /// A value has the form that its member demands.
    Value,
    /// The version is one that this program knows.
    Version,
    /// The type (of an input: the kind) is one of the closed union.
    Type,
    /// An event's id is the content id of its content.
    EventId,
    /// The decisionId is the content id of instance and time.
    DecisionId,
    /// An orderIntentId is the content id of decision, origin, side and market. Only `verify` checks it.
    OrderIntentId,
    /// An executionId is the content id of order intent and plane. Only `verify` checks it.
    ExecutionId,
    /// A feedbackId is the content id of the feedback. Only `verify` checks it.
    FeedbackId,
    /// `LIVE` is reserved: this phase executes on paper only.
    Plane,
    /// Safety's result and reason are a pair that the tick can produce.
    SafetyPair,
    /// A FAILED outcome has a reason and fills `"0"`; no other outcome has a reason.
    OutcomeReason,
    /// A tick's events come in the grammar's order.
    TickOrder,
    /// All events of a tick share its decisionId.
    TickDecision,
    /// All events of a tick share its logicalTime.
    TickTime,
    /// A tick is whole, unless it is the last thing in the log.
    TickCutShort,
    /// The order intent's origin is the one that its place in the tick demands.
    IntentOrigin,
    /// The order intent, execution, outcome and ledger update of a tick agree with each other.
    TickAgreement,
    /// `FORCE_SELL` sells the open position, by the strategy's own intent if that is exactly it.
    ForcedSale,
    /// A FILLED outcome fills the intent's allocation, the same text.
    FilledQuantity,
    /// A BUY is filled only when no position is open.
    OnePosition,
    /// A SELL is filled only for the open position, with its quantity.
    OpenPosition,
    /// logicalTime never decreases in file order.
    TimeOrder,
    /// logicalTime strictly increases per strategy instance.
    InstanceTimeOrder,
    /// A decisionId occurs in one tick only.
    DecisionOnce,
    /// A feedbackId occurs once.
    FeedbackOnce,
    /// Feedback refers to a decision, or an execution of it, that precedes it in the log.
    FeedbackTarget,
    /// A time window has `from` ≤ `to` ≤ the feedback's own logicalTime.
    FeedbackWindow,
    /// A recorded tick is what its decision gives when it is executed again on the state before it. Only `verify` checks
    /// it.
    Reexecution,
    /// The recorded events of an interrupted tick are a prefix of the tick that is computed again.
    InterruptedTick,
    /// The log extends what a process has seen of it: it begins with the same events.
    HistoryChanged,
    /// A snapshot's id is the content id of its content.
    SnapshotId,
    /// A snapshot's positions are in byte order of their markets, each under its own market.
    SnapshotOrder,
    /// auditTreeSize strictly increases in file order.
    SnapshotSequence,
    /// A snapshot covers only events that the log holds.
    SnapshotAhead,
    /// The last event that a snapshot covers ends a tick or is feedback.
    SnapshotBoundary,
    /// A snapshot's root is the log's at its size.
    SnapshotRoot,
    /// A snapshot's logicalTime is that of the last event that it covers.
    SnapshotTime,
    /// A snapshot's positions are those of the fold of the events that it covers.
    SnapshotPositions,
    /// The last batch of snapshots holds no NUL. A NUL is a hole: a crash lost a part of the batch and kept a later
    /// one.
    SnapshotHole,
    /// A kept checkpoint is of its format. Only `verify` checks this and the next three.
    CheckpointForm,
    /// A kept checkpoint has the signatures that are demanded.
    CheckpointSignature,
    /// A kept checkpoint covers only events that the log holds.
    CheckpointAhead,
    /// A kept checkpoint's root is the log's at its size.
    CheckpointRoot,
    /// An input is at most `--logical-step-max` ahead of the last recorded time.
    LogicalStep,
    /// A tick that is sent again is the same as the recorded tick.
    ConflictingTick,
    /// The state holds at most 2^32 − 1 decisions, feedbacks, instances, classes and markets each.
    Capacity,
}

impl Spelled for Rule {}

/// The most bytes of a foreign text that a message shows.
const EXCERPT_BYTES_MAX: usize = 80;

/// Returns foreign bytes as a short text that is safe on a terminal: quoted, with control and direction characters
/// escaped, and invalid UTF-8 shown as bytes.
pub fn excerpt(bytes: &[u8]) -> String {
    use core::fmt::Write;
    let shown = bytes.get(..EXCERPT_BYTES_MAX).unwrap_or(bytes);
    let mut text = String::from("`");
    for chunk in shown.utf8_chunks() {
        for character in chunk.valid().chars() {
            push_escaped(&mut text, character);
        }
        for byte in chunk.invalid() {
            // Writing to a String cannot fail.
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
    text.push('`');
    if shown.len() < bytes.len() {
        text.push('…');
    }
    text
}

/// Returns foreign text with the escapes of [`push_escaped`].
pub fn escaped(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    text.chars().for_each(|character| push_escaped(&mut shown, character));
    shown
}

/// Appends `character`, or its escape if it could control a terminal, change the direction of the text, be invisible, or
/// look like a space and be none.
pub fn push_escaped(text: &mut String, character: char) {
    let is_unseen = character.is_control()
        || (character.is_whitespace() && character != ' ')
        || matches!(
            character,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
                | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{2800}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
                | '\u{fe00}'..='\u{fe0f}'
                | '\u{fff0}'..='\u{fffb}'
                | '\u{1d173}'..='\u{1d17a}'
                | '\u{e0000}'..='\u{e0fff}'
        );
    if is_unseen {
        text.extend(character.escape_unicode());
    } else {
        text.push(character);
    }
}
