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

/// The UUID of this spelling. An event has two to four, so they are read eight digits at a time.
#[inline(always)]
pub(crate) fn read_uuid(text: &[u8; UUID_TEXT_BYTES]) -> Option<Uuid> {
    let [
        a @ ..,
        b'-',
        b0,
        b1,
        b2,
        b3,
        b'-',
        b4,
        b5,
        b6,
        b7,
        b'-',
        c0,
        c1,
        c2,
        c3,
        b'-',
        c4,
        c5,
        c6,
        c7,
        d0,
        d1,
        d2,
        d3,
        d4,
        d5,
        d6,
        d7,
    ] = text
    else {
        return None;
    };
    let [(a, a_fault), (b, b_fault), (c, c_fault), (d, d_fault)] = [
        read_digits(u64::from_le_bytes(*a)),
        read_digits(u64::from_le_bytes([*b0, *b1, *b2, *b3, *b4, *b5, *b6, *b7])),
        read_digits(u64::from_le_bytes([*c0, *c1, *c2, *c3, *c4, *c5, *c6, *c7])),
        read_digits(u64::from_le_bytes([*d0, *d1, *d2, *d3, *d4, *d5, *d6, *d7])),
    ];
    let bits = u128::from(a) | u128::from(b) << 32 | u128::from(c) << 64 | u128::from(d) << 96;
    let is_sound = a_fault | b_fault | c_fault | d_fault == 0;
    is_sound.then(|| Uuid::from_bytes(bits.to_le_bytes()))
}

/// The four bytes that eight lower-case hexadecimal digits spell, first digit and first byte lowest; and zero if they
/// are such digits.
#[inline(always)]
fn read_digits(text: u64) -> (u32, u64) {
    const EACH: u64 = 0x0101_0101_0101_0101;
    // Letters have bit 6, digits do not; of both, the low nibble is the value, less nine for letters.
    let values = (text & (0x0f * EACH)) + ((text >> 6) & EACH) * 9;
    // The values are spelled again. What is no digit differs then, but for the letters from g to o: their values are
    // above 15.
    let are_letters = ((values + 0x06 * EACH) >> 4) & EACH;
    let spelled = values + u64::from(b'0') * EACH + are_letters * u64::from(b'a' - b'0' - 10);
    let fault = (spelled ^ text) | (values & (0xf0 * EACH));
    let pairs = (values << 4 | values >> 8) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs | pairs >> 8) & 0x0000_ffff_0000_ffff;
    #[expect(clippy::cast_possible_truncation, reason = "the four bytes are in the lower half")]
    ((fours | fours >> 16) as u32, fault)
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
