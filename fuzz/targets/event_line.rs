//! The reader of event lines: never panics, and accepts nothing but what the writer writes.
#![no_main]

use dreichor_core::canonical::Sink;
use dreichor_core::id::content_id;
use dreichor_core::tree::Hasher;
use dreichor_core::{Event, State};
use libfuzzer_sys::fuzz_target;

/// Where the content begins: behind `{"id":"…",`.
const CONTENT_AT: usize = 45;

fuzz_target!(|line: &[u8]| {
    check(line);
    // The same line with its right id: otherwise no mutation would ever come past the id's check.
    if let Some(content) = line.get(CONTENT_AT..) {
        let mut hasher = Hasher::leaf();
        hasher.put(b"{");
        hasher.put(content);
        let id = content_id(hasher.finish());
        check(&[format!("{{\"id\":\"{id}\",").as_bytes(), content].concat());
    }
});

fn check(line: &[u8]) {
    match Event::read_line(line) {
        Ok((event, leaf)) => {
            let mut written = Vec::new();
            assert_eq!(event.write_line(&mut written), leaf);
            assert_eq!(written.strip_suffix(b"\n"), Some(line));
            let _ = State::new().apply(&event);
        }
        Err(fault) => assert!(fault.offset <= line.len(), "{fault}"),
    }
}
