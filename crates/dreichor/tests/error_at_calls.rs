//! Errors of the system calls on the stores, one after the other, injected into the real process by a tracer: it
//! stops at once, says truly what is acknowledged and what is in doubt, touches the stores no more, and the next
//! start makes of them what an undisturbed run would have made.
//!
//! `ERROR_CALLS` says at how many places of each call (default 4, spread over all there are, the errors taking
//! turns); 0: every error at every one.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::collections::BTreeMap;
use std::fs;

use support::tracer::{Ended, Found, Try, call_name, count_calls, number, spread};
use support::{acknowledged, json_lines, lines, vector};

/// (`?`: not every architecture has it.) The calls that write, sync, create, cut off or rename.
const CALLS: &str = "write,fdatasync,fsync,?open,openat,ftruncate,renameat2";

/// The errors of a call: once, and from then on. A signal interrupts a call only once: with EINTR each time, the program
/// would correctly wait for ever.
const ERRORS: [(&str, bool); 11] = [
    ("EIO", false),
    ("ENOSPC", true),
    ("EINTR", false),
    ("EROFS", false),
    ("EDQUOT", true),
    ("EFBIG", false),
    ("EIO", true),
    ("ENOSPC", false),
    ("EROFS", true),
    ("EDQUOT", false),
    ("EFBIG", true),
];

/// The tracer's arguments that select the calls on the stores.
fn on_stores(tried: &Try) -> Vec<String> {
    let mut tracing = vec!["-e".into(), format!("trace={CALLS}")];
    for path in tried.paths() {
        tracing.extend(["-P".into(), path.display().to_string()]);
    }
    tracing
}

/// The number of each call on the stores in an undisturbed run.
fn counts(found: Found) -> BTreeMap<String, usize> {
    let tried = Try::new(found);
    let ended = tried.ingest(&on_stores(&tried));
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    count_calls(&ended.trace)
}

fn check(found: Found, name: &str, nth: usize, (error, lasts): (&str, bool)) {
    let tried = Try::new(found);
    let mut tracing = on_stores(&tried);
    let from_then_on = if lasts { "+" } else { "" };
    tracing.extend(["-e".into(), format!("inject={name}:error={error}:when={nth}{from_then_on}")]);
    let ended = tried.ingest(&tracing);
    let story = format!("{found:?}, {error} at {name} {nth}{from_then_on}\n{}{}", ended.trace, ended.stderr);
    assert!(ended.trace.contains("(INJECTED)"), "{story}: not injected");
    if error == "EINTR" {
        assert_eq!(ended.code, Some(0), "{story}: an interrupted call is repeated");
    } else {
        check_end(&tried, &ended, &story);
        check_nothing_follows(&ended, &story);
    }
    tried.check_again(ended.acknowledged, &story);
}

/// The process ended as it must, and what it said is true.
fn check_end(tried: &Try, ended: &Ended, story: &str) {
    let changes = ["write(", "fdatasync(", "fsync(", "ftruncate(", "renameat2("];
    let failed = ended.trace.lines().find(|line| line.contains("(INJECTED)")).unwrap();
    // A failed call that only reads has changed nothing, and the message says so; a failed change is in doubt.
    let is_change = changes.iter().any(|call| failed.starts_with(call)) || failed.contains("O_CREAT");
    let may_end = if is_change { &[13][..] } else { &[10, 13] };
    assert!(ended.code.is_some_and(|code| may_end.contains(&code)), "{story}: ended with {:?}", ended.code);

    // The number of events and bytes of the log for this number of inputs.
    let answers = json_lines(&vector("acknowledgements.ndjson"));
    let log = vector("audit_events.ndjson");
    let recorded = |inputs: usize| {
        let events = inputs.checked_sub(1).map_or(0, |last| answers[last]["treeSize"].as_u64().unwrap());
        lines(&log)[..usize::try_from(events).unwrap()].concat()
    };
    let stored = fs::read(tried.bench.log_path()).unwrap_or_default();
    let count = ended.acknowledged;
    assert!(stored.starts_with(&recorded(count)), "{story}: an acknowledged event is not there");
    let names = |fact: &str| ended.stderr.contains(fact);
    match acknowledged(count) {
        Some(told) => assert!(names(&told), "{story}: it does not name: {told}"),
        None => {
            assert!(!names("input 1 ") && !names("inputs 1 to "), "{story}: none is acknowledged");
        }
    }
    assert!(ended.stderr.trim_end().contains('\n'), "{story}: it does not say what to do");
    if names(&format!("input {}\n", count + 1)) {
        assert!(recorded(count + 1).starts_with(&stored), "{story}: more is there than was in doubt");
    } else if count > 0 {
        // A snapshot failed, after the events that it is of were acknowledged.
        assert!(names(&tried.bench.fill_in("{snapshots}: ")), "{story}: it does not name the next input");
        assert!(stored == recorded(count), "{story}: the log is not what is acknowledged");
    }
}

/// After the first error, nothing is written, synced, created, cut off or renamed, and nothing is tried again.
fn check_nothing_follows(ended: &Ended, story: &str) {
    let mut calls = ended.trace.lines().skip_while(|line| !line.contains("(INJECTED)"));
    let failed = calls.next().unwrap();
    for call in calls {
        // A file system without unnamed files is asked in another way whether it can be written to.
        let is_look = call.contains("O_RDONLY") || failed.contains("O_TMPFILE");
        assert!(call_name(call).is_none() || is_look, "{story}: after the error, {call}");
    }
}

#[test]
#[ignore = "needs strace"]
fn whatever_call_fails_the_next_start_recovers() {
    let places = number("ERROR_CALLS", 4);
    let mut turn = 0;
    for found in Found::ALL {
        for (name, count) in counts(found) {
            eprintln!("{found:?}: {count} times {name}");
            for nth in spread(count, places) {
                let errors = if places == 0 { ERRORS.len() } else { 1 };
                for _ in 0..errors {
                    check(found, &name, nth, ERRORS[turn % ERRORS.len()]);
                    turn += 1;
                }
            }
        }
    }
    eprintln!("{turn} errors");
}
