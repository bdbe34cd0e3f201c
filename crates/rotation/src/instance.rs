//! One instance of the strategy: a pool, and what it has seen.

use std::collections::VecDeque;

use crate::candle::Candle;
use crate::facts::Facts;
use crate::gauge::{Attention, Gauge};
use crate::pool::Pool;
use crate::steps::Step;

/// Above the second-highest attention by this much: a clear lead.
const CLEAR_LEAD_PERCENT: u128 = 105;

/// What an instance says of one step.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Judgement {
    /// The place of the target among the markets.
    pub(crate) target: Option<usize>,
    pub(crate) facts: Facts,
}

/// The markets' attention at one step, as one instance measures it.
struct Field {
    target: usize,
    highest: Attention,
    /// The attention of every other measured market.
    others: Vec<Attention>,
}

/// A strategy instance. It does not know what the runtime holds.
#[derive(Debug)]
pub(crate) struct Instance {
    pool: Pool,
    gauges: Vec<Gauge>,
    /// The targets of the last 3·hold steps.
    targets: VecDeque<Option<usize>>,
    /// The market that it last said to switch to.
    favourite: Option<usize>,
}

impl Instance {
    pub(crate) fn new(pool: Pool, markets: usize) -> Self {
        Self { pool, gauges: vec![Gauge::new(pool); markets], targets: VecDeque::new(), favourite: None }
    }

    pub(crate) fn pool(&self) -> Pool {
        self.pool
    }

    /// Goes one step further and judges it.
    pub(crate) fn judge(&mut self, step: &Step) -> Judgement {
        for (gauge, row) in self.gauges.iter_mut().zip(&step.rows) {
            gauge.push(row.as_ref().map(Candle::traded_value));
        }
        let field = self.field();
        self.remember_target(field.as_ref().map(|field| field.target));
        let Some(field) = field else { return Judgement::default() };
        let facts = self.facts(&field);
        if facts.are_better() {
            self.favourite = Some(field.target);
        }
        Judgement { target: Some(field.target), facts }
    }

    fn field(&self) -> Option<Field> {
        let mut measured: Vec<(usize, Attention)> = self
            .gauges
            .iter()
            .map(Gauge::attention)
            .enumerate()
            .filter_map(|(at, found)| Some((at, found?)))
            .collect();
        // Markets stand in byte order of their ids: of equals, the first is the target.
        let first = measured.iter().enumerate().rev().max_by_key(|(_, (_, attention))| *attention)?.0;
        let (target, highest) = measured.remove(first);
        Some(Field {
            target,
            highest,
            others: measured.into_iter().map(|(_, attention)| attention).collect(),
        })
    }

    fn remember_target(&mut self, target: Option<usize>) {
        self.targets.push_back(target);
        if self.targets.len() > 3 * usize::from(self.pool.hold_steps()) {
            self.targets.pop_front();
        }
    }

    fn facts(&self, field: &Field) -> Facts {
        let gauge = self.gauges.get(field.target);
        Facts {
            attention_meaningfully_higher: self.is_meaningfully_higher(field),
            stability_meets_minimum: gauge
                .is_some_and(|gauge| gauge.is_stable(self.pool.stability_percent())),
            confidence_sufficient: gauge.is_some_and(Gauge::is_complete) && has_clear_lead(field),
            difference_persists_over_time: self.persists(field.target),
            switching_costs_justified: self.is_worth_switching(field),
        }
    }

    fn is_meaningfully_higher(&self, field: &Field) -> bool {
        let percent = 100 + 2 * u128::from(self.pool.reluctance_percent());
        // A(T) × n ≥ Σ, which is A(T) ≥ mean without the division.
        let (times_count, sum) =
            field.others.iter().fold((0, 0), |(times, sum), other| (times + field.highest.0, sum + other.0));
        !field.others.is_empty() && Attention(times_count).is_at_least(percent, Attention(sum))
    }

    fn persists(&self, target: usize) -> bool {
        let as_target = self.targets.iter().filter(|past| **past == Some(target)).count();
        as_target >= usize::from(self.pool.hold_steps())
    }

    fn is_worth_switching(&self, field: &Field) -> bool {
        let percent = 100 + u128::from(self.pool.reluctance_percent());
        let favourite = self.favourite.and_then(|at| self.gauges.get(at)).and_then(Gauge::attention);
        self.favourite != Some(field.target)
            && favourite.is_none_or(|attention| field.highest.is_at_least(percent, attention))
    }
}

fn has_clear_lead(field: &Field) -> bool {
    let second = field.others.iter().max();
    second.is_some_and(|second| field.highest.is_at_least(CLEAR_LEAD_PERCENT, *second))
}
