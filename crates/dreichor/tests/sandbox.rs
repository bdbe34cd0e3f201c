//! The sandbox of the real binary: what it says, that it changes nothing of what is recorded, and what
//! happens on kernels that can do less, or say that they can do more. Those are played by `strace`.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test that cannot go on has failed")]

mod support;

use std::process::Command;

use support::{Bench, DREICHOR, Outcome, clean, run, vector, vector_path};

const WRITER: &str = "no-file-outside, no-other-write, no-create, no-remove, no-rename, no-truncate, no-tcp, no-abstract-socket, no-signal";
const READER: &str = "no-file-outside, no-write, no-create, no-remove, no-rename, no-truncate, no-tcp, no-abstract-socket, no-signal";

/// Whether this kernel can enforce every promise.
fn is_complete() -> bool {
    let is_complete = Bench::filled().ingest(b"").stderr.contains("the kernel enforces every promise");
    if !is_complete {
        println!("left out: this kernel has no complete Landlock");
    }
    is_complete
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
        let outcome = Bench::filled().run(&[command, "--log-format", "json"]).expect(0);
        let line = sandbox_line(&outcome);
        assert_eq!(line["step"], 6);
        assert_eq!(line["mode"], "auto");
        if is_complete {
            assert_eq!(line["level"], "INFO");
            assert!(line["abi"].as_u64().unwrap() >= 6, "{line}");
            assert_eq!(line["enforced"], WRITER);
        } else {
            assert_eq!(line["level"], "WARN");
            assert!(line["not_enforced"].as_str().unwrap().contains("no-"), "{line}");
        }
    }
    let outcome = Bench::filled().run(&["ingest", "--log-format=json", "--sandbox=off"]).expect(0);
    let line = sandbox_line(&outcome);
    assert_eq!((&line["mode"], &line["enforced"]), (&"off".into(), &serde_json::Value::Null));
}

#[test]
fn the_runtime_is_confined_to_reading() {
    if !is_complete() {
        return;
    }
    let bench = Bench::filled();
    let mut running = bench.start(&["run", "--sandbox", "require", "--log-format", "json"]);
    running.wait_until_it_says("READY");
    running.signal(rustix::process::Signal::TERM);
    let outcome = running.finish().expect(0);
    assert_eq!(sandbox_line(&outcome)["enforced"], READER);
}

/// A kernel of another kind: `strace` gives these answers to the program's system calls. None where there is
/// no `strace`, or no Landlock to take anything from.
fn on_a_kernel_that_answers(bench: &Bench, answers: &[&str], arguments: &[&str]) -> Option<Outcome> {
    let is_there = Command::new("strace").arg("-V").output().is_ok_and(|output| output.status.success());
    if !is_there || !is_complete() {
        println!("left out: it needs strace and a complete Landlock");
        return None;
    }
    let mut command = clean("strace");
    command.args(["-qq", "-o", "/dev/null"]);
    for answer in answers {
        command.args(["-e", &format!("inject={answer}")]);
    }
    command.arg(DREICHOR).arg("--data-dir").arg(bench.path("data")).args(arguments);
    Some(run(&mut command, b""))
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
fn an_older_kernel_keeps_some_promises() {
    for (abi, enforced, not_enforced) in OLDER {
        let answer = format!("landlock_create_ruleset:retval={abi}:when=1");
        let bench = Bench::filled();
        let before = bench.inventory();
        let arguments = ["ingest", "--log-format", "json"];
        let Some(outcome) = on_a_kernel_that_answers(&bench, &[&answer], &arguments) else { return };
        let outcome = outcome.expect(0);
        let line = sandbox_line(&outcome);
        assert_eq!(line["level"], "WARN");
        assert_eq!(line["abi"], abi);
        assert_eq!(line["enforced"], enforced);
        assert_eq!(line["not_enforced"], not_enforced);
        let arguments = ["ingest", "--sandbox", "require"];
        let outcome = on_a_kernel_that_answers(&bench, &[&answer], &arguments).unwrap();
        outcome.expect(10).says(&["--sandbox require: ", not_enforced, "next: ", "`--sandbox auto`"]);
        assert!(bench.inventory() == before);
    }
}

#[test]
fn a_kernel_without_landlock_keeps_none() {
    let answers = [
        ("landlock_create_ruleset:error=ENOSYS", "the kernel has no Landlock"),
        ("landlock_create_ruleset:error=EOPNOTSUPP", "the kernel started without Landlock"),
        ("landlock_create_ruleset:error=EINVAL:when=2", "the kernel refuses to confine: "),
        ("landlock_add_rule:error=EINVAL", "the kernel refuses to confine: "),
        ("landlock_restrict_self:error=E2BIG", "the kernel refuses to confine: "),
    ];
    for (answer, reason) in answers {
        check_that_none_is_kept(&[answer], reason);
    }
}

#[test]
fn a_kernel_that_only_says_so_is_found_out_and_nothing_is_harmed() {
    check_that_none_is_kept(
        &["landlock_restrict_self:retval=0"],
        "it was tried, and the kernel let pass: opening /dev/null",
    );
}

fn check_that_none_is_kept(answers: &[&str], reason: &str) {
    for command in ["ingest", "snapshot"] {
        let bench = Bench::filled();
        let before = bench.stores();
        let arguments = [command, "--log-format", "json"];
        let Some(outcome) = on_a_kernel_that_answers(&bench, answers, &arguments) else { return };
        let outcome = outcome.expect(0).says(&[reason]);
        let line = sandbox_line(&outcome);
        assert_eq!(line["level"], "WARN", "{line}");
        assert_eq!(line["enforced"], "", "{line}");
        for promise in WRITER.split(", ") {
            assert!(line["not_enforced"].as_str().unwrap().contains(promise), "{line}");
        }
        let arguments = [command, "--sandbox", "require"];
        let after = bench.stores();
        let outcome = on_a_kernel_that_answers(&bench, answers, &arguments).unwrap();
        outcome.expect(10).says(&["--sandbox require: ", reason, "next: ", "`--sandbox auto`"]);
        assert_eq!(bench.stores(), after);
        assert_eq!(bench.stores()[0], before[0]);
        assert_eq!(bench.inventory().len(), 5, "nothing was left behind");
    }
}
