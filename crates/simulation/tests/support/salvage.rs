//! Stores that are refused are salvaged onto a second disk.

use dreichor_audit::salvage::salvage;
use dreichor_core::Snapshot;
use dreichor_simulation::{Disk, Image, Kept, Mount, Plan};

use super::check::names_and_bytes;
use super::{Scenario, Whole, file, lines, stores};

/// Salvages the image: all that was acknowledged is kept, nothing else appears, the originals are not touched,
/// the result is durable, and a writer goes on from it. Stopped at any call, nothing is called whole that is not.
pub(crate) fn check(scenario: &Scenario, whole: &Whole, image: &Image, acknowledged: usize, story: &str) {
    let target = Disk::default();
    assert!(attempt(image, &target, story), "{story}: salvage fails");
    check_target(scenario, whole, &target.image(Kept::Nothing), acknowledged, story);
    for call in 0..target.calls() {
        let target = Disk::default();
        target.begin(Plan { crash_at: Some(call), fault: None });
        // An error: the mounts stay under the name `incomplete`, which no command takes for a result.
        assert!(
            !attempt(image, &target, story),
            "{story}: a salvage that was stopped at call {call} says well"
        );
    }
}

/// Whether salvage says that its result is whole.
fn attempt(image: &Image, target: &Disk, story: &str) -> bool {
    let source = image.disk();
    source.begin(Plan::default());
    let result = salvage(&stores(&source), &stores(target), &mut ());
    let changes =
        source.calls_made().into_iter().filter(|call| call.operation.is_change()).collect::<Vec<_>>();
    assert!(changes.is_empty(), "{story}: salvage changes the originals: {changes:?}");
    let is_same =
        Mount::ALL.iter().flat_map(|&mount| names_and_bytes(&source, mount)).eq(image.files.iter().cloned());
    assert!(is_same, "{story}: salvage changes the originals");
    result.is_ok()
}

/// `target` is what the medium holds of the result.
fn check_target(scenario: &Scenario, whole: &Whole, target: &Image, acknowledged: usize, story: &str) {
    let [events, snapshots] = Mount::ALL.map(|mount| target.bytes(mount, file(mount)));
    let (events_kept, snapshots_kept) = whole.lengths[acknowledged];
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
    let (count, ended) = scenario.live(&disk);
    assert!(ended.is_ok() && count == scenario.inputs.len(), "{story}, salvaged: {ended:?}");
    assert!(disk.shows(Mount::Events, file(Mount::Events)).unwrap() == whole.events, "{story}, salvaged");
    // Snapshots that were lost before one that was kept are not written again.
    let size =
        |line: &Vec<u8>| Snapshot::read_line(line.strip_suffix(b"\n").unwrap()).unwrap().0.audit_tree_size;
    let latest = lines(snapshots).last().map_or(0, size);
    let later = all.into_iter().filter(|line| size(line) > latest).collect::<Vec<_>>().concat();
    let expected = [snapshots, &later].concat();
    assert!(disk.shows(Mount::Snapshots, file(Mount::Snapshots)).unwrap() == expected, "{story}, salvaged");
}
