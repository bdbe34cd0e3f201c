//! The whole strategy: markets in, ticks out.

use std::collections::VecDeque;

use thiserror::Error;

use crate::candle::Market;
use crate::crash::CrashWatch;
use crate::instance::Instance;
use crate::market_id::MarketId;
use crate::pool::Pool;
use crate::steps::{Step, Steps};
use crate::tick::Tick;

/// The ticks of all instances over all steps: an iterator. The same markets give the same ticks.
#[derive(Debug)]
pub struct Rotation {
    /// In byte order; everywhere else a market is its place in here.
    markets: Vec<MarketId>,
    steps: Steps,
    instances: Vec<Instance>,
    crash: CrashWatch,
    /// What the present step gave and is not taken yet.
    pending: VecDeque<Tick>,
}

/// Why markets cannot be rotated over.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RotationError {
    /// There is nothing to watch.
    #[error("no market: expected the candles of at least one")]
    NoMarkets,
    /// Two sources speak of the same market.
    #[error("market {id} stands in {first} and in {second}: expected one source per market")]
    DuplicateMarket {
        /// The market.
        id: MarketId,
        /// One of the sources.
        first: String,
        /// Another.
        second: String,
    },
}

impl Rotation {
    /// Begins before the first step. The order of the markets does not matter.
    pub fn new(mut markets: Vec<Market>) -> Result<Self, RotationError> {
        if markets.is_empty() {
            return Err(RotationError::NoMarkets);
        }
        markets.sort_by(|one, other| one.id().cmp(other.id()));
        check_unique(&markets)?;
        let ids: Vec<MarketId> = markets.iter().map(|market| market.id().clone()).collect();
        Ok(Self {
            instances: Pool::ALL.map(|pool| Instance::new(pool, ids.len())).into(),
            crash: CrashWatch::new(ids.len()),
            markets: ids,
            steps: Steps::new(markets.into_iter().map(Market::into_candles)),
            pending: VecDeque::with_capacity(Pool::ALL.len()),
        })
    }

    fn take_step(&mut self, step: &Step) {
        let is_crash = self.crash.sees_crash(step);
        for instance in &mut self.instances {
            let judgement = instance.judge(step);
            self.pending.push_back(Tick {
                logical_time: step.number,
                pool: instance.pool(),
                facts: judgement.facts,
                target: judgement.target.and_then(|at| self.markets.get(at)).cloned(),
                is_crash,
            });
        }
    }
}

impl Iterator for Rotation {
    type Item = Tick;

    fn next(&mut self) -> Option<Tick> {
        if self.pending.is_empty() {
            let step = self.steps.next()?;
            self.take_step(&step);
        }
        self.pending.pop_front()
    }
}

fn check_unique(sorted: &[Market]) -> Result<(), RotationError> {
    for (first, second) in sorted.iter().zip(sorted.iter().skip(1)) {
        if first.id() == second.id() {
            return Err(RotationError::DuplicateMarket {
                id: first.id().clone(),
                first: first.source_name().to_owned(),
                second: second.source_name().to_owned(),
            });
        }
    }
    Ok(())
}
