//! A decision's reason codes: an ordered list without repeats.

use alloc::format;
use alloc::string::String;

use super::{ReasonCode, Spelled};
use crate::schema::Schema;

/// At most one of each [`ReasonCode`], in the order given. Four bits a code, first code lowest, zero ends
/// the list: a whole list fits in a word of Decision Memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReasonCodes(u32);

const BITS_PER_CODE: u32 = 4;

impl ReasonCodes {
    /// The list without any code.
    pub const EMPTY: Self = Self(0);

    /// The list with `code` at its end, or `None` if it is there already.
    #[must_use]
    pub fn with(self, code: ReasonCode) -> Option<Self> {
        if self.iter().any(|present| present == code) {
            return None;
        }
        // No repeats, so at most eight codes: the shift stays below 32.
        let used = u32::BITS - self.0.leading_zeros();
        let shift = used.div_ceil(BITS_PER_CODE) * BITS_PER_CODE;
        Some(Self(self.0 | ((code as u32 + 1) << shift)))
    }

    /// The codes, first to last.
    pub fn iter(self) -> impl Iterator<Item = ReasonCode> {
        let mut rest = self.0;
        core::iter::from_fn(move || {
            let code = (rest & 0xf).checked_sub(1)?;
            rest >>= BITS_PER_CODE;
            ReasonCode::ALL.get(code as usize).copied()
        })
    }
}

impl Schema for ReasonCodes {
    fn schema() -> String {
        format!("{{\"type\":\"array\",\"items\":{},\"uniqueItems\":true}}", ReasonCode::schema())
    }
}
