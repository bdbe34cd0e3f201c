//! `init` and `salvage` stopped half way: killed by a tracer at each call that changes something, and whatever
//! of `init`'s directories the medium may hold after a crash. What they leave is whole, or plainly is not and the
//! refusal says what to do; done once more, it is whole.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;
use std::process::Command;

use support::{Bench, DREICHOR, Outcome, clean, edited, run, tracer, vector, vector_stores, with_line};

/// (`?`: not every architecture has it.) The calls that write, sync, create, cut off, rename or remove.
const CALLS: &str = "write,fsync,fdatasync,?open,openat,?mkdir,mkdirat,?renameat2,?rmdir,?unlink,unlinkat";

/// Traces a command; how it ended, and the calls.
fn traced(trace: &Path, tracing: &[&str], command: &Command) -> (Outcome, String) {
    let mut tracer = clean("strace");
    tracer.args(["-qq", "-y", "-o"]).arg(trace).args(tracing).arg(command.get_program());
    tracer.args(command.get_args());
    let outcome = run(&mut tracer, b"");
    (outcome, fs::read_to_string(trace).unwrap())
}

/// Kills a command at each of its calls that changes something; every time on what `prepare` makes, with what
/// it was killed at.
fn kill_everywhere<T>(prepare: impl Fn() -> T, command: impl Fn(&T) -> Command, check: impl Fn(T, &str)) {
    let traces = tempfile::TempDir::new().unwrap();
    let trace = traces.path().join("trace");
    let (_, calls) = traced(&trace, &["-e", &format!("trace={CALLS}")], &command(&prepare()));
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for name in calls.lines().filter_map(tracer::call_name) {
        *counts.entry(name).or_default() += 1;
    }
    assert!(!counts.is_empty());
    for (name, count) in counts {
        for nth in 1..=count {
            let found = prepare();
            let inject = format!("inject={name}:signal=KILL:when={nth}");
            let (outcome, _) =
                traced(&trace, &["-e", &format!("trace={name}"), "-e", &inject], &command(&found));
            assert_eq!(outcome.code, None, "{name} {nth} of {count}: {}", outcome.stderr);
            check(found, &format!("killed at {name} {nth}"));
        }
    }
}

const MOUNTS: [&str; 2] = ["data/audit-events", "data/snapshots"];

/// A writer starts if both mounts are there, and is told what to do if not; after another `init` it starts.
fn check_init(bench: &Bench, story: &str) {
    let are_there = MOUNTS.iter().all(|mount| bench.path(mount).is_dir());
    let outcome = bench.run(&["ingest"]);
    if are_there {
        assert_eq!(outcome.code, Some(0), "{story}: {}", outcome.stderr);
    } else {
        assert_eq!(outcome.code, Some(10), "{story}: {}", outcome.stderr);
        assert!(outcome.stderr.contains(" init`"), "{story}: {}", outcome.stderr);
    }
    bench.run(&["init"]).expect(0);
    for mount in MOUNTS {
        let mode = fs::metadata(bench.path(mount)).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777 & !0o750, 0, "{story}: {mount} is open to others");
    }
    bench.ingest(&vector("inputs.ndjson")).expect(0);
    assert!(bench.stores() == vector_stores(), "{story}");
}

#[test]
#[ignore = "needs strace"]
fn an_init_that_was_killed_is_done_once_more() {
    kill_everywhere(Bench::bare, |bench| bench.command(&["init"]), |bench, story| check_init(&bench, story));
}

/// Each directory is synced, and so is its entry in the one above, before the next is created.
#[test]
fn whatever_a_crash_leaves_of_an_init_is_completed() {
    let images: [&[&str]; 5] =
        [&[], &["data"], &["data", MOUNTS[0]], &["data", MOUNTS[1]], &["data", MOUNTS[0], MOUNTS[1]]];
    for image in images {
        let bench = Bench::bare();
        for directory in image {
            fs::DirBuilder::new().mode(0o750).create(bench.path(directory)).unwrap();
        }
        check_init(&bench, &format!("a crash left {image:?}"));
    }
}

/// The calls by which `init` makes its directories durable come in the order that leaves no other image.
#[test]
#[ignore = "needs strace"]
fn init_syncs_each_directory_and_the_one_above_before_it_goes_on() {
    let bench = Bench::bare();
    let traces = tempfile::TempDir::new().unwrap();
    let tracing = ["-e", "trace=?mkdir,mkdirat,fsync,fdatasync,write"];
    let (outcome, calls) = traced(&traces.path().join("trace"), &tracing, &bench.command(&["init"]));
    outcome.expect(0);
    let calls: Vec<&str> = calls.lines().filter(|line| line.contains(" = 0") || is_told(line)).collect();
    let (mut at, mut created) = (0, 0);
    let synced =
        |line: &str, path: &Path| line.contains("sync(") && line.contains(&format!("<{}>", path.display()));
    while let Some(line) = calls.get(at).filter(|line| !is_told(line)) {
        let Some((_, path)) = line.split_once("mkdir").map(|(_, rest)| rest.split_once('"').unwrap()) else {
            at += 1;
            continue;
        };
        let path = Path::new(path.split_once('"').unwrap().0);
        assert!(synced(calls[at + 1], path), "{path:?} is not synced: {calls:#?}");
        assert!(synced(calls[at + 2], path.parent().unwrap()), "its entry is not synced: {calls:#?}");
        created += 1;
        at += 3;
    }
    assert_eq!(created, 3, "{calls:#?}");
}

/// True if it is a write to standard output.
fn is_told(call: &str) -> bool {
    call.starts_with("write(1<")
}

/// The vectors' stores with a broken line in the log.
fn corrupted() -> Bench {
    let bench = Bench::filled();
    let log = with_line(&vector("audit_events.ndjson"), 121, |line| edited(line, "\"type\"", "\"tyqe\"")).0;
    bench.put(&bench.log_path(), &log);
    bench
}

/// Salvages into `out`.
fn salvaging(bench: &Bench) -> Command {
    bench.command(&["salvage", "--out", bench.path("out").to_str().unwrap()])
}

/// The files of a result.
fn result(bench: &Bench) -> [Vec<u8>; 2] {
    ["out/audit-events/audit_events.ndjson", "out/snapshots/snapshots.ndjson"]
        .map(|file| fs::read(bench.path(file)).unwrap())
}

#[test]
#[ignore = "needs strace"]
fn a_salvage_that_was_killed_is_whole_or_plainly_is_not() {
    let whole = corrupted();
    run(&mut salvaging(&whole), b"").expect(3);
    let expected = result(&whole);
    let originals = corrupted().stores();
    kill_everywhere(
        || {
            let bench = corrupted();
            let before = bench.inventory();
            (bench, before)
        },
        |(bench, _)| salvaging(bench),
        |(bench, before), story| {
            let out = bench.path("out");
            assert!(bench.inventory() == before, "{story}: the originals were changed");
            let is_begun = out.exists() && fs::read_dir(&out).unwrap().next().is_some();
            let replayed = run(clean(DREICHOR).arg("--data-dir").arg(&out).arg("replay"), b"");
            if replayed.code == Some(0) {
                assert!(result(&bench) == expected, "{story}: what is taken for a result is none");
            } else {
                replayed.expect(10);
            }
            let again = run(&mut salvaging(&bench), b"");
            if is_begun {
                again.expect(10);
                fs::remove_dir_all(&out).unwrap();
                run(&mut salvaging(&bench), b"").expect(3);
            } else {
                again.expect(3);
            }
            assert!(result(&bench) == expected, "{story}: the second salvage has another result");
            assert!(bench.inventory() == before && bench.stores() == originals, "{story}");
        },
    );
}
