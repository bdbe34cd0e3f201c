//! Clients that are slow or silent, and searches of a small budget, in process and with short limits.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(clippy::disallowed_methods, reason = "a test makes the files that are read")]

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::thread;
use std::time::Duration;

use dreichor_observer::{About, Limits, Observer, Running, SandboxReport};
use dreichor_replay::{Directories, Receipt, Replay, Stores};
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

impl Observed {
    fn start(limits: Limits) -> Self {
        let dir = TempDir::new().unwrap();
        let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors");
        for (mount, file) in [("audit-events", "audit_events.ndjson"), ("snapshots", "snapshots.ndjson")] {
            fs::create_dir(dir.path().join(mount)).unwrap();
            fs::copy(vectors.join(file), dir.path().join(mount).join(file)).unwrap();
        }
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
        let mut stream = self.connect();
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        let _ = stream.write_all(request.as_bytes());
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        answer
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

/// A search that reads little for each request still reaches the end of the log.
#[test]
fn a_search_of_a_small_budget_finds_everything() {
    let observed = Observed::start(Limits { search_bytes: 0, ..Limits::default() });
    let whole = Observed::start(Limits::default());
    for path in [
        "/v1/observe/persistence/audit-events?type=USER_FEEDBACK_RECORDED",
        "/v1/observe/derived/decisions?outcome=BLOCKED&limit=1000",
    ] {
        let body = |answer: String| answer.split_once("\r\n\r\n").unwrap().1.to_owned();
        let ids = |body: &str| body.matches("logicalTime\":").count() - body.matches("asOf").count();
        let expected = ids(&body(whole.get(path)));
        let (mut found, mut pages, mut cursor) = (0, 0, String::new());
        for _ in 0..1_000 {
            let page = body(observed.get(&format!("{path}{cursor}")));
            (found, pages) = (found + ids(&page), pages + 1);
            let (_, previous) = page.split_once("\"previous\":").unwrap();
            let Some(previous) = previous.strip_prefix('"').and_then(|rest| rest.split('"').next()) else {
                break;
            };
            cursor = format!("&before={previous}");
        }
        assert!(expected > 1 && found == expected, "{path}: {found} of {expected}");
        // The budget was kept to.
        assert!(pages > 1, "{path}: {pages} pages");
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
    let answer = observed.get("/v1/observe/runtime/status").to_lowercase();
    assert!(answer.starts_with("http/1.1 503"), "{answer}");
    for expected in ["busy", "retry-after: ", "x-content-type-options: nosniff", "content-security-policy: "]
    {
        assert!(answer.contains(expected), "{expected} is not in {answer}");
    }
}
