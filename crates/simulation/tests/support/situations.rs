//! Rare situations that the simulation exists for, and how often a crash led to each: one that never occurs is not
//! tested, whatever the tests say.

use std::fmt;

use dreichor_simulation::{Disk, Image, Kept, Mount};

use super::{Progress, Scenario, Whole, file, whole_lines};

/// A crash, and one image of what the medium may hold after it.
#[derive(Clone, Copy)]
pub(crate) struct Seen<'a> {
    pub(crate) scenario: &'a Scenario,
    pub(crate) whole: &'a Whole,
    pub(crate) progress: Progress,
    /// The number of crashes before the run of this crash.
    pub(crate) depth: u32,
    /// The number of recoveries that have crashed one after another, this one included.
    pub(crate) recoveries: u32,
    /// The disk when the machine stopped.
    pub(crate) disk: &'a Disk,
    pub(crate) image: &'a Image,
}

/// A situation: its name, and whether a crash led to it.
type Situation = (&'static str, fn(&Seen<'_>) -> bool);

const SITUATIONS: [Situation; 19] = [
    ("a torn tail, an interrupted tick and missing snapshots at once", |seen| {
        seen.is_torn(Mount::Events) && seen.is_tick_interrupted() && seen.lacks_snapshots()
    }),
    ("both files end in a torn tail", |seen| Mount::ALL.iter().all(|&mount| seen.is_torn(mount))),
    ("an interrupted tick, and nothing else to recover", |seen| {
        let is_torn = Mount::ALL.iter().any(|&mount| seen.is_torn(mount));
        seen.is_tick_interrupted() && !is_torn && !seen.lacks_snapshots()
    }),
    ("missing snapshots, and nothing else to recover", |seen| {
        let is_torn = Mount::ALL.iter().any(|&mount| seen.is_torn(mount));
        seen.lacks_snapshots() && !is_torn && !seen.is_tick_interrupted()
    }),
    ("a hole in the log", |seen| seen.has_hole(Mount::Events)),
    ("a hole in the snapshots", |seen| seen.has_hole(Mount::Snapshots)),
    ("a log that is extended with NULs", |seen| seen.bytes(Mount::Events).ends_with(&[0])),
    ("snapshots that are extended with NULs", |seen| seen.bytes(Mount::Snapshots).ends_with(&[0])),
    ("an unsynced batch of which all bytes survive", |seen| {
        let length = seen.bytes(Mount::Events).len();
        let synced = seen.disk.image(Kept::Nothing).bytes(Mount::Events, file(Mount::Events)).len();
        let is_whole = seen.whole.lengths.iter().any(|(events, _)| *events == length);
        is_whole && length > synced && length > seen.whole.kept(seen.progress)[0]
    }),
    ("a new file without its directory entry", |seen| {
        Mount::ALL.iter().any(|&mount| {
            let is_in = |found: &Image| {
                found.files.iter().any(|(at, name, _)| (*at, &**name) == (mount, file(mount)))
            };
            seen.disk.shows(mount, file(mount)).is_some() && !is_in(seen.image)
        })
    }),
    ("a directory entry of a file that is still empty", |seen| {
        seen.image.files.iter().any(|(_, _, bytes)| bytes.is_empty())
    }),
    ("a truncation that is undone", |seen| {
        Mount::ALL.iter().any(|&mount| {
            let shown = seen.disk.shows(mount, file(mount));
            shown.is_some_and(|shown| shown.len() < seen.bytes(mount).len())
        })
    }),
    ("a commit that ends within a batch", |seen| {
        let acknowledged = seen.progress.acknowledged;
        let is_batch_end = acknowledged.is_multiple_of(seen.scenario.batch);
        seen.depth == 0 && !is_batch_end && acknowledged < seen.scenario.inputs.len()
    }),
    ("acknowledged inputs without their snapshots", |seen| {
        let snapshots = seen.bytes(Mount::Snapshots).len();
        seen.depth == 0 && snapshots < seen.whole.lengths[seen.progress.acknowledged].1
    }),
    ("a crash during the first recovery", |seen| seen.recoveries == 1),
    ("a crash during the second recovery", |seen| seen.recoveries == 2),
    ("a copy that a killed recovery began", |seen| {
        seen.image.files.iter().any(|(_, name, _)| name.strip_suffix(".tmp").is_some())
    }),
    ("a copy of a killed recovery that is used again", |seen| seen.copies().any(|is_equal| is_equal)),
    ("a copy of other bytes under the name of the next one", |seen| seen.copies().any(|is_equal| !is_equal)),
];

impl Seen<'_> {
    fn bytes(&self, mount: Mount) -> &[u8] {
        self.image.bytes(mount, file(mount))
    }

    fn is_torn(&self, mount: Mount) -> bool {
        !matches!(self.bytes(mount).last(), None | Some(b'\n'))
    }

    fn has_hole(&self, mount: Mount) -> bool {
        !self.whole.of(mount).starts_with(whole_lines(self.bytes(mount)))
    }

    fn is_tick_interrupted(&self) -> bool {
        let length = whole_lines(self.bytes(Mount::Events)).len();
        !self.has_hole(Mount::Events) && self.whole.lengths.iter().all(|(events, _)| *events != length)
    }

    fn lacks_snapshots(&self) -> bool {
        let [events, snapshots] = Mount::ALL.map(|mount| whole_lines(self.bytes(mount)).len());
        let has_hole = Mount::ALL.iter().any(|&mount| self.has_hole(mount));
        let lacks = self.whole.lengths.iter().any(|lengths| lengths.0 <= events && lengths.1 > snapshots);
        lacks && !has_hole
    }

    /// The copies under the name that the copy of a tail would get: whether each holds that tail.
    fn copies(&self) -> impl Iterator<Item = bool> {
        self.image.files.iter().filter_map(|(mount, name, copy)| {
            let bytes = self.bytes(*mount);
            let start = whole_lines(bytes).len();
            let is_next = self.is_torn(*mount) && *name == format!("{}.torn-{start}", file(*mount));
            is_next.then(|| bytes.get(start..) == Some(copy))
        })
    }
}

/// The number of occurrences of each situation.
#[derive(Debug, Clone, Default)]
pub(crate) struct Situations([u64; SITUATIONS.len()]);

impl Situations {
    pub(crate) fn note(&mut self, seen: &Seen<'_>) {
        for (count, (_, is_reached)) in self.0.iter_mut().zip(SITUATIONS) {
            *count += u64::from(is_reached(seen));
        }
    }

    pub(crate) fn add(&mut self, other: &Self) {
        for (count, more) in self.0.iter_mut().zip(other.0) {
            *count += more;
        }
    }

    /// The situations that never occurred.
    pub(crate) fn unreached(&self) -> Vec<&'static str> {
        self.0.iter().zip(SITUATIONS).filter(|(count, _)| **count == 0).map(|(_, (name, _))| name).collect()
    }
}

impl fmt::Display for Situations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (count, (name, _)) in self.0.iter().zip(SITUATIONS) {
            writeln!(f, "{count:>9}  {name}")?;
        }
        Ok(())
    }
}

/// True if a run that began on `before` and left `disk` was stopped during its recovery, after a first change.
pub(crate) fn is_recovery(whole: &Whole, before: &Disk, disk: &Disk) -> bool {
    let shown = |disk: &Disk, mount| disk.shows(mount, file(mount)).unwrap_or_default();
    let [events, snapshots] = Mount::ALL.map(|mount| shown(before, mount));
    let length = whole_lines(&events).len();
    let recovered = whole.lengths.iter().find(|lengths| lengths.0 >= length);
    let Some(&(recovered_events, recovered_snapshots)) = recovered else { return false };
    let is_needed = (events.len(), snapshots.len()) != (recovered_events, recovered_snapshots);
    let has_changed = disk.calls_made().iter().any(|call| call.operation.is_change());
    let is_done = shown(disk, Mount::Events).len() >= recovered_events
        && shown(disk, Mount::Snapshots).len() >= recovered_snapshots;
    is_needed && has_changed && !is_done
}
