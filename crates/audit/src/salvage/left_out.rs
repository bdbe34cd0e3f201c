//! The lines that are left out of a copy: runs of them, of which a limited number is kept, however many lines a
//! damaged file has.

use std::collections::VecDeque;

use super::Broken;

/// Lines that follow each other and break the same rule of the same member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// The first of them.
    pub first: Broken,
    /// How many they are; at least 1.
    pub lines: u64,
}

/// All lines that are left out, in file order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// The first runs, at most [`LeftOut::RUNS_MAX`].
    pub runs: VecDeque<Run>,
    /// The number of lines of all further runs.
    pub more_lines: u64,
}

impl LeftOut {
    /// The most runs that are kept.
    pub const RUNS_MAX: usize = 10_000;

    /// True if nothing was left out.
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty() && self.more_lines == 0
    }

    /// The number of lines.
    pub fn lines(&self) -> u64 {
        self.runs.iter().map(|run| run.lines).sum::<u64>() + self.more_lines
    }

    /// Adds the next line.
    pub(super) fn add(&mut self, broken: Broken) {
        self.add_run(Run { first: broken, lines: 1 });
    }

    fn add_run(&mut self, run: Run) {
        if self.more_lines > 0 {
            self.more_lines += run.lines;
        } else if let Some(last) = self.runs.back_mut().filter(|last| last.goes_on_with(&run)) {
            last.lines += run.lines;
        } else if self.runs.len() < Self::RUNS_MAX {
            self.runs.push_back(run);
        } else {
            self.more_lines = run.lines;
        }
    }

    /// Moves the runs that begin before this line to the end of `to`; with the last of them, the lines of all further
    /// ones.
    pub(super) fn move_before(&mut self, line: u64, to: &mut Self) {
        while let Some(run) = self.runs.pop_front_if(|run| run.first.line < line) {
            to.add_run(run);
        }
        if self.runs.is_empty() {
            to.more_lines += std::mem::take(&mut self.more_lines);
        }
    }
}

impl Run {
    fn goes_on_with(&self, next: &Self) -> bool {
        let (ours, theirs) = (&self.first.fault, &next.first.fault);
        self.first.line + self.lines == next.first.line
            && ours.rule == theirs.rule
            && ours.member == theirs.member
            && ours.is_changed == theirs.is_changed
    }
}
