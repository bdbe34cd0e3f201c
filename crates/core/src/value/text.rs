//! The opaque texts: kept as they are, never rounded, folded or normalized.

use alloc::borrow::Cow;
use alloc::string::String;
use core::fmt;
use core::hash::{Hash, Hasher};

use super::Form;
use crate::schema::Schema;

/// Up to `MAX` bytes of ASCII, without an allocation. The bytes after the text are zero.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Inline<const MAX: usize> {
    bytes: [u8; MAX],
    bytes_used: u8,
}

impl<const MAX: usize> Inline<MAX> {
    /// The text, unless it is too long. The caller has checked that it is ASCII.
    fn new(text: &[u8]) -> Option<Self> {
        let mut bytes = [0; MAX];
        bytes.get_mut(..text.len())?.copy_from_slice(text);
        Some(Self { bytes, bytes_used: u8::try_from(text.len()).ok()? })
    }

    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.bytes_used)]
    }
}

/// Of the text alone, so that a short one is hashed quickly.
impl<const MAX: usize> Hash for Inline<MAX> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write(self.as_bytes());
    }
}

macro_rules! inline_text {
    ($(#[$doc:meta])* $name:ident, $max:literal, $expected:literal, $has_form:path, $pattern:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash)]
        pub struct $name(Inline<$max>);

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                core::str::from_utf8(self.0.as_bytes()).expect("only ASCII has the form")
            }
        }

        impl Form for $name {
            fn expected() -> String {
                $expected.into()
            }

            fn parse(text: &[u8]) -> Option<Self> {
                if $has_form(text) { Inline::new(text).map(Self) } else { None }
            }
        }

        impl Schema for $name {
            fn schema() -> String {
                concat!(
                    "{\"type\":\"string\",\"maxLength\":",
                    $max,
                    ",\"pattern\":\"",
                    $pattern,
                    "\"}"
                )
                .into()
            }
        }

        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
                Some(self.cmp(other))
            }
        }

        /// In byte order of the text.
        impl Ord for $name {
            fn cmp(&self, other: &Self) -> core::cmp::Ordering {
                self.0.as_bytes().cmp(other.0.as_bytes())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

inline_text!(
    /// A market, by the name that the upstream gives it.
    MarketId,
    64,
    "a market id of 1 to 64 characters of A-Z a-z 0-9 . _ : / -",
    is_market_id,
    "^[A-Za-z0-9._:/-]+$"
);

inline_text!(
    /// A decimal number as text: opaque, never computed with.
    Decimal,
    64,
    "a decimal number like 0.25 (no exponent, no leading zeros) of at most 64 bytes",
    is_decimal,
    "^-?(0|[1-9][0-9]*)([.][0-9]+)?$"
);

inline_text!(
    /// The class of a decision: `<domain>.<action>.<variant>@v<version>`.
    DecisionClass,
    128,
    "a decision class <domain>.<action>.<variant>@v<version> of at most 128 bytes",
    is_decision_class,
    "^[A-Za-z0-9_-]+[.][A-Za-z0-9_-]+[.][A-Za-z0-9_-]+@v[1-9][0-9]*$"
);

#[inline]
fn is_market_id(text: &[u8]) -> bool {
    let is_part =
        |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b':' | b'/' | b'-');
    !text.is_empty() && text.iter().all(is_part)
}

#[inline]
fn is_decimal(text: &[u8]) -> bool {
    let (whole, fraction) = match text.iter().position(|&byte| byte == b'.') {
        Some(point) => (&text[..point], Some(&text[point + 1..])),
        None => (text, None),
    };
    is_whole_number(whole.strip_prefix(b"-").unwrap_or(whole))
        && fraction.is_none_or(|digits| !digits.is_empty() && digits.iter().all(u8::is_ascii_digit))
}

/// Every decision has a class, so its form is checked in one pass.
#[inline]
fn is_decision_class(text: &[u8]) -> bool {
    let (mut parts, mut part_bytes) = (1, 0);
    for (at, byte) in text.iter().enumerate() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-' => part_bytes += 1,
            b'.' if part_bytes > 0 => (parts, part_bytes) = (parts + 1, 0),
            b'@' if part_bytes > 0 && parts == 3 => {
                let version = text[at + 1..].strip_prefix(b"v");
                return version.is_some_and(|digits| digits != b"0" && is_whole_number(digits));
            }
            _ => return false,
        }
    }
    false
}

/// Digits without leading zeros.
#[inline]
fn is_whole_number(digits: &[u8]) -> bool {
    match digits {
        [] | [b'0', _, ..] => false,
        [..] => digits.iter().all(u8::is_ascii_digit),
    }
}

impl Decimal {
    /// Nothing: the quantity of a closed position and of a failed execution.
    pub const ZERO: Self = Self::constant("0");

    /// A decimal of this program, known to have the form.
    pub(super) const fn constant(text: &'static str) -> Self {
        let mut bytes = [0; 64];
        let mut index = 0;
        while index < text.len() {
            bytes[index] = text.as_bytes()[index];
            index += 1;
        }
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the loop above ends within 64 bytes, or not at all"
        )]
        let bytes_used = index as u8;
        Self(Inline { bytes, bytes_used })
    }
}

/// The comment of a feedback: at most 4,096 bytes of UTF-8, unescaped; not normalized.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment<'a>(Cow<'a, str>);

impl<'a> Comment<'a> {
    /// The longest comment, in bytes of UTF-8, unescaped.
    pub const BYTES_MAX: usize = 4_096;

    /// The form of a comment, for messages.
    pub const EXPECTED: &'static str = "a text of at most 4096 bytes of UTF-8";

    /// The comment `text`, unless it is too long.
    pub fn new(text: Cow<'a, str>) -> Option<Self> {
        (text.len() <= Self::BYTES_MAX).then_some(Self(text))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The same comment, which no longer borrows from its line.
    pub fn into_owned(self) -> Comment<'static> {
        Comment(Cow::Owned(self.0.into_owned()))
    }
}

/// The limit counts characters, of which a comment has no more than bytes.
impl Schema for Comment<'_> {
    fn schema() -> String {
        alloc::format!("{{\"type\":\"string\",\"maxLength\":{}}}", Self::BYTES_MAX)
    }
}
