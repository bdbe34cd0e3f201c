//! Inputs, one a line: the reader accepts exactly what the general reading accepts, with members in
//! any order; and what it accepts gives events that the grammar accepts, that read back as they were, and
//! that are known when they come again.
#![no_main]

use dreichor_core::tick::{Policy, Step, step};
use dreichor_core::{Event, Input, State};
use dreichor_fuzz::general::Json;
use dreichor_fuzz::shape;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|lines: &[u8]| {
    let (mut state, mut read_back) = (State::new(), State::new());
    for line in lines.split(|&byte| byte == b'\n') {
        let Some(input) = parse(line) else { continue };
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

/// The input of a line, by both readings.
fn parse(line: &[u8]) -> Option<Input<'_>> {
    let json = Json::parse(line).filter(|_| line.len() <= 65_535 && !line.contains(&b'\r'));
    let json = json.filter(shape::is_input);
    match (Input::parse(line), json) {
        (Ok(input), Some(json)) => {
            for spelling in [json.written(), json.reversed().written()] {
                if spelling.len() <= 65_535 {
                    assert_eq!(
                        Input::parse(&spelling).as_ref(),
                        Ok(&input),
                        "another spelling, another input"
                    );
                }
            }
            Some(input)
        }
        (Err(fault), None) => {
            assert!(fault.offset <= line.len(), "{fault}");
            None
        }
        (Ok(_), None) => panic!("accepted: {}", String::from_utf8_lossy(line)),
        (Err(fault), Some(_)) => panic!("refused: {fault}: {}", String::from_utf8_lossy(line)),
    }
}
