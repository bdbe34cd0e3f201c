//! The calls of a start to the disk, and its reaction to the results.

mod support;

use dreichor_runtime::recovery::recover;
use dreichor_runtime::snapshots::SnapshotStrategy;
use dreichor_runtime::writing::WriteStores;
use dreichor_simulation::{Disk, Failure, Fault, Mount, Plan};
use support::faults::EIO;
use support::kind::{Kind, kind};
use support::{file, inputs, live, stores};

const EEXIST: i32 = 17;

/// The result if the first creation of a file fails with this error.
fn create_missing(errno: i32) -> Option<Kind> {
    let disk = Disk::default();
    // The first call examines the file, the second creates it.
    let fault = Fault { at: 1, lasts: false, failure: Failure::Error(errno) };
    disk.begin(Plan { crash_at: None, fault: Some(fault) });
    stores(&disk).create_missing().err().map(|error| kind(&error))
}

#[test]
fn a_file_that_another_writer_created_meanwhile_is_taken_and_any_other_failure_is_told() {
    assert_eq!(create_missing(EEXIST), None);
    assert_eq!(create_missing(EIO), Some(Kind::InDoubt));
}

/// Snapshots that are missing are one commit, as they would have been: each in one of its own would wait for
/// the disk as often as there are snapshots.
#[test]
fn many_missing_snapshots_are_written_as_quickly_as_one() {
    let strategy = SnapshotStrategy::OnLedgerUpdate;
    let disk = Disk::default();
    disk.begin(Plan::default());
    live(&disk, &inputs(60, 300, 1), 60, strategy).1.unwrap();
    let [events, snapshots] = Mount::ALL.map(|mount| disk.shows(mount, file(mount)).unwrap());
    let lines: Vec<&[u8]> = snapshots.split_inclusive(|&byte| byte == b'\n').collect();
    assert!(lines.len() > 3, "{} snapshots", lines.len());
    let calls_for = |missing: usize| {
        let kept = lines[..lines.len() - missing].concat();
        let files = [(Mount::Events, events.clone()), (Mount::Snapshots, kept)];
        let disk = Disk::holding(files.map(|(mount, bytes)| (mount, file(mount).to_owned(), bytes)));
        disk.begin(Plan::default());
        recover(&stores(&disk), strategy, &mut ()).unwrap();
        assert_eq!(disk.shows(Mount::Snapshots, file(Mount::Snapshots)).unwrap(), snapshots);
        disk.calls()
    };
    assert!(calls_for(lines.len() - 1) <= calls_for(1));
}
