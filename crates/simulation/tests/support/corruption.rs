//! Stores that are not as a writer left them: whatever can be known to be wrong is refused, and nothing is
//! changed.

use dreichor_core::event::{Body, Event, OrderIntentSkipped};
use dreichor_core::value::{Attention, SkipReason};
use dreichor_core::{Snapshot, Tree};
use dreichor_runtime::snapshots::SnapshotStrategy;
use dreichor_simulation::{Mount, Plan, Random};

use super::check::names_and_bytes;
use super::kind::{Kind, kind};
use super::{Scenario, Whole, holding, inputs, lines, live};

/// Stores, and all that is done to them.
struct Bench<'c> {
    strategy: SnapshotStrategy,
    whole: Whole,
    log: Vec<Vec<u8>>,
    snapshots: Vec<Vec<u8>>,
    random: Random,
    seed: u64,
    cases: &'c mut u64,
}

/// Corrupts stores in every way; `cases` counts the corrupted stores.
pub(crate) fn run(seed: u64, cases: &mut u64) {
    let mut bench = Bench::new(SnapshotStrategy::OnLedgerUpdate, seed, cases);
    bench.change_bytes();
    bench.forge_events();
    bench.forge_snapshots();
    bench.cut_the_log();
    bench.leave_a_hole_in_the_snapshots();
    // Without snapshots the grammar is all that there is.
    let mut bench = Bench::new(SnapshotStrategy::Manual, seed, cases);
    bench.change_bytes();
    bench.drop_events();
    bench.swap_inputs();
    bench.forge_an_interrupted_tick();
}

impl<'c> Bench<'c> {
    fn new(strategy: SnapshotStrategy, seed: u64, cases: &'c mut u64) -> Self {
        let scenario = Scenario {
            name: String::new(),
            inputs: inputs(24, 300, seed),
            batch: 24,
            commits: strategy.into(),
        };
        let whole = scenario.whole();
        let (log, snapshots) = (lines(&whole.events), lines(&whole.snapshots));
        Self { strategy, whole, log, snapshots, random: Random(seed), seed, cases }
    }

    /// The stores are refused by 12, and nothing of them is changed.
    fn refuse(&mut self, log: &[Vec<u8>], snapshots: &[Vec<u8>], what: &str) {
        *self.cases += 1;
        let disk = holding(&log.concat(), &snapshots.concat());
        let all = || Mount::ALL.map(|mount| names_and_bytes(&disk, mount));
        let before = all();
        disk.begin(Plan::default());
        let story = format!("TEST_SEED={}, {what}", self.seed);
        let (_, ended) = live(&disk, &[], 1, self.strategy);
        assert_eq!(ended.map_err(|error| kind(&error)), Err(Kind::Malformed), "{story}: not refused");
        assert!(all() == before, "{story}: changed although it was refused");
    }

    /// The log with another line.
    fn with_line(&self, index: usize, line: Vec<u8>) -> Vec<Vec<u8>> {
        let mut log = self.log.clone();
        log[index] = line;
        log
    }

    /// The number of events that the latest snapshot covers.
    fn covered(&self) -> usize {
        usize::try_from(snapshot(self.snapshots.last().unwrap()).audit_tree_size).unwrap()
    }

    fn change_bytes(&mut self) {
        for index in 0..self.log.len() {
            let mut line = self.log[index].clone();
            let at = usize::try_from(self.random.below(line.len() as u64 - 1)).unwrap();
            line[at] ^= 1 << self.random.below(8);
            let what = format!("a bit of line {} changed", index + 1);
            self.refuse(&self.with_line(index, line), &self.snapshots.clone(), &what);

            let nuls = vec![0; self.log[index].len() - 1];
            let what = format!("NULs in line {}", index + 1);
            self.refuse(&self.with_line(index, [nuls, vec![b'\n']].concat()), &self.snapshots.clone(), &what);
        }
    }

    /// Changes what events say, gives them the ids that fit, and breaks no rule of the grammar.
    fn forge_events(&mut self) {
        for index in 0..self.covered() {
            let line = self.log[index].clone();
            let (mut event, _) = Event::read_line(line.strip_suffix(b"\n").unwrap()).unwrap();
            if let Body::DecisionEvaluated(decision) = &mut event.body {
                decision.attention = Attention::new([false, true, false, true, false]);
                let what = format!("line {} forged", index + 1);
                self.refuse(&self.with_line(index, written(&event)), &self.snapshots.clone(), &what);
            }
        }
    }

    fn forge_snapshots(&mut self) {
        let forge = |line: &[u8], what: &str| {
            let mut forged = snapshot(line);
            match what {
                "size" => forged.audit_tree_size += 1,
                "root" => forged.audit_root_hash = Tree::new().root(),
                _ => drop(forged.positions.to_mut().pop_last()),
            }
            let mut bytes = Vec::new();
            forged.write_line(&mut bytes);
            bytes
        };
        for what in ["size", "root", "positions"] {
            let mut snapshots = self.snapshots.clone();
            let latest = snapshots.last_mut().unwrap();
            *latest = forge(latest, what);
            self.refuse(&self.log.clone(), &snapshots, &format!("the {what} of the latest snapshot forged"));
        }
    }

    fn cut_the_log(&mut self) {
        for count in 0..self.covered() {
            self.refuse(
                &self.log.clone()[..count],
                &self.snapshots.clone(),
                &format!("a log of {count} events"),
            );
        }
    }

    /// The tail of the log stays, too: all is checked before anything is cut off.
    fn leave_a_hole_in_the_snapshots(&mut self) {
        let log = [self.log.clone(), vec![b"torn".to_vec()]].concat();
        for index in 0..self.snapshots.len() - 1 {
            let mut snapshots = self.snapshots.clone();
            snapshots[index][10..100].fill(0);
            self.refuse(&log, &snapshots, &format!("a hole in snapshot {} and a tail", index + 1));
        }
    }

    /// Drops each event of a tick, but not of the last tick: that is then an interrupted one.
    fn drop_events(&mut self) {
        let events: Vec<Event<'static>> = self.log.iter().map(|line| read(line)).collect();
        let is_tick = |event: &Event<'_>| event.body.tick_decision_id().is_some();
        let last = events.iter().rposition(|event| matches!(event.body, Body::DecisionEvaluated(_))).unwrap();
        for index in (0..last).filter(|&index| is_tick(&events[index])) {
            let mut log = self.log.clone();
            log.remove(index);
            self.refuse(&log, &[], &format!("line {} dropped", index + 1));
        }
    }

    /// Swaps the events of inputs of different times that follow each other.
    fn swap_inputs(&mut self) {
        let ends: Vec<usize> = self.whole.lengths.iter().map(|(events, _)| *events).collect();
        for bounds in ends.windows(3) {
            let [start, middle, end] = [bounds[0], bounds[1], bounds[2]];
            let all = self.whole.events.clone();
            let time = |at: usize| read(&lines(&all[at..])[0]).logical_time;
            if time(start) < time(middle) {
                let swapped =
                    [&all[..start], &all[middle..end], &all[start..middle], &all[end..]].map(<[u8]>::to_vec);
                self.refuse(&swapped, &[], &format!("inputs swapped at byte {start}"));
            }
        }
    }

    /// The log ends with a decision and an event that the grammar allows, but not the decision.
    fn forge_an_interrupted_tick(&mut self) {
        for index in 0..self.log.len() {
            let decision = read(&self.log[index]);
            let Body::DecisionEvaluated(evaluated) = &decision.body else { continue };
            let decision_id = evaluated.decision_id;
            for reason in [SkipReason::CooldownActive, SkipReason::MissingTargetMarket] {
                let body = Body::OrderIntentSkipped(OrderIntentSkipped { decision_id, reason });
                let forged = written(&Event { logical_time: decision.logical_time, body });
                if forged != self.log[index + 1] {
                    let log = [&self.log[..=index], &[forged]].concat();
                    self.refuse(&log, &[], &format!("another event after line {}", index + 1));
                }
            }
        }
    }
}

fn snapshot(line: &[u8]) -> Snapshot<'static> {
    Snapshot::read_line(line.strip_suffix(b"\n").unwrap()).unwrap().0
}

/// The event, as long as it is no feedback with a comment.
fn read(line: &[u8]) -> Event<'static> {
    let line: &'static [u8] = line.strip_suffix(b"\n").unwrap().to_vec().leak();
    Event::read_line(line).unwrap().0
}

fn written(event: &Event<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    event.write_line(&mut bytes);
    bytes
}
