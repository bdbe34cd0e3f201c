//! The lines that are left out of a copy: runs of them, of which a limited number is kept, however many lines a corrupted
//! file has.

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
    pub runs: Vec<Run>,
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
        if self.more_lines > 0 {
            self.more_lines += 1;
        } else if let Some(last) = self.runs.last_mut().filter(|last| last.continues_with(&broken)) {
            last.lines += 1;
        } else if self.runs.len() < Self::RUNS_MAX {
            self.runs.push(Run { first: broken, lines: 1 });
        } else {
            self.more_lines = 1;
        }
    }
}

impl Run {
    fn continues_with(&self, next: &Broken) -> bool {
        let (ours, theirs) = (&self.first.fault, &next.fault);
        self.first.line + self.lines == next.line
            && ours.rule == theirs.rule
            && ours.member == theirs.member
            && ours.is_changed == theirs.is_changed
    }
}
