//! The effects and results of each command, on the stores of the published vectors.
#![expect(clippy::unwrap_used, reason = "a helper's failure is the test's")]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use rustix::process::Signal;
use serde_json::{Value, json};
use support::{Bench, Running, clean, json_lines, lines, run, tick, vector, vector_path};

#[test]
fn init_creates_what_is_missing_and_nothing_else() {
    let bench = Bench::bare();
    bench.run(&["init"]).expect(0);
    for mount in ["data/audit-events", "data/snapshots"] {
        assert_eq!(fs::metadata(bench.path(mount)).unwrap().permissions().mode() & 0o7027, 0);
    }
    bench.ingest(&vector("inputs.ndjson")).expect(0);
    let before = bench.inventory();
    bench.run(&["init"]).expect(0);
    assert!(bench.inventory() == before);

    fs::rename(bench.path("data/snapshots"), bench.path("aside")).unwrap();
    let path = |name: &str| bench.path("data").join(name);
    let mount = |name, created: bool| json!({"directory": name, "path": path(name), "created": created});
    for is_created in [true, false] {
        let told = bench.run(&["init", "--json"]).expect(0).json();
        assert_eq!(told, [mount("audit-events", false), mount("snapshots", is_created)]);
    }
    let deep = ["--audit-events-dir", "{dir}/a/b/c", "--snapshots-dir", "{dir}/d", "init"];
    bench.run(&deep).expect(0);
    assert!(bench.path("a/b/c").is_dir() && bench.path("d").is_dir());
}

#[test]
fn snapshot_writes_one_of_the_present_ledger() {
    let bench = Bench::new();
    let nothing = json!({"written": false, "snapshotId": null, "auditTreeSize": 0});
    assert_eq!(bench.run(&["snapshot", "--json"]).expect(0).json(), [nothing]);
    let manual = ["--snapshot-strategy", "manual"];
    bench.run_with(&[&["ingest"][..], &manual].concat(), &vector("inputs.ndjson")).expect(0);
    assert!(bench.stores()[1].is_empty());

    let told = bench.run(&[&["snapshot", "--json"][..], &manual].concat()).expect(0).json();
    let snapshots = json_lines(&bench.stores()[1]);
    let [snapshot] = &snapshots[..] else { unreachable!("{snapshots:?}") };
    let id = &snapshot["snapshotId"];
    assert_eq!(told, [json!({"written": true, "snapshotId": id, "auditTreeSize": 254})]);
    let last = json_lines(&vector("snapshots.ndjson")).pop().unwrap();
    assert_eq!(snapshot["positions"], last["positions"]);
    assert_eq!((&snapshot["auditTreeSize"], &snapshot["logicalTime"]), (&json!(254), &json!(84)));

    // Neither is there anything more to write, nor do the strategies ask for what is older.
    let before = bench.inventory();
    for strategy in ["manual", "on-ledger-update", "every:1"] {
        let told = bench.run(&["snapshot", "--json", "--snapshot-strategy", strategy]).expect(0).json();
        assert_eq!(told, [json!({"written": false, "snapshotId": id, "auditTreeSize": 254})]);
    }
    assert!(bench.inventory() == before);

    bench.ingest(tick(9, 100).as_bytes()).expect(0);
    let told = bench.run(&["snapshot", "--json"]).expect(0).json();
    let id = &json_lines(&bench.stores()[1]).pop().unwrap()["snapshotId"];
    assert_eq!(told, [json!({"written": true, "snapshotId": id, "auditTreeSize": 257})]);
    bench.run(&["replay"]).expect(0);
}

/// The snapshots of `every:N`: those of every ledger update, but for what comes too early after the latest.
fn snapshots_every(events: u64) -> Vec<u8> {
    let mut latest = 0;
    let is_due = |line: &&[u8]| {
        let size = json_lines(line)[0]["auditTreeSize"].as_u64().unwrap();
        let is_due = size - latest >= events;
        latest = if is_due { size } else { latest };
        is_due
    };
    lines(&vector("snapshots.ndjson")).into_iter().filter(is_due).collect::<Vec<_>>().concat()
}

#[test]
fn missing_snapshots_are_written_as_they_would_have_been() {
    assert!(snapshots_every(20) == vector("snapshots-every-20.ndjson"));
    let (inputs, log) = (vector("inputs.ndjson"), vector("audit_events.ndjson"));
    let every = |events| (format!("every:{events}"), snapshots_every(events));
    // The first update is event 12, the second event 39.
    let strategies = [1, 12, 13, 20, 27, 39, 1_000].map(every);
    for (strategy, snapshots) in
        strategies.into_iter().chain([("on-ledger-update".into(), snapshots_every(1))])
    {
        let ingest = ["ingest", "--snapshot-strategy", &strategy];
        let manual = ["ingest", "--snapshot-strategy", "manual"];
        let bench = Bench::new();
        bench.run_with(&manual, &inputs).expect(0);
        bench.run(&ingest).expect(0);
        assert!(bench.stores() == [log.clone(), snapshots.clone()], "{strategy}");

        // A part of them, with and without the next part of the log.
        let bench = Bench::new();
        for (number, command) in [(24, ingest), (48, manual), (72, ingest), (72, manual)] {
            bench.run_with(&command, &lines(&inputs)[..number].concat()).expect(0);
        }
        assert!(bench.stores() == [log.clone(), snapshots.clone()], "{strategy}");

        let bench = Bench::new();
        bench.run_with(&manual, &inputs).expect(0);
        bench.run(&["snapshot", "--snapshot-strategy", &strategy]).expect(0);
        let written = &bench.stores()[1];
        assert!(written.starts_with(&snapshots), "{strategy}");
        assert_eq!(lines(written).len(), lines(&snapshots).len() + 1);
    }
}

/// `name=value` pairs.
fn receipt_facts(text: &str) -> BTreeMap<String, String> {
    let fact =
        |pair: &str| pair.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned())).unwrap();
    text.split_whitespace().map(fact).collect()
}

/// The facts of a receipt as READY logs them, which is without digests.
fn logged(receipt: &str) -> Vec<String> {
    let facts =
        receipt.split_whitespace().filter(|fact| !fact.contains("Digest=") && !fact.ends_with("=none"));
    let quoted = |fact: &str| {
        let (name, value) = fact.split_once('=').unwrap();
        let is_text = ["snapshotId", "interruptedTick", "programVersion"].contains(&name);
        if is_text { format!("{name}=\"{value}\"") } else { fact.to_owned() }
    };
    facts.map(quoted).collect()
}

#[test]
fn replay_prints_the_same_facts_as_text_and_as_json() {
    let torn = Bench::filled();
    let log = vector("audit_events.ndjson");
    let cut = lines(&log)[..230].concat().len() + 100;
    torn.put(&torn.log_path(), &log[..cut]);
    for (bench, unterminated) in [(Bench::new(), 0), (Bench::filled(), 0), (torn, 100)] {
        let before = bench.inventory();
        let text = bench.run(&["replay"]).expect(0).text();
        let json = bench.run(&["replay", "--json"]).expect(0).json().pop().unwrap();
        let shown = |value: &Value| match value.as_str() {
            Some(text) => text.to_owned(),
            None => {
                if value.is_null() {
                    "none".to_owned()
                } else {
                    value.to_string()
                }
            }
        };
        let facts: BTreeMap<_, _> =
            json.as_object().unwrap().iter().map(|(name, value)| (name.clone(), shown(value))).collect();
        assert_eq!(receipt_facts(&text), facts);
        assert_eq!(json["unterminatedBytes"], unterminated);
        assert_eq!(json["interruptedTick"].is_null(), unterminated == 0);
        assert_eq!(bench.run(&["replay"]).expect(0).text(), text);
        assert!(bench.inventory() == before);

        let mut running = bench.start(&["run"]);
        running.wait_until_it_says("READY");
        running.signal(Signal::TERM);
        running.finish().expect(0).says(&logged(&text));
    }
    let bench = Bench::filled();
    let receipt = bench.run(&["replay"]).expect(0).text();
    bench.ingest(b"").expect(0).says(&logged(&receipt));
    assert_eq!(receipt_facts(&receipt)["bytes"], log.len().to_string());
}

/// True if the arguments select the event, by a naive reading of them.
fn is_asked_for(event: &Value, log: &[Value], arguments: &[&str]) -> bool {
    let decision =
        if event["target"].is_object() { &event["target"]["decisionId"] } else { &event["decisionId"] };
    arguments.chunks(2).all(|argument| {
        let value = argument[1];
        match argument[0] {
            "--type" => event["type"] == value,
            "--decision" => decision == value,
            "--market" => event["marketId"] == value || event["targetMarketId"] == value,
            "--instance" => log
                .iter()
                .any(|other| other["strategyInstanceId"] == value && other["decisionId"] == *decision),
            "--from" => event["logicalTime"].as_u64().unwrap() >= value.parse().unwrap(),
            "--to" => event["logicalTime"].as_u64().unwrap() <= value.parse().unwrap(),
            _ => true,
        }
    })
}

#[test]
fn events_prints_the_very_lines_that_are_asked_for() {
    let bench = Bench::filled();
    let bytes = vector("audit_events.ndjson");
    let log = json_lines(&bytes);
    let values = |member: &str| {
        let mut values: Vec<_> = log.iter().filter_map(|event| event[member].as_str()).collect();
        values.sort_unstable();
        values.dedup();
        values
    };
    let mut cases: Vec<Vec<&str>> = vec![vec![]];
    cases.extend(values("type").into_iter().map(|value| vec!["--type", value]));
    cases.extend(values("targetMarketId").into_iter().map(|value| vec!["--market", value]));
    cases.extend(values("strategyInstanceId").into_iter().map(|value| vec!["--instance", value]));
    cases.extend(values("decisionId").into_iter().map(|value| vec!["--decision", value]));
    let (market, instance) = (values("targetMarketId")[0], values("strategyInstanceId")[1]);
    for case in [
        "--from 30",
        "--to 30",
        "--from 20 --to 40",
        "--from 84",
        "--to 2",
        "--from 9007199254740992",
        "--to 18446744073709551615",
        "--limit 0",
        "--limit 1",
        "--limit 5",
        "--limit 1000",
        "--type LEDGER_UPDATED --limit 3",
        "--type SAFETY_EVALUATED --from 20 --to 40 --limit 2",
        "--market nowhere",
        "--instance 00000000-0000-0000-0000-000000000000",
        "--decision 00000000-0000-8000-8000-000000000000",
    ] {
        cases.push(case.split(' ').collect());
    }
    cases.push(vec!["--market", market, "--instance", instance]);
    cases.push(vec!["--market", market, "--type", "ORDER_INTENT_CREATED", "--limit", "1"]);
    cases.push(vec!["--instance", instance, "--type", "USER_FEEDBACK_RECORDED", "--to", "60"]);
    let mut counts = Vec::new();
    for arguments in cases {
        let asked = lines(&bytes).into_iter().zip(&log);
        let asked = asked.filter(|(_, event)| is_asked_for(event, &log, &arguments)).map(|(line, _)| line);
        let asked: Vec<_> = asked.collect();
        let limit = arguments.iter().position(|&argument| argument == "--limit");
        let limit = limit.map_or(usize::MAX, |at| arguments[at + 1].parse().unwrap());
        let expected = asked[asked.len().saturating_sub(limit)..].concat();
        let printed = bench.run(&[&["events"], &arguments[..]].concat()).expect(0).stdout;
        assert!(printed == expected, "{arguments:?}: {}", String::from_utf8_lossy(&printed));
        assert!(bench.run(&[&["events", "--json"], &arguments[..]].concat()).expect(0).stdout == expected);
        counts.push(lines(&printed).len());
    }
    assert!(
        counts.iter().filter(|&&count| count > 0).count() > 70,
        "too few cases have an answer: {counts:?}"
    );
    for case in [
        "--type NOTHING",
        "--decision x",
        "--decision 71b",
        "--market ü",
        "--market=",
        "--instance 0",
        "--from x",
        "--from=-1",
        "--to 1.5",
        "--limit=-1",
        "--limit x",
        "x",
    ] {
        let outcome = bench.run(&[&["events"][..], &case.split(' ').collect::<Vec<_>>()].concat()).expect(2);
        assert!(outcome.stdout.is_empty());
    }
}

#[test]
fn who_closes_the_pipe_has_what_they_wanted() {
    let bench = Bench::filled();
    for (arguments, taken) in [
        (&["events"][..], 1),
        (&["events"], 0),
        (&["events", "--limit", "200"], 1),
        (&["replay"], 0),
        (&["state", "memory"], 1),
        (&["state", "memory", "--ndjson"], 0),
        (&["man"], 0),
        (&["completions", "zsh"], 0),
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        let mut command = clean(support::DREICHOR);
        command.args(arguments).env("DREICHOR_DATA_DIR", bench.path("data"));
        let running = Running::start_with_output(&mut command, Stdio::from(writer));
        let mut reader = BufReader::with_capacity(16, reader);
        for _ in 0..taken {
            reader.read_until(b'\n', &mut Vec::new()).unwrap();
        }
        drop(reader);
        let outcome = running.finish().expect(0);
        assert!(outcome.stderr.is_empty(), "{}", outcome.stderr);
    }
}

#[test]
fn events_follows_what_others_write() {
    type Filter<'a> = &'a dyn Fn(&[u8]) -> Vec<u8>;
    let inputs = vector("inputs.ndjson");
    let all = |log: &[u8]| log.to_vec();
    let updates = |log: &[u8]| {
        let is_update = |line: &&[u8]| json_lines(line)[0]["type"] == "LEDGER_UPDATED";
        lines(log).into_iter().filter(is_update).collect::<Vec<_>>().concat()
    };
    let bench = Bench::new();
    let filters: [(&[&str], Filter<'_>); 2] =
        [(&["events", "--follow"], &all), (&["events", "--follow", "--type", "LEDGER_UPDATED"], &updates)];
    let mut followers = filters.map(|(arguments, filter)| (bench.start(arguments), filter, 0));
    for number in [1, 3, 30, 72] {
        bench.ingest(&lines(&inputs)[..number].concat()).expect(0);
        for (follower, filter, printed) in &mut followers {
            let expected = filter(&bench.stores()[0]);
            let new = &expected[*printed..];
            assert!(follower.take_lines(lines(new).len()) == new);
            *printed = expected.len();
        }
    }
    let mut late = bench.start(&["events", "--follow", "--limit", "2"]);
    let log = vector("audit_events.ndjson");
    assert!(late.take_lines(2) == lines(&log)[252..].concat());
    for (follower, ..) in followers {
        assert!(!follower.has_line());
        follower.signal(Signal::TERM);
        assert!(follower.wait().stdout.is_empty());
    }
}

#[test]
fn state_prints_what_the_events_add_up_to() {
    let (bench, empty) = (Bench::filled(), Bench::new());
    for (part, entries) in [("memory", "decisions"), ("ledger", "positions"), ("lifecycles", "lifecycles")] {
        let expected = vector(&format!("state-{part}.ndjson"));
        assert!(bench.run(&["state", part, "--ndjson"]).expect(0).stdout == expected);
        assert!(empty.run(&["state", part, "--ndjson"]).expect(0).stdout.is_empty());
        let json = bench.run(&["state", part, "--json"]).expect(0).json().pop().unwrap();
        assert_eq!(json[entries], Value::Array(json_lines(&expected)));
        let json = empty.run(&["state", part, "--json"]).expect(0).json().pop().unwrap();
        assert_eq!(json[entries], json!([]));
        bench.run(&["state", part, "--json", "--ndjson"]).expect(2);

        // For pipes: every entry, by its name, below a line of headings.
        let shown = bench.run(&["state", part]).expect(0).text();
        let names = ["decisionId", "marketId", "strategyInstanceId"];
        let name = |entry: &Value| {
            let name = names
                .iter()
                .find_map(|name| entry[name].as_str().filter(|_| *name != names[1] || part == "ledger"));
            name.unwrap().to_owned()
        };
        let column = if part == "memory" { 2 } else { 0 };
        let rows: Vec<_> =
            shown.lines().skip(1).map(|row| row.split('\t').nth(column).unwrap().to_owned()).collect();
        assert_eq!(rows, json_lines(&expected).iter().map(name).collect::<Vec<_>>());
        assert_eq!(lines(&empty.run(&["state", part]).expect(0).stdout).len(), 1);
    }

    // The count of feedback precedes the class of the decision.
    let shown = bench.run(&["state", "memory"]).expect(0).text();
    let spoken = shown.lines().skip(1).map(|row| row.split('\t').nth(4).unwrap().to_owned());
    let feedback = |entry: &Value| entry["feedback"]["feedbackCount"].to_string();
    let memory = json_lines(&vector("state-memory.ndjson"));
    assert!(spoken.eq(memory.iter().map(feedback)), "{shown}");

    let json = bench.run(&["state", "memory", "--json"]).expect(0).json().pop().unwrap();
    let log = json_lines(&vector("audit_events.ndjson"));
    let count = |member: &str, values: &[&str]| {
        let is_one = |event: &&Value| event[member].as_str().is_some_and(|value| values.contains(&value));
        log.iter().filter(is_one).count() as u64
    };
    let totals = &json["totals"];
    for (total, member, values) in [
        ("/decisions", "type", &["DECISION_EVALUATED"][..]),
        ("/execution/executionsObserved", "type", &["EXECUTION_OUTCOME_RECORDED"]),
        ("/execution/filledCount", "status", &["FILLED"]),
        ("/execution/failedCount", "status", &["FAILED"]),
        ("/safety/evaluationsObserved", "type", &["SAFETY_EVALUATED"]),
        ("/safety/blockedCount", "result", &["BLOCK_BUY", "HALT"]),
        ("/safety/forcedSellCount", "result", &["FORCE_SELL"]),
        ("/feedback/feedbackCount", "type", &["USER_FEEDBACK_RECORDED"]),
        ("/feedback/categories/RISK_COMFORT", "category", &["RISK_COMFORT"]),
    ] {
        assert_eq!(totals.pointer(total), Some(&json!(count(member, values))), "{total} of {totals}");
    }
}

#[test]
fn the_shell_and_packages_get_their_files() {
    let commands = [
        "init",
        "run",
        "ingest",
        "snapshot",
        "replay",
        "events",
        "state",
        "migrate",
        "demo",
        "completions",
        "man",
    ];
    let bench = Bench::bare();
    let print = |arguments: &[&str]| run(clean(support::DREICHOR).args(arguments), b"").expect(0).text();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = print(&["completions", shell]);
        assert!(commands.iter().all(|command| script.contains(command)), "{shell}");
        assert!(["data-dir", "snapshot-strategy"].iter().all(|flag| script.contains(flag)), "{shell}");
    }
    let (manual, help) = (print(&["man"]), print(&["--help"]));
    assert!(manual.contains(".TH dreichor 1"));
    for command in commands {
        assert!(manual.contains(&format!("dreichor\\-{command}(1)")), "{command}");
        assert!(help.lines().any(|line| line.trim_start().starts_with(command)), "{command}");
        let page = print(&["man", command]);
        assert!(page.contains(&format!("dreichor\\-{command}")) && page.contains(".SH OPTIONS"), "{page}");
        let reads_stores = !["migrate", "demo", "completions", "man"].contains(&command);
        assert_eq!(print(&[command, "--help"]).contains("--data-dir"), reads_stores, "{command}");
    }
    for code in dreichor_runtime::ExitCode::ALL.iter().map(|code| code.number()) {
        let is_told =
            |text: &str| text.lines().any(|line| line.trim_start().starts_with(&format!("{code} ")));
        assert!(is_told(&help), "{code}");
    }
    assert_eq!(print(&["--version"]), concat!("dreichor ", env!("CARGO_PKG_VERSION"), "\n"));
    for bad in [
        &[][..],
        &["nothing"],
        &["man", "nothing"],
        &["completions", "csh"],
        &["state"],
        &["replay", "--color", "x"],
    ] {
        let outcome = bench.run(bad).expect(2);
        assert!(outcome.stdout.is_empty() && !outcome.stderr.is_empty());
    }
    assert!(!bench.path("data").exists());
}

#[test]
fn configuration_comes_from_variables_and_flags_and_is_logged() {
    let bench = Bench::filled();
    let text = |path: &str| bench.path(path).to_str().unwrap().to_owned();
    let receipt = bench.run(&["replay"]).expect(0).stdout;
    let mut by_variable = clean(support::DREICHOR);
    let by_variable = by_variable.arg("replay").env("DREICHOR_DATA_DIR", text("data"));
    assert_eq!(run(by_variable, b"").expect(0).stdout, receipt);
    assert_eq!(run(by_variable.args(["--data-dir", &text("nothing")]), b"").expect(10).stdout, b"");
    let mut specific = clean(support::DREICHOR);
    specific.args(["replay", "--data-dir", &text("nothing"), "--snapshots-dir", &text("data/snapshots")]);
    specific.env("DREICHOR_AUDIT_EVENTS_DIR", text("data/audit-events"));
    assert_eq!(run(&mut specific, b"").expect(0).stdout, receipt);

    let given = "ingest --log-format json --safety-mode flatten --snapshot-strategy every:7 \
                 --logical-step-max 5 --sandbox off --observer-addr off --execution-plane paper";
    let mut command = bench.command(&given.split_whitespace().collect::<Vec<_>>());
    command.env("DREICHOR_SAFETY_MODE", "halt").env("DREICHOR_LOG_LEVEL", "debug");
    let outcome = run(&mut command, tick(9, 10_000).as_bytes()).expect(20);
    let log = json_lines(outcome.stderr.as_bytes());
    let steps: Vec<_> = log.iter().filter_map(|line| line["step"].as_u64()).collect();
    assert_eq!(steps, [1, 2, 3, 4, 5, 6]);
    let ready = log.iter().find(|line| line["message"] == "READY").unwrap();
    for (name, value) in [
        ("auditEventsDir", text("data/audit-events").as_str()),
        ("snapshotsDir", &text("data/snapshots")),
        ("executionPlane", "paper"),
        ("safetyMode", "flatten"),
        ("snapshotStrategy", "every:7"),
        ("database", "inactive"),
        ("observerAddr", "off"),
        ("observerTokenFile", "unset"),
        ("sandbox", "off"),
        ("logicalStepMax", "5"),
        ("logFormat", "json"),
        ("logLevel", "debug"),
    ] {
        assert_eq!(ready[name], value, "{name}");
    }
    let last = log.last().unwrap();
    assert_eq!((&last["level"], &last["exitCode"]), (&json!("ERROR"), &json!(20)));
    assert!(bench.run(&["ingest", "--log-level", "error"]).expect(0).stderr.is_empty());
}

#[test]
fn inputs_come_from_a_file_or_a_pipe() {
    let path = vector_path("inputs.ndjson");
    let path = path.to_str().unwrap();
    for (arguments, sent) in [
        (&["ingest", path][..], vec![]),
        (&["ingest", "-"], vector("inputs.ndjson")),
        (&["ingest"], vector("inputs.ndjson")),
    ] {
        let bench = Bench::new();
        assert!(bench.run_with(arguments, &sent).expect(0).stdout == vector("acknowledgements.ndjson"));
        bench.check_whole();
    }
}

#[test]
fn color_is_for_terminals_or_who_asks_for_it() {
    let bench = Bench::filled();
    for (when, is_colored) in [("auto", false), ("always", true), ("never", false)] {
        for (arguments, code) in
            [(["ingest", "-"], 0), (["state", "memory"], 0), (["replay", "--data-dir="], 2)]
        {
            let outcome = bench.run(&[&arguments[..], &["--color", when]].concat()).expect(code);
            assert!(!outcome.stdout.contains(&b'\x1b'));
            let is_told = !outcome.stderr.is_empty();
            assert_eq!(outcome.stderr.contains('\x1b'), is_colored && is_told, "{when}: {}", outcome.stderr);
        }
    }
}
