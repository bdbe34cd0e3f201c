//! Part 2: each recorded tick is executed again from its DECISION_EVALUATED on the state before it, and its recorded
//! events are compared with the result.
//!
//! An event that is the demanded one has the right ids, since they are computed with it. So ids are computed for the
//! other events only.

use dreichor_core::event::{Body, Event};
use dreichor_core::fault::{Fault, Rule, excerpt};
use dreichor_core::tick::{Comparison, Reexecution};
use dreichor_replay::Entry;

use super::Part;

/// The last tick that is read, and how many are.
#[derive(Default)]
pub(super) struct Ticks {
    again: Option<Reexecution>,
    executed: u64,
}

impl Ticks {
    /// The number of ticks that were executed again.
    pub(super) fn executed(&self) -> u64 {
        self.executed
    }

    /// Checks the next event: its ids, and that the tick demands it.
    #[inline]
    pub(super) fn check(&mut self, entry: &Entry<'_>) -> Option<(Part, Box<Fault>)> {
        let event = entry.event;
        let compared = match &event.body {
            Body::DecisionEvaluated(decision) => {
                // The decision was just applied, which changes neither ledger nor lifecycles.
                let again = Reexecution::of(entry.history.state(), event.logical_time, decision);
                self.executed += 1;
                self.again.insert(again).compare(event)
            }
            Body::UserFeedbackRecorded(_) => Comparison::Unknown,
            Body::OrderIntentCreated(_)
            | Body::OrderIntentSkipped(_)
            | Body::SafetyEvaluated(_)
            | Body::ExecutionAttempted(_)
            | Body::ExecutionOutcomeRecorded(_)
            | Body::LedgerUpdated(_) => {
                self.again.as_mut().map_or(Comparison::Unknown, |again| again.compare(event))
            }
        };
        if compared == Comparison::Same {
            return None;
        }
        if let Err(fault) = event.check_derived_ids() {
            return Some((Part::Lines, fault));
        }
        match compared {
            Comparison::Diverged(demanded) => {
                Some((Part::Reexecution, difference(event, demanded.as_deref())))
            }
            Comparison::Same | Comparison::Unknown => None,
        }
    }
}

/// The fault of an event that is not the demanded one: the first member that differs.
#[cold]
fn difference(recorded: &Event<'_>, demanded: Option<&Event<'_>>) -> Box<Fault> {
    let text = |event: &Event<'_>| {
        let mut line = Vec::new();
        event.write_line(&mut line);
        String::from_utf8_lossy(&line).into_owned()
    };
    let recorded = text(recorded);
    let Some(demanded) = demanded.map(text) else {
        let expected = "the end of the tick, executed again from its decision";
        return Fault::new(Rule::Reexecution, 0, "type", excerpt(recorded.as_bytes()), expected);
    };
    // The ids differ because the contents do.
    let differing =
        members(&recorded).zip(members(&demanded)).skip(1).find(|(found, expected)| found != expected);
    let Some(((offset, name, found), (.., expected))) = differing else {
        unreachable!("events that differ have a member that differs")
    };
    let expected = format!("{expected}, as the tick, executed again from its decision, has it");
    Fault::new(Rule::Reexecution, offset, name, found, expected)
}

/// The members of a tick's event after DECISION_EVALUATED: offset, name and value. No value there has a comma or brace.
fn members(line: &str) -> impl Iterator<Item = (usize, &str, &str)> {
    let mut offset = 0;
    line.trim_end().split([',', '{', '}']).filter_map(move |member| {
        let start = offset;
        offset += member.len() + 1;
        let (name, value) = member.split_once(':')?;
        Some((start + name.len() + 1, name.trim_matches('"'), value))
    })
}
