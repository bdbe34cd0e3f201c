//! The five facts of a tick.

use std::fmt;

/// What an instance found about switching to its target now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "five independent facts are what a tick carries")]
pub struct Facts {
    /// The target is traded far more than usual, compared with the other markets.
    pub attention_meaningfully_higher: bool,
    /// It is so at nearly every recent step.
    pub stability_meets_minimum: bool,
    /// The data suffice, and the lead over the next market is clear.
    pub confidence_sufficient: bool,
    /// The target has been the target for some time.
    pub difference_persists_over_time: bool,
    /// The target is worth leaving the favourite for.
    pub switching_costs_justified: bool,
}

impl Facts {
    /// All five: the runtime is to switch.
    pub fn are_better(self) -> bool {
        self.call_for_attention() && self.stability_meets_minimum
    }

    /// All but stability.
    pub(crate) fn call_for_attention(self) -> bool {
        self.attention_meaningfully_higher
            && self.confidence_sufficient
            && self.difference_persists_over_time
            && self.switching_costs_justified
    }
}

/// The JSON object of a tick's `attention`.
impl fmt::Display for Facts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = [
            ("attentionMeaningfullyHigher", self.attention_meaningfully_higher),
            ("stabilityMeetsMinimum", self.stability_meets_minimum),
            ("confidenceSufficient", self.confidence_sufficient),
            ("differencePersistsOverTime", self.difference_persists_over_time),
            ("switchingCostsJustified", self.switching_costs_justified),
        ];
        for (place, (name, is_true)) in named.into_iter().enumerate() {
            let before = if place == 0 { '{' } else { ',' };
            write!(formatter, r#"{before}"{name}":{is_true}"#)?;
        }
        formatter.write_str("}")
    }
}
