//! The reader of snapshot lines, against the general reading of them.
#![no_main]

use dreichor_core::Snapshot;
use dreichor_fuzz::certified::Kind;
use dreichor_fuzz::shape;
use libfuzzer_sys::fuzz_target;

const SNAPSHOTS: Kind = Kind {
    id: "snapshotId",
    bytes_max: usize::MAX,
    read_and_write: |line| {
        let (snapshot, id) = Snapshot::read_line(line)?;
        let mut written = Vec::new();
        assert_eq!(snapshot.write_line(&mut written), id);
        Ok(written)
    },
    has_shape: shape::is_snapshot,
};

fuzz_target!(|line: &[u8]| SNAPSHOTS.check(line));
