//! The values of the format, parsed once into types that cannot hold anything else.

mod enumerations;
mod flags;
mod reasons;
mod text;
mod time;
mod uuid;

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

pub use self::uuid::{StrategyInstanceId, Uuid};
pub use enumerations::{
    FailureReason, FeedbackCategory, Origin, ParameterPool, Plane, ReasonCode, SafetyReason, SafetyResult,
    Side, SkipReason, Spelled, Status,
};
pub use flags::{Attention, SafetyGates};
pub use reasons::ReasonCodes;
pub use text::{Comment, Decimal, DecisionClass, MarketId};
pub use time::{INTEGER_MAX, LogicalTime};

use crate::schema::Schema;

pub(crate) use self::uuid::{UUID_TEXT_BYTES, read_uuid, uuid_text};

/// A value that is a JSON string of a certain form, on disk and in inputs.
pub trait Form: Sized + Schema {
    /// The form, for a message about another text.
    fn expected() -> String;

    /// The value of `text`, if it has the form.
    fn parse(text: &[u8]) -> Option<Self>;
}

impl<T: Spelled> Form for T {
    fn expected() -> String {
        let spellings: Vec<&str> = T::ALL.iter().map(|member| member.as_str()).collect();
        format!("one of {}", spellings.join(" "))
    }

    fn parse(text: &[u8]) -> Option<Self> {
        T::ALL.iter().copied().find(|member| member.as_str().as_bytes() == text)
    }
}
