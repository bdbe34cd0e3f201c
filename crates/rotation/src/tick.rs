//! A tick, as the runtime reads it.

use serde::Serialize;

/// One decision of one instance at one step. Serialized to one line of JSON, it is an input of `dreichor ingest`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Tick {
    pub(crate) version: u8,
    pub(crate) kind: &'static str,
    /// The number of the step, from 1.
    pub logical_time: u64,
    /// The strategy instance that decided.
    pub strategy_instance_id: &'static str,
    pub(crate) decision_class: &'static str,
    pub(crate) reason_codes: Vec<&'static str>,
    /// The five facts.
    pub attention: Facts,
    pub(crate) parameter_pool_id: &'static str,
    /// The market with the highest attention, if one is measured.
    pub target_market_id: Option<String>,
    /// The gates of a crash.
    pub safety_gates: Gates,
}

/// The five facts of a decision. They speak of the switch to the target.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_excessive_bools, reason = "the format has five facts")]
pub struct Facts {
    /// The target is traded far more than the others.
    pub attention_meaningfully_higher: bool,
    /// It is no single spike.
    pub stability_meets_minimum: bool,
    /// The measurement has no gaps.
    pub confidence_sufficient: bool,
    /// The target was the target before.
    pub difference_persists_over_time: bool,
    /// Switching from the favourite is worth it.
    pub switching_costs_justified: bool,
}

impl Facts {
    /// True if all five are.
    pub fn are_better(self) -> bool {
        self.attention_meaningfully_higher
            && self.stability_meets_minimum
            && self.confidence_sufficient
            && self.difference_persists_over_time
            && self.switching_costs_justified
    }
}

/// The gates that a tick asks for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Gates {
    pub(crate) halt_all: bool,
    /// Nothing is to be bought.
    pub block_buy: bool,
    /// The open position is to be sold.
    pub force_sell: bool,
}
