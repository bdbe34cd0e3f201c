//! The last decisions of a log, read from its end: the last N cost N, whatever the length of the log.

use std::collections::VecDeque;

use dreichor_core::event::EventType;
use dreichor_core::fault::{Fault, Rule};
use dreichor_core::value::Spelled;
use dreichor_replay::view::PlacedLine;
use dreichor_replay::{Error, Medium, View};

use crate::decided::Decided;

/// The sizes in bytes of the first step backwards, and of the largest one; each step is twice the one before.
const STEP_BYTES: u64 = 32 << 10;
const STEP_BYTES_MAX: u64 = 4 << 20;

/// The decisions of a log, the last one first. Each line is checked by its id, and each tick by the grammar within
/// it; what holds between ticks is not checked.
pub struct Recent<'v, 's, M: Medium> {
    view: &'v View<'s, M>,
    /// Everything from this offset on is read.
    upper: u64,
    step: u64,
    /// Decisions that are read and not returned yet, in file order.
    read: VecDeque<Decided>,
    /// Lines before the first decision that is read: the rest of a tick that begins further ahead.
    rest: Vec<PlacedLine>,
    /// The offset of the first decision that is read. The tick before it must be whole.
    following: Option<u64>,
}

impl<'v, 's, M: Medium> Recent<'v, 's, M> {
    /// Starts at the end of the view.
    pub fn new(view: &'v View<'s, M>) -> Self {
        Self {
            view,
            upper: view.end(),
            step: STEP_BYTES,
            read: VecDeque::new(),
            rest: Vec::new(),
            following: None,
        }
    }

    /// The decision before those that were returned; none at the start of the log.
    ///
    /// # Errors
    ///
    /// The log cannot be read, or a line or tick is malformed.
    pub fn next_back(&mut self) -> Result<Option<Decided>, Error> {
        while self.read.is_empty() && self.upper > 0 {
            let lower = self.view.line_start(self.upper.saturating_sub(self.step))?;
            let mut lines = self.view.lines_between(lower, self.upper)?;
            lines.append(&mut self.rest);
            self.collect(lines)?;
            self.upper = lower;
            self.step = (self.step * 2).min(STEP_BYTES_MAX);
        }
        if self.upper == 0
            && let Some((offset, line)) = self.rest.first()
            && self.read.is_empty()
        {
            let found = self.view.read_event(*offset, line)?.0.body.event_type();
            let expected = "DECISION_EVALUATED before the other events of its tick";
            return Err(self.out_of_order(*offset, Rule::TickOrder, found, expected));
        }
        Ok(self.read.pop_back())
    }

    /// Groups lines to ticks. What precedes the first decision is kept for the next step.
    fn collect(&mut self, lines: Vec<PlacedLine>) -> Result<(), Error> {
        let mut first = None;
        for (offset, line) in lines {
            let (event, _) = self.view.read_event(offset, &line)?;
            if event.body.tick_decision_id().is_none() {
                continue;
            }
            if let Some(decided) = Decided::begin(&event, offset) {
                self.check_whole(offset)?;
                first.get_or_insert(offset);
                self.read.push_back(decided);
            } else if let Some(decided) = self.read.back_mut() {
                let decision = decided.decision.decision_id;
                decided.add(&event).map_err(|found| {
                    let expected = format!("an event that the tick of decision {decision} allows here");
                    self.out_of_order(offset, Rule::TickOrder, found, expected)
                })?;
            } else {
                self.rest.push((offset, line));
            }
        }
        if let Some(first) = first {
            self.following.map_or(Ok(()), |following| self.check_whole(following))?;
            self.following = Some(first);
        }
        Ok(())
    }

    /// The tick before the decision at `offset` must be whole: only the last one of a log may be interrupted.
    fn check_whole(&self, offset: u64) -> Result<(), Error> {
        match self.read.back() {
            Some(before) if !before.is_whole() => {
                let expected =
                    format!("the next event of the tick of decision {}", before.decision.decision_id);
                Err(self.out_of_order(offset, Rule::TickCutShort, EventType::DecisionEvaluated, expected))
            }
            Some(_) | None => Ok(()),
        }
    }

    fn out_of_order(&self, offset: u64, rule: Rule, found: EventType, expected: impl Into<String>) -> Error {
        self.view.malformed(offset, Fault::new(rule, 0, "type", found.as_str(), expected))
    }
}
