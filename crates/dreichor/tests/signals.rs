//! An upstream that waits gets each answer at once; a signal ends `ingest` after the pending batch, and `run`
//! at any time; and nothing that a killed writer leaves stops the next one.

mod support;

use std::fs;

use rustix::process::Signal;
use support::{Bench, json_lines, lines, tick, vector};

/// The signals that end `ingest`, and their exit codes.
const SIGNALS: [(Signal, i32); 2] = [(Signal::INT, 130), (Signal::TERM, 143)];

#[test]
fn each_input_is_answered_before_the_next_is_sent() {
    let bench = Bench::new();
    let mut upstream = bench.start(&["ingest"]);
    let (inputs, acknowledgements) = (vector("inputs.ndjson"), vector("acknowledgements.ndjson"));
    for (input, acknowledgement) in lines(&inputs).into_iter().zip(lines(&acknowledgements)) {
        upstream.send(input);
        assert_eq!(upstream.line(), acknowledgement);
        // Other processes can read what is acknowledged.
        let size = json_lines(acknowledgement)[0]["treeSize"].as_u64().unwrap();
        assert_eq!(lines(&fs::read(bench.log_path()).unwrap()).len() as u64, size);
    }
    let outcome = upstream.finish().expect(0);
    assert!(outcome.stdout.is_empty());
    bench.check_whole();
}

#[test]
fn half_a_line_is_waited_for() {
    let bench = Bench::new();
    let mut upstream = bench.start(&["ingest"]);
    let (first, second) = (tick(1, 10), tick(2, 12));
    let (half, rest) = second.split_at(100);
    upstream.send(first.as_bytes());
    upstream.line();
    upstream.send(half.as_bytes());
    upstream.send(rest.as_bytes());
    assert_eq!(json_lines(&upstream.line())[0]["line"], 2);
    upstream.send(half.as_bytes());
    upstream.signal(Signal::TERM);
    assert!(upstream.wait().expect(143).stdout.is_empty());
}

#[test]
fn a_signal_while_ingest_waits() {
    for (signal, code) in SIGNALS {
        for sent in [0, 1, 30] {
            let bench = Bench::new();
            let mut upstream = bench.start(&["ingest"]);
            // From READY on, a signal does not kill.
            upstream.wait_until_it_says("READY");
            let inputs = vector("inputs.ndjson");
            upstream.send(&lines(&inputs)[..sent].concat());
            let acknowledged = upstream.take_lines(sent);
            upstream.signal(signal);
            let outcome = upstream.wait().expect(code);
            assert!(outcome.stdout.is_empty());
            assert!(vector("acknowledgements.ndjson").starts_with(&acknowledged));
            outcome.says(&[format!(" inputs={sent} ")]);

            bench.ingest(&inputs).expect(0);
            bench.check_whole();
        }
    }
}

#[test]
fn a_signal_while_a_file_is_ingested() {
    const INPUTS: u64 = 20_000;
    // Small ones: several batches are read at once.
    let feedback = |time: u64| {
        format!(
            "{{\"version\":1,\"kind\":\"FEEDBACK\",\"logicalTime\":{time},\"category\":\"RISK_COMFORT\",\
             \"target\":{{\"type\":\"TIME_WINDOW\",\"from\":0,\"to\":{time}}},\"comment\":null}}\n"
        )
    };
    let inputs: String = (1..=INPUTS).map(feedback).collect();
    let reference = Bench::new();
    let arguments = ["ingest", "{dir}/inputs"];
    fs::write(reference.path("inputs"), &inputs).unwrap();
    let acknowledged = reference.run(&arguments).expect(0).stdout;
    assert_eq!(lines(&acknowledged).len() as u64, INPUTS);

    for (signal, code) in SIGNALS {
        let bench = Bench::new();
        fs::write(bench.path("inputs"), &inputs).unwrap();
        let mut running = bench.start(&arguments);
        // The first batch is more than a pipe holds: ingest blocks in it until we read on.
        let mut told = running.line();
        running.signal(signal);
        let outcome = running.wait().expect(code);
        told.extend(&outcome.stdout);
        let count = lines(&told).len();
        assert!(acknowledged.starts_with(&told) && told.ends_with(b"\n"), "a part of the acknowledgements");
        // The pending batch, and the one that is computed meanwhile.
        assert!(count as u64 <= 2 * 8_192, "{count} inputs were taken in after the signal");
        outcome.says(&[format!(" inputs={count} ")]);
        let last = json_lines(&told).pop().unwrap();
        assert_eq!(last["treeSize"], lines(&bench.stores()[0]).len(), "recorded is what is acknowledged");

        let statuses = bench.run(&arguments).expect(0).json();
        let recorded = statuses.iter().take_while(|line| line["status"] == "ALREADY_RECORDED").count();
        assert_eq!(recorded, count);
        assert!(bench.stores() == reference.stores());
    }
}

#[test]
fn a_signal_while_run_idles() {
    for signal in [Signal::INT, Signal::TERM] {
        for bench in [Bench::new(), Bench::filled()] {
            let before = bench.inventory();
            let mut running = bench.start(&["run"]);
            running.wait_until_it_says("READY");
            running.signal(signal);
            assert!(running.wait().expect(0).stdout.is_empty());
            assert!(bench.inventory() == before, "something was written");
        }
    }
}

#[test]
fn run_does_not_read_its_input_and_stays_when_that_ends() {
    let bench = Bench::filled();
    let mut running = bench.start(&["run"]);
    running.close_stdin();
    running.wait_until_it_says("READY");
    bench.ingest(tick(1, 10_000).as_bytes()).expect(0);
    running.signal(Signal::TERM);
    running.wait().expect(0);
}

#[test]
fn a_killed_writer_leaves_no_lock() {
    let bench = Bench::new();
    for (time, nth) in [(10, 1), (20, 2), (30, 3)] {
        let upstream = bench.start_writer(time, nth);
        bench.refuses(&["ingest"], 11, &["{log}: "]);
        upstream.signal(Signal::KILL);
        assert_eq!(upstream.wait().code, None);
        bench.run(&["snapshot"]).expect(0);
    }
    let decided = bench.run(&["events", "--type", "DECISION_EVALUATED"]).expect(0).json();
    assert_eq!(decided.len(), 3);
}
