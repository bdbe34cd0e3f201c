//! `tools/verify.py` shares nothing with the program but the specification. On the same stores, sound or corrupted, both
//! give the same verdict: exit code, and file, line and rule of the first finding.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a helper's failure is the test's")]

#[path = "../../core/tests/support/config.rs"]
mod config;
mod support;

use std::fs;
use std::path::Path;

use config::config;
use dreichor_core::canonical::Sink;
use dreichor_core::id::content_id;
use dreichor_core::tree::Hasher;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::Value;
use support::page::root;
use support::{Bench, DREICHOR, Outcome, clean, json_lines, lines, run, vector, vector_stores};

/// The rules that the checker does not know, since it executes no tick.
const NOT_THE_CHECKERS: &[&str] = &["reexecution"];

/// File, line and rule of the first finding; none: all holds.
type Verdict = Option<(String, u64, String)>;

/// The checker's findings and summary.
fn checked(data: &Path) -> Outcome {
    let mut command = clean("python3");
    run(command.arg(root().join("tools/verify.py")).arg("--data-dir").arg(data).arg("--json"), b"")
}

/// The first finding by a rule that the checker knows.
fn first_finding(outcome: &Outcome) -> Verdict {
    let mut findings = outcome.json();
    findings.retain(|line| line.get("rule").is_some());
    let code = if findings.is_empty() { 0 } else { 21 };
    assert_eq!(outcome.code, Some(code), "{}", outcome.stderr);
    let text = |finding: &Value, member: &str| finding[member].as_str().unwrap().to_owned();
    findings.retain(|finding| !NOT_THE_CHECKERS.contains(&text(finding, "rule").as_str()));
    let first = findings.first()?;
    Some((file_name(&text(first, "file")), first["line"].as_u64().unwrap(), text(first, "rule")))
}

fn file_name(path: &str) -> String {
    Path::new(path).file_name().unwrap().to_string_lossy().into_owned()
}

/// The verdict of the checker on these stores. The program has the same.
fn verdict(log: &[u8], snapshots: &[u8]) -> Verdict {
    let bench = Bench::new();
    bench.put(&bench.log_path(), log);
    bench.put(&bench.snapshots_path(), snapshots);
    let verdict = first_finding(&checked(&bench.path("data")));
    assert_eq!(first_finding(&bench.run(&["verify", "--json"])), verdict, "program, checker");
    verdict
}

#[test]
#[ignore = "needs python3"]
fn sound_stores_have_the_same_root_and_digests() {
    let [log, snapshots] = vector_stores();
    let bench = Bench::bare();
    run(clean(DREICHOR).args(["demo", "--steps", "150", "--dir"]).arg(bench.path("demo")), b"").expect(0);
    let demo = |file: &str| fs::read(bench.path("demo/killed").join(file)).unwrap();
    let stores = [
        (vec![], vec![]),
        (log.clone(), vec![]),
        (log.clone(), snapshots.clone()),
        (log.clone(), vector("snapshots-every-20.ndjson")),
        (demo("audit-events/audit_events.ndjson"), demo("snapshots/snapshots.ndjson")),
        // An unterminated tail, an interrupted tick and missing snapshots are no findings.
        (log[..log.len() - 1].to_vec(), snapshots[..snapshots.len() - 1].to_vec()),
        (log[..log.len() / 2].to_vec(), vec![]),
        ([&log[..], &vec![0; 70_000]].concat(), [&snapshots[..], b"\0"].concat()),
    ];
    for (log, snapshots) in stores {
        assert_eq!(verdict(&log, &snapshots), None);
        let bench = Bench::new();
        bench.put(&bench.log_path(), &log);
        bench.put(&bench.snapshots_path(), &snapshots);
        let receipt = bench.run(&["replay", "--json"]).expect(0).json().remove(0);
        let summary = checked(&bench.path("data")).expect(0).json().remove(0);
        let numbers = ["events", "treeSize", "snapshotTreeSize", "interruptedTick", "unterminatedBytes"];
        for member in
            [&numbers[..], &["rootHash", "memoryDigest", "ledgerDigest", "lifecyclesDigest"]].concat()
        {
            assert_eq!(summary[member], receipt[member], "{member}");
        }
    }
}

#[test]
#[ignore = "needs python3"]
fn the_published_vectors_have_the_published_root_and_digests() {
    let summary = checked(&Bench::filled().path("data")).expect(0).json().remove(0);
    let expected = json_lines(&vector("expected.json")).remove(0);
    assert_eq!(summary["treeSize"], expected["treeSize"]);
    assert_eq!(summary["rootHash"], expected["rootHash"]);
    assert_eq!(summary["snapshots"], expected["snapshots"]);
    for part in ["memory", "ledger", "lifecycles"] {
        assert_eq!(summary[format!("{part}Digest")], expected["digests"][part]);
    }
}

/// The two stores as lines, each with its LF.
struct Stores {
    log: Vec<Vec<u8>>,
    snapshots: Vec<Vec<u8>>,
}

impl Stores {
    fn vectors() -> Self {
        let owned = |file: &[u8]| lines(file).into_iter().map(<[u8]>::to_vec).collect();
        let [log, snapshots] = vector_stores();
        Self { log: owned(&log), snapshots: owned(&snapshots) }
    }

    fn verdict(&self) -> Verdict {
        verdict(&self.log.concat(), &self.snapshots.concat())
    }

    /// Makes an edit of [`CORRUPTED`].
    fn edit(&mut self, edit: &str) {
        let [file, line, edit] = edit.splitn(3, ' ').collect::<Vec<_>>().try_into().unwrap();
        let store = if file == "log" { &mut self.log } else { &mut self.snapshots };
        let index = line.parse::<usize>().unwrap() - 1;
        match edit.split_once(' ') {
            Some(("delete", count)) => drop(store.drain(index..index + count.parse::<usize>().unwrap())),
            Some(("twice", count)) => {
                let end = index + count.parse::<usize>().unwrap();
                let again = store[index..end].to_vec();
                store.splice(end..end, again);
            }
            Some(("swap", with)) => store.swap(index, with.parse::<usize>().unwrap() - 1),
            _ => {
                let (from, to) = edit.split_once(" -> ").unwrap();
                let (from, is_kept) = from.strip_prefix("kept ").map_or((from, false), |from| (from, true));
                let at = find(&store[index], from).unwrap_or_else(|| panic!("no {from} in line {line}"));
                store[index].splice(at..at + from.len(), bytes(to));
                if !is_kept {
                    identify(&mut store[index]);
                }
            }
        }
    }
}

fn find(text: &[u8], part: &str) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part.as_bytes())
}

/// A text in which `·` means a space, `¶` for the byte 0xff, and `…` for 5,000 times the letter x.
fn bytes(text: &str) -> Vec<u8> {
    let byte = |letter: char| match letter {
        '·' => b" ".to_vec(),
        '¶' => b"\xff".to_vec(),
        '…' => b"x".repeat(5_000),
        letter => letter.to_string().into_bytes(),
    };
    text.chars().flat_map(byte).collect()
}

/// Makes the id of a line (with its LF) right again, if it is where an id must be.
fn identify(line: &mut Vec<u8>) {
    const UUID_BYTES: usize = 36;
    for opening in ["{\"snapshotId\":\"", "{\"id\":\""] {
        let end = opening.len() + UUID_BYTES;
        if line.starts_with(opening.as_bytes()) && line.get(end..end + 2) == Some(b"\",") {
            let mut content = Hasher::leaf();
            content.put(b"{");
            content.put(line[end + 2..].strip_suffix(b"\n").unwrap_or(&line[end + 2..]));
            let id = content_id(content.finish()).to_string();
            line.splice(opening.len()..end, id.into_bytes());
        }
    }
}

#[test]
#[ignore = "needs python3"]
fn corrupted_stores_have_the_same_first_finding() {
    for row in CORRUPTED.lines().filter(|row| !row.is_empty() && !row.starts_with('#')) {
        let (edits, rule) = row.rsplit_once(" => ").unwrap();
        let mut stores = Stores::vectors();
        edits.split(" & ").for_each(|edit| stores.edit(edit));
        let verdict = stores.verdict();
        assert_eq!(verdict.as_ref().map(|(.., rule)| rule.as_str()), Some(rule), "{row}: {verdict:?}");
    }
}

/// Edits, joined by `&`, of the vectors' stores, and the rule of the first finding. An edit is `FILE LINE` and then `delete
/// COUNT`, `twice COUNT`, `swap LINE`, or `TEXT -> TEXT`, after which the id is made right again; with `kept` it is not.
const CORRUPTED: &str = r#"
# the log
log 1 delete 1 => tick-order
log 3 delete 1 => tick-cut-short
log 6 delete 1 => tick-cut-short
log 12 delete 1 => tick-cut-short
log 3 twice 1 => tick-order
log 4 twice 1 => tick-cut-short
log 52 twice 1 => feedback-once
log 1 swap 2 => tick-order
log 8 swap 9 => tick-order
log 15 swap 16 => tick-cut-short
log 12 swap 13 => tick-cut-short
log 1 kept {"id -> ·{"id => canonical
log 1 kept ,"type" -> ·,"type" => canonical
log 1 kept }} -> }}· => canonical
log 1 kept "version":1 -> "version":1.0 => value
log 1 kept true -> false => event-id
log 1 kept "id":"a -> "id":"A => value
log 1 kept "id":"a867b3d8-1683-8 -> "id":"a867b3d8-1683-4 => event-id
log 33 kept "ALLOW" -> "ALLOX" => value
log 52 kept DECISION_QUALITY -> RISK_COMFORT => event-id
log 1 ,"version":1 ->  => members
log 1 "version":1 -> "version":2 => version
log 1 "type":"DECISION_EVALUATED" -> "type":"DECISION_MADE" => type
log 1 "logicalTime":3 -> "logicalTime":9007199254740992 => value
log 1 "logicalTime":3 -> "logicalTime":0x3 => canonical
log 1 ["UNKNOWN"] -> ["UNKNOWN","UNKNOWN"] => value
log 1 ["UNKNOWN"] -> ["UNKNOWN";"UNKNOWN"] => canonical
log 1 ["UNKNOWN"] -> [] => snapshot-root
log 1 cautious@v1 -> cautious@v2 => value
log 1 "reasonCodes" -> "reasoncodes" => members
log 1 "haltAll":false,"blockBuy":false -> "blockBuy":false,"haltAll":false => members
log 120 \\ -> \u005c => canonical
log 120 #34 -> #34¶ => json
log 120 "comment":"a -> "comment":"… => value
log 120 "comment":"a -> "comment":"……………………………………… => line-length
log 120 "from":36 -> "from":46 => feedback-window
log 120 "to":45 -> "to":46 => feedback-window
log 120 TIME_WINDOW -> WINDOW => value
log 52 "executionId":"1abee62e -> "executionId":"1abee62f => feedback-target
log 52 c8a2a561 -> c8a2a562 => feedback-target
log 1 "decisionId":"71b6a340 -> "decisionId":"71b6a341 => decision-id
log 2 "decisionId":"71b6a340 -> "decisionId":"71b6a341 => tick-decision
log 2 "logicalTime":3 -> "logicalTime":4 => tick-time
log 13 "logicalTime":4 -> "logicalTime":2 => time-order
log 3 "reason":null -> "reason":"BUY_BLOCKED" => safety-pair
log 5 STRATEGY -> SAFETY => intent-origin
log 77 SAFETY -> STRATEGY => intent-origin
log 77 0.25 -> 0.250 => forced-sale
log 76 delete 1 => tick-order
log 77 delete 1 => forced-sale
log 33 "result":"ALLOW","reason":null -> "result":"FORCE_SELL","reason":"FORCE_SELL_ACTIVE" => tick-cut-short
log 42 "result":"ALLOW","reason":null -> "result":"FORCE_SELL","reason":"FORCE_SELL_ACTIVE" => forced-sale
log 10 PAPER -> LIVE => plane
log 10 PAPER -> PAPIER => value
log 10 "orderIntentId":"9b09832d -> "orderIntentId":"9b09832e => tick-agreement
log 11 "executionId":"cbb5d05b -> "executionId":"cbb5d05c => tick-agreement
log 11 "side":"BUY" -> "side":"SELL" => tick-agreement
log 11 M03 -> M02 => tick-agreement
log 11 "filledQuantity":"0.5" -> "filledQuantity":"0.50" => filled-quantity
log 11 FILLED -> FAILED => outcome-reason
log 11 "reason":null -> "reason":"EXECUTION_REJECTED" => outcome-reason
log 11 FILLED -> PARTIALLY_FILLED => tick-order
log 12 M03 -> M02 => tick-agreement
log 15 "result":"BLOCK_BUY","reason":"POSITION_ALREADY_OPEN" -> "result":"ALLOW","reason":null => tick-cut-short
log 1 twice 3 => instance-time-order
log 34 delete 6 => one-position
log 35 "0.5" -> "0.25" & log 38 "0.5" -> "0.25" => open-position
log 1 delete 12 => open-position
log 250 kept 8 -> 9 & snapshots 1 kept PAPER -> LIVE => event-id
# snapshots
snapshots 17 kept "auditRootHash":"3 -> "auditRootHash":"4 => snapshot-id
snapshots 17 "auditRootHash":"3 -> "auditRootHash":"4 => snapshot-root
snapshots 17 "auditTreeSize":229 -> "auditTreeSize":230 => snapshot-boundary
snapshots 17 "auditTreeSize":229 -> "auditTreeSize":255 => snapshot-ahead
snapshots 17 "auditTreeSize":229 -> "auditTreeSize":0 => value
snapshots 17 "logicalTime":80 -> "logicalTime":79 => snapshot-time
snapshots 17 "quantity":"0" -> "quantity":"1" => snapshot-positions
snapshots 17 "isOpen":true -> "isOpen":false => snapshot-positions
snapshots 17 "BINANCE_SPOT:M00-USDT":{ -> "BINANCE_SPOT:M04-USDT":{ => snapshot-order
snapshots 17 SHADOW_LEDGER_SNAPSHOT -> SNAPSHOT => type
snapshots 17 "PAPER" -> "LIVE" => plane
snapshots 17 }}} -> }},} => canonical
snapshots 17 ,"positions" -> ,"position" => members
log 52 DECISION_QUALITY -> RISK_COMFORT => feedback-id
log 8 "orderIntentId":"9b09832d -> "orderIntentId":"9b09832e => order-intent-id
log 10 "executionId":"cbb5d05b -> "executionId":"cbb5d05c => execution-id
snapshots 16 swap 17 => snapshot-sequence
snapshots 16 twice 1 => snapshot-sequence
snapshots 3 "quantity":"0.25" -> "quantity":"0.5" => snapshot-positions
snapshots 3 "auditTreeSize":51 -> "auditTreeSize":11 => snapshot-boundary
snapshots 3 "auditTreeSize":51 -> "auditTreeSize":300 => snapshot-ahead
snapshots 3 kept {"snapshotId -> ·{"snapshotId => canonical
"#;

/// A corruption of a store.
#[derive(Debug, Clone)]
enum Corruption {
    /// A change within a line, after which the id is made right again, or not.
    Change(Index, Change, bool),
    Delete(Index, usize),
    Repeat(Index, Index),
    Swap(Index, Index),
    Truncate(Index),
    Append(&'static str),
}

#[derive(Debug, Clone)]
enum Change {
    /// A flipped bit.
    Flip(Index),
    /// A token instead of so many bytes.
    Splice(Index, usize, &'static str),
    /// Another value, wherever the line has this one.
    Value(&'static str, &'static str),
}

impl Corruption {
    fn corrupt(&self, store: &mut Vec<Vec<u8>>) {
        let lines = store.len();
        if lines == 0 {
            return;
        }
        match self {
            Self::Change(line, change, is_identified) => {
                let line = &mut store[line.index(lines)];
                change.make(line);
                if *is_identified {
                    identify(line);
                }
            }
            Self::Delete(from, count) => {
                let from = from.index(lines);
                store.drain(from..lines.min(from + count));
            }
            Self::Repeat(from, to) => store.insert(to.index(lines), store[from.index(lines)].clone()),
            Self::Swap(left, right) => store.swap(left.index(lines), right.index(lines)),
            Self::Truncate(at) => {
                let line = at.index(lines);
                store.truncate(line + 1);
                let length = at.index(store[line].len().max(1));
                store[line].truncate(length);
            }
            Self::Append(token) => store.push(token.as_bytes().to_vec()),
        }
    }
}

impl Change {
    fn make(&self, line: &mut Vec<u8>) {
        if line.is_empty() {
            return;
        }
        match self {
            Self::Flip(bit) => {
                let bit = bit.index(line.len() * 8);
                line[bit / 8] ^= 1 << (bit % 8);
            }
            Self::Splice(at, length, token) => {
                let at = at.index(line.len());
                line.splice(at..line.len().min(at + length), token.bytes());
            }
            Self::Value(from, to) => {
                while let Some(at) = find(line, from).filter(|_| find(to.as_bytes(), from).is_none()) {
                    line.splice(at..at + from.len(), to.bytes());
                }
            }
        }
    }
}

fn corruption() -> impl Strategy<Value = Corruption> {
    let tokens = select(
        &[
            "", " ", ",", ":", "\"", "}", "{", "]", "\\", "0", "-", "1", ".0", "e1", "\\u0041", "null", "é",
            "\n", "\0",
        ][..],
    );
    let values = select(
        &[
            ("\"BUY\"", "\"SELL\""),
            ("\"STRATEGY\"", "\"SAFETY\""),
            ("\"FILLED\"", "\"FAILED\""),
            ("\"ALLOW\"", "\"HALT\""),
            ("\"ALLOW\",\"reason\":null", "\"FORCE_SELL\",\"reason\":\"FORCE_SELL_ACTIVE\""),
            ("\"reason\":null", "\"reason\":\"EXECUTION_REJECTED\""),
            ("M03", "M02"),
            ("M00", "M01"),
            ("\"0.5\"", "\"0.25\""),
            ("false", "true"),
            ("PAPER", "LIVE"),
            ("\"logicalTime\":1", "\"logicalTime\":2"),
            ("\"auditTreeSize\":2", "\"auditTreeSize\":1"),
        ][..],
    );
    let at = any::<Index>;
    let change = prop_oneof![
        at().prop_map(Change::Flip),
        (at(), 0..3_usize, tokens.clone()).prop_map(|(at, length, token)| Change::Splice(at, length, token)),
        values.prop_map(|(from, to)| Change::Value(from, to)),
    ];
    prop_oneof![
        6 => (at(), change, any::<bool>()).prop_map(|(line, change, is_identified)| {
            Corruption::Change(line, change, is_identified)
        }),
        2 => (at(), 1..8_usize).prop_map(|(from, count)| Corruption::Delete(from, count)),
        1 => (at(), at()).prop_map(|(from, to)| Corruption::Repeat(from, to)),
        1 => (at(), at()).prop_map(|(left, right)| Corruption::Swap(left, right)),
        1 => at().prop_map(Corruption::Truncate),
        1 => tokens.prop_map(Corruption::Append),
    ]
}

proptest! {
    #![proptest_config(config(cases()))]

    #[test]
    #[ignore = "needs python3"]
    fn any_corruption_has_the_same_first_finding(
        log in vec(corruption(), 0..3),
        snapshots in vec(corruption(), 0..2),
    ) {
        let mut stores = Stores::vectors();
        for corruption in log {
            corruption.corrupt(&mut stores.log);
        }
        for corruption in snapshots {
            corruption.corrupt(&mut stores.snapshots);
        }
        stores.verdict();
    }
}

/// `TEST_CASES=3000 cargo test …` looks longer.
fn cases() -> u32 {
    std::env::var("TEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(64)
}
