//! Requests that no good client sends: two in one's clothes, too long, too odd. Each gets its one answer, none makes
//! a thread panic or the log warn, and what is not meant is not guessed.

mod support;

use std::thread;
use std::time::Duration;

use dreichor_observer::Limits;
use support::Observed;
use support::http::{Answer, send};

/// The request that a smuggler hides.
const HIDDEN: &str = "GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// Requests, and the status of each answer over their connection until the server closes it. Where HIDDEN is a part
/// of a body, or of what may be taken for one, it is not among them; where it is a request of its own, it is.
/// `{h}` means the Host header, `{hidden}` for HIDDEN, and `{length}` for its length.
const SHAPES: [(&str, &[u16]); 55] = [
    // The bytes after a request that opens a tunnel are no request.
    ("CONNECT localhost:80 HTTP/1.1{h}\r\n\r\n{hidden}", &[400]),
    // Bodies.
    ("GET /livez HTTP/1.1{h}\r\n\r\n{hidden}", &[200, 200]),
    ("GET /livez HTTP/1.1{h}\r\nContent-Length: 0\r\n\r\n{hidden}", &[200, 200]),
    ("GET /livez HTTP/1.1{h}\r\nContent-Length: {length}\r\n\r\n{hidden}", &[400]),
    ("GET /livez HTTP/1.1{h}\r\nContent-Length: {length}\r\n\r\n{hidden}{hidden}", &[400]),
    ("POST /livez HTTP/1.1{h}\r\nContent-Length: {length}\r\n\r\n{hidden}", &[405]),
    ("POST /nowhere HTTP/1.1{h}\r\nContent-Length: {length}\r\n\r\n{hidden}", &[404]),
    ("GET /nowhere HTTP/1.1{h}\r\nContent-Length: {length}\r\n\r\n{hidden}", &[400]),
    ("GET /livez HTTP/1.1\r\nHost: a.example\r\nContent-Length: {length}\r\n\r\n{hidden}", &[421]),
    ("GET /livez HTTP/1.1{h}\r\nContent-Length: 999999\r\n\r\n{hidden}", &[400]),
    ("GET /livez HTTP/1.1{h}\r\nTransfer-Encoding: chunked\r\n\r\n29\r\n{hidden}\r\n0\r\n\r\n", &[400]),
    ("POST /livez HTTP/1.1{h}\r\nTransfer-Encoding: chunked\r\n\r\n29\r\n{hidden}\r\n0\r\n\r\n", &[405]),
    ("GET /livez HTTP/1.1{h}\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{hidden}", &[400]),
    ("GET /livez HTTP/1.1{h}\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n{hidden}", &[400]),
    // Two lengths of one body: a proxy may use the other one.
    (
        "GET /livez HTTP/1.1{h}\r\nContent-Length: 46\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{hidden}",
        &[400],
    ),
    (
        "POST /livez HTTP/1.1{h}\r\nContent-Length: 46\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{hidden}",
        &[405],
    ),
    (
        "GET /livez HTTP/1.1{h}\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n{hidden}",
        &[400],
    ),
    (
        "GET /livez HTTP/1.1{h}\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n29\r\n{hidden}\r\n0\r\n\r\n",
        &[400],
    ),
    ("GET /livez HTTP/1.1{h}\r\nContent-Length: 0\r\nContent-Length: {length}\r\n\r\n{hidden}", &[400]),
    ("GET /livez HTTP/1.1{h}\r\nContent-Length: {length}\r\nContent-Length: 0\r\n\r\n{hidden}", &[400]),
    ("GET /livez HTTP/1.1{h}\r\nContent-Length: 0, {length}\r\n\r\n{hidden}", &[400]),
    ("GET /livez HTTP/1.1{h}\r\nContent-Length: +0\r\n\r\n{hidden}", &[400]),
    ("GET /livez HTTP/1.1{h}\r\nContent-Length: -1\r\n\r\n{hidden}", &[400]),
    ("GET /livez HTTP/1.1{h}\r\nContent-Length: 0x29\r\n\r\n{hidden}", &[400]),
    ("GET /livez HTTP/1.1{h}\r\nContent-Length: 99999999999999999999\r\n\r\n{hidden}", &[400]),
    ("GET /livez HTTP/1.1{h}\r\nContent-Length:\r\n\r\n{hidden}", &[400]),
    // Codings by other names.
    (
        "GET /livez HTTP/1.1{h}\r\nTransfer-Encoding: identity\r\nContent-Length: {length}\r\n\r\n{hidden}",
        &[400],
    ),
    (
        "GET /livez HTTP/1.1{h}\r\nTransfer-Encoding: xchunked\r\nContent-Length: {length}\r\n\r\n{hidden}",
        &[400],
    ),
    ("GET /livez HTTP/1.1{h}\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n{hidden}", &[400]),
    (
        "GET /livez HTTP/1.1{h}\r\nTransfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{hidden}",
        &[400],
    ),
    (
        "GET /livez HTTP/1.0{h}\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n0\r\n\r\n{hidden}",
        &[400],
    ),
    (
        "GET /livez HTTP/1.1{h}\r\nTransfer-Encoding : chunked\r\nContent-Length: {length}\r\n\r\n{hidden}",
        &[400],
    ),
    (
        "GET /livez HTTP/1.1{h}\r\nTransfer-Encoding: \x0bchunked\r\nContent-Length: {length}\r\n\r\n{hidden}",
        &[400],
    ),
    // Lines that may be one or two.
    ("GET /livez HTTP/1.1{h}\r\nA: b\r\n Content-Length: {length}\r\n\r\n{hidden}", &[400]),
    ("GET /livez HTTP/1.1{h}\r\nA: b\r\n\tc\r\n\r\n{hidden}", &[400]),
    ("GET /livez HTTP/1.1\r\n Host: localhost\r\n\r\n{hidden}", &[400]),
    ("GET /livez HTTP/1.1{h}\r\nContent-Length : {length}\r\n\r\n{hidden}", &[400]),
    ("GET /livez HTTP/1.1{h}\r\nA: b\rContent-Length: {length}\r\n\r\n{hidden}", &[400]),
    ("GET /livez HTTP/1.1{h}\r\nA: b\nContent-Length: {length}\r\n\r\n{hidden}", &[400]),
    ("GET /livez HTTP/1.1{h}\r\nA: b\0\r\n\r\n{hidden}", &[400]),
    ("GET /livez HTTP/1.1{h}\r\n: b\r\n\r\n{hidden}", &[400]),
    ("GET /livez HTTP/1.1{h}\r\nA\r\n\r\n{hidden}", &[400]),
    ("GET /livez HTTP/1.1\rHost: localhost\r\r{hidden}", &[400]),
    ("GET /livez HTTP/1.1\nHost: localhost\n\n{hidden}", &[200, 200]),
    ("\r\nGET /livez HTTP/1.1{h}\r\n\r\n{hidden}", &[200, 200]),
    // Other protocols.
    ("GET /livez\r\n{hidden}", &[400]),
    ("GET /livez HTTP/1.0{h}\r\n\r\n{hidden}", &[200]),
    ("GET /livez HTTP/1.2{h}\r\n\r\n{hidden}", &[400]),
    ("GET /livez HTTP/2.0{h}\r\n\r\n{hidden}", &[400]),
    ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &[]),
    ("GET  /livez HTTP/1.1{h}\r\n\r\n{hidden}", &[400]),
    ("\x16\x03\x01\x02\x01\x01{hidden}", &[400]),
    // A request to change the protocol has no effect, and `Expect: 100-continue` gets no 100.
    (
        "GET /livez HTTP/1.1{h}\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n{hidden}",
        &[200, 200],
    ),
    (
        "GET /livez HTTP/1.1{h}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n{hidden}",
        &[200, 200],
    ),
    ("POST /livez HTTP/1.1{h}\r\nExpect: 100-continue\r\nContent-Length: {length}\r\n\r\n", &[405]),
];

#[test]
fn each_request_gets_its_one_answer() {
    // A connection that is kept open is closed after this while.
    let observed = Observed::filled(Limits { headers: Duration::from_secs(3), ..Limits::default() });
    thread::scope(|scope| {
        for (shape, expected) in SHAPES {
            let address = observed.address;
            scope.spawn(move || {
                let request = shape
                    .replace("{h}", "\r\nHost: localhost")
                    .replace("{hidden}", HIDDEN)
                    .replace("{length}", &HIDDEN.len().to_string());
                let answers = Answer::all(&send(address, request.as_bytes()));
                let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
                assert_eq!(statuses, expected, "{request:?}");
            });
        }
    });
    assert_eq!(HIDDEN.len(), 0x29);
    observed.is_well();
}

#[test]
fn headers_have_8_kib() {
    const LIMIT: usize = 8 << 10;
    let observed = Observed::filled(Limits::default());
    let begin = "GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n";
    // One header, up to this length of all, with its end and without.
    let long = |length: usize| format!("{begin}A: {}\r\n\r\n", "a".repeat(length - begin.len() - 7));
    let ask = |request: &str| Answer::parse(&observed.send(request.as_bytes()));
    assert_eq!(long(LIMIT).len(), LIMIT);
    ask(&long(LIMIT)).expect(200);
    for length in [LIMIT + 1, 2 * LIMIT, 1 << 16, 1 << 20] {
        ask(&long(length)).expect(431);
        ask(&long(length + 4)[..length]).expect(431);
    }
    for target in [format!("/{}", "a".repeat(LIMIT)), format!("/livez?{}", "a".repeat(70_000))] {
        ask(&begin.replace("/livez", &target)).expect(431);
    }
    for count in [101, 1_000, 10_000] {
        ask(&format!("{begin}{}\r\n", "a: b\r\n".repeat(count))).expect(431);
    }
    // They are refused as soon as they are too long, and without being kept: an end need not come.
    ask(&"a".repeat(LIMIT + 1)).expect(431);
    observed.is_well();
}

const EVENTS: &str = "/v1/observe/persistence/audit-events";

/// Paths, and what they are: a path that is asked for by another spelling is another path.
const PATHS: [(&str, u16, &str); 44] = [
    ("/livez", 200, ""),
    ("/livez/", 404, ""),
    ("//livez", 404, ""),
    ("/livez//", 404, ""),
    ("/./livez", 404, ""),
    ("/livez/.", 404, ""),
    ("/docs/../livez", 404, ""),
    ("/%2e/livez", 404, ""),
    ("/docs/%2e%2e/livez", 404, ""),
    ("/%6civez", 404, ""),
    ("/%2Flivez", 404, ""),
    ("%2Flivez", 400, ""),
    ("/livez%2F", 404, ""),
    ("/livez%20", 404, ""),
    ("/livez%00", 404, ""),
    ("/livez;a=b", 404, ""),
    ("/livez\\", 404, ""),
    ("/LIVEZ", 404, ""),
    ("/l%C4%B1vez", 404, ""),
    ("livez", 400, "bad-host"),
    ("*", 404, ""),
    ("/{id}", 404, ""),
    ("/v1%2Fobserve/runtime/status", 404, ""),
    ("/v1/observe/../../etc/passwd", 404, ""),
    ("/v1/observe/%2e%2e/%2e%2e/etc/passwd", 404, ""),
    ("{events}/", 404, ""),
    ("{events}//", 404, ""),
    ("{events}/..", 400, "id"),
    ("{events}/../summary", 404, ""),
    ("{events}/%2e%2e", 400, "id"),
    ("{events}/..%2Fsummary", 400, "id"),
    ("{events}/%73ummary", 400, "id"),
    ("{events}/%2F", 400, "id"),
    ("{events}/%", 400, "id"),
    ("{events}/%2", 400, "id"),
    ("{events}/%zz", 400, "id"),
    ("{events}/%00", 400, "id"),
    ("{events}/%FF", 400, "id"),
    ("{events}/%F0%9F%98%80", 400, "id"),
    ("{events}/AC5AD41C-216F-8FFD-B05E-A84435F6B1D9", 400, "id"),
    ("{events}/ac5ad41c-216f-8ffd-b05e-a84435f6b1d9", 200, ""),
    ("{events}/%61c5ad41c-216f-8ffd-b05e-a84435f6b1d9", 200, ""),
    ("{events}/ac5ad41c-216f-8ffd-b05e-a84435f6b1d9%00", 400, "id"),
    ("/v1/observe/derived/decisions/%2e%2e%2fdecision-memory", 400, "decisionId"),
];

/// Values that are no number, or another spelling of one.
const NO_NUMBERS: [&str; 30] = [
    "",
    "%20",
    "+1",
    "%2B1",
    "-1",
    "-0",
    "00",
    "01",
    "1+",
    "1%20",
    "%091",
    "1%0A",
    "1%00",
    "%00",
    "1.0",
    "1e2",
    "0x1",
    "1_000",
    "1,000",
    "NaN",
    "null",
    "%D9%A1",
    "%EF%BC%91",
    "%FF",
    "%",
    "%zz",
    "1;after=0",
    "1?",
    "[1]",
    "99999999999999999999999999999999999999999",
];

/// Queries, and the parameter that is refused.
const QUERIES: [(&str, &str); 24] = [
    ("limit=0", "limit"),
    ("limit=1001", "limit"),
    ("limit=18446744073709551617", "limit"),
    ("after=9223372036854775808", "after"),
    ("before=18446744073709551616", "before"),
    ("after=999999999999999999", "after"),
    ("after=0&before=0", "before"),
    ("limit=1&limit=1", "limit"),
    ("limit=1&%6Cimit=1", "limit"),
    ("limit", "limit"),
    ("LIMIT=1", "LIMIT"),
    ("limit[]=1", "limit[]"),
    ("%20limit=1", " limit"),
    ("limit%00=1", "limit\\u{0}"),
    ("%FF=1", "\\u{fffd}"),
    ("colour=red", "colour"),
    ("=", ""),
    ("=1", ""),
    ("type=", "type"),
    ("type=ledger_updated", "type"),
    ("type=LEDGER_UPDATED%00", "type"),
    ("decisionId=4D6E8F90-DA87-821B-9956-A9A0AA072EEC", "decisionId"),
    ("marketId=", "marketId"),
    ("strategyInstanceId=%27%20OR%201=1", "strategyInstanceId"),
];

/// Other spellings of the same URL, and empty parameters.
const SPELLINGS: [&str; 8] =
    ["?", "?&", "?&&", "?limit=1&", "?%6cimit=%31", "?limit=1#a", "?limit=1000", "?after=0"];

#[test]
fn a_path_is_taken_by_its_letters() {
    let observed = Observed::filled(Limits::default());
    for (path, status, parameter) in PATHS {
        let path = path.replace("{events}", EVENTS);
        let answer = observed.get(&path);
        assert_eq!(answer.status, status, "{path}");
        match (status, parameter) {
            (200, _) => {}
            (404, _) => drop(answer.is_problem(404, "unknown-path")),
            // No path at all, and what may be a host.
            (_, "") => assert!(answer.body.is_empty(), "{path}"),
            (_, "bad-host") => drop(answer.is_problem(400, "bad-host")),
            (_, parameter) => {
                assert_eq!(answer.is_problem(400, "bad-parameter")["parameter"], parameter, "{path}");
            }
        }
    }
    let long = format!("{EVENTS}/{}", "a".repeat(7_000));
    assert_eq!(observed.get(&long).is_problem(400, "bad-parameter")["parameter"], "id");
    observed.is_well();
}

#[test]
fn a_query_is_taken_by_its_rules() {
    let observed = Observed::filled(Limits::default());
    let is_refused = |target: &str, parameter: &str| {
        let problem = observed.get(target).is_problem(400, "bad-parameter");
        assert_eq!(problem["parameter"], parameter, "{target}");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(parameter) && detail.len() < 300, "{detail}");
    };
    for (path, parameters) in [
        (EVENTS, &["limit", "before", "after"][..]),
        ("/v1/observe/derived/decision-memory", &["limit", "before", "after"]),
        ("/v1/observe/persistence/proof/consistency", &["from", "to"]),
        (
            "/v1/observe/persistence/proof/inclusion?eventId=ac5ad41c-216f-8ffd-b05e-a84435f6b1d9",
            &["treeSize"],
        ),
    ] {
        let (path, known) = path.split_once('?').map_or((path, ""), |(path, query)| (path, query));
        // `to` needs the required parameter `from`.
        let known = if parameters.contains(&"to") { "from=0" } else { known };
        for parameter in parameters {
            let known = if *parameter == "from" { "" } else { known };
            let long = ["9".repeat(7_000), "0".repeat(7_000), "a".repeat(7_000)];
            for value in NO_NUMBERS.into_iter().chain(long.iter().map(String::as_str)) {
                is_refused(&format!("{path}?{known}&{parameter}={value}"), parameter);
            }
        }
    }
    for (query, parameter) in QUERIES {
        is_refused(&format!("{EVENTS}?{query}"), parameter);
    }
    for path in
        ["/livez", "/metrics", "/docs", "/v1/observe/runtime/status", "/v1/observe/persistence/tree-head"]
    {
        is_refused(&format!("{path}?limit=1"), "limit");
        // A very long name is shortened in the answer.
        is_refused(&format!("{path}?{}=1", "a".repeat(7_000)), &"a".repeat(40));
    }
    for query in SPELLINGS {
        observed.get(&format!("{EVENTS}{query}")).expect(200);
    }
    observed.is_well();
}
