//! A log in a temporary directory, and histories to put into it.
#![allow(dead_code, reason = "each test file uses its own part")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a test makes the files that are read"
)]

/// The shared support of the core's tests.
#[path = "../../../core/tests/support/mod.rs"]
pub(crate) mod samples;

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::PathBuf;

use dreichor_core::event::{Body, DecisionEvaluated, FeedbackTarget, UserFeedbackRecorded};
use dreichor_core::id::{DecisionId, FeedbackId};
use dreichor_core::input::Kind;
use dreichor_core::tick::{Policy, Step, step};
use dreichor_core::value::{
    Attention, Comment, FeedbackCategory, LogicalTime, ParameterPool, ReasonCodes, SafetyGates, Spelled,
};
use dreichor_core::{Event, Fault, Input, State};
use dreichor_log::Directory;
use dreichor_replay::{Error, Stores, View};
use tempfile::TempDir;

use samples::words::{formed, instance};

/// A log on disk, and its store.
pub(crate) struct Log {
    dir: TempDir,
    stores: Stores<Directory>,
}

impl Log {
    pub(crate) fn missing() -> Self {
        let dir = TempDir::new().unwrap();
        let open = || Directory::open(dir.path()).unwrap();
        let stores = Stores::new(open(), open());
        Self { dir, stores }
    }

    pub(crate) fn holding(bytes: &[u8]) -> Self {
        let log = Self::missing();
        log.write(bytes);
        log
    }

    pub(crate) fn stores(&self) -> &Stores<Directory> {
        &self.stores
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.dir.path().join("audit_events.ndjson")
    }

    /// Makes the log these bytes, in the same file.
    pub(crate) fn write(&self, bytes: &[u8]) {
        fs::write(self.path(), bytes).unwrap();
    }

    pub(crate) fn append(&self, bytes: &[u8]) {
        let mut file = OpenOptions::new().append(true).create(true).open(self.path()).unwrap();
        file.write_all(bytes).unwrap();
    }

    pub(crate) fn view(&self) -> View<'_, Directory> {
        View::open(&self.stores.events).unwrap()
    }

    /// That the log's line with this number from 1, which starts there, was named as the malformed one; by which fault.
    pub(crate) fn names<T: std::fmt::Debug>(
        &self,
        found: Result<T, Error>,
        number: u64,
        starts_at: u64,
    ) -> Fault {
        let error = found.unwrap_err();
        let Error::Malformed { path, line, offset, fault } = error else {
            panic!("line {number} is malformed, but: {error}")
        };
        assert_eq!((path, line, offset), (self.path(), number, starts_at));
        *fault
    }
}

/// Each line without LF, and where it starts.
pub(crate) fn placed(log: &[u8]) -> Vec<(u64, &[u8])> {
    let mut offset = 0;
    let place = |line: &'_ [u8]| {
        let at = offset;
        offset += line.len() as u64 + 1;
        at
    };
    let lines = samples::line::lines(log);
    lines.iter().copied().map(place).zip(lines.iter().copied()).collect()
}

/// Events, whatever they are, as a log.
pub(crate) fn written(events: &[Event<'_>]) -> Vec<u8> {
    let mut lines = Vec::new();
    for event in events {
        event.write_line(&mut lines);
    }
    lines
}

/// An event whose line's length can be chosen: each byte of `comment` is one more.
pub(crate) fn said(at: u64, comment: String) -> Event<'static> {
    let logical_time = LogicalTime::new(at).unwrap();
    let (category, comment) = (FeedbackCategory::RiskComfort, Comment::new(comment.into()));
    let target = FeedbackTarget::TimeWindow { from: logical_time, to: logical_time };
    let feedback_id = FeedbackId::of(logical_time, category, &target, &comment);
    let body = Body::UserFeedbackRecorded(UserFeedbackRecorded { feedback_id, category, target, comment });
    Event { logical_time, body }
}

/// A sound log of so many ticks of three instances, with feedback of every kind between them, as the core
/// enacts them.
pub(crate) fn enacted(ticks: u64) -> Vec<u8> {
    let (mut state, mut log) = (State::new(), Vec::new());
    let mut record = |input: &Input<'static>| {
        let Step::Events(events) = step(&state, input, Policy::default()).unwrap() else { panic!("new") };
        for event in &events {
            event.write_line(&mut log);
            state.apply(event).unwrap();
        }
        // The execution of the tick, if there is one.
        events.iter().find_map(|event| {
            if let Body::LedgerUpdated(body) = &event.body { Some(body.execution_id) } else { None }
        })
    };
    for at in 1..=ticks {
        let logical_time = LogicalTime::new(at).unwrap();
        let of = instance(["A", "B", "C"][usize::try_from(at % 3).unwrap()]);
        let market = ["M1", "SPOT:M/2", "M3"][usize::try_from(at % 5 % 3).unwrap()];
        let decision_id = DecisionId::of(of, logical_time);
        let kind = Kind::Tick(DecisionEvaluated {
            decision_id,
            strategy_instance_id: of,
            decision_class: formed("a.b.c@v1"),
            reason_codes: ReasonCodes::EMPTY,
            attention: Attention::new([true, true, true, true, at % 4 != 0]),
            parameter_pool: ParameterPool::ALL[usize::try_from(at % 3).unwrap()],
            target_market_id: (at % 17 != 0).then(|| formed(market)),
            safety_gates: SafetyGates::new([at % 13 == 0, at % 19 == 0, at % 11 == 0]),
        });
        let execution = record(&Input { logical_time, kind });
        if at % 6 == 0 {
            let category = FeedbackCategory::ALL[usize::try_from(at / 6 % 3).unwrap()];
            let target = match execution {
                Some(execution) => FeedbackTarget::Execution(decision_id, execution),
                None if at % 12 == 0 => FeedbackTarget::Decision(decision_id),
                None => {
                    FeedbackTarget::TimeWindow { from: LogicalTime::new(at / 2).unwrap(), to: logical_time }
                }
            };
            // As like to an event as words can be.
            let comment = Comment::new(format!("{{\"id\":\"{decision_id}\",\"type\":\"M1\"}}").into());
            let feedback_id = FeedbackId::of(logical_time, category, &target, &comment);
            let feedback = UserFeedbackRecorded { feedback_id, category, target, comment };
            record(&Input { logical_time, kind: Kind::Feedback(feedback) });
        }
    }
    log
}
