//! Clients that are slow or silent, and searches of a small budget, in process and with short limits.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]
#![expect(clippy::disallowed_methods, reason = "a test makes the files that are read")]

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::ops::Range;
use std::path::Path;
use std::thread;
use std::time::Duration;

use dreichor_core::tick::{Policy, Step, step};
use dreichor_core::{History, Input};
use dreichor_observer::{About, Limits, Observer, Running, SandboxReport};
use dreichor_replay::{Directories, Receipt, Replay, Stores};
use serde_json::Value;
use tempfile::TempDir;

/// A request for the largest page.
const LARGE: &str = "GET /v1/observe/persistence/audit-events?limit=1000 HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_mins(1);

/// An Observer of the published vectors.
struct Observed {
    running: Option<Running>,
    dir: TempDir,
}

/// A log of these inputs.
fn log_of(inputs: impl Iterator<Item = String>) -> Vec<u8> {
    let (mut history, mut log) = (History::new(), Vec::new());
    for input in inputs {
        let input = Input::parse(input.as_bytes()).unwrap();
        let Step::Events(events) = step(history.state(), &input, Policy::default()).unwrap() else {
            panic!()
        };
        for event in &events {
            history.record(event, &mut log).unwrap();
        }
    }
    log
}

fn tick(time: u64, instance: u64, is_better: bool, force_sell: bool) -> String {
    format!(
        r#"{{"version":1,"kind":"TICK","logicalTime":{time},"strategyInstanceId":"00000000-0000-4000-8000-{instance:012}","decisionClass":"attention.enter.rotation@v1","reasonCodes":[],"attention":{{"attentionMeaningfullyHigher":true,"stabilityMeetsMinimum":true,"confidenceSufficient":{is_better},"differencePersistsOverTime":true,"switchingCostsJustified":true}},"parameterPoolId":"assertive@v1","targetMarketId":"M","safetyGates":{{"haltAll":false,"blockBuy":false,"forceSell":{force_sell}}}}}"#
    )
}

fn feedback(from: u64, to: u64) -> String {
    let comment = "c".repeat(4_096);
    format!(
        r#"{{"version":1,"kind":"FEEDBACK","logicalTime":{to},"category":"RISK_COMFORT","target":{{"type":"TIME_WINDOW","from":{from},"to":{to}}},"comment":"{comment}"}}"#
    )
}

/// A log of ticks of ten instances, with a stretch of nothing but feedback in the middle that is longer than any step
/// of a search.
fn long_log() -> Vec<u8> {
    let ticks = |times: Range<u64>| times.map(|time| tick(time, time % 10, time % 3 == 0, time % 7 == 0));
    let feedback = (0..600).map(|from| feedback(from, 1_500));
    log_of(ticks(1..1_500).chain(feedback).chain(ticks(1_500..3_000)))
}

impl Observed {
    fn start(limits: Limits) -> Self {
        let dir = TempDir::new().unwrap();
        let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors");
        for (mount, file) in [("audit-events", "audit_events.ndjson"), ("snapshots", "snapshots.ndjson")] {
            fs::create_dir(dir.path().join(mount)).unwrap();
            fs::copy(vectors.join(file), dir.path().join(mount).join(file)).unwrap();
        }
        Self::of(dir, limits)
    }

    /// An Observer of this log.
    fn of_log(log: &[u8], limits: Limits) -> Self {
        let dir = TempDir::new().unwrap();
        for mount in ["audit-events", "snapshots"] {
            fs::create_dir(dir.path().join(mount)).unwrap();
        }
        fs::write(dir.path().join("audit-events/audit_events.ndjson"), log).unwrap();
        Self::of(dir, limits)
    }

    fn of(dir: TempDir, limits: Limits) -> Self {
        let stores = Stores::open(&Directories::within(dir.path())).unwrap();
        let mut replayed = Replay::open(&stores).unwrap().run(&mut ()).unwrap();
        let about = About {
            safety_mode: None,
            snapshot_strategy: None,
            database: false,
            sandbox: SandboxReport { mode: "off", abi: None, enforced: vec![], not_enforced: vec![] },
            started_with: Receipt::of(&mut replayed),
        };
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let running = Observer::new(stores, about, None, limits).unwrap().start(listener).unwrap();
        Self { running: Some(running), dir }
    }

    fn address(&self) -> SocketAddr {
        self.running.as_ref().unwrap().address()
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// The answer to one request, head and body.
    fn get(&self, path: &str) -> String {
        let (head, body) = self.ask(path, "");
        head + "\r\n\r\n" + &String::from_utf8_lossy(&body)
    }

    /// The head, in small letters, and the body of the answer to one request with further headers.
    fn ask(&self, path: &str, headers: &str) -> (String, Vec<u8>) {
        let mut stream = self.connect();
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}Connection: close\r\n\r\n");
        let _ = stream.write_all(request.as_bytes());
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let head = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap_or(answer.len());
        let body = answer.get(head + 4..).unwrap_or_default().to_vec();
        (String::from_utf8(answer[..head].to_vec()).unwrap().to_lowercase(), body)
    }

    /// A client that has sent so many requests for the largest page, and has not read yet.
    fn asking(&self, requests: usize) -> TcpStream {
        let mut stream = self.connect();
        stream.write_all(LARGE.repeat(requests).as_bytes()).unwrap();
        stream
    }
}

impl Drop for Observed {
    fn drop(&mut self) {
        self.running.take().unwrap().stop();
    }
}

/// More answers than any socket takes without a reader.
const MANY: usize = 400;

#[test]
fn a_client_that_takes_nothing_is_cut_off_and_a_slow_one_is_not() {
    let stall = Duration::from_millis(500);
    let observed = Observed::start(Limits { stall, stop: Duration::ZERO, ..Limits::default() });
    let never = observed.asking(MANY);
    let mut slow = observed.asking(MANY);
    let (mut taken, mut piece) = (0, vec![0; 1 << 19]);
    // Much longer than the deadline, at a pace of its own.
    for _ in 0..40 {
        thread::sleep(stall / 10);
        let bytes = slow.read(&mut piece).unwrap();
        assert!(bytes > 0, "it was closed after {taken} bytes");
        taken += bytes;
    }
    // All that the other can still read is what its socket held when it was closed.
    let mut rest = Vec::new();
    let mut never = never;
    let ended = never.read_to_end(&mut rest);
    assert!(rest.len() < MANY * 86_000, "{} bytes, {ended:?}", rest.len());
    drop(slow);
}

#[test]
fn a_request_that_does_not_come_is_not_waited_for() {
    let headers = Duration::from_millis(200);
    let observed = Observed::start(Limits { headers, ..Limits::default() });
    for sent in ["", "GET /livez HTTP/1.1\r\nHost: loc"] {
        let mut stream = observed.connect();
        stream.write_all(sent.as_bytes()).unwrap();
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).unwrap();
        assert!(rest.is_empty(), "{}", String::from_utf8_lossy(&rest));
    }
}

/// The pages of a search, one after the other in this direction, each with how many it found.
fn pages(observed: &Observed, path: &str, is_forward: bool) -> Vec<usize> {
    let mut pages = Vec::new();
    let mut cursor = if is_forward { "0".to_owned() } else { String::new() };
    for _ in 0..10_000 {
        let place = match (is_forward, &*cursor) {
            (true, _) => format!("&after={cursor}"),
            (false, "") => String::new(),
            (false, _) => format!("&before={cursor}"),
        };
        let answer = observed.get(&format!("{path}{place}"));
        let page: Value = serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap();
        let found = page["events"].as_array().or(page["decisions"].as_array()).unwrap().len();
        pages.push(found);
        match page[if is_forward { "next" } else { "previous" }].as_str() {
            // The end of the log.
            Some(next) if next == cursor => return pages,
            Some(next) => next.clone_into(&mut cursor),
            None => return pages,
        }
    }
    panic!("{path}: it does not end");
}

/// A search that reads little for each request still finds everything, in both directions, and ends within a stretch in
/// which there is nothing to find.
#[test]
fn a_search_of_a_small_budget_finds_everything() {
    let log = long_log();
    let observed = Observed::of_log(&log, Limits { search_bytes: 0, ..Limits::default() });
    let whole = Observed::of_log(&log, Limits::default());
    for path in [
        "/v1/observe/persistence/audit-events?limit=1000&type=LEDGER_UPDATED",
        "/v1/observe/derived/decisions?limit=1000&outcome=FILLED",
        "/v1/observe/derived/decisions?limit=1000",
    ] {
        for is_forward in [false, true] {
            let (found, expected) = (pages(&observed, path, is_forward), pages(&whole, path, is_forward));
            let sum = |pages: &[usize]| pages.iter().sum::<usize>();
            assert!(sum(&expected) > 400 && sum(&found) == sum(&expected), "{path}: {found:?} {expected:?}");
            // The budget was kept to: also where there is only feedback.
            let empty = |pages: &[usize]| pages.iter().filter(|found| **found == 0).count();
            assert!(
                found.len() > expected.len() && empty(&found) > empty(&expected),
                "{path}: {found:?} {expected:?}"
            );
        }
    }
}

/// A page that must read a line that is longer than any event says so. (It was searched for its end without end.)
#[test]
fn a_page_that_must_read_a_line_that_is_too_long_says_so() {
    let observed = Observed::start(Limits::default());
    let log = observed.dir.path().join("audit-events/audit_events.ndjson");
    let mut bytes = fs::read(&log).unwrap();
    let end = bytes.len();
    // A sound line follows it, so that the log's end says nothing of it.
    let last = bytes.split_inclusive(|byte| *byte == b'\n').next_back().unwrap().to_vec();
    bytes.extend([&vec![b'a'; 600 << 10][..], b"\n", &last].concat());
    fs::write(&log, bytes).unwrap();
    for (page, expected) in [
        ("derived/decisions?limit=1000&after=0".to_owned(), 500),
        (format!("derived/decisions?after={end}"), 500),
        ("derived/decisions?limit=1".to_owned(), 500),
        ("persistence/audit-events?limit=1000&after=0".to_owned(), 500),
        (format!("persistence/audit-events?after={end}"), 500),
        ("persistence/audit-events?limit=2".to_owned(), 500),
        // This one does not read it.
        (format!("persistence/audit-events?before={end}"), 200),
    ] {
        let answer = observed.get(&format!("/v1/observe/{page}"));
        let status = answer.lines().next().unwrap_or_default();
        assert!(status.contains(&expected.to_string()), "{page}: {status}");
        assert_eq!(answer.contains("store-malformed"), expected == 500, "{page}: {status}");
    }
}

#[test]
fn a_request_that_gets_no_place_is_refused_like_every_other() {
    let observed =
        Observed::start(Limits { requests: 0, answer: Duration::from_millis(200), ..Limits::default() });
    let answer = observed.get("/v1/observe/runtime/status");
    assert!(answer.starts_with("http/1.1 503"), "{answer}");
    for expected in ["busy", "retry-after: ", "x-content-type-options: nosniff", "content-security-policy: "]
    {
        assert!(answer.contains(expected), "{expected} is not in {answer}");
    }
}

/// The value of a header.
fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

/// Compressed or not, an answer has the same bytes; its tag is weak if it is compressed, and good for both.
#[test]
fn what_is_compressed_is_the_same_answer() {
    let observed = Observed::start(Limits::default());
    for path in [
        "/v1/observe/persistence/audit-events?limit=1000",
        "/v1/observe/derived/decision-memory",
        "/v1/observe/derived/decisions",
        "/v1/observe/derived/decisions/4d6e8f90-da87-821b-9956-a9a0aa072eec",
        "/openapi.json",
        "/docs",
    ] {
        let (head, plain) = observed.ask(path, "");
        let tag = header(&head, "etag").unwrap().to_owned();
        assert!(plain.len() > 1 << 10 && header(&head, "content-encoding").is_none(), "{path}: {head}");
        for (accepted, is_gzip) in [
            ("gzip", true),
            ("br, gzip;q=0.5, *;q=0", true),
            ("GZIP", true),
            ("*", true),
            ("gzip;q=0", false),
            ("gzip; q=0.0, *", false),
            ("br", false),
            ("identity", false),
        ] {
            let asking = format!("Accept-Encoding: {accepted}\r\n");
            let (head, body) = observed.ask(path, &asking);
            assert_eq!(header(&head, "vary"), Some("accept, accept-encoding"));
            assert_eq!(header(&head, "content-length"), Some(&*body.len().to_string()));
            assert_eq!(header(&head, "content-encoding"), is_gzip.then_some("gzip"), "{path}: {accepted}");
            let expected = if is_gzip { format!("w/{tag}") } else { tag.clone() };
            assert_eq!(header(&head, "etag"), Some(&*expected));
            let mut whole = Vec::new();
            if is_gzip {
                assert!(body.len() < plain.len());
                flate2::read::GzDecoder::new(&*body).read_to_end(&mut whole).unwrap();
            } else {
                whole = body;
            }
            assert!(whole == plain, "{path}: {accepted}");
            for known in [&tag, &format!("W/{tag}")] {
                let (head, body) = observed.ask(path, &format!("{asking}If-None-Match: {known}\r\n"));
                assert!(head.starts_with("http/1.1 304") && body.is_empty(), "{path}: {head}");
            }
        }
    }
    // A small answer stays as it is.
    let (head, body) = observed.ask("/v1/observe/persistence/tree-head", "Accept-Encoding: gzip\r\n");
    assert!(header(&head, "content-encoding").is_none() && body.starts_with(b"{"), "{head}");
}

/// A repeated request gets the answer that is kept: of the same parameters and form, and only as long as the log is the same.
#[test]
fn what_is_kept_is_the_answer_to_the_same_request() {
    let trades: Vec<String> = (0..300).map(|at| tick(10 * at, 1 + at % 3, true, at % 7 == 0)).collect();
    let (log, longer) = (log_of(trades[..200].iter().cloned()), log_of(trades.iter().cloned()));
    let observed = Observed::of_log(&log, Limits::default());
    let requests = [
        ("derived/summary", ""),
        ("derived/summary?by=instance", ""),
        ("derived/summary?by=instance&from=500", ""),
        ("derived/summary?by=market", ""),
        ("derived/summary?by=instance", "Accept-Encoding: gzip\r\n"),
        ("derived/timeline", ""),
        ("derived/timeline?limit=1", ""),
        ("derived/timeline?limit=1", "Accept-Encoding: gzip\r\n"),
        ("derived/lifecycles", ""),
        ("derived/lifecycles?limit=1", ""),
        ("derived/shadow-ledger", ""),
    ];
    let file = observed.dir.path().join("audit-events/audit_events.ndjson");
    for bytes in [&log, &longer] {
        fs::write(&file, bytes).unwrap();
        let expected = requests.map(|(path, headers)| {
            // Of its own, so that nothing is kept.
            Observed::of_log(bytes, Limits::default()).ask(&format!("/v1/observe/{path}"), headers)
        });
        for _ in 0..2 {
            for ((path, headers), expected) in requests.into_iter().zip(&expected) {
                let answer = observed.ask(&format!("/v1/observe/{path}"), headers);
                assert!(answer == *expected, "{path}, {headers}");
            }
        }
    }
}

/// A timeline has the first intervals of all instances, as many as an answer may have, and says how many are left out; they
/// are to be had by asking again from the last one on.
#[test]
fn a_long_timeline_is_cut_off_and_says_so() {
    // One buys and sells, then the other.
    let trades = (0..24_000).map(|at| tick(10 * at, 1 + at / 2 % 2, true, false));
    let observed = Observed::of_log(&log_of(trades), Limits::default());
    let timeline = |query: &str| -> Value {
        let answer = observed.get(&format!("/v1/observe/derived/timeline{query}"));
        serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
    };
    let page = timeline("");
    let lane = |at: usize| page["instances"][at]["intervals"].as_array().unwrap();
    let left_out = |at: usize| page["instances"][at]["intervalsLeftOut"].as_u64().unwrap();
    // Each begins READY.
    assert_eq!((lane(0).len(), left_out(0)), (12_001, 0));
    assert_eq!((lane(1).len(), left_out(1)), (7_999, 4_002));
    for lane in [lane(0), lane(1)] {
        assert!(lane.windows(2).all(|pair| pair[0]["to"] == pair[1]["from"]));
    }
    let last = lane(1).last().unwrap();
    let query = format!("?after=00000000-0000-4000-8000-000000000001&from={}", last["to"]);
    let rest = timeline(&query)["instances"][0]["intervals"].as_array().unwrap().clone();
    // The last one is given once more, since it touches that time.
    assert_eq!((rest.len(), &rest[0]), (4_003, last));
}
