//! `kill -9` of the real process at its first, second, third … call of each system call that writes, syncs or
//! changes names, by a tracer's injection; then everything is sent again. Once on empty stores, once on stores
//! that need every kind of recovery.
//!
//! `KILL_CALLS` says at how many places of each system call (default 25, spread over all there are); 0: at
//! every one.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// (`?`: not every architecture has it.) The calls that write, sync, create, cut off or rename.
const CALLS: [&str; 7] = ["write", "fdatasync", "fsync", "?open", "openat", "ftruncate", "renameat2"];

fn vector(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors").join(name)
}

fn arguments(command: &mut Command, data_dir: &Path) {
    // Every run has its own stores; the sandbox's trials would only add calls that change nothing.
    command.env_clear().arg("--data-dir").arg(data_dir).args([
        "--log-level",
        "error",
        "--sandbox",
        "off",
        "ingest",
    ]);
}

/// Sends the inputs one by one, each after the acknowledgement of the one before, to a process that is killed
/// at its `call`th call. How many were acknowledged; none if the process lived to its end.
fn ingest_and_kill(data_dir: &Path, inputs: &str, name: &str, call: usize) -> Option<usize> {
    let mut command = Command::new("strace");
    command
        .args(["-qq", "-o", "/dev/null", "-e", &format!("trace={name}")])
        .args(["-e", &format!("inject={name}:signal=KILL:when={call}")])
        .arg(env!("CARGO_BIN_EXE_dreichor"));
    arguments(&mut command, data_dir);
    let path = std::env::var_os("PATH").unwrap();
    let mut child = command
        .env("PATH", path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut answers = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut acknowledged = 0;
    for input in inputs.split_inclusive('\n') {
        if stdin.write_all(input.as_bytes()).is_err() || !matches!(answers.next(), Some(Ok(_))) {
            break;
        }
        acknowledged += 1;
    }
    drop(stdin);
    let status = child.wait().unwrap();
    (!status.success()).then_some(acknowledged)
}

/// The stores that a process finds.
#[derive(Debug, Clone, Copy)]
enum Found {
    Empty,
    /// A log cut off within a line of a tick that updates the ledger, and snapshots cut off too.
    Torn,
}

fn prepare(data_dir: &Path, found: Found) {
    let files = [("audit-events/audit_events.ndjson", 34_000), ("snapshots/snapshots.ndjson", 700)];
    for (file, kept) in files {
        let path = data_dir.join(file);
        fs::create_dir(path.parent().unwrap()).unwrap();
        if let Found::Torn = found {
            let whole = fs::read(vector(path.file_name().unwrap().to_str().unwrap())).unwrap();
            fs::write(path, &whole[..kept]).unwrap();
        }
    }
}

/// Kills at this call, sends everything again, and compares; whether the process was killed at all.
fn check(inputs: &str, found: Found, name: &str, call: usize) -> bool {
    let dir = TempDir::new().unwrap();
    prepare(dir.path(), found);
    let acknowledged = ingest_and_kill(dir.path(), inputs, name, call);
    let mut again = Command::new(env!("CARGO_BIN_EXE_dreichor"));
    arguments(&mut again, dir.path());
    let output = again.arg(vector("inputs.ndjson")).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "killed at {name} {call}: {told}");
    let answers = String::from_utf8(output.stdout).unwrap();
    let known = answers.lines().take(acknowledged.unwrap_or_default());
    assert!(known.into_iter().all(|line| line.contains("ALREADY_RECORDED")), "killed at {name} {call}: lost");
    for (mount, file) in [("audit-events", "audit_events.ndjson"), ("snapshots", "snapshots.ndjson")] {
        let same = fs::read(dir.path().join(mount).join(file)).unwrap() == fs::read(vector(file)).unwrap();
        assert!(same, "killed at {name} {call}: {file} differs");
    }
    acknowledged.is_some()
}

#[test]
fn killed_at_its_system_calls() {
    let traces = Command::new("strace").args(["-qq", "-o", "/dev/null", "true"]).status();
    if !traces.is_ok_and(|status| status.success()) {
        eprintln!("left out: there is no strace, or it may not trace");
        return;
    }
    let inputs = fs::read_to_string(vector("inputs.ndjson")).unwrap();
    for found in [Found::Empty, Found::Torn] {
        for name in CALLS {
            check_places(&inputs, found, name);
        }
    }
}

#[expect(clippy::print_stderr, reason = "shown by the test runner with a failure")]
fn check_places(inputs: &str, found: Found, name: &str) {
    // The number of calls: the last place at which the process does not live to its end.
    let (mut lives, mut dies) = (1, 0);
    while check(inputs, found, name, lives) {
        dies = lives;
        lives *= 2;
    }
    while lives - dies > 1 {
        let middle = usize::midpoint(lives, dies);
        if check(inputs, found, name, middle) { dies = middle } else { lives = middle }
    }
    let places = std::env::var("KILL_CALLS").ok().and_then(|count| count.parse().ok()).unwrap_or(25);
    let step = if places == 0 { 1 } else { dies.div_ceil(places).max(1) };
    eprintln!("{found:?}: {dies} times {name}, every {step}. of them");
    for call in (1..=dies).step_by(step) {
        assert!(check(inputs, found, name, call), "{name} {call} is one of {dies}");
    }
}
