//! After a failed write or sync, no call reaches the descriptor again.

use dreichor_log::{AppendError, Appender, Medium};
use dreichor_simulation::{Disk, Failure, Fault, Mount, Plan};

use super::faults::FAILURES;

/// Appends once, with each call failing in each way, and then once more; `cases` counts them.
pub(crate) fn run(cases: &mut u64) {
    // The first call examines the file, the second writes, the third syncs.
    for at in [1, 2] {
        for failure in FAILURES {
            // An interrupted call is repeated, and only a write can be short.
            let is_harmless = matches!(failure, Failure::Error(super::faults::EINTR))
                || at == 2 && matches!(failure, Failure::Short(_));
            if !is_harmless {
                *cases += 1;
                check(at, failure);
            }
        }
    }
}

fn check(at: u64, failure: Failure) {
    let disk = Disk::holding([(Mount::Events, "log".to_owned(), b"line\n".to_vec())]);
    let directory = disk.directory(Mount::Events);
    let identity = directory.stat("log").unwrap().unwrap().identity;
    let mut appender = Appender::open(&directory, "log", identity, 5).unwrap();
    disk.begin(Plan { crash_at: None, fault: Some(Fault { at, lasts: false, failure }) });

    let first = appender.append(b"more\n").unwrap_err();
    assert!(matches!(first, AppendError::InDoubt { .. }), "{failure:?}: {first}");
    let calls = disk.calls();
    let second = appender.append(b"more\n").unwrap_err();
    assert!(matches!(second, AppendError::Poisoned), "{failure:?}: {second}");
    assert_eq!(disk.calls(), calls, "nothing is asked of the disk any more");
    assert_eq!(appender.size(), 5, "nothing is taken for durable");
    assert_eq!(disk.violations(), Vec::<String>::new());
}
