//! After a failed write or sync, no call reaches the descriptor again.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use dreichor_log::{AppendError, Appender, Medium};
use dreichor_simulation::{Disk, Fault, Mount, Plan};

const EIO: i32 = 5;

/// Appends once, with this call failing, and then once more.
fn check(at: u64, errno: Option<i32>) {
    let disk = Disk::holding([(Mount::Events, "log".to_owned(), b"line\n".to_vec())]);
    let directory = disk.directory(Mount::Events);
    let identity = directory.stat("log").unwrap().unwrap().identity;
    let mut appender = Appender::open(&directory, "log", identity, 5).unwrap();
    disk.begin(Plan { crash_at: None, fault: Some(Fault { at, lasts: false, errno }) });

    let first = appender.append(b"more\n").unwrap_err();
    assert!(matches!(first, AppendError::InDoubt { .. }), "{first}");
    let calls = disk.calls();
    let second = appender.append(b"more\n").unwrap_err();
    assert!(matches!(second, AppendError::Poisoned), "{second}");
    assert_eq!(disk.calls(), calls, "nothing is asked of the disk any more");
    assert_eq!(appender.size(), 5, "nothing is taken for durable");
}

#[test]
fn a_failed_write_poisons() {
    // The first call examines the file, the second writes.
    check(1, Some(EIO));
}

#[test]
fn a_short_write_poisons() {
    check(1, None);
}

#[test]
fn a_failed_sync_poisons() {
    check(2, Some(EIO));
}
