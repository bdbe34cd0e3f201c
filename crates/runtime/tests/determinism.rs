//! Ingest and replay have the same result, however often they run, however inputs are split, and whatever is sent
//! again.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use dreichor_core::History;
use dreichor_core::event::Event;
use dreichor_runtime::batch::Batcher;
use dreichor_runtime::ingest::Session;
use dreichor_runtime::recovery::recover;
use dreichor_runtime::writing::WriteStores;
use proptest::prelude::*;
use proptest::sample::Index;
use support::config::config;
use support::kind::{Kind, kind};
use support::{Bench, Whole, inputs, join, modes, seeds, strategies, vector, vector_stores};

proptest! {
    #![proptest_config(config(96))]

    #[test]
    fn the_state_after_ingest_is_the_state_after_replay(
        seeds in seeds(60), strategy in strategies(), mode in modes()
    ) {
        let bench = Bench::with(strategy, mode);
        let lines = join(&inputs(&seeds));
        let stores = bench.stores();
        stores.create_missing().unwrap();
        let recovered = recover(&stores, strategy, &mut ()).unwrap();
        let mut session = Session::new(&stores, recovered, bench.policy, strategy).unwrap();
        session.run(&mut Batcher::new(Whole(&lines)), &mut |_| Ok(()), &mut ()).unwrap();
        let mut replayed = bench.replay().unwrap();
        prop_assert_eq!(facts(session.history()), facts(&mut replayed.history));
        prop_assert_eq!(replayed.interrupted_decision(), None);
        // Twice is once.
        prop_assert_eq!(bench.receipt(), bench.receipt());
    }

    #[test]
    fn however_the_inputs_are_cut_into_runs_the_stores_are_the_same(
        seeds in seeds(60), strategy in strategies(), mode in modes(), cut: Index
    ) {
        let lines = inputs(&seeds);
        let cut = cut.index(lines.len() + 1);
        let whole = Bench::with(strategy, mode);
        let acknowledged = whole.ingest(&join(&lines)).unwrap();
        let parts = Bench::with(strategy, mode);
        let first = parts.ingest(&join(&lines[..cut])).unwrap();
        prop_assert!(acknowledged.starts_with(&first));
        parts.ingest(&join(&lines[cut..])).unwrap();
        prop_assert_eq!(whole.bytes(), parts.bytes());
    }

    #[test]
    fn any_prefix_of_the_inputs_sent_again_changes_nothing(
        seeds in seeds(60), strategy in strategies(), mode in modes(), prefix in 0_usize..60
    ) {
        let lines = inputs(&seeds);
        let bench = Bench::with(strategy, mode);
        bench.ingest(&join(&lines)).unwrap();
        let before = bench.listing();
        let again = bench.ingest(&join(&lines[..prefix.min(lines.len())])).unwrap();
        prop_assert_eq!(bench.listing(), before);
        let text = String::from_utf8(again).unwrap();
        prop_assert!(text.lines().all(|line| line.contains("\"status\":\"ALREADY_RECORDED\"")), "{}", text);
    }
}

/// State and tree of a history, as bytes.
fn facts(history: &mut History) -> (Vec<u8>, Vec<u8>, Vec<u8>, String) {
    let (mut memory, mut ledger, mut lifecycles) = (Vec::new(), Vec::new(), Vec::new());
    history.state().write_memory(&mut memory);
    history.state().write_ledger(&mut ledger);
    history.state().write_lifecycles(&mut lifecycles);
    (memory, ledger, lifecycles, history.root().to_string())
}

proptest! {
    #![proptest_config(config(512))]

    #[test]
    fn any_single_changed_bit_in_any_line_of_a_log_is_refused(line in 0_usize..254, at: Index, bit in 0_u8..8) {
        let mut bytes = vector_stores();
        let lines: Vec<&[u8]> = bytes.events.split_inclusive(|&byte| byte == b'\n').collect();
        let start: usize = lines[..line].iter().map(|line| line.len()).sum();
        let length = lines[line].len();
        let at = start + at.index(length);
        bytes.events[at] ^= 1 << bit;
        let is_last_line_feed = at == bytes.events.len() - 1;
        let bench = Bench::holding(&bytes);
        match bench.replay() {
            Err(error) => prop_assert_eq!(kind(&error), Kind::Malformed),
            // Without its LF the last line is an unterminated tail.
            Ok(replayed) => {
                prop_assert!(is_last_line_feed);
                prop_assert!(replayed.events_tail.is_some());
            }
        }
        prop_assert_eq!(bench.bytes(), bytes);
    }
}

#[test]
fn the_vectors_give_the_vectors() {
    for (strategy, snapshots) in [
        (dreichor_runtime::snapshots::SnapshotStrategy::OnLedgerUpdate, "snapshots.ndjson"),
        (dreichor_runtime::snapshots::SnapshotStrategy::Every(20), "snapshots-every-20.ndjson"),
    ] {
        let bench = Bench { strategy, ..Bench::new() };
        let acknowledgements = bench.ingest(&vector("inputs.ndjson")).unwrap();
        assert_eq!(text(&acknowledgements), text(&vector("acknowledgements.ndjson")));
        assert_eq!(text(&bench.bytes().events), text(&vector("audit_events.ndjson")));
        assert_eq!(text(&bench.bytes().snapshots), text(&vector(snapshots)));
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn every_line_of_the_vectors_reads_back() {
    for line in vector("audit_events.ndjson").split(|&byte| byte == b'\n').filter(|line| !line.is_empty()) {
        Event::read_line(line).unwrap();
    }
}
