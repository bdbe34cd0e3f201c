//! The inputs of an upstream: ticks and feedback, one JSON object a line.
//!
//! A line is read once: each value is parsed into the slot of its member. A fault of a value is kept in the slot until
//! the whole line is known to be JSON. So faults are reported in a fixed order, whatever the order of the members:
//! syntax, kind, unknown and repeated members, missing members, values.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;

use strum::{Display, IntoStaticStr, VariantArray};

use crate::event::{DecisionEvaluated, FeedbackTarget, UserFeedbackRecorded, line_too_long};
use crate::fault::{Fault, Result, Rule, excerpt};
use crate::id::{DecisionId, ExecutionId, FeedbackId};
use crate::json::{Cursor, within};
use crate::value::{
    Attention, Comment, DecisionClass, FeedbackCategory, Form, INTEGER_MAX, LogicalTime, MarketId,
    ParameterPool, ReasonCode, ReasonCodes, SafetyGates, Spelled, StrategyInstanceId,
};
use crate::{FORMAT_VERSION, LINE_BYTES_MAX};

/// One parsed input: its ids are computed, and its values have their forms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input<'a> {
    /// The input's time, in the upstream's unit.
    pub logical_time: LogicalTime,
    /// A tick or feedback.
    pub kind: Kind<'a>,
}

/// The two kinds of input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind<'a> {
    /// A decision, with the gates that the upstream asks for.
    Tick(DecisionEvaluated),
    /// Feedback of a person.
    Feedback(UserFeedbackRecorded<'a>),
}

impl<'a> Input<'a> {
    /// Parses a line, without its LF.
    ///
    /// # Errors
    ///
    /// The first rule that the line breaks, in the fixed order.
    pub fn parse(line: &'a [u8]) -> Result<Self> {
        if line.len() > LINE_BYTES_MAX {
            return Err(line_too_long(line.len()));
        }
        let mut cursor = Cursor::new(line)?;
        let start = cursor.offset();
        let slots = read_object(&mut cursor, Slots::read)?;
        cursor.end()?;
        slots?.into_input(start)
    }
}

/// The spelling of each [`Kind`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Display, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
enum KindName {
    Tick,
    Feedback,
}

impl Spelled for KindName {}

/// The spelling of each [`FeedbackTarget`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Display, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
enum TargetName {
    Decision,
    Execution,
    TimeWindow,
}

impl Spelled for TargetName {}

/// A value, or its fault. (A `Result` around it is for the line's syntax.)
type Checked<T> = Result<T>;

/// The place for a member's value.
#[derive(Debug)]
struct Slot<T>(Option<Met<T>>);

/// The first occurrence of a member in the line.
#[derive(Debug)]
struct Met<T> {
    name_at: usize,
    value: Checked<T>,
}

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> Slot<T> {
    /// The offset of the member's name, if the line has the member.
    fn name_at(&self) -> Option<usize> {
        self.0.as_ref().map(|met| met.name_at)
    }

    /// The value of a member that [`Irregular::check`] has found to be there.
    #[expect(clippy::expect_used, reason = "the caller has checked that no member is missing")]
    fn value(self) -> Checked<T> {
        self.0.expect("the member is there").value
    }
}

/// The first repeated and the first unknown member, in the order of the line.
#[derive(Debug, Default)]
struct Irregular {
    repeated: Option<Box<Fault>>,
    unknown: Option<(usize, String)>,
}

impl Irregular {
    /// Reads the value of the member called `name` into its slot.
    fn fill<'a, T>(
        &mut self,
        slot: &mut Slot<T>,
        cursor: &mut Cursor<'a>,
        (name, name_at): (&str, usize),
        read: impl FnOnce(&mut Cursor<'a>) -> Result<Checked<T>>,
    ) -> Result<()> {
        if slot.0.is_some() {
            let repeated =
                || within(name, cursor.value_fault(Rule::Members, name_at, "each member only once"));
            self.repeated.get_or_insert_with(repeated);
            return cursor.skip_value();
        }
        let value = read(cursor)?.map_err(|fault| within(name, fault));
        slot.0 = Some(Met { name_at, value });
        Ok(())
    }

    /// Skips the value of an unknown member.
    fn skip_unknown(&mut self, cursor: &mut Cursor<'_>, (name, name_at): (&str, usize)) -> Result<()> {
        self.unknown.get_or_insert_with(|| (name_at, name.into()));
        cursor.skip_value()
    }

    /// Checks that the line has exactly the `known` members, each once. The object starts at `start`.
    fn check<const N: usize>(
        self,
        start: usize,
        met: [(&'static str, Option<usize>); N],
        known: &[&'static str],
    ) -> Result<()> {
        let foreign =
            met.iter().filter_map(|&(name, at)| Some((at?, name))).filter(|(_, name)| !known.contains(name));
        let unknown = foreign.map(|(at, name)| (at, String::from(name))).chain(self.unknown).min();
        let repeated = self.repeated;
        match (unknown, repeated) {
            (Some((at, name)), repeated) if repeated.as_ref().is_none_or(|fault| at < fault.offset) => {
                let expected = format!("no member but {}", known.join(", "));
                return Err(Fault::new(
                    Rule::Members,
                    at,
                    excerpt(name.as_bytes()),
                    "an unknown member",
                    expected,
                ));
            }
            (_, Some(repeated)) => return Err(repeated),
            (_, None) => {}
        }
        let is_missing = |name: &&&str| met.iter().any(|(other, at)| other == *name && at.is_none());
        known.iter().find(is_missing).map_or(Ok(()), |name| Err(missing(start, name)))
    }
}

#[cold]
fn missing(start: usize, name: &str) -> Box<Fault> {
    let expected = "the member to be present (an absent value is null)";
    Fault::new(Rule::Members, start, name, "an object without it", expected)
}

/// Reads an object; calls `read` with the name of each member. Another value is a fault.
fn read_object<'a, S: Default>(
    cursor: &mut Cursor<'a>,
    read: impl Fn(&mut S, &mut Cursor<'a>, (&str, usize)) -> Result<()>,
) -> Result<Checked<S>> {
    let at = cursor.offset();
    if cursor.peek() != Some(b'{') {
        cursor.skip_value()?;
        return Ok(Err(cursor.value_fault(Rule::Value, at, "an object")));
    }
    let mut slots = S::default();
    cursor.object(|cursor, name, name_at| read(&mut slots, cursor, (name, name_at)))?;
    Ok(Ok(slots))
}

/// The members of both kinds.
#[derive(Debug, Default)]
struct Slots<'a> {
    irregular: Irregular,
    version: Slot<()>,
    kind: Slot<KindName>,
    logical_time: Slot<LogicalTime>,
    strategy_instance_id: Slot<StrategyInstanceId>,
    decision_class: Slot<DecisionClass>,
    reason_codes: Slot<ReasonCodes>,
    attention: Slot<Attention>,
    parameter_pool: Slot<ParameterPool>,
    target_market_id: Slot<Option<MarketId>>,
    safety_gates: Slot<SafetyGates>,
    category: Slot<FeedbackCategory>,
    target: Slot<FeedbackTarget>,
    comment: Slot<Option<Comment<'a>>>,
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

impl<'a> Slots<'a> {
    fn read(&mut self, cursor: &mut Cursor<'a>, named: (&str, usize)) -> Result<()> {
        let irregular = &mut self.irregular;
        match named.0 {
            "version" => irregular.fill(&mut self.version, cursor, named, read_version),
            "kind" => irregular.fill(&mut self.kind, cursor, named, |cursor| {
                Ok(read_form(cursor)?.map_err(|mut fault| {
                    fault.rule = Rule::Type;
                    fault
                }))
            }),
            "logicalTime" => irregular.fill(&mut self.logical_time, cursor, named, read_time),
            "strategyInstanceId" => irregular.fill(&mut self.strategy_instance_id, cursor, named, read_form),
            "decisionClass" => irregular.fill(&mut self.decision_class, cursor, named, read_form),
            "reasonCodes" => irregular.fill(&mut self.reason_codes, cursor, named, read_reason_codes),
            "attention" => irregular.fill(&mut self.attention, cursor, named, |cursor| {
                Ok(read_flags(cursor, &Attention::NAMES)?.map(Attention::new))
            }),
            "parameterPoolId" => irregular.fill(&mut self.parameter_pool, cursor, named, read_form),
            "targetMarketId" => irregular.fill(&mut self.target_market_id, cursor, named, |cursor| {
                if cursor.take("null") { Ok(Ok(None)) } else { Ok(read_form(cursor)?.map(Some)) }
            }),
            "safetyGates" => irregular.fill(&mut self.safety_gates, cursor, named, |cursor| {
                Ok(read_flags(cursor, &SafetyGates::NAMES)?.map(SafetyGates::new))
            }),
            "category" => irregular.fill(&mut self.category, cursor, named, read_form),
            "target" => irregular.fill(&mut self.target, cursor, named, read_target),
            "comment" => irregular.fill(&mut self.comment, cursor, named, read_comment),
            _ => irregular.skip_unknown(cursor, named),
        }
    }

    /// The input of these members, whose object starts at `start`.
    fn into_input(self, start: usize) -> Result<Input<'a>> {
        let met = [
            ("version", self.version.name_at()),
            ("kind", self.kind.name_at()),
            ("logicalTime", self.logical_time.name_at()),
            ("strategyInstanceId", self.strategy_instance_id.name_at()),
            ("decisionClass", self.decision_class.name_at()),
            ("reasonCodes", self.reason_codes.name_at()),
            ("attention", self.attention.name_at()),
            ("parameterPoolId", self.parameter_pool.name_at()),
            ("targetMarketId", self.target_market_id.name_at()),
            ("safetyGates", self.safety_gates.name_at()),
            ("category", self.category.name_at()),
            ("target", self.target.name_at()),
            ("comment", self.comment.name_at()),
        ];
        if self.kind.name_at().is_none() {
            return Err(missing(start, "kind"));
        }
        let kind = self.kind.value()?;
        let known: &[&str] = match kind {
            KindName::Tick => &TICK_MEMBERS,
            KindName::Feedback => &FEEDBACK_MEMBERS,
        };
        self.irregular.check(start, met, known)?;
        self.version.value()?;
        let logical_time = self.logical_time.value()?;
        let kind = match kind {
            KindName::Tick => {
                let strategy_instance_id = self.strategy_instance_id.value()?;
                Kind::Tick(DecisionEvaluated {
                    decision_id: DecisionId::of(strategy_instance_id, logical_time),
                    strategy_instance_id,
                    decision_class: self.decision_class.value()?,
                    reason_codes: self.reason_codes.value()?,
                    attention: self.attention.value()?,
                    parameter_pool: self.parameter_pool.value()?,
                    target_market_id: self.target_market_id.value()?,
                    safety_gates: self.safety_gates.value()?,
                })
            }
            KindName::Feedback => {
                let category = self.category.value()?;
                let target = self.target.value()?;
                let comment = self.comment.value()?;
                let feedback_id = FeedbackId::of(logical_time, category, &target, &comment);
                Kind::Feedback(UserFeedbackRecorded { feedback_id, category, target, comment })
            }
        };
        Ok(Input { logical_time, kind })
    }
}

fn read_version(cursor: &mut Cursor<'_>) -> Result<Checked<()>> {
    let at = cursor.offset();
    Ok(read_integer(cursor)?.and_then(|version| {
        if version == FORMAT_VERSION {
            return Ok(());
        }
        Err(cursor.value_fault(Rule::Version, at, format!("{FORMAT_VERSION}")))
    }))
}

fn read_integer(cursor: &mut Cursor<'_>) -> Result<Checked<u64>> {
    let at = cursor.offset();
    let mut value = None;
    if cursor.peek().is_some_and(|byte| byte.is_ascii_digit()) {
        let text = cursor.number();
        let is_whole =
            text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
        if is_whole {
            value = text.parse().ok().filter(|value| *value <= INTEGER_MAX);
        }
    } else {
        cursor.skip_value()?;
    }
    Ok(value.ok_or_else(|| {
        let expected =
            format!("an integer from 0 to {INTEGER_MAX} (no sign, fraction, exponent or leading zero)");
        cursor.value_fault(Rule::Value, at, expected)
    }))
}

fn read_time(cursor: &mut Cursor<'_>) -> Result<Checked<LogicalTime>> {
    let at = cursor.offset();
    Ok(read_integer(cursor)?.and_then(|value| {
        LogicalTime::new(value).ok_or_else(|| cursor.value_fault(Rule::Value, at, "a logical time"))
    }))
}

fn read_form<T: Form>(cursor: &mut Cursor<'_>) -> Result<Checked<T>> {
    let at = cursor.offset();
    let value = if cursor.peek() == Some(b'"') {
        T::parse(cursor.string()?.as_bytes())
    } else {
        cursor.skip_value()?;
        None
    };
    Ok(value.ok_or_else(|| cursor.value_fault(Rule::Value, at, T::expected())))
}

fn read_reason_codes(cursor: &mut Cursor<'_>) -> Result<Checked<ReasonCodes>> {
    let at = cursor.offset();
    if cursor.peek() != Some(b'[') {
        cursor.skip_value()?;
        return Ok(Err(cursor.value_fault(Rule::Value, at, "an array of reason codes")));
    }
    let mut codes = Ok(ReasonCodes::EMPTY);
    cursor.array(|cursor| {
        let at = cursor.offset();
        let code: Checked<ReasonCode> = read_form(cursor)?;
        if let Ok(before) = codes {
            codes = code.and_then(|code| {
                before
                    .with(code)
                    .ok_or_else(|| cursor.value_fault(Rule::Value, at, "reason codes without repeats"))
            });
        }
        Ok(())
    })?;
    Ok(codes)
}

/// The members of a group of booleans.
#[derive(Debug, Default)]
struct FlagSlots {
    irregular: Irregular,
    flags: [Slot<bool>; 5],
}

fn read_flags<const N: usize>(
    cursor: &mut Cursor<'_>,
    names: &[&'static str; N],
) -> Result<Checked<[bool; N]>> {
    let start = cursor.offset();
    let slots = read_object(cursor, |slots: &mut FlagSlots, cursor, named| {
        match names.iter().position(|name| *name == named.0) {
            Some(index) => slots.irregular.fill(&mut slots.flags[index], cursor, named, read_boolean),
            None => slots.irregular.skip_unknown(cursor, named),
        }
    })?;
    Ok(slots.and_then(|FlagSlots { irregular, flags }| {
        let met: [_; N] = core::array::from_fn(|index| (names[index], flags[index].name_at()));
        irregular.check(start, met, names)?;
        let mut members = [false; N];
        for (member, slot) in members.iter_mut().zip(flags) {
            *member = slot.value()?;
        }
        Ok(members)
    }))
}

fn read_boolean(cursor: &mut Cursor<'_>) -> Result<Checked<bool>> {
    let at = cursor.offset();
    if cursor.take("true") {
        return Ok(Ok(true));
    }
    if cursor.take("false") {
        return Ok(Ok(false));
    }
    cursor.skip_value()?;
    Ok(Err(cursor.value_fault(Rule::Value, at, "true or false")))
}

/// The members of every target.
#[derive(Debug, Default)]
struct TargetSlots {
    irregular: Irregular,
    target_type: Slot<TargetName>,
    decision_id: Slot<DecisionId>,
    execution_id: Slot<ExecutionId>,
    from: Slot<LogicalTime>,
    to: Slot<LogicalTime>,
}

impl TargetSlots {
    fn read(&mut self, cursor: &mut Cursor<'_>, named: (&str, usize)) -> Result<()> {
        let irregular = &mut self.irregular;
        match named.0 {
            "type" => irregular.fill(&mut self.target_type, cursor, named, read_form),
            "decisionId" => irregular.fill(&mut self.decision_id, cursor, named, read_form),
            "executionId" => irregular.fill(&mut self.execution_id, cursor, named, read_form),
            "from" => irregular.fill(&mut self.from, cursor, named, read_time),
            "to" => irregular.fill(&mut self.to, cursor, named, read_time),
            _ => irregular.skip_unknown(cursor, named),
        }
    }

    fn into_target(self, start: usize) -> Checked<FeedbackTarget> {
        let met = [
            ("type", self.target_type.name_at()),
            ("decisionId", self.decision_id.name_at()),
            ("executionId", self.execution_id.name_at()),
            ("from", self.from.name_at()),
            ("to", self.to.name_at()),
        ];
        if self.target_type.name_at().is_none() {
            return Err(missing(start, "type"));
        }
        match self.target_type.value()? {
            TargetName::Decision => {
                self.irregular.check(start, met, &["type", "decisionId"])?;
                Ok(FeedbackTarget::Decision(self.decision_id.value()?))
            }
            TargetName::Execution => {
                self.irregular.check(start, met, &["type", "decisionId", "executionId"])?;
                Ok(FeedbackTarget::Execution(self.decision_id.value()?, self.execution_id.value()?))
            }
            TargetName::TimeWindow => {
                self.irregular.check(start, met, &["type", "from", "to"])?;
                Ok(FeedbackTarget::TimeWindow { from: self.from.value()?, to: self.to.value()? })
            }
        }
    }
}

fn read_target(cursor: &mut Cursor<'_>) -> Result<Checked<FeedbackTarget>> {
    let start = cursor.offset();
    Ok(read_object(cursor, TargetSlots::read)?.and_then(|slots| slots.into_target(start)))
}

fn read_comment<'a>(cursor: &mut Cursor<'a>) -> Result<Checked<Option<Comment<'a>>>> {
    let at = cursor.offset();
    if cursor.take("null") {
        return Ok(Ok(None));
    }
    if cursor.peek() != Some(b'"') {
        cursor.skip_value()?;
        return Ok(Err(cursor.value_fault(Rule::Value, at, "a text or null")));
    }
    let comment = Comment::new(cursor.string()?);
    Ok(comment.map(Some).ok_or_else(|| cursor.value_fault(Rule::Value, at, Comment::EXPECTED)))
}
