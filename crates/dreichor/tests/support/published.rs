//! A log that is published, and the commands on it.

use std::fs;
use std::path::Path;

use super::{Bench, DREICHOR, Outcome, clean, run};

/// `publish` of the bench's stores to `tree`.
pub(crate) const PUBLISH: [&str; 4] = ["publish", "{dir}/tree", "--key", "{dir}/key"];

/// The arguments of a clone.
pub(crate) fn clone<'a>(source: &'a str, out: &'a str) -> [&'a str; 6] {
    ["clone", source, "--public-key", "{dir}/key.pub", "--out", out]
}

/// Runs a command, with the bench's stores if it reads any.
pub(crate) fn tool(bench: &Bench, arguments: &[&str]) -> Outcome {
    if !matches!(arguments[0], "key" | "clone" | "check") {
        return bench.run(arguments);
    }
    run(clean(DREICHOR).args(arguments.iter().map(|argument| bench.fill_in(argument))), b"")
}

/// A bench with the vectors' stores, a key, and its verifier key.
pub(crate) fn bench() -> Bench {
    let bench = Bench::filled();
    let key = tool(&bench, &["key", "generate", "--origin", "example.org/log", "--out", "{dir}/key"]);
    fs::write(bench.path("key.pub"), key.expect(0).stdout).unwrap();
    bench
}

/// The number of events of the tree at this place, which must be sound.
#[track_caller]
pub(crate) fn verified(bench: &Bench, place: &str) -> u64 {
    let outcome = bench.run(&["verify", place, "--public-key", "{dir}/key.pub", "--json"]).expect(0);
    outcome.json()[0]["treeSize"].as_u64().unwrap()
}

/// The log of a clone.
pub(crate) fn log_of(out: &Path) -> Vec<u8> {
    fs::read(out.join("audit-events/audit_events.ndjson")).unwrap()
}
