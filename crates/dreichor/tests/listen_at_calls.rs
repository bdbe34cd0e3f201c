//! `ingest --listen` while several upstreams send, killed at a system call or given an error by it, through a tracer. Started
//! again, everybody sends everything again: the log holds each input once, every acknowledged input is in it, and it is the
//! log that a single pipe writes in that order. An error of one connection concerns its upstream alone.
//!
//! `KILL_CALLS` and `ERROR_CALLS` say at how many places of each call (default 5 and 2, spread over all there are; 0: at every
//! one).
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::array;
use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::ops::RangeInclusive;
use std::process::Command;

use rustix::process::Signal;
use support::tracer::{call_name, count_calls, number, spread, traced};
use support::upstream::{LISTEN, Upstream, check_against_pipe};
use support::{Bench, DREICHOR, Outcome, Running, clean, json_lines, tick, wait_until};

const UPSTREAMS: usize = 3;

/// Each upstream decides at each time from 1 to this.
const TIMES: u64 = 4;

/// (`?`: not every architecture has it.) The calls on the stores that write, sync, create or cut off.
const STORE_CALLS: &str = "write,fdatasync,fsync,?open,openat,ftruncate";

/// The calls that make the socket, wait, or are on a connection.
const SOCKET_CALLS: &str = "socket,bind,?chmod,?fchmodat,listen,accept4,getsockopt,ioctl,ppoll,read,recvfrom,\
                            write,sendto,shutdown";

/// The errors of a call on the stores: once, and from then on.
const STORE_ERRORS: [(&str, &str); 5] =
    [("ENOSPC", ""), ("EIO", "+"), ("EDQUOT", ""), ("ENOSPC", "+"), ("EIO", "")];

/// The errors of the calls on connections, and whether the connection is lost by it.
const CONNECTION_ERRORS: [(&str, &str, bool); 15] = [
    ("accept4", "EMFILE", false),
    ("accept4", "ECONNABORTED", false),
    ("accept4", "EINTR", false),
    ("getsockopt", "ENOBUFS", true),
    ("ppoll", "EINTR", false),
    ("recvfrom", "ECONNRESET", true),
    ("recvfrom", "EIO", true),
    ("recvfrom", "EINTR", false),
    ("recvfrom", "EAGAIN", false),
    ("sendto", "EPIPE", true),
    ("sendto", "ECONNRESET", true),
    ("sendto", "ENOBUFS", true),
    ("sendto", "EINTR", false),
    ("sendto", "EAGAIN", false),
    ("shutdown", "ENOTCONN", false),
];

/// One upstream, during all lives of the server.
struct Sender {
    instance: u8,
    connection: Option<Upstream>,
    /// The number of connections in this life of the server.
    connections: usize,
    /// The answers on this connection.
    answers: u64,
    /// The ticks that are acknowledged, in this life or an earlier one.
    acknowledged: u64,
}

impl Sender {
    /// What is lost is noticed when the answer is read.
    fn send(&mut self, times: RangeInclusive<u64>) {
        let ticks: String = times.map(|time| tick(self.instance, time)).collect();
        if let Some(connection) = &mut self.connection {
            let _ = connection.stream.get_mut().write_all(ticks.as_bytes());
        }
    }

    /// Waits until the ticks up to this time are acknowledged; connects and sends them again if the connection is lost. False:
    /// the server has ended.
    fn reach(&mut self, time: u64, bench: &Bench, server: &mut Running) -> bool {
        while self.answers < time {
            let Some(answer) = self.connection.as_mut().and_then(Upstream::whole_answer) else {
                self.connection = connect(bench, server);
                if self.connection.is_none() {
                    return false;
                }
                self.connections += 1;
                self.answers = 0;
                self.send(1..=time);
                continue;
            };
            self.answers += 1;
            let is_known = self.answers <= self.acknowledged;
            let status = if is_known { "\"ALREADY_RECORDED\"" } else { "RECORDED\"" };
            assert!(answer.contains(status), "tick {} of {}: {answer}", self.answers, self.instance);
            self.acknowledged = self.acknowledged.max(self.answers);
        }
        true
    }
}

/// None: the server has ended.
fn connect(bench: &Bench, server: &mut Running) -> Option<Upstream> {
    let mut connection = None;
    wait_until("a connection, or the server's end", || {
        connection = Upstream::try_to_connect(bench);
        connection.is_some() || server.has_ended()
    });
    connection
}

/// Stores, and the upstreams whose inputs they are to hold.
struct Desk {
    bench: Bench,
    senders: [Sender; UPSTREAMS],
}

/// One life of the server.
struct Life {
    /// None: a signal ended it.
    code: Option<i32>,
    /// Everybody has all answers.
    is_complete: bool,
    /// The connections that the upstreams had to make again.
    lost: usize,
    stderr: String,
}

impl Desk {
    fn new() -> Self {
        let sender =
            |instance| Sender { instance, connection: None, connections: 0, answers: 0, acknowledged: 0 };
        Self { bench: Bench::new(), senders: array::from_fn(|at| sender(u8::try_from(at).unwrap() + 1)) }
    }

    /// A life under the tracer with these arguments.
    fn live_traced(&mut self, tracing: &[&str]) -> (Life, String) {
        let trace = self.bench.path("trace");
        // The server is no child of the tracer: it gets the signals.
        let tracing: Vec<String> =
            ["-D"].iter().chain(tracing).map(|argument| self.bench.fill_in(argument)).collect();
        let life = self.live(traced(&trace, &tracing));
        (life, fs::read_to_string(trace).unwrap())
    }

    /// Starts the server. Each upstream sends its ticks, and all wait for each other between two times. Before, another one
    /// sends what is rejected. An upstream that loses its connection connects again, as long as the server lives.
    fn live(&mut self, mut command: Command) -> Life {
        // The sandbox's trials would only add calls that change nothing.
        command.args(["--log-level", "error", "--sandbox", "off", "--data-dir"]);
        command.arg(self.bench.path("data")).args(LISTEN.map(|argument| self.bench.fill_in(argument)));
        let mut server = Running::start(&mut command);
        if let Some(mut rejected) = connect(&self.bench, &mut server) {
            let _ = rejected.stream.get_mut().write_all(b"nonsense\n");
            while rejected.whole_answer().is_some() {}
        }
        for sender in &mut self.senders {
            (sender.connection, sender.connections) = (connect(&self.bench, &mut server), 1);
            sender.answers = 0;
        }
        let is_complete = (1..=TIMES).all(|time| {
            self.senders.iter_mut().for_each(|sender| sender.send(time..=time));
            // Each of them: it may have answers that it has not read.
            let reached = self.senders.each_mut().map(|sender| sender.reach(time, &self.bench, &mut server));
            !reached.contains(&false)
        });
        if is_complete {
            server.signal(Signal::TERM);
        }
        let Outcome { code, stderr, .. } = server.wait();
        let lost = self.senders.iter().map(|sender| sender.connections - 1).sum();
        Life { code, is_complete, lost, stderr }
    }

    /// Everybody sends everything again to an undisturbed server.
    #[track_caller]
    fn check_again(mut self) {
        let life = self.live(clean(DREICHOR));
        assert!(life.code == Some(0) && life.is_complete && life.lost == 0, "{}", life.stderr);
        let [log, _] = self.bench.stores();
        let events = json_lines(&log);
        let decisions = events.iter().filter(|event| event["type"] == "DECISION_EVALUATED").count();
        assert_eq!(decisions as u64, UPSTREAMS as u64 * TIMES);
        check_against_pipe(&self.bench);
        self.bench.run(&["verify"]).expect(0);
    }
}

/// The number of each of these calls in an undisturbed life, before it is asked to end.
fn counts(tracing: &[&str]) -> BTreeMap<String, usize> {
    let (life, trace) = Desk::new().live_traced(tracing);
    assert!(life.code == Some(0) && life.is_complete, "{}", life.stderr);
    count_calls(trace.split("--- SIGTERM").next().unwrap())
}

#[test]
#[ignore = "needs strace"]
fn killed_at_a_call() {
    let places = number("KILL_CALLS", 5);
    let (mut tries, mut kills) = (0, 0);
    for (name, count) in counts(&["-e", &format!("trace={STORE_CALLS},{SOCKET_CALLS}")]) {
        for nth in spread(count, places) {
            eprintln!("killed at {name} {nth} of {count}");
            let mut desk = Desk::new();
            let inject = format!("inject={name}:signal=KILL:when={nth}");
            let (life, _) = desk.live_traced(&["-e", &format!("trace={name}"), "-e", &inject]);
            tries += 1;
            kills += usize::from(life.code.is_none());
            desk.check_again();
        }
    }
    check_tries(kills, tries);
}

/// Two lives do not wait and read equally often, so that some of the last calls may not come.
#[track_caller]
fn check_tries(successes: usize, tries: usize) {
    assert!(successes * 10 >= tries * 9, "{successes} of {tries}: the calls of two lives differ too much");
}

#[test]
#[ignore = "needs strace"]
fn an_error_of_the_stores_ends_the_server() {
    let places = number("ERROR_CALLS", 2);
    let trace = format!("trace={STORE_CALLS}");
    let on_stores = ["-e", &trace, "-P", "{log}", "-P", "{snapshots}"];
    let mut errors = STORE_ERRORS.iter().cycle();
    for (name, count) in counts(&on_stores) {
        for nth in spread(count, places) {
            let (error, lasts) = errors.next().unwrap();
            eprintln!("{error} at {name} {nth}{lasts} of {count}");
            let mut desk = Desk::new();
            let inject = format!("inject={name}:error={error}:when={nth}{lasts}");
            let (life, trace) = desk.live_traced(&[&on_stores[..], &["-e", &inject]].concat());
            assert!(trace.contains("(INJECTED)"), "{trace}");
            assert!(matches!(life.code, Some(10 | 13)), "{:?}: {}", life.code, life.stderr);
            assert!(life.stderr.contains("next: "), "{}", life.stderr);
            desk.check_again();
        }
    }
}

#[test]
#[ignore = "needs strace"]
fn an_error_of_a_connection_concerns_its_upstream_alone() {
    let places = number("ERROR_CALLS", 2);
    let counts = counts(&["-e", &format!("trace={SOCKET_CALLS}")]);
    let (mut tries, mut injected) = (0, 0);
    for (name, error, is_lost) in CONNECTION_ERRORS {
        let mut lost = 0;
        for nth in spread(counts[name], places) {
            eprintln!("{error} at {name} {nth} of {}", counts[name]);
            let mut desk = Desk::new();
            let inject = format!("inject={name}:error={error}:when={nth}");
            let (life, trace) = desk.live_traced(&["-e", &format!("trace={name}"), "-e", &inject]);
            tries += 1;
            injected += usize::from(trace.contains("(INJECTED)"));
            assert!(life.code == Some(0) && life.is_complete, "{:?}: {}", life.code, life.stderr);
            assert!(life.lost <= usize::from(is_lost), "{} connections are lost: {trace}", life.lost);
            lost += life.lost;
            desk.check_again();
        }
        assert_eq!(lost > 0, is_lost, "{error} at {name}");
    }
    check_tries(injected, tries);
}

/// Feedback inputs, whose answers are longer than they are.
fn feedback(count: usize) -> String {
    let input = |number| {
        format!(
            "{{\"version\":1,\"kind\":\"FEEDBACK\",\"logicalTime\":1,\"category\":\"RISK_COMFORT\",\
             \"target\":{{\"type\":\"TIME_WINDOW\",\"from\":0,\"to\":1}},\"comment\":\"{number}\"}}\n"
        )
    };
    (0..count).map(input).collect()
}

/// Two upstreams, the last answer of each a rejection, have taken no answer when the server is asked to end. If they take all of
/// them then, the server ends without another wait; if they take none, its first wait that runs out is its last.
#[test]
#[ignore = "needs strace"]
fn the_end_waits_for_last_answers_only() {
    for takes_answers in [true, false] {
        let bench = Bench::new();
        let trace = bench.path("trace");
        let mut command = traced(&trace, &["-D", "-e", "trace=ppoll,sendto"].map(str::to_owned));
        command.args(["--sandbox", "off", "--data-dir"]).arg(bench.path("data"));
        command.args(LISTEN.map(|argument| bench.fill_in(argument)));
        let mut server = Running::start(&mut command);
        server.wait_until_it_says("READY");
        let mut upstreams = [Upstream::connect(&bench), Upstream::connect(&bench)];
        let inputs = feedback(1_000);
        for upstream in &mut upstreams {
            upstream.send(&inputs);
        }
        // What has come before is recorded before, or with it.
        Upstream::connect(&bench).ask(&tick(1, 1));
        // Twice as many answers are more than the system keeps for a reader, and the server has all inputs at once.
        server.signal(Signal::STOP);
        wait_until("the server is stopped", || {
            let stat = fs::read_to_string(format!("/proc/{}/stat", server.id())).unwrap();
            stat.contains(") T ") || stat.contains(") t ")
        });
        for upstream in &mut upstreams {
            upstream.send(&[&inputs, "nonsense\n"].concat());
        }
        server.signal(Signal::CONT);
        server.wait_until_it_says("input line 2001 ");
        server.signal(Signal::TERM);
        server.wait_until_it_says("asked to end");
        if takes_answers {
            for upstream in &mut upstreams {
                for line in 1..=2_001 {
                    let answer = upstream.answer().unwrap();
                    assert_eq!(answer["line"], line);
                    assert_eq!(answer["status"] == "REJECTED", line == 2_001, "{answer}");
                }
                assert!(upstream.answer().is_none());
            }
        }
        // The upstreams are still there.
        server.wait().expect(0);
        let trace = fs::read_to_string(trace).unwrap();
        let calls: Vec<&str> = trace.lines().filter(|line| call_name(line).is_some()).collect();
        let is_wait = |call: &str| call_name(call) == Some("ppoll");
        if takes_answers {
            assert!(!is_wait(calls[calls.len() - 1]), "it waits for nothing: {trace}");
        } else {
            let last = calls.iter().rfind(|call| is_wait(call)).unwrap();
            assert!(last.contains("(Timeout)"), "{trace}");
        }
    }
}
