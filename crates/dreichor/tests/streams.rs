//! Standard streams and signals: a failed output is an error, a slow one is waited for, and a signal always ends the
//! process.

mod support;

use std::fs;
use std::io::Read;
use std::os::fd::AsFd;
use std::process::Stdio;
use std::time::Duration;

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::process::Signal;
use serde_json::Value;
use support::{Bench, DREICHOR, Running, clean, run, vector};

#[test]
fn help_and_version_that_cannot_be_printed_are_an_error() {
    for arguments in
        [&["--version"][..], &["--help"], &["replay", "-h"], &["help", "run"], &["man"], &["schema"]]
    {
        let full = fs::File::options().write(true).open("/dev/full").unwrap();
        let running = Running::start_with_output(clean(DREICHOR).args(arguments), Stdio::from(full));
        running.finish().expect(14);
    }
}

/// Rust's runtime opens /dev/null in the place of a closed stream: acknowledgements were lost, and the exit code was 0.
#[test]
fn a_closed_stream_that_the_command_uses_is_an_error() {
    let input = "closed-stream-input.ndjson";
    let [output, input_and_log, output_and_log, log] = [">&-", "<&- 2>&-", ">&- 2>&-", "2>&-"];
    let all: &[(&[&str], &[&str])] = &[
        (&["-h", "--version", "help ingest", "completions bash", "man", "schema", "replay -h"], &[output]),
        (
            &["init", "status", "decisions", "decisions -n 1", "summary", "replay", "events", "explain :1"],
            &[output],
        ),
        (
            &["events -f", "state memory", "state ledger --json", "salvage --out copy", "migrate status"],
            &[output],
        ),
        (&["demo --dir demo", "ingest --check FILE"], &[output]),
        (&["snapshot", "ingest FILE"], &[output, output_and_log, log]),
        (&["ingest", "ingest -"], &["<&-", output, input_and_log, log]),
        (&["ingest --check -"], &["<&-", output]),
        (&["run --observer-addr off"], &[log]),
    ];
    let bench = Bench::filled();
    fs::write(bench.path(input), vector("inputs.ndjson")).unwrap();
    let before = bench.inventory();
    for (commands, closings) in all {
        for (command, closing) in
            commands.iter().flat_map(|command| closings.iter().map(move |closing| (command, closing)))
        {
            let command = command.replace("FILE", input);
            let script = format!("exec \"$0\" {command} {closing}");
            let mut shell = clean("sh");
            shell.args(["-c", &script, DREICHOR]).current_dir(bench.path(""));
            shell.env("DREICHOR_DATA_DIR", bench.path("data"));
            println!("{script}");
            let outcome = run(&mut shell, b"").expect(14);
            assert!(outcome.stdout.is_empty());
            let stream = if closing.contains("<&-") {
                "input"
            } else if closing.contains(output) {
                "output"
            } else {
                "error"
            };
            if !closing.contains(log) {
                outcome.says(&[format!("standard {stream}")]);
            }
        }
    }
    assert!(bench.inventory() == before && !bench.path("demo").exists() && !bench.path("copy").exists());
}

/// What the command does not use may be closed, and /dev/null is a stream like any other.
#[test]
fn a_closed_stream_that_the_command_does_not_use_is_none_of_its_business() {
    let bench = Bench::filled();
    fs::write(bench.path("inputs.ndjson"), vector("inputs.ndjson")).unwrap();
    for script in [
        "replay <&-",
        "replay 2>&-",
        "ingest inputs.ndjson <&-",
        "ingest </dev/null >/dev/null 2>/dev/null",
        "events <&- 2>&- >/dev/null",
        "snapshot >/dev/null 2>/dev/null",
    ] {
        let mut shell = clean("sh");
        shell.args(["-c", &format!("exec \"$0\" {script}"), DREICHOR]).current_dir(bench.path(""));
        shell.env("DREICHOR_DATA_DIR", bench.path("data"));
        println!("{script}");
        run(&mut shell, b"").expect(0);
    }
}

#[test]
fn a_non_blocking_output_is_waited_for() {
    let bench = Bench::filled();
    let (mut reader, writer) = std::io::pipe().unwrap();
    fcntl_setfl(&writer, fcntl_getfl(writer.as_fd()).unwrap() | OFlags::NONBLOCK).unwrap();
    let running = Running::start_with_output(&mut bench.command(&["events"]), Stdio::from(writer));
    // More than a pipe holds is written by then.
    std::thread::sleep(Duration::from_millis(200));
    let mut printed = Vec::new();
    reader.read_to_end(&mut printed).unwrap();
    running.finish().expect(0);
    assert!(printed == vector("audit_events.ndjson"));
}

#[test]
fn every_error_has_the_form_that_was_asked_for() {
    for arguments in [
        &["--log-format", "json", "nothing"][..],
        &["replay", "--log-format=json", "--safety-mode", "halt"],
        &["run", "--log-format", "json", "--sandbox", "x"],
        &["--log-format=json", "-d", "/nowhere", "replay"],
    ] {
        let outcome = run(clean(DREICHOR).args(arguments), b"");
        let error: Value = serde_json::from_str(&outcome.stderr).unwrap();
        assert_eq!(error["exitCode"], outcome.code.unwrap(), "{error}");
    }
    let by_variable =
        run(clean(DREICHOR).args(["run", "--sandbox=x"]).env("DREICHOR_LOG_FORMAT", "json"), b"");
    assert!(serde_json::from_str::<Value>(&by_variable.expect(2).stderr).is_ok());
    for (when, is_colored) in [("never", false), ("always", true)] {
        let outcome = run(clean(DREICHOR).args(["--color", when, "nothing"]), b"").expect(2);
        assert_eq!(outcome.stderr.contains('\u{1b}'), is_colored, "{outcome:?}");
    }
}

#[test]
fn a_signal_ends_every_command() {
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let bench = Bench::filled();
        let mut running = bench.start(&["events", "--follow", "--limit", "1"]);
        running.line();
        running.signal(signal);
        running.finish().expect(code);
    }
}

/// Regression: the kernel ignores a signal without a handler for process 1, so a container did not stop.
#[test]
#[ignore = "needs to create namespaces"]
fn a_signal_ends_process_1_of_a_container() {
    let bench = Bench::filled();
    let mut command = clean("unshare");
    command.args(["-rp", "--fork", "--kill-child", DREICHOR]).arg("--data-dir").arg(bench.path("data"));
    let mut running = Running::start(command.args(["events", "--follow", "--limit", "1"]));
    running.line();
    let children = format!("/proc/{0}/task/{0}/children", running.id());
    let child = fs::read_to_string(children).unwrap().trim().parse().unwrap();
    rustix::process::kill_process(rustix::process::Pid::from_raw(child).unwrap(), Signal::TERM).unwrap();
    running.finish().expect(143);
}
