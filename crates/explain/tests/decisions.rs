//! The outcome of each decision is the same from the end of the log as from its start, for every end of a log.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use dreichor_core::Event;
use dreichor_explain::{Decided, Funnel, Outcome, Recent};
use dreichor_replay::{Error, View};
use support::{Bench, lines, vectors_log};

/// The decisions of a log, first to last, by a plain reading.
fn forward(log: &[u8]) -> Vec<Decided> {
    let mut decisions: Vec<Decided> = Vec::new();
    let mut offset = 0;
    for line in lines(log) {
        let (event, _) = Event::read_line(line.strip_suffix(b"\n").unwrap()).unwrap();
        if let Some(decided) = Decided::begin(&event, offset) {
            decisions.push(decided);
        } else if event.body.tick_decision_id().is_some() {
            decisions.last_mut().unwrap().add(&event).unwrap();
        }
        offset += line.len() as u64;
    }
    decisions
}

fn backward(log: &[u8]) -> Result<Vec<Decided>, Error> {
    let bench = Bench::holding(log);
    let stores = bench.stores();
    let view = View::open(&stores.events)?;
    let mut recent = Recent::new(&view);
    let mut decisions = Vec::new();
    while let Some(decided) = recent.next_back()? {
        decisions.push(decided);
    }
    decisions.reverse();
    Ok(decisions)
}

#[test]
fn the_end_tells_what_the_start_tells() {
    let log = vectors_log();
    let all = lines(&log);
    // Every length, so that a step backwards ends at every place of a tick.
    for count in 0..=all.len() {
        let log = all[..count].concat();
        let (expected, found) = (forward(&log), backward(&log).unwrap());
        let rows = |decisions: &[Decided]| decisions.iter().map(Decided::row).collect::<Vec<_>>();
        assert_eq!(rows(&found), rows(&expected), "{count} lines");
        let interrupted = found.iter().filter(|decided| decided.outcome() == Outcome::Interrupted).count();
        assert!(interrupted <= 1, "{count} lines");
        let mut funnel = Funnel::default();
        for decided in &found {
            funnel.add(decided.into());
        }
        let sum: u64 = [
            Outcome::Skipped,
            Outcome::Blocked,
            Outcome::Filled,
            Outcome::PartiallyFilled,
            Outcome::Failed,
            Outcome::Interrupted,
        ]
        .map(|outcome| funnel.outcome(outcome))
        .iter()
        .sum();
        assert_eq!((funnel.decisions, sum), (expected.len() as u64, expected.len() as u64));
    }
}

/// A line that is missing within a tick is found, also where the tick crosses a step backwards.
#[test]
fn a_tick_that_lacks_a_line_is_malformed() {
    let log = vectors_log();
    let all = lines(&log);
    let decisions: Vec<usize> = (0..all.len())
        .filter(|&place| {
            Decided::begin(&Event::read_line(all[place].strip_suffix(b"\n").unwrap()).unwrap().0, 0).is_some()
        })
        .collect();
    let last = *decisions.last().unwrap();
    for removed in 0..last {
        let is_of_tick = {
            let line = all[removed].strip_suffix(b"\n").unwrap();
            Event::read_line(line).unwrap().0.body.tick_decision_id().is_some()
        };
        let left = [&all[..removed], &all[removed + 1..]].concat().concat();
        assert_eq!(backward(&left).is_err(), is_of_tick, "line {} removed", removed + 1);
    }
}
