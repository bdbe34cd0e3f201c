//! The Observer's answers: golden ones for the published vectors, and what holds of them whatever the log.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::fmt::Write;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::FileExt;
use std::path::Path;

use serde_json::{Value, json};
use support::http::Answer;
use support::observed::Observed;
use support::{Bench, lines, vector, wait_until};

const EVENTS: &str = "/v1/observe/persistence/audit-events";

/// Paths whose answers are kept, byte for byte.
const GOLDEN: [&str; 69] = [
    "/livez",
    "/readyz",
    "/v1/observe/runtime/status",
    "/v1/observe/persistence/paths",
    "/v1/observe/persistence/audit-events?limit=3",
    "/v1/observe/persistence/audit-events?after=0&limit=2",
    "/v1/observe/persistence/audit-events?before=0",
    "/v1/observe/persistence/audit-events?after=86530",
    "/v1/observe/persistence/audit-events?type=USER_FEEDBACK_RECORDED&limit=1",
    "/v1/observe/persistence/audit-events?decisionId=4d6e8f90-da87-821b-9956-a9a0aa072eec",
    "/v1/observe/persistence/audit-events?marketId=BINANCE_SPOT:M01-USDT&limit=2",
    "/v1/observe/persistence/audit-events?strategyInstanceId=27ac435a-1710-4110-a051-8ca566ceab36&limit=2",
    "/v1/observe/persistence/audit-events?limit=0",
    "/v1/observe/persistence/audit-events?limit=1001",
    "/v1/observe/persistence/audit-events?after=1",
    "/v1/observe/persistence/audit-events?after=0&before=0",
    "/v1/observe/persistence/audit-events?type=NONE",
    "/v1/observe/persistence/audit-events?colour=red",
    "/v1/observe/persistence/audit-events?limit=1&limit=1",
    "/v1/observe/persistence/audit-events/ac5ad41c-216f-8ffd-b05e-a84435f6b1d9",
    "/v1/observe/persistence/audit-events/ac5ad41c-216f-8ffd-b05e-a84435f6b1d0",
    "/v1/observe/persistence/audit-events/1",
    "/v1/observe/persistence/audit-events/%ff",
    "/v1/observe/persistence/audit-events/summary",
    "/v1/observe/persistence/snapshots/latest",
    "/v1/observe/persistence/tree-head",
    "/v1/observe/persistence/proof/inclusion?eventId=ac5ad41c-216f-8ffd-b05e-a84435f6b1d9",
    "/v1/observe/persistence/proof/inclusion?eventId=ac5ad41c-216f-8ffd-b05e-a84435f6b1d9&treeSize=253",
    "/v1/observe/persistence/proof/inclusion",
    "/v1/observe/persistence/proof/consistency?from=100&to=200",
    "/v1/observe/persistence/proof/consistency?from=0",
    "/v1/observe/persistence/proof/consistency?from=201&to=200",
    "/v1/observe/persistence/proof/consistency?from=1&to=255",
    "/v1/observe/derived/decision-memory?limit=1",
    "/v1/observe/derived/decision-memory?after=0&limit=1",
    "/v1/observe/derived/decision-memory?before=0",
    "/v1/observe/derived/decision-memory?after=66",
    "/v1/observe/derived/decision-memory/4d6e8f90-da87-821b-9956-a9a0aa072eec",
    "/v1/observe/derived/decision-memory/4d6e8f90-da87-821b-9956-a9a0aa072ee0",
    "/v1/observe/derived/decisions/4d6e8f90-da87-821b-9956-a9a0aa072eec",
    "/v1/observe/derived/decisions/4d6e8f90-da87-821b-9956-a9a0aa072ee0",
    "/v1/observe/persistence/audit-events?from=80&limit=2",
    "/v1/observe/persistence/audit-events?to=5&type=SAFETY_EVALUATED",
    "/v1/observe/persistence/audit-events?from=2&to=1",
    "/v1/observe/derived/decisions?limit=2",
    "/v1/observe/derived/decisions?after=0&limit=1",
    "/v1/observe/derived/decisions?before=0",
    "/v1/observe/derived/decisions?after=1",
    "/v1/observe/derived/decisions?outcome=BLOCKED&outcome=FAILED&limit=2",
    "/v1/observe/derived/decisions?reason=HALT_ALL_ACTIVE&reason=SAFETY_BLOCKED",
    "/v1/observe/derived/decisions?reason=NONE",
    "/v1/observe/derived/decisions?strategyInstanceId=27ac435a-1710-4110-a051-8ca566ceab36&limit=1",
    "/v1/observe/derived/decisions?marketId=BINANCE_SPOT:M01-USDT&limit=1",
    "/v1/observe/derived/summary",
    "/v1/observe/derived/summary?by=market&to=20",
    "/v1/observe/derived/summary?by=colour",
    "/v1/observe/derived/timeline?limit=1",
    "/v1/observe/derived/timeline?after=27ac435a-1710-4110-a051-8ca566ceab36&limit=1&from=20",
    "/v1/observe/derived/shadow-ledger",
    "/v1/observe/derived/shadow-ledger?limit=2",
    "/v1/observe/derived/shadow-ledger?after=BINANCE_SPOT:M01-USDT&limit=1",
    "/v1/observe/derived/shadow-ledger?before=BINANCE_SPOT:M01-USDT&limit=1",
    "/v1/observe/derived/lifecycles",
    "/v1/observe/derived/lifecycles?limit=1",
    "/v1/observe/derived/lifecycles?before=ffffffff-ffff-4fff-bfff-ffffffffffff&limit=1",
    "/v1/observe/derived/lifecycles?before=x",
    "/v1/observe/",
    "/v1/observe/persistence/audit-events/",
    "/none",
];

/// With `UPDATE_GOLDEN=1` the file is rewritten; read the difference before it is committed.
#[test]
fn answers_are_the_golden_ones() {
    let bench = Bench::filled();
    // The promises that the kernel enforces differ between machines.
    let observed = bench.observe(&["--sandbox", "off"]);
    let mut answers = String::new();
    for path in GOLDEN {
        let answer = observed.get(path);
        let body = String::from_utf8(answer.body).unwrap();
        let dir = bench.path("").display().to_string();
        let body = body.replace(dir.trim_end_matches('/'), "{dir}");
        writeln!(answers, "GET {path}\n{}\n{}\n", answer.status, body.trim_end()).unwrap();
    }
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/observer/answers.txt");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&file, &answers).unwrap();
    }
    let golden = fs::read_to_string(&file).unwrap();
    for (answer, expected) in answers.split("\n\n").zip(golden.split("\n\n")) {
        assert_eq!(answer, expected);
    }
    assert_eq!(answers.len(), golden.len());
}

/// All events that the pages give, one page after the other in this direction.
fn walk(observed: &Observed, query: &str, is_forward: bool) -> Vec<Vec<u8>> {
    let mut events = Vec::new();
    let mut cursor = if is_forward { "&after=0".to_owned() } else { String::new() };
    loop {
        let answer = observed.get(&format!("{EVENTS}?{query}{cursor}")).expect(200);
        let (page, cursors) = (page(&answer), answer.json());
        if is_forward {
            if page.is_empty() {
                return events;
            }
            events.extend(page);
            cursor = format!("&after={}", cursors["next"].as_str().unwrap());
        } else {
            events.splice(0..0, page);
            let Some(previous) = cursors["previous"].as_str() else { return events };
            cursor = format!("&before={previous}");
        }
    }
}

/// The events of a page, byte for byte: cut out of the body, not read and written again.
fn page(answer: &Answer) -> Vec<Vec<u8>> {
    let body = &answer.body;
    let end = body.windows(10).rposition(|window| window == b"],\"next\":\"").unwrap();
    let body = &body[b"{\"events\":[".len()..end];
    if body.is_empty() {
        return Vec::new();
    }
    let text = std::str::from_utf8(body).unwrap();
    let starts: Vec<usize> = text.match_indices("{\"id\":\"").map(|(at, _)| at).collect();
    let ends = starts.iter().skip(1).map(|start| start - 1).chain([text.len()]);
    starts.iter().zip(ends).map(|(start, end)| text.as_bytes()[*start..end].to_vec()).collect()
}

#[test]
fn pages_give_every_event_once_in_file_order() {
    let bench = Bench::filled();
    let observed = bench.observe(&[]);
    let log = vector("audit_events.ndjson");
    let all: Vec<&[u8]> = lines(&log).iter().map(|line| &line[..line.len() - 1]).collect();
    for limit in [1, 7, 253, 254, 255, 1000] {
        for is_forward in [true, false] {
            let events = walk(&observed, &format!("limit={limit}"), is_forward);
            assert_eq!(events, all, "{limit} {is_forward}");
        }
    }
    // One value, and several: one of them must match.
    for (parameter, flag, values) in [
        ("type", "--type", ["LEDGER_UPDATED", "USER_FEEDBACK_RECORDED"]),
        ("marketId", "--market", ["BINANCE_SPOT:M01-USDT", "BINANCE_SPOT:M03-USDT"]),
        (
            "decisionId",
            "--decision",
            ["4d6e8f90-da87-821b-9956-a9a0aa072eec", "5bc73f1e-e88d-8949-8da9-d5e03ea163c7"],
        ),
        (
            "strategyInstanceId",
            "--instance",
            ["27ac435a-1710-4110-a051-8ca566ceab36", "3c6da5d7-4da4-41a6-ab8a-7a97656412a9"],
        ),
    ] {
        let mut fewer = 1;
        for asked in [&values[..1], &values] {
            let flags: Vec<&str> = asked.iter().flat_map(|value| [flag, *value]).collect();
            let printed = bench.run(&[&["events"], &*flags].concat()).expect(0).stdout;
            let printed: Vec<&[u8]> = lines(&printed).iter().map(|line| &line[..line.len() - 1]).collect();
            assert!((fewer + 1..254).contains(&printed.len()), "{parameter}");
            fewer = printed.len();
            let query: Vec<String> = asked.iter().map(|value| format!("{parameter}={value}")).collect();
            for is_forward in [true, false] {
                let events = walk(&observed, &format!("{}&limit=3", query.join("&")), is_forward);
                assert_eq!(events, printed, "{parameter} {is_forward}");
            }
        }
    }
}

#[test]
fn derived_state_is_what_the_command_line_says() {
    let bench = Bench::filled();
    let observed = bench.observe(&[]);
    let state = |part: &str| -> Vec<Value> { bench.run(&["state", part, "--ndjson"]).expect(0).json() };
    let get = |path: &str| observed.get(&format!("/v1/observe/derived/{path}")).expect(200).json();
    let memory = bench.run(&["state", "memory", "--json"]).expect(0).json().remove(0);
    let page = get("decision-memory?limit=1000");
    assert_eq!(page["totals"], memory["totals"]);
    let entries = state("memory");
    assert_eq!(page["entries"], json!(entries));
    for entry in entries.iter().step_by(9) {
        let mut remembered = get(&format!("decision-memory/{}", entry["decisionId"].as_str().unwrap()));
        assert_eq!(remembered.as_object_mut().unwrap().remove("asOf"), Some(page["asOf"].clone()));
        assert_eq!(&remembered, entry);
    }
    assert_eq!(json!(get("shadow-ledger")["positions"]), json!(state("ledger")));
    assert_eq!(json!(get("lifecycles")["lifecycles"]), json!(state("lifecycles")));
    let mut receipt = bench.run(&["replay", "--json"]).expect(0).json().remove(0);
    receipt.as_object_mut().unwrap().retain(|name, _| !name.ends_with("Digest"));
    let status = observed.get("/v1/observe/runtime/status").expect(200).json();
    assert_eq!(status["startedWith"], receipt);
}

/// All decisions that the pages give, one page after the other in this direction.
fn walk_decisions(observed: &Observed, query: &str, is_forward: bool) -> Vec<Value> {
    let mut decisions = Vec::new();
    let mut cursor = if is_forward { "&after=0".to_owned() } else { String::new() };
    loop {
        let page = observed.get(&format!("/v1/observe/derived/decisions?{query}{cursor}")).expect(200).json();
        let found = page["decisions"].as_array().unwrap();
        if is_forward {
            if found.is_empty() {
                return decisions;
            }
            decisions.extend(found.iter().cloned());
            cursor = format!("&after={}", page["next"].as_str().unwrap());
        } else {
            decisions.splice(0..0, found.iter().cloned());
            let Some(previous) = page["previous"].as_str() else { return decisions };
            cursor = format!("&before={previous}");
        }
    }
}

#[test]
fn decisions_and_their_funnel_are_what_the_command_line_says() {
    let bench = Bench::filled();
    let observed = bench.observe(&[]);
    for (parameters, flags) in [
        ("", vec![]),
        ("&outcome=FILLED&outcome=BLOCKED", vec!["--outcome", "filled", "--outcome", "blocked"]),
        ("&reason=ATTENTION_NEGATIVE", vec!["--reason", "ATTENTION_NEGATIVE"]),
        ("&marketId=BINANCE_SPOT:M01-USDT", vec!["--market", "BINANCE_SPOT:M01-USDT"]),
        (
            "&strategyInstanceId=27ac435a-1710-4110-a051-8ca566ceab36",
            vec!["--instance", "27ac435a-1710-4110-a051-8ca566ceab36"],
        ),
        ("&from=20&to=60", vec!["--from", "20", "--to", "60"]),
    ] {
        let printed = bench.run(&[&["decisions", "--json"], flags.as_slice()].concat()).expect(0).json();
        assert!(printed.len() > 1, "{parameters}");
        for limit in [1, 7, 1000] {
            for is_forward in [true, false] {
                let found = walk_decisions(&observed, &format!("limit={limit}{parameters}"), is_forward);
                assert_eq!(found, printed, "{parameters} {limit} {is_forward}");
            }
        }
    }
    for (parameters, flags) in [
        ("", vec![]),
        ("?by=market", vec!["--by", "market"]),
        ("?by=instance&from=20", vec!["--by", "instance", "--from", "20"]),
        ("?by=pool&to=60", vec!["--by", "pool", "--to", "60"]),
        ("?by=class", vec!["--by", "class"]),
    ] {
        let printed = bench.run(&[&["summary", "--json"], flags.as_slice()].concat()).expect(0).stdout;
        let found = observed.get(&format!("/v1/observe/derived/summary{parameters}")).expect(200);
        let (found, _) = found.text().split_once(",\"groupsLeftOut\":0,\"asOf\":").unwrap();
        assert_eq!(format!("{found}}}\n").as_bytes(), printed);
    }
}

#[test]
fn a_story_is_what_explain_prints() {
    let bench = Bench::filled();
    let observed = bench.observe(&[]);
    let decisions = bench.run(&["state", "memory", "--ndjson"]).expect(0).json();
    for decision in decisions.iter().step_by(3) {
        let id = decision["decisionId"].as_str().unwrap();
        let printed = bench.run(&["explain", id, "--json"]).expect(0).stdout;
        let story = observed.get(&format!("/v1/observe/derived/decisions/{id}")).expect(200);
        let (story, _) = story.text().split_once(",\"asOf\":").unwrap();
        assert_eq!(format!("{story}}}\n").as_bytes(), printed);
    }
}

/// A writer that reads only the end of a log appends to a corrupted one.
#[test]
fn a_log_that_grows_after_a_fault_is_ready_only_once_it_is_restored() {
    let bench = Bench::filled();
    let log = vector("audit_events.ndjson");
    let last = *lines(&log).last().unwrap();
    bench.put(&bench.log_path(), log.strip_suffix(last).unwrap());
    let observed = bench.observe(&[]);
    let overwrite = |byte: &[u8]| {
        let file = fs::OpenOptions::new().write(true).open(bench.log_path()).unwrap();
        file.write_all_at(byte, 5000).unwrap();
    };
    wait_until("it is ready", || observed.get("/readyz").status == 200);
    overwrite(b"\0");
    wait_until("it is not ready", || observed.get("/readyz").status == 503);
    fs::OpenOptions::new().append(true).open(bench.log_path()).unwrap().write_all(last).unwrap();
    wait_until("it is not ready", || observed.get("/readyz").status == 503);
    overwrite(&log[5000..=5000]);
    wait_until("it is ready", || observed.get("/readyz").status == 200);
}

/// OpenMetrics 1.0: families that are declared before their samples, and an end.
#[test]
fn metrics_are_of_declared_families() {
    let bench = Bench::filled();
    let observed = bench.observe(&[]);
    observed.get("/v1/observe/derived/lifecycles").expect(200);
    let accept = ["Accept: application/openmetrics-text; version=1.0.0"];
    let answer = observed.ask("GET", "/metrics", &accept).expect(200);
    let kind = answer.header("content-type").unwrap();
    assert!(kind.starts_with("application/openmetrics-text; version=1.0.0"), "{kind}");
    let text = String::from_utf8(answer.body).unwrap();
    let mut families = Vec::new();
    for line in text.strip_suffix("# EOF\n").unwrap().lines() {
        if let Some(declared) = line.strip_prefix("# ") {
            let mut words = declared.split(' ');
            let (what, family) = (words.next().unwrap(), words.next().unwrap());
            assert!(family.starts_with("dreichor_"), "{line}");
            if what == "TYPE" {
                assert!(!families.contains(&family), "{line}");
                families.push(family);
            }
            continue;
        }
        let (sample, value) = line.rsplit_once(' ').unwrap();
        let family = *families.last().unwrap();
        assert!(sample.starts_with(family), "{line} is not of {family}");
        assert!(value.parse::<f64>().is_ok_and(|value| value >= 0.0), "{line}");
    }
    let [log, snapshots] = bench.stores();
    for sample in [
        format!("dreichor_audit_events_bytes {}", log.len()),
        format!("dreichor_snapshots_bytes {}", snapshots.len()),
        "dreichor_ready 1".into(),
        "dreichor_derivations_total 1".into(),
    ] {
        assert!(text.lines().any(|line| line == sample), "no {sample} in {text}");
    }
    for sample in [
        "dreichor_audit_events 254",
        "dreichor_last_logical_time 84",
        "dreichor_decisions{outcome=\"FILLED\"} 17",
        "dreichor_decisions{outcome=\"INTERRUPTED\"} 0",
    ] {
        assert!(text.lines().any(|line| line == sample), "no {sample} in {text}");
    }
    let answer = observed.get("/metrics").expect(200);
    assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let text = answer.text();
    for line in [
        "# TYPE dreichor_derivations_total counter",
        "dreichor_derivations_total 1",
        "# TYPE dreichor_build_info gauge",
        "dreichor_ready 1",
    ] {
        assert!(text.lines().any(|other| other == line), "no {line} in {text}");
    }
    assert!(!text.contains("# UNIT") && !text.contains("# EOF"), "{text}");
}

#[test]
fn a_database_that_answered_is_told_and_its_password_is_not() {
    let bench = Bench::filled();
    let database = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("postgres://user:hunter2@{}/db", database.local_addr().unwrap());
    let observed = bench.observe(&["--database-url", &url]);
    let status = observed.get("/v1/observe/runtime/status").expect(200);
    assert_eq!(status.json()["database"], "reachableAtStart");
    assert!(!status.text().contains("hunter2"));
    let Observed { mut running, .. } = observed;
    assert!(!running.told().contains("hunter2"));
}

#[test]
fn it_can_be_off() {
    let bench = Bench::filled();
    let mut running = bench.start(&["run", "--observer-addr", "off"]);
    running.wait_until_it_says("READY");
    let descriptors = fs::read_dir(format!("/proc/{}/fd", running.id())).unwrap();
    let held: Vec<_> = descriptors.map(|entry| fs::read_link(entry.unwrap().path()).unwrap()).collect();
    // A listener would be a socket of its own; those that there are wake the process at a signal.
    let tcp = fs::read_to_string(format!("/proc/{}/net/tcp", running.id())).unwrap();
    for socket in held.iter().filter_map(|link| link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')) {
        assert!(!tcp.split_whitespace().any(|word| word == socket), "{socket}: {tcp}");
    }
    running.signal(rustix::process::Signal::TERM);
    running.finish().expect(0);
}

/// A copy on a read-only volume is served as `run` serves the original, but for what the process says of itself.
#[test]
fn a_copy_is_observed() {
    use std::os::unix::fs::PermissionsExt;
    let bench = Bench::filled();
    let original = bench.observe(&[]);
    for mount in [bench.log_path(), bench.snapshots_path()] {
        fs::set_permissions(mount.parent().unwrap(), fs::Permissions::from_mode(0o550)).unwrap();
        fs::set_permissions(&mount, fs::Permissions::from_mode(0o440)).unwrap();
    }
    let mut running = bench.start(&["observe", "--log-format", "json", "--observer-addr", "127.0.0.1:0"]);
    running.wait_until_it_says("SERVING");
    assert!(!running.told().contains("READY"));
    let log = support::json_lines(running.told().as_bytes());
    let address = log.iter().find_map(|line| line["addr"].as_str()).unwrap().parse().unwrap();
    let observed = Observed { running, address };
    for path in GOLDEN.iter().filter(|path| !path.contains("/paths")) {
        if path.contains("runtime/status") {
            let status = observed.get(path).expect(200).json();
            assert_eq!((&status["safetyMode"], &status["snapshotStrategy"]), (&Value::Null, &Value::Null));
        } else {
            assert_eq!(observed.get(path).body, original.get(path).body, "{path}");
        }
    }
    observed.running.signal(rustix::process::Signal::TERM);
    observed.running.finish().expect(0);
    bench.run(&["observe", "--observer-addr", "off"]).expect(2);
}

/// As NDJSON, pages are the very lines, and their cursors are links.
#[test]
fn pages_of_lines_lead_to_each_other() {
    let bench = Bench::filled();
    let observed = bench.observe(&[]);
    let log = vector("audit_events.ndjson");
    let decisions = bench.run(&["decisions", "--json"]).expect(0).stdout;
    for (path, expected) in [(EVENTS, log), ("/v1/observe/derived/decisions", decisions)] {
        let (mut query, mut lines) = ("?limit=40&from=0&after=0".to_owned(), Vec::new());
        loop {
            let accept = ["Accept: application/x-ndjson"];
            let page = observed.ask("GET", &format!("{path}{query}"), &accept).expect(200);
            assert_eq!(page.header("content-type"), Some("application/x-ndjson"));
            assert_eq!(page.header("vary"), Some("Accept, Accept-Encoding"));
            if page.body.is_empty() {
                break;
            }
            let (_, next) = page.header("link").unwrap().split_once('<').unwrap();
            query = next.split_once(">; rel=\"next\"").unwrap().0.to_owned();
            lines.extend(page.body);
        }
        assert_eq!(lines, expected, "{path}");
    }
}
