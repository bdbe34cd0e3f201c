//! Clients that are slow, silent, many or disconnected: others are served, and no resource stays in use.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::fs;
use std::io::{BufReader, Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, Signal, getrlimit, setrlimit};
use support::http::{Answer, connect, read_to_the_end};
use support::observed::Observed;
use support::{Bench, PATIENCE, vector, wait_until};

/// A page of the greatest size: more than any socket takes without a reader.
const LARGE: &str = "/v1/observe/persistence/audit-events?limit=1000";
const SMALL: &str = "/v1/observe/persistence/audit-events?limit=1";

/// The number of requests that are worked on at once.
const PLACES: usize = 64;

/// How many connections there are at most: some hold no request, or a probe.
const CONNECTIONS: usize = PLACES + 16;

/// A page of this log is as large as pages get: 16 MiB.
fn with_a_large_page() -> Bench {
    let bench = Bench::filled();
    // Each character takes six in JSON.
    let comment = "\\u0001".repeat(4_096);
    let mut inputs = String::new();
    for time in 1_000..1_700 {
        writeln!(
            inputs,
            "{{\"version\":1,\"kind\":\"FEEDBACK\",\"logicalTime\":{time},\"category\":\"RISK_COMFORT\",\
             \"target\":{{\"type\":\"TIME_WINDOW\",\"from\":0,\"to\":{time}}},\"comment\":\"{comment}\"}}"
        )
        .unwrap();
    }
    bench.ingest(inputs.as_bytes()).expect(0);
    bench
}

fn request(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n")
}

/// A snapshot that is too long for a quick read is still read: the fault is in its content, not its length.
#[test]
fn a_long_latest_snapshot_is_read_too() {
    let bench = with_a_large_page();
    let observed = bench.observe(&[]);
    let long = [vec![b'x'; 2 << 20], b"\n".to_vec()].concat();
    fs::File::options().append(true).open(bench.snapshots_path()).unwrap().write_all(&long).unwrap();
    let problem = observed.get("/v1/observe/persistence/snapshots/latest").is_problem(500, "store-malformed");
    assert_eq!(problem["rule"], "canonical", "{problem}");
}

/// Asks and does not read.
fn asking(observed: &Observed, path: &str) -> TcpStream {
    let mut stream = observed.connect();
    stream.write_all(request(path).as_bytes()).unwrap();
    stream
}

/// The value of a metric.
fn metric(observed: &Observed, name: &str) -> u64 {
    let text = String::from_utf8(observed.get("/metrics").expect(200).body).unwrap();
    let mut values = text.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    values.next().unwrap().parse().unwrap()
}

/// True if the server keeps this idle connection open.
fn is_open(stream: &TcpStream) -> bool {
    stream.set_nonblocking(true).unwrap();
    let peeked = stream.peek(&mut [0]);
    stream.set_nonblocking(false).unwrap();
    peeked.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock)
}

/// The server closes this connection, on which it says nothing.
fn is_closed_in_silence(stream: TcpStream) {
    let rest = read_to_the_end(stream);
    assert!(rest.is_empty(), "{}", String::from_utf8_lossy(&rest));
}

/// Descriptors and threads of the process.
fn holds(observed: &Observed) -> [usize; 2] {
    let process = format!("/proc/{}", observed.running.id());
    ["fd", "task"].map(|kind| fs::read_dir(format!("{process}/{kind}")).unwrap().count())
}

/// This number of connections, or as many as the test's process may open.
fn crowd(observed: &Observed, wanted: usize) -> Vec<TcpStream> {
    let limit = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
    let room = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX).saturating_sub(300);
    let count = usize::try_from(room).unwrap_or(usize::MAX).min(wanted);
    assert!(count > 2 * PLACES);
    let client = || TcpStream::connect_timeout(&observed.address, PATIENCE / 10).unwrap();
    (0..count).map(|_| client()).collect()
}

#[test]
fn a_crowd_that_comes_at_once_is_let_in() {
    let somaxconn = fs::read_to_string("/proc/sys/net/core/somaxconn").unwrap();
    let room = somaxconn.trim().parse().unwrap_or(0).min(600);
    let bench = Bench::filled();
    let observed = bench.observe(&[]);
    // Nobody is let in meanwhile; all wait in the kernel.
    observed.running.signal(Signal::STOP);
    let waiting = crowd(&observed, room);
    observed.running.signal(Signal::CONT);
    observed.get("/livez").expect(200);
    drop(waiting);
}

/// Disconnected clients leave no resource in use.
#[track_caller]
fn check_nothing_left(observed: &Observed, descriptors: usize) {
    wait_until("nothing is left", || metric(observed, "dreichor_http_connections") == 1);
    // A read that ends after its client has gone closes its file a moment later.
    wait_until("no descriptor is left", || holds(observed)[0] <= descriptors + 2);
    let [_, threads] = holds(observed);
    // Main, one that serves, nine that read.
    assert!(threads <= 11, "{threads}");
}

#[test]
fn a_thousand_silent_clients_keep_nobody_out() {
    let bench = Bench::filled();
    let observed = bench.observe(&[]);
    observed.get(SMALL).expect(200);
    let [descriptors, _] = holds(&observed);
    let silent = crowd(&observed, 1_000);
    for path in ["/livez", SMALL, "/v1/observe/derived/lifecycles"] {
        observed.get(path).expect(200);
    }
    // The last of them hold their places still: nobody had to wait until they lost them by being silent.
    assert!(silent.iter().rev().take(PLACES / 2).any(is_open));
    let [crowded, _] = holds(&observed);
    assert!(crowded <= descriptors + CONNECTIONS + 2, "{descriptors} {crowded}");
    assert!(metric(&observed, "dreichor_http_connections") <= CONNECTIONS as u64);
    assert!(metric(&observed, "dreichor_http_connections_evicted_total") > 0);
    // Clients that are silent for too long are closed, and leave no resource in use.
    wait_until("all are closed", || !silent.iter().any(is_open));
    check_nothing_left(&observed, descriptors);
}

#[test]
fn readers_that_never_read_keep_nobody_out() {
    let bench = with_a_large_page();
    let observed = bench.observe(&[]);
    observed.get(SMALL).expect(200);
    let [descriptors, _] = holds(&observed);
    let readers: Vec<TcpStream> = (0..PLACES).map(|_| asking(&observed, LARGE)).collect();
    for path in [SMALL, "/livez", SMALL, "/v1/observe/persistence/snapshots/latest"] {
        observed.get(path).expect(200);
    }
    // All this was answered while most of the large pages still waited to be made.
    let waiting = readers.iter().filter(|reader| is_open(reader)).count();
    assert!(waiting > PLACES / 4, "{waiting}");
    drop(readers);
    // The requests of disconnected clients are dropped.
    check_nothing_left(&observed, descriptors);

    // One that never reads is closed as well when nobody wants its place. One that reads a little by little is not.
    let never = asking(&observed, LARGE);
    let mut slow = asking(&observed, LARGE);
    let mut taken = 0;
    wait_until("it is closed", || {
        thread::sleep(Duration::from_millis(50));
        taken += slow.read(&mut vec![0; 64 << 10]).unwrap();
        metric(&observed, "dreichor_http_connections") <= 2
    });
    let mut rest = Vec::new();
    slow.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let _ = slow.read_to_end(&mut rest);
    assert!(taken + rest.len() > 15 << 20, "{taken}, then {}", rest.len());
    drop(never);
    // A client that reads gets the whole answer.
    let answer = observed.get(LARGE).expect(200);
    assert!(answer.body.len() > 15 << 20 && answer.body.len() <= 16 << 20, "{}", answer.body.len());
}

#[test]
fn answers_that_nobody_takes_do_not_fill_the_memory() {
    let bench = with_a_large_page();
    let observed = bench.observe(&[]);
    // Their pages have 16 MiB each, and no place is wanted.
    let readers: Vec<TcpStream> = (0..PLACES / 2).map(|_| asking(&observed, LARGE)).collect();
    wait_until("all were answered or closed", || !readers.iter().any(is_open));
    let status = fs::read_to_string(format!("/proc/{}/status", observed.running.id())).unwrap();
    let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let most: u64 = most.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(most < 400 << 10, "{most} KiB");
    // A client that reads gets the memory that they release.
    assert!(observed.get(LARGE).expect(200).body.len() > 15 << 20);
}

#[test]
fn who_is_gone_is_not_worked_for() {
    const GONE: u64 = 60;
    let bench = with_a_large_page();
    let observed = bench.observe(&[]);
    let memory = observed.get("/v1/observe/derived/decision-memory?limit=1000").expect(200).json();
    let story = |at: u64| {
        let id = memory["entries"][usize::try_from(at).unwrap()]["decisionId"].as_str().unwrap().to_owned();
        format!("/v1/observe/derived/decisions/{id}")
    };
    let before = metric(&observed, "dreichor_derivations_total");
    // A story takes a replay of the whole log, one at a time.
    let gone: Vec<TcpStream> = (0..GONE).map(|at| asking(&observed, &story(at))).collect();
    for stream in gone {
        // Reset. One that is closed orderly looks the same as one that has only nothing more to ask.
        rustix::net::sockopt::set_socket_linger(&stream, Some(Duration::ZERO)).unwrap();
    }
    wait_until("nobody is left", || metric(&observed, "dreichor_http_connections") == 1);
    observed.get(&story(GONE)).expect(200);
    let replays = metric(&observed, "dreichor_derivations_total") - before;
    assert!((1..GONE / 2).contains(&replays), "{replays}");
}

#[test]
fn a_request_that_does_not_come_is_not_waited_for() {
    let bench = Bench::filled();
    let observed = bench.observe(&[]);
    // One byte after the other, and in time.
    let mut stream = observed.connect();
    for byte in request("/livez").bytes() {
        stream.write_all(&[byte]).unwrap();
    }
    let mut source = BufReader::new(stream.try_clone().unwrap());
    assert_eq!(Answer::next(&mut source).unwrap().body, b"live\n");
    let address = observed.address;
    thread::scope(|scope| {
        // Served, and then silent.
        scope.spawn(move || assert!(Answer::next(&mut source).is_none()));
        // Never a word; half a request; half a next one.
        scope.spawn(move || is_closed_in_silence(connect(address)));
        scope.spawn(move || {
            let mut stream = connect(address);
            stream.write_all(&request("/livez").as_bytes()[..20]).unwrap();
            is_closed_in_silence(stream);
        });
        scope.spawn(move || {
            let mut stream = connect(address);
            stream.write_all(&[request("/livez").as_bytes(), b"GET"].concat()).unwrap();
            let mut source = BufReader::new(stream);
            assert_eq!(Answer::next(&mut source).unwrap().body, b"live\n");
            assert!(Answer::next(&mut source).is_none());
        });
        // One byte after the other, for ever.
        scope.spawn(move || {
            let mut stream = connect(address);
            stream.write_all(b"GET /livez HTTP/1.1\r\nHost: localhost\r\nA: ").unwrap();
            wait_until("it is closed", || stream.write_all(b"a").is_err());
            is_closed_in_silence(stream);
        });
    });
    observed.get("/livez").expect(200);
}

#[test]
fn one_connection_serves_many_requests() {
    let bench = Bench::filled();
    let observed = bench.observe(&[]);
    let paths = ["/livez", "/nowhere", SMALL, "/livez?a=b", "/v1/observe/derived/lifecycles"];
    let expected: Vec<Answer> = paths.iter().map(|path| observed.get(path)).collect();
    let is_expected = |answer: Option<Answer>, at: usize| {
        let (answer, expected) = (answer.unwrap(), &expected[at % paths.len()]);
        assert_eq!((answer.status, &answer.body), (expected.status, &expected.body));
    };
    // One after the other.
    let mut stream = observed.connect();
    let mut source = BufReader::new(stream.try_clone().unwrap());
    for at in 0..100 {
        stream.write_all(request(paths[at % paths.len()]).as_bytes()).unwrap();
        is_expected(Answer::next(&mut source), at);
    }
    assert_eq!(metric(&observed, "dreichor_http_connections"), 2);
    // All before the first answer.
    let all: String = (0..100).map(|at| request(paths[at % paths.len()])).collect();
    stream.write_all(all.as_bytes()).unwrap();
    (0..100).for_each(|at| is_expected(Answer::next(&mut source), at));
    // The requests before `Connection: close` are answered, and no others.
    let last = "GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    stream.write_all([last, last].concat().as_bytes()).unwrap();
    is_expected(Answer::next(&mut source), 0);
    assert!(Answer::next(&mut source).is_none());
}

#[test]
fn a_signal_ends_it_after_the_answer_in_flight() {
    let bench = with_a_large_page();
    let expected = bench.observe(&[]).get(LARGE).expect(200).body;
    for signal in [Signal::TERM, Signal::INT] {
        let observed = bench.observe(&[]);
        let silent: Vec<TcpStream> = (0..20).map(|_| observed.connect()).collect();
        let half = asking(&observed, "/livez HTTP/1.1\r\nA");
        let mut kept = BufReader::new(asking(&observed, "/livez"));
        Answer::next(&mut kept).unwrap();
        let mut reader = asking(&observed, LARGE);
        let mut piece = [0; 1 << 10];
        let begun = reader.read(&mut piece).unwrap();
        observed.running.signal(signal);
        wait_until("nobody is let in", || TcpStream::connect(observed.address).is_err());
        let mut answer = piece[..begun].to_vec();
        reader.read_to_end(&mut answer).unwrap();
        let answer = Answer::parse(&answer).expect(200);
        assert!(answer.body == expected, "{} of {} bytes", answer.body.len(), expected.len());
        let outcome = observed.running.finish().expect(0);
        assert!(!outcome.stderr.contains("panicked"), "{}", outcome.stderr);
        drop((silent, half, kept));
    }
    assert!(bench.stores()[0].starts_with(&vector("audit_events.ndjson")));
}

#[test]
fn a_signal_does_not_wait_for_who_never_reads() {
    let bench = with_a_large_page();
    let observed = bench.observe(&[]);
    let readers: Vec<TcpStream> = (0..3).map(|_| asking(&observed, LARGE)).collect();
    for reader in &readers {
        reader.peek(&mut [0]).unwrap();
    }
    observed.running.signal(Signal::TERM);
    observed.running.finish().expect(0);
    drop(readers);
}

#[test]
fn a_client_that_has_nothing_more_to_ask_gets_its_answer() {
    let bench = Bench::filled();
    let observed = bench.observe(&[]);
    for path in ["/livez", SMALL, "/v1/observe/derived/lifecycles"] {
        let stream = asking(&observed, path);
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        assert_eq!(Answer::parse(&read_to_the_end(stream)).expect(200).body, observed.get(path).body);
    }
}

/// Probes are answered while all places are taken by clients that wait for us.
#[test]
fn probes_have_places_of_their_own() {
    let bench = with_a_large_page();
    let observed = bench.observe(&[]);
    let crowd: Vec<TcpStream> = (0..2 * PLACES).map(|_| asking(&observed, LARGE)).collect();
    for _ in 0..20 {
        assert_eq!(observed.get("/livez").expect(200).body, b"live\n");
        observed.get("/readyz").expect(200);
    }
    drop(crowd);
}

/// Those that come at the same instant as a probe must not cost it its connection, before its request is read.
#[test]
fn probes_are_answered_while_others_come_without_end() {
    let bench = with_a_large_page();
    let observed = bench.observe(&[]);
    let (address, requests) = (observed.address, request(LARGE).repeat(20));
    let others = thread::spawn(move || {
        let mut clients = VecDeque::new();
        for _ in 0..1_500 {
            let mut client = TcpStream::connect(address).unwrap();
            // It may be closed by now.
            let _ = client.write_all(requests.as_bytes());
            clients.push_back(client);
            if clients.len() > 2 * CONNECTIONS {
                clients.pop_front();
            }
            thread::sleep(Duration::from_millis(1));
        }
    });
    while !others.is_finished() {
        for path in ["/livez", "/readyz"] {
            observed.get(path).expect(200);
        }
    }
    others.join().unwrap();
}
