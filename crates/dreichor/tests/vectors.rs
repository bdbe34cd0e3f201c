//! The published vectors of format v1, through the real binary: its log, snapshots, acknowledgements, state
//! and receipt are theirs, byte for byte.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use support::{Bench, vector};

/// Ingests the vectors' inputs with this strategy; checks all that this leaves and prints.
fn check(strategy: &str, snapshots: &str) {
    let bench = Bench::new();
    let acknowledgements = bench
        .run_with(&["--snapshot-strategy", strategy, "ingest"], &vector("inputs.ndjson"))
        .expect(0)
        .stdout;
    assert!(acknowledgements == vector("acknowledgements.ndjson"));
    assert!(bench.stores() == [vector("audit_events.ndjson"), vector(snapshots)]);

    for part in ["memory", "ledger", "lifecycles"] {
        let state = bench.run(&["state", part, "--ndjson"]).expect(0).stdout;
        assert!(state == vector(&format!("state-{part}.ndjson")), "{part}");
    }
    assert!(bench.run(&["events"]).expect(0).stdout == vector("audit_events.ndjson"));

    let receipt = bench.run(&["replay", "--json"]).expect(0).json().remove(0);
    let expected: serde_json::Value = serde_json::from_slice(&vector("expected.json")).unwrap();
    assert_eq!(receipt["treeSize"], expected["treeSize"]);
    assert_eq!(receipt["rootHash"], expected["rootHash"]);
    for digest in ["memory", "ledger", "lifecycles"] {
        assert_eq!(receipt[format!("{digest}Digest")], expected["digests"][digest]);
    }
}

#[test]
fn with_a_snapshot_at_every_ledger_update() {
    check("on-ledger-update", "snapshots.ndjson");
}

#[test]
fn with_a_snapshot_at_every_twentieth_event() {
    check("every:20", "snapshots-every-20.ndjson");
}
