//! An error at every call, once and from then on, and short writes: the process stops, says what it must,
//! touches the failed descriptor no more, and the next start recovers.

use dreichor_runtime::ingest::IngestError;
use dreichor_runtime::snapshots::SnapshotStrategy;
use dreichor_runtime::writing::Commits;
use dreichor_simulation::{Disk, Failure, Fault, Kept, Mount, Operation, Plan, Random};

use super::check::check;
use super::kind::{Kind, kind};
use super::{Progress, Scenario, Whole, file, inputs, overlapping_commits, short_commits};

pub(crate) const EINTR: i32 = 4;
pub(crate) const EIO: i32 = 5;
const EFBIG: i32 = 27;
const ENOSPC: i32 = 28;
const EROFS: i32 = 30;
const EDQUOT: i32 = 122;

/// Short writes of nothing, little, and all but a byte.
pub(crate) const FAILURES: [Failure; 9] = [
    Failure::Error(EINTR),
    Failure::Error(EIO),
    Failure::Error(EFBIG),
    Failure::Error(ENOSPC),
    Failure::Error(EROFS),
    Failure::Error(EDQUOT),
    Failure::Short(0),
    Failure::Short(700),
    Failure::Short(usize::MAX),
];

/// The number of parts, each with a writer of its own.
pub(crate) const PARTS: usize = 7;

/// Fails each call of writers on empty stores and of recoveries; `cases` counts the faults.
pub(crate) fn run(seed: u64, cases: &mut u64) {
    for part in 0..PARTS {
        run_part(part, seed, cases);
    }
}

/// Fails each call of one writer. What it does is determined by the part and the seed alone.
pub(crate) fn run_part(part: usize, seed: u64, cases: &mut u64) {
    let parts: [(usize, Commits, bool); PARTS] = [
        (12, SnapshotStrategy::OnLedgerUpdate.into(), true),
        (1, SnapshotStrategy::OnLedgerUpdate.into(), false),
        (4, SnapshotStrategy::OnLedgerUpdate.into(), false),
        (12, SnapshotStrategy::Every(10).into(), false),
        (24, short_commits(), true),
        (12, short_commits(), false),
        (5, overlapping_commits(), false),
    ];
    let (batch, commits, is_recovery) = parts[part];
    let mut random = Random(seed.wrapping_add(part as u64));
    let name = format!("TEST_SEED={seed}, batches of {batch}, {commits:?}");
    let count = if is_recovery { 24 } else { 12 };
    let scenario = Scenario { name, inputs: inputs(count, 300, random.number()), batch, commits };
    let whole = scenario.whole();
    let start = if is_recovery { whole.worst() } else { Disk::default() };
    let rehearsal = start.fork();
    rehearsal.begin(Plan::default());
    scenario.live(&rehearsal).1.unwrap();
    for (at, call) in rehearsal.calls_made().iter().enumerate() {
        for failure in FAILURES {
            for lasts in [false, true] {
                let can_happen = match failure {
                    // One signal; a process would rightly wait for an end of those that never end.
                    Failure::Error(EINTR) => !lasts && call.operation.is_interruptible(),
                    Failure::Error(_) => true,
                    Failure::Short(_) => call.operation == Operation::Write,
                };
                if !can_happen {
                    continue;
                }
                *cases += 1;
                let fault = Fault { at: at as u64, lasts, failure };
                check_fault(&scenario, &whole, &start.fork(), fault, &mut random);
            }
        }
    }
}

fn check_fault(scenario: &Scenario, whole: &Whole, disk: &Disk, fault: Fault, random: &mut Random) {
    let [events, snapshots] =
        Mount::ALL.map(|mount| disk.shows(mount, file(mount)).unwrap_or_default().len());
    let before = Progress::completed(whole.acknowledged(events, snapshots));
    // Recovery completes the tick that was interrupted.
    let recorded = whole.lengths.iter().position(|(length, _)| *length >= events).unwrap();
    disk.begin(Plan { crash_at: None, fault: Some(fault) });
    let (progress, ended) = scenario.live(disk);
    let acknowledged = progress.acknowledged;
    let story = format!("{}, {fault:?}, ended with {ended:?}", scenario.name);
    assert_eq!(disk.violations(), Vec::<String>::new(), "{story}");
    match (&ended, fault.failure) {
        (Ok(()), _) => assert_eq!(acknowledged, scenario.inputs.len(), "{story}"),
        (Err(_), Failure::Error(EINTR)) => panic!("{story}: an interrupted call is to be repeated"),
        (Err(error), Failure::Error(_) | Failure::Short(_)) => {
            let last = whole.commit_end(scenario, acknowledged, recorded);
            check_message(error, acknowledged, last, &story);
        }
    }
    // The machine may stop before anyone starts again …
    for kept in disk.ways(random) {
        if random.below(60) == 0 {
            let story = format!("{story}, then a crash, kept {kept:?}");
            check(scenario, whole, &disk.image(kept), progress.max(before), &story);
        }
    }
    // … or the process alone: the page cache then shows what the medium may not hold.
    disk.begin(Plan::default());
    let (again, ended) = scenario.live(disk);
    assert!(ended.is_ok() && again == Progress::completed(scenario.inputs.len()), "{story}, then {ended:?}");
    for (mount, expected) in [(Mount::Events, &whole.events), (Mount::Snapshots, &whole.snapshots)] {
        let all = disk.image(Kept::Nothing);
        assert!(all.bytes(mount, file(mount)) == expected, "{story}: {mount:?} differs on the medium");
    }
}

/// The message says what is acknowledged, and that the rest of the pending commit, up to input `last`, is not.
fn check_message(error: &IngestError, acknowledged: usize, last: usize, story: &str) {
    let message = error.to_string();
    let kind = kind(error);
    assert!([Kind::Unavailable, Kind::InDoubt].contains(&kind), "{story}");
    // Refused before anything was written, or stopped in a recovery.
    let is_start = kind == Kind::Unavailable && !message.contains("no longer the writer's file");
    if acknowledged == 0 && (is_start || message.contains("this process acknowledged nothing")) {
        return;
    }
    let first = acknowledged + 1;
    let told = match acknowledged {
        0 => "no input was acknowledged".into(),
        1 => "input 1 is acknowledged and durable".into(),
        acknowledged => format!("inputs 1 to {acknowledged} are acknowledged and durable"),
    };
    assert!(message.contains(&told), "{story}: {message}");
    let fates: &[&str] = match kind {
        Kind::InDoubt => &["may or may not be on disk"],
        Kind::Unavailable | Kind::Locked | Kind::Malformed | Kind::Other => &["not written"],
    };
    // Then everything that was read is acknowledged, and the message is about the snapshots alone.
    if message.contains("their snapshots, which the next start writes") {
        let is_told = fates.iter().any(|fate| message.contains(&format!("{fate}: their snapshots")));
        assert!(is_told && message.contains(&told), "{story}: {message}");
        return;
    }
    let lines = if first == last { format!("input {last}\n") } else { format!("inputs {first} to {last}\n") };
    let is_told = fates.iter().any(|fate| message.contains(fate));
    let is_named = message.contains(&format!(": {lines}"))
        || message.contains(&format!(": {}", lines.replace('\n', ";")));
    assert!(is_told && is_named, "{story}: {message}");
}
