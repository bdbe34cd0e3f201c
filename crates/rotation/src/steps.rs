//! Many files, one time line: the steps.

use std::iter::Peekable;
use std::vec;

use crate::candle::Candle;

/// One distinct `open_time`.
#[derive(Debug)]
pub(crate) struct Step {
    /// From 1.
    pub(crate) number: u64,
    /// The row of each market, in the order of the markets; `None` where it is missing.
    pub(crate) rows: Vec<Option<Candle>>,
}

/// The steps of several markets, in order of time.
#[derive(Debug)]
pub(crate) struct Steps {
    taken: u64,
    markets: Vec<Peekable<vec::IntoIter<Candle>>>,
}

impl Steps {
    pub(crate) fn new(markets: impl Iterator<Item = Vec<Candle>>) -> Self {
        Self { taken: 0, markets: markets.map(|candles| candles.into_iter().peekable()).collect() }
    }
}

impl Iterator for Steps {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        let heads = self.markets.iter_mut().filter_map(Peekable::peek);
        let now = heads.map(Candle::open_time).min()?;
        self.taken += 1;
        let rows = self.markets.iter_mut().map(|market| market.next_if(|row| row.open_time() == now));
        Some(Step { number: self.taken, rows: rows.collect() })
    }
}
