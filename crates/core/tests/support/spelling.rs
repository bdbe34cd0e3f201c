//! Inputs in all their spellings.

use dreichor_core::Input;
use dreichor_core::event::FeedbackTarget;
use dreichor_core::input::Kind;
use dreichor_core::value::{Attention, SafetyGates};

/// JSON that is not yet spelled.
#[derive(Debug, Clone)]
pub(crate) enum Json {
    Plain(String),
    Text(String),
    List(Vec<Json>),
    Object(Vec<(&'static str, Json)>),
}

fn text(text: impl ToString) -> Json {
    Json::Text(text.to_string())
}

pub(crate) fn plain(text: impl ToString) -> Json {
    Json::Plain(text.to_string())
}

fn flags<const N: usize>(names: [&'static str; N], members: [bool; N]) -> Json {
    Json::Object(names.into_iter().zip(members.map(plain)).collect())
}

/// The input's JSON, members in the order of the format's page.
pub(crate) fn json(input: &Input<'_>) -> Json {
    let null = || plain("null");
    let time = ("logicalTime", plain(input.logical_time));
    Json::Object(match &input.kind {
        Kind::Tick(tick) => vec![
            ("version", plain(1)),
            ("kind", text("TICK")),
            time,
            ("strategyInstanceId", text(tick.strategy_instance_id)),
            ("decisionClass", text(tick.decision_class)),
            ("reasonCodes", Json::List(tick.reason_codes.iter().map(text).collect())),
            ("attention", flags(Attention::NAMES, tick.attention.members())),
            ("parameterPoolId", text(tick.parameter_pool)),
            ("targetMarketId", tick.target_market_id.map_or_else(null, text)),
            ("safetyGates", flags(SafetyGates::NAMES, tick.safety_gates.members())),
        ],
        Kind::Feedback(feedback) => vec![
            ("version", plain(1)),
            ("kind", text("FEEDBACK")),
            time,
            ("category", text(feedback.category)),
            (
                "target",
                Json::Object(match feedback.target {
                    FeedbackTarget::Decision(decision) => {
                        vec![("type", text("DECISION")), ("decisionId", text(decision))]
                    }
                    FeedbackTarget::Execution(decision, execution) => vec![
                        ("type", text("EXECUTION")),
                        ("decisionId", text(decision)),
                        ("executionId", text(execution)),
                    ],
                    FeedbackTarget::TimeWindow { from, to } => {
                        vec![("type", text("TIME_WINDOW")), ("from", plain(from)), ("to", plain(to))]
                    }
                }),
            ),
            ("comment", feedback.comment.as_ref().map_or_else(null, |comment| text(comment.as_str()))),
        ],
    })
}

/// Spells JSON. Each choice that there is to make takes a byte of `choices`; without any left it is the
/// plainest.
struct Speller<'a> {
    choices: &'a [u8],
    line: String,
}

pub(crate) fn spelled(json: &Json, choices: &[u8]) -> String {
    let mut speller = Speller { choices, line: String::new() };
    speller.put(json);
    speller.blanks();
    speller.line
}

impl Speller<'_> {
    fn choose(&mut self, count: usize) -> usize {
        let Some((choice, rest)) = self.choices.split_first() else { return 0 };
        self.choices = rest;
        usize::from(*choice) % count
    }

    fn blanks(&mut self) {
        let blanks = ["", "", "", " ", "\t", " \t  "][self.choose(6)];
        self.line.push_str(blanks);
    }

    fn token(&mut self, token: &str) {
        self.blanks();
        self.line.push_str(token);
    }

    fn put(&mut self, json: &Json) {
        match json {
            Json::Plain(text) => self.token(text),
            Json::Text(text) => self.put_text(text),
            Json::List(items) => {
                self.token("[");
                for (index, item) in items.iter().enumerate() {
                    self.token(if index == 0 { "" } else { "," });
                    self.put(item);
                }
                self.token("]");
            }
            Json::Object(members) => {
                let mut members: Vec<_> = members.iter().collect();
                self.token("{");
                for index in 0..members.len() {
                    self.token(if index == 0 { "" } else { "," });
                    let (name, value) = members.remove(self.choose(members.len()));
                    self.put_text(name);
                    self.token(":");
                    self.put(value);
                }
                self.token("}");
            }
        }
    }

    fn put_text(&mut self, text: &str) {
        self.token("\"");
        for character in text.chars() {
            let short = "\"\"\\\\//\u{8}b\u{c}f\nn\rr\tt";
            let mut pairs = short.chars().step_by(2).zip(short.chars().skip(1).step_by(2));
            let short = pairs.find_map(|(of, letter)| (of == character).then_some(letter));
            let must_escape = matches!(character, '"' | '\\' | '\0'..='\u{1f}');
            match (self.choose(4), short) {
                (0, _) | (3, None) if !must_escape => self.line.push(character),
                (0 | 3, Some(letter)) => self.line.extend(['\\', letter]),
                (choice, _) => {
                    for unit in character.encode_utf16(&mut [0; 2]) {
                        let digits = if choice == 1 { format!("{unit:04x}") } else { format!("{unit:04X}") };
                        self.line.push_str("\\u");
                        self.line.push_str(&digits);
                    }
                }
            }
        }
        self.line.push('"');
    }
}
