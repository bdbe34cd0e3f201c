//! The closed enumerations: an unknown member is an error, never a guess.
//!
//! Each derives its spellings from the names of its members (`strum`), so that reader, writer and messages have them
//! from one place.

use strum::{Display, IntoStaticStr, VariantArray};

use super::Decimal;

/// An enumeration whose members are known by their spelling, which needs no escape in JSON.
pub trait Spelled: VariantArray + Into<&'static str> + Copy {
    /// All members, in the order of their declaration.
    const ALL: &'static [Self] = Self::VARIANTS;

    /// The member's spelling.
    fn as_str(self) -> &'static str {
        self.into()
    }
}

impl Spelled for ReasonCode {}
impl Spelled for Origin {}
impl Spelled for Side {}
impl Spelled for SkipReason {}
impl Spelled for SafetyResult {}
impl Spelled for SafetyReason {}
impl Spelled for Plane {}
impl Spelled for Status {}
impl Spelled for FailureReason {}
impl Spelled for FeedbackCategory {}
impl Spelled for ParameterPool {}

/// Why the upstream decided as it did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Display, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum ReasonCode {
    /// No reason was given.
    Unknown,
    /// Another market deserves more attention.
    AttentionSuperior,
    /// No market deserves more attention.
    AttentionInsufficient,
    /// The difference is not stable enough.
    StabilityInsufficient,
    /// The hold time is not over.
    HoldTimeActive,
    /// The cooldown is not over.
    CooldownActive,
    /// A safety gate was asked for.
    SafetyTriggered,
    /// A check before the decision failed.
    PreflightBlocked,
}

/// The origin of an order intent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Display, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum Origin {
    /// The tick's own decision.
    Strategy,
    /// Safety, which sells the open position.
    Safety,
}

/// The direction of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Display, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum Side {
    /// Open a position.
    Buy,
    /// Close a position.
    Sell,
}

/// Why no order intent followed from a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Display, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum SkipReason {
    /// Not all five attention facts hold.
    AttentionNegative,
    /// The instance holds, and its hold time is not over.
    HoldTimeActive,
    /// The instance has sold, and its cooldown is not over.
    CooldownActive,
    /// The gate blockBuy is in force.
    SafetyBlocked,
    /// The tick names no market to buy.
    MissingTargetMarket,
}

/// The result of safety's evaluation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Display, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum SafetyResult {
    /// The intent, if any, may be executed.
    Allow,
    /// The BUY is not executed.
    BlockBuy,
    /// The open position is sold now.
    ForceSell,
    /// Nothing is executed.
    Halt,
}

/// The rule that gave safety's result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Display, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum SafetyReason {
    /// The gate haltAll is in force.
    HaltAllActive,
    /// The gate blockBuy is in force.
    BuyBlocked,
    /// The gate forceSell is in force, and a position is open.
    ForceSellActive,
    /// A BUY, while a position is open.
    PositionAlreadyOpen,
}

/// Where an order is executed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Display, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum Plane {
    /// On paper: filled in full, always.
    Paper,
}

/// How an execution ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Display, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    /// The whole allocation was filled.
    Filled,
    /// A part of the allocation was filled; not produced on paper.
    PartiallyFilled,
    /// Nothing was filled; not produced on paper.
    Failed,
}

/// Why an execution failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Display, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum FailureReason {
    /// There was no venue to execute on.
    ExecutionNotAvailable,
    /// The venue refused.
    ExecutionRejected,
}

/// The subject of feedback.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Display, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum FeedbackCategory {
    /// Was the decision good?
    DecisionQuality,
    /// Was the risk comfortable?
    RiskComfort,
    /// Did the system behave?
    SystemBehavior,
}

/// A named set of parameters. Times are in units of logicalTime.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Display, IntoStaticStr, VariantArray)]
pub enum ParameterPool {
    /// Allocation 0.25, hold time 10, cooldown 10.
    #[strum(serialize = "cautious@v1")]
    Cautious,
    /// Allocation 0.5, hold time 5, cooldown 5.
    #[strum(serialize = "balanced@v1")]
    Balanced,
    /// Allocation 1, hold time 2, cooldown 2.
    #[strum(serialize = "assertive@v1")]
    Assertive,
}

impl ParameterPool {
    /// The allocation of a BUY of this pool, as the text on disk.
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
