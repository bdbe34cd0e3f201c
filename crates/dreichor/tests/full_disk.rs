//! A disk that fills up under `ingest`: it stops, says truly what is acknowledged and what is in doubt, and goes on
//! to the same bytes once there is room again. The disk is a small file system of the test's own.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::fs;

use support::namespace::{FileSystem, Namespace};
use support::{Outcome, converse, lines, run, vector, vector_stores};

/// The space for the stores, in KiB; they need about 100.
const ROOMS: [u32; 6] = [0, 8, 20, 44, 60, 84];

/// Nothing acknowledged is missing, nothing is there that was never sent, and what was said is true.
fn check_full(outcome: &Outcome, stores: &[Vec<u8>; 2], acknowledged: usize, story: &str) {
    assert_eq!(outcome.code, Some(13), "{story}: {}", outcome.stderr);
    let [log, snapshots] = stores;
    let whole = vector("audit_events.ndjson");
    assert!(
        whole.starts_with(log) && vector("snapshots.ndjson").starts_with(snapshots),
        "{story}: other bytes"
    );
    let last = acknowledged.checked_sub(1).map(|last| {
        support::json_lines(&vector("acknowledgements.ndjson"))[last]["treeSize"].as_u64().unwrap()
    });
    let recorded = lines(log).iter().filter(|line| line.ends_with(b"\n")).count() as u64;
    assert!(recorded >= last.unwrap_or(0), "{story}: an acknowledged event is not there");
}

fn check(file_system: FileSystem, room: u32, is_sent_at_once: bool) {
    let story = format!("{file_system:?}, {room} KiB, at once: {is_sent_at_once}");
    let (bench, disk) = Namespace::mounted(file_system);
    let ingest = || disk.inside(&bench.command(&["--log-level=error", "ingest"]));
    let fill = format!("dd if=/dev/zero of=\"$0/filler\" bs=1k; truncate -s -{room}K \"$0/filler\" && sync");
    disk.sh(&fill, &bench.path("data")).expect(0);

    let outcome =
        if is_sent_at_once { run(&mut ingest(), &vector("inputs.ndjson")) } else { converse(&mut ingest()) };
    let acknowledged = lines(&outcome.stdout).len();
    check_full(&outcome, &disk.stores(&bench), acknowledged, &story);
    let told = support::acknowledged(acknowledged);
    assert!(told.is_none_or(|told| outcome.stderr.contains(&told)), "{story}: {}", outcome.stderr);

    // Started again on the full disk: it may record some more, but loses nothing and ends the same way.
    let again = run(&mut ingest(), &vector("inputs.ndjson"));
    let known = lines(&again.stdout).len().max(acknowledged);
    check_full(&again, &disk.stores(&bench), known, &format!("{story}, again"));

    let before = disk.stores(&bench);
    disk.sh("rm \"$0/filler\"", &bench.path("data")).expect(0);
    let outcome = run(&mut ingest(), &vector("inputs.ndjson")).expect(0);
    let mut first = outcome.json().into_iter().take(known);
    assert!(first.all(|line| line["status"] == "ALREADY_RECORDED"), "{story}: an acknowledged input is lost");
    assert!(disk.stores(&bench) == vector_stores(), "{story}: the stores differ");
    for (path, before) in [bench.log_path(), bench.snapshots_path()].iter().zip(before) {
        let whole = before.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
        let copy = disk.path(path).with_extension(format!("ndjson.torn-{whole}"));
        let is_kept = before.len() == whole || fs::read(copy).unwrap() == before[whole..];
        assert!(is_kept, "{story}: what was cut off is lost");
    }
}

#[test]
#[ignore = "needs to mount file systems"]
fn a_disk_that_fills_up() {
    for file_system in FileSystem::ALL {
        for room in ROOMS {
            for is_sent_at_once in [true, false] {
                check(file_system, room, is_sent_at_once);
            }
        }
    }
}
