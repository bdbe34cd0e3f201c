//! What a checkpoint covers is in the log after any crash, although a reader takes it while nothing was synced.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use dreichor_core::Hash;
use dreichor_log::{SyncFile, WriteFile, WriteMedium};
use dreichor_replay::store::EVENTS_FILE;
use dreichor_replay::{Durable, Stores};
use dreichor_simulation::{Directory, Disk, Failure, Fault, Mount, Plan, Random};

const VECTORS: &[u8] = include_bytes!("../../../tests/vectors/audit_events.ndjson");

/// The log that is shown: so many whole ticks that every byte at which a crash may cut it can be tried.
const LOG: &[u8] = VECTORS.split_at(11_574).0;
const EVENTS: u64 = 33;

/// EIO.
const ERROR: i32 = 5;

/// A disk whose log durably holds so many bytes, and shows all.
fn unsynced(durable: usize) -> Disk {
    let disk = Disk::holding([(Mount::Events, EVENTS_FILE.to_owned(), LOG[..durable].to_vec())]);
    disk.begin(Plan::default());
    append_rest(&disk, durable);
    disk
}

fn append_rest(disk: &Disk, durable: usize) -> impl SyncFile {
    let file = disk.directory(Mount::Events).open_to_append(EVENTS_FILE).unwrap();
    assert_eq!(file.write(&LOG[durable..]).unwrap(), LOG.len() - durable);
    file
}

fn stores(disk: &Disk) -> Stores<Directory> {
    Stores::new(disk.directory(Mount::Events), disk.directory(Mount::Snapshots))
}

/// The size and root that a checkpoint has now; none: it is refused.
fn head(disk: &Disk) -> Option<(u64, Hash)> {
    let stores = stores(disk);
    let durable = Durable::read(&stores, &mut ()).ok()?;
    Some((durable.size(), durable.root(durable.size()).unwrap().unwrap()))
}

/// How many ways there are in which a crash now ends without the root at this size.
fn count_losses(disk: &Disk, (size, root): (u64, Hash)) -> usize {
    let ways = disk.ways(&mut Random(1));
    assert!(!ways.is_empty());
    let is_lost = |image: Disk| {
        image.begin(Plan::default());
        let stores = stores(&image);
        !Durable::read(&stores, &mut ()).is_ok_and(|durable| durable.root(size).unwrap() == Some(root))
    };
    ways.into_iter().map(|way| is_lost(disk.image(way).disk())).filter(|is_lost| *is_lost).count()
}

#[test]
fn a_crash_takes_nothing_of_what_a_checkpoint_covers() {
    for durable in [0, 1, 3_000, 9_000, LOG.len() - 1] {
        let disk = unsynced(durable);
        let head_now = head(&disk.fork()).unwrap();
        assert_eq!(head_now.0, EVENTS);
        assert!(count_losses(&disk, head_now) > 0, "without a sync, something can be lost");
        assert_eq!(head(&disk), Some(head_now));
        assert_eq!(count_losses(&disk, head_now), 0, "{durable} bytes were durable");
    }
}

#[test]
fn a_sync_that_failed_before_is_noticed() {
    for durable in [0, 3_000, 9_000] {
        let disk = Disk::holding([(Mount::Events, EVENTS_FILE.to_owned(), LOG[..durable].to_vec())]);
        // Open, write, and then the sync: from now on the page cache shows what the medium has not.
        disk.begin(Plan {
            crash_at: None,
            fault: Some(Fault { at: 2, lasts: false, failure: Failure::Error(ERROR) }),
        });
        append_rest(&disk, durable).sync().unwrap_err();
        disk.begin(Plan::default());
        if let Some(head) = head(&disk) {
            assert_eq!(count_losses(&disk, head), 0, "{durable} bytes were durable");
        }
    }
}

#[test]
fn a_sync_that_fails_now_gives_no_checkpoint() {
    let disk = unsynced(3_000);
    let calls = {
        let disk = disk.fork();
        disk.begin(Plan::default());
        head(&disk).unwrap();
        disk.calls_made()
    };
    let sync = calls.iter().position(|call| call.operation == dreichor_simulation::Operation::Sync).unwrap();
    let fault = Fault { at: sync as u64, lasts: false, failure: Failure::Error(ERROR) };
    disk.begin(Plan { crash_at: None, fault: Some(fault) });
    assert_eq!(head(&disk), None);
}
