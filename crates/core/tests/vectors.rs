//! The published vectors of format v1: inputs give exactly these events and this state.

#![expect(clippy::unwrap_used, reason = "a helper's failure is the test's")]

mod support;

use dreichor_core::canonical::Sink;
use dreichor_core::tick::{Policy, Step, step};
use dreichor_core::{Event, Input, State, Tree};
use support::line::vector;

#[test]
fn inputs_give_the_events_of_the_vectors() {
    let (mut state, mut tree, mut log) = (State::new(), Tree::new(), Vec::new());
    for line in vector("inputs.ndjson").split(|&byte| byte == b'\n').filter(|line| !line.is_empty()) {
        let input = Input::parse(line).unwrap();
        if let Step::Events(events) = step(&state, &input, Policy::default()).unwrap() {
            for event in events {
                tree.push(event.write_line(&mut log));
                state.apply(&event).unwrap();
            }
        }
    }
    assert_eq!(String::from_utf8(log).unwrap(), String::from_utf8(vector("audit_events.ndjson")).unwrap());
    check_state(&state, &tree);
}

#[test]
fn events_of_the_vectors_give_the_state_of_the_vectors() {
    let (mut state, mut tree) = (State::new(), Tree::new());
    let log = vector("audit_events.ndjson");
    let mut encoded = Vec::new();
    for line in log.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()) {
        let (event, leaf) = Event::read_line(line).unwrap();
        assert_eq!(event.write_line(&mut encoded), leaf);
        state.apply(&event).unwrap();
        tree.push(leaf);
    }
    assert_eq!(encoded, log, "encode ∘ parse = identity");
    check_state(&state, &tree);
}

fn check_state(state: &State, tree: &Tree) {
    let written = |write: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = Vec::new();
        write(&mut bytes);
        bytes.put(b"");
        String::from_utf8(bytes).unwrap()
    };
    let expected = |name: &str| String::from_utf8(vector(name)).unwrap();
    assert_eq!(written(&|bytes| state.write_memory(bytes)), expected("state-memory.ndjson"));
    assert_eq!(written(&|bytes| state.write_ledger(bytes)), expected("state-ledger.ndjson"));
    assert_eq!(written(&|bytes| state.write_lifecycles(bytes)), expected("state-lifecycles.ndjson"));

    let facts: serde_json::Value = serde_json::from_slice(&vector("expected.json")).unwrap();
    let digests = state.digests();
    assert_eq!(facts["treeSize"], tree.size());
    assert_eq!(facts["rootHash"], tree.root().to_string());
    assert_eq!(facts["decisions"], state.memory().totals().decisions);
    assert_eq!(facts["digests"]["memory"], digests.memory.to_string());
    assert_eq!(facts["digests"]["ledger"], digests.ledger.to_string());
    assert_eq!(facts["digests"]["lifecycles"], digests.lifecycles.to_string());
}
