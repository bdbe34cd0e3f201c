//! The real process under a tracer (`strace`) that kills it, or fails a call of it, at a certain system call; and
//! what must hold of the stores afterwards.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::{Bench, DREICHOR, Outcome, clean, converse, lines, vector, vector_stores};

/// The number that a variable of the surroundings gives.
pub(crate) fn number(variable: &str, default: usize) -> usize {
    std::env::var(variable).map_or(default, |text| text.parse().unwrap())
}

/// The tracer of one of our commands, whose arguments are still to be added. The traced calls go to this file.
pub(crate) fn traced(trace: &Path, tracing: &[String]) -> Command {
    let mut command = clean("strace");
    command.args(["-qq", "-y", "-o"]).arg(trace).args(tracing).arg(DREICHOR);
    command
}

/// How often each call was made.
pub(crate) fn count_calls(trace: &str) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for name in trace.lines().filter_map(call_name) {
        *counts.entry(name.to_owned()).or_default() += 1;
    }
    counts
}

/// Which of `count` calls are tried, from 1: as many as `places`, spread over all there are; 0: every one.
pub(crate) fn spread(count: usize, places: usize) -> impl Iterator<Item = usize> {
    (1..=count).step_by(if places == 0 { 1 } else { count.div_ceil(places) })
}

/// The stores that a process finds.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Found {
    Empty,
    /// A log cut off within a line of a tick that updates the ledger, and snapshots cut off too.
    Torn,
}

impl Found {
    pub(crate) const ALL: [Self; 2] = [Self::Empty, Self::Torn];

    /// The bytes of log and snapshots.
    fn bytes(self) -> [Vec<u8>; 2] {
        match self {
            Self::Empty => [Vec::new(), Vec::new()],
            Self::Torn => [("audit_events.ndjson", 34_000), ("snapshots.ndjson", 700)]
                .map(|(file, kept)| vector(file)[..kept].to_vec()),
        }
    }
}

/// One try: stores of their own, a traced ingest of the vectors' inputs, and then an undisturbed one.
pub(crate) struct Try {
    pub(crate) bench: Bench,
    found: Found,
    traces: TempDir,
}

/// The result of a traced process.
pub(crate) struct Ended {
    /// None: a signal ended it.
    pub(crate) code: Option<i32>,
    /// The number of inputs that it acknowledged.
    pub(crate) acknowledged: usize,
    pub(crate) stderr: String,
    /// The traced calls, one a line.
    pub(crate) trace: String,
}

impl Try {
    pub(crate) fn new(found: Found) -> Self {
        let bench = Bench::new();
        for (path, bytes) in [bench.log_path(), bench.snapshots_path()].iter().zip(found.bytes()) {
            if let Found::Torn = found {
                bench.put(path, &bytes);
            }
        }
        Self { bench, found, traces: TempDir::new().unwrap() }
    }

    /// Every path that a writer of these stores writes to, syncs, creates, cuts off or renames.
    pub(crate) fn paths(&self) -> Vec<PathBuf> {
        let mut paths = Vec::new();
        for (store, bytes) in
            [self.bench.log_path(), self.bench.snapshots_path()].iter().zip(self.found.bytes())
        {
            paths.extend([store.parent().unwrap().to_owned(), store.clone()]);
            paths.extend([torn(store, &bytes, ""), torn(store, &bytes, ".tmp")]);
        }
        paths
    }

    /// Sends the inputs one by one, each after the acknowledgement of the one before, to a traced process.
    pub(crate) fn ingest(&self, tracing: &[String]) -> Ended {
        let trace = self.traces.path().join("trace");
        let mut command = traced(&trace, tracing);
        // The sandbox's trials would only add calls that change nothing.
        command.args(["--log-level", "error", "--sandbox", "off", "--data-dir"]);
        command.arg(self.bench.path("data")).arg("ingest");
        let Outcome { code, stdout, stderr } = converse(&mut command);
        let acknowledged = lines(&stdout).len();
        Ended { code, acknowledged, stderr, trace: fs::read_to_string(trace).unwrap() }
    }

    /// Everything is sent again: nothing acknowledged was lost, the stores are those of an uninterrupted run, and
    /// each truncated tail has its copy.
    #[track_caller]
    pub(crate) fn check_again(&self, acknowledged: usize, story: &str) {
        let arguments = ["--log-level", "error", "--sandbox", "off", "ingest"];
        let outcome = self.bench.run_with(&arguments, &vector("inputs.ndjson"));
        assert_eq!(outcome.code, Some(0), "{story}, then {}", outcome.stderr);
        let answers = outcome.text();
        let mut known = answers.lines().take(acknowledged);
        assert!(
            known.all(|line| line.contains("ALREADY_RECORDED")),
            "{story}: an acknowledged input is lost"
        );
        assert!(self.bench.stores() == vector_stores(), "{story}: the stores differ");
        for (store, bytes) in
            [self.bench.log_path(), self.bench.snapshots_path()].iter().zip(self.found.bytes())
        {
            let tail = &bytes[whole_bytes(&bytes)..];
            let copy = torn(store, &bytes, "");
            assert!(tail.is_empty() || fs::read(copy).unwrap() == tail, "{story}: the tail is lost");
        }
    }
}

/// The number of these bytes that are whole lines.
fn whole_bytes(bytes: &[u8]) -> usize {
    bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1)
}

/// The name under which the tail of these bytes is kept.
fn torn(store: &Path, bytes: &[u8], suffix: &str) -> PathBuf {
    PathBuf::from(format!("{}.torn-{}{suffix}", store.display(), whole_bytes(bytes)))
}

/// The name of the traced call, if the line is one (not a signal, not an exit).
pub(crate) fn call_name(line: &str) -> Option<&str> {
    line.split_once('(')
        .map(|(name, _)| name)
        .filter(|name| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'))
}
