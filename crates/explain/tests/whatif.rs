//! The recorded decisions executed again: without a change nothing comes out otherwise, and with one all comes out as if the
//! changed decisions had been recorded.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use dreichor_core::event::Body;
use dreichor_core::input::{Input, Kind};
use dreichor_core::tick::{Policy, SafetyMode, Step, step};
use dreichor_core::value::{Decimal, MarketId, ParameterPool, SafetyGates, Side, Spelled};
use dreichor_core::{Event, State};
use dreichor_explain::whatif::{Changes, Pair, Pools};
use dreichor_explain::{Decided, Outcome, Ticks, WhatIf};
use dreichor_replay::Replay;
use dreichor_replay::reference::IdPrefix;
use proptest::prelude::*;
use support::config::config;
use support::generated::logs;
use support::{Bench, lines, vectors_log};

fn pairs(log: &[u8], changes: &Changes) -> Vec<Pair> {
    let bench = Bench::holding(log);
    let mut replay = Replay::open(bench.stores()).unwrap();
    let (mut whatif, mut pairs) = (WhatIf::new(changes.clone()), Vec::new());
    while let Some(entry) = replay.next().unwrap() {
        pairs.extend(whatif.see(&entry));
    }
    let replayed = replay.finish().unwrap();
    pairs.extend(whatif.finish(bench.stores(), &replayed).unwrap());
    pairs
}

type Facts = (Outcome, Option<&'static str>, Option<(Side, MarketId, Decimal)>);

fn facts(decided: &Decided) -> Facts {
    (decided.outcome(), decided.reason(), decided.order())
}

fn events(log: &[u8]) -> impl Iterator<Item = Event<'_>> {
    lines(log).into_iter().map(|line| Event::read_line(&line[..line.len() - 1]).unwrap().0)
}

/// The facts of a fresh log into which the decisions of `log` are recorded with the changes.
fn recorded_again(log: &[u8], changes: &Changes) -> Vec<Facts> {
    let (mut state, mut ticks, mut found) = (State::new(), Ticks::default(), Vec::new());
    for event in events(log) {
        let Body::DecisionEvaluated(mut decision) = event.body else { continue };
        let time = event.logical_time.get();
        let is_changed = changes.from.is_none_or(|from| from <= time)
            && changes.to.is_none_or(|to| time <= to)
            && (changes.instances.is_empty()
                || changes
                    .instances
                    .iter()
                    .any(|prefix| prefix.matches(decision.strategy_instance_id.uuid())));
        let mut policy = Policy::default();
        if is_changed {
            policy.safety_mode = changes.safety_mode;
            if changes.ignores_gates {
                decision.safety_gates = SafetyGates::OPEN;
            }
            decision.parameter_pool = match &changes.pools {
                Pools::All(pool) => *pool,
                Pools::Replace(pairs) => pairs
                    .iter()
                    .find(|(old, _)| *old == decision.parameter_pool)
                    .map_or(decision.parameter_pool, |(_, new)| *new),
            };
        }
        let input = Input { logical_time: event.logical_time, kind: Kind::Tick(decision) };
        let Step::Events(tick) = step(&state, &input, policy).unwrap() else { unreachable!() };
        for event in &tick {
            state.apply(event).unwrap();
            found.extend(ticks.add(event, 0).unwrap().map(|decided| facts(&decided)));
        }
    }
    found
}

#[track_caller]
fn check_unchanged(log: &[u8]) {
    let pairs = pairs(log, &Changes::default());
    let decisions = events(log).filter(|event| matches!(event.body, Body::DecisionEvaluated(_))).count();
    assert_eq!(pairs.len(), decisions);
    assert!(!pairs.iter().any(Pair::is_changed));
}

#[test]
fn without_a_change_nothing_comes_out_otherwise() {
    check_unchanged(&vectors_log());
    // Every prefix, interrupted ticks included, each taken as the next writer completes it.
    let log = vectors_log();
    for count in 0..60 {
        check_unchanged(&lines(&log)[..count].concat());
    }
}

fn changes() -> impl Strategy<Value = Changes> {
    let pool = || prop::sample::select(ParameterPool::ALL);
    let pools = prop_oneof![
        pool().prop_map(Pools::All),
        Just(Pools::default()),
        (pool(), pool()).prop_map(|pair| Pools::Replace(vec![pair])),
    ];
    let mode = prop::sample::select(SafetyMode::ALL);
    let instances = prop_oneof![
        Just(Vec::new()),
        Just(vec![IdPrefix::parse("00000001").unwrap(), IdPrefix::parse("00000002").unwrap()]),
    ];
    let time = || prop::option::of(0..60_u64);
    (pools, mode, any::<bool>(), instances, time(), time()).prop_map(
        |(pools, safety_mode, ignores_gates, instances, from, to)| Changes {
            pools,
            safety_mode,
            ignores_gates,
            instances,
            from,
            to,
        },
    )
}

proptest! {
    #![proptest_config(config(64))]

    #[test]
    fn without_a_change_nothing_comes_out_otherwise_on_any_log(log in logs()) {
        check_unchanged(&log);
    }

    #[test]
    fn with_a_change_all_comes_out_as_if_it_had_been_recorded(log in logs(), changes in changes()) {
        let after: Vec<Facts> = pairs(&log, &changes).iter().map(|pair| facts(&pair.after)).collect();
        prop_assert_eq!(after, recorded_again(&log, &changes));
    }
}
