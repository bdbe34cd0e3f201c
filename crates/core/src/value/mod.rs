//! The values of the format, parsed once into types that cannot hold anything else.

mod closed;
mod flags;
mod reasons;
mod text;
mod time;
mod uuid;

pub use closed::{
    FailureReason, FeedbackCategory, Origin, ParameterPool, Plane, ReasonCode, SafetyReason, SafetyResult,
    Side, SkipReason, Status,
};
pub use flags::{Attention, SafetyGates};
pub use reasons::ReasonCodes;
pub use text::{Comment, Decimal, DecisionClass, MarketId};
pub use time::{INTEGER_MAX, LogicalTime};
pub use uuid::{StrategyInstanceId, Uuid};

pub(crate) use uuid::{UUID_TEXT_BYTES, UuidText, digits as hex_digits, nibble as hex_nibble};

/// A value that stands on disk and in inputs as a JSON string of a certain form.
pub trait Form: Sized {
    /// What a reader of an error should have written instead.
    const EXPECTED: &'static str;

    /// The value of `text`, if it has the form.
    fn parse(text: &[u8]) -> Option<Self>;

    /// The value's text; never needs a JSON escape.
    fn as_text(&self) -> impl AsRef<str>;
}
