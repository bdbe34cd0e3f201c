//! Admission of requests to the Observer, and the headers of every answer for browsers.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rustix::fs::{CWD, FileType, Mode, mknodat};
use support::Bench;
use support::http::Answer;

const TOKEN: &str = "vS0Gm9-tOkEn_0f.thirty-two+chars";
/// A path of the stores' data.
const STATUS: &str = "/v1/observe/runtime/status";

const WITH_TOKEN: [&str; 4] = ["--observer-addr", "0.0.0.0:0", "--observer-token-file", "{dir}/token"];

/// Hosts that are loopback, each to be had with a port as well.
const LOOPBACK: [&str; 6] = ["localhost", "LOCALHOST", "LocalHost", "127.0.0.1", "127.9.9.9", "[::1]"];

/// Hosts that are not, or only seem so.
const ELSEWHERE: [&str; 26] = [
    "",
    ":80",
    "dreichor.example",
    "localhost.example",
    "example.localhost",
    "localhost.",
    "localhost:80:80",
    "localhost:http",
    "localhost, dreichor.example",
    "user@localhost",
    "127.0.0.1.dreichor.example",
    "127.0.0.1@dreichor.example",
    "dreichor.example:127.0.0.1",
    "128.0.0.1",
    "0.0.0.0",
    "127.1",
    "127.0.0.01",
    "0x7f.0.0.1",
    "2130706433",
    "192.0.2.1",
    "::1",
    "[::1",
    "[127.0.0.1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::1]dreichor.example",
];

fn with_token(text: &str) -> Bench {
    let bench = Bench::filled();
    write_token(&bench.path("token"), text, 0o600);
    bench
}

fn write_token(path: &Path, text: &str, mode: u32) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_token_file_that_others_may_use_or_that_holds_no_token_is_refused() {
    let bench = with_token(TOKEN);
    let path = bench.path("token");
    let refused = |fact: &str| {
        let facts = ["--observer-token-file: {dir}/token: ", fact];
        bench.refuses(&[&["run"], &WITH_TOKEN[..]].concat(), 2, &facts);
    };
    for mode in [0o620, 0o610, 0o604, 0o602, 0o601, 0o660, 0o644, 0o666, 0o777] {
        write_token(&path, TOKEN, mode);
        refused(&format!("{mode:04o}"));
    }
    let (short, long) = (&TOKEN[1..], "x".repeat(1025));
    for (text, fact) in [
        ("", "32"),
        ("\n", "32"),
        (short, "32"),
        (&format!("{short}\n"), "32"),
        (&long, "1,024"),
        (&format!("{long}\n"), "1,024"),
        (&long.repeat(99), "1,024"),
        (&format!("{TOKEN}\n{TOKEN}\n"), "ASCII"),
        (&format!("{TOKEN}\n\n"), "ASCII"),
        (&format!("{}\n{TOKEN}", &long[1..]), "ASCII"),
        (&format!("{TOKEN}\r\n"), "ASCII"),
        (&format!(" {TOKEN}"), "ASCII"),
        (&format!("{TOKEN}\0"), "ASCII"),
        (&format!("{TOKEN}é"), "ASCII"),
    ] {
        write_token(&path, text, 0o600);
        refused(fact);
    }
    fs::remove_file(&path).unwrap();
    refused("(os error 2)");
    fs::create_dir(&path).unwrap();
    refused("");
    fs::remove_dir(&path).unwrap();
    // Nobody ever writes to it.
    mknodat(CWD, &path, FileType::Fifo, Mode::from(0o600), 0).unwrap();
    refused("");
}

#[test]
fn a_token_of_any_allowed_length_opens() {
    for token in [TOKEN.to_owned(), "x".repeat(1024)] {
        // Kubernetes and systemd pass secrets with mode 0440.
        for (text, mode) in [(token.clone(), 0o600), (format!("{token}\n"), 0o400), (token.clone(), 0o440)] {
            let bench = with_token("");
            fs::remove_file(bench.path("token")).unwrap();
            write_token(&bench.path("token"), &text, mode);
            let observed = bench.observe(&WITH_TOKEN);
            observed.ask("GET", STATUS, &[&format!("Authorization: Bearer {token}")]).expect(200);
            observed.get(STATUS).expect(401);
        }
    }
}

#[test]
fn off_loopback_there_is_no_start_without_a_token() {
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0", "[::ffff:127.0.0.1]:0"] {
        Bench::filled().refuses(
            &["run", "--observer-addr", address],
            2,
            &["--observer-addr", "--observer-token-file"],
        );
    }
}

#[test]
fn without_the_token_nothing_of_the_stores_is_answered_and_nobody_is_told_it() {
    let bench = with_token(&format!("{TOKEN}\n"));
    let mut observed = bench.observe(&[&WITH_TOKEN[..], &["--log-level", "debug"]].concat());
    let right = format!("Authorization: Bearer {TOKEN}");
    let longer = format!("{right}x");
    let wrong = [
        vec![],
        vec!["Authorization: Bearer"],
        vec!["Authorization: Bearer "],
        vec![&right[..right.len() - 1]],
        vec![&longer],
        vec!["Authorization: Bearer vS0Gm9-tOkEn_0f.thirty-two+charS"],
        vec!["Authorization: Basic dlMwR205LXRPa0VuXzBmLnRoaXJ0eS10d28rY2hhcnM6"],
        vec!["Authorization: Token vS0Gm9-tOkEn_0f.thirty-two+chars"],
        vec!["Authorization: BearervS0Gm9-tOkEn_0f.thirty-two+chars"],
        vec!["Authorization: vS0Gm9-tOkEn_0f.thirty-two+chars"],
        vec!["X-Authorization: Bearer vS0Gm9-tOkEn_0f.thirty-two+chars"],
        vec!["Proxy-Authorization: Bearer vS0Gm9-tOkEn_0f.thirty-two+chars"],
        vec!["Cookie: token=vS0Gm9-tOkEn_0f.thirty-two+chars"],
        vec![&right, &right],
        vec![&right, "Authorization: Bearer x"],
        vec!["Authorization: Bearer x", &right],
        vec!["Authorization: Bearer vS0Gm9-tOkEn_0f.thirty-two+chars, Bearer x"],
    ];
    let mut answers = Vec::new();
    let unknown = ["/v1", "/livez/", "//livez", "/%6civez", "/nowhere"].map(ToOwned::to_owned);
    for path in observed.paths(&[&right]).into_iter().chain(unknown) {
        // What holds no data, and what is no path.
        let is_open = !path.starts_with("/v1") && path != "/metrics";
        let status = if is_problem_path(&path) { 404 } else { 200 };
        for headers in &wrong {
            let answer = observed.ask("GET", &path, headers);
            if is_open {
                assert_eq!(answer.status, status, "{path}");
            } else {
                answer.is_problem(401, "unauthorized");
                assert_eq!(answer.header("www-authenticate"), Some("Bearer realm=\"dreichor\""));
            }
            answers.push(answer);
        }
        let answer = observed.ask("GET", &path, &[&right]);
        assert_eq!(answer.status, status, "{path}");
        answers.push(answer);
        // The token does not travel in a URL, and no method opens what GET does not.
        let query = format!("{path}{}access_token={TOKEN}", if path.contains('?') { '&' } else { '?' });
        if !is_open {
            observed.get(&query).is_problem(401, "unauthorized");
        }
        for method in ["HEAD", "POST", "OPTIONS"] {
            assert_eq!(observed.ask(method, &path, &[]).status == 401, !is_open, "{method} {path}");
        }
    }
    // The scheme's name has no case (RFC 9110 section 11.1), and a client with the token may send any Host.
    observed.ask("GET", STATUS, &[&format!("authorization: BEARER {TOKEN}")]).expect(200);
    for host in LOOPBACK.into_iter().chain(ELSEWHERE) {
        let request =
            format!("GET {STATUS} HTTP/1.1\r\nHost: {host}\r\n{right}\r\nConnection: close\r\n\r\n");
        Answer::parse(&observed.send(request.as_bytes())).expect(200);
    }
    for answer in &answers {
        answer.is_safe();
        let text = format!("{:?}{}", answer.headers, String::from_utf8_lossy(&answer.body));
        assert!(!text.contains(TOKEN), "{text}");
    }
    let status = observed.ask("GET", "/v1/observe/runtime/status", &[&right]).body;
    assert!(!String::from_utf8(status).unwrap().contains("token"));
    let told = observed.running.told();
    assert!(told.contains(&observed.address.to_string()) && !told.contains(TOKEN), "{told}");
}

fn is_problem_path(path: &str) -> bool {
    ["/v1", "/livez/", "//livez", "/%6civez", "/nowhere"].contains(&path)
}

#[test]
fn without_a_token_only_loopback_names_are_served() {
    let bench = Bench::filled();
    let observed = bench.observe(&[]);
    let ask = |target: &str, hosts: &[&str]| {
        let hosts = hosts.iter().map(|host| format!("Host: {host}\r\n")).collect::<Vec<_>>().concat();
        let request = format!("GET {target} HTTP/1.1\r\n{hosts}Connection: close\r\n\r\n");
        let answer = Answer::parse(&observed.send(request.as_bytes()));
        answer.is_safe();
        answer
    };
    for path in ["/livez", "/v1/observe/derived/lifecycles"] {
        for host in LOOPBACK {
            for host in [host.to_owned(), format!("{host}:4710"), format!("{host}:"), format!("  {host} ")] {
                ask(path, &[&host]).expect(200);
            }
        }
        for host in ELSEWHERE {
            ask(path, &[host]).is_problem(421, "misdirected-host");
        }
        for hosts in [&[][..], &["localhost", "localhost"], &["localhost", "dreichor.example"]] {
            ask(path, hosts).is_problem(400, "bad-host");
        }
    }
    for (target, host, status) in [
        ("http://localhost/livez", "localhost", 200),
        ("http://LOCALHOST:80/livez", "localhost:80", 200),
        ("http://[::1]:4710/livez", "[::1]:4710", 200),
        ("http://dreichor.example/livez", "localhost", 400),
        ("http://localhost/livez", "dreichor.example", 400),
        ("http://localhost/livez", "localhost:80", 400),
        ("http://user@localhost/livez", "localhost", 400),
        ("http://dreichor.example/livez", "dreichor.example", 421),
        ("http://user@localhost/livez", "user@localhost", 421),
    ] {
        let answer = ask(target, &[host]);
        assert_eq!(answer.status, status, "{target} {host}");
    }
    // Bytes that are no text.
    let answer = observed.send(b"GET /livez HTTP/1.1\r\nHost: localhost\xff\r\nConnection: close\r\n\r\n");
    Answer::parse(&answer).is_problem(400, "bad-host");
}
