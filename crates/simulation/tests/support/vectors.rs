//! The published vectors of format v1, on a disk: what is computed is right, and the same however it comes.

use std::path::Path;

use dreichor_runtime::snapshots::SnapshotStrategy;
use dreichor_simulation::{Disk, Mount, Plan};

use super::{Moment, file, live_watched};

fn vector(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Ingests the vectors' inputs in batches of several sizes; `cases` counts them.
pub(crate) fn run(cases: &mut u64) {
    let inputs: Vec<String> =
        String::from_utf8(vector("inputs.ndjson")).unwrap().lines().map(str::to_owned).collect();
    let acknowledgements = vector("acknowledgements.ndjson");
    for (strategy, snapshots) in [
        (SnapshotStrategy::OnLedgerUpdate, "snapshots.ndjson"),
        (SnapshotStrategy::Every(20), "snapshots-every-20.ndjson"),
    ] {
        for batch in [1, 7, inputs.len()] {
            *cases += 1;
            let disk = Disk::default();
            disk.begin(Plan::default());
            let mut told = Vec::new();
            let ended = live_watched(&disk, &inputs, batch, strategy, &mut |moment| {
                if let Moment::Acknowledged(lines) = moment {
                    told.extend_from_slice(lines);
                }
            });
            let story = format!("batches of {batch}, {strategy}");
            assert!(ended.is_ok(), "{story}: {ended:?}");
            assert!(told == acknowledgements, "{story}: other acknowledgements than the published ones");
            let expected = [vector("audit_events.ndjson"), vector(snapshots)];
            for (mount, expected) in Mount::ALL.into_iter().zip(expected) {
                assert!(
                    disk.shows(mount, file(mount)).unwrap() == expected,
                    "{story}: {mount:?} is not as published"
                );
            }
        }
    }
}
