//! What a person names: an id by its first digits, a line by its number, a decision by instance and time.

use std::fmt;

use dreichor_core::Event;
use dreichor_core::event::Body;
use dreichor_core::id::{DecisionId, FeedbackId, content_id};
use dreichor_core::value::{LogicalTime, Uuid};
use dreichor_log::Medium;
use memchr::memmem;

use crate::error::Error;
use crate::view::View;

/// The fewest digits by which an id may be named.
const DIGITS_MIN: usize = 4;
/// The digits of a whole id.
const DIGITS: usize = 32;
/// How many digits precede each hyphen of an id.
const HYPHENS: [usize; 4] = [8, 12, 16, 20];

/// The first digits of an id, 4 to 32.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdPrefix(String);

impl IdPrefix {
    /// Parses hexadecimal digits in any case, with or without hyphens; none for another text.
    pub fn parse(text: &str) -> Option<Self> {
        let digits: String = text.chars().filter(|letter| *letter != '-').collect();
        let is_prefix = (DIGITS_MIN..=DIGITS).contains(&digits.len())
            && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        is_prefix.then(|| Self(digits.to_ascii_lowercase()))
    }

    /// True if the id begins with these digits.
    pub fn matches(&self, id: Uuid) -> bool {
        id.simple().to_string().starts_with(&self.0)
    }

    fn is_whole(&self) -> bool {
        self.0.len() == DIGITS
    }

    /// The digits as they begin an id in a line, hyphens included.
    fn text(&self) -> String {
        let mut text = String::from("\"");
        for (place, digit) in self.0.chars().enumerate() {
            if HYPHENS.contains(&place) {
                text.push('-');
            }
            text.push(digit);
        }
        text
    }
}

/// Something in a log, as a person names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reference {
    /// `:994`, the line with this number, from 1.
    Line(u64),
    /// `INSTANCE@TIME`, the decision of the instance at this logical time.
    Decision(IdPrefix, u64),
    /// The first digits of the id of an event, decision, order intent, execution or feedback.
    Id(IdPrefix),
}

impl Reference {
    /// Parses a reference.
    ///
    /// # Errors
    ///
    /// Says what was expected.
    pub fn parse(text: &str) -> Result<Self, String> {
        let number = |text: &str| text.parse::<u64>().ok();
        let parsed = if let Some(line) = text.strip_prefix(':') {
            number(line).filter(|line| *line > 0).map(Self::Line)
        } else if let Some((instance, time)) = text.split_once('@') {
            IdPrefix::parse(instance).and_then(|instance| Some(Self::Decision(instance, number(time)?)))
        } else {
            IdPrefix::parse(text).map(Self::Id)
        };
        parsed.ok_or_else(|| {
            "expected an id or its first 4 digits or more, a line as :994, or a decision as INSTANCE@TIME"
                .into()
        })
    }

    /// Text that every line contains that may have what is named.
    fn word(&self) -> Option<String> {
        match self {
            Self::Line(_) => None,
            Self::Decision(_, time) => Some(format!("\"logicalTime\":{time},\"decisionId\"")),
            Self::Id(prefix) => Some(prefix.text()),
        }
    }

    /// True if the event is named, by its own id or by one that it is the first to have.
    fn names(&self, number: u64, event: &Event<'_>, id: Uuid) -> bool {
        match self {
            Self::Line(line) => *line == number,
            Self::Decision(instance, time) => {
                matches!(&event.body, Body::DecisionEvaluated(decision)
                    if instance.matches(decision.strategy_instance_id.uuid()) && event.logical_time.get() == *time)
            }
            Self::Id(prefix) => {
                prefix.matches(id) || first_named(&event.body).is_some_and(|id| prefix.matches(id))
            }
        }
    }
}

/// The decision, order intent, execution or feedback that this event is the first to name.
fn first_named(body: &Body<'_>) -> Option<Uuid> {
    match body {
        Body::DecisionEvaluated(body) => Some(body.decision_id.uuid()),
        Body::OrderIntentCreated(body) => Some(body.order_intent_id.uuid()),
        Body::ExecutionAttempted(body) => Some(body.execution_id.uuid()),
        Body::UserFeedbackRecorded(body) => Some(body.feedback_id.uuid()),
        Body::OrderIntentSkipped(_)
        | Body::SafetyEvaluated(_)
        | Body::ExecutionOutcomeRecorded(_)
        | Body::LedgerUpdated(_) => None,
    }
}

impl From<Uuid> for IdPrefix {
    fn from(id: Uuid) -> Self {
        Self(id.simple().to_string())
    }
}

impl From<Uuid> for Reference {
    fn from(id: Uuid) -> Self {
        Self::Id(id.into())
    }
}

/// What an event belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// A decision: its tick, and all feedback on it.
    Decision(DecisionId),
    /// Feedback on a time window, which is of no decision.
    Window(FeedbackId),
}

impl Subject {
    fn of(body: &Body<'_>) -> Self {
        match (body, body.decision_id()) {
            (_, Some(decision)) => Self::Decision(decision),
            (Body::UserFeedbackRecorded(given), None) => Self::Window(given.feedback_id),
            (
                Body::DecisionEvaluated(_)
                | Body::OrderIntentCreated(_)
                | Body::OrderIntentSkipped(_)
                | Body::SafetyEvaluated(_)
                | Body::ExecutionAttempted(_)
                | Body::ExecutionOutcomeRecorded(_)
                | Body::LedgerUpdated(_),
                None,
            ) => unreachable!("only feedback can belong to no decision"),
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Decision(id) => id.fmt(f),
            Self::Window(id) => id.fmt(f),
        }
    }
}

/// An event that has what was named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// Its line, from 1.
    pub line: u64,
    /// Its logical time.
    pub logical_time: LogicalTime,
    /// What it belongs to.
    pub subject: Subject,
    /// The instance that decided, if this is the decision's first event.
    pub instance: Option<Uuid>,
}

/// How many subjects are returned at most: enough to show that a reference is ambiguous.
const SUBJECTS_MAX: usize = 10;

impl<M: Medium> View<'_, M> {
    /// Finds what a reference names: one event for each decision, or feedback on a time window. None if the log has
    /// nothing of it; several if it is ambiguous. Lines that cannot have it are not parsed.
    ///
    /// # Errors
    ///
    /// The log cannot be read, or a line that may have it is malformed.
    pub fn resolve(&self, reference: &Reference) -> Result<Vec<Named>, Error> {
        let word = reference.word();
        let finder = word.as_ref().map(|word| memmem::Finder::new(word.as_bytes()));
        let mut found: Vec<Named> = Vec::new();
        let mut lines = self.lines(0, self.end());
        while let Some(line) = lines.next()? {
            let is_candidate = match (&finder, reference) {
                (_, Reference::Line(number)) => line.number == *number,
                (Some(finder), _) => finder.find(line.bytes).is_some(),
                (None, _) => true,
            };
            if !is_candidate {
                continue;
            }
            let (event, leaf) = self.read_event(line.offset, line.bytes)?;
            if !reference.names(line.number, &event, content_id(leaf)) {
                continue;
            }
            let mut instance = None;
            if let Body::DecisionEvaluated(decision) = &event.body {
                instance = Some(decision.strategy_instance_id.uuid());
            }
            let subject = Subject::of(&event.body);
            if found.iter().all(|named| named.subject != subject) {
                found.push(Named { line: line.number, logical_time: event.logical_time, subject, instance });
            }
            // No other event has the same line or whole id.
            let is_settled = match reference {
                Reference::Line(_) => true,
                Reference::Id(prefix) => prefix.is_whole(),
                Reference::Decision(..) => false,
            };
            if is_settled || found.len() > SUBJECTS_MAX {
                break;
            }
        }
        Ok(found)
    }
}
