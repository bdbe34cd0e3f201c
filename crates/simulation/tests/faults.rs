//! An error at every call, once and from then on, and short writes: the process stops, says what it must,
//! touches the failed descriptor no more, and the next start recovers.

mod support;

use std::num::NonZero;
use std::sync::Mutex;

use dreichor_core::tick::Policy;
use dreichor_runtime::ingest::Session;
use dreichor_runtime::recovery::recover;
use dreichor_runtime::snapshots::SnapshotStrategy;
use dreichor_simulation::{Disk, Failure, Fault, Plan};
use support::kind::{Kind, kind};
use support::{faults, inputs, live, seed, stores};

#[test]
fn whatever_fails_the_next_start_recovers() {
    let seed = seed();
    let parts = Mutex::new(0..faults::PARTS);
    let run = || {
        let mut cases = 0;
        loop {
            let Some(part) = parts.lock().unwrap().next() else { return cases };
            faults::run_part(part, seed, &mut cases);
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
    let cases: u64 = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(run)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    eprintln!("{cases} faults");
}

/// A failed snapshot was called durable.
#[test]
fn a_snapshot_that_fails_is_in_doubt() {
    let strategy = SnapshotStrategy::Manual;
    let disk = Disk::default();
    disk.begin(Plan::default());
    live(&disk, &inputs(12, 300, 1), 12, strategy).1.unwrap();
    let stores = stores(&disk);
    let recovered = recover(&stores, strategy, &mut ()).unwrap();
    let mut session = Session::new(&stores, recovered, Policy::default(), strategy).unwrap();
    // The first call examines the file, the second writes.
    let fault = Fault { at: 1, lasts: false, failure: Failure::Error(faults::EIO) };
    disk.begin(Plan { crash_at: None, fault: Some(fault) });
    let error = session.snapshot().unwrap_err();
    assert_eq!(kind(&error), Kind::InDoubt);
    let message = error.to_string();
    assert!(message.contains("may or may not be on disk: the snapshot that was asked for"), "{message}");
}
