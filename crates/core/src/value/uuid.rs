//! UUIDs (RFC 9562) in the one spelling that the format knows: 8-4-4-4-12 lower-case hexadecimal digits.

use alloc::string::String;
use core::fmt;

pub use ::uuid::Uuid;
use ::uuid::fmt::Hyphenated;

use super::Form;
use crate::schema::Schema;

/// The length of the spelling, in bytes.
pub(crate) const UUID_TEXT_BYTES: usize = Hyphenated::LENGTH;

/// The spelling.
#[inline(always)]
pub(crate) fn uuid_text(uuid: Uuid) -> [u8; UUID_TEXT_BYTES] {
    let mut text = [0; UUID_TEXT_BYTES];
    uuid.hyphenated().encode_lower(&mut text);
    text
}

/// The UUID of this spelling. An event has two to four, so each step is one on all digits at once: the compiler makes
/// vector instructions of it.
#[inline(always)]
pub(crate) fn read_uuid(text: &[u8; UUID_TEXT_BYTES]) -> Option<Uuid> {
    let mut digits = [0; 32];
    digits[..8].copy_from_slice(&text[..8]);
    digits[8..12].copy_from_slice(&text[9..13]);
    digits[12..16].copy_from_slice(&text[14..18]);
    digits[16..20].copy_from_slice(&text[19..23]);
    digits[20..].copy_from_slice(&text[24..]);
    let mut fault = 0;
    for at in [8, 13, 18, 23] {
        fault |= text[at] ^ b'-';
    }
    // Letters have bit 6, digits do not; of both, the low nibble is the value, less nine for letters.
    let values = digits.map(|digit| (digit & 0x0f) + (digit >> 6) * 9);
    for (digit, value) in digits.into_iter().zip(values) {
        // The value is spelled again. What is no digit differs then, but for the letters from g to o: their values are
        // above 15.
        let spelled = value + if value > 9 { b'a' - 10 } else { b'0' };
        fault |= (spelled ^ digit) | (value & 0xf0);
    }
    let mut bytes = [0; 16];
    for (byte, pair) in bytes.iter_mut().zip(values.as_chunks::<2>().0) {
        *byte = pair[0] << 4 | pair[1];
    }
    (fault == 0).then(|| Uuid::from_bytes(bytes))
}

impl Form for Uuid {
    fn expected() -> String {
        "a UUID of lower-case hexadecimal digits, 8-4-4-4-12".into()
    }

    fn parse(text: &[u8]) -> Option<Self> {
        read_uuid(text.try_into().ok()?)
    }
}

impl Schema for Uuid {
    fn schema() -> String {
        r#"{"type":"string","pattern":"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"}"#
            .into()
    }
}

/// The strategy instance that a decision belongs to: any UUID, the nil one included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StrategyInstanceId(Uuid);

impl StrategyInstanceId {
    /// The instance of this UUID.
    pub const fn new(uuid: Uuid) -> Self {
        Self(uuid)
    }

    /// The id as a UUID.
    pub const fn uuid(self) -> Uuid {
        self.0
    }
}

impl Form for StrategyInstanceId {
    fn expected() -> String {
        Uuid::expected()
    }

    fn parse(text: &[u8]) -> Option<Self> {
        Uuid::parse(text).map(Self)
    }
}

impl Schema for StrategyInstanceId {
    fn schema() -> String {
        Uuid::schema()
    }
}

impl fmt::Display for StrategyInstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
