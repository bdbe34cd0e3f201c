//! The two groups of booleans that a tick carries.

use alloc::string::String;

use crate::schema::{Schema, object};

/// The five facts by which an upstream compares its target with what it has. They speak of the switch: for
/// an instance that holds a market, of leaving it for something better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attention(u8);

/// The gates in force at a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SafetyGates(u8);

macro_rules! flags {
    ($name:ident, $count:literal, $first:literal $(, $member:literal)*) => {
        impl $name {
            /// The members' names, in the format's order.
            pub const NAMES: [&'static str; $count] = [$first $(, $member)*];

            /// The members' names as they are on disk, with the punctuation before and after each.
            pub(crate) const TOKENS: [&'static str; $count] =
                [concat!("\"", $first, "\":") $(, concat!(",\"", $member, "\":"))*];

            /// The group with these members, in the format's order.
            pub const fn new(members: [bool; $count]) -> Self {
                let mut bits = 0;
                let mut index = 0;
                while index < $count {
                    bits |= (members[index] as u8) << index;
                    index += 1;
                }
                Self(bits)
            }

            /// The members, in the format's order.
            pub fn members(self) -> [bool; $count] {
                core::array::from_fn(|index| self.0 & (1 << index) != 0)
            }
        }

        impl Schema for $name {
            fn schema() -> String {
                object(&Self::NAMES.map(|name| (name, bool::schema())))
            }
        }
    };
}

flags!(
    Attention,
    5,
    "attentionMeaningfullyHigher",
    "stabilityMeetsMinimum",
    "confidenceSufficient",
    "differencePersistsOverTime",
    "switchingCostsJustified"
);
flags!(SafetyGates, 3, "haltAll", "blockBuy", "forceSell");

impl Attention {
    /// True if all five facts hold.
    pub const fn is_better(self) -> bool {
        self.0 == 0b1_1111
    }
}

impl SafetyGates {
    /// No gate at all.
    pub const OPEN: Self = Self::new([false, false, false]);

    /// Nothing is executed but a SELL.
    pub const fn halt_all(self) -> bool {
        self.0 & 0b001 != 0
    }

    /// No BUY.
    pub const fn block_buy(self) -> bool {
        self.0 & 0b010 != 0
    }

    /// The open position is sold.
    pub const fn force_sell(self) -> bool {
        self.0 & 0b100 != 0
    }

    /// The gates of either.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// True if every gate of `other` is in force here.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}
