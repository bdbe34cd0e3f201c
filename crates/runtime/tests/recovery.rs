//! After any kill within the last batch, the next writer completes the stores: byte for byte those of a run that was never
//! interrupted.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod support;

use std::fs;

use dreichor_core::tick::SafetyMode;
use dreichor_core::{Event, Rule};
use dreichor_replay::Progress;
use dreichor_runtime::recovery::recover;
use dreichor_runtime::snapshots::SnapshotStrategy;
use proptest::prelude::*;
use proptest::sample::Index;
use support::config::config;
use support::kind::{Kind, kind};
use support::{Bench, Bytes, inputs, join, malformed, modes, seeds, strategies, vector, vector_stores};

/// Truncates both stores, starts again, sends everything again: the stores must be complete.
fn check_cut(bench: &Bench, whole: &Bytes, inputs: &[u8], events_cut: usize, snapshots_cut: usize) {
    let cut = Bytes {
        events: whole.events[..events_cut].to_vec(),
        snapshots: whole.snapshots[..snapshots_cut].to_vec(),
    };
    let again = Bench { strategy: bench.strategy, policy: bench.policy, ..Bench::holding(&cut) };
    again.ingest(inputs).unwrap_or_else(|error| panic!("cut at {events_cut}, {snapshots_cut}: {error}"));
    assert_eq!(&again.bytes(), whole, "cut at {events_cut}, {snapshots_cut}");
    check_kept(&again, &cut);
}

/// The copies of truncated tails are in the same directory.
fn check_kept(bench: &Bench, before: &Bytes) {
    for (path, bytes) in [(bench.events_path(), &before.events), (bench.snapshots_path(), &before.snapshots)]
    {
        let whole = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
        if whole < bytes.len() {
            let copy = format!("{}.torn-{whole}", path.display());
            assert_eq!(fs::read(&copy).unwrap(), bytes[whole..], "{copy}");
        }
    }
}

/// The length of the snapshots when the log was `events_cut` bytes long: they are never ahead of it.
fn snapshots_before(whole: &Bytes, events_cut: usize) -> usize {
    let durable = String::from_utf8_lossy(&whole.events[..events_cut]).matches('\n').count();
    let mut end = 0;
    for line in whole.snapshots.split_inclusive(|&byte| byte == b'\n') {
        let text = String::from_utf8_lossy(line);
        let size = text.split("\"auditTreeSize\":").nth(1).unwrap().split(',').next().unwrap();
        if size.parse::<usize>().unwrap() > durable {
            break;
        }
        end += line.len();
    }
    end
}

#[test]
fn the_log_of_the_vectors_cut_anywhere_is_made_whole() {
    let (whole, inputs) = (vector_stores(), vector("inputs.ndjson"));
    let bench = Bench::new();
    let line_ends: Vec<usize> =
        whole.events.iter().enumerate().filter(|&(_, &byte)| byte == b'\n').map(|(at, _)| at + 1).collect();
    // Every line's end, the bytes around it, and bytes in between.
    let around = line_ends.iter().flat_map(|&end| [end - 1, end, (end + 1).min(whole.events.len())]);
    for events_cut in around.chain((0..whole.events.len()).step_by(997)) {
        check_cut(&bench, &whole, &inputs, events_cut, snapshots_before(&whole, events_cut));
    }
}

#[test]
fn the_snapshots_of_the_vectors_cut_anywhere_are_written_again() {
    let (whole, inputs) = (vector_stores(), vector("inputs.ndjson"));
    let bench = Bench::new();
    for snapshots_cut in (0..=whole.snapshots.len()).step_by(53) {
        check_cut(&bench, &whole, &inputs, whole.events.len(), snapshots_cut);
    }
}

proptest! {
    #![proptest_config(config(128))]

    #[test]
    fn any_stores_cut_anywhere_are_made_whole(
        seeds in seeds(40), strategy in strategies(), mode in modes(), events: Index, snapshots: Index
    ) {
        let lines = join(&inputs(&seeds));
        let bench = Bench::with(strategy, mode);
        bench.ingest(&lines).unwrap();
        let whole = bench.bytes();
        let events_cut = events.index(whole.events.len() + 1);
        let snapshots_cut = snapshots.index(snapshots_before(&whole, events_cut) + 1);
        check_cut(&bench, &whole, &lines, events_cut, snapshots_cut);
    }
}

#[test]
fn unterminated_bytes_of_any_kind_are_kept_and_cut_off() {
    let whole = vector_stores();
    let (zeros, long) = (vec![0; 70_000], vec![b'x'; 200_000]);
    for tail in [&b"\0"[..], b"\0\0\0\0", b"{", b"{\"id\":\"", b"\r", b" ", &[0xff, 0xfe], &zeros, &long] {
        let cut =
            Bytes { events: [&whole.events, tail].concat(), snapshots: [&whole.snapshots, tail].concat() };
        let bench = Bench::holding(&cut);
        let read = bench.replay().unwrap();
        assert_eq!(read.events_tail.unwrap().length, tail.len() as u64);
        assert_eq!(read.snapshots_tail.unwrap().length, tail.len() as u64);
        assert_eq!(bench.bytes(), cut, "a reader changes nothing");
        bench.ingest(b"").unwrap();
        assert_eq!(bench.bytes(), whole);
        check_kept(&bench, &cut);
    }
}

#[test]
fn an_equal_copy_is_used_again_and_a_different_one_is_left() {
    let whole = vector_stores();
    let torn = |bench: &Bench, suffix: &str| {
        std::path::PathBuf::from(format!(
            "{}.torn-{}{suffix}",
            bench.events_path().display(),
            whole.events.len()
        ))
    };
    let cut = Bytes { events: [&whole.events, &b"torn"[..]].concat(), ..whole.clone() };

    let bench = Bench::holding(&cut);
    fs::write(torn(&bench, ""), b"torn").unwrap();
    bench.ingest(b"").unwrap();
    assert!(!torn(&bench, ".2").exists(), "the equal copy serves");

    let bench = Bench::holding(&cut);
    fs::write(torn(&bench, ""), b"else").unwrap();
    fs::write(torn(&bench, ".2"), b"longer").unwrap();
    fs::write(torn(&bench, ".tmp"), b"left by a kill").unwrap();
    bench.ingest(b"").unwrap();
    assert_eq!(fs::read(torn(&bench, "")).unwrap(), b"else");
    assert_eq!(fs::read(torn(&bench, ".2")).unwrap(), b"longer");
    assert_eq!(fs::read(torn(&bench, ".3")).unwrap(), b"torn");
    assert!(!torn(&bench, ".tmp").exists());
    assert_eq!(bench.bytes(), whole);
}

/// The vectors' log up to and with the first event of this type that follows line `after`.
fn up_to(event_type: &str, after: usize) -> Vec<u8> {
    let log = vector("audit_events.ndjson");
    let mut prefix = Vec::new();
    for (index, line) in log.split_inclusive(|&byte| byte == b'\n').enumerate() {
        prefix.extend_from_slice(line);
        if index >= after && String::from_utf8_lossy(line).contains(&format!("\"type\":\"{event_type}\"")) {
            break;
        }
    }
    prefix
}

#[test]
fn a_reader_folds_what_is_there_of_an_interrupted_tick() {
    for event_type in
        ["DECISION_EVALUATED", "ORDER_INTENT_CREATED", "EXECUTION_ATTEMPTED", "EXECUTION_OUTCOME_RECORDED"]
    {
        let cut = Bytes { events: up_to(event_type, 30), snapshots: Vec::new() };
        let bench = Bench::holding(&cut);
        let replayed = bench.replay().unwrap();
        assert!(replayed.interrupted_decision().is_some(), "{event_type}");
        assert_eq!(bench.bytes(), cut);
    }
}

#[test]
fn an_interrupted_tick_that_is_no_prefix_of_itself_is_refused() {
    // A skip with another reason than the tick, computed again, would have: its id is right.
    use dreichor_core::event::{Body, OrderIntentSkipped};
    use dreichor_core::value::SkipReason;
    let mut events = up_to("DECISION_EVALUATED", 0);
    let line = events.clone();
    let (decision, _) = Event::read_line(line.strip_suffix(b"\n").unwrap()).unwrap();
    let decision_id = decision.body.tick_decision_id().unwrap();
    let reason = SkipReason::CooldownActive;
    let skipped = Body::OrderIntentSkipped(OrderIntentSkipped { decision_id, reason });
    Event { logical_time: decision.logical_time, body: skipped }.write_line(&mut events);
    let cut = Bytes { events, snapshots: Vec::new() };
    let bench = Bench::holding(&cut);
    assert!(bench.replay().is_ok(), "the grammar allows it: a reader folds what is there");
    let error = bench.ingest(b"").unwrap_err();
    let (line, _, _, rule) = malformed(&error).unwrap();
    assert_eq!((line, rule), (2, Rule::InterruptedTick), "{error}");
    assert_eq!(bench.bytes(), cut, "nothing is changed");
}

#[test]
fn nothing_is_cut_off_before_all_is_checked() {
    // A log with a tail and a malformed snapshot: the refusal does not truncate the tail.
    let whole = vector_stores();
    let cut = Bytes {
        events: [&whole.events, &b"torn"[..]].concat(),
        snapshots: [&whole.snapshots, &b"{}\n"[..]].concat(),
    };
    let bench = Bench::holding(&cut);
    let before = bench.listing();
    assert_eq!(kind(&bench.ingest(b"").unwrap_err()), Kind::Malformed);
    assert_eq!(bench.listing(), before);
}

#[test]
fn after_manual_the_missing_snapshots_are_written_as_they_would_have_been() {
    let whole = vector_stores();
    let bench = Bench::with(SnapshotStrategy::Manual, SafetyMode::Normal);
    bench.ingest(&vector("inputs.ndjson")).unwrap();
    assert!(bench.bytes().snapshots.is_empty());
    let bench = Bench { strategy: SnapshotStrategy::OnLedgerUpdate, ..bench };
    bench.ingest(b"").unwrap();
    assert_eq!(bench.bytes(), whole);
}

/// The progress that was reported: each time, how many of how many bytes were read.
#[derive(Default)]
struct Told(Vec<(u64, u64)>);

impl Progress for Told {
    fn advance(&mut self, done: u64, total: u64) {
        self.0.push((done, total));
    }
}

#[test]
fn progress_is_told_of_each_reading_from_its_start() {
    let whole = vector_stores();
    let size = whole.events.len() as u64;
    for (snapshots, reads) in [(whole.snapshots.clone(), 1), (Vec::new(), 2)] {
        let bench = Bench::holding(&Bytes { snapshots, ..whole.clone() });
        let mut told = Told::default();
        recover(&bench.stores(), bench.strategy, &mut told).unwrap();
        assert_eq!(bench.bytes(), whole);
        assert_eq!(told.0.iter().filter(|(done, _)| *done == 0).count(), reads);
        assert!(told.0.iter().all(|(done, total)| done < total && *total == size));
    }
}
