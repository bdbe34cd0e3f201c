//! Inputs, one a line: whatever they are, the reader does not panic; whatever it accepts gives events that
//! the grammar accepts, that read back as they were, and that are known when they come again.
#![no_main]

use dreichor_core::tick::{Policy, Step, step};
use dreichor_core::{Event, Input, State};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|lines: &[u8]| {
    let (mut state, mut read_back) = (State::new(), State::new());
    for line in lines.split(|&byte| byte == b'\n') {
        let input = match Input::parse(line) {
            Ok(input) => input,
            Err(fault) => {
                assert!(fault.offset <= line.len(), "{fault}");
                continue;
            }
        };
        let Ok(Step::Events(events)) = step(&state, &input, Policy::default()) else { continue };
        for event in &events {
            let mut written = Vec::new();
            event.write_line(&mut written);
            state.apply(event).expect("a computed event keeps the grammar");
            let (read, _) =
                Event::read_line(written.strip_suffix(b"\n").expect("an LF")).expect("a written line");
            assert_eq!(&read, event);
            read_back.apply(&read).expect("a read event keeps the grammar");
        }
        assert!(matches!(step(&state, &input, Policy::default()), Ok(Step::AlreadyRecorded)));
    }
    assert_eq!(state.digests(), read_back.digests());
});
