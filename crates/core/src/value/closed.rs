//! The closed enumerations: an unknown member is an error, never a guess.

use super::{Decimal, Form};

macro_rules! closed {
    ($( $(#[$doc:meta])* $name:ident { $( $(#[$member_doc:meta])* $member:ident = $text:literal ),* $(,)? } )*) => { $(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $( $(#[$member_doc])* $member ),* }

        impl $name {
            /// All members, in the format's order.
            pub const ALL: &'static [Self] = &[$( Self::$member ),*];

            /// The member's spelling on disk.
            pub const fn as_str(self) -> &'static str {
                match self { $( Self::$member => $text ),* }
            }
        }

        impl Form for $name {
            const EXPECTED: &'static str = concat!("one of" $(, " ", $text)*);

            fn parse(text: &[u8]) -> Option<Self> {
                $( if text == $text.as_bytes() { return Some(Self::$member); } )*
                None
            }

            fn as_text(&self) -> impl AsRef<str> {
                self.as_str()
            }
        }

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    )* };
}

closed! {
    /// Why the upstream decided as it did.
    ReasonCode {
        /// No reason was given.
        Unknown = "UNKNOWN",
        /// Another market deserves more attention.
        AttentionSuperior = "ATTENTION_SUPERIOR",
        /// No market deserves more attention.
        AttentionInsufficient = "ATTENTION_INSUFFICIENT",
        /// The difference is not stable enough.
        StabilityInsufficient = "STABILITY_INSUFFICIENT",
        /// The hold time is not over.
        HoldTimeActive = "HOLD_TIME_ACTIVE",
        /// The cooldown is not over.
        CooldownActive = "COOLDOWN_ACTIVE",
        /// A safety gate was asked for.
        SafetyTriggered = "SAFETY_TRIGGERED",
        /// A check before the decision failed.
        PreflightBlocked = "PREFLIGHT_BLOCKED",
    }

    /// Who asked for an order.
    Origin {
        /// The tick's own decision.
        Strategy = "STRATEGY",
        /// Safety, which sells the open position.
        Safety = "SAFETY",
    }

    /// The direction of an order.
    Side {
        /// Open a position.
        Buy = "BUY",
        /// Close a position.
        Sell = "SELL",
    }

    /// Why no order intent followed from a decision.
    SkipReason {
        /// Not all five attention facts hold.
        AttentionNegative = "ATTENTION_NEGATIVE",
        /// The instance holds, and its hold time is not over.
        HoldTimeActive = "HOLD_TIME_ACTIVE",
        /// The instance has sold, and its cooldown is not over.
        CooldownActive = "COOLDOWN_ACTIVE",
        /// The gate blockBuy is in force.
        SafetyBlocked = "SAFETY_BLOCKED",
        /// The tick names no market to buy.
        MissingTargetMarket = "MISSING_TARGET_MARKET",
    }

    /// What safety said.
    SafetyResult {
        /// The intent, if any, may be executed.
        Allow = "ALLOW",
        /// The BUY is not executed.
        BlockBuy = "BLOCK_BUY",
        /// The open position is sold now.
        ForceSell = "FORCE_SELL",
        /// Nothing is executed.
        Halt = "HALT",
    }

    /// By which rule safety said so.
    SafetyReason {
        /// The gate haltAll is in force.
        HaltAllActive = "HALT_ALL_ACTIVE",
        /// The gate blockBuy is in force.
        BuyBlocked = "BUY_BLOCKED",
        /// The gate forceSell is in force, and a position is open.
        ForceSellActive = "FORCE_SELL_ACTIVE",
        /// A BUY, while a position is open.
        PositionAlreadyOpen = "POSITION_ALREADY_OPEN",
    }

    /// Where an order is executed.
    Plane {
        /// On paper: filled in full, always.
        Paper = "PAPER",
    }

    /// What became of an execution.
    Status {
        /// The whole allocation was filled.
        Filled = "FILLED",
        /// A part of the allocation was filled; not produced on paper.
        PartiallyFilled = "PARTIALLY_FILLED",
        /// Nothing was filled; not produced on paper.
        Failed = "FAILED",
    }

    /// Why an execution failed.
    FailureReason {
        /// There was no venue to execute on.
        ExecutionNotAvailable = "EXECUTION_NOT_AVAILABLE",
        /// The venue refused.
        ExecutionRejected = "EXECUTION_REJECTED",
    }

    /// What feedback speaks of.
    FeedbackCategory {
        /// Was the decision good?
        DecisionQuality = "DECISION_QUALITY",
        /// Was the risk comfortable?
        RiskComfort = "RISK_COMFORT",
        /// Did the system behave?
        SystemBehavior = "SYSTEM_BEHAVIOR",
    }

    /// A named set of parameters. Times are in units of logicalTime.
    ParameterPool {
        /// Allocation 0.25, hold time 10, cooldown 10.
        Cautious = "cautious@v1",
        /// Allocation 0.5, hold time 5, cooldown 5.
        Balanced = "balanced@v1",
        /// Allocation 1, hold time 2, cooldown 2.
        Assertive = "assertive@v1",
    }
}

impl ParameterPool {
    /// What a BUY of this pool asks for, as the text that goes to disk.
    pub const fn allocation(self) -> Decimal {
        match self {
            Self::Cautious => Decimal::constant("0.25"),
            Self::Balanced => Decimal::constant("0.5"),
            Self::Assertive => Decimal::constant("1"),
        }
    }

    /// How long a position is held at least, in units of logicalTime.
    pub const fn hold_time(self) -> u64 {
        match self {
            Self::Cautious => 10,
            Self::Balanced => 5,
            Self::Assertive => 2,
        }
    }

    /// How long the instance waits after a sale, in units of logicalTime.
    pub const fn cooldown(self) -> u64 {
        match self {
            Self::Cautious => 10,
            Self::Balanced => 5,
            Self::Assertive => 2,
        }
    }
}
