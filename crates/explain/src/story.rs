//! A story: events, the sentences that each gives rise to, and the two ways to write them down.

use dreichor_core::canonical::{Sink, write_integer, write_string};
use dreichor_core::event::EventType;
use dreichor_core::id::DecisionId;
use dreichor_core::schema::{Members, Schema, array, described, object};
use dreichor_core::value::Uuid;

/// The story of one decision, or of the feedback on one stretch of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Story {
    /// The decision; none if this is feedback on a time window.
    pub decision_id: Option<DecisionId>,
    /// The outcome of the decision, in two sentences.
    pub outcome: Option<String>,
    /// True if the log ends within the decision's tick.
    pub is_interrupted: bool,
    /// The number of the latest feedback events that are left out, since all of them would be more than 16 MiB of JSON.
    pub feedback_left_out: u64,
    /// The events, in the order of the log.
    pub events: Vec<Told>,
}

/// One event, and what it tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Its line in the log, from 1.
    pub line: u64,
    /// Its type.
    pub event_type: EventType,
    /// Its id.
    pub event_id: Uuid,
    /// The exact bytes of the line, without LF.
    pub bytes: Vec<u8>,
    /// At least one sentence, free of all that could steer a terminal.
    pub sentences: Vec<String>,
}

impl Told {
    /// The most that the event and its sentences take in [`Story::to_json`].
    pub(crate) fn json_bytes_max(&self) -> usize {
        // In JSON, only `"` and `\` take more bytes than in a sentence: twice as many.
        let sentences = self.sentences.iter().map(|sentence| SENTENCE_BYTES_MAX + 2 * sentence.len());
        EVENT_BYTES_MAX + self.bytes.len() + sentences.sum::<usize>()
    }
}

/// The digits of an event's id that a terminal shows.
const ID_DIGITS: usize = 8;

/// Upper bound on what surrounds an event: `,{"line":…,"event":…}`.
const EVENT_BYTES_MAX: usize = 64;

/// Upper bound on what surrounds a sentence: `,{"sentence":"…","line":…,"eventId":"…"}`.
const SENTENCE_BYTES_MAX: usize = 128;

impl Story {
    /// The story for people: what became of the decision, then the sentences of each event below its line, type and id.
    /// With `columns`, the width of a terminal, lines are wrapped at words and ids of events are shortened.
    pub fn to_text(&self, columns: Option<usize>) -> String {
        let mut text = String::new();
        let mut put = |indent: &str, line: &str| match columns {
            Some(columns) => {
                let options =
                    textwrap::Options::new(columns).initial_indent(indent).subsequent_indent(indent);
                for line in textwrap::wrap(line, options) {
                    text.push_str(&line);
                    text.push('\n');
                }
            }
            None => text.extend([indent, line, "\n"]),
        };
        if let Some(outcome) = &self.outcome {
            put("", outcome);
        }
        for told in &self.events {
            let id = told.event_id.to_string();
            let shown = if columns.is_some() { &id[..ID_DIGITS] } else { &id };
            put("", "");
            put("", &format!("line {}  {}  {shown}", told.line, told.event_type));
            told.sentences.iter().for_each(|sentence| put("  ", sentence));
        }
        text
    }

    /// The story as one JSON object, without LF. Its members, in this order, are always there:
    ///
    /// - `decisionId`: the decision, or null for feedback on a time window
    /// - `outcome`: what became of the decision, in two sentences, or null
    /// - `interrupted`: whether the log ends within the decision's tick
    /// - `feedbackLeftOut`: how many events, the latest feedback, are left out for their size; 0 but for a
    ///   decision on which people wrote megabytes
    /// - `events`: the events, in the order of the log, each as `line` (from 1) and `event`, its exact bytes
    /// - `explanation`: the sentences of [`Story::to_text`], each as `sentence`, `line` and `eventId`
    pub fn to_json(&self) -> Vec<u8> {
        let mut json = Vec::new();
        json.put(b"{\"decisionId\":");
        match self.decision_id {
            Some(id) => write_string(&mut json, &id.to_string()),
            None => json.put(b"null"),
        }
        json.put(b",\"outcome\":");
        match &self.outcome {
            Some(outcome) => write_string(&mut json, outcome),
            None => json.put(b"null"),
        }
        json.put(b",\"interrupted\":");
        json.put(if self.is_interrupted { b"true" } else { b"false" });
        json.put(b",\"feedbackLeftOut\":");
        write_integer(&mut json, self.feedback_left_out);
        json.put(b",\"events\":[");
        for (index, told) in self.events.iter().enumerate() {
            json.put(if index > 0 { b",{\"line\":" } else { b"{\"line\":" });
            write_integer(&mut json, told.line);
            json.put(b",\"event\":");
            json.put(&told.bytes);
            json.put(b"}");
        }
        json.put(b"],\"explanation\":[");
        for (index, (told, sentence)) in self.sentences().enumerate() {
            json.put(if index > 0 { b",{\"sentence\":" } else { b"{\"sentence\":" });
            write_string(&mut json, sentence);
            json.put(b",\"line\":");
            write_integer(&mut json, told.line);
            json.put(b",\"eventId\":");
            write_string(&mut json, &told.event_id.to_string());
            json.put(b"}");
        }
        json.put(b"]}");
        json
    }

    /// The members of the JSON object of a decision's story, each with its schema. `event`: the schema of an event.
    pub fn members(event: &str) -> Members {
        let line = described(&u64::schema(), "From 1.");
        let told = object(&[("line", line.clone()), ("event", event.to_owned())]);
        let sentence = object(&[
            ("sentence", <&str>::schema()),
            ("line", line),
            ("eventId", described(&Uuid::schema(), "The event that the sentence comes from.")),
        ]);
        let outcome = "What became of the decision, in a sentence or two.";
        let interrupted = "True if the log ends within the decision's tick.";
        let left_out = "The number of the latest feedback events that are left out for their size.";
        let events = "The decision's events and the feedback on it, in file order.";
        vec![
            ("decisionId", DecisionId::schema()),
            ("outcome", described(&<&str>::schema(), outcome)),
            ("interrupted", described(&bool::schema(), interrupted)),
            ("feedbackLeftOut", described(&u64::schema(), left_out)),
            ("events", described(&array(&told), events)),
            ("explanation", described(&array(&sentence), "The same as sentences.")),
        ]
    }

    /// Every sentence, with the event that it comes from.
    fn sentences(&self) -> impl Iterator<Item = (&Told, &str)> {
        self.events
            .iter()
            .flat_map(|told| told.sentences.iter().map(move |sentence| (told, sentence.as_str())))
    }
}
