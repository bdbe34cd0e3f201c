//! Bugs that were found, each with its regression test.

mod support;

use std::fs;
use std::io;

use dreichor_core::Rule;
use dreichor_runtime::batch::{Batcher, Next, Read, Source};
use dreichor_runtime::recovery::recover;
use dreichor_runtime::writing::WriteStores;
use support::kind::{Kind, kind};
use support::{Bench, Bytes, malformed, vector_stores};

/// The lock was taken on one file, and another of the same size was then read, or appended to.
#[test]
fn a_file_that_takes_the_place_of_the_locked_one_is_refused() {
    let bench = Bench::holding(&vector_stores());
    let stores = bench.stores();
    let _locks = stores.lock().unwrap();
    let other = bench.dir.path().join("other");
    fs::copy(bench.events_path(), &other).unwrap();
    fs::rename(&other, bench.events_path()).unwrap();
    let error = recover(&stores, bench.strategy, &mut ()).unwrap_err();
    assert_eq!(kind(&error), Kind::Unavailable);
}

/// A crash kept a later part of the last batch of snapshots and not an earlier one. Replay reads the latest
/// only, so the writer went on, and the hole stayed for ever.
#[test]
fn a_hole_in_the_snapshots_is_refused_by_a_writer() {
    let whole = vector_stores();
    let second_line = whole.snapshots.iter().position(|&byte| byte == b'\n').unwrap() + 1;
    // A commit may have 16 MiB and one input more, so the hole may be that far back.
    for later in [0, 17 << 20] {
        let mut snapshots = whole.snapshots.clone();
        snapshots[second_line + 10..second_line + 300].fill(0);
        let third_line =
            second_line + snapshots[second_line..].iter().position(|&byte| byte == b'\n').unwrap() + 1;
        snapshots.splice(third_line..third_line, b"a snapshot\n".repeat(later / 11));
        // The unterminated tail of the log is not truncated either: nothing is cut before everything is checked.
        let bench = Bench::holding(&Bytes { snapshots, events: [&whole.events, &b"torn"[..]].concat() });
        let before = bench.listing();
        assert!(bench.replay().is_ok(), "a reader reads the latest only");
        let error = bench.ingest(b"").unwrap_err();
        assert_eq!(malformed(&error), Some((2, 395, 10, Rule::SnapshotHole)), "{error}");
        assert!(bench.listing() == before, "a file was changed");
    }
}

/// A start would have read all snapshots ever taken, and refused what no crash can have left: a hole is only looked for
/// where a last commit may have been.
#[test]
fn nuls_before_more_than_a_commit_are_no_hole() {
    let whole = vector_stores();
    let later = b"a snapshot\n".repeat((33 << 20) / 11);
    let snapshots = [b"\0\0\0\n", &later[..], &whole.snapshots].concat();
    let bench = Bench::holding(&Bytes { snapshots, events: whole.events });
    let before = bench.listing();
    assert_eq!(bench.ingest(b"").unwrap(), b"");
    assert!(bench.listing() == before, "a file was changed");
}

/// Whole lines that had been read were dropped when the read after them failed.
#[test]
fn lines_before_a_failed_read_are_given_out_first() {
    struct Fails {
        given: bool,
    }
    impl Source for Fails {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<Read> {
            if self.given {
                return Err(io::Error::other("the terminal is gone"));
            }
            self.given = true;
            buffer[..9].copy_from_slice(b"one\ntwo\nt");
            Ok(Read::Bytes(9))
        }
        fn is_ready(&mut self) -> io::Result<bool> {
            Ok(true)
        }
        fn is_interrupted(&self) -> bool {
            false
        }
        fn length(&self) -> Option<u64> {
            None
        }
    }
    let mut batcher = Batcher::new(Fails { given: false });
    let Next::Batch(batch) = batcher.next_batch().unwrap() else { unreachable!() };
    assert_eq!(batch.lines().map(|line| line.bytes.to_vec()).collect::<Vec<_>>(), [b"one", b"two"]);
    assert_eq!(batcher.next_batch().unwrap_err().to_string(), "the terminal is gone");
}
