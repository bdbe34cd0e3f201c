//! Stores that are refused are salvaged onto a second disk.

use dreichor_audit::salvage::{SalvageError, salvage};
use dreichor_core::Snapshot;
use dreichor_runtime::snapshots::SnapshotStrategy;
use dreichor_simulation::{Disk, Image, Kept, Mount, Plan, Random};

use super::check::names_and_bytes;
use super::{Progress, Scenario, Whole, file, holding, inputs, lines, stores};

/// Stops a salvage of stores with a hole at each of its calls and looks at all that the medium may then hold of
/// the new mounts: a second salvage into them starts over where there is nothing, and otherwise leaves them as
/// they are and says what to do. `cases` counts what the medium may hold.
pub(crate) fn run(seed: u64, cases: &mut u64) {
    let mut random = Random(seed);
    let strategy = SnapshotStrategy::OnLedgerUpdate;
    let scenario =
        Scenario { name: String::new(), inputs: inputs(24, 300, seed), batch: 24, commits: strategy.into() };
    let whole = scenario.whole();
    let progress = Progress::completed(12);
    let (mut log, hole) = (whole.events.clone(), whole.kept(progress)[0]);
    log[hole..hole + 100].fill(0);
    let image = holding(&log, &whole.snapshots).image(Kept::Nothing);
    let copied = Disk::default();
    attempt(&image, &copied, "").unwrap();
    for call in 0..=copied.calls() {
        let target = Disk::default();
        target.begin(Plan { crash_at: Some(call), fault: None });
        let _ = attempt(&image, &target, &format!("TEST_SEED={seed}, salvage stops at call {call}"));
        for kept in target.ways(&mut random) {
            *cases += 1;
            let story = format!("TEST_SEED={seed}, salvage stops at call {call}, kept {kept:?}");
            check_second(&scenario, &whole, (&image, progress), &target.image(kept), &story);
        }
    }
}

/// Salvages the stores of an image once more, into mounts in which the first salvage left `found`.
fn check_second(
    scenario: &Scenario,
    whole: &Whole,
    (image, progress): (&Image, Progress),
    found: &Image,
    story: &str,
) {
    let target = found.disk();
    target.begin(Plan::default());
    let ended = attempt(image, &target, story);
    if found.files.is_empty() {
        assert!(ended.is_ok(), "{story}, then {ended:?}");
        check_target(scenario, whole, &target.image(Kept::Nothing), progress, story);
        return;
    }
    let Err(error) = ended else { panic!("{story}: a second salvage writes into what the first left") };
    assert!(matches!(error, SalvageError::Copy { .. }), "{story}: {error}");
    let message = error.to_string();
    for text in ["the copy is not complete", "next: remove the copy"] {
        assert!(message.contains(text), "{story}: {message}");
    }
    let left = Mount::ALL.iter().flat_map(|&mount| names_and_bytes(&target, mount));
    assert!(left.eq(found.files.iter().cloned()), "{story}: a second salvage changes what the first left");
}

/// Salvages the image: all that was acknowledged is kept, nothing else appears, the originals are not touched,
/// the result is durable, and a writer goes on from it. Stopped at any call, nothing is called whole that is not.
pub(crate) fn check(scenario: &Scenario, whole: &Whole, image: &Image, progress: Progress, story: &str) {
    let target = Disk::default();
    attempt(image, &target, story).unwrap_or_else(|error| panic!("{story}: salvage fails: {error}"));
    check_target(scenario, whole, &target.image(Kept::Nothing), progress, story);
    for call in 0..target.calls() {
        let target = Disk::default();
        target.begin(Plan { crash_at: Some(call), fault: None });
        // An error: the mounts stay under the name `incomplete`, which no command takes for a result.
        assert!(
            attempt(image, &target, story).is_err(),
            "{story}: a salvage that was stopped at call {call} says well"
        );
    }
}

/// The result of salvage; it checks that the originals are unchanged.
fn attempt(image: &Image, target: &Disk, story: &str) -> Result<(), SalvageError> {
    let source = image.disk();
    source.begin(Plan::default());
    let result = salvage(&stores(&source), &stores(target), &mut ());
    let changes =
        source.calls_made().into_iter().filter(|call| call.operation.is_change()).collect::<Vec<_>>();
    assert!(changes.is_empty(), "{story}: salvage changes the originals: {changes:?}");
    let is_same =
        Mount::ALL.iter().flat_map(|&mount| names_and_bytes(&source, mount)).eq(image.files.iter().cloned());
    assert!(is_same, "{story}: salvage changes the originals");
    result.map(drop)
}

/// `target` is what the medium holds of the result.
fn check_target(scenario: &Scenario, whole: &Whole, target: &Image, progress: Progress, story: &str) {
    let [events, snapshots] = Mount::ALL.map(|mount| target.bytes(mount, file(mount)));
    let [events_kept, snapshots_kept] = whole.kept(progress);
    assert!(
        events.starts_with(&whole.events[..events_kept])
            && snapshots.starts_with(&whole.snapshots[..snapshots_kept]),
        "{story}: salvage loses what was acknowledged"
    );
    let all = lines(&whole.snapshots);
    assert!(
        whole.events.starts_with(events) && lines(snapshots).iter().all(|line| all.contains(line)),
        "{story}: salvage keeps what no run would have written"
    );
    let disk = target.disk();
    disk.begin(Plan::default());
    let (again, ended) = scenario.live(&disk);
    assert!(
        ended.is_ok() && again == Progress::completed(scenario.inputs.len()),
        "{story}, salvaged: {ended:?}"
    );
    assert!(disk.shows(Mount::Events, file(Mount::Events)).unwrap() == whole.events, "{story}, salvaged");
    // Snapshots that were lost before one that was kept are not written again.
    let size =
        |line: &Vec<u8>| Snapshot::read_line(line.strip_suffix(b"\n").unwrap()).unwrap().0.audit_tree_size;
    let latest = lines(snapshots).last().map_or(0, size);
    let later = all.into_iter().filter(|line| size(line) > latest).collect::<Vec<_>>().concat();
    let expected = [snapshots, &later].concat();
    assert!(disk.shows(Mount::Snapshots, file(Mount::Snapshots)).unwrap() == expected, "{story}, salvaged");
}
