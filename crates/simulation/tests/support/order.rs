//! The order of calls that the specification lays down, on a run that nothing disturbs.

use dreichor_runtime::snapshots::SnapshotStrategy;
use dreichor_runtime::writing::Commits;
use dreichor_simulation::{Call, Disk, Kept, Mount, Operation, Plan};

use super::{Moment, Scenario, file, inputs, lines, live, live_watched, overlapping_commits, short_commits};

/// Follows writers on empty stores and on stores that need recovery; `cases` counts them.
pub(crate) fn run(seed: u64, cases: &mut u64) {
    let on_update = Commits::from(SnapshotStrategy::OnLedgerUpdate);
    for (batch, commits) in [(1, on_update), (3, on_update), (20, short_commits())] {
        *cases += 1;
        let scenario = Scenario { name: String::new(), inputs: inputs(20, 300, seed), batch, commits };
        check_snapshots(&scenario, &format!("TEST_SEED={seed}, batches of {batch}, {commits:?}"));
    }
    for (batch, commits) in
        [(1, on_update), (5, on_update), (20, on_update), (20, short_commits()), (3, overlapping_commits())]
    {
        let scenario = Scenario { name: String::new(), inputs: inputs(20, 300, seed), batch, commits };
        for disk in [Disk::default(), scenario.whole().worst()] {
            *cases += 1;
            disk.begin(Plan::default());
            let (_, ended) = scenario.live(&disk);
            let story = format!("TEST_SEED={seed}, batches of {batch}, {commits:?}");
            assert!(ended.is_ok(), "{story}: {ended:?}");
            check(&disk.calls_made(), &story);
        }
    }
    check_commits(seed);
}

/// Before anything is written, all that precedes it is durable: before events, the events and the snapshots of the
/// commits before; before snapshots, their events.
fn check_snapshots(scenario: &Scenario, story: &str) {
    let whole = scenario.whole();
    let start = Disk::default();
    live(&start, &[], 1, scenario.commits).1.unwrap();
    let rehearsal = start.fork();
    rehearsal.begin(Plan::default());
    scenario.live(&rehearsal).1.unwrap();
    for (at, call) in rehearsal.calls_made().iter().enumerate() {
        if call.operation == Operation::Write {
            let disk = start.fork();
            disk.begin(Plan { crash_at: Some(at as u64), fault: None });
            let _ = scenario.live(&disk);
            let synced = disk.image(Kept::Nothing);
            let [events, snapshots] = Mount::ALL.map(|mount| synced.bytes(mount, file(mount)).len());
            let Some(due) = whole.lengths.iter().find(|lengths| lengths.0 == events).map(|lengths| lengths.1)
            else {
                panic!("{story}: call {at} writes when half an input is durable");
            };
            let is_next = match call.mount {
                Mount::Events => snapshots == due,
                Mount::Snapshots => snapshots < due,
            };
            assert!(
                is_next,
                "{story}: call {at} writes {:?} when {snapshots} of {due} bytes of snapshots are durable",
                call.mount
            );
        }
    }
}

/// A batch becomes as many commits as its length asks for, each acknowledged before the next is written; and so are
/// missing snapshots written in pieces.
fn check_commits(seed: u64) {
    let commits = short_commits();
    let scenario = Scenario { name: String::new(), inputs: inputs(100, 300, seed), batch: 100, commits };
    let whole = scenario.whole();
    let mut expected = Vec::new();
    while expected.last() != Some(&scenario.inputs.len()) {
        expected.push(whole.commit_end(&scenario, expected.last().copied().unwrap_or_default(), 0));
    }
    assert!(expected.len() > 2, "TEST_SEED={seed}: too few commits: {expected:?}");
    let (disk, mut acknowledged, mut found) = (Disk::default(), 0, Vec::new());
    let ended = live_watched(&disk, &scenario.inputs, scenario.batch, commits, &mut |moment| {
        if let Moment::Acknowledged(lines) = moment {
            acknowledged += String::from_utf8_lossy(lines).lines().count();
            found.push(acknowledged);
            let [events, snapshots] = Mount::ALL.map(|mount| disk.shows(mount, file(mount)).unwrap().len());
            assert_eq!(events, whole.lengths[acknowledged].0, "TEST_SEED={seed}");
            // The snapshots of the commit may follow.
            let completed = found.iter().rev().nth(1).copied().unwrap_or_default();
            let expected = whole.lengths[completed].1..=whole.lengths[acknowledged].1;
            assert!(
                expected.contains(&snapshots),
                "TEST_SEED={seed}: {snapshots} bytes of snapshots, not {expected:?}"
            );
        }
    });
    assert!(ended.is_ok(), "TEST_SEED={seed}: {ended:?}");
    assert_eq!(found, expected, "TEST_SEED={seed}");

    let disk = whole.cut(whole.events.len(), 0);
    disk.begin(Plan::default());
    live(&disk, &[], 1, commits).1.unwrap();
    let is_piece = |call: &&Call| call.operation == Operation::Write && call.mount == Mount::Snapshots;
    let (pieces, largest) =
        (disk.calls_made().iter().filter(is_piece).count(), longest_line(&whole.snapshots));
    let bytes_max = usize::try_from(commits.bytes_max).unwrap();
    // Each piece but the last is full, and passes its limit by less than a line.
    let fewest = whole.snapshots.len().div_ceil(bytes_max + largest);
    let most = whole.snapshots.len().div_ceil(bytes_max);
    assert!(
        (fewest.max(2)..=most).contains(&pieces),
        "TEST_SEED={seed}: {pieces} pieces, not {fewest} to {most}"
    );
    assert!(disk.shows(Mount::Snapshots, file(Mount::Snapshots)).unwrap() == whole.snapshots);
}

fn longest_line(bytes: &[u8]) -> usize {
    lines(bytes).iter().map(Vec::len).max().unwrap_or_default()
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
