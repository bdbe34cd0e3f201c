//! The sandbox of the real binary: what it says, that it changes nothing of what is recorded, and what
//! happens on kernels that can do less, or say that they can do more. Those are played by `strace`.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use serde_json::Value;
use support::{Bench, DREICHOR, Outcome, clean, run, vector, vector_path};

const WRITER: &str = "no-file-outside, no-other-write, no-create, no-remove, no-rename, no-truncate, no-tcp, no-abstract-socket, no-signal";
const READER: &str = "no-file-outside, no-write, no-create, no-remove, no-rename, no-truncate, no-tcp, no-abstract-socket, no-signal";

/// The log line of the outcome.
fn sandbox_line(outcome: &Outcome) -> Value {
    let lines = outcome.stderr.lines().filter_map(|line| serde_json::from_str(line).ok());
    let mut lines = lines.filter(|line: &Value| line["step"] == 6);
    let line = lines.next().unwrap();
    assert!(lines.next().is_none(), "{}", outcome.stderr);
    line
}

/// The promises that the log line names as not enforced.
fn not_enforced(line: &Value) -> Vec<&str> {
    let words = line["notEnforced"].as_str().unwrap().split([' ', ',']);
    words.filter(|word| word.starts_with("no-")).collect()
}

fn check_records_the_same(mode: &str) {
    let bench = Bench::new();
    let inputs = vector_path("inputs.ndjson");
    let arguments = ["--sandbox", mode, "ingest", inputs.to_str().unwrap()];
    assert_eq!(bench.run(&arguments).expect(0).stdout, vector("acknowledgements.ndjson"));
    for _ in 0..2 {
        bench.check_whole();
        bench.run(&arguments).expect(0);
    }
    let piped = Bench::new();
    let outcome = piped.run_with(&["--sandbox", mode, "ingest"], &vector("inputs.ndjson")).expect(0);
    assert_eq!(outcome.stdout, vector("acknowledgements.ndjson"));
    piped.check_whole();
    piped.run(&["--sandbox", mode, "snapshot"]).expect(0);
    assert!(piped.stores()[1].len() > bench.stores()[1].len());
}

#[test]
fn what_is_recorded_is_the_same_in_every_mode() {
    check_records_the_same("auto");
    check_records_the_same("off");
}

#[test]
#[ignore = "needs a complete Landlock, Linux 6.12"]
fn what_is_recorded_is_the_same_where_every_promise_is_required() {
    check_records_the_same("require");
}

#[test]
#[ignore = "needs a complete Landlock, Linux 6.12"]
fn the_outcome_is_one_log_line() {
    for command in ["ingest", "snapshot"] {
        let outcome = Bench::filled().run(&[command, "-v", "--log-format", "json"]).expect(0);
        let line = sandbox_line(&outcome);
        assert_eq!((&line["mode"], &line["level"]), (&"auto".into(), &"DEBUG".into()));
        assert!(line["abi"].as_u64().unwrap() >= 6, "{line}");
        assert_eq!(line["enforced"], WRITER);
    }
}

#[test]
fn off_is_one_log_line() {
    let outcome = Bench::filled().run(&["ingest", "-v", "--log-format=json", "--sandbox=off"]).expect(0);
    let line = sandbox_line(&outcome);
    assert_eq!((&line["mode"], &line["enforced"]), (&"off".into(), &Value::Null));
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

/// `require` refuses such a kernel, and changes nothing.
fn check_require_refuses(bench: &Bench, answer: &str, command: &str) {
    let before = bench.inventory();
    let outcome = on_a_kernel_that_answers(bench, &[answer], &[command, "--sandbox", "require"]);
    outcome.expect(10).says(&["--sandbox require", "`--sandbox auto`"]);
    assert!(bench.inventory() == before);
}

/// The versions of Landlock before the complete one, and what each enforces.
const OLDER: [(u32, &str); 4] = [
    (1, "no-file-outside, no-other-write, no-create, no-remove, no-rename"),
    (2, "no-file-outside, no-other-write, no-create, no-remove, no-rename"),
    (3, "no-file-outside, no-other-write, no-create, no-remove, no-rename, no-truncate"),
    (5, "no-file-outside, no-other-write, no-create, no-remove, no-rename, no-truncate, no-tcp"),
];

#[test]
#[ignore = "needs strace and a complete Landlock"]
fn an_older_kernel_keeps_some_promises() {
    for (abi, enforced) in OLDER {
        let answer = format!("landlock_create_ruleset:retval={abi}:when=1");
        let bench = Bench::filled();
        let before = bench.inventory();
        let arguments = ["ingest", "-v", "--log-format", "json"];
        let outcome = on_a_kernel_that_answers(&bench, &[&answer], &arguments).expect(0);
        let line = sandbox_line(&outcome);
        assert_eq!((&line["level"], &line["abi"]), (&"WARN".into(), &abi.into()));
        assert_eq!(line["enforced"], enforced);
        let others = WRITER.split(", ").filter(|promise| !enforced.split(", ").any(|kept| kept == *promise));
        assert_eq!(not_enforced(&line), others.collect::<Vec<_>>());
        assert!(bench.inventory() == before);
        check_require_refuses(&bench, &answer, "ingest");
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
        assert_eq!((&line["level"], &line["enforced"]), (&"WARN".into(), &"".into()), "{line}");
        assert_eq!(not_enforced(&line), WRITER.split(", ").collect::<Vec<_>>());
        assert_eq!(bench.stores()[0], before[0]);
        check_require_refuses(&bench, answer, command);
        assert_eq!(bench.inventory().len(), 5, "no file was left");
    }
}
