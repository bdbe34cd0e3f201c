//! Properties of the example strategy: its ticks are inputs, later candles change no earlier tick, each fact can be true
//! and false, and bad files are refused with their line.

use std::collections::BTreeMap;

use dreichor_core::State;
use dreichor_core::input::Input;
use dreichor_core::tick::{Policy, Step, step};
use dreichor_rotation::{CandleError, Market, Tick, rotate, sample};
use proptest::prelude::*;

fn ticks(steps: u32) -> Vec<Tick> {
    rotate(&sample::markets(steps)).collect()
}

#[test]
fn each_fact_is_true_at_some_step_and_false_at_another() {
    let facts: Vec<[bool; 5]> = ticks(400)
        .iter()
        .map(|tick| {
            let facts = tick.attention;
            [
                facts.attention_meaningfully_higher,
                facts.stability_meets_minimum,
                facts.confidence_sufficient,
                facts.difference_persists_over_time,
                facts.switching_costs_justified,
            ]
        })
        .collect();
    for place in 0..5 {
        for value in [true, false] {
            assert!(facts.iter().any(|facts| facts[place] == value), "fact {place} is never {value}");
        }
    }
    assert!(facts.iter().any(|facts| facts.iter().all(|fact| *fact)));
}

#[test]
fn the_runtime_takes_every_tick_and_shows_every_kind_of_result() {
    let mut state = State::new();
    let mut results: BTreeMap<&str, u32> = BTreeMap::new();
    for tick in ticks(400) {
        let line = serde_json::to_string(&tick).unwrap();
        let input = Input::parse(line.as_bytes()).unwrap();
        let Step::Events(events) = step(&state, &input, Policy::default()).unwrap() else {
            panic!("a tick is new")
        };
        for event in events {
            *results.entry(event.body.event_type().into()).or_default() += 1;
            state.apply(&event).unwrap();
        }
    }
    let totals = state.memory().totals();
    assert!(totals.filled > 20 && totals.blocked > 5 && totals.forced_sells > 0, "{totals:?}");
    assert!(results["ORDER_INTENT_SKIPPED"] > 100, "{results:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn later_candles_change_no_earlier_tick(steps in 1_u32..300, more in 1_u32..50) {
        let all = ticks(steps + more);
        let fewer = ticks(steps);
        // With few steps, the last one may have no row at all.
        prop_assert_eq!(&all[..fewer.len()], &fewer[..]);
    }
}

#[test]
fn bad_files_are_refused_with_their_line() {
    const HEADER: &str = "open_time,open,high,low,close,volume";
    for (line, rows) in [
        (2, "x,1,1,1,1,1"),
        (2, "1,1,1,1,0,1"),
        (2, "1,1,1,1,1,-1"),
        (2, "1,1,1,1,1e3x,1"),
        (2, "1,1,1,1,99999999999999999999,99999999999999999999"),
        (3, "1,1,1,1,1,1\n2,1,1,1"),
        (3, "1,1,1,1,1,1\n1,1,1,1,1,1"),
    ] {
        let read = Market::read("ETHBTC-5m.csv", format!("{HEADER}\n{rows}\n").as_bytes());
        let Err(CandleError::Line { line: found, .. }) = &read else { panic!("{rows}: {read:?}") };
        assert_eq!(*found, line, "{rows}: {read:?}");
    }
    assert!(matches!(
        Market::read("ETHBTC-5m.csv", &b"time,close\n1,1\n"[..]),
        Err(CandleError::Line { .. })
    ));
    for name in ["-5m.csv", ".csv", "", "Æ-5m.csv", "a b.csv"] {
        assert!(matches!(Market::read(name, &b""[..]), Err(CandleError::Name { .. })), "{name}");
    }
    let further = format!("{HEADER},more\n1,1,1,1,1,1,x\n");
    assert_eq!(rotate(&[Market::read("dir/A.csv", further.as_bytes()).unwrap()]).count(), 3);
}
