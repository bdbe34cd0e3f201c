//! Markets for tests, and the ticks they give.

// Each test file is a crate of its own and uses a part of this.
#![allow(dead_code)]

use dreichor_rotation::{Market, Rotation, Tick, sample};

/// A row of a test market: close and volume, both whole; `None` is a missing row.
pub(crate) type Row = Option<(u64, u64)>;

/// The text of a candle file whose open times are 1, 2, 3, …
pub(crate) fn csv(rows: &[Row]) -> String {
    let lines = (1..).zip(rows).filter_map(|(time, row)| {
        let (close, volume) = (*row)?;
        Some(format!("{time},{close},{close},{close},{close},{volume}\n"))
    });
    lines.collect()
}

/// The ticks that test markets give.
pub(crate) fn ticks(markets: &[(&str, Vec<Row>)]) -> Vec<Tick> {
    let parse = |(id, rows): &(&str, Vec<Row>)| Market::parse(id, id, &csv(rows)).unwrap();
    Rotation::new(markets.iter().map(parse).collect()).unwrap().collect()
}

/// The markets of the generated sample.
pub(crate) fn sample_markets(steps: u32) -> Vec<Market> {
    sample::generate(steps).iter().map(|(file, text)| market_of_file(file, text)).collect()
}

pub(crate) fn sample_ticks(steps: u32) -> Vec<Tick> {
    Rotation::new(sample_markets(steps)).unwrap().collect()
}

/// The market that a file's name and text give.
pub(crate) fn market_of_file(file: &str, text: &str) -> Market {
    let id = dreichor_rotation::MarketId::from_file_name(file).unwrap();
    Market::parse(id.as_str(), file, text).unwrap()
}
