//! The published vectors of format v1, through the real binary: its log, snapshots, acknowledgements, state
//! and receipt are theirs, byte for byte.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

fn vector_path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors").join(name)
}

fn vector(name: &str) -> String {
    fs::read_to_string(vector_path(name)).unwrap()
}

fn dreichor(data_dir: &Path, arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_dreichor"))
        .env_clear()
        .arg("--data-dir")
        .arg(data_dir)
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Ingests the vectors' inputs with this strategy; checks all that this leaves and prints.
fn check(strategy: &str, snapshots: &str) {
    let dir = TempDir::new().unwrap();
    let data_dir = dir.path().join("data");
    dreichor(&data_dir, &["init"]);
    let inputs = vector_path("inputs.ndjson");
    let acknowledgements =
        dreichor(&data_dir, &["--snapshot-strategy", strategy, "ingest", inputs.to_str().unwrap()]);
    assert_eq!(acknowledgements, vector("acknowledgements.ndjson"));
    let read = |file: &str| fs::read_to_string(data_dir.join(file)).unwrap();
    assert_eq!(read("audit-events/audit_events.ndjson"), vector("audit_events.ndjson"));
    assert_eq!(read("snapshots/snapshots.ndjson"), vector(snapshots));

    for part in ["memory", "ledger", "lifecycles"] {
        assert_eq!(
            dreichor(&data_dir, &["state", part, "--ndjson"]),
            vector(&format!("state-{part}.ndjson"))
        );
    }
    assert_eq!(dreichor(&data_dir, &["events"]), vector("audit_events.ndjson"));

    let receipt: serde_json::Value =
        serde_json::from_str(&dreichor(&data_dir, &["replay", "--json"])).unwrap();
    let expected: serde_json::Value = serde_json::from_str(&vector("expected.json")).unwrap();
    assert_eq!(receipt["treeSize"], expected["treeSize"]);
    assert_eq!(receipt["rootHash"], expected["rootHash"]);
    assert_eq!(receipt["memoryDigest"], expected["digests"]["memory"]);
    assert_eq!(receipt["ledgerDigest"], expected["digests"]["ledger"]);
    assert_eq!(receipt["lifecyclesDigest"], expected["digests"]["lifecycles"]);
}

#[test]
fn with_a_snapshot_at_every_ledger_update() {
    check("on-ledger-update", "snapshots.ndjson");
}

#[test]
fn with_a_snapshot_at_every_twentieth_event() {
    check("every:20", "snapshots-every-20.ndjson");
}
