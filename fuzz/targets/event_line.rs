//! The reader of event lines, against the general reading of them.
#![no_main]

use dreichor_core::{Event, State};
use dreichor_fuzz::certified::Kind;
use dreichor_fuzz::shape;
use libfuzzer_sys::fuzz_target;

const EVENTS: Kind = Kind {
    id: "id",
    bytes_max: 65_535,
    read_and_write: |line| {
        let (event, leaf) = Event::read_line(line)?;
        let mut written = Vec::new();
        assert_eq!(event.write_line(&mut written), leaf);
        // Every event that is read can be folded, or is refused.
        let _ = State::new().apply(&event);
        Ok(written)
    },
    has_shape: shape::is_event,
};

fuzz_target!(|line: &[u8]| EVENTS.check(line));
