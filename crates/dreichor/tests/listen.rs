//! `ingest --listen`: several upstreams at one socket, each in a thread of its own.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixListener, UnixStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Barrier;
use std::thread;

use rustix::process::Signal;
use support::upstream::{LISTEN, Upstream, check_against_pipe};
use support::{Bench, DREICHOR, PATIENCE, Running, clean, json_lines, lines, tick, wait_until};

fn connect(bench: &Bench, count: usize) -> Vec<Upstream> {
    (0..count).map(|_| Upstream::connect(bench)).collect()
}

fn ready(bench: &Bench) -> Running {
    let mut server = bench.start(&LISTEN);
    server.wait_until_it_says("READY");
    server
}

/// Each of `upstreams` sends its tick of each time, and all wait for each other between two times; stops at the first
/// broken connection. Returns the number of answers of each.
fn run_clock(upstreams: Vec<Upstream>, times: u64) -> Vec<u64> {
    let barrier = Barrier::new(upstreams.len());
    let has_ended = std::sync::atomic::AtomicBool::new(false);
    let order = std::sync::atomic::Ordering::SeqCst;
    let run = |mut upstream: Upstream, instance: u8| {
        let mut answers = 0;
        for time in 1..=times {
            if !has_ended.load(order) {
                let sent = upstream.stream.get_mut().write_all(tick(instance, time).as_bytes());
                if let Some(line) = sent.ok().and_then(|()| upstream.whole_answer()) {
                    assert!(line.contains("RECORDED\""), "{line}");
                    answers += 1;
                } else {
                    has_ended.store(true, order);
                }
            }
            barrier.wait();
        }
        answers
    };
    thread::scope(|scope| {
        let start = |(upstream, instance)| scope.spawn(move || run(upstream, instance));
        let threads: Vec<_> = upstreams.into_iter().zip(1..).map(start).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

#[test]
fn several_upstreams_write_the_log_of_one_pipe() {
    let bench = Bench::new();
    let server = ready(&bench);
    let mode = fs::metadata(bench.path("socket")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o660);
    assert_eq!(run_clock(connect(&bench, 8), 30), [30; 8]);
    server.signal(Signal::TERM);
    let ended = server.wait().expect(0).says(&["connected", "uid", "pid"]);
    assert!(ended.stdout.is_empty(), "{}", ended.text());
    check_against_pipe(&bench);
    // The sandbox left the socket, and the next server replaces it.
    let server = ready(&bench);
    assert_eq!(Upstream::connect(&bench).ask(&tick(1, 1))["status"], "ALREADY_RECORDED");
    server.signal(Signal::INT);
    server.wait().expect(0);
}

#[test]
fn killed_at_any_time_and_sent_again() {
    let bench = Bench::new();
    let mut acknowledged = vec![0; 6];
    // The times would not come again by a seed: what runs in them depends on the machine.
    let random = || std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), 0);
    for life in 0..6 {
        let server = ready(&bench);
        let upstreams = connect(&bench, 6);
        let answers = thread::scope(|scope| {
            let clock = scope.spawn(|| run_clock(upstreams, 40));
            if life < 5 {
                // After some of the inputs of this life.
                let enough = 1 + random() % 60_000;
                wait_until("part of the log", || {
                    fs::metadata(bench.log_path()).is_ok_and(|log| log.len() > enough) || clock.is_finished()
                });
                server.signal(Signal::KILL);
            }
            clock.join().unwrap()
        });
        for (before, now) in acknowledged.iter_mut().zip(answers) {
            *before = now.max(*before);
        }
        if life == 5 {
            server.signal(Signal::TERM);
            server.wait().expect(0);
        }
        let [log, _] = bench.stores();
        let ticks = |instance: u64| {
            let is_its = |event: &&serde_json::Value| {
                let id = format!("00000000-0000-4000-8000-{instance:012x}");
                event["type"] == "DECISION_EVALUATED" && event["strategyInstanceId"] == id
            };
            let whole = log.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
            json_lines(&log[..whole]).iter().filter(is_its).count() as u64
        };
        for (acknowledged, instance) in acknowledged.iter().zip(1..) {
            assert!(*acknowledged <= ticks(instance), "an acknowledged tick is lost in life {life}");
        }
    }
    assert_eq!(acknowledged, [40; 6]);
    check_against_pipe(&bench);
}

#[test]
fn bad_input_ends_its_own_connection() {
    let bench = Bench::new();
    let server = ready(&bench);
    let mut other = Upstream::connect(&bench);
    assert_eq!(other.ask(&tick(1, 10))["status"], "RECORDED");
    for (inputs, line, rule) in [
        ("nonsense\n".to_owned(), 1, "json"),
        ([tick(2, 10), "{}\n".into()].concat(), 2, "members"),
        (tick(3, 9), 1, "time-order"),
        ("x".repeat(70_000), 1, "line-length"),
        (tick(4, 10).replace("M1", "\u{1b}[31m"), 1, "json"),
    ] {
        let mut upstream = Upstream::connect(&bench);
        upstream.send(&inputs);
        for number in 1..line {
            assert_eq!(upstream.answer().unwrap()["line"], number);
        }
        let answer = upstream.answer().unwrap();
        assert_eq!(
            (answer["line"].as_u64(), answer["status"].as_str()),
            (Some(line), Some("REJECTED")),
            "{answer}"
        );
        assert_eq!(answer["rule"], rule, "{answer}");
        assert!(answer["message"].as_str().unwrap().contains(&format!("input line {line} ")), "{answer}");
        assert_eq!(upstream.answer(), None, "{answer}");
    }
    // A gigabyte without LF is not read.
    let mut endless = Upstream::connect(&bench);
    let piece = vec![b'x'; 1 << 16];
    let sent = (0..1 << 14).take_while(|_| endless.stream.get_mut().write_all(&piece).is_ok()).count();
    assert!(sent < 100, "{sent} pieces were taken");
    assert_eq!(endless.answer().unwrap()["rule"], "line-length");
    // One that closes its sending half gets its answers.
    let mut half = Upstream::connect(&bench);
    half.send(&tick(5, 10));
    half.stream.get_mut().shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(half.answer().unwrap()["status"], "RECORDED");
    assert_eq!(half.answer(), None);

    assert_eq!(other.ask(&tick(1, 11))["status"], "RECORDED");
    server.signal(Signal::TERM);
    server.wait().expect(0).says(&["time-order", "line-length"]);
    check_against_pipe(&bench);
}

#[test]
fn one_connection_too_many() {
    let bench = Bench::new();
    let server = ready(&bench);
    let mut upstreams = connect(&bench, 64);
    // All of them are accepted.
    for (upstream, instance) in upstreams.iter_mut().zip(1..) {
        assert_eq!(upstream.ask(&tick(instance, 1))["status"], "RECORDED");
    }
    let mut refused = Upstream::connect(&bench);
    let answer = refused.answer().unwrap();
    assert_eq!((answer["rule"].as_str(), answer["line"].as_u64()), (Some("too-many-connections"), Some(0)));
    assert_eq!(refused.answer(), None);
    drop(upstreams.pop());
    wait_until("a place", || {
        let mut upstream = Upstream::connect(&bench);
        upstream.stream.get_mut().write_all(tick(65, 1).as_bytes()).is_ok()
            && upstream.answer().is_some_and(|answer| answer["status"] != "REJECTED")
    });
    server.signal(Signal::TERM);
    server.wait().expect(0);
}

#[test]
fn a_socket_that_cannot_be_had() {
    let living = Bench::new();
    let server = ready(&living);
    let taken = format!("unix:{}", living.path("socket").display());
    let bench = Bench::new();
    fs::write(bench.path("file"), "kept").unwrap();
    let (queue, datagrams) = (UnixListener::bind(bench.path("full")).unwrap(), bench.path("datagrams"));
    let _bound = UnixDatagram::bind(&datagrams).unwrap();
    let mut waiting = Vec::new();
    queue.set_nonblocking(true).unwrap();
    rustix::net::listen(&queue, 0).unwrap();
    waiting.push(UnixStream::connect(bench.path("full")).unwrap());
    for (listen, fact) in [
        ("unix:{dir}/file", "{dir}/file"),
        ("unix:{dir}", "{dir}"),
        ("unix:{dir}/missing/socket", "{dir}/missing/socket"),
        ("unix:{dir}/full", "another server"),
        ("unix:{dir}/datagrams", "{dir}/datagrams"),
        (&taken, "another server"),
        ("unix:", "--listen"),
        (&format!("unix:/{}", "x".repeat(120)), "--listen"),
        ("tcp:127.0.0.1:1", "--listen"),
        ("systemd", "systemd"),
    ] {
        bench.refuses(&["ingest", "--listen", listen], 2, &["--listen", fact]);
    }
    assert_eq!(fs::read(bench.path("file")).unwrap(), b"kept");
    // The log's writer is there: its socket is left alone.
    living.refuses(&LISTEN, 11, &[]);
    assert_eq!(Upstream::connect(&living).ask(&tick(1, 1))["status"], "RECORDED");
    server.signal(Signal::TERM);
    server.wait().expect(0);
}

/// Runs `dreichor` as systemd does: the socket is descriptor 3.
fn activated(bench: &Bench, listener: &UnixListener) -> Command {
    let mut command = clean("sh");
    let script = "exec 3<&0 </dev/null; LISTEN_PID=$$ LISTEN_FDS=1 exec \"$@\"";
    command.args(["-c", script, "sh", DREICHOR, "--data-dir"]).arg(bench.path("data"));
    command.args(["ingest", "--listen", "systemd"]);
    command.stdin(Stdio::from(OwnedFd::from(listener.try_clone().unwrap())));
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// The next word to the service manager.
fn word(manager: &UnixDatagram) -> String {
    let mut buffer = [0; 4_096];
    let count = manager.recv(&mut buffer).unwrap();
    String::from_utf8_lossy(&buffer[..count]).into_owned()
}

#[test]
fn systemd_passes_the_socket_and_is_told() {
    for is_abstract in [false, true] {
        let bench = Bench::new();
        let listener = UnixListener::bind(bench.path("socket")).unwrap();
        // Before the server runs.
        let mut early = Upstream::connect(&bench);
        early.send(&tick(1, 7));
        let name = if is_abstract {
            format!("@{}", bench.path("notify").display())
        } else {
            bench.path("notify").display().to_string()
        };
        let address = match name.strip_prefix('@') {
            Some(name) => SocketAddr::from_abstract_name(name).unwrap(),
            None => SocketAddr::from_pathname(Path::new(&name)).unwrap(),
        };
        let manager = UnixDatagram::bind_addr(&address).unwrap();
        manager.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut child = activated(&bench, &listener).env("NOTIFY_SOCKET", &name).spawn().unwrap();
        assert_eq!(word(&manager), "READY=1");
        assert_eq!(early.answer().unwrap()["status"], "RECORDED");
        while word(&manager) != "STATUS=1 connections, last logical time 7" {}
        rustix::process::kill_process(rustix::process::Pid::from_child(&child), Signal::TERM).unwrap();
        while word(&manager) != "STOPPING=1" {}
        assert!(child.wait().unwrap().success());
    }
}

/// The disk is full: nobody gets an answer, and all connections end.
#[test]
fn a_failed_write_answers_nobody() {
    let bench = Bench::new();
    let mut command = clean("sh");
    // Six events of one tick fit.
    let script = "ulimit -f 4; exec \"$@\"";
    command.args(["-c", script, "sh", DREICHOR, "--data-dir"]).arg(bench.path("data"));
    command.args(LISTEN.map(|argument| bench.fill_in(argument)));
    let mut server = Running::start(&mut command);
    server.wait_until_it_says("READY");
    let mut upstreams = [Upstream::connect(&bench), Upstream::connect(&bench)];
    assert_eq!(upstreams[0].ask(&tick(1, 1))["status"], "RECORDED");
    upstreams[0].send(&tick(1, 2));
    upstreams[1].send(&tick(2, 2));
    let ended = server.wait().expect(13).says(&["may or may not be on disk"]);
    assert!(ended.stdout.is_empty());
    for upstream in &mut upstreams {
        let mut rest = Vec::new();
        // A reset says the same as an end.
        let _ = upstream.stream.read_to_end(&mut rest);
        assert!(lines(&rest).is_empty(), "{}", String::from_utf8_lossy(&rest));
    }
}
