//! A sweep over a real log: what verification finds of every corruption, and by which part. The table in
//! docs/AUDITING.md is made of what this prints with `--nocapture`.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(clippy::print_stdout, reason = "the table of what was found")]

mod support;

use std::collections::BTreeMap;

use dreichor_audit::verify::{KeptCheckpoint, Part};
use dreichor_core::Rule;
use dreichor_core::event::{Body, Event, Fill, OrderIntentCreated};
use dreichor_core::value::{Attention, Decimal, Form, ParameterPool, Side, Spelled};
use dreichor_proof::Checkpoint;
use support::{Files, lines, made_up, read};

/// How many corruptions of a kind were found, and by which part first.
#[derive(Default)]
struct Tally(BTreeMap<Option<Part>, u64>);

impl Tally {
    /// Verifies corrupted stores; returns the part and line of the first finding.
    fn add(&mut self, files: &Files) -> Option<(Part, u64)> {
        let (findings, _) = files.verify();
        let first = findings.first().map(|finding| (finding.part, finding.line));
        *self.0.entry(first.map(|(part, _)| part)).or_default() += 1;
        first
    }

    fn print(&self, kind: &str) {
        println!("{kind}: {:?}", self.0);
    }

    /// All were found, by this part.
    #[track_caller]
    fn assert_found_by(&self, kind: &str, part: Part) {
        self.print(kind);
        assert_eq!(self.0.keys().collect::<Vec<_>>(), [&Some(part)], "{kind}");
    }
}

/// The byte at `index` with each bit flipped, removed, and with another byte before it.
fn changes(bytes: &[u8], index: usize) -> impl Iterator<Item = Vec<u8>> {
    let replaced = move |with: &[u8]| [&bytes[..index], with, &bytes[index + 1..]].concat();
    let flipped = (0..8).map(move |bit| replaced(&[bytes[index] ^ (1 << bit)]));
    let inserted = [b'0', b'\n', bytes[index]].map(|before| replaced(&[before, bytes[index]]));
    flipped.chain([replaced(&[])]).chain(inserted)
}

/// True if the first finding is by this part, in the line of the byte; where that is an LF, it may be in the next line.
fn is_in(found: Option<(Part, u64)>, part: Part, bytes: &[u8], index: usize) -> bool {
    let line = bytes[..index].split(|byte| *byte == b'\n').count() as u64;
    found == Some((part, line)) || (bytes[index] == b'\n' && found == Some((part, line + 1)))
}

/// Changes every `step`th byte of both files, but for the LF that ends the last line: without it the line is an
/// unterminated tail.
fn sweep_bytes(step: usize) {
    let whole = Files::vectors();
    let mut tally = Tally::default();
    for index in (0..whole.log.len() - 1).step_by(step) {
        for log in changes(&whole.log, index) {
            let found = tally.add(&Files { log, snapshots: whole.snapshots.clone() });
            assert!(is_in(found, Part::Lines, &whole.log, index), "byte {index} of the log: {found:?}");
        }
    }
    tally.assert_found_by("any byte of the log", Part::Lines);
    let mut tally = Tally::default();
    for index in (0..whole.snapshots.len() - 1).step_by(step.div_ceil(8)) {
        for snapshots in changes(&whole.snapshots, index) {
            let found = tally.add(&Files { log: whole.log.clone(), snapshots });
            assert!(
                is_in(found, Part::Snapshots, &whole.snapshots, index),
                "byte {index} of the snapshots: {found:?}"
            );
        }
    }
    tally.assert_found_by("any byte of the snapshots", Part::Snapshots);
}

/// `SWEEP_STEP` says how many bytes apart the changed ones are (default 499; 1: every byte, which takes many minutes).
#[test]
fn a_change_of_a_byte_is_found_in_its_line() {
    let step = std::env::var("SWEEP_STEP").map_or(499, |step| step.parse().unwrap());
    sweep_bytes(step);
}

/// The number of events that the last snapshot covers.
fn covered(files: &Files) -> usize {
    let last = lines(&files.snapshots).pop().unwrap();
    let (snapshot, _) = dreichor_core::Snapshot::read_line(last.strip_suffix(b"\n").unwrap()).unwrap();
    usize::try_from(snapshot.audit_tree_size).unwrap()
}

/// The ranges of lines of whole ticks and feedback.
fn units(log: &[Vec<u8>]) -> Vec<std::ops::Range<usize>> {
    let mut starts: Vec<usize> = (0..log.len())
        .filter(|&index| {
            matches!(read(&log[index]).body, Body::DecisionEvaluated(_) | Body::UserFeedbackRecorded(_))
        })
        .collect();
    starts.push(log.len());
    starts.windows(2).map(|pair| pair[0]..pair[1]).collect()
}

#[test]
fn lines_that_are_removed_repeated_or_moved_before_the_last_snapshot_are_found() {
    let whole = Files::vectors();
    let log = lines(&whole.log);
    let foreign = lines(&Files::of(&made_up::events(9, 100)).log);
    let covered = covered(&whole);
    let sweep = |kind: &str, corrupt: &dyn Fn(&mut Vec<Vec<u8>>, usize)| {
        let mut tally = Tally::default();
        for index in 0..covered - 1 {
            let mut log = log.clone();
            corrupt(&mut log, index);
            let found = tally.add(&Files { log: log.concat(), snapshots: whole.snapshots.clone() });
            assert!(found.is_some(), "{kind}: line {}", index + 1);
        }
        tally.print(kind);
    };
    sweep("a line removed", &|log, index| drop(log.remove(index)));
    sweep("a line repeated", &|log, index| log.insert(index, log[index].clone()));
    sweep("two lines swapped", &|log, index| log.swap(index, index + 1));
    sweep("a line moved to the end", &|log, index| {
        let line = log.remove(index);
        log.push(line);
    });
    sweep("a line of another log inserted", &|log, index| {
        log.insert(index, foreign[index % foreign.len()].clone());
    });
    sweep("a line of another log instead", &|log, index| {
        log[index].clone_from(&foreign[index % foreign.len()]);
    });
    let mut tally = Tally::default();
    for unit in units(&log).into_iter().filter(|unit| unit.end <= covered) {
        let mut log = log.clone();
        log.drain(unit);
        assert!(tally.add(&Files { log: log.concat(), snapshots: whole.snapshots.clone() }).is_some());
    }
    tally.print("a tick or feedback removed");
    let mut tally = Tally::default();
    for end in 0..covered {
        tally.add(&Files { log: log[..end].concat(), snapshots: whole.snapshots.clone() });
    }
    tally.assert_found_by("the end cut off before the last snapshot", Part::Snapshots);
    let mut tally = Tally::default();
    for end in covered..log.len() {
        tally.add(&Files { log: log[..end].concat(), snapshots: whole.snapshots.clone() });
    }
    tally.print("the end cut off after the last snapshot");
    assert_eq!(tally.0.keys().collect::<Vec<_>>(), [&None], "only a checkpoint kept elsewhere finds this");
}

/// Edits the history at a decision so that the grammar still holds, but the orchestrator would not have written it.
/// None: it cannot be edited so there.
type Forge = fn(&mut [Event<'static>], usize) -> Option<()>;

/// Flips an attention fact on which the decision depends.
fn flip_attention(events: &mut [Event<'static>], index: usize) -> Option<()> {
    // What follows from the decision does not depend on its attention where a gate or the lifecycle decides.
    let is_bought = events.get(index + 1..index + 6)?.iter().any(|event| is_buy(event));
    let Body::DecisionEvaluated(decision) = &mut events[index].body else { return None };
    let mut facts = decision.attention.members();
    if !is_bought || !decision.attention.is_better() {
        return None;
    }
    facts[index % 5] = false;
    decision.attention = Attention::new(facts);
    Some(())
}

fn is_buy(event: &Event<'_>) -> bool {
    matches!(&event.body, Body::ExecutionOutcomeRecorded(recorded) if recorded.outcome.side == Side::Buy)
}

/// The pool is another one than the one that the allocation comes from.
fn change_pool(events: &mut [Event<'static>], index: usize) -> Option<()> {
    let is_intended = matches!(
        &events.get(index + 1)?.body,
        Body::OrderIntentCreated(OrderIntentCreated { side: Side::Buy, .. })
    );
    let Body::DecisionEvaluated(decision) = &mut events[index].body else { return None };
    let other = ParameterPool::ALL.iter().find(|pool| **pool != decision.parameter_pool)?;
    decision.parameter_pool = *other;
    is_intended.then_some(())
}

/// The order of a BUY and its fill have another quantity, and so do those of the sale of the position.
fn change_allocation(events: &mut [Event<'static>], index: usize) -> Option<()> {
    let quantity = Decimal::parse(b"0.75")?;
    let tick = events.get(index..index + 6)?;
    if !matches!(tick[0].body, Body::DecisionEvaluated(_)) || !is_buy(&tick[4]) {
        return None;
    }
    let sold = events[index..].iter().position(is_sale).map_or(events.len(), |sold| index + sold + 1);
    let buyer = events[index].body.tick_decision_id();
    for event in &mut events[index..sold] {
        let is_of_buyer = event.body.tick_decision_id() == buyer;
        match &mut event.body {
            Body::OrderIntentCreated(created) if is_of_buyer || created.side == Side::Sell => {
                created.allocation = quantity;
            }
            Body::ExecutionOutcomeRecorded(recorded) => recorded.outcome.fill = Fill::Filled(quantity),
            Body::OrderIntentCreated(_)
            | Body::DecisionEvaluated(_)
            | Body::OrderIntentSkipped(_)
            | Body::SafetyEvaluated(_)
            | Body::ExecutionAttempted(_)
            | Body::LedgerUpdated(_)
            | Body::UserFeedbackRecorded(_) => {}
        }
    }
    Some(())
}

fn is_sale(event: &Event<'_>) -> bool {
    matches!(&event.body, Body::ExecutionOutcomeRecorded(recorded) if recorded.outcome.side == Side::Sell)
}

/// How many forged histories of each kind are made.
const FORGED: u64 = 100;

#[test]
fn forged_histories_that_keep_the_grammar_are_found_by_reexecution() {
    let kinds: [(&str, Forge); 3] = [
        ("an attention fact flipped", flip_attention),
        ("a pool changed", change_pool),
        ("an allocation changed with its fills", change_allocation),
    ];
    for (kind, forge) in kinds {
        for with_snapshots in [false, true] {
            let mut tally = Tally::default();
            for seed in 0..FORGED {
                let events = made_up::events(seed, 120);
                let whole = Files::of(&events);
                let start = usize::try_from(seed).unwrap();
                let mut places = (0..events.len()).cycle().skip(start).take(events.len());
                let forged = places.find_map(|index| {
                    let mut events = events.clone();
                    forge(&mut events, index).map(|()| Files::of(&events))
                });
                let forged = forged.unwrap();
                assert_ne!(forged.log, whole.log);
                let snapshots = if with_snapshots { forged.snapshots } else { whole.snapshots };
                let files = Files { log: forged.log, snapshots };
                tally.add(&files);
                assert_eq!(files.parts().contains(&Part::Snapshots), !with_snapshots, "{kind}, seed {seed}");
            }
            let snapshots = if with_snapshots { ", root and snapshots" } else { "" };
            tally.assert_found_by(
                &format!("{kind}, with all ids{snapshots} computed again"),
                Part::Reexecution,
            );
            assert_eq!(tally.0.values().sum::<u64>(), FORGED);
        }
    }
}

/// A history that the orchestrator would have written, of other decisions; or the end cut off: only a checkpoint that was
/// kept elsewhere finds them.
#[test]
fn another_whole_history_is_found_by_a_kept_checkpoint_only() {
    let whole = Files::of(&made_up::events(FORGED, 120));
    let kept = checkpoint(&whole);
    assert_eq!(whole.verify_with(Some(&kept)).1.is_extension, Some(true));
    let mut tally = Tally::default();
    for seed in 0..FORGED {
        let other = Files::of(&made_up::events(seed, 120));
        tally.add(&other);
        let (findings, _) = other.verify_with(Some(&kept));
        assert_eq!(findings.iter().map(|finding| finding.part).collect::<Vec<_>>(), [Part::Checkpoint]);
    }
    tally.print("another whole history");
    assert_eq!(tally.0.keys().collect::<Vec<_>>(), [&None]);
    let log = lines(&whole.log);
    for end in [0, 1, log.len() - 1] {
        let files = Files { log: log[..end].concat(), snapshots: Vec::new() };
        assert_eq!(files.found(), "");
        let (findings, report) = files.verify_with(Some(&kept));
        assert_eq!(findings[0].fault.rule, Rule::CheckpointAhead);
        assert_eq!((findings.len(), report.is_extension), (1, Some(false)));
    }
}

/// The checkpoint of the whole log.
fn checkpoint(files: &Files) -> KeptCheckpoint {
    let report = files.verify().1;
    let checkpoint = Checkpoint::new("example.org/log", report.events.lines, report.root.unwrap());
    KeptCheckpoint { path: "kept.txt".into(), read: Ok(checkpoint) }
}

#[test]
fn the_log_extends_each_earlier_checkpoint_of_it() {
    let events = made_up::events(5, 60);
    let whole = Files::of(&events);
    for size in 0..=events.len() {
        let kept = checkpoint(&Files::of(&events[..size]));
        let (findings, report) = whole.verify_with(Some(&kept));
        assert_eq!((findings.len(), report.is_extension), (0, Some(true)), "size {size}");
    }
}

#[test]
fn a_checkpoint_that_covers_a_malformed_line_is_not_checked_by_it() {
    let whole = Files::vectors();
    let kept = checkpoint(&whole);
    let mut log = lines(&whole.log);
    log[100] = b"{}\n".to_vec();
    let (findings, report) = Files { log: log.concat(), ..whole }.verify_with(Some(&kept));
    assert_eq!((findings.len(), report.is_extension), (1, None));
}
