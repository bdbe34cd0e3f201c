//! The commands for people: their facts, beside a running writer, and when nobody reads any more.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::Stdio;

use serde_json::json;
use support::{Bench, Running, lines, tick, vector};

#[test]
fn status_names_what_the_ends_of_the_files_show() {
    let bench = Bench::filled();
    let before = bench.inventory();
    let status = bench.run(&["status", "--count", "--json"]).expect(0).json().pop().unwrap();
    assert!(bench.inventory() == before);
    assert_eq!(status["auditEvents"]["sizeBytes"], json!(vector("audit_events.ndjson").len()));
    assert_eq!((&status["auditEvents"]["lines"], &status["snapshots"]["lines"]), (&json!(254), &json!(17)));
    assert_eq!((&status["lastLogicalTime"], &status["snapshotTreeSize"]), (&json!(84), &json!(229)));
    assert_eq!((&status["tail"], &status["writer"]), (&json!("clean"), &json!("not seen")));

    bench.put(&bench.log_path(), &vector("audit_events.ndjson")[..34_000]);
    let status = bench.run(&["status", "--json"]).expect(0).json().pop().unwrap();
    assert!(status["auditEvents"]["unterminatedBytes"].as_u64().unwrap() > 0, "{status}");

    let writing = Bench::new();
    let writer = writing.start_writer(10, 1);
    let status = writing.run(&["status", "--json"]).expect(0).json().pop().unwrap();
    assert_eq!(status["writer"], json!(format!("held by {}", writer.id())));
    assert_eq!(status["openPosition"]["quantity"], json!("1"));
    writer.finish().expect(0);
    let empty = Bench::new().run(&["status", "--json"]).expect(0).json().pop().unwrap();
    assert_eq!((&empty["auditEvents"]["exists"], &empty["lastEventId"]), (&json!(false), &json!(null)));
    Bench::bare().run(&["status"]).expect(10);
}

#[test]
fn the_last_decisions_are_the_last_of_all() {
    let bench = Bench::filled();
    let all = bench.run(&["decisions", "--json"]).expect(0).stdout;
    for count in [0, 1, 7, 80, 500] {
        let last = bench.run(&["decisions", "--json", "-n", &count.to_string()]).expect(0).stdout;
        let expected = lines(&all)[lines(&all).len().saturating_sub(count)..].concat();
        assert!(last == expected, "the last {count}");
    }
    for (filter, is_any) in [("FILLED", true), ("INTERRUPTED", false)] {
        let outcome = bench.run(&["decisions", "--json", "--outcome", filter]).expect(0);
        assert!(outcome.json().iter().all(|row| row["outcome"] == filter));
        assert_eq!((outcome.stdout.is_empty(), outcome.stderr.is_empty()), (!is_any, is_any), "{outcome:?}");
    }
    bench.run(&["decisions", "--from", "3", "--to", "2"]).expect(2);
}

/// The lines of the vectors' log of which this is true.
fn lines_where(is_asked: impl Fn(&serde_json::Value) -> bool) -> Vec<u8> {
    let log = vector("audit_events.ndjson");
    let lines = lines(&log).into_iter();
    lines.filter(|line| is_asked(&serde_json::from_slice(line).unwrap())).collect::<Vec<_>>().concat()
}

#[test]
fn conditions_of_one_option_are_alternatives_and_those_of_several_all_hold() {
    let bench = Bench::filled();
    let check = |arguments: &[&str], expected: Vec<u8>| {
        let outcome = bench.run(&[&["events"], arguments].concat()).expect(0);
        assert!(outcome.stdout == expected, "{arguments:?}: {}", outcome.text());
        // Nothing that was asked for is there: the log's times and an instance are named.
        assert_eq!(outcome.stderr.contains(" 84"), expected.is_empty(), "{arguments:?}: {}", outcome.stderr);
        assert_eq!(outcome.stderr.contains("27ac435a"), expected.is_empty());
    };
    let types = ["LEDGER_UPDATED", "ORDER_INTENT_SKIPPED"];
    let is_type = |event: &serde_json::Value| types.iter().any(|name| event["type"] == *name);
    check(&["--type", types[0], "--type", types[1]], lines_where(is_type));
    let markets = ["BINANCE_SPOT:M01-USDT", "BINANCE_SPOT:M02-USDT"];
    let names = |event: &serde_json::Value, market: &&str| {
        event["marketId"] == **market || event["targetMarketId"] == **market
    };
    let of_markets = ["--market", markets[0], "--market", markets[1]];
    check(&of_markets, lines_where(|event| markets.iter().any(|market| names(event, market))));
    check(
        &[&of_markets[..], &["--type", types[0], "--type", types[1]]].concat(),
        lines_where(|event| is_type(event) && markets.iter().any(|market| names(event, market))),
    );
    let all = lines_where(|_| true);
    let instances: std::collections::BTreeSet<String> = support::json_lines(&all)
        .into_iter()
        .filter_map(|event| Some(event["strategyInstanceId"].as_str()?[..6].to_owned()))
        .collect();
    let of_instances: Vec<&str> = instances.iter().flat_map(|digits| ["--instance", digits]).collect();
    check(
        &of_instances,
        lines_where(|event| {
            event["type"] != "USER_FEEDBACK_RECORDED" || event["target"]["type"] != "TIME_WINDOW"
        }),
    );
    for nothing in [["--market", "NOWHERE"], ["--from", "85"], ["--decision", "00000000"]] {
        check(&nothing, Vec::new());
    }
    bench.run(&["events", "--from", "3", "--to", "2"]).expect(2);
    bench.run(&["decisions", "--reason", "NONE"]).expect(2);
}

#[test]
fn a_cursor_is_a_byte_at_which_a_line_begins() {
    let bench = Bench::filled();
    let log = vector("audit_events.ndjson");
    let mut start = 0;
    for line in lines(&log).into_iter().take(3) {
        let after = |cursor: usize| bench.run(&["events", "--after", &cursor.to_string()]);
        assert!(after(start).expect(0).stdout == log[start..]);
        after(start + 1).expect(2).says(&[format!("{}", start + 1), start.to_string()]);
        start += line.len();
    }
    let offset = |row: &serde_json::Value| row["offset"].as_u64().unwrap().to_string();
    let last = bench.run(&["decisions", "--json", "-n", "1"]).expect(0).json().pop().unwrap();
    let events = bench.run(&["events", "--after", &offset(&last)]).expect(0).json();
    assert_eq!(events[0]["decisionId"], last["decisionId"]);
    let end = log.len().to_string();
    let at_end = bench.run(&["events", "--after", &end]).expect(0);
    assert!(at_end.stdout.is_empty() && at_end.stderr.is_empty());
    bench.run(&["events", "--after", &(log.len() + 1).to_string()]).expect(2).says(&[end]);
    let limited = bench.run(&["events", "--after", "0", "-n", "2"]).expect(0);
    assert_eq!(lines(&limited.stdout), lines(&log)[lines(&log).len() - 2..]);
    assert!(Bench::new().run(&["events", "--after", "0"]).expect(0).stdout.is_empty());
}

#[test]
fn a_decision_is_followed_once_its_tick_is_whole() {
    let bench = Bench::new();
    let mut writer = bench.start_writer(10, 1);
    let mut follower = bench.start(&["decisions", "-f", "--json", "-n", "1"]);
    let time =
        |line: Vec<u8>| serde_json::from_slice::<serde_json::Value>(&line).unwrap()["logicalTime"].clone();
    assert_eq!(time(follower.line()), json!(10));
    writer.send(tick(1, 20).as_bytes());
    writer.line();
    assert_eq!(time(follower.line()), json!(20));
    writer.finish().expect(0);
    follower.signal(rustix::process::Signal::KILL);
}

/// The log is the vectors' up to `events` lines, and grows by `more` while it is followed: the first `count` rows that
/// the follower prints.
fn follow(bench: &Bench, events: usize, more: &[u8], count: usize) -> (Vec<serde_json::Value>, Running) {
    let log = vector("audit_events.ndjson");
    bench.put(&bench.log_path(), &lines(&log)[..events].concat());
    let mut follower = bench.start(&["decisions", "-f", "--json", "-n", "1"]);
    let mut printed = follower.line();
    let mut file = std::fs::File::options().append(true).open(bench.log_path()).unwrap();
    file.write_all(more).unwrap();
    (1..count).for_each(|_| printed.extend(follower.line()));
    (support::json_lines(&printed), follower)
}

/// Regression: a decision whose tick became whole while it was followed was never printed.
#[test]
fn a_tick_that_becomes_whole_is_followed() {
    let log = vector("audit_events.ndjson");
    let lines = lines(&log);
    let is_decision = |line: &&[u8]| memchr::memmem::find(line, b"\"DECISION_EVALUATED\"").is_some();
    let first = lines.iter().position(is_decision).unwrap();
    let next = first + 1 + lines[first + 1..].iter().position(is_decision).unwrap();
    for cut in first + 1..next {
        let bench = Bench::new();
        let (rows, follower) = follow(&bench, cut, &lines[cut..next].concat(), 2);
        assert_eq!(
            (&rows[0]["decisionId"], &rows[0]["outcome"]),
            (&rows[1]["decisionId"], &json!("INTERRUPTED"))
        );
        assert_ne!(rows[1]["outcome"], "INTERRUPTED", "{cut} lines");
        follower.signal(rustix::process::Signal::KILL);
    }
}

/// Regression: a follower left out, without a word, ticks that break the rules of a tick.
#[test]
fn a_follower_refuses_what_is_no_tick() {
    let log = vector("audit_events.ndjson");
    let lines = lines(&log);
    for (stray, rule) in
        [(lines[1].to_vec(), "tick-order"), ([lines[0], lines[0]].concat(), "tick-cut-short")]
    {
        let bench = Bench::new();
        let (_, follower) = follow(&bench, lines.len(), &stray, 1);
        follower.finish().expect(12).says(&[support::rule(rule, "type")]);
    }
}

/// Regression: `decisions` went on with whatever file was there.
#[test]
fn a_followed_log_must_stay_the_same_file() {
    let cut_off = |path: &Path| std::fs::File::options().write(true).open(path).unwrap().set_len(9).unwrap();
    let replace = |path: &Path| {
        let other = path.with_extension("other");
        // Longer, so that only its identity tells.
        let longer = [std::fs::read(path).unwrap(), b"x".to_vec()].concat();
        std::fs::write(&other, longer).unwrap();
        std::fs::rename(other, path).unwrap();
    };
    let remove = |path: &Path| std::fs::remove_file(path).unwrap();
    let meddlings: [&dyn Fn(&Path); 3] = [&cut_off, &replace, &remove];
    for command in [["events", "-f", "-n", "1"], ["decisions", "-f", "-n", "1"]] {
        for meddle in meddlings {
            let bench = Bench::filled();
            let mut follower = bench.start(&command);
            // A row for `events`, and a header and a row for `decisions`.
            follower.take_lines(if command[0] == "events" { 1 } else { 2 });
            // It has looked at the file by the time that it prints what is appended.
            let recorded = tick(1, 1_000);
            bench.ingest(recorded.as_bytes()).expect(0);
            follower.line();
            meddle(&bench.log_path());
            follower.finish().expect(10).says(&[bench.fill_in("{log}: ")]);
        }
    }
}

/// Regression: nothing was written to the closed pipe any more, so nobody noticed, and the command never ended.
#[test]
fn a_follower_ends_when_its_reader_goes_away() {
    for command in [&["events", "--limit", "1", "--follow"][..], &["decisions", "-n", "1", "-f"]] {
        let bench = Bench::filled();
        let (reader, writer) = std::io::pipe().unwrap();
        let running = Running::start_with_output(&mut bench.command(command), Stdio::from(writer));
        let mut reader = BufReader::new(reader);
        reader.read_until(b'\n', &mut Vec::new()).unwrap();
        drop(reader);
        running.finish().expect(0);
    }
}

#[test]
fn a_check_records_nothing_and_lists_every_fault() {
    let bench = Bench::new();
    let writer = bench.start_writer(10, 1);
    let before = bench.inventory();
    let inputs = [&tick(1, 10), "{}\n", &tick(1, 20), "x\n", &tick(2, 15), &tick(2, 30)].concat();
    let file = bench.path("inputs.ndjson");
    std::fs::write(&file, &inputs).unwrap();
    // Beside a writer, since it takes no lock.
    let outcome = bench.run(&["ingest", "--check", file.to_str().unwrap()]).expect(20);
    let faults: Vec<String> = outcome.text().lines().map(str::to_owned).collect();
    // Two lines are no inputs, and one is of a time before that of the line before it.
    let places: Vec<&str> =
        faults.iter().filter_map(|line| line.strip_prefix("input line ")?.split(' ').next()).collect();
    assert_eq!(places, ["2", "4", "5"], "{faults:?}");
    assert!(bench.inventory() == before);
    writer.finish().expect(0);
}

/// A snapshot holds the whole ledger, so one at every update of a ledger of many markets writes far more than the log.
#[test]
fn snapshots_that_outgrow_the_log_are_told_of() {
    let trades = |markets: u64| -> Vec<u8> {
        let trade = |market: u64| {
            let buy = tick(1, 4 * market).replace("\"M1\"", &format!("\"M{market}\""));
            [buy, tick(1, 4 * market + 2)].concat().into_bytes()
        };
        (0..markets).flat_map(trade).collect()
    };
    let size = |bench: &Bench, file: &str| std::fs::metadata(bench.path("data").join(file)).unwrap().len();
    let status = |bench: &Bench| bench.run(&["status", "--json"]).expect(0).json().pop().unwrap();
    let few = Bench::new();
    assert!(!few.ingest(&trades(100)).expect(0).stderr.contains("every:"));
    assert_eq!(status(&few)["snapshotsOutgrown"], json!(null));

    let many = Bench::new();
    let inputs = trades(420);
    // At the end of the run that makes it so, and at the start of the next.
    let told = many.ingest(&inputs).expect(0);
    let outgrown = status(&many)["snapshotsOutgrown"].clone();
    let every = format!("every:{}", outgrown["every"]);
    assert_eq!(told.stderr.matches(&every).count(), 1, "{}", told.stderr);
    assert_eq!(many.ingest(b"").expect(0).stderr.matches(&every).count(), 1);
    assert!(!many.run(&["ingest", "--snapshot-strategy", &every]).expect(0).stderr.contains(" WARN "));
    many.run(&["status"]).expect(0).text().find(&every).unwrap();

    // The advice does what it promises.
    let advised = Bench::new();
    advised.run_with(&["ingest", "--snapshot-strategy", &every], &inputs).expect(0);
    let [log, snapshots] =
        ["audit-events/audit_events.ndjson", "snapshots/snapshots.ndjson"].map(|file| size(&advised, file));
    assert!(
        snapshots <= outgrown["everyBytes"].as_u64().unwrap() && snapshots < log,
        "{snapshots} {outgrown}"
    );
    assert_eq!(status(&advised)["snapshotsOutgrown"], json!(null));
}

/// Memory and `decisions` call the same thing by the same word, at each point of the log.
#[test]
fn memory_and_decisions_have_one_vocabulary() {
    let column = |text: &str, name: &str| -> Vec<String> {
        let mut rows = text.lines().map(|line| line.split('\t').collect::<Vec<_>>());
        let at = rows.next().unwrap().iter().position(|title| *title == name).unwrap();
        rows.map(|row| row[at].to_owned()).collect()
    };
    let log = vector("audit_events.ndjson");
    let all = lines(&log);
    for count in [all.len(), all.len() - 1, 2, 1] {
        let bench = Bench::new();
        bench.put(&bench.log_path(), &all[..count].concat());
        let memory = bench.run(&["state", "memory"]).expect(0).text();
        let decisions = bench.run(&["decisions"]).expect(0).text();
        for name in ["DECISION", "BECAME"] {
            assert_eq!(column(&memory, name), column(&decisions, name), "{count} lines");
        }
        let begun = bench.run(&["state", "memory", "--at", "3"]);
        if begun.code == Some(0) {
            assert_eq!(column(&begun.text(), "BECAME"), column(&decisions, "BECAME")[..1]);
        }
    }
}
