//! Bugs that were found in the real process, each by the test that now holds it off.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

fn vector(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors").join(name)
}

fn dreichor(data_dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dreichor"));
    command.env_clear().arg("--data-dir").arg(data_dir);
    command
}

/// Stores that are there, and the directory that holds them.
fn stores() -> (TempDir, PathBuf) {
    let dir = TempDir::new().unwrap();
    let data_dir = dir.path().join("data");
    assert!(dreichor(&data_dir).arg("init").output().unwrap().status.success());
    (dir, data_dir)
}

/// A full disk under standard error made the process panic instead of recording.
#[test]
fn who_does_not_read_our_log_does_not_stop_us() {
    let (_dir, data_dir) = stores();
    let full = || fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output =
        dreichor(&data_dir).arg("ingest").arg(vector("inputs.ndjson")).stderr(full()).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(output.stdout, fs::read(vector("acknowledgements.ndjson")).unwrap());
    let missing = dreichor(&data_dir.join("nowhere")).arg("replay").stderr(full()).output().unwrap();
    assert_eq!(missing.status.code(), Some(10));
}

/// `--follow --limit N` went on to forget all but N of the events of each poll.
#[test]
fn a_limit_does_not_hold_for_events_that_come_later() {
    let (_dir, data_dir) = stores();
    let inputs = fs::read_to_string(vector("inputs.ndjson")).unwrap();
    let lines: Vec<&str> = inputs.split_inclusive('\n').collect();
    let ingest = |inputs: &str| {
        let mut child = dreichor(&data_dir)
            .arg("ingest")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(inputs.as_bytes()).unwrap();
        assert!(child.wait().unwrap().success());
    };
    ingest(&lines[..10].concat());
    let mut follow = dreichor(&data_dir)
        .args(["events", "--follow", "--limit", "2"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut printed = BufReader::new(follow.stdout.take().unwrap()).lines();
    let log = |count: usize| {
        let log = fs::read_to_string(vector("audit_events.ndjson")).unwrap();
        log.lines().take(count).map(str::to_owned).collect::<Vec<_>>()
    };
    let recorded =
        fs::read_to_string(data_dir.join("audit-events/audit_events.ndjson")).unwrap().lines().count();
    let mut expected = log(254).split_off(recorded - 2);
    ingest(&inputs);
    let found: Vec<String> = printed.by_ref().take(expected.len()).map(Result::unwrap).collect();
    follow.kill().unwrap();
    follow.wait().unwrap();
    assert_eq!(found.len(), expected.len());
    assert!(found == std::mem::take(&mut expected));
}

/// A snapshot line that no memory holds ended the process by an abort. It is refused unread, since its log is short.
#[test]
fn a_line_that_no_memory_holds_is_refused() {
    let (_dir, data_dir) = stores();
    let path = data_dir.join("snapshots/snapshots.ndjson");
    let mut file = fs::File::create(&path).unwrap();
    file.set_len(3 << 30).unwrap();
    std::os::unix::fs::FileExt::write_at(&file, b"\n", 3 << 30).unwrap();
    file.flush().unwrap();
    let output = Command::new("sh")
        .args([
            "-c",
            "ulimit -v 1000000; exec \"$0\" --data-dir \"$1\" replay",
            env!("CARGO_BIN_EXE_dreichor"),
        ])
        .arg(&data_dir)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(12), "{told}");
    assert!(told.contains("rule snapshot-ahead: expected at most 1024 bytes"), "{told}");
}

/// SIGTERM had no effect while nobody read the acknowledgements.
#[test]
fn a_signal_ends_an_ingest_whose_acknowledgements_nobody_reads() {
    let (_dir, data_dir) = stores();
    let mut child = dreichor(&data_dir)
        .arg("ingest")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let inputs = fs::read(vector("inputs.ndjson")).unwrap();
    std::thread::scope(|scope| {
        // Far more acknowledgements than a pipe holds; the write ends when the child does.
        scope.spawn(move || while stdin.write_all(&inputs).is_ok() {});
        let log = data_dir.join("audit-events/audit_events.ndjson");
        while fs::metadata(&log).map_or(0, |metadata| metadata.len()) == 0 {
            std::thread::yield_now();
        }
        Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
        let status = child.wait().unwrap();
        // Which of the two depends on how much was on its way.
        assert!([Some(14), Some(143)].contains(&status.code()), "{status}");
    });
    let mut told = String::new();
    child.stderr.take().unwrap().read_to_string(&mut told).unwrap();
    assert!(dreichor(&data_dir).arg("replay").output().unwrap().status.success(), "{told}");
}

/// Snapshots without their log: the log was created before that was refused as "nothing was changed".
#[test]
fn snapshots_without_their_log_are_refused_before_anything_is_created() {
    let (_dir, data_dir) = stores();
    fs::copy(vector("snapshots.ndjson"), data_dir.join("snapshots/snapshots.ndjson")).unwrap();
    let output = dreichor(&data_dir).arg("ingest").arg(vector("inputs.ndjson")).output().unwrap();
    assert_eq!(output.status.code(), Some(12));
    assert!(String::from_utf8_lossy(&output.stderr).contains("snapshot-ahead"));
    assert_eq!(fs::read_dir(data_dir.join("audit-events")).unwrap().count(), 0);
}

/// A reader that went away left one of the two mounts out, with exit code 0.
#[test]
fn init_creates_both_mounts_whoever_reads_its_output() {
    let dir = TempDir::new().unwrap();
    let data_dir = dir.path().join("data");
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = dreichor(&data_dir).arg("init").stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(14));
    assert_eq!(fs::read_dir(&data_dir).unwrap().count(), 2);
}

/// A message grew with the name of a member that it was about.
#[test]
fn a_message_stays_short_whatever_the_input() {
    let (_dir, data_dir) = stores();
    let input = data_dir.join("input");
    fs::write(&input, format!("{{\"{}\":x}}\n", "a".repeat(60_000))).unwrap();
    let output = dreichor(&data_dir).args(["--log-level", "error", "ingest"]).arg(&input).output().unwrap();
    assert_eq!(output.status.code(), Some(20));
    assert!(output.stderr.len() < 1_000, "{} bytes", output.stderr.len());
}
