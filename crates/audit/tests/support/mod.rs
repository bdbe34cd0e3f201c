//! Sound stores, corrupted ones, and what verification finds.
#![allow(dead_code, reason = "each test file uses its own part")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

pub(crate) mod made_up;
pub(crate) mod memory;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use dreichor_audit::verify::{Finding, KeptCheckpoint, Part, Report, verify};
use dreichor_core::{Event, History, Snapshot};
use dreichor_replay::Error;

/// The bytes of both stores.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Files {
    pub(crate) log: Vec<u8>,
    pub(crate) snapshots: Vec<u8>,
}

impl Files {
    /// Those of the published vectors.
    pub(crate) fn vectors() -> Self {
        let read = |name: &str| {
            fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors").join(name)).unwrap()
        };
        Self { log: read("audit_events.ndjson"), snapshots: read("snapshots.ndjson") }
    }

    /// The stores of these events, with a snapshot after each ledger update. Fails if the events break the grammar.
    pub(crate) fn of(events: &[Event<'_>]) -> Self {
        let (mut history, mut files) = (History::new(), Self { log: Vec::new(), snapshots: Vec::new() });
        for event in events {
            history.record(event, &mut files.log).unwrap();
            if let dreichor_core::event::Body::LedgerUpdated(_) = event.body {
                Snapshot::of(&mut history).unwrap().write_line(&mut files.snapshots);
            }
        }
        files
    }

    /// The log's events.
    pub(crate) fn events(&self) -> Vec<Event<'static>> {
        lines(&self.log).iter().map(|line| read(line)).collect()
    }

    /// All findings, and the report.
    pub(crate) fn verify(&self) -> (Vec<Finding>, Report) {
        self.verify_with(None)
    }

    /// The same, with a kept checkpoint.
    pub(crate) fn verify_with(&self, kept: Option<&KeptCheckpoint>) -> (Vec<Finding>, Report) {
        let mut findings = Vec::new();
        let report = verify(&memory::stores(&self.log, &self.snapshots), kept, &mut (), |finding| {
            findings.push(finding);
            Ok::<_, Error>(())
        })
        .unwrap();
        assert_eq!(report.findings, findings.len() as u64);
        (findings, report)
    }

    /// The parts that find something.
    pub(crate) fn parts(&self) -> BTreeSet<Part> {
        self.verify().0.iter().map(|finding| finding.part).collect()
    }

    /// The findings in short: `line 10 event-id; snapshot 3 snapshot-root`.
    pub(crate) fn found(&self) -> String {
        let (findings, _) = self.verify();
        let short = |finding: &Finding| {
            let store = if finding.path.ends_with("snapshots.ndjson") { "snapshot" } else { "line" };
            format!("{store} {} {}", finding.line, finding.fault.rule)
        };
        findings.iter().map(short).collect::<Vec<_>>().join("; ")
    }
}

/// The lines, each with its LF.
pub(crate) fn lines(bytes: &[u8]) -> Vec<Vec<u8>> {
    bytes.split_inclusive(|&byte| byte == b'\n').map(<[u8]>::to_vec).collect()
}

/// The event of a line with LF.
pub(crate) fn read(line: &[u8]) -> Event<'static> {
    Event::read_line(line.strip_suffix(b"\n").unwrap()).unwrap().0.into_owned()
}

/// The line of an event, with LF.
pub(crate) fn written(event: &Event<'_>) -> Vec<u8> {
    let mut line = Vec::new();
    event.write_line(&mut line);
    line
}
