//! References in arguments: an id by its first digits, a line by its number, a decision by instance and time.

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
/// The number of digits before each hyphen of an id.
const HYPHENS: [usize; 4] = [8, 12, 16, 20];

/// The first digits of an id, 4 to 32.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdPrefix {
    /// The number that the digits spell.
    value: u128,
    digits: usize,
}

/// All digits of an id.
impl From<Uuid> for IdPrefix {
    fn from(id: Uuid) -> Self {
        Self { value: id.as_u128(), digits: DIGITS }
    }
}

impl IdPrefix {
    /// Parses hexadecimal digits in any case, with or without hyphens; none for another text.
    pub fn parse(text: &str) -> Option<Self> {
        let digits: String = text.chars().filter(|letter| *letter != '-').collect();
        let is_prefix = (DIGITS_MIN..=DIGITS).contains(&digits.len())
            && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        let value = u128::from_str_radix(&digits, 16).ok().filter(|_| is_prefix)?;
        Some(Self { value, digits: digits.len() })
    }

    /// True if the id begins with these digits.
    pub fn matches(&self, id: Uuid) -> bool {
        id.as_u128() >> (4 * (DIGITS - self.digits)) == self.value
    }

    fn is_whole(&self) -> bool {
        self.digits == DIGITS
    }

    /// The digits as they begin an id in a line, hyphens included.
    pub(crate) fn text(&self) -> String {
        let mut text = String::from("\"");
        let digits = format!("{:0width$x}", self.value, width = self.digits);
        for (place, digit) in digits.chars().enumerate() {
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

    /// True if the event in line `number`, whose id is `id`, is named: by that id, or by one that it is the first to have.
    pub fn names(&self, number: u64, event: &Event<'_>, id: Uuid) -> bool {
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

impl From<Uuid> for Reference {
    fn from(id: Uuid) -> Self {
        Self::Id(id.into())
    }
}

/// The subject of an event.
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
    /// The offset of the line's start, in bytes.
    pub offset: u64,
    /// Its logical time.
    pub logical_time: LogicalTime,
    /// Its subject.
    pub subject: Subject,
    /// The instance that decided, if this is the decision's first event.
    pub instance: Option<Uuid>,
}

/// The maximum number of subjects that are returned: enough to show that a reference is ambiguous.
const SUBJECTS_MAX: usize = 10;

impl<M: Medium> View<'_, M> {
    /// Finds what a reference names: one event for each decision, or feedback on a time window. None if the log has
    /// nothing of it; several if it is ambiguous. Lines that cannot have it are not parsed.
    ///
    /// # Errors
    ///
    /// The log cannot be read, or a line that may have it is malformed.
    pub fn resolve(&self, reference: &Reference) -> Result<Vec<Named>, Error> {
        self.find_named(reference, |found, named| found.subject == named.subject)
    }

    /// Finds the events that a reference names, also several of one decision: the event that has the id, or the first
    /// that has the id of a decision, order intent, execution or feedback.
    ///
    /// # Errors
    ///
    /// As of [`View::resolve`].
    pub fn resolve_event(&self, reference: &Reference) -> Result<Vec<Named>, Error> {
        self.find_named(reference, |found, named| found.line == named.line)
    }

    /// Finds what a reference names; of those that are the same only the first.
    fn find_named(
        &self,
        reference: &Reference,
        is_same: impl Fn(&Named, &Named) -> bool,
    ) -> Result<Vec<Named>, Error> {
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
            let named = Named {
                line: line.number,
                offset: line.offset,
                logical_time: event.logical_time,
                subject: Subject::of(&event.body),
                instance,
            };
            if !found.iter().any(|found| is_same(found, &named)) {
                found.push(named);
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
