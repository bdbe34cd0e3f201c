//! `init` killed at any call, and run again: what is acknowledged in the directories that it created survives a power cut.

use std::io;
use std::path::Path;

use dreichor_log::directory::create_in;
use dreichor_runtime::snapshots::SnapshotStrategy;
use dreichor_simulation::{Disk, Image, Kept, Mount, Plan, SimulatedTree};

use super::check::check;
use super::{LIE, Progress, Scenario, Whole, inputs};

fn path(mount: Mount) -> &'static Path {
    match mount {
        Mount::Events => Path::new("/srv/data/dreichor/audit-events"),
        Mount::Snapshots => Path::new("/srv/data/dreichor/snapshots"),
    }
}

/// The operations of `init`.
fn init(tree: &SimulatedTree) -> io::Result<()> {
    Mount::ALL.iter().try_for_each(|&mount| create_in(tree, path(mount)).map(drop))
}

/// The state of the stores on the medium after a crash of an ingest.
struct Crashed {
    progress: Progress,
    image: Image,
}

/// Kills an `init` at each of its calls, with or without a power cut, and the next one too; `cases` counts the trees that
/// a power cut may leave in the end.
pub(crate) fn run(seed: u64, cases: &mut u64) {
    let strategy = SnapshotStrategy::OnLedgerUpdate;
    let scenario =
        Scenario { name: String::new(), inputs: inputs(6, 300, seed), batch: 2, commits: strategy.into() };
    let whole = scenario.whole();
    let crashed = crash_ingest(&scenario, &whole, seed);
    let tree = SimulatedTree::holding(["/", "/srv"].map(Into::into), LIE.get());
    for (first, left) in killed(&tree, &format!("TEST_SEED={seed}")) {
        for (second, left) in killed(&left, &first) {
            let complete = left.next_process(None);
            let ended = init(&complete);
            assert!(ended.is_ok(), "{second}; the next init: {ended:?}");
            for found in complete.images() {
                *cases += 1;
                check_image(&scenario, &whole, &crashed, &found, &second);
            }
        }
    }
}

/// The states that an `init` leaves when it is killed at any of its calls: for the next process, and after a power cut.
fn killed(tree: &SimulatedTree, story: &str) -> Vec<(String, SimulatedTree)> {
    let rehearsal = tree.next_process(None);
    init(&rehearsal).unwrap();
    let mut left = Vec::new();
    for call in 0..=rehearsal.calls() {
        let killed = tree.next_process(Some(call));
        let _ = init(&killed);
        let story = format!("{story}; init killed at call {call}");
        left.extend(killed.images().into_iter().map(|image| (format!("{story}, then a power cut"), image)));
        left.push((story, killed));
    }
    left
}

/// Crashes an ingest at each of its calls.
fn crash_ingest(scenario: &Scenario, whole: &Whole, seed: u64) -> Vec<Crashed> {
    let rehearsal = Disk::default();
    scenario.live(&rehearsal).1.unwrap();
    let crash = |call| {
        let disk = Disk::default();
        disk.begin(Plan { crash_at: Some(call), fault: None });
        let (progress, _) = scenario.live(&disk);
        let image = disk.image(Kept::Nothing);
        check(scenario, whole, &image, progress, &format!("TEST_SEED={seed}, crash at call {call}"));
        Crashed { progress, image }
    };
    (0..=rehearsal.calls()).map(crash).collect()
}

/// After a power cut, a directory that is not there any more has no files.
fn check_image(scenario: &Scenario, whole: &Whole, crashed: &[Crashed], found: &SimulatedTree, story: &str) {
    if Mount::ALL.iter().all(|&mount| found.has(path(mount))) {
        return;
    }
    for Crashed { progress, image } in crashed {
        let files = image.files.iter().filter(|(mount, _, _)| found.has(path(*mount))).cloned().collect();
        let image = Image { files, kept: image.kept.clone() };
        check(scenario, whole, &image, *progress, &format!("{story}; then init, ingest and a power cut"));
    }
}
