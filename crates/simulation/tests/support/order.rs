//! The order of calls that the specification lays down, on a life that nothing disturbs.

use dreichor_runtime::snapshots::SnapshotStrategy;
use dreichor_simulation::{Call, Disk, Operation, Plan};

use super::{Scenario, file, inputs};

/// Follows writers on empty stores and on stores that need recovery; `cases` counts them.
pub(crate) fn run(seed: u64, cases: &mut u64) {
    for batch in [1, 5, 20] {
        let strategy = SnapshotStrategy::OnLedgerUpdate;
        let scenario = Scenario { name: String::new(), inputs: inputs(20, 300, seed), batch, strategy };
        for disk in [Disk::default(), scenario.whole().worst()] {
            *cases += 1;
            disk.begin(Plan::default());
            let (_, ended) = scenario.live(&disk);
            assert!(ended.is_ok(), "TEST_SEED={seed}, batches of {batch}: {ended:?}");
            check(&disk.calls_made(), &format!("TEST_SEED={seed}, batches of {batch}"));
        }
    }
}

/// Checks what comes just before and just after each call that changes something.
fn check(calls: &[Call], story: &str) {
    for (at, call) in calls.iter().enumerate() {
        let is_store = *call.name == *file(call.mount);
        let of_file = |operation| Some(Call { operation, ..call.clone() });
        let of_directory =
            Some(Call { operation: Operation::SyncDirectory, mount: call.mount, name: "".into() });
        let before = at.checked_sub(1).and_then(|at| calls.get(at)).cloned();
        let after = calls.get(at + 1).cloned();
        match call.operation {
            Operation::Write if is_store => {
                assert_eq!(
                    before,
                    of_file(Operation::Examine),
                    "{story}: before a write, whether the file is ours"
                );
                assert_eq!(after, of_file(Operation::Sync), "{story}: one write, then its sync");
            }
            Operation::Create if is_store => {
                assert_eq!(after, of_file(Operation::Sync), "{story}: a new file is synced");
                assert_eq!(calls.get(at + 2).cloned(), of_directory, "{story}: and then its directory");
            }
            Operation::Truncate => {
                assert_eq!(after, of_file(Operation::Sync), "{story}: what is cut off is synced");
            }
            Operation::Rename => {
                assert_eq!(
                    before.map(|call| call.operation),
                    Some(Operation::Sync),
                    "{story}: a copy is synced"
                );
                assert_eq!(after, of_directory, "{story}: and then its directory");
            }
            Operation::Write
            | Operation::Create
            | Operation::Examine
            | Operation::Open
            | Operation::Remove
            | Operation::SyncDirectory
            | Operation::ProveWritable
            | Operation::ExamineOpen
            | Operation::Read
            | Operation::Sync
            | Operation::Lock
            | Operation::Evict => {}
        }
    }
}
