//! The conditions on every crash image.

use dreichor_simulation::{Disk, Image, Kept, Mount, Plan};

use super::kind::{Kind, kind};
use super::{Progress, Scenario, Whole, file, live, logged, salvage, whole_lines};

/// Checks what the next run makes of what a crash left: nothing acknowledged is lost, nothing that was never
/// submitted appears, nothing is trimmed in silence, and in the end the files are those of an uninterrupted
/// run; or they are refused for a hole, and can be salvaged.
pub(crate) fn check(scenario: &Scenario, whole: &Whole, image: &Image, progress: Progress, story: &str) {
    let [events, snapshots] = Mount::ALL.map(|mount| image.bytes(mount, file(mount)));
    let [events_kept, snapshots_kept] = whole.kept(progress);
    assert!(events.starts_with(&whole.events[..events_kept]), "{story}: an acknowledged event is lost");
    assert!(
        snapshots.starts_with(&whole.snapshots[..snapshots_kept]),
        "{story}: a snapshot of a batch before the last acknowledged one is lost"
    );
    let has_hole = !whole.events.starts_with(whole_lines(events))
        || !whole.snapshots.starts_with(whole_lines(snapshots));

    let disk = image.disk();
    disk.begin(Plan::default());
    let ((_, ended), logged) = logged::of(|| live(&disk, &[], 1, scenario.commits));
    if let Err(error) = ended {
        assert!(has_hole, "{story}: refused without a hole: {error}");
        assert_eq!(kind(&error), Kind::Malformed, "{story}: {error}");
        let is_same = Mount::ALL
            .iter()
            .flat_map(|&mount| names_and_bytes(&disk, mount))
            .eq(image.files.iter().cloned());
        assert!(is_same, "{story}: changed although it was refused");
        salvage::check(scenario, whole, image, progress, story);
        return;
    }
    assert!(!has_hole, "{story}: a hole is not refused");
    for (mount, expected) in [(Mount::Events, &whole.events), (Mount::Snapshots, &whole.snapshots)] {
        let shown = disk.shows(mount, file(mount)).unwrap();
        assert!(expected.starts_with(&shown), "{story}: {mount:?} holds what no run would have written");
        check_kept(&disk, mount, image.bytes(mount, file(mount)), &logged, story);
    }
    let length = disk.shows(Mount::Events, file(Mount::Events)).unwrap().len();
    assert!(whole.lengths.iter().any(|(events, _)| *events == length), "{story}: half an input is left");

    disk.begin(Plan::default());
    let (again, ended) = scenario.live(&disk);
    assert!(ended.is_ok() && again == Progress::completed(scenario.inputs.len()), "{story}: {ended:?}");
    for (mount, expected) in [(Mount::Events, &whole.events), (Mount::Snapshots, &whole.snapshots)] {
        assert!(
            disk.shows(mount, file(mount)).unwrap() == *expected,
            "{story}: {mount:?} differs in the end"
        );
    }
    assert_eq!(disk.violations(), Vec::<String>::new(), "{story}");
}

/// All files of a mount.
pub(crate) fn names_and_bytes(disk: &Disk, mount: Mount) -> Vec<(Mount, String, Vec<u8>)> {
    let file = |name: String| disk.shows(mount, &name).map(|bytes| (mount, name, bytes));
    disk.names(mount).into_iter().filter_map(file).collect()
}

/// The truncated tail has a durable copy beside the file, and the log names it.
fn check_kept(disk: &Disk, mount: Mount, before: &[u8], logged: &[String], story: &str) {
    let whole = whole_lines(before);
    if whole.len() == before.len() {
        return;
    }
    let copy = format!("{}.torn-{}", file(mount), whole.len());
    let tail = &before[whole.len()..];
    let durable = disk.image(Kept::Nothing).files;
    let kept = durable.iter().any(|(at, name, bytes)| *at == mount && is_copy(name, &copy) && bytes == tail);
    assert!(kept, "{story}: {mount:?} was trimmed without a copy");
    let expected = format!("offset={} bytes={} copy=", whole.len(), tail.len());
    let is_logged = logged.iter().any(|line| line.contains(&expected) && line.contains(&copy));
    assert!(is_logged, "{story}: {mount:?} was trimmed in silence: {logged:?}");
}

fn is_copy(name: &str, prefix: &str) -> bool {
    name.starts_with(prefix) && name.strip_suffix(".tmp").is_none()
}

/// A file with a copy's name is a whole copy: of the tail that `before`, where the run began that
/// crashed, shows, or one that was there already.
pub(crate) fn check_copies(before: &Disk, image: &Image, story: &str) {
    for (mount, name, bytes) in &image.files {
        let shown = before.shows(*mount, file(*mount)).unwrap_or_default();
        let is_new = before.shows(*mount, name).is_none();
        if is_new && is_copy(name, &format!("{}.torn-", file(*mount))) {
            let tail = &shown[whole_lines(&shown).len()..];
            assert!(bytes == tail, "{story}: {name} is no whole copy");
        }
    }
}
