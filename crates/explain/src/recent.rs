//! The last decisions of a log, read from its end: the last N cost N, whatever the length of the log.

use std::collections::VecDeque;

use dreichor_replay::view::{Backwards, PlacedLine};
use dreichor_replay::{Error, Medium, View};

use crate::decided::{Decided, without_decision};

/// The decisions of a log, the last one first. Each line is checked by its id, and each tick by the grammar within
/// it; what holds between ticks is not checked.
pub struct Recent<'v, 's, M: Medium> {
    view: &'v View<'s, M>,
    backwards: Backwards,
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
        Self::before(view, view.end())
    }

    /// Starts before `position`, where no tick is open.
    pub fn before(view: &'v View<'s, M>, position: u64) -> Self {
        Self {
            view,
            backwards: Backwards::from(position),
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
        while self.read.is_empty() && self.read_further()? {}
        match (self.read.pop_back(), self.rest.first()) {
            (None, Some((offset, line))) => {
                let (event, _) = self.view.read_event(*offset, line)?;
                Err(self.view.malformed(*offset, without_decision(&event)))
            }
            (decided, _) => Ok(decided),
        }
    }

    /// The position before which another search can go on: all decisions that were read are returned, and no tick is
    /// open there. None: there is no such position yet.
    pub(crate) fn resumption(&self) -> Option<u64> {
        match (self.read.is_empty(), self.rest.is_empty()) {
            (true, true) => Some(self.backwards.position()),
            (true, false) => self.following,
            (false, _) => None,
        }
    }

    /// True if the next decision is read already.
    pub(crate) fn is_read(&self) -> bool {
        !self.read.is_empty()
    }

    /// Reads the lines before those that are read; false at the start of the view.
    pub(crate) fn read_further(&mut self) -> Result<bool, Error> {
        let Some((lower, upper)) = self.backwards.next(self.view)? else { return Ok(false) };
        let mut lines = self.view.lines_between(lower, upper)?;
        lines.append(&mut self.rest);
        self.collect(lines)?;
        Ok(true)
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
                decided.add(&event).map_err(|fault| self.view.malformed(offset, fault))?;
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
        let checked = self.read.back().map_or(Ok(()), Decided::check_whole);
        checked.map_err(|fault| self.view.malformed(offset, fault))
    }
}
