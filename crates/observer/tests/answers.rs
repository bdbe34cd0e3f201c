//! What answers are, whatever the log: of empty stores, of proofs, of pages, and their entity tags.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../../core/tests/support/rfc6962.rs"]
#[allow(dead_code, reason = "a part of it is used here")]
mod rfc6962;
mod support;

use std::fs;
use std::path::Path;

use dreichor_observer::Limits;
use rfc6962::{Node, hex, mth, verifies_consistency, verifies_inclusion};
use serde_json::{Value, json};
use support::{Observed, vector};

const EVENTS: &str = "/v1/observe/persistence/audit-events";

/// The paths of the golden answers.
fn golden_paths() -> Vec<String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/observer/answers.txt");
    let golden = fs::read_to_string(file).unwrap();
    let paths: Vec<String> =
        golden.lines().filter_map(|line| line.strip_prefix("GET ")).map(ToOwned::to_owned).collect();
    assert!(paths.len() > 60);
    paths
}

/// The lines of a log, each with its LF.
fn lines(log: &[u8]) -> Vec<&[u8]> {
    log.split_inclusive(|byte| *byte == b'\n').collect()
}

/// Every endpoint that answers of the stores, as empty stores have it.
const EMPTY: [(&str, &str); 11] = [
    (EVENTS, r#"{"events":[],"next":"0","previous":null}"#),
    (
        "/v1/observe/persistence/audit-events/summary",
        r#"{"totalCount":0,"countsByType":{"DECISION_EVALUATED":0,"ORDER_INTENT_CREATED":0,"ORDER_INTENT_SKIPPED":0,"SAFETY_EVALUATED":0,"EXECUTION_ATTEMPTED":0,"EXECUTION_OUTCOME_RECORDED":0,"LEDGER_UPDATED":0,"USER_FEEDBACK_RECORDED":0},"lastEventId":null,"lastLogicalTime":null,"bytes":0,"unterminatedBytes":0,"interruptedTick":null}"#,
    ),
    ("/v1/observe/persistence/snapshots/latest", r#"{"snapshot":null}"#),
    (
        "/v1/observe/persistence/tree-head",
        r#"{"treeSize":0,"rootHash":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}"#,
    ),
    ("/v1/observe/persistence/proof/consistency?from=0", r#"{"from":0,"to":0,"path":[]}"#),
    (
        "/v1/observe/derived/decision-memory",
        r#"{"totals":{"decisions":0,"execution":{"executionsObserved":0,"filledCount":0,"failedCount":0},"safety":{"evaluationsObserved":0,"blockedCount":0,"forcedSellCount":0},"feedback":{"feedbackCount":0,"categories":{"DECISION_QUALITY":0,"RISK_COMFORT":0,"SYSTEM_BEHAVIOR":0}}},"entries":[],"next":"0","previous":null,"asOf":{"treeSize":0,"logicalTime":null}}"#,
    ),
    (
        "/v1/observe/derived/shadow-ledger",
        r#"{"plane":"PAPER","positions":[],"next":null,"previous":null,"asOf":{"treeSize":0,"logicalTime":null}}"#,
    ),
    (
        "/v1/observe/derived/lifecycles",
        r#"{"lifecycles":[],"next":null,"previous":null,"asOf":{"treeSize":0,"logicalTime":null}}"#,
    ),
    (
        "/v1/observe/derived/decisions",
        r#"{"decisions":[],"next":"0","previous":null,"asOf":{"treeSize":0,"logicalTime":null}}"#,
    ),
    (
        "/v1/observe/derived/timeline",
        r#"{"instances":[],"next":null,"previous":null,"asOf":{"treeSize":0,"logicalTime":null}}"#,
    ),
    (
        "/v1/observe/derived/summary",
        r#"{"from":null,"to":null,"decisions":0,"outcomes":{"SKIPPED":0,"BLOCKED":0,"FILLED":0,"PARTIALLY_FILLED":0,"FAILED":0,"INTERRUPTED":0},"sides":{"BUY":0,"SELL":0},"reasons":{},"groups":[],"groupsLeftOut":0,"asOf":{"treeSize":0,"logicalTime":null}}"#,
    ),
];

#[test]
fn empty_stores_are_sound() {
    let observed = Observed::of_nothing();
    for (path, expected) in EMPTY {
        let answer = observed.get(path).expect(200);
        assert_eq!(String::from_utf8(answer.body).unwrap(), expected, "{path}");
    }
    let paths = observed.get("/v1/observe/persistence/paths").expect(200).json();
    assert_eq!(
        (&paths["snapshots"]["exists"], &paths["snapshots"]["sizeBytes"]),
        (&json!(false), &Value::Null)
    );
    observed.get("/readyz").expect(200);
}

#[test]
fn each_event_is_found_by_its_id_and_proven() {
    let observed = Observed::filled(Limits::default());
    let log = vector("audit_events.ndjson");
    let leaves: Vec<Vec<u8>> = lines(&log).iter().map(|line| content(line)).collect();
    let root = |size: usize| -> Node { mth(&leaves[..size]) };
    let all: Vec<&[u8]> = lines(&log);
    let head = observed.get("/v1/observe/persistence/tree-head").expect(200).json();
    assert_eq!(head, json!({ "treeSize": all.len(), "rootHash": hex(&root(all.len())) }));
    for (index, line) in all.iter().enumerate().step_by(17) {
        let event: Value = serde_json::from_slice(line).unwrap();
        let id = event["id"].as_str().unwrap();
        let found = observed.get(&format!("{EVENTS}/{id}")).expect(200);
        let expected = [
            b"{\"event\":",
            &line[..line.len() - 1],
            format!(",\"lineNumber\":{},\"leafIndex\":{index}}}", index + 1).as_bytes(),
        ]
        .concat();
        assert_eq!(found.body, expected);
        for size in [index + 1, usize::midpoint(index, all.len()) + 1, all.len()] {
            let path = format!("/v1/observe/persistence/proof/inclusion?eventId={id}&treeSize={size}");
            let proof = observed.get(&path).expect(200).json();
            assert_eq!((&proof["leafIndex"], &proof["treeSize"]), (&json!(index), &json!(size)));
            let leaf = mth(&leaves[index..=index]);
            assert!(
                verifies_inclusion(index as u64, size as u64, &nodes(&proof), leaf, root(size)),
                "{path}"
            );

            let path = format!("/v1/observe/persistence/proof/consistency?from={index}&to={size}");
            let proof = observed.get(&path).expect(200).json();
            let trees = ((index as u64, root(index)), (size as u64, root(size)));
            assert!(verifies_consistency(trees.0, trees.1, &nodes(&proof)), "{path}");
        }
        let path = format!("/v1/observe/persistence/proof/inclusion?eventId={id}&treeSize=255");
        assert_eq!(observed.get(&path).is_problem(400, "bad-parameter")["parameter"], "treeSize");
    }
}

/// The content of a line's leaf: the event without its id.
fn content(line: &[u8]) -> Vec<u8> {
    let text = std::str::from_utf8(line).unwrap().trim_end();
    let (_, rest) = text.split_once(',').unwrap();
    format!("{{{rest}").into_bytes()
}

fn nodes(proof: &Value) -> Vec<Node> {
    let byte = |digits: &[u8]| u8::from_str_radix(std::str::from_utf8(digits).unwrap(), 16).unwrap();
    let node = |text: &Value| -> Node {
        let bytes: Vec<u8> = text.as_str().unwrap().as_bytes().chunks(2).map(byte).collect();
        bytes.try_into().unwrap()
    };
    proof["path"].as_array().unwrap().iter().map(node).collect()
}

/// The last interval of each instance is its lifecycle now, and they follow each other without a gap.
#[test]
fn the_timeline_ends_with_the_lifecycles() {
    let observed = Observed::filled(Limits::default());
    let lifecycles = observed.get("/v1/observe/derived/lifecycles").expect(200).json();
    let timeline = observed.get("/v1/observe/derived/timeline").expect(200).json();
    assert_eq!(timeline["asOf"], lifecycles["asOf"]);
    let lanes = timeline["instances"].as_array().unwrap();
    let mut holdings = 0;
    for (lane, lifecycle) in lanes.iter().zip(lifecycles["lifecycles"].as_array().unwrap()) {
        assert_eq!(lane["strategyInstanceId"], lifecycle["strategyInstanceId"]);
        let intervals = lane["intervals"].as_array().unwrap();
        for pair in intervals.windows(2) {
            assert_eq!(pair[0]["to"], pair[1]["from"]);
        }
        holdings += intervals.iter().filter(|interval| interval["state"] == "HOLDING").count();
        let last = intervals.last().unwrap();
        for member in ["state", "marketId", "quantity", "until"] {
            assert_eq!(last[member], lifecycle[member], "{member} of {lane}");
        }
        assert!(last["to"].is_null());
    }
    assert_eq!(lanes.len(), lifecycles["lifecycles"].as_array().unwrap().len());
    assert!(holdings > 2);
    // A stretch of time has the intervals that touch it, and no others.
    let part = observed.get("/v1/observe/derived/timeline?from=20&to=50").expect(200).json();
    let touches = |interval: &Value| {
        interval["to"].as_u64().is_none_or(|to| to >= 20) && interval["from"].as_u64().unwrap() <= 50
    };
    for (part, lane) in part["instances"].as_array().unwrap().iter().zip(lanes) {
        let expected: Vec<_> =
            lane["intervals"].as_array().unwrap().iter().filter(|at| touches(at)).collect();
        assert_eq!(json!(part["intervals"]), json!(expected));
    }
}

/// Every page by key gives each entry once, in both directions.
#[test]
fn pages_by_key_give_everything_once() {
    let observed = Observed::filled(Limits::default());
    for (path, member) in
        [("shadow-ledger", "positions"), ("lifecycles", "lifecycles"), ("timeline", "instances")]
    {
        let get =
            |query: &str| observed.get(&format!("/v1/observe/derived/{path}{query}")).expect(200).json();
        let all = get("")[member].as_array().unwrap().clone();
        assert!(all.len() > 2);
        for limit in 1..=all.len() + 1 {
            let (mut forwards, mut query) = (Vec::new(), format!("?limit={limit}"));
            loop {
                let page = get(&query);
                forwards.extend(page[member].as_array().unwrap().clone());
                let Some(next) = page["next"].as_str() else { break };
                query = format!("?limit={limit}&after={next}");
            }
            assert_eq!(forwards, all);
            let (mut backwards, mut query) = (Vec::new(), format!("?limit={limit}&before=~"));
            if path != "shadow-ledger" {
                query = format!("?limit={limit}&before=ffffffff-ffff-4fff-bfff-ffffffffffff");
            }
            while let Some(before) = Some(query.replace('~', "zzzz")) {
                let page = get(&before);
                backwards.splice(0..0, page[member].as_array().unwrap().clone());
                let Some(previous) = page["previous"].as_str() else { break };
                query = format!("?limit={limit}&before={previous}");
            }
            assert_eq!(backwards, all);
        }
    }
}

#[test]
fn the_entity_tag_is_of_the_bytes() {
    let observed = Observed::filled(Limits::default());
    for path in golden_paths().iter().filter(|path| !path.contains("readyz")) {
        let answer = observed.get(path);
        let Some(etag) = answer.header("etag").map(ToOwned::to_owned) else {
            assert!(answer.status >= 400, "{path}");
            continue;
        };
        assert_eq!(observed.get(path).header("etag"), Some(etag.as_str()), "{path}");
        for known in [etag.clone(), format!("W/{etag}"), format!("\"x\", {etag}"), "*".into()] {
            let unchanged = observed.ask("GET", path, &[&format!("If-None-Match: {known}")]).expect(304);
            assert_eq!((unchanged.header("etag"), unchanged.body.len()), (Some(etag.as_str()), 0));
        }
        let changed = observed.ask("GET", path, &["If-None-Match: \"x\", \"y\""]).expect(200);
        assert_eq!(changed.body, answer.body);
    }
    // Two Observers of the same bytes say the same.
    let other = Observed::filled(Limits::default());
    for path in ["/v1/observe/derived/decision-memory", EVENTS] {
        assert_eq!(other.get(path).header("etag"), observed.get(path).header("etag"));
    }
}

/// A 304 to HEAD has the length of the 200, or none.
#[test]
fn an_unchanged_answer_to_head_claims_no_other_length() {
    let observed = Observed::filled(Limits::default());
    let path = "/v1/observe/derived/lifecycles";
    let answer = observed.get(path).expect(200);
    let known = format!("If-None-Match: {}", answer.header("etag").unwrap());
    let length = answer.header("content-length").unwrap();
    for method in ["GET", "HEAD"] {
        let unchanged = observed.ask(method, path, &[&known]).expect(304);
        assert!(unchanged.header("content-length").is_none_or(|other| other == length), "{unchanged:?}");
    }
    assert_eq!(observed.ask("HEAD", path, &[]).expect(200).header("content-length"), Some(length));
}
