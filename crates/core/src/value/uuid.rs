//! UUIDs (RFC 9562) in the one spelling that the format knows: 8-4-4-4-12 lower-case hexadecimal digits.

use core::fmt;

use super::Form;

/// Sixteen bytes, spelled as a UUID; any version and variant.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uuid([u8; 16]);

/// The length of the spelling, in bytes.
pub(crate) const UUID_TEXT_BYTES: usize = 36;

/// Where the spelling of each byte starts.
const BYTE_AT: [usize; 16] = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];
const DASH_AT: [usize; 4] = [8, 13, 18, 23];

impl Uuid {
    /// The UUID of these bytes.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes, first digit first.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl Form for Uuid {
    const EXPECTED: &'static str = "a UUID of lower-case hexadecimal digits, 8-4-4-4-12";

    fn parse(text: &[u8]) -> Option<Self> {
        let text: &[u8; UUID_TEXT_BYTES] = text.try_into().ok()?;
        if DASH_AT.iter().any(|&at| text[at] != b'-') {
            return None;
        }
        let mut bytes = [0; 16];
        // Any digit that is none sets bits above the low nibble; one test at the end finds them all.
        let mut seen = 0;
        for (byte, &at) in bytes.iter_mut().zip(&BYTE_AT) {
            let (high, low) = (nibble(text[at]), nibble(text[at + 1]));
            seen |= high | low;
            *byte = (high << 4) | (low & 0x0f);
        }
        (seen <= 0x0f).then_some(Self(bytes))
    }

    fn as_text(&self) -> impl AsRef<str> {
        UuidText::new(*self)
    }
}

const NOT_A_DIGIT: u8 = 0xff;

/// The value of a lower-case hexadecimal digit, or [`NOT_A_DIGIT`].
pub(crate) fn nibble(digit: u8) -> u8 {
    const VALUES: [u8; 256] = {
        let mut values = [NOT_A_DIGIT; 256];
        let digits = b"0123456789abcdef";
        let mut value = 0;
        while value < 16 {
            values[digits[value as usize] as usize] = value;
            value += 1;
        }
        values
    };
    VALUES[usize::from(digit)]
}

/// The two digits of `byte`.
pub(crate) fn digits(byte: u8) -> [u8; 2] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 0x0f)]]
}

/// A UUID's spelling, on the stack.
pub(crate) struct UuidText([u8; UUID_TEXT_BYTES]);

impl UuidText {
    pub(crate) fn new(uuid: Uuid) -> Self {
        let mut text = [b'-'; UUID_TEXT_BYTES];
        for (byte, &at) in uuid.0.iter().zip(&BYTE_AT) {
            let [high, low] = digits(*byte);
            text[at] = high;
            text[at + 1] = low;
        }
        Self(text)
    }
}

impl AsRef<str> for UuidText {
    fn as_ref(&self) -> &str {
        // Only hexadecimal digits and dashes are in it.
        core::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(UuidText::new(*self).as_ref())
    }
}

impl fmt::Debug for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The strategy instance that a decision belongs to: any UUID, the nil one included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StrategyInstanceId(Uuid);

impl Form for StrategyInstanceId {
    const EXPECTED: &'static str = Uuid::EXPECTED;

    fn parse(text: &[u8]) -> Option<Self> {
        Uuid::parse(text).map(Self)
    }

    fn as_text(&self) -> impl AsRef<str> {
        UuidText::new(self.0)
    }
}

impl fmt::Display for StrategyInstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
