//! An event is found by its id wherever it is in the log, and nothing else is found.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use dreichor_core::Event;
use dreichor_core::event::Body;
use dreichor_core::value::{Form, Uuid};
use dreichor_replay::find::Found;
use support::samples::line::{lines, vector};
use support::{Log, enacted, placed, said, written};

/// The size of one read: ids around its multiples are the interesting ones.
const BLOCK: u64 = 1 << 20;

fn id(line: &[u8]) -> Uuid {
    Uuid::parse(&line["{\"id\":\"".len()..][..36]).unwrap()
}

/// Looks for those lines of the log that `is_asked` chooses.
fn check(bytes: &[u8], is_asked: impl Fn(u64) -> bool) {
    let log = Log::holding(bytes);
    let view = log.view();
    for (number, (offset, line)) in (1..).zip(placed(bytes)).filter(|(_, (offset, _))| is_asked(*offset)) {
        let expected = Found { number, offset, bytes: line.to_vec() };
        assert_eq!(view.find(id(line)).unwrap(), Some(expected), "line {number}");
    }
}

#[test]
fn every_event_of_the_vectors_is_found() {
    check(&vector("audit_events.ndjson"), |_| true);
}

#[test]
fn what_is_no_event_is_not_found() {
    let bytes = vector("audit_events.ndjson");
    let last = *lines(&bytes).last().unwrap();
    // The last line lacks its LF, so it is no line yet.
    let log = Log::holding(bytes.strip_suffix(b"\n").unwrap());
    let absent = |log: &Log, id| assert_eq!(log.view().find(id).unwrap(), None);
    absent(&log, id(last));
    absent(&log, Uuid::from_bytes([0; 16]));
    for line in lines(&bytes) {
        let (event, _) = Event::read_line(line).unwrap();
        if let Some(decision) = event.body.tick_decision_id() {
            absent(&log, decision.uuid());
        }
        if let Body::UserFeedbackRecorded(feedback) = &event.body {
            absent(&log, feedback.feedback_id.uuid());
        }
    }
    // A comment that looks like an event is not an event.
    let quoted = String::from_utf8(last.to_vec()).unwrap();
    absent(&Log::holding(&written(&[said(1, quoted)])), id(last));
    for log in [Log::missing(), Log::holding(b""), Log::holding(b"{\"id\":\"")] {
        absent(&log, id(last));
    }
}

/// The end of a block, also of the second one, splits the start of the line at every place.
#[test]
fn events_are_found_around_the_ends_of_blocks() {
    let rest = enacted(2_500);
    assert!(rest.len() as u64 > 2 * BLOCK + 1_000);
    for shift in 0..400 {
        let bytes = [&written(&[said(1, "x".repeat(shift))]), &rest[..]].concat();
        let is_near = |offset: u64| (1..=2).any(|block| (block * BLOCK).abs_diff(offset) < 110);
        check(&bytes, is_near);
    }
    let end = rest.len() as u64;
    check(&rest, |offset| offset < 500 || offset + 500 > end);
}

#[test]
fn a_malformed_line_is_named_when_it_is_looked_for() {
    let bytes = vector("audit_events.ndjson");
    for (number, (offset, line)) in (1..).zip(placed(&bytes)) {
        let at = usize::try_from(offset).unwrap();
        let mut corrupted = bytes.clone();
        corrupted[at + line.len() - 3] ^= 1;
        let log = Log::holding(&corrupted);
        log.names(log.view().find(id(line)), number, offset);
        // A line that does not begin with its event is no line of it.
        for garbage in [&b"{\"id\":\"\""[..], b" ", b"garbage"] {
            let log = Log::holding(&[&bytes[..at], garbage, &bytes[at..]].concat());
            log.names(log.view().find(id(line)), number, offset);
        }
    }
}
