//! `kill -9` of the real process at its first, second, third … system call, by a tracer's injection; then
//! everything is sent again. Once on empty stores, once on stores that need every kind of recovery.
//!
//! `KILL_CALLS` says at how many places of each call that writes, syncs, creates, cuts off or renames (default 25,
//! spread over all there are; 0: at every one), and `KILL_FIRST` at each of how many of the first calls of any
//! name (default 0).

mod support;

use std::collections::BTreeMap;

use support::tracer::{Found, Try, call_name, count_calls, number, spread};

/// (`?`: not every architecture has it.) The calls that write, sync, create, cut off or rename.
const CALLS: &str = "write,fdatasync,fsync,?open,openat,ftruncate,renameat2";

/// The trace of an undisturbed run.
fn trace(found: Found, names: &str) -> String {
    let ended = Try::new(found).ingest(&["-e".into(), format!("trace={names}")]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    ended.trace
}

/// All calls of an undisturbed run, each by its name and by which of that name it is.
fn calls(found: Found) -> Vec<(String, usize)> {
    let mut counts = BTreeMap::new();
    let mut nth = |name: &str| {
        let count = counts.entry(name.to_owned()).or_insert(0);
        *count += 1;
        (name.to_owned(), *count)
    };
    trace(found, "all").lines().filter_map(call_name).map(&mut nth).collect()
}

/// Kills at this call, sends everything again, and compares; whether the process was killed at all.
fn check(found: Found, name: &str, nth: usize) -> bool {
    let tried = Try::new(found);
    let tracing = ["-e", &format!("trace={name}"), "-e", &format!("inject={name}:signal=KILL:when={nth}")];
    let ended = tried.ingest(&tracing.map(str::to_owned));
    tried.check_again(ended.acknowledged, &format!("{found:?}, killed at {name} {nth}"));
    ended.code.is_none()
}

#[test]
#[ignore = "needs strace"]
fn killed_at_calls_that_change_something() {
    let places = number("KILL_CALLS", 25);
    for found in Found::ALL {
        for (name, count) in count_calls(&trace(found, CALLS)) {
            eprintln!("{found:?}: {count} times {name}");
            for nth in spread(count, places) {
                assert!(check(found, &name, nth), "{name} {nth} is one of {count}");
            }
        }
    }
}

#[test]
#[ignore = "needs strace"]
fn killed_at_its_first_calls() {
    let places = number("KILL_FIRST", 20);
    for found in Found::ALL {
        let calls = calls(found);
        // The first is the tracer's own: it starts the process.
        let first = calls.iter().skip(1).take(places);
        let killed = first.clone().filter(|(name, nth)| check(found, name, *nth)).count();
        eprintln!("{found:?}: killed at {killed} of the first {} of {} calls", first.len(), calls.len());
        assert!(killed * 10 >= first.len() * 9, "the calls of two runs differ too much");
    }
}
