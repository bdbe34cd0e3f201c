//! What a newcomer tries first works, and shows what it says.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

fn demo(dir: &Path) -> Output {
    // Variables of the surroundings must not reach the demo's stores.
    Command::new(env!("CARGO_BIN_EXE_dreichor"))
        .env("DREICHOR_SAFETY_MODE", "halt")
        .args(["demo", "--steps", "150", "--dir"])
        .arg(dir)
        .output()
        .unwrap()
}

#[test]
fn the_demo_ends_with_a_proof() {
    let dir = TempDir::new().unwrap();
    let output = demo(&dir.path().join("demo"));
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{told}{}", String::from_utf8_lossy(&output.stderr));
    let log = |run: &str| {
        fs::read(dir.path().join("demo").join(run).join("audit-events/audit_events.ndjson")).unwrap()
    };
    assert!(!log("killed").is_empty());
    assert!(log("killed") == log("uninterrupted"));
}

#[test]
fn the_demo_writes_to_a_new_directory_only() {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("mine"), "mine").unwrap();
    let output = demo(dir.path());
    assert_eq!(output.status.code(), Some(10));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
#[ignore = "needs python3"]
fn the_python_upstream_resumes_after_its_own_crash() {
    let dir = TempDir::new().unwrap();
    let program = env!("CARGO_BIN_EXE_dreichor");
    let data_dir = dir.path().join("data");
    let init = Command::new(program).arg("--data-dir").arg(&data_dir).arg("init").output().unwrap();
    assert!(init.status.success());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/upstream.py");
    let upstream = |options: &[&str]| {
        Command::new("python3")
            .arg(&script)
            .args(options)
            .args(["--", program, "--data-dir"])
            .arg(&data_dir)
            .arg("ingest")
            .output()
            .unwrap()
    };
    let crashed = upstream(&["--crash-after", "10"]);
    assert!(!crashed.status.success());
    let resumed = upstream(&[]);
    let told = String::from_utf8_lossy(&resumed.stderr).into_owned();
    assert!(resumed.status.success(), "{told}");
    assert!(told.contains("20 ") && told.contains("10 "), "{told}");
}
