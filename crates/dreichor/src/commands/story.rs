//! A few decisions of a log, one of each kind that teaches something.

use dreichor_core::id::DecisionId;
use dreichor_core::value::{SafetyReason, Side, SkipReason, Spelled};
use dreichor_explain::{Decided, Outcome, Ticks};
use dreichor_replay::Entry;

/// The first decision of each kind, while a log is replayed.
#[derive(Default)]
pub(super) struct Storyteller {
    ticks: Ticks,
    found: Vec<Example>,
}

/// The first decision of its kind.
pub(super) struct Example {
    kind: Kind,
    pub(super) decision_id: DecisionId,
    /// The decision in two sentences; `explain` shows the whole story.
    pub(super) summary: String,
}

/// The kind of decision that the demo shows an example of.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Bought,
    HoldTime,
    Blocked,
    Sold,
    ForcedSale,
}

impl Storyteller {
    /// One of each kind, in the order of the kinds.
    pub(super) fn examples(mut self) -> Vec<Example> {
        self.found.sort_by_key(|example| example.kind);
        self.found
    }

    /// Sees the next entry of the log.
    pub(super) fn see(&mut self, entry: &Entry<'_>) {
        let Some(decided) = self.ticks.add_checked(entry) else { return };
        let Some(kind) = kind(&decided) else { return };
        if self.found.iter().all(|found| found.kind != kind) {
            let decision_id = decided.decision.decision_id;
            self.found.push(Example { kind, decision_id, summary: decided.sentence() });
        }
    }
}

fn kind(decided: &Decided) -> Option<Kind> {
    let is = |reason: &str| decided.reason() == Some(reason);
    match decided.outcome() {
        Outcome::Filled if decided.is_forced_sale() => Some(Kind::ForcedSale),
        Outcome::Filled => decided.order().map(|(side, ..)| match side {
            Side::Buy => Kind::Bought,
            Side::Sell => Kind::Sold,
        }),
        Outcome::Blocked if is(SafetyReason::PositionAlreadyOpen.as_str()) => Some(Kind::Blocked),
        Outcome::Skipped if is(SkipReason::HoldTimeActive.as_str()) => Some(Kind::HoldTime),
        Outcome::Blocked
        | Outcome::Skipped
        | Outcome::PartiallyFilled
        | Outcome::Failed
        | Outcome::Interrupted => None,
    }
}
