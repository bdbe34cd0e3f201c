//! What an upstream hands over: ticks and feedback, one JSON object a line.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;

use crate::event::{DecisionEvaluated, FeedbackTarget, UserFeedbackRecorded, line_too_long};
use crate::fault::{Fault, Result, Rule, excerpt};
use crate::id::{DecisionId, FeedbackId};
use crate::json::{self, Json, Member, Node};
use crate::value::{
    Attention, Comment, Form, INTEGER_MAX, LogicalTime, MarketId, ReasonCode, ReasonCodes, SafetyGates,
};
use crate::{FORMAT_VERSION, LINE_BYTES_MAX};

/// One input, parsed once: its ids are computed, its values have their forms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input<'a> {
    /// When, in the upstream's unit.
    pub logical_time: LogicalTime,
    /// A tick or feedback.
    pub kind: Kind<'a>,
}

/// The two kinds of input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind<'a> {
    /// A decision, with the gates that the upstream asks for.
    Tick(DecisionEvaluated),
    /// What a person said.
    Feedback(UserFeedbackRecorded<'a>),
}

const TICK_MEMBERS: [&str; 10] = [
    "version",
    "kind",
    "logicalTime",
    "strategyInstanceId",
    "decisionClass",
    "reasonCodes",
    "attention",
    "parameterPoolId",
    "targetMarketId",
    "safetyGates",
];
const FEEDBACK_MEMBERS: [&str; 6] = ["version", "kind", "logicalTime", "category", "target", "comment"];

impl<'a> Input<'a> {
    /// Reads a line, without its LF.
    pub fn parse(line: &'a [u8]) -> Result<Self> {
        if line.len() > LINE_BYTES_MAX {
            return Err(line_too_long(line.len()));
        }
        let source = Source { line };
        let root = json::parse(line)?;
        let object = source.object(root, "")?;
        match source.discriminant(&object, "kind", &["TICK", "FEEDBACK"])? {
            "TICK" => source.tick(object),
            _ => source.feedback(object),
        }
    }
}

/// An object's members, and where it starts.
struct Object<'a> {
    offset: usize,
    /// The member that the object is the value of; empty for the input itself.
    path: &'static str,
    members: alloc::vec::Vec<Member<'a>>,
}

/// The line, from which faults show what stands there.
struct Source<'a> {
    line: &'a [u8],
}

impl<'a> Source<'a> {
    fn fault(
        &self,
        rule: Rule,
        offset: usize,
        member: impl Into<String>,
        expected: impl Into<String>,
    ) -> Box<Fault> {
        Fault::new(rule, offset, member, excerpt(self.line.get(offset..).unwrap_or_default()), expected)
    }

    fn object(&self, node: Node<'a>, path: &'static str) -> Result<Object<'a>> {
        match node.json {
            Json::Object(members) => Ok(Object { offset: node.offset, path, members }),
            Json::Null | Json::Boolean(_) | Json::Number(_) | Json::String(_) | Json::Array(_) => {
                Err(self.fault(Rule::Value, node.offset, path, "an object"))
            }
        }
    }

    /// The value of the member that says which other members there are.
    fn discriminant(
        &self,
        object: &Object<'a>,
        name: &'static str,
        known: &[&'static str],
    ) -> Result<&'static str> {
        let member = object.members.iter().find(|member| member.name == name);
        let member = member.ok_or_else(|| missing(object.offset, object.path, name))?;
        let rule = if name == "kind" { Rule::Type } else { Rule::Value };
        let value = match &member.value.json {
            Json::String(text) => known.iter().find(|value| *value == text),
            Json::Null | Json::Boolean(_) | Json::Number(_) | Json::Array(_) | Json::Object(_) => None,
        };
        value.copied().ok_or_else(|| {
            self.fault(
                rule,
                member.value.offset,
                join(object.path, name),
                format!("one of {}", known.join(", ")),
            )
        })
    }

    /// The values of exactly these members, in this order.
    fn fields<const N: usize>(&self, object: Object<'a>, names: [&'static str; N]) -> Result<[Node<'a>; N]> {
        let mut values: [Option<Node<'a>>; N] = [const { None }; N];
        let (offset, path) = (object.offset, object.path);
        for member in object.members {
            let Some(index) = names.iter().position(|name| *name == member.name) else {
                let expected = format!("no member but {}", names.join(", "));
                return Err(Fault::new(
                    Rule::Members,
                    member.offset,
                    join(path, &excerpt(member.name.as_bytes())),
                    "an unknown member",
                    expected,
                ));
            };
            if values[index].is_some() {
                return Err(self.fault(
                    Rule::Members,
                    member.offset,
                    join(path, names[index]),
                    "each member only once",
                ));
            }
            values[index] = Some(member.value);
        }
        if let Some(index) = values.iter().position(Option::is_none) {
            return Err(missing(offset, path, names[index]));
        }
        Ok(values.map(|value| value.unwrap_or(Node { offset, json: Json::Null })))
    }

    fn tick(&self, object: Object<'a>) -> Result<Input<'a>> {
        let [version, _, time, instance, class, reasons, attention, pool, target, gates] =
            self.fields(object, TICK_MEMBERS)?;
        self.version(&version)?;
        let logical_time = self.time(&time, "logicalTime")?;
        let strategy_instance_id = self.formed(&instance, "strategyInstanceId")?;
        Ok(Input {
            logical_time,
            kind: Kind::Tick(DecisionEvaluated {
                decision_id: DecisionId::of(strategy_instance_id, logical_time),
                strategy_instance_id,
                decision_class: self.formed(&class, "decisionClass")?,
                reason_codes: self.reason_codes(&reasons)?,
                attention: Attention::new(self.booleans(attention, "attention", Attention::NAMES)?),
                parameter_pool: self.formed(&pool, "parameterPoolId")?,
                target_market_id: self.market(&target)?,
                safety_gates: SafetyGates::new(self.booleans(gates, "safetyGates", SafetyGates::NAMES)?),
            }),
        })
    }

    fn feedback(&self, object: Object<'a>) -> Result<Input<'a>> {
        let [version, _, time, category, target, comment] = self.fields(object, FEEDBACK_MEMBERS)?;
        self.version(&version)?;
        let logical_time = self.time(&time, "logicalTime")?;
        let category = self.formed(&category, "category")?;
        let target = self.target(target)?;
        let comment = self.comment(comment)?;
        let feedback_id = FeedbackId::of(logical_time, category, &target, &comment);
        Ok(Input {
            logical_time,
            kind: Kind::Feedback(UserFeedbackRecorded { feedback_id, category, target, comment }),
        })
    }

    fn version(&self, node: &Node<'a>) -> Result<()> {
        if self.integer(node, "version")? == FORMAT_VERSION {
            Ok(())
        } else {
            Err(self.fault(Rule::Version, node.offset, "version", format!("{FORMAT_VERSION}")))
        }
    }

    fn integer(&self, node: &Node<'a>, member: &str) -> Result<u64> {
        let value = match &node.json {
            Json::Number(text) if is_whole_number(text) => {
                text.parse().ok().filter(|value| *value <= INTEGER_MAX)
            }
            Json::Number(_)
            | Json::Null
            | Json::Boolean(_)
            | Json::String(_)
            | Json::Array(_)
            | Json::Object(_) => None,
        };
        value.ok_or_else(|| {
            self.fault(
                Rule::Value,
                node.offset,
                member,
                format!("an integer from 0 to {INTEGER_MAX} (no sign, fraction, exponent or leading zero)"),
            )
        })
    }

    fn time(&self, node: &Node<'a>, member: &str) -> Result<LogicalTime> {
        let value = self.integer(node, member)?;
        LogicalTime::new(value).ok_or_else(|| self.fault(Rule::Value, node.offset, member, "a logical time"))
    }

    fn formed<T: Form>(&self, node: &Node<'a>, member: &str) -> Result<T> {
        let value = match &node.json {
            Json::String(text) => T::parse(text.as_bytes()),
            Json::Null | Json::Boolean(_) | Json::Number(_) | Json::Array(_) | Json::Object(_) => None,
        };
        value.ok_or_else(|| self.fault(Rule::Value, node.offset, member, T::EXPECTED))
    }

    fn market(&self, node: &Node<'a>) -> Result<Option<MarketId>> {
        if node.json == Json::Null { Ok(None) } else { self.formed(node, "targetMarketId").map(Some) }
    }

    fn reason_codes(&self, node: &Node<'a>) -> Result<ReasonCodes> {
        let Json::Array(items) = &node.json else {
            return Err(self.fault(Rule::Value, node.offset, "reasonCodes", "an array of reason codes"));
        };
        items.iter().try_fold(ReasonCodes::EMPTY, |codes, item| {
            let code: ReasonCode = self.formed(item, "reasonCodes")?;
            codes.with(code).ok_or_else(|| {
                self.fault(Rule::Value, item.offset, "reasonCodes", "reason codes without repeats")
            })
        })
    }

    fn booleans<const N: usize>(
        &self,
        node: Node<'a>,
        path: &'static str,
        names: [&'static str; N],
    ) -> Result<[bool; N]> {
        let nodes = self.fields(self.object(node, path)?, names)?;
        let mut members = [false; N];
        for ((member, node), name) in members.iter_mut().zip(nodes).zip(names) {
            let Json::Boolean(value) = node.json else {
                return Err(self.fault(Rule::Value, node.offset, join(path, name), "true or false"));
            };
            *member = value;
        }
        Ok(members)
    }

    fn target(&self, node: Node<'a>) -> Result<FeedbackTarget> {
        let object = self.object(node, "target")?;
        match self.discriminant(&object, "type", &["DECISION", "EXECUTION", "TIME_WINDOW"])? {
            "DECISION" => {
                let [_, decision] = self.fields(object, ["type", "decisionId"])?;
                Ok(FeedbackTarget::Decision(self.formed(&decision, "target.decisionId")?))
            }
            "EXECUTION" => {
                let [_, decision, execution] = self.fields(object, ["type", "decisionId", "executionId"])?;
                Ok(FeedbackTarget::Execution(
                    self.formed(&decision, "target.decisionId")?,
                    self.formed(&execution, "target.executionId")?,
                ))
            }
            _ => {
                let [_, from, to] = self.fields(object, ["type", "from", "to"])?;
                Ok(FeedbackTarget::TimeWindow {
                    from: self.time(&from, "target.from")?,
                    to: self.time(&to, "target.to")?,
                })
            }
        }
    }

    fn comment(&self, node: Node<'a>) -> Result<Option<Comment<'a>>> {
        let text: Cow<'a, str> = match node.json {
            Json::Null => return Ok(None),
            Json::String(text) => text,
            Json::Boolean(_) | Json::Number(_) | Json::Array(_) | Json::Object(_) => {
                return Err(self.fault(Rule::Value, node.offset, "comment", "a text or null"));
            }
        };
        let comment = Comment::new(text);
        comment.map(Some).ok_or_else(|| self.fault(Rule::Value, node.offset, "comment", Comment::EXPECTED))
    }
}

fn missing(offset: usize, path: &str, name: &str) -> Box<Fault> {
    Fault::new(
        Rule::Members,
        offset,
        join(path, name),
        "an object without it",
        "the member to be present (an absent value is null)",
    )
}

fn is_whole_number(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'))
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.into() } else { format!("{path}.{name}") }
}
