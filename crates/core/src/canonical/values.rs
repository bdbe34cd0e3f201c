//! The writer and the reader of each kind of value.

use alloc::string::String;

use super::{Reader, Sink, Value, write_integer, write_string};
use crate::fault::{Result, Rule};
use crate::schema::Schema;
use crate::value::{
    Attention, Comment, Decimal, DecisionClass, Form, INTEGER_MAX, LogicalTime, MarketId, ReasonCode,
    ReasonCodes, SafetyGates, Spelled, StrategyInstanceId, Uuid, read_uuid, uuid_text,
};

#[inline(always)]
fn write_quoted(sink: &mut impl Sink, text: &str) {
    sink.put(b"\"");
    sink.put(text.as_bytes());
    sink.put(b"\"");
}

/// An enumeration, by the spelling of its members; none of them needs an escape.
impl<'a, T: Spelled> Value<'a> for T {
    #[inline(always)]
    fn write(&self, sink: &mut impl Sink) {
        write_quoted(sink, (*self).into());
    }

    #[inline(always)]
    fn read(reader: &mut Reader<'a>) -> Result<Self> {
        reader.formed()
    }
}

impl<'a> Value<'a> for Uuid {
    #[inline(always)]
    fn write(&self, sink: &mut impl Sink) {
        sink.put(b"\"");
        sink.put(&uuid_text(*self));
        sink.put(b"\"");
    }

    #[inline(always)]
    fn read(reader: &mut Reader<'a>) -> Result<Self> {
        reader.fixed(read_uuid, Self::expected)
    }
}

impl<'a> Value<'a> for StrategyInstanceId {
    #[inline(always)]
    fn write(&self, sink: &mut impl Sink) {
        self.uuid().write(sink);
    }

    #[inline(always)]
    fn read(reader: &mut Reader<'a>) -> Result<Self> {
        Uuid::read(reader).map(Self::new)
    }
}

/// A text that needs no escape.
macro_rules! text_values {
    ($($text:ty),*) => { $(
        impl<'a> Value<'a> for $text {
            #[inline(always)]
            fn write(&self, sink: &mut impl Sink) {
                write_quoted(sink, self.as_str());
            }

            #[inline(always)]
            fn read(reader: &mut Reader<'a>) -> Result<Self> {
                reader.formed()
            }
        }
    )* };
}

text_values!(DecisionClass, MarketId, Decimal);

impl<'a> Value<'a> for LogicalTime {
    #[inline(always)]
    fn write(&self, sink: &mut impl Sink) {
        write_integer(sink, self.get());
    }

    #[inline(always)]
    fn read(reader: &mut Reader<'a>) -> Result<Self> {
        let at = reader.offset();
        let value = reader.integer()?;
        Self::new(value).ok_or_else(|| reader.too_great(at))
    }
}

impl<'a> Value<'a> for u64 {
    #[inline(always)]
    fn write(&self, sink: &mut impl Sink) {
        write_integer(sink, *self);
    }

    #[inline(always)]
    fn read(reader: &mut Reader<'a>) -> Result<Self> {
        let at = reader.offset();
        let value = reader.integer()?;
        if value <= INTEGER_MAX { Ok(value) } else { Err(reader.too_great(at)) }
    }
}

impl<'a> Value<'a> for bool {
    #[inline(always)]
    fn write(&self, sink: &mut impl Sink) {
        sink.put(if *self { b"true" } else { b"false" });
    }

    #[inline(always)]
    fn read(reader: &mut Reader<'a>) -> Result<Self> {
        if reader.take(b"true") {
            Ok(true)
        } else if reader.take(b"false") {
            Ok(false)
        } else {
            Err(reader.fault(Rule::Value, reader.offset(), "true or false"))
        }
    }
}

impl<'a, T: Value<'a>> Value<'a> for Option<T> {
    #[inline(always)]
    fn write(&self, sink: &mut impl Sink) {
        match self {
            Some(value) => value.write(sink),
            None => sink.put(b"null"),
        }
    }

    #[inline(always)]
    fn read(reader: &mut Reader<'a>) -> Result<Self> {
        if reader.take(b"null") { Ok(None) } else { T::read(reader).map(Some) }
    }
}

impl<'a> Value<'a> for Comment<'a> {
    fn write(&self, sink: &mut impl Sink) {
        write_string(sink, self.as_str());
    }

    fn read(reader: &mut Reader<'a>) -> Result<Self> {
        reader.comment()
    }
}

impl<'a> Value<'a> for ReasonCodes {
    #[inline(always)]
    fn write(&self, sink: &mut impl Sink) {
        let mut before: &[u8] = b"[\"";
        for code in self.iter() {
            sink.put(before);
            sink.put(code.as_str().as_bytes());
            before = b"\",\"";
        }
        sink.put(if *self == Self::EMPTY { b"[]" } else { b"\"]" });
    }

    #[inline(always)]
    fn read(reader: &mut Reader<'a>) -> Result<Self> {
        let mut codes = Self::EMPTY;
        reader.literal("[")?;
        if reader.take(b"]") {
            return Ok(codes);
        }
        loop {
            let start = reader.offset();
            let code: ReasonCode = reader.formed()?;
            codes = codes
                .with(code)
                .ok_or_else(|| reader.fault(Rule::Value, start, "reason codes without repeats"))?;
            if reader.take(b"]") {
                return Ok(codes);
            }
            reader.literal(",")?;
        }
    }
}

/// A group of booleans: an object whose members are in a fixed order.
macro_rules! flag_values {
    ($($flags:ty),*) => { $(
        impl<'a> Value<'a> for $flags {
            #[inline(always)]
            fn write(&self, sink: &mut impl Sink) {
                sink.put(b"{");
                for (token, member) in Self::TOKENS.iter().zip(self.members()) {
                    sink.put(token.as_bytes());
                    member.write(sink);
                }
                sink.put(b"}");
            }

            #[inline(always)]
            fn read(reader: &mut Reader<'a>) -> Result<Self> {
                let mut members = [false; Self::NAMES.len()];
                reader.literal("{")?;
                for ((member, token), name) in members.iter_mut().zip(Self::TOKENS).zip(Self::NAMES) {
                    *member = reader.member(token, name)?;
                }
                reader.literal("}")?;
                Ok(Self::new(members))
            }
        }
    )* };
}

flag_values!(Attention, SafetyGates);

/// The format's version, of which there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Version;

impl<'a> Value<'a> for Version {
    #[inline(always)]
    fn write(&self, sink: &mut impl Sink) {
        write_integer(sink, crate::FORMAT_VERSION);
    }

    #[inline(always)]
    fn read(reader: &mut Reader<'a>) -> Result<Self> {
        let start = reader.offset();
        if reader.integer()? == crate::FORMAT_VERSION {
            return Ok(Self);
        }
        let expected = alloc::format!("{}, the only version that this program knows", crate::FORMAT_VERSION);
        Err(reader.fault(Rule::Version, start, expected))
    }
}

impl Schema for Version {
    fn schema() -> String {
        alloc::format!("{{\"const\":{}}}", crate::FORMAT_VERSION)
    }
}
