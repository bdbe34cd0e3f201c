//! What becomes of the ticks in the hands of a runtime: the example is of use only if its log shows
//! something.
//!
//! The runtime's rules are told again here, as briefly as an upstream needs to know them.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use common::{market_of_file, sample_ticks};
use dreichor_rotation::{Market, Pool, Rotation, Tick};

#[derive(Debug, Clone, Copy)]
enum Lifecycle {
    Ready,
    Holding { until: u64 },
    Cooldown { until: u64 },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    Buy,
    Sell,
    ForcedSell,
    BlockedByPosition,
    BlockedByGate,
    AttentionNegative,
    HoldTimeActive,
    CooldownActive,
}

/// A ledger that holds one position at most.
#[derive(Default)]
struct Enactment {
    lifecycles: BTreeMap<&'static str, Lifecycle>,
    holder: Option<&'static str>,
    outcomes: BTreeMap<(&'static str, Outcome), u32>,
    markets: BTreeSet<String>,
}

impl Enactment {
    fn of(ticks: impl Iterator<Item = Tick>) -> Self {
        let mut enactment = Self::default();
        for tick in ticks {
            let outcome = enactment.enact(&tick);
            *enactment.outcomes.entry((tick.pool().id(), outcome)).or_default() += 1;
        }
        enactment
    }

    fn enact(&mut self, tick: &Tick) -> Outcome {
        let outcome = self.outcome(tick);
        // Hold time and cooldown are the same in each pool.
        let until = tick.logical_time() + u64::from(tick.pool().hold_steps());
        match outcome {
            Outcome::Buy => {
                self.holder = Some(tick.pool().id());
                self.lifecycles.insert(tick.pool().id(), Lifecycle::Holding { until });
                self.markets.extend(tick.target().map(ToString::to_string));
            }
            Outcome::Sell | Outcome::ForcedSell => {
                let holder = self.holder.take().unwrap();
                self.lifecycles.insert(holder, Lifecycle::Cooldown { until });
            }
            Outcome::BlockedByPosition
            | Outcome::BlockedByGate
            | Outcome::AttentionNegative
            | Outcome::HoldTimeActive
            | Outcome::CooldownActive => {}
        }
        outcome
    }

    fn outcome(&self, tick: &Tick) -> Outcome {
        if tick.is_crash() && self.holder.is_some() {
            return Outcome::ForcedSell;
        }
        let is_better = tick.facts().are_better();
        match self.lifecycles.get(tick.pool().id()).copied().unwrap_or(Lifecycle::Ready) {
            Lifecycle::Cooldown { until } if tick.logical_time() < until => Outcome::CooldownActive,
            _ if !is_better => Outcome::AttentionNegative,
            Lifecycle::Holding { until } if tick.logical_time() < until => Outcome::HoldTimeActive,
            Lifecycle::Holding { .. } => Outcome::Sell,
            _ if tick.is_crash() => Outcome::BlockedByGate,
            _ if self.holder.is_some() => Outcome::BlockedByPosition,
            Lifecycle::Ready | Lifecycle::Cooldown { .. } => Outcome::Buy,
        }
    }

    fn count(&self, outcome: Outcome) -> u32 {
        Pool::ALL.iter().filter_map(|pool| self.outcomes.get(&(pool.id(), outcome))).sum()
    }

    fn fills(&self) -> u32 {
        [Outcome::Buy, Outcome::Sell, Outcome::ForcedSell].map(|outcome| self.count(outcome)).iter().sum()
    }

    fn is_done_by_all(&self, outcome: Outcome) -> bool {
        Pool::ALL.iter().all(|pool| self.outcomes.contains_key(&(pool.id(), outcome)))
    }

    /// Every instance trades, and every way to skip or to be blocked occurs.
    fn assert_varied(&self) {
        assert!(
            self.is_done_by_all(Outcome::Buy) && self.is_done_by_all(Outcome::Sell),
            "{:?}",
            self.outcomes
        );
        for outcome in [
            Outcome::ForcedSell,
            Outcome::BlockedByPosition,
            Outcome::BlockedByGate,
            Outcome::AttentionNegative,
            Outcome::HoldTimeActive,
            Outcome::CooldownActive,
        ] {
            assert!(self.count(outcome) > 0, "{outcome:?}: {:?}", self.outcomes);
        }
    }
}

#[test]
fn the_sample_shows_all_that_can_happen() {
    let enactment = Enactment::of(sample_ticks(400).into_iter());
    enactment.assert_varied();
    assert!(enactment.fills() >= 40, "{}", enactment.fills());
    assert_eq!(enactment.markets.len(), 5);
}

#[test]
fn a_long_sample_goes_on_rotating() {
    let enactment = Enactment::of(sample_ticks(4_000).into_iter());
    assert!(enactment.fills() >= 400, "{}", enactment.fills());
}

/// The candle files of `CANDLES_DIR`, if it is set.
fn real_markets() -> Option<Vec<Market>> {
    let directory = std::env::var_os("CANDLES_DIR")?;
    let paths = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let files = paths.filter(|path| path.extension().is_some_and(|extension| extension == "csv"));
    let read = |path: std::path::PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        market_of_file(&name, &fs::read_to_string(path).unwrap())
    };
    Some(files.map(read).collect())
}

#[test]
fn real_candles_rotate_too() {
    let Some(markets) = real_markets() else {
        eprintln!("CANDLES_DIR is not set: real candles are not tested");
        return;
    };
    let count = markets.len();
    let ticks: Vec<Tick> = Rotation::new(markets).unwrap().collect();
    assert!(ticks.len() > 15_000, "{}", ticks.len());
    let enactment = Enactment::of(ticks.into_iter());
    eprintln!("{} fills: {:?}", enactment.fills(), enactment.outcomes);
    enactment.assert_varied();
    assert!(enactment.fills() > 300, "{}", enactment.fills());
    assert_eq!(enactment.markets.len(), count);
}
