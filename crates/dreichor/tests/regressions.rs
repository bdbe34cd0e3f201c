//! Bugs that were found in the real process, each by the test that now holds it off.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::fs;
use std::os::unix::fs::FileExt;
use std::process::Stdio;

use rustix::process::Signal;
use support::{Bench, DREICHOR, Running, clean, lines, rule, run, vector, wait_until};

/// A device on which every write fails.
fn full() -> Stdio {
    Stdio::from(fs::File::options().write(true).open("/dev/full").unwrap())
}

/// A full disk under standard error made the process panic instead of recording.
#[test]
fn a_log_that_nobody_reads_stops_no_writer() {
    let bench = Bench::new();
    let inputs = support::vector_path("inputs.ndjson");
    let ingest = bench.command(&["ingest", inputs.to_str().unwrap()]).stderr(full()).output().unwrap();
    assert_eq!(ingest.status.code(), Some(0));
    assert!(ingest.stdout == vector("acknowledgements.ndjson"));
    let missing = Bench::bare().command(&["replay"]).stderr(full()).output().unwrap();
    assert_eq!(missing.status.code(), Some(10));
}

/// `--follow --limit N` went on to forget all but N of the events of each poll.
#[test]
fn a_limit_does_not_hold_for_events_that_come_later() {
    let bench = Bench::new();
    let (inputs, log) = (vector("inputs.ndjson"), vector("audit_events.ndjson"));
    bench.ingest(&lines(&inputs)[..10].concat()).expect(0);
    let recorded = lines(&bench.stores()[0]).len();
    let mut follower = bench.start(&["events", "--follow", "--limit", "2"]);
    let first = follower.take_lines(2);
    bench.ingest(&inputs).expect(0);
    let later = follower.take_lines(lines(&log).len() - recorded);
    assert!([first, later].concat() == lines(&log)[recorded - 2..].concat());
}

/// A snapshot line that no memory holds ended the process by an abort. It is refused unread, since its log is short.
#[test]
fn a_line_that_no_memory_holds_is_refused() {
    let bench = Bench::new();
    bench.put(&bench.snapshots_path(), b"");
    let file = fs::File::options().write(true).open(bench.snapshots_path()).unwrap();
    file.set_len(3 << 30).unwrap();
    file.write_at(b"\n", 3 << 30).unwrap();
    let mut limited = clean("sh");
    limited.args(["-c", "ulimit -v 1000000; exec \"$0\" \"$@\"", DREICHOR, "--data-dir"]);
    run(limited.arg(bench.path("data")).arg("replay"), b"").expect(12).says(&[rule("snapshot-ahead", "")]);
}

/// SIGTERM had no effect while nobody read the acknowledgements.
#[test]
fn a_signal_ends_an_ingest_whose_acknowledgements_nobody_reads() {
    let bench = Bench::new();
    let (reader, writer) = std::io::pipe().unwrap();
    let mut running = Running::start_with_output(&mut bench.command(&["ingest"]), Stdio::from(writer));
    // Far more acknowledgements than a pipe holds.
    running.send_meanwhile(vector("inputs.ndjson").repeat(100));
    wait_until("a line of the log", || fs::metadata(bench.log_path()).is_ok_and(|log| log.len() > 0));
    running.signal(Signal::TERM);
    let code = running.wait().code;
    // Which of the two depends on how much was on its way.
    assert!([Some(14), Some(143)].contains(&code), "{code:?}");
    drop(reader);
    bench.run(&["replay"]).expect(0);
}

/// Snapshots without their log: the log was created before that was refused as "nothing was changed".
#[test]
fn snapshots_without_their_log_are_refused_before_anything_is_created() {
    let bench = Bench::filled();
    fs::remove_file(bench.log_path()).unwrap();
    bench.refuses(&["ingest"], 12, &[&rule("snapshot-ahead", "")]);
    assert!(!bench.log_path().exists());
}

/// A reader that went away left one of the two mounts out, with exit code 0.
#[test]
fn init_creates_both_mounts_also_where_its_output_fails() {
    let bench = Bench::bare();
    Running::start_with_output(&mut bench.command(&["init"]), full()).finish().expect(14);
    assert_eq!(fs::read_dir(bench.path("data")).unwrap().count(), 2);
}

/// A message grew with the name of a member that it was about.
#[test]
fn a_message_stays_short_whatever_the_input() {
    let bench = Bench::new();
    let input = format!("{{\"{}\":x}}\n", "a".repeat(60_000));
    let outcome = bench.run_with(&["--log-level", "error", "ingest"], input.as_bytes()).expect(20);
    assert!(outcome.stderr.len() < 1_000, "{} bytes", outcome.stderr.len());
}
