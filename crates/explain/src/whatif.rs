//! What would have become of the recorded decisions under other parameters or gates.
//!
//! All decisions are executed again, in memory and from the empty state, each on the state that the decisions before it
//! lead to. The upstream's decisions themselves stay as they are: it made them without seeing these other outcomes.
//!
//! Feedback is left out: nothing is decided by it, and it may be about an execution that did not happen here.

use dreichor_core::State;
use dreichor_core::event::{Body, DecisionEvaluated, Event};
use dreichor_core::tick::{SafetyMode, enact};
use dreichor_core::value::{LogicalTime, ParameterPool, SafetyGates};
use dreichor_replay::reference::IdPrefix;
use dreichor_replay::{Entry, Error, Medium, Replayed, Stores};

use crate::decided::Decided;
use crate::ticks::Ticks;

/// What is changed of decisions, and of which.
#[derive(Debug, Clone, Default)]
pub struct Changes {
    /// The parameter pools.
    pub pools: Pools,
    /// The gates of this mode are added.
    pub safety_mode: SafetyMode,
    /// The recorded gates, which include those of the mode at the time, are left out.
    pub ignores_gates: bool,
    /// Whose decisions are changed; empty: everyone's.
    pub instances: Vec<IdPrefix>,
    /// The least logical time at which decisions are changed, included.
    pub from: Option<u64>,
    /// The greatest logical time at which decisions are changed, included.
    pub to: Option<u64>,
}

/// The change of parameter pools.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pools {
    /// Each old pool becomes the new one; others stay as they are.
    Replace(Vec<(ParameterPool, ParameterPool)>),
    /// All become this one.
    All(ParameterPool),
}

impl Default for Pools {
    fn default() -> Self {
        Self::Replace(Vec::new())
    }
}

impl Pools {
    fn of(&self, recorded: ParameterPool) -> ParameterPool {
        match self {
            Self::All(new) => *new,
            Self::Replace(pairs) => {
                pairs.iter().find(|(old, _)| *old == recorded).map_or(recorded, |(_, new)| *new)
            }
        }
    }
}

impl Changes {
    /// True if the changes concern the decision.
    pub fn concern(&self, time: LogicalTime, decision: &DecisionEvaluated) -> bool {
        let (time, instance) = (time.get(), decision.strategy_instance_id.uuid());
        self.from.is_none_or(|from| time >= from)
            && self.to.is_none_or(|to| time <= to)
            && (self.instances.is_empty() || self.instances.iter().any(|prefix| prefix.matches(instance)))
    }

    fn apply(&self, time: LogicalTime, decision: &DecisionEvaluated) -> DecisionEvaluated {
        if !self.concern(time, decision) {
            return decision.clone();
        }
        let recorded = if self.ignores_gates { SafetyGates::OPEN } else { decision.safety_gates };
        DecisionEvaluated {
            parameter_pool: self.pools.of(decision.parameter_pool),
            safety_gates: recorded.union(self.safety_mode.gates()),
            ..decision.clone()
        }
    }
}

/// A decision as it is recorded, and as it would have been.
#[derive(Debug, Clone)]
pub struct Pair {
    /// As it is recorded.
    pub before: Decided,
    /// As it would have been.
    pub after: Decided,
}

impl Pair {
    /// True if outcome, reason, side, market or quantity differ.
    pub fn is_changed(&self) -> bool {
        let facts = |decided: &Decided| (decided.outcome(), decided.reason(), decided.order());
        facts(&self.before) != facts(&self.after)
    }
}

/// Executes the decisions of a log again while it is replayed.
#[derive(Debug)]
pub struct WhatIf {
    changes: Changes,
    /// The state without feedback that the changed decisions lead to.
    state: State,
    recorded: Ticks,
    /// The decision whose recorded tick is not whole yet, as it would have been.
    after: Option<Decided>,
}

impl WhatIf {
    /// Starts from the empty state.
    pub fn new(changes: Changes) -> Self {
        Self { changes, state: State::new(), recorded: Ticks::default(), after: None }
    }

    /// Sees the next entry of the log; returns the decision whose tick it makes whole.
    pub fn see(&mut self, entry: &Entry<'_>) -> Option<Pair> {
        if let Body::DecisionEvaluated(decision) = &entry.event.body {
            let time = entry.event.logical_time;
            let changed = self.changes.apply(time, decision);
            self.after = Some(execute(&mut self.state, time, changed, entry.line.offset));
        }
        let before = self.recorded.add_checked(entry)?;
        self.after.take().map(|after| Pair { before, after })
    }

    /// The last decision, if its recorded tick is interrupted. It is taken as the next writer will complete it.
    ///
    /// # Errors
    ///
    /// The stores cannot be read, or the writer would refuse the interrupted tick.
    pub fn finish<M: Medium>(self, stores: &Stores<M>, replayed: &Replayed) -> Result<Option<Pair>, Error> {
        let (Some(mut before), Some(after), Some(tick)) =
            (self.recorded.finish(), self.after, &replayed.interrupted)
        else {
            return Ok(None);
        };
        add(&mut before, &tick.missing_events(stores, replayed)?);
        Ok(Some(Pair { before, after }))
    }
}

/// Executes the tick of `decision` on `state`.
#[expect(
    clippy::expect_used,
    reason = "decisions of a log that was checked are in order, and a tick starts with one"
)]
fn execute(state: &mut State, time: LogicalTime, decision: DecisionEvaluated, offset: u64) -> Decided {
    let events = enact(state, time, decision);
    for event in &events {
        state.apply(event).expect("the state accepts a tick that was computed on it");
    }
    let (first, rest) = events.split_first().expect("a tick begins with its decision");
    let mut decided = Decided::begin(first, offset).expect("a tick begins with its decision");
    add(&mut decided, rest);
    decided
}

#[expect(clippy::expect_used, reason = "the events are those of a computed tick")]
fn add(decided: &mut Decided, events: &[Event<'_>]) {
    for event in events {
        decided.add(event).expect("a computed tick keeps the grammar");
    }
}
