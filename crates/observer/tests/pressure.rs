//! Clients that are slow or silent, and searches of a small budget, in process and with short limits.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]
#![expect(clippy::disallowed_methods, reason = "a test makes the files that are read")]

mod support;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::ops::Range;
use std::thread;
use std::time::Duration;

use dreichor_observer::Limits;
use support::{Observed, log_of, tick};

/// A request for the largest page.
const LARGE: &str = "GET /v1/observe/persistence/audit-events?limit=1000 HTTP/1.1\r\nHost: localhost\r\n\r\n";

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

/// A client that has sent so many requests for the largest page, and has not read yet.
fn asking(observed: &Observed, requests: usize) -> TcpStream {
    let mut stream = observed.connect();
    stream.write_all(LARGE.repeat(requests).as_bytes()).unwrap();
    stream
}

/// More answers than any socket takes without a reader.
const MANY: usize = 400;

#[test]
fn a_client_that_takes_nothing_is_cut_off_and_a_slow_one_is_not() {
    let stall = Duration::from_millis(500);
    let observed = Observed::filled(Limits { stall, stop: Duration::ZERO, ..Limits::default() });
    let never = asking(&observed, MANY);
    let mut slow = asking(&observed, MANY);
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
    let observed = Observed::filled(Limits { headers, ..Limits::default() });
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
        let page = observed.get(&format!("{path}{place}")).json();
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
    let observed = Observed::filled(Limits::default());
    let log = observed.path("audit-events/audit_events.ndjson");
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
        match expected {
            500 => drop(answer.is_problem(500, "store-malformed")),
            _ => assert_eq!(answer.status, expected, "{page}"),
        }
    }
}

#[test]
fn a_request_that_gets_no_place_is_refused_like_every_other() {
    let observed =
        Observed::filled(Limits { requests: 0, answer: Duration::from_millis(200), ..Limits::default() });
    let answer = observed.get("/v1/observe/runtime/status");
    answer.is_problem(503, "busy");
    answer.is_safe();
    assert!(answer.header("retry-after").is_some());
}

/// Compressed or not, an answer has the same bytes; its tag is weak if it is compressed, and good for both.
#[test]
fn what_is_compressed_is_the_same_answer() {
    let observed = Observed::filled(Limits::default());
    for path in [
        "/v1/observe/persistence/audit-events?limit=1000",
        "/v1/observe/derived/decision-memory",
        "/v1/observe/derived/decisions",
        "/v1/observe/derived/decisions/4d6e8f90-da87-821b-9956-a9a0aa072eec",
        "/openapi.json",
        "/docs",
    ] {
        let plain = observed.get(path).expect(200);
        let tag = plain.header("etag").unwrap();
        assert!(plain.body.len() > 1 << 10 && plain.header("content-encoding").is_none(), "{path}");
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
            let accepted = format!("Accept-Encoding: {accepted}");
            let answer = observed.ask("GET", path, &[&accepted]).expect(200);
            assert_eq!(answer.header("vary"), Some("Accept, Accept-Encoding"));
            assert_eq!(answer.header("content-length"), Some(&*answer.body.len().to_string()));
            assert_eq!(answer.header("content-encoding"), is_gzip.then_some("gzip"), "{path}: {accepted}");
            let expected = if is_gzip { format!("W/{tag}") } else { tag.to_owned() };
            assert_eq!(answer.header("etag"), Some(&*expected));
            let mut whole = Vec::new();
            if is_gzip {
                assert!(answer.body.len() < plain.body.len());
                flate2::read::GzDecoder::new(&*answer.body).read_to_end(&mut whole).unwrap();
            } else {
                whole = answer.body;
            }
            assert!(whole == plain.body, "{path}: {accepted}");
            for known in [tag, &format!("W/{tag}")] {
                let known = format!("If-None-Match: {known}");
                assert!(observed.ask("GET", path, &[&accepted, &known]).expect(304).body.is_empty());
            }
        }
    }
    // A small answer stays as it is.
    let small =
        observed.ask("GET", "/v1/observe/persistence/tree-head", &["Accept-Encoding: gzip"]).expect(200);
    assert!(small.header("content-encoding").is_none() && small.body.starts_with(b"{"));
}

/// A repeated request gets the answer that is kept: of the same parameters and form, and only as long as the log is the same.
#[test]
fn what_is_kept_is_the_answer_to_the_same_request() {
    let trades: Vec<String> = (0..300).map(|at| tick(10 * at, 1 + at % 3, true, at % 7 == 0)).collect();
    let (log, longer) = (log_of(trades[..200].iter().cloned()), log_of(trades.iter().cloned()));
    let observed = Observed::of_log(&log, Limits::default());
    let gzip = &["Accept-Encoding: gzip"][..];
    let requests = [
        ("summary", &[][..]),
        ("summary?by=instance", &[]),
        ("summary?by=instance&from=500", &[]),
        ("summary?by=market", &[]),
        ("summary?by=instance", gzip),
        ("timeline", &[]),
        ("timeline?limit=1", &[]),
        ("timeline?limit=1", gzip),
        ("lifecycles", &[]),
        ("lifecycles?limit=1", &[]),
        ("shadow-ledger", &[]),
    ];
    for bytes in [&log, &longer] {
        fs::write(observed.path("audit-events/audit_events.ndjson"), bytes).unwrap();
        let ask = |observed: &Observed, (path, headers): (&str, &[&str])| {
            let answer = observed.ask("GET", &format!("/v1/observe/derived/{path}"), headers).expect(200);
            (answer.header("etag").map(ToOwned::to_owned), answer.body)
        };
        // Each of an Observer of its own, so that nothing is kept.
        let expected = requests.map(|request| ask(&Observed::of_log(bytes, Limits::default()), request));
        for _ in 0..2 {
            for (request, expected) in requests.into_iter().zip(&expected) {
                assert!(ask(&observed, request) == *expected, "{request:?}");
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
    let timeline =
        |query: &str| observed.get(&format!("/v1/observe/derived/timeline{query}")).expect(200).json();
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
