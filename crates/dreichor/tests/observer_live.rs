//! The Observer beside a writer at work: every answer is that of some beginning of the log which ends in a whole
//! line, and of none older than what was known before the question.
//!
//! `OBSERVE_SECONDS` says for how long the writer is at work (default 5).
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

#[path = "support/prefixes.rs"]
mod prefixes;
#[path = "../../core/tests/support/rfc6962.rs"]
#[allow(dead_code, reason = "a part of it is used here")]
mod rfc6962;
mod support;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use dreichor_core::event::EventType;
use dreichor_core::id::DecisionId;
use dreichor_core::value::{Form, LogicalTime, Spelled, StrategyInstanceId};
use rustix::process::Signal;

use prefixes::{
    Asked, ENTRIES, EVENTS, LEDGER, LIFECYCLES, MEMORY, Prefixes, SNAPSHOT, STORY, SUMMARY, TREE_HEAD, Window,
};
use support::http::{Answer, Client};
use support::tracer::number;
use support::{Bench, Running, json_lines, lines, tick, vector};

const PATHS: &str = "/v1/observe/persistence/paths";
const INCLUSION: &str = "/v1/observe/persistence/proof/inclusion";
const CONSISTENCY: &str = "/v1/observe/persistence/proof/consistency";

const CLIENTS: u64 = 4;
const INSTANCES: u8 = 3;
/// The number of inputs per second, and the maximum number sent at once.
const INPUTS_PER_SECOND: usize = 300;
const BATCH: usize = 5;
/// The number of kills of the writer.
const KILLS: usize = 3;

/// Numbers that look random, the same each time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % end as u64).unwrap()
    }
}

fn instance(number: u8) -> StrategyInstanceId {
    StrategyInstanceId::parse(format!("00000000-0000-4000-8000-0000000000{number:02x}").as_bytes()).unwrap()
}

/// Ticks that buy, hold, are refused and are forced to sell, and now and then feedback on one of them.
fn script(count: usize) -> Vec<String> {
    let time = |number: usize| 10_000 * (number as u64 + 1);
    let who = |number: usize| u8::try_from(number % usize::from(INSTANCES)).unwrap() + 1;
    let input = |number: usize| match number % 7 {
        6 => {
            let decision = LogicalTime::new(time(number - 1 - number % 5)).unwrap();
            let decision = DecisionId::of(instance(who(number - 1 - number % 5)), decision);
            format!(
                "{{\"version\":1,\"kind\":\"FEEDBACK\",\"logicalTime\":{},\"category\":\"RISK_COMFORT\",\
                 \"target\":{{\"type\":\"DECISION\",\"decisionId\":\"{decision}\"}},\"comment\":\"number {number}\"}}\n",
                time(number)
            )
        }
        3 | 5 => tick(who(number), time(number)).replace("\"forceSell\":false", "\"forceSell\":true"),
        _ => tick(who(number), time(number)),
    };
    (0..count).map(input).collect()
}

/// The shared knowledge of clients: the number of acknowledged events, the number of these with snapshots, and whether
/// the writer has ended.
#[derive(Default)]
struct Known {
    acknowledged: AtomicUsize,
    completed: AtomicUsize,
    is_over: AtomicBool,
}

/// Says so when the writing is over, or has failed.
struct Over<'k>(&'k Known);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.is_over.store(true, Ordering::SeqCst);
    }
}

/// Sends all inputs, a few at once. Several times the writer is killed before it can answer, and another is sent
/// what was not acknowledged.
fn write(bench: &Bench, inputs: &[String], known: &Known) {
    let _over = Over(known);
    let mut numbers = Numbers(7);
    let mut rest = inputs;
    for turn in (0..=KILLS).rev() {
        let mut writer = bench.start(&["--log-level=error", "ingest"]);
        let until = inputs.len() * turn / (KILLS + 1);
        while rest.len() > until {
            let (batch, later) = rest.split_at((numbers.below(BATCH) + 1).min(rest.len()));
            let before = known.acknowledged.load(Ordering::SeqCst);
            writer.send(batch.concat().as_bytes());
            for _ in batch {
                acknowledge(&mut writer, known);
                // The snapshots of a batch follow its acknowledgements, and precede the events of the next.
                known.completed.fetch_max(before, Ordering::SeqCst);
            }
            rest = later;
            thread::sleep(Duration::from_millis(5));
        }
        if rest.is_empty() {
            writer.finish().expect(0);
        } else {
            writer.send(rest[..rest.len().min(BATCH)].concat().as_bytes());
            writer.signal(Signal::KILL);
            assert_eq!(writer.finish().code, None);
        }
    }
}

fn acknowledge(writer: &mut Running, known: &Known) {
    let line: serde_json::Value = serde_json::from_slice(&writer.line()).unwrap();
    let size = usize::try_from(line["treeSize"].as_u64().unwrap()).unwrap();
    known.acknowledged.fetch_max(size, Ordering::SeqCst);
}

/// A client that asks for everything in turn, and knows what it was told.
struct Asking<'t> {
    client: Client,
    prefixes: &'t Prefixes,
    known: &'t Known,
    log: &'t Path,
    numbers: Numbers,
    /// The number of events that this client has seen in an answer.
    seen: usize,
    /// The positions of the successive pages: of all events, and of each instance's.
    at: [usize; 1 + INSTANCES as usize],
    answers: usize,
}

impl<'t> Asking<'t> {
    fn new(address: SocketAddr, prefixes: &'t Prefixes, known: &'t Known, log: &'t Path, seed: u64) -> Self {
        let client = Client::new(address);
        let at = [0; 1 + INSTANCES as usize];
        Self { client, prefixes, known, log, numbers: Numbers(seed), seen: 0, at, answers: 0 }
    }

    /// Asks, and says of which beginnings the answer may be.
    fn ask(&mut self, path: &str, allowed: &[u16]) -> (Answer, Window) {
        let least = self.seen.max(self.known.acknowledged.load(Ordering::SeqCst));
        let answer = self.client.get(path);
        assert!(allowed.contains(&answer.status), "{path}: {} {}", answer.status, answer.text());
        let size = fs::metadata(self.log).map_or(0, |log| log.len());
        self.answers += 1;
        (answer, least..=self.prefixes.lines_in(size))
    }

    /// An event that is there, is just being written, or is still to come.
    fn some_event(&mut self) -> usize {
        let near = (self.known.acknowledged.load(Ordering::SeqCst) + 8).min(self.prefixes.len());
        let back = self.numbers.below(near);
        if back.is_multiple_of(2) { near - 1 - back.min(9) % near } else { back }
    }

    fn ask_all(&mut self) {
        for path in [SUMMARY, TREE_HEAD, LEDGER, LIFECYCLES] {
            let (answer, window) = self.ask(path, &[200]);
            self.seen = self.prefixes.check_whole(path, &answer, &window);
        }
        let (answer, window) = self.ask(&format!("{MEMORY}?limit={ENTRIES}"), &[200]);
        self.seen = self.prefixes.check_whole(MEMORY, &answer, &window);
        self.ask_for_pages();
        self.ask_for_one();
        self.ask_for_proofs();
        self.ask_for_the_rest();
    }

    fn ask_for_pages(&mut self) {
        let (answer, window) = self.ask(&format!("{EVENTS}?limit=7"), &[200]);
        self.seen = self.prefixes.check_page_before(Asked::All, 7, None, &answer, &window);
        let before = answer.json()["previous"].as_str().map(ToOwned::to_owned);
        if let Some(before) = before {
            let end = self.prefixes.lines_in(before.parse().unwrap());
            let (answer, window) = self.ask(&format!("{EVENTS}?limit=20&before={before}"), &[200]);
            self.prefixes.check_page_before(Asked::All, 20, Some(end), &answer, &window);
        }
        for asked in [Asked::Type(EventType::LedgerUpdated), Asked::Instance(instance(1))] {
            let (answer, window) = self.ask(&format!("{EVENTS}?limit=5{}", parameter(asked)), &[200]);
            self.seen = self.prefixes.check_page_before(asked, 5, None, &answer, &window);
        }
        self.follow();
    }

    /// One page further, of all events and of each instance's.
    fn follow(&mut self) {
        for number in 0..=INSTANCES {
            let asked = if number == 0 { Asked::All } else { Asked::Instance(instance(number)) };
            let start = self.at[usize::from(number)];
            let cursor = self.prefixes.offset(start);
            let (answer, window) =
                self.ask(&format!("{EVENTS}?limit=40&after={cursor}{}", parameter(asked)), &[200]);
            let next = self.prefixes.check_page_after(asked, 40, start, &answer, &window);
            self.at[usize::from(number)] = next;
            self.seen = self.seen.max(next);
        }
    }

    fn ask_for_one(&mut self) {
        let at = self.some_event();
        let (answer, window) = self.ask(&format!("{EVENTS}/{}", self.prefixes.events[at].id), &[200, 404]);
        self.seen = self.prefixes.check_event(at, &answer, &window);
        if let Some(decision) = &self.prefixes.events[at].decision {
            let (answer, window) = self.ask(&format!("{MEMORY}/{decision}"), &[200, 404]);
            self.seen = self.prefixes.check_decision(decision, &answer, &window);
        }
        let turn = self.numbers.below(self.prefixes.stories.len());
        let (decision, whole, story) = &self.prefixes.stories[turn];
        if *whole <= self.seen {
            let (answer, _) = self.ask(&format!("{STORY}/{decision}"), &[200]);
            let (told, _) = answer.text().split_once(",\"asOf\":").unwrap();
            assert_eq!(format!("{told}}}"), *story);
        }
    }

    fn ask_for_proofs(&mut self) {
        let at = self.some_event();
        let path = format!("{INCLUSION}?eventId={}", self.prefixes.events[at].id);
        let (answer, window) = self.ask(&path, &[200, 404]);
        self.seen = self.prefixes.check_inclusion(at, &answer, &window);
        let from = self.numbers.below(self.seen + 1);
        let (answer, window) = self.ask(&format!("{CONSISTENCY}?from={from}"), &[200]);
        self.seen = self.prefixes.check_consistency(from, &answer, &window);
    }

    fn ask_for_the_rest(&mut self) {
        let recorded = self.known.completed.load(Ordering::SeqCst);
        let (answer, window) = self.ask(SNAPSHOT, &[200]);
        // From here on, no answer may know of fewer events than the snapshot speaks of.
        self.seen = self.prefixes.check_snapshot(&answer, recorded, &window);
        let (answer, window) = self.ask(PATHS, &[200]);
        let size = answer.json()["auditEvents"]["sizeBytes"].as_u64().unwrap_or(0);
        assert!(window.contains(&self.prefixes.lines_in(size)), "{size} bytes, not {window:?}");
        for path in ["/readyz", "/livez", "/metrics", "/v1/observe/runtime/status"] {
            self.ask(path, &[200]);
        }
    }
}

fn parameter(asked: Asked) -> String {
    match asked {
        Asked::All => String::new(),
        Asked::Type(event_type) => format!("&type={}", event_type.as_str()),
        Asked::Instance(instance) => format!("&strategyInstanceId={instance}"),
    }
}

#[test]
fn beside_a_writer_every_answer_is_of_a_beginning_of_the_log() {
    let seconds = number("OBSERVE_SECONDS", 5);
    let inputs = script(seconds * INPUTS_PER_SECOND);
    let finished = Bench::new();
    finished.ingest(inputs.concat().as_bytes()).expect(0);
    let prefixes = Prefixes::of(&finished);
    check_by_the_command_line(&prefixes);

    let bench = Bench::new();
    let observed = bench.observe(&[]);
    let known = Known::default();
    let log = bench.log_path();
    let counts = thread::scope(|scope| {
        let clients: Vec<_> = (1..=CLIENTS)
            .map(|seed| {
                let mut asking = Asking::new(observed.address, &prefixes, &known, &log, seed * 0x9e37_79b9);
                let known = &known;
                scope.spawn(move || {
                    while !known.is_over.load(Ordering::SeqCst) {
                        asking.ask_all();
                    }
                    // Now there is one answer to everything.
                    while asking.at != [asking.prefixes.len(); 1 + INSTANCES as usize] {
                        let before = asking.at;
                        asking.follow();
                        assert_ne!(asking.at, before, "the pages do not come to the end");
                    }
                    asking.ask_all();
                    asking.answers
                })
            })
            .collect();
        write(&bench, &inputs, &known);
        clients.into_iter().map(|client| client.join().unwrap()).collect::<Vec<_>>()
    });
    assert!(bench.stores() == finished.stores(), "the writer was disturbed");
    println!("{} answers checked ({counts:?}), {} events", counts.iter().sum::<usize>(), prefixes.len());
}

/// The results computed in advance are those of the commands for the first lines of the log.
fn check_by_the_command_line(prefixes: &Prefixes) {
    for size in [1, prefixes.len() / 3, prefixes.len()] {
        let bench = Bench::new();
        let log = prefixes.events[..size].iter().fold(String::new(), |mut log, event| {
            writeln!(log, "{}", event.line).unwrap();
            log
        });
        bench.put(&bench.log_path(), log.as_bytes());
        let receipt = bench.run(&["replay", "--json"]).expect(0).json().remove(0);
        assert_eq!(receipt["treeSize"], size);
        assert_eq!(receipt["rootHash"], prefixes.root(size).to_string());
        assert_eq!(receipt["bytes"], prefixes.offset(size));
    }
}

/// The answers that depend on the log alone. They are up to date at each acknowledgement.
const OF_EVENTS: [&str; 7] = [
    EVENTS,
    SUMMARY,
    TREE_HEAD,
    LEDGER,
    LIFECYCLES,
    MEMORY,
    "/v1/observe/persistence/audit-events?type=DECISION_EVALUATED",
];

/// The answers that depend on the snapshots too. The snapshot of a commit follows its acknowledgement and precedes the
/// next commit, so these are up to date at the next acknowledgement.
const OF_SNAPSHOTS: [&str; 2] = [SNAPSHOT, PATHS];

/// A client's last answer to each path, kept by its entity tag.
struct Polling {
    client: Client,
    kept: BTreeMap<&'static str, Answer>,
}

impl Polling {
    /// Asks for the paths again; returns those whose answers have changed.
    fn poll(&mut self, paths: &[&'static str]) -> Vec<&'static str> {
        let mut changed = Vec::new();
        for &path in paths {
            let kept = self.kept.get_mut(path).unwrap();
            let etag = kept.header("etag").unwrap().to_owned();
            let answer = self.client.get_unless(path, &etag);
            match answer.status {
                304 => {
                    assert!(answer.body.is_empty());
                    assert_eq!(answer.header("etag"), Some(etag.as_str()));
                    let whole = self.client.get(path).expect(200);
                    assert_eq!(whole.body, kept.body, "{path} had changed");
                }
                200 => {
                    assert_ne!(answer.body, kept.body, "{path} had not changed");
                    *kept = answer;
                    changed.push(path);
                }
                other => panic!("{path}: {other} {}", answer.text()),
            }
        }
        changed
    }

    fn answer(&self, path: &str) -> serde_json::Value {
        self.kept[path].json()
    }
}

#[test]
fn a_client_that_polls_sees_each_acknowledged_event_on_its_next_request() {
    let bench = Bench::new();
    let observed = bench.observe(&[]);
    let mut client = Client::new(observed.address);
    let polled = OF_EVENTS.into_iter().chain(OF_SNAPSHOTS);
    let kept = polled.map(|path| (path, client.get(path).expect(200))).collect();
    let mut polling = Polling { client, kept };
    let mut writer = bench.start(&["ingest"]);
    let (inputs, acknowledgements) = (vector("inputs.ndjson"), vector("acknowledgements.ndjson"));
    for (input, expected) in lines(&inputs).into_iter().zip(json_lines(&acknowledgements)) {
        let first_status = expected["status"].as_str().unwrap();
        for status in [first_status, "ALREADY_RECORDED"] {
            writer.send(input);
            let acknowledgement: serde_json::Value = serde_json::from_slice(&writer.line()).unwrap();
            assert_eq!(acknowledgement["status"], status);
            let changed = polling.poll(&OF_EVENTS);
            if status == "RECORDED" {
                for path in [EVENTS, SUMMARY, TREE_HEAD, LEDGER] {
                    assert!(changed.contains(&path), "{path} is as it was, after {acknowledgement}");
                }
            } else {
                assert_eq!(changed, [""; 0], "nothing had changed, after {acknowledgement}");
            }
            let size = &acknowledgement["treeSize"];
            assert_eq!(&polling.answer(TREE_HEAD)["treeSize"], size);
            assert_eq!(&polling.answer(SUMMARY)["totalCount"], size);
            assert_eq!(&polling.answer(LEDGER)["asOf"]["treeSize"], size);
            let last = &polling.answer(SUMMARY)["lastEventId"];
            assert_eq!(
                polling.answer(EVENTS)["events"].as_array().unwrap().last().map(|event| &event["id"]),
                Some(last)
            );
        }
        let changed = polling.poll(&OF_SNAPSHOTS);
        assert_eq!(changed.contains(&PATHS), first_status == "RECORDED", "after {expected}");
        let snapshots = fs::read(bench.snapshots_path()).unwrap();
        let latest = lines(&snapshots).last().map_or("null".into(), |line| String::from_utf8_lossy(line));
        assert_eq!(
            polling.kept[SNAPSHOT].text(),
            format!("{{\"snapshot\":{}}}", latest.trim_end()),
            "after {expected}"
        );
        assert_eq!(polling.poll(&OF_SNAPSHOTS), [""; 0], "nothing had changed, after {expected}");
    }
    writer.finish().expect(0);
    assert_eq!(polling.poll(&OF_EVENTS), [""; 0], "nothing had changed");
    assert_eq!(polling.poll(&OF_SNAPSHOTS), [""; 0], "nothing had changed");
}
