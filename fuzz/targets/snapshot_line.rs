//! The reader of snapshot lines: never panics, and accepts nothing but what the writer writes.
#![no_main]

use dreichor_core::Snapshot;
use dreichor_core::canonical::Sink;
use dreichor_core::id::content_id;
use dreichor_core::tree::Hasher;
use libfuzzer_sys::fuzz_target;

/// Where the content begins: behind `{"snapshotId":"…",`.
const CONTENT_AT: usize = 53;

fuzz_target!(|line: &[u8]| {
    check(line);
    if let Some(content) = line.get(CONTENT_AT..) {
        let mut hasher = Hasher::leaf();
        hasher.put(b"{");
        hasher.put(content);
        let id = content_id(hasher.finish());
        check(&[format!("{{\"snapshotId\":\"{id}\",").as_bytes(), content].concat());
    }
});

fn check(line: &[u8]) {
    match Snapshot::read_line(line) {
        Ok((snapshot, id)) => {
            let mut written = Vec::new();
            assert_eq!(snapshot.write_line(&mut written), id);
            assert_eq!(written.strip_suffix(b"\n"), Some(line));
        }
        Err(fault) => assert!(fault.offset <= line.len(), "{fault}"),
    }
}
