//! Methods, and what every answer has for browsers.
#![expect(clippy::disallowed_methods, reason = "a test makes the files that are read")]

mod support;

use std::fs;

use dreichor_observer::Limits;
use serde_json::Value;
use support::http::{Answer, EVENT};
use support::{Observed, vector};

/// Methods that no path knows. They are told apart by case (RFC 9110 section 9.1).
const OTHER_METHODS: [&str; 12] = [
    "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "get", "Head", "GETX", "A-B",
];

#[test]
fn head_is_get_without_the_body() {
    let observed = Observed::filled(Limits::default());
    let wrong =
        ["/", "/v1/observe/persistence/audit-events?limit=0", "/v1/observe/persistence/proof/inclusion"];
    for path in observed.paths().into_iter().chain(wrong.map(ToOwned::to_owned)) {
        let [get, head] = ["GET", "HEAD"].map(|method| observed.ask(method, &path, &[]));
        assert_eq!((head.status, head.body.len()), (get.status, 0), "{path}");
        // Metrics count their own requests.
        let is_told = |name: &str| {
            name != "date" && (path != "/metrics" || !["etag", "content-length"].contains(&name))
        };
        let headers = |answer: &Answer| -> Vec<(String, String)> {
            answer.headers.iter().filter(|(name, _)| is_told(name)).cloned().collect()
        };
        assert_eq!(headers(&head), headers(&get), "{path}");
        assert_eq!(get.header("content-length"), Some(get.body.len().to_string().as_str()));
        assert!(head.header("content-length").is_some());
        if let Some(etag) = head.header("etag").filter(|_| path != "/metrics") {
            let unchanged = observed.ask("HEAD", &path, &[&format!("If-None-Match: {etag}")]).expect(304);
            assert!(unchanged.body.is_empty());
        }
    }
}

#[test]
fn other_methods_are_not_allowed() {
    let observed = Observed::filled(Limits::default());
    let known = observed.paths();
    for method in OTHER_METHODS {
        for path in known.iter().map(String::as_str).chain(["/", "/page/app.js"]) {
            let answer = observed.ask(method, path, &[]);
            answer.is_problem(405, "method-not-allowed");
            assert_eq!(answer.header("allow"), Some("GET, HEAD"), "{method} {path}");
            answer.is_safe();
        }
        for path in ["/nowhere", "/v1/observe", "/livez/"] {
            let answer = observed.ask(method, path, &[]);
            answer.is_problem(404, "unknown-path");
            assert_eq!(answer.header("allow"), None, "{method} {path}");
        }
    }
    for file in ["audit-events/audit_events.ndjson", "snapshots/snapshots.ndjson"] {
        let (_, name) = file.split_once('/').unwrap();
        assert!(fs::read(observed.path(file)).unwrap() == vector(name), "{file}");
    }
}

#[test]
fn no_page_of_elsewhere_may_read_an_answer() {
    let observed = Observed::filled(Limits::default());
    for path in observed.paths() {
        for origin in ["http://dreichor.example", "http://localhost", "null"] {
            let origin = format!("Origin: {origin}");
            let answer = observed.ask("GET", &path, &[&origin, "Cookie: a=b"]).expect(200);
            answer.is_safe();
            let preflight = [
                origin.as_str(),
                "Access-Control-Request-Method: GET",
                "Access-Control-Request-Headers: authorization",
                "Access-Control-Request-Private-Network: true",
            ];
            let answer = observed.ask("OPTIONS", &path, &preflight);
            answer.is_problem(405, "method-not-allowed");
            answer.is_safe();
        }
    }
}

#[test]
fn every_answer_is_safe_whatever_it_is() {
    let observed = Observed::filled(Limits::default());
    for path in observed.paths() {
        let answer = observed.get(&path).expect(200);
        answer.is_safe();
        if path != "/metrics" {
            let known = format!("If-None-Match: {}", answer.header("etag").unwrap());
            observed.ask("GET", &path, &[&known]).expect(304).is_safe();
        }
    }
    let missing = format!("/v1/observe/persistence/audit-events/{}0", &EVENT[..35]);
    observed.get(&missing).expect(404).is_safe();
    observed.get("/nowhere").expect(404).is_safe();
    observed.get("/livez?a=b").expect(400).is_safe();
    let mut log = vector("audit_events.ndjson");
    log[10] = b'!';
    fs::write(observed.path("audit-events/audit_events.ndjson"), log).unwrap();
    let answer = observed.get("/v1/observe/persistence/tree-head");
    answer.is_problem(500, "store-malformed");
    answer.is_safe();
    let answer = observed.get("/readyz");
    answer.is_problem(503, "not-ready");
    answer.is_safe();
    // A probe knows no token, so it learns no path and no content.
    let problem: Value = answer.json();
    assert_eq!((&problem["file"], &problem["line"]), (&Value::Null, &Value::Null));
    assert!(!problem.to_string().contains("ndjson"), "{problem}");
}
