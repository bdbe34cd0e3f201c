//! The documented rules, followed by hand on small markets.
//!
//! All closes are 1 and all volumes 100 unless said otherwise, so attention is easily computed. The
//! assertive instance is watched: recent window 2 steps, base window 24, measured from 18 rows on.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{Row, ticks};
use dreichor_rotation::{Facts, Pool, Tick};

const FLAT: Row = Some((1, 100));
const WARM_UP: usize = 24;

/// A flat market for the warm-up, then these volumes.
fn market(volumes: &[u64]) -> Vec<Row> {
    let later = volumes.iter().map(|volume| Some((1, *volume)));
    std::iter::repeat_n(FLAT, WARM_UP).chain(later).collect()
}

fn of(pool: Pool, ticks: Vec<Tick>) -> Vec<Tick> {
    ticks.into_iter().filter(|tick| tick.pool() == pool).collect()
}

/// Per tick: target, then a letter for each fact that is true: Higher, Stable, Confident, Persists,
/// Justified.
fn told(ticks: &[Tick]) -> Vec<String> {
    let tell = |tick: &Tick| {
        let Facts {
            attention_meaningfully_higher: higher,
            stability_meets_minimum: stable,
            confidence_sufficient: confident,
            difference_persists_over_time: persists,
            switching_costs_justified: justified,
        } = tick.facts();
        let letters = [(higher, 'H'), (stable, 'S'), (confident, 'C'), (persists, 'P'), (justified, 'J')];
        let letters: String =
            letters.iter().filter(|(is_true, _)| *is_true).map(|(_, letter)| letter).collect();
        let target = tick.target().map_or("-", |target| target.as_str());
        format!("{target} {letters}").trim_end().to_owned()
    };
    ticks.iter().map(tell).collect()
}

#[test]
fn a_switch_needs_all_five_facts_and_makes_a_favourite() {
    let ticks = of(
        Pool::Assertive,
        ticks(&[
            ("A", market(&[100, 100, 100, 100, 100, 100])),
            ("B", market(&[300, 300, 300, 100, 100, 100])),
            ("C", market(&[100, 100, 100, 900, 900, 900])),
        ]),
    );
    assert_eq!(
        told(&ticks[WARM_UP - 1..]),
        [
            // All equal: the first in byte order. No lead, so no confidence.
            "A SPJ",   // B has just become the target.
            "B HSCJ",  // Its second step: all five. From now on B is the favourite.
            "B HSCPJ", // To what is the favourite already there is no switch.
            "B HSCP",  // The same once more, from B to C.
            "C HSCJ", "C HSCPJ", "C HSCP",
        ]
    );
    assert!(ticks[WARM_UP + 1].to_string().contains(r#""reasonCodes":["ATTENTION_SUPERIOR"]"#));
    assert!(ticks[WARM_UP + 2].to_string().contains(r#""reasonCodes":["ATTENTION_INSUFFICIENT"]"#));
}

#[test]
fn a_market_is_measured_from_three_quarters_of_the_base_window_on() {
    for (pool, first_measured_step) in [(Pool::Cautious, 90), (Pool::Balanced, 45), (Pool::Assertive, 18)] {
        let ticks = of(pool, ticks(&[("A", vec![FLAT; 100])]));
        let first = ticks.iter().find(|tick| tick.target().is_some()).unwrap();
        assert_eq!(first.logical_time(), first_measured_step, "{pool:?}");
        assert!(ticks[0].to_string().contains(r#""reasonCodes":["UNKNOWN"]"#));
    }
}

#[test]
fn alone_a_market_is_neither_higher_nor_sure() {
    let ticks = of(Pool::Assertive, ticks(&[("A", market(&[900, 900, 900]))]));
    assert_eq!(told(&ticks[WARM_UP..]), ["A SPJ", "A SPJ", "A SPJ"]);
}

#[test]
fn a_missing_row_is_unknown_and_not_zero() {
    let mut gap = market(&[300, 300, 300]);
    gap[WARM_UP + 1] = None;
    let ticks = of(Pool::Assertive, ticks(&[("A", market(&[100, 100, 100])), ("B", gap)]));
    assert_eq!(
        told(&ticks[WARM_UP..]),
        [
            "B HSCJ", // Not measured at the gap.
            "A SPJ",
            // Its attention is that of the one row it has; but a recent row is missing, and the gap was
            // not busy.
            "B HPJ",
        ]
    );
}

#[test]
fn a_market_without_trade_is_not_measured() {
    let ticks = of(Pool::Assertive, ticks(&[("A", vec![Some((1, 0)); 30]), ("B", vec![FLAT; 30])]));
    assert_eq!(told(&ticks[29..]), ["B SPJ"]);
}

#[test]
fn steps_are_the_distinct_times_of_all_files() {
    let (mut early, mut late) = (vec![FLAT; 3], vec![None, None, None, None]);
    early[1] = None;
    late.extend([FLAT; 2]);
    let numbers: Vec<u64> =
        of(Pool::Cautious, ticks(&[("A", early), ("B", late)])).iter().map(Tick::logical_time).collect();
    // Times 1 and 3 of A, 5 and 6 of B: four steps.
    assert_eq!(numbers, [1, 2, 3, 4]);
}

/// Closes that fall from 10,000 to `then` at the last of 13 steps.
fn falling_to(then: u64) -> Vec<Row> {
    (1..=13).map(|step| Some((if step == 13 { then } else { 10_000 }, 1))).collect()
}

#[test]
fn a_crash_is_a_fall_of_three_percent_in_two_thirds_of_the_markets() {
    let steady = || falling_to(10_000);
    let mut silent = falling_to(9_700);
    silent[12] = None;
    silent[11] = Some((9_700, 1));
    let mut newcomer = vec![None; 13];
    newcomer[12] = Some((1, 1));
    for (what, markets, expected) in [
        ("two of three", vec![falling_to(9_700), falling_to(9_000), steady()], true),
        ("one of three", vec![falling_to(9_000), steady(), steady()], false),
        ("not quite three percent", vec![falling_to(9_701), falling_to(9_701), steady()], false),
        ("a missing row leaves the latest close", vec![silent, falling_to(9_700), steady()], true),
        ("an unknown market does not count", vec![falling_to(9_700), newcomer], true),
        ("too early to know", vec![falling_to(9_000).split_off(1)], false),
    ] {
        let named: Vec<_> = ["A", "B", "C"].into_iter().zip(markets).collect();
        let ticks = ticks(&named);
        let (before, last) = ticks.split_at(ticks.len() - Pool::ALL.len());
        assert!(before.iter().all(|tick| !tick.is_crash()), "{what}");
        assert!(last.iter().all(|tick| tick.is_crash() == expected), "{what}");
        let asks_to_sell = last[0].to_string().contains(r#""blockBuy":true,"forceSell":true"#);
        let says_why = last[0].to_string().contains("SAFETY_TRIGGERED");
        assert_eq!((asks_to_sell, says_why), (expected, expected), "{what}");
    }
}

#[test]
fn the_largest_values_overflow_nothing() {
    let row = Some((100, 100_000_000_000));
    for tick in ticks(&[("A", vec![row; 130]), ("B", vec![row; 130])]).iter().rev().take(3) {
        assert_eq!(tick.target().map(ToString::to_string).as_deref(), Some("A"));
    }
}

#[test]
fn worthless_markets_do_not_fall() {
    let ticks = ticks(&[("A", vec![Some((0, 1)); 13])]);
    assert!(ticks.iter().all(|tick| !tick.is_crash()));
}
