//! Another process in the stores of a running writer: it is shut out, or the writer stops.

use dreichor_log::{WriteFile, WriteMedium};
use dreichor_runtime::snapshots::SnapshotStrategy;
use dreichor_simulation::{Disk, Mount, Plan};

use super::kind::{Kind, kind};
use super::{Moment, Scenario, file, inputs, live, live_watched};

/// The operation of the other process on a store's file.
#[derive(Debug, Clone, Copy)]
enum Change {
    Append,
    Truncate,
    Remove,
    /// Puts an equal copy in its place.
    Replace,
}

const CHANGES: [Change; 4] = [Change::Append, Change::Truncate, Change::Remove, Change::Replace];

fn change_file(disk: &Disk, mount: Mount, change: Change) {
    let (directory, name) = (disk.directory(mount), file(mount));
    let open = || directory.open_to_append(name).unwrap();
    match change {
        Change::Append => drop(open().write(b"x").unwrap()),
        Change::Truncate => open().truncate(1).unwrap(),
        Change::Remove => directory.remove(name).unwrap(),
        Change::Replace => {
            let bytes = disk.shows(mount, name).unwrap();
            directory.remove(name).unwrap();
            directory.create(name).unwrap().write(&bytes).unwrap();
        }
    }
}

/// Changes the files between any two batches, and between lock and first read; `cases` counts the operations.
pub(crate) fn run(seed: u64, cases: &mut u64) {
    let strategy = SnapshotStrategy::OnLedgerUpdate;
    let scenario =
        Scenario { name: String::new(), inputs: inputs(12, 300, seed), batch: 3, commits: strategy.into() };
    let whole = scenario.whole();
    for batches in 1..4 {
        *cases += 1;
        check_second_writer(&scenario, batches);
        for change in CHANGES {
            *cases += 1;
            check_changed(
                &scenario,
                batches,
                change,
                &format!("TEST_SEED={seed}, {change:?} after {batches} batches"),
            );
        }
    }
    for mount in Mount::ALL {
        *cases += 1;
        let disk = whole.cut(whole.events.len(), whole.snapshots.len());
        disk.begin(Plan::default());
        let ended = live_watched(&disk, &[], 1, strategy, &mut |moment| {
            if let Moment::Locked = moment {
                change_file(&disk, mount, Change::Replace);
            }
        });
        let refused = ended.map_err(|error| kind(&error));
        assert_eq!(refused, Err(Kind::Unavailable), "{mount:?}: another file is taken for the locked one");
    }
}

/// A second writer is shut out for as long as the first runs, and no longer.
fn check_second_writer(scenario: &Scenario, batches: usize) {
    let disk = Disk::default();
    disk.begin(Plan::default());
    let mut recorded = 0;
    let ended = live_watched(&disk, &scenario.inputs, scenario.batch, scenario.commits, &mut |moment| {
        if let Moment::Recorded = moment {
            recorded += 1;
            if recorded == batches {
                let (_, ended) = live(&disk, &[], 1, scenario.commits);
                let code = ended.map_err(|error| kind(&error));
                assert_eq!(code, Err(Kind::Locked), "a second writer is let in");
            }
        }
    });
    assert!(ended.is_ok(), "{ended:?}");
    assert!(live(&disk, &[], 1, scenario.commits).1.is_ok(), "the lock outlives the writer");
}

/// The writer stops at its next write, and what the other process left stays.
fn check_changed(scenario: &Scenario, batches: usize, change: Change, story: &str) {
    let disk = Disk::default();
    disk.begin(Plan::default());
    let (mut recorded, mut left) = (0, None);
    let name = file(Mount::Events);
    let ended = live_watched(&disk, &scenario.inputs, scenario.batch, scenario.commits, &mut |moment| {
        if let Moment::Recorded = moment {
            recorded += 1;
            if recorded == batches {
                change_file(&disk, Mount::Events, change);
                left = disk.shows(Mount::Events, name);
            }
        }
    });
    assert_eq!(ended.map_err(|error| kind(&error)), Err(Kind::Unavailable), "{story}: the writer goes on");
    assert_eq!(recorded, batches, "{story}: the writer goes on");
    assert!(
        disk.shows(Mount::Events, name) == left,
        "{story}: the writer changes a file that is not its own"
    );
}
