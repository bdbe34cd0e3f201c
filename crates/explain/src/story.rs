//! A story: events, the sentences that each gives rise to, and the two ways to write them down.

use std::fmt::Write;

use dreichor_core::canonical::{Sink, write_integer, write_string};
use dreichor_core::id::DecisionId;
use dreichor_core::value::Uuid;

/// What became of one decision, or what was said of one stretch of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Story {
    /// The decision; none if this is feedback on a time window.
    pub decision_id: Option<DecisionId>,
    /// Whether the log ends within the decision's tick.
    pub is_interrupted: bool,
    /// How much feedback, the latest, is left out: all of it, in JSON, would be more than 16 MiB.
    pub feedback_left_out: u64,
    /// The events, in the order of the log.
    pub events: Vec<Told>,
}

/// One event, and what it tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Its line in the log, from 1.
    pub line: u64,
    /// Its id.
    pub event_id: Uuid,
    /// The line's very bytes, without LF.
    pub bytes: Vec<u8>,
    /// At least one sentence, free of all that could steer a terminal.
    pub sentences: Vec<String>,
}

impl Told {
    /// The most that the event and its sentences take in [`Story::to_json`].
    pub(crate) fn json_bytes_max(&self) -> usize {
        // Of each character that a sentence may have, only `"` and `\` take more, which is twice as much.
        let sentences = self.sentences.iter().map(|sentence| SENTENCE_BYTES_MAX + 2 * sentence.len());
        EVENT_BYTES_MAX + self.bytes.len() + sentences.sum::<usize>()
    }
}

/// What stands around an event: `,{"line":…,"event":…}`.
const EVENT_BYTES_MAX: usize = 64;

/// What stands around a sentence: `,{"sentence":"…","line":…,"event_id":"…"}`.
const SENTENCE_BYTES_MAX: usize = 128;

impl Story {
    /// The story for people: one sentence a line, each with its source behind it in brackets, and a blank line
    /// between the sentences of one event and those of the next.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        for told in &self.events {
            if !text.is_empty() {
                text.push('\n');
            }
            for sentence in &told.sentences {
                // Writing to a String cannot fail.
                let _ = writeln!(text, "{sentence} [line {}, event {}]", told.line, told.event_id);
            }
        }
        text
    }

    /// The story as one JSON object, without LF. Its members, in this order, are always there:
    ///
    /// - `decision_id`: the decision, or null for feedback on a time window
    /// - `interrupted`: whether the log ends within the decision's tick
    /// - `feedback_left_out`: how many events, the latest feedback, are left out for their size; 0 but for a
    ///   decision on which people wrote megabytes
    /// - `events`: the events, in the order of the log, each as `line` (from 1) and `event`, its very bytes
    /// - `explanation`: the sentences of [`Story::to_text`], each as `sentence`, `line` and `event_id`
    pub fn to_json(&self) -> Vec<u8> {
        let mut json = Vec::new();
        json.put(b"{\"decision_id\":");
        match self.decision_id {
            Some(id) => write_string(&mut json, &id.to_string()),
            None => json.put(b"null"),
        }
        json.put(b",\"interrupted\":");
        json.put(if self.is_interrupted { b"true" } else { b"false" });
        json.put(b",\"feedback_left_out\":");
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
            json.put(b",\"event_id\":");
            write_string(&mut json, &told.event_id.to_string());
            json.put(b"}");
        }
        json.put(b"]}");
        json
    }

    /// Every sentence, with the event that it comes from.
    fn sentences(&self) -> impl Iterator<Item = (&Told, &str)> {
        self.events
            .iter()
            .flat_map(|told| told.sentences.iter().map(move |sentence| (told, sentence.as_str())))
    }
}
