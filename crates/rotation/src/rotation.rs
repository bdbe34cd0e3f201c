//! The strategy: three instances that watch all markets, step by step.

use std::collections::{BTreeSet, VecDeque};

use rust_decimal::Decimal;

use crate::market::{Market, Row};
use crate::tick::{Facts, Gates, Tick};

/// A parameter pool, and the instance that decides with it.
struct Pool {
    id: &'static str,
    instance: &'static str,
    /// The hold time in steps. All windows are multiples of it.
    hold: usize,
    reluctance: Decimal,
    stability: Decimal,
}

/// In the order in which their instances decide.
static POOLS: [Pool; 3] = [
    Pool {
        id: "cautious@v1",
        instance: "c0000000-0000-4000-8000-000000000001",
        hold: 10,
        reluctance: Decimal::from_parts(75, 0, 0, false, 2),
        stability: Decimal::from_parts(9, 0, 0, false, 1),
    },
    Pool {
        id: "balanced@v1",
        instance: "b0000000-0000-4000-8000-000000000002",
        hold: 5,
        reluctance: Decimal::from_parts(5, 0, 0, false, 1),
        stability: Decimal::from_parts(75, 0, 0, false, 2),
    },
    Pool {
        id: "assertive@v1",
        instance: "a0000000-0000-4000-8000-000000000003",
        hold: 2,
        reluctance: Decimal::from_parts(25, 0, 0, false, 2),
        stability: Decimal::from_parts(6, 0, 0, false, 1),
    },
];

/// A base window is this many recent windows.
const BASE: usize = 12;

/// A crash is measured over this many steps.
const CRASH_STEPS: usize = 12;
/// What a market keeps of its price if it is not part of a crash: 97 %.
const KEPT: Decimal = Decimal::from_parts(97, 0, 0, false, 2);

/// Decides at every step of the markets, once per instance.
pub fn rotate(markets: &[Market]) -> impl Iterator<Item = Tick> {
    let mut markets: Vec<&Market> = markets.iter().collect();
    markets.sort_by(|one, other| one.id.cmp(&other.id));
    let times: BTreeSet<u64> = markets.iter().flat_map(|market| market.rows.keys().copied()).collect();
    let mut instances: Vec<Instance<'_>> = POOLS.iter().map(|pool| Instance::new(pool, &markets)).collect();
    let mut closes = VecDeque::new();
    (1..).zip(times).flat_map(move |(step, time)| {
        let rows: Vec<Option<Row>> = markets.iter().map(|market| market.rows.get(&time).copied()).collect();
        let is_crash = is_crash(&rows, &mut closes);
        instances.iter_mut().map(|instance| instance.decide(step, &rows, is_crash)).collect::<Vec<_>>()
    })
}

/// True if two thirds of the markets fell by 3 % or more. `closes` has each market's last close, step by step.
fn is_crash(rows: &[Option<Row>], closes: &mut VecDeque<Vec<Option<Decimal>>>) -> bool {
    let last = closes.back().cloned().unwrap_or_else(|| vec![None; rows.len()]);
    let now: Vec<Option<Decimal>> =
        rows.iter().zip(last).map(|(row, last)| row.map(|row| row.close).or(last)).collect();
    closes.push_back(now.clone());
    if closes.len() <= CRASH_STEPS {
        return false;
    }
    let before = closes.pop_front().unwrap_or_default();
    let known = now.iter().zip(before).filter_map(|(now, before)| Some((*now)? <= before? * KEPT));
    let fell: Vec<bool> = known.collect();
    !fell.is_empty() && 3 * fell.iter().filter(|fell| **fell).count() >= 2 * fell.len()
}

/// One instance, and what it has seen.
struct Instance<'m> {
    pool: &'static Pool,
    markets: Vec<&'m Market>,
    /// The traded values of each market in the base window, the newest last; none where it has no row.
    values: Vec<VecDeque<Option<Decimal>>>,
    /// The targets of the last 3·hold steps, as indices.
    targets: VecDeque<Option<usize>>,
    favourite: Option<usize>,
}

impl<'m> Instance<'m> {
    fn new(pool: &'static Pool, markets: &[&'m Market]) -> Self {
        let values = vec![VecDeque::new(); markets.len()];
        Self { pool, markets: markets.to_vec(), values, targets: VecDeque::new(), favourite: None }
    }

    fn decide(&mut self, step: u64, rows: &[Option<Row>], is_crash: bool) -> Tick {
        for (values, row) in self.values.iter_mut().zip(rows) {
            values.push_back(row.map(|row| row.value));
            if values.len() > BASE * self.pool.hold {
                values.pop_front();
            }
        }
        let attentions: Vec<Option<Decimal>> =
            self.values.iter().map(|values| self.attention(values)).collect();
        let measured = attentions.iter().enumerate().filter_map(|(index, one)| Some((index, (*one)?)));
        // Of equals the first, so the last of a reversed order.
        let target = measured.rev().max_by_key(|(_, attention)| *attention).map(|(index, _)| index);
        self.targets.push_back(target);
        if self.targets.len() > 3 * self.pool.hold {
            self.targets.pop_front();
        }
        let facts = target.map_or_else(Facts::default, |target| self.find_facts(target, &attentions));
        if facts.are_better() {
            self.favourite = target;
        }
        Tick {
            version: 1,
            kind: "TICK",
            logical_time: step,
            strategy_instance_id: self.pool.instance,
            decision_class: "attention.rotate.candles@v1",
            reason_codes: reason_codes(target, facts, is_crash),
            attention: facts,
            parameter_pool_id: self.pool.id,
            target_market_id: target.map(|target| self.markets[target].id.clone()),
            safety_gates: Gates { halt_all: false, block_buy: is_crash, force_sell: is_crash },
        }
    }

    /// The attention of a market with these values, from 0 to 12; none if it cannot be measured.
    fn attention(&self, values: &VecDeque<Option<Decimal>>) -> Option<Decimal> {
        let is_measured = values.len() == BASE * self.pool.hold && values.back()?.is_some();
        let base: Decimal = values.iter().flatten().sum();
        let recent: Decimal = values.iter().rev().take(self.pool.hold).flatten().sum();
        (recent * Decimal::from(BASE)).checked_div(base).filter(|_| is_measured)
    }

    fn find_facts(&self, target: usize, attentions: &[Option<Decimal>]) -> Facts {
        let Pool { hold, reluctance, stability, .. } = *self.pool;
        let attention = attentions[target].unwrap_or_default();
        let others: Vec<Decimal> = attentions
            .iter()
            .enumerate()
            .filter(|(index, _)| *index != target)
            .filter_map(|(_, one)| *one)
            .collect();
        let recent = || self.values[target].iter().rev().take(hold);
        let mean = self.values[target].iter().flatten().sum::<Decimal>() / Decimal::from(BASE * hold);
        let busy = recent().filter(|value| value.is_some_and(|value| value >= mean)).count();
        let persisted = self.targets.iter().filter(|before| **before == Some(target)).count();
        let favourite = self.favourite.and_then(|favourite| attentions[favourite]);
        Facts {
            attention_meaningfully_higher: !others.is_empty()
                && attention * Decimal::from(others.len())
                    >= (Decimal::ONE + Decimal::TWO * reluctance) * others.iter().sum::<Decimal>(),
            stability_meets_minimum: Decimal::from(busy) >= stability * Decimal::from(hold),
            confidence_sufficient: recent().all(Option::is_some),
            difference_persists_over_time: persisted >= hold,
            switching_costs_justified: self.favourite != Some(target)
                && favourite.is_none_or(|favourite| attention >= (Decimal::ONE + reluctance) * favourite),
        }
    }
}

fn reason_codes(target: Option<usize>, facts: Facts, is_crash: bool) -> Vec<&'static str> {
    let code = match target {
        None => "UNKNOWN",
        Some(_) if facts.are_better() => "ATTENTION_SUPERIOR",
        Some(_) if !facts.stability_meets_minimum => "STABILITY_INSUFFICIENT",
        Some(_) => "ATTENTION_INSUFFICIENT",
    };
    let crash = is_crash.then_some("SAFETY_TRIGGERED");
    [code].into_iter().chain(crash).collect()
}
