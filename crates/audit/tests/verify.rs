//! Verification finds what the stores contradict, each place once, and goes on as far as the state is known.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(clippy::wildcard_enum_match_arm, reason = "the lines of the vectors are known")]

mod support;

use dreichor_audit::verify::Part;
use dreichor_core::event::{Body, Event, Fill};
use dreichor_core::id::{ExecutionId, FeedbackId, OrderIntentId};
use dreichor_core::value::{Decimal, FailureReason, Form, SkipReason, Spelled};
use support::{Files, lines, made_up, read, written};

/// What is done to the vectors' stores, and the findings.
#[track_caller]
fn check(expected: &str, corrupt: impl FnOnce(&mut Vec<Vec<u8>>, &mut Vec<Vec<u8>>)) {
    let whole = Files::vectors();
    let (mut log, mut snapshots) = (lines(&whole.log), lines(&whole.snapshots));
    corrupt(&mut log, &mut snapshots);
    let files = Files { log: log.concat(), snapshots: snapshots.concat() };
    assert_eq!(files.found(), expected);
    let (findings, report) = files.verify();
    assert_eq!(report.is_sound(), expected.is_empty());
    for finding in findings {
        let lines = if finding.part == Part::Snapshots { &snapshots } else { &log };
        let before = lines[..usize::try_from(finding.line).unwrap() - 1].concat();
        assert_eq!(finding.offset, before.len() as u64);
    }
}

/// Gives the line another content, and the id that this demands.
fn edit(line: &mut Vec<u8>, edit: impl FnOnce(&mut Body<'static>)) {
    let mut event = read(line);
    edit(&mut event.body);
    *line = written(&event);
}

/// The index of the first line with the text.
fn find(log: &[Vec<u8>], text: &str) -> usize {
    log.iter().position(|line| String::from_utf8_lossy(line).contains(text)).unwrap()
}

/// Another digit in the place of the last one of the line's own id.
fn change_id(line: &mut [u8]) {
    let start = line.iter().position(|&byte| byte == b':').unwrap() + 2;
    let digit = &mut line[start + 35];
    *digit = if *digit == b'0' { b'1' } else { b'0' };
}

#[test]
fn sound_stores_have_no_finding() {
    check("", |_, _| {});
    check("", |log, snapshots| {
        log.clear();
        snapshots.clear();
    });
    for seed in 0..20 {
        assert_eq!(Files::of(&made_up::events(seed, 200)).found(), "");
    }
}

#[test]
fn what_a_kill_leaves_is_no_finding() {
    check("", |log, snapshots| {
        log.push(b"torn".to_vec());
        snapshots.push(b"{".to_vec());
    });
    check("", |_, snapshots| snapshots.truncate(3));
    let events = made_up::events(1, 100);
    for count in 0..events.len() {
        let (findings, report) = Files::of(&events[..count]).verify();
        assert_eq!(findings, []);
        assert_eq!(report.events.lines, count as u64);
        let is_whole = events.get(count).is_none_or(|next| {
            matches!(next.body, Body::DecisionEvaluated(_) | Body::UserFeedbackRecorded(_))
        });
        assert_eq!(report.interrupted_tick.is_none(), is_whole);
    }
}

#[test]
fn verification_goes_on_after_a_malformed_line() {
    check(
        "line 10 event-id; line 30 event-id; line 31 value; line 33 line-length; snapshot 2 snapshot-id",
        |log, snapshots| {
            change_id(&mut log[9]);
            change_id(&mut log[29]);
            log[30] = b"{\"id\":\"none\"}\n".to_vec();
            log[32] = ["x".repeat(70_000).as_bytes(), b"\n"].concat();
            change_id(&mut snapshots[1]);
        },
    );
    // What the lines say of each other is not known after a malformed line.
    check("line 10 event-id", |log, _| {
        change_id(&mut log[9]);
        log.remove(100);
    });
}

#[test]
fn snapshots_after_a_malformed_line_are_not_checked_by_it() {
    let mut files = Files::vectors();
    let mut log = lines(&files.log);
    change_id(&mut log[9]);
    files.log = log.concat();
    let (_, report) = files.verify();
    assert_eq!((report.events.lines, report.events.without_state), (254, 244));
    assert_eq!((report.snapshots.lines, report.snapshots.without_state, report.root), (17, 17, None));
}

#[test]
fn ids_that_reading_does_not_compute_are_computed() {
    let intent = OrderIntentId::parse(b"00000000-0000-8000-8000-000000000000").unwrap();
    let execution = ExecutionId::parse(b"00000000-0000-8000-8000-000000000000").unwrap();
    check("line 8 order-intent-id; line 10 execution-id; line 11 execution-id", |log, snapshots| {
        snapshots.clear();
        edit(&mut log[7], |body| {
            let Body::OrderIntentCreated(created) = body else { unreachable!() };
            created.order_intent_id = intent;
        });
        for index in [9, 10] {
            edit(&mut log[index], |body| match body {
                Body::ExecutionAttempted(attempted) => attempted.order_intent_id = intent,
                Body::ExecutionOutcomeRecorded(recorded) => recorded.order_intent_id = intent,
                other => unreachable!("{other:?}"),
            });
        }
        log.truncate(12);
    });
    check("line 10 execution-id; line 11 execution-id", |log, snapshots| {
        snapshots.clear();
        for line in &mut log[9..12] {
            edit(line, |body| match body {
                Body::ExecutionAttempted(attempted) => attempted.execution_id = execution,
                Body::ExecutionOutcomeRecorded(recorded) => recorded.execution_id = execution,
                Body::LedgerUpdated(updated) => updated.execution_id = execution,
                other => unreachable!("{other:?}"),
            });
        }
        log.truncate(12);
    });
    let feedback = FeedbackId::parse(b"00000000-0000-8000-8000-000000000000").unwrap();
    let index = find(&lines(&Files::vectors().log), "USER_FEEDBACK_RECORDED");
    check(&format!("line {} feedback-id", index + 1), |log, snapshots| {
        snapshots.clear();
        edit(&mut log[index], |body| {
            let Body::UserFeedbackRecorded(given) = body else { unreachable!() };
            given.feedback_id = feedback;
        });
    });
}

/// The events of a log up to its first fill, its LEDGER_UPDATED left out, with another fill.
fn with_fill(fill: Fill) -> Files {
    let mut events = made_up::events(1, 100);
    let end = events.iter().position(|event| matches!(event.body, Body::LedgerUpdated(_))).unwrap();
    events.truncate(end);
    let Some(Event { body: Body::ExecutionOutcomeRecorded(recorded), .. }) = events.last_mut() else {
        unreachable!()
    };
    recorded.outcome.fill = fill;
    Files::of(&events)
}

#[test]
fn paper_fills_in_full_always() {
    for fill in [Fill::Failed(FailureReason::ExecutionRejected), Fill::PartiallyFilled(Decimal::ZERO)] {
        let (findings, _) = with_fill(fill).verify();
        let [finding] = findings.as_slice() else { unreachable!() };
        assert_eq!((finding.part, &*finding.fault.member), (Part::Reexecution, "status"));
    }
}

#[test]
fn each_tick_that_differs_is_found_once() {
    let mut events = made_up::events(3, 300);
    let skips =
        events.iter().enumerate().filter(|(_, event)| matches!(event.body, Body::OrderIntentSkipped(_)));
    let edited: Vec<usize> = skips.map(|(index, _)| index).step_by(5).collect();
    for &index in &edited {
        let Body::OrderIntentSkipped(skipped) = &mut events[index].body else { unreachable!() };
        let mut others = SkipReason::ALL.iter().filter(|reason| **reason != skipped.reason);
        skipped.reason = *others.next_back().unwrap();
    }
    let expected: Vec<String> =
        edited.iter().map(|index| format!("line {} reexecution", index + 1)).collect();
    assert_eq!(Files::of(&events).found(), expected.join("; "));
}

#[test]
fn each_snapshot_is_checked_by_itself_and_its_order_against_the_sound_ones() {
    check("snapshot 5 snapshot-sequence", |_, snapshots| snapshots.swap(3, 4));
    check("snapshot 3 snapshot-sequence; snapshot 4 snapshot-sequence", |_, snapshots| {
        snapshots.insert(1, snapshots[2].clone());
    });
    check("snapshot 17 snapshot-ahead", |log, _| log.truncate(228));
    check("snapshot 2 members", |_, snapshots| snapshots.insert(1, b"{}\n".to_vec()));
}
