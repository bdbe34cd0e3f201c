//! The funnel: how many decisions became what, and why.

use std::collections::BTreeMap;

use dreichor_core::event::DecisionEvaluated;
use dreichor_core::schema::{Members, Schema, array, described, object};
use dreichor_core::value::{FailureReason, LogicalTime, SafetyReason, Side, SkipReason, Spelled};
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use strum::{Display, IntoStaticStr, VariantArray};

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

/// The schema of a reason.
pub fn reason_schema() -> String {
    format!("{{\"enum\":[\"{}\"]}}", reasons().collect::<Vec<_>>().join("\",\""))
}

/// What became of a decision, as the funnel counts it: a few bytes, so that those of a long log can be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fate {
    outcome: Outcome,
    /// Of a filled execution.
    side: Option<Side>,
    /// The place of the reason in [`reasons`].
    reason: Option<u8>,
    is_forced: bool,
}

impl From<&Decided> for Fate {
    fn from(decided: &Decided) -> Self {
        let outcome = decided.outcome();
        let place = |reason| reasons().position(|known| known == reason);
        Self {
            outcome,
            side: decided.order().map(|(side, ..)| side).filter(|_| outcome == Outcome::Filled),
            reason: decided.reason().and_then(place).and_then(|place| u8::try_from(place).ok()),
            is_forced: decided.is_forced_sale(),
        }
    }
}

/// The key that decisions are grouped by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Display, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "lowercase")]
pub enum By {
    /// The strategy instance.
    Instance,
    /// The target market.
    Market,
    /// The decision class.
    Class,
    /// The parameter pool.
    Pool,
}

impl Spelled for By {}

impl By {
    /// The key of the group that a decision belongs to; none: it has no target market.
    pub fn key(self, decision: &DecisionEvaluated) -> Option<String> {
        match self {
            Self::Instance => Some(decision.strategy_instance_id.to_string()),
            Self::Market => decision.target_market_id.map(|market| market.to_string()),
            Self::Class => Some(decision.decision_class.to_string()),
            Self::Pool => Some(decision.parameter_pool.to_string()),
        }
    }
}

/// The funnel of a stretch of time, and those of its groups.
#[derive(Debug, Clone)]
pub struct Summary {
    from: Option<u64>,
    to: Option<u64>,
    by: Option<By>,
    /// The funnel of all decisions of that time.
    pub total: Funnel,
    /// The funnel of each group, in byte order of the keys, no key first.
    pub groups: BTreeMap<Option<String>, Funnel>,
}

impl Summary {
    /// A summary of no decision yet, of these logical times, both included.
    pub fn new(from: Option<u64>, to: Option<u64>, by: Option<By>) -> Self {
        Self { from, to, by, total: Funnel::default(), groups: BTreeMap::new() }
    }

    /// Counts a decision if it is of the stretch of time.
    pub fn add(&mut self, time: LogicalTime, decision: &DecisionEvaluated, fate: Fate) {
        let time = time.get();
        if self.from.is_some_and(|from| time < from) || self.to.is_some_and(|to| time > to) {
            return;
        }
        self.total.add(fate);
        if let Some(by) = self.by {
            self.groups.entry(by.key(decision)).or_default().add(fate);
        }
    }

    /// Keeps the first groups only; how many it has left out.
    pub fn keep_groups(&mut self, groups_max: usize) -> usize {
        let left_out = self.groups.len().saturating_sub(groups_max);
        (0..left_out).for_each(|_| drop(self.groups.pop_last()));
        left_out
    }
}

/// `from`, `to`, the members of the funnel, and `groups`.
impl Serialize for Summary {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Group<'s> {
            key: &'s Option<String>,
            #[serde(flatten)]
            funnel: &'s Funnel,
        }
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("from", &self.from)?;
        map.serialize_entry("to", &self.to)?;
        self.total.serialize_members(&mut map)?;
        let groups: Vec<_> = self.groups.iter().map(|(key, funnel)| Group { key, funnel }).collect();
        map.serialize_entry("groups", &groups)?;
        map.end()
    }
}

impl Summary {
    /// The members of a summary, each with its schema.
    pub fn members() -> Members {
        let mut group = vec![("key", described(&Option::<&str>::schema(), "Null: no target market."))];
        group.extend(Funnel::members());
        let groups = "One funnel of each key, in byte order, no target market first; empty without `by`.";
        let mut members = vec![
            ("from", described(&Option::<LogicalTime>::schema(), "The parameter.")),
            ("to", described(&Option::<LogicalTime>::schema(), "The parameter.")),
        ];
        members.extend(Funnel::members());
        members.push(("groups", described(&array(&object(&group)), groups)));
        members
    }
}

impl Funnel {
    /// Counts a decision.
    pub fn add(&mut self, fate: Fate) {
        self.decisions += 1;
        self.outcomes[fate.outcome as usize] += 1;
        if let Some(side) = fate.side {
            self.sides[side as usize] += 1;
        }
        self.forced += u64::from(fate.is_forced);
        if let Some(place) = fate.reason {
            *self.reasons.entry(usize::from(place)).or_default() += 1;
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
        self.serialize_members(&mut map)?;
        map.end()
    }
}

impl Funnel {
    fn serialize_members<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        map.serialize_entry("decisions", &self.decisions)?;
        let outcomes = Outcome::ALL.iter().map(|outcome| (outcome.as_str(), self.outcome(*outcome)));
        map.serialize_entry("outcomes", &Counts(outcomes.collect()))?;
        let sides = Side::ALL.iter().map(|side| (side.as_str(), self.side(*side)));
        map.serialize_entry("sides", &Counts(sides.collect()))?;
        map.serialize_entry("reasons", &Counts(self.reasons().collect()))
    }

    fn members() -> Members {
        let count = u64::schema;
        let outcomes: Members = Outcome::ALL.iter().map(|outcome| (outcome.as_str(), count())).collect();
        let sides: Members = Side::ALL.iter().map(|side| (side.as_str(), count())).collect();
        let reasons = format!(
            "{{\"type\":\"object\",\"propertyNames\":{},\"additionalProperties\":{}}}",
            reason_schema(),
            count()
        );
        vec![
            ("decisions", count()),
            ("outcomes", described(&object(&outcomes), "Every outcome, with the number of decisions.")),
            ("sides", described(&object(&sides), "Filled executions, by side.")),
            ("reasons", described(&reasons, "The reasons that occurred, each with the number of decisions.")),
        ]
    }
}

/// Counts by name, in this order.
struct Counts(Vec<(&'static str, u64)>);

impl Serialize for Counts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().copied())
    }
}
