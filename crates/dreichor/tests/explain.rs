//! `explain` prints the golden stories (`tests/explain`), and says what it could not find.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::fs;
use std::path::Path;

use support::{Bench, lines, vector};

fn golden(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/explain").join(name)).unwrap()
}

#[test]
fn explain_prints_the_golden_stories() {
    let bench = Bench::filled();
    let stores = bench.stores();
    for (id, name) in [
        ("4d6e8f90-da87-821b-9956-a9a0aa072eec", "sold-feedback-on-the-execution"),
        // Its execution, and an order intent and an event of others.
        ("20d6c298-b08a-8473-a129-2207c38da32f", "sold-feedback-on-the-execution"),
        ("718e5f4b-0133-80e4-aa20-5c3a5ef91f10", "forced-sale"),
        ("898498f8-f729-8e7e-b37d-d4fcb1e7a091", "bought"),
        ("5bc73f1e-e88d-8949-8da9-d5e03ea163c7", "skipped-cooldown-feedback-on-the-decision"),
        ("ffeeab5b-5a2a-8792-a816-557617f2c7f9", "feedback-on-a-time-window"),
    ] {
        assert_eq!(bench.run(&["explain", id]).expect(0).text(), golden(&format!("{name}.txt")));
        assert_eq!(bench.run(&["explain", id, "--json"]).expect(0).text(), golden(&format!("{name}.json")));
    }
    assert!(bench.stores() == stores, "explain changes nothing");
}

#[test]
fn explain_tells_of_a_tick_that_is_not_whole() {
    let bench = Bench::new();
    let mut log = lines(&vector("audit_events.ndjson"))[..10].concat();
    log.extend_from_slice(b"{\"id\":\"e9497832");
    bench.put(&bench.log_path(), &log);
    let outcome = bench.run(&["explain", "1a18bb8a-ad36-856c-b36d-80ebea140871"]).expect(0);
    assert_eq!(outcome.text(), golden("interrupted-after-the-attempt.txt"));
}

#[test]
fn an_id_that_is_not_in_the_log_is_said_to_be_unknown() {
    let bench = Bench::filled();
    for (id, name) in [
        ("00000000-0000-0000-0000-000000000000", "unknown-id.txt"),
        ("27ac435a-1710-4110-a051-8ca566ceab36", "unknown-id-an-instance.txt"),
    ] {
        for arguments in [&["explain", id][..], &["explain", id, "--json"]] {
            let outcome = bench.refuses(arguments, 4, &[]);
            assert_eq!((outcome.text(), outcome.stderr), (String::new(), golden(name)));
        }
    }
}

#[test]
fn an_id_that_is_none_is_refused_before_the_log_is_read() {
    let bench = Bench::bare();
    for id in
        ["", "1a1", ":0", ":x", "1a18@", "@3", "1a18@x", "1a18bb8a-ad36-856c-b36d-80ebea1408711", "1a18 "]
    {
        bench.run(&["explain", id]).expect(2);
    }
}

#[test]
fn an_id_that_may_still_come_is_said_to_be_that() {
    let bench = Bench::new();
    bench.put(&bench.log_path(), &lines(&vector("audit_events.ndjson"))[..9].concat());
    // The execution of the tick after its completion.
    let execution = ["explain", "cbb5d05b-3f80-88c5-b9c0-fb3ede5c3b06"];
    bench.refuses(&execution, 4, &[]);
    bench.ingest(b"").expect(0);
    assert_eq!(bench.run(&execution).expect(0).text(), golden("bought.txt"));
}

#[test]
fn a_log_that_breaks_its_contract_tells_nothing() {
    let bench = Bench::filled();
    let log = vector("audit_events.ndjson");
    let lines = lines(&log);
    bench.put(&bench.log_path(), &[&lines[..200].concat()[..], &lines[201..].concat()].concat());
    // The decision precedes the fault, but other lines may be wrong, too.
    let outcome = bench.refuses(
        &["explain", "1a18bb8a-ad36-856c-b36d-80ebea140871"],
        12,
        &[&support::place("{log}", 201, 0)[0]],
    );
    assert_eq!(outcome.text(), "");
}
