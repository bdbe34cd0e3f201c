//! The sandbox of the real binary: what it says, that it changes nothing of what is recorded, and what
//! happens on kernels that can do less, or say that they can do more. Those are played by `strace`.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use support::{Bench, DREICHOR, Outcome, clean, run, vector, vector_path};

const WRITER: &str = "no-file-outside, no-other-write, no-create, no-remove, no-rename, no-truncate, no-tcp, no-abstract-socket, no-signal";
const READER: &str = "no-file-outside, no-write, no-create, no-remove, no-rename, no-truncate, no-tcp, no-abstract-socket, no-signal";

/// Whether this kernel can enforce every promise.
fn is_complete() -> bool {
    Bench::filled().run(&["ingest", "--sandbox", "require"]).code == Some(0)
}

/// The other tests ask less of an older kernel. With this one, none of them asks less.
#[test]
#[ignore = "needs a complete Landlock, Linux 6.12"]
fn the_kernel_enforces_every_promise() {
    assert!(is_complete());
}

/// The log line of the outcome.
fn sandbox_line(outcome: &Outcome) -> serde_json::Value {
    let lines = outcome.stderr.lines().filter_map(|line| serde_json::from_str(line).ok());
    let mut lines = lines.filter(|line: &serde_json::Value| {
        line["message"].as_str().is_some_and(|text| text.starts_with("sandbox: "))
    });
    let line = lines.next().unwrap();
    assert!(lines.next().is_none(), "{}", outcome.stderr);
    line
}

#[test]
fn what_is_recorded_is_the_same_in_every_mode() {
    let modes = if is_complete() { ["auto", "require", "off"].as_slice() } else { &["auto", "off"] };
    for mode in modes {
        let bench = Bench::new();
        let inputs = vector_path("inputs.ndjson");
        let arguments = ["--sandbox", mode, "ingest", inputs.to_str().unwrap()];
        assert_eq!(bench.run(&arguments).expect(0).stdout, vector("acknowledgements.ndjson"));
        for _ in 0..2 {
            assert_eq!(bench.stores(), [vector("audit_events.ndjson"), vector("snapshots.ndjson")]);
            bench.run(&arguments).expect(0);
        }
        let piped = Bench::new();
        let outcome = piped.run_with(&["--sandbox", mode, "ingest"], &vector("inputs.ndjson")).expect(0);
        assert_eq!(outcome.stdout, vector("acknowledgements.ndjson"));
        assert_eq!(piped.stores(), bench.stores());
        piped.run(&["--sandbox", mode, "snapshot"]).expect(0);
        assert!(piped.stores()[1].len() > bench.stores()[1].len());
    }
}

#[test]
fn the_outcome_is_one_log_line() {
    let is_complete = is_complete();
    for command in ["ingest", "snapshot"] {
        let outcome = Bench::filled().run(&[command, "-v", "--log-format", "json"]).expect(0);
        let line = sandbox_line(&outcome);
        assert_eq!(line["step"], 6);
        assert_eq!(line["mode"], "auto");
        if is_complete {
            assert_eq!(line["level"], "DEBUG");
            assert!(line["abi"].as_u64().unwrap() >= 6, "{line}");
            assert_eq!(line["enforced"], WRITER);
        } else {
            assert_eq!(line["level"], "WARN");
            assert!(line["notEnforced"].as_str().unwrap().contains("no-"), "{line}");
        }
    }
    let outcome = Bench::filled().run(&["ingest", "-v", "--log-format=json", "--sandbox=off"]).expect(0);
    let line = sandbox_line(&outcome);
    assert_eq!((&line["mode"], &line["enforced"]), (&"off".into(), &serde_json::Value::Null));
}

#[test]
#[ignore = "needs a complete Landlock, Linux 6.12"]
fn the_runtime_is_confined_to_reading() {
    let bench = Bench::filled();
    let mut running = bench.start(&["run", "-v", "--sandbox", "require", "--log-format", "json"]);
    running.wait_until_it_says("READY");
    running.signal(rustix::process::Signal::TERM);
    let outcome = running.finish().expect(0);
    assert_eq!(sandbox_line(&outcome)["enforced"], READER);
}

/// A kernel of another kind: `strace` gives these answers to the program's system calls.
fn on_a_kernel_that_answers(bench: &Bench, answers: &[&str], arguments: &[&str]) -> Outcome {
    let mut command = clean("strace");
    command.args(["-qq", "-o", "/dev/null"]);
    for answer in answers {
        command.args(["-e", &format!("inject={answer}")]);
    }
    command.arg(DREICHOR).arg("--data-dir").arg(bench.path("data")).args(arguments);
    run(&mut command, b"")
}

/// The versions of Landlock before the complete one: the version, and what is enforced and not enforced then.
const OLDER: [(u32, &str, &str); 4] = [
    (
        1,
        "no-file-outside, no-other-write, no-create, no-remove, no-rename",
        "no-truncate (needs Landlock ABI 3, Linux 6.2), no-tcp (needs Landlock ABI 4, Linux 6.7), no-abstract-socket (needs Landlock ABI 6, Linux 6.12), no-signal (needs Landlock ABI 6, Linux 6.12)",
    ),
    (
        2,
        "no-file-outside, no-other-write, no-create, no-remove, no-rename",
        "no-truncate (needs Landlock ABI 3, Linux 6.2), no-tcp (needs Landlock ABI 4, Linux 6.7), no-abstract-socket (needs Landlock ABI 6, Linux 6.12), no-signal (needs Landlock ABI 6, Linux 6.12)",
    ),
    (
        3,
        "no-file-outside, no-other-write, no-create, no-remove, no-rename, no-truncate",
        "no-tcp (needs Landlock ABI 4, Linux 6.7), no-abstract-socket (needs Landlock ABI 6, Linux 6.12), no-signal (needs Landlock ABI 6, Linux 6.12)",
    ),
    (
        5,
        "no-file-outside, no-other-write, no-create, no-remove, no-rename, no-truncate, no-tcp",
        "no-abstract-socket (needs Landlock ABI 6, Linux 6.12), no-signal (needs Landlock ABI 6, Linux 6.12)",
    ),
];

#[test]
#[ignore = "needs strace and a complete Landlock"]
fn an_older_kernel_keeps_some_promises() {
    for (abi, enforced, not_enforced) in OLDER {
        let answer = format!("landlock_create_ruleset:retval={abi}:when=1");
        let bench = Bench::filled();
        let before = bench.inventory();
        let arguments = ["ingest", "-v", "--log-format", "json"];
        let outcome = on_a_kernel_that_answers(&bench, &[&answer], &arguments);
        let outcome = outcome.expect(0);
        let line = sandbox_line(&outcome);
        assert_eq!(line["level"], "WARN");
        assert_eq!(line["abi"], abi);
        assert_eq!(line["enforced"], enforced);
        assert_eq!(line["notEnforced"], not_enforced);
        let arguments = ["ingest", "--sandbox", "require"];
        let outcome = on_a_kernel_that_answers(&bench, &[&answer], &arguments);
        outcome.expect(10).says(&["--sandbox require", "next: ", "`--sandbox auto`"]);
        assert!(bench.inventory() == before);
    }
}

#[test]
#[ignore = "needs strace and a complete Landlock"]
fn a_kernel_without_landlock_keeps_none() {
    for answer in [
        "landlock_create_ruleset:error=ENOSYS",
        "landlock_create_ruleset:error=EOPNOTSUPP",
        "landlock_create_ruleset:error=EINVAL:when=2",
        "landlock_add_rule:error=EINVAL",
        "landlock_restrict_self:error=E2BIG",
    ] {
        check_that_none_is_kept(answer);
    }
}

#[test]
#[ignore = "needs strace and a complete Landlock"]
fn a_kernel_that_only_says_so_is_found_out_and_nothing_is_harmed() {
    check_that_none_is_kept("landlock_restrict_self:retval=0");
}

fn check_that_none_is_kept(answer: &str) {
    for command in ["ingest", "snapshot"] {
        let bench = Bench::filled();
        let before = bench.stores();
        let arguments = [command, "-v", "--log-format", "json"];
        let outcome = on_a_kernel_that_answers(&bench, &[answer], &arguments).expect(0);
        let line = sandbox_line(&outcome);
        assert_eq!(line["level"], "WARN", "{line}");
        assert_eq!(line["enforced"], "", "{line}");
        for promise in WRITER.split(", ") {
            assert!(line["notEnforced"].as_str().unwrap().contains(promise), "{line}");
        }
        let arguments = [command, "--sandbox", "require"];
        let after = bench.stores();
        let outcome = on_a_kernel_that_answers(&bench, &[answer], &arguments);
        outcome.expect(10).says(&["--sandbox require", "next: ", "`--sandbox auto`"]);
        assert_eq!(bench.stores(), after);
        assert_eq!(bench.stores()[0], before[0]);
        assert_eq!(bench.inventory().len(), 5, "nothing was left behind");
    }
}
