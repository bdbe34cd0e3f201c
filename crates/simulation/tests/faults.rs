//! An error at every call, once and from then on, and short writes: the process stops, says what it must,
//! touches the failed descriptor no more, and the next start recovers.

mod support;

use dreichor_core::tick::Policy;
use dreichor_replay::Stores;
use dreichor_runtime::ingest::Session;
use dreichor_runtime::recovery::recover;
use dreichor_runtime::snapshots::SnapshotStrategy;
use dreichor_simulation::{Disk, Fault, Mount, Plan, Random};
use support::{Scenario, Whole, check, file, inputs, live, seed};

const EINTR: i32 = 4;
const EIO: i32 = 5;
const EFBIG: i32 = 27;
const ENOSPC: i32 = 28;
const EROFS: i32 = 30;
const EDQUOT: i32 = 122;

/// No errno: a short write.
const ERRORS: [Option<i32>; 7] =
    [None, Some(EINTR), Some(EIO), Some(EFBIG), Some(ENOSPC), Some(EROFS), Some(EDQUOT)];

fn check_fault(scenario: &Scenario, whole: &Whole, fault: Fault, random: &mut Random) {
    let disk = Disk::default();
    disk.begin(Plan { crash_at: None, fault: Some(fault) });
    let (acknowledged, ended) = scenario.live(&disk);
    let story = format!("{}, {fault:?}, ended with {ended:?}", scenario.name);
    assert_eq!(disk.violations(), Vec::<String>::new(), "{story}");
    match &ended {
        Ok(()) => assert_eq!(acknowledged, scenario.inputs.len(), "{story}"),
        Err(error) => {
            assert!([10, 13].contains(&error.exit_code()), "{story}");
            let message = error.to_string();
            if error.exit_code() == 13 && acknowledged > 0 {
                let told = match acknowledged {
                    1 => "input line 1 is acknowledged".into(),
                    last => format!("input lines 1 to {last} are acknowledged"),
                };
                assert!(message.contains(&told), "{story}: {message}");
            }
        }
    }
    // The machine may stop before anyone starts again …
    for kept in disk.ways(random) {
        if random.below(20) == 0 {
            let image = disk.image(kept);
            check(
                scenario,
                whole,
                &image,
                acknowledged,
                &format!("{story}, then a crash, kept {:?}", image.kept),
            );
        }
    }
    // … or the process alone: the page cache then shows what the medium may not hold.
    disk.begin(Plan::default());
    let (again, ended) = scenario.live(&disk);
    assert!(ended.is_ok() && again == scenario.inputs.len(), "{story}, then {ended:?}");
    for (mount, expected) in [(Mount::Events, &whole.events), (Mount::Snapshots, &whole.snapshots)] {
        let all = disk.image(dreichor_simulation::Kept::Nothing);
        assert!(all.bytes(mount, file(mount)) == expected, "{story}: {mount:?} differs on the medium");
    }
}

#[test]
fn whatever_fails_the_next_start_recovers() {
    let seed = seed();
    let mut random = Random(seed);
    for (batch, strategy) in [
        (1, SnapshotStrategy::OnLedgerUpdate),
        (4, SnapshotStrategy::OnLedgerUpdate),
        (12, SnapshotStrategy::Every(10)),
    ] {
        let name = format!("TEST_SEED={seed}, batches of {batch}");
        let scenario = Scenario { name, inputs: inputs(12, 300, random.number()), batch, strategy };
        let whole = scenario.whole();
        let disk = Disk::default();
        disk.begin(Plan::default());
        scenario.live(&disk).1.unwrap();
        for at in 0..disk.calls() {
            for errno in ERRORS {
                for lasts in [false, true] {
                    if lasts && errno == Some(EINTR) {
                        // A signal that never ends: the process would wait for ever, and rightly.
                        continue;
                    }
                    check_fault(&scenario, &whole, Fault { at, lasts, errno }, &mut random);
                }
            }
        }
    }
}

/// A failed snapshot was called durable.
#[test]
fn a_snapshot_that_fails_is_in_doubt() {
    let strategy = SnapshotStrategy::Manual;
    let disk = Disk::default();
    disk.begin(Plan::default());
    live(&disk, &inputs(12, 300, 1), 12, strategy).1.unwrap();
    let stores = Stores::new(disk.directory(Mount::Events), disk.directory(Mount::Snapshots));
    let recovered = recover(&stores, strategy, &mut ()).unwrap();
    let mut session = Session::new(&stores, recovered, Policy::default(), strategy).unwrap();
    // The first call examines the file, the second writes.
    disk.begin(Plan { crash_at: None, fault: Some(Fault { at: 1, lasts: false, errno: Some(EIO) }) });
    let error = session.snapshot().unwrap_err();
    assert_eq!(error.exit_code(), 13);
    let message = error.to_string();
    assert!(message.contains("in doubt, on disk or not: the snapshot that was asked for"), "{message}");
}
