//! The inputs of an upstream: ticks and feedback, one JSON object a line.
//!
//! A line is read once: each value is parsed into the slot of its member. A fault of a value is kept in the slot until
//! the whole line is known to be JSON. So faults are reported in a fixed order, whatever the order of the members:
//! syntax, kind, unknown and repeated members, missing members, values.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use strum::{Display, IntoStaticStr, VariantArray};

use crate::canonical::Members as _;
use crate::event::{DecisionEvaluated, FeedbackTarget, Head, UserFeedbackRecorded, line_too_long};
use crate::fault::{Fault, Result, Rule, excerpt};
use crate::id::{DecisionId, ExecutionId, FeedbackId};
use crate::json::{Cursor, within};
use crate::schema::{self, constant, object, one_of};
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

/// Declares the members of an object: a slot for each, and the reader that fills them.
macro_rules! slots {
    ($(#[$doc:meta])* $name:ident $(<$life:lifetime>)? from Cursor<$text:lifetime> {
        $($field:ident: $ty:ty = $key:literal),* $(,)?
    }) => {
        $(#[$doc])*
        #[derive(Debug, Default)]
        struct $name $(<$life>)? {
            irregular: Irregular,
            $($field: Slot<$ty>,)*
        }

        impl $(<$life>)? $name $(<$life>)? {
            fn read(&mut self, cursor: &mut Cursor<$text>, named: (&str, usize)) -> Result<()> {
                let irregular = &mut self.irregular;
                match named.0 {
                    $($key => irregular.fill(&mut self.$field, cursor, named, Given::read),)*
                    _ => irregular.skip_unknown(cursor, named),
                }
            }

            /// The name of each member, and its offset if the object has it.
            fn met(&self) -> [(&'static str, Option<usize>); [$($key),*].len()] {
                [$(($key, self.$field.name_at())),*]
            }
        }
    };
}

slots! {
    /// The members of both kinds.
    Slots<'a> from Cursor<'a> {
        version: Version = "version",
        kind: KindName = "kind",
        logical_time: LogicalTime = "logicalTime",
        strategy_instance_id: StrategyInstanceId = "strategyInstanceId",
        decision_class: DecisionClass = "decisionClass",
        reason_codes: ReasonCodes = "reasonCodes",
        attention: Attention = "attention",
        parameter_pool: ParameterPool = "parameterPoolId",
        target_market_id: Option<MarketId> = "targetMarketId",
        safety_gates: SafetyGates = "safetyGates",
        category: FeedbackCategory = "category",
        target: FeedbackTarget = "target",
        comment: Option<Comment<'a>> = "comment",
    }
}

impl KindName {
    /// The members of an input of this kind.
    const fn members(self) -> &'static [&'static str] {
        match self {
            Self::Tick => &[
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
            ],
            Self::Feedback => &["version", "kind", "logicalTime", "category", "target", "comment"],
        }
    }
}

impl<'a> Slots<'a> {
    /// The input of these members, whose object starts at `start`.
    fn into_input(self, start: usize) -> Result<Input<'a>> {
        let met = self.met();
        if self.kind.name_at().is_none() {
            return Err(missing(start, "kind"));
        }
        let kind = self.kind.value().map_err(|fault| Box::new(Fault { rule: Rule::Type, ..*fault }))?;
        self.irregular.check(start, met, kind.members())?;
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

/// A value of an input.
trait Given<'a>: Sized {
    /// Reads the value at the cursor.
    fn read(cursor: &mut Cursor<'a>) -> Result<Checked<Self>>;
}

/// The format's version.
#[derive(Debug)]
struct Version;

impl<'a> Given<'a> for Version {
    fn read(cursor: &mut Cursor<'a>) -> Result<Checked<Self>> {
        let at = cursor.offset();
        Ok(read_integer(cursor)?.and_then(|version| {
            if version == FORMAT_VERSION {
                return Ok(Self);
            }
            Err(cursor.value_fault(Rule::Version, at, format!("{FORMAT_VERSION}")))
        }))
    }
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

impl<'a> Given<'a> for LogicalTime {
    fn read(cursor: &mut Cursor<'a>) -> Result<Checked<Self>> {
        let at = cursor.offset();
        Ok(read_integer(cursor)?.and_then(|value| {
            Self::new(value).ok_or_else(|| cursor.value_fault(Rule::Value, at, "a logical time"))
        }))
    }
}

impl<'a, T: Form> Given<'a> for T {
    fn read(cursor: &mut Cursor<'a>) -> Result<Checked<Self>> {
        let at = cursor.offset();
        let value = if cursor.peek() == Some(b'"') {
            T::parse(cursor.string()?.as_bytes())
        } else {
            cursor.skip_value()?;
            None
        };
        Ok(value.ok_or_else(|| cursor.value_fault(Rule::Value, at, T::expected())))
    }
}

impl<'a, T: Given<'a>> Given<'a> for Option<T> {
    fn read(cursor: &mut Cursor<'a>) -> Result<Checked<Self>> {
        if cursor.take("null") { Ok(Ok(None)) } else { Ok(T::read(cursor)?.map(Some)) }
    }
}

impl<'a> Given<'a> for ReasonCodes {
    fn read(cursor: &mut Cursor<'a>) -> Result<Checked<Self>> {
        let at = cursor.offset();
        if cursor.peek() != Some(b'[') {
            cursor.skip_value()?;
            return Ok(Err(cursor.value_fault(Rule::Value, at, "an array of reason codes")));
        }
        let mut codes = Ok(Self::EMPTY);
        cursor.array(|cursor| {
            let at = cursor.offset();
            let code: Checked<ReasonCode> = Given::read(cursor)?;
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
}

impl<'a> Given<'a> for Attention {
    fn read(cursor: &mut Cursor<'a>) -> Result<Checked<Self>> {
        Ok(read_flags(cursor, &Self::NAMES)?.map(Self::new))
    }
}

impl<'a> Given<'a> for SafetyGates {
    fn read(cursor: &mut Cursor<'a>) -> Result<Checked<Self>> {
        Ok(read_flags(cursor, &Self::NAMES)?.map(Self::new))
    }
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
            Some(index) => slots.irregular.fill(&mut slots.flags[index], cursor, named, Given::read),
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

impl<'a> Given<'a> for bool {
    fn read(cursor: &mut Cursor<'a>) -> Result<Checked<Self>> {
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
}

slots! {
    /// The members of every target.
    TargetSlots from Cursor<'_> {
        target_type: TargetName = "type",
        decision_id: DecisionId = "decisionId",
        execution_id: ExecutionId = "executionId",
        from: LogicalTime = "from",
        to: LogicalTime = "to",
    }
}

impl TargetName {
    /// The members of a target of this type.
    const fn members(self) -> &'static [&'static str] {
        match self {
            Self::Decision => &["type", "decisionId"],
            Self::Execution => &["type", "decisionId", "executionId"],
            Self::TimeWindow => &["type", "from", "to"],
        }
    }
}

impl TargetSlots {
    fn into_target(self, start: usize) -> Checked<FeedbackTarget> {
        let met = self.met();
        if self.target_type.name_at().is_none() {
            return Err(missing(start, "type"));
        }
        let target_type = self.target_type.value()?;
        self.irregular.check(start, met, target_type.members())?;
        match target_type {
            TargetName::Decision => Ok(FeedbackTarget::Decision(self.decision_id.value()?)),
            TargetName::Execution => {
                Ok(FeedbackTarget::Execution(self.decision_id.value()?, self.execution_id.value()?))
            }
            TargetName::TimeWindow => {
                Ok(FeedbackTarget::TimeWindow { from: self.from.value()?, to: self.to.value()? })
            }
        }
    }
}

impl<'a> Given<'a> for FeedbackTarget {
    fn read(cursor: &mut Cursor<'a>) -> Result<Checked<Self>> {
        let start = cursor.offset();
        Ok(read_object(cursor, TargetSlots::read)?.and_then(|slots| slots.into_target(start)))
    }
}

impl<'a> Given<'a> for Comment<'a> {
    fn read(cursor: &mut Cursor<'a>) -> Result<Checked<Self>> {
        let at = cursor.offset();
        if cursor.peek() != Some(b'"') {
            cursor.skip_value()?;
            return Ok(Err(cursor.value_fault(Rule::Value, at, "a text or null")));
        }
        let comment = Comment::new(cursor.string()?);
        Ok(comment.ok_or_else(|| cursor.value_fault(Rule::Value, at, Comment::EXPECTED)))
    }
}

/// The schema of an input, on one line, from the declarations of what is recorded of it.
pub fn schema() -> String {
    let mut known = schema::Members::new();
    Head::describe_members(&mut known);
    DecisionEvaluated::describe_members(&mut known);
    UserFeedbackRecorded::describe_members(&mut known);
    let kinds: Vec<String> = KindName::ALL.iter().map(|kind| kind.schema(&known)).collect();
    schema::document("An input of dreichor", &one_of(&kinds))
}

impl KindName {
    /// The schema of an input of this kind, whose members but `kind` are among the known ones.
    fn schema(self, known: &schema::Members) -> String {
        let members = self.members().iter().map(|name| match known.iter().find(|(known, _)| known == name) {
            Some(member) => member.clone(),
            None if *name == "kind" => ("kind", constant(self.as_str())),
            None => unreachable!("every other member is recorded"),
        });
        object(&members.collect::<Vec<_>>())
    }
}
