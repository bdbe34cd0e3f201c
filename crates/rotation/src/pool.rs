//! The parameter pools, and the strategy instance that runs with each.

/// A parameter pool. One instance of the strategy runs with each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pool {
    /// Small, slow, hard to convince.
    Cautious,
    /// In between.
    Balanced,
    /// All in, quick, easily convinced.
    Assertive,
}

impl Pool {
    /// All pools, in the order in which their instances decide at each step.
    pub const ALL: [Self; 3] = [Self::Cautious, Self::Balanced, Self::Assertive];

    /// As a tick names it.
    pub fn id(self) -> &'static str {
        match self {
            Self::Cautious => "cautious@v1",
            Self::Balanced => "balanced@v1",
            Self::Assertive => "assertive@v1",
        }
    }

    /// The strategy instance that runs with this pool: fixed, so that a tick sent again is known again;
    /// it begins with the pool's first letter, so that a reader of the log knows it too.
    pub fn instance_id(self) -> &'static str {
        match self {
            Self::Cautious => "c0000000-0000-4000-8000-000000000001",
            Self::Balanced => "b0000000-0000-4000-8000-000000000002",
            Self::Assertive => "a0000000-0000-4000-8000-000000000003",
        }
    }

    /// The pool's hold time, in steps; all windows of the strategy are multiples of it.
    pub fn hold_steps(self) -> u8 {
        match self {
            Self::Cautious => 10,
            Self::Balanced => 5,
            Self::Assertive => 2,
        }
    }

    /// What is missing from full switching sensitivity, in percent.
    pub fn reluctance_percent(self) -> u8 {
        match self {
            Self::Cautious => 75,
            Self::Balanced => 50,
            Self::Assertive => 25,
        }
    }

    /// The stability requirement, in percent.
    pub fn stability_percent(self) -> u8 {
        match self {
            Self::Cautious => 90,
            Self::Balanced => 75,
            Self::Assertive => 60,
        }
    }
}
