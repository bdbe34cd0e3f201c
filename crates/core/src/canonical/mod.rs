//! Canonical JSON: exactly one encoding of each event and snapshot.
//!
//! Each shape is declared once, by `record!`, with its members in the order of the disk; writer and reader
//! both come from that declaration. The reader compares the bytes that must stand there and parses only the
//! values, so it needs no second, general parser to be sure that a line is canonical.

mod reader;
pub(crate) mod record;
mod writer;

pub use reader::Reader;
pub(crate) use record::record;
pub use writer::{Sink, write_integer, write_string};

use crate::fault::Result;
use crate::value::{
    Attention, Comment, Decimal, DecisionClass, FailureReason, FeedbackCategory, INTEGER_MAX, LogicalTime,
    MarketId, Origin, ParameterPool, Plane, ReasonCodes, SafetyGates, SafetyReason, SafetyResult, Side,
    SkipReason, Status, StrategyInstanceId, Uuid,
};

/// One value of a member.
pub(crate) trait Value<'a>: Sized {
    /// Appends the value's only encoding.
    fn write(&self, sink: &mut impl Sink);

    /// Reads the value, refusing every encoding but that one.
    fn read(reader: &mut Reader<'a>) -> Result<Self>;
}

/// Members that stand next to each other inside an object, each preceded by a comma.
pub(crate) trait Members<'a>: Sized {
    /// Appends `,"name":value` for each member.
    fn write_members(&self, sink: &mut impl Sink);

    /// Reads what [`Members::write_members`] writes.
    fn read_members(reader: &mut Reader<'a>) -> Result<Self>;
}

/// A string of its form is the whole encoding of these.
macro_rules! formed_values {
    ($($form:ty),* $(,)?) => { $(
        impl<'a> $crate::canonical::Value<'a> for $form {
            fn write(&self, sink: &mut impl $crate::canonical::Sink) {
                sink.put(b"\"");
                sink.put($crate::value::Form::as_text(self).as_ref().as_bytes());
                sink.put(b"\"");
            }

            fn read(reader: &mut $crate::canonical::Reader<'a>) -> $crate::fault::Result<Self> {
                reader.formed()
            }
        }
    )* };
}

pub(crate) use formed_values;

formed_values!(
    Uuid,
    StrategyInstanceId,
    DecisionClass,
    MarketId,
    Decimal,
    Origin,
    Side,
    SkipReason,
    SafetyResult,
    SafetyReason,
    Status,
    FailureReason,
    FeedbackCategory,
    ParameterPool,
);

impl<'a> Value<'a> for Plane {
    fn write(&self, sink: &mut impl Sink) {
        sink.put(b"\"");
        sink.put(self.as_str().as_bytes());
        sink.put(b"\"");
    }

    fn read(reader: &mut Reader<'a>) -> Result<Self> {
        reader.plane()
    }
}

impl<'a> Value<'a> for LogicalTime {
    fn write(&self, sink: &mut impl Sink) {
        write_integer(sink, self.get());
    }

    fn read(reader: &mut Reader<'a>) -> Result<Self> {
        let at = reader.offset();
        let value = reader.integer()?;
        Self::new(value).ok_or_else(|| reader.too_great(at))
    }
}

impl<'a> Value<'a> for u64 {
    fn write(&self, sink: &mut impl Sink) {
        write_integer(sink, *self);
    }

    fn read(reader: &mut Reader<'a>) -> Result<Self> {
        let at = reader.offset();
        let value = reader.integer()?;
        if value <= INTEGER_MAX { Ok(value) } else { Err(reader.too_great(at)) }
    }
}

impl<'a> Value<'a> for bool {
    fn write(&self, sink: &mut impl Sink) {
        sink.put(if *self { b"true" } else { b"false" });
    }

    fn read(reader: &mut Reader<'a>) -> Result<Self> {
        reader.boolean()
    }
}

impl<'a, T: Value<'a>> Value<'a> for Option<T> {
    fn write(&self, sink: &mut impl Sink) {
        match self {
            Some(value) => value.write(sink),
            None => sink.put(b"null"),
        }
    }

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
    fn write(&self, sink: &mut impl Sink) {
        let mut before: &[u8] = b"[\"";
        for code in self.iter() {
            sink.put(before);
            sink.put(code.as_str().as_bytes());
            before = b"\",\"";
        }
        sink.put(if *self == Self::EMPTY { b"[]" } else { b"\"]" });
    }

    fn read(reader: &mut Reader<'a>) -> Result<Self> {
        reader.reason_codes()
    }
}

macro_rules! flag_values {
    ($($flags:ident),*) => { $(
        impl<'a> Value<'a> for $flags {
            fn write(&self, sink: &mut impl Sink) {
                let mut before: &[u8] = b"{\"";
                for (name, member) in Self::NAMES.iter().zip(self.members()) {
                    sink.put(before);
                    sink.put(name.as_bytes());
                    sink.put(if member { b"\":true" } else { b"\":false" });
                    before = b",\"";
                }
                sink.put(b"}");
            }

            fn read(reader: &mut Reader<'a>) -> Result<Self> {
                let members = reader.booleans(&Self::NAMES)?;
                Ok(Self::new(members))
            }
        }
    )* };
}

flag_values!(Attention, SafetyGates);
