//! Integers and the only time there is.

use alloc::string::String;
use core::fmt;

use crate::schema::{Schema, integer};

/// The greatest integer of the format, 2^53 − 1: every JSON reader in the world keeps it exactly.
pub const INTEGER_MAX: u64 = (1 << 53) - 1;

/// The only time in the stores: an integer from 0 to 2^53 − 1, in whatever unit the upstream counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LogicalTime(u64);

impl LogicalTime {
    /// The time `value`, unless it exceeds 2^53 − 1.
    pub const fn new(value: u64) -> Option<Self> {
        if value <= INTEGER_MAX { Some(Self(value)) } else { None }
    }

    /// The number.
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for LogicalTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Schema for LogicalTime {
    fn schema() -> String {
        integer(0)
    }
}
