//! Attention measures each market against its own past: the unit of a volume does not matter.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{csv, sample_markets};
use dreichor_rotation::{Market, Rotation, Tick, sample};
use proptest::prelude::*;

/// The text of a candle file with all volumes ten times as large.
fn with_tenfold_volumes(text: &str) -> String {
    let scale = |line: &str| match line.rsplit_once(',') {
        Some((before, volume)) if volume.contains('.') => {
            let (whole, fraction) = volume.split_once('.').unwrap();
            let (moved, rest) = fraction.split_at(1);
            format!("{before},{whole}{moved}.{rest}\n")
        }
        _ => format!("{line}\n"),
    };
    text.lines().map(scale).collect()
}

#[test]
fn tenfold_volumes_of_the_sample_change_no_tick() {
    let scaled = sample::generate(400)
        .iter()
        .map(|(file, text)| common::market_of_file(file, &with_tenfold_volumes(text)))
        .collect::<Vec<_>>();
    let unscaled = sample_markets(400);
    let values = |market: &Market| market.candles()[0].traded_value();
    assert_eq!(values(&scaled[0]), 10 * values(&unscaled[0]));
    let ticks = |markets| Rotation::new(markets).unwrap().collect::<Vec<Tick>>();
    assert_eq!(ticks(scaled), ticks(unscaled));
}

/// Three markets of up to 80 steps, with gaps, jumps and rows without trade.
fn markets() -> impl Strategy<Value = Vec<Vec<common::Row>>> {
    let volume = prop_oneof![Just(0_u64), 1..200_u64, 1..2_000_u64];
    let row = prop::option::weighted(0.95, (1..1_000_u64, volume));
    prop::collection::vec(prop::collection::vec(row, 20..80), 3)
}

fn ticks(markets: &[Vec<common::Row>], factors: [u64; 3]) -> Option<Vec<Tick>> {
    let scaled = markets.iter().zip(factors).zip(["A", "B", "C"]).map(|((rows, factor), id)| {
        let rows: Vec<_> =
            rows.iter().map(|row| row.map(|(close, volume)| (close, volume * factor))).collect();
        Market::parse(id, id, &csv(&rows)).ok()
    });
    Some(Rotation::new(scaled.collect::<Option<_>>()?).unwrap().collect())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn scaling_the_volumes_of_any_market_changes_no_tick(
        markets in markets(),
        factors in prop::array::uniform3(1..10_000_u64),
    ) {
        prop_assert_eq!(ticks(&markets, [1; 3]), ticks(&markets, factors));
    }
}
