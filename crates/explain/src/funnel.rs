//! The funnel: how many decisions became what, and why.

use std::collections::BTreeMap;

use dreichor_core::value::{FailureReason, SafetyReason, Side, SkipReason, Spelled};
use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::decided::{Decided, Outcome};

/// Counts of decisions by outcome, side and reason.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Funnel {
    /// All decisions.
    pub decisions: u64,
    outcomes: [u64; Outcome::ALL.len()],
    /// Filled executions, by side.
    sides: [u64; Side::ALL.len()],
    /// By the place of the reason in [`reasons`].
    reasons: BTreeMap<usize, u64>,
    forced: u64,
}

/// All reasons, in the order of the format: of skips, of safety, of failures.
pub fn reasons() -> impl Iterator<Item = &'static str> {
    let skips = SkipReason::ALL.iter().map(|reason| reason.as_str());
    let safety = SafetyReason::ALL.iter().map(|reason| reason.as_str());
    skips.chain(safety).chain(FailureReason::ALL.iter().map(|reason| reason.as_str()))
}

impl Funnel {
    /// Counts a decision.
    pub fn add(&mut self, decided: &Decided) {
        self.decisions += 1;
        let outcome = decided.outcome();
        self.outcomes[outcome as usize] += 1;
        if outcome == Outcome::Filled
            && let Some((side, ..)) = decided.order()
        {
            self.sides[side as usize] += 1;
        }
        self.forced += u64::from(decided.is_forced_sale());
        let place = decided.reason().and_then(|reason| reasons().position(|known| known == reason));
        if let Some(place) = place {
            *self.reasons.entry(place).or_default() += 1;
        }
    }

    /// The number of decisions with this outcome.
    pub fn outcome(&self, outcome: Outcome) -> u64 {
        self.outcomes[outcome as usize]
    }

    /// The number of filled executions of this side.
    pub fn side(&self, side: Side) -> u64 {
        self.sides[side as usize]
    }

    /// The number of sales that safety forced.
    pub fn forced(&self) -> u64 {
        self.forced
    }

    /// All reasons, in the order of the format, each with how often it occurred.
    pub fn all_reasons(&self) -> impl Iterator<Item = (&'static str, u64)> {
        reasons()
            .enumerate()
            .map(|(place, reason)| (reason, self.reasons.get(&place).copied().unwrap_or_default()))
    }

    /// The reasons that occurred.
    pub fn reasons(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.all_reasons().filter(|(_, count)| *count > 0)
    }
}

/// `decisions`, `outcomes` (all of them), `sides`, `reasons` (those that occurred).
impl Serialize for Funnel {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(4))?;
        map.serialize_entry("decisions", &self.decisions)?;
        let outcomes = Outcome::ALL.iter().map(|outcome| (outcome.as_str(), self.outcome(*outcome)));
        map.serialize_entry("outcomes", &Counts(outcomes.collect()))?;
        let sides = Side::ALL.iter().map(|side| (side.as_str(), self.side(*side)));
        map.serialize_entry("sides", &Counts(sides.collect()))?;
        map.serialize_entry("reasons", &Counts(self.reasons().collect()))?;
        map.end()
    }
}

/// Counts by name, in this order.
struct Counts(Vec<(&'static str, u64)>);

impl Serialize for Counts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().copied())
    }
}
