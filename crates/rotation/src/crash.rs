//! The crash rule: when nearly everything falls, get out.

use std::collections::VecDeque;

use crate::steps::Step;

/// A fall is measured over this many steps.
const SPAN_STEPS: usize = 12;

/// The closes that the rule looks back on.
#[derive(Debug)]
pub(crate) struct CrashWatch {
    /// For each market the latest close as of each of the last steps, in 10⁻⁸; `None` before its first
    /// row.
    closes: Vec<VecDeque<Option<u128>>>,
}

impl CrashWatch {
    pub(crate) fn new(markets: usize) -> Self {
        Self { closes: vec![VecDeque::with_capacity(SPAN_STEPS + 2); markets] }
    }

    /// Goes one step further and says whether the markets are in a crash.
    pub(crate) fn sees_crash(&mut self, step: &Step) -> bool {
        let (mut known, mut fell) = (0_usize, 0_usize);
        for (closes, row) in self.closes.iter_mut().zip(&step.rows) {
            let latest = closes.back().copied().flatten();
            closes.push_back(row.as_ref().map(|row| row.close().units()).or(latest));
            if closes.len() > SPAN_STEPS + 1 {
                closes.pop_front();
            }
            if let Some((then, now)) = ends(closes) {
                known += 1;
                fell += usize::from(now < then && now * 100 <= then * 97);
            }
        }
        known > 0 && fell * 3 >= known * 2
    }
}

/// The close a whole span ago, and now.
fn ends(closes: &VecDeque<Option<u128>>) -> Option<(u128, u128)> {
    let then = closes.front().filter(|_| closes.len() > SPAN_STEPS)?;
    Some(((*then)?, (*closes.back()?)?))
}
