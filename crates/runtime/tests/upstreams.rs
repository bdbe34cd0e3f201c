//! Connections within their limits, in one process: what each upstream reads at its end, and what the log holds.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod support;

use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use dreichor_log::Directory;
use dreichor_runtime::batch;
use dreichor_runtime::ingest::Session;
use dreichor_runtime::recovery::recover;
use dreichor_runtime::upstreams::{Limits, Peer, Upstreams};
use dreichor_runtime::writing::WriteStores;
use support::Bench;

/// An upstream's end of its connection.
struct Client(UnixStream);

impl Client {
    fn connect(upstreams: &mut Upstreams) -> Self {
        let (ours, theirs) = UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        upstreams.accept(theirs, Peer { number: 1, uid: 0, pid: 0 }).unwrap();
        Self(ours)
    }

    fn send(&mut self, inputs: &str) {
        self.0.write_all(inputs.as_bytes()).unwrap();
    }

    /// What has come, and whether the connection is closed.
    fn receive(&mut self) -> (Vec<String>, bool) {
        let mut received = Vec::new();
        let is_closed = loop {
            let mut buffer = [0; 4_096];
            match self.0.read(&mut buffer) {
                Ok(0) => break true,
                Ok(count) => received.extend_from_slice(&buffer[..count]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break false,
                Err(error) => panic!("{error}"),
            }
        };
        (String::from_utf8(received).unwrap().lines().map(str::to_owned).collect(), is_closed)
    }
}

fn feedback(time: u64, comment: &str) -> String {
    format!(
        "{{\"version\":1,\"kind\":\"FEEDBACK\",\"logicalTime\":{time},\"category\":\"RISK_COMFORT\",\"target\":{{\"type\":\"TIME_WINDOW\",\"from\":0,\"to\":{time}}},\"comment\":\"{comment}\"}}\n"
    )
}

/// Runs `test` with a session on new stores; returns the comments in the log, in order.
fn on_stores(test: impl FnOnce(&mut Session<'_, Directory>)) -> Vec<String> {
    let bench = Bench::new();
    let stores = bench.stores();
    stores.create_missing().unwrap();
    let _locks = stores.lock().unwrap();
    let recovered = recover(&stores, bench.strategy, &mut ()).unwrap();
    let mut session = Session::new(&stores, recovered, bench.policy, bench.strategy).unwrap();
    test(&mut session);
    let log = String::from_utf8(bench.bytes().events).unwrap();
    let comments = log.lines().filter_map(|line| line.split_once("\"comment\":\""));
    comments.map(|(_, comment)| comment.split('"').next().unwrap().to_owned()).collect()
}

#[test]
fn one_input_of_each_connection_in_turn_up_to_the_limit() {
    let comments = on_stores(|session| {
        let limits =
            Limits { turn: batch::Limits { inputs: 6, ..batch::Limits::default() }, ..Limits::default() };
        let mut upstreams = Upstreams::new(limits);
        let mut clients: Vec<Client> = (0..3).map(|_| Client::connect(&mut upstreams)).collect();
        for (client, count) in clients.iter_mut().zip([5, 1, 3]) {
            for index in 0..count {
                client.send(&feedback(1, &format!("{count}.{index}")));
            }
        }
        upstreams.turn(session, Instant::now()).unwrap();
        // A third of the limit each.
        assert_eq!(session.acknowledged(), 5);
        while upstreams.are_ready() {
            upstreams.turn(session, Instant::now()).unwrap();
        }
        for (client, count) in clients.iter_mut().zip([5, 1, 3]) {
            let (answers, is_closed) = client.receive();
            assert!(answers.len() == count && !is_closed, "{answers:?}");
            for (answer, line) in answers.iter().zip(1..) {
                assert!(
                    answer.starts_with(&format!("{{\"line\":{line},\"status\":\"RECORDED\"")),
                    "{answer}"
                );
            }
        }
    });
    assert_eq!(comments, ["5.0", "1.0", "3.0", "5.1", "3.1", "5.2", "3.2", "5.3", "5.4"]);
}

#[test]
fn a_rejection_concerns_its_sender_alone() {
    let comments = on_stores(|session| {
        let mut upstreams = Upstreams::new(Limits::default());
        let (mut early, mut late) = (Client::connect(&mut upstreams), Client::connect(&mut upstreams));
        early.send(&[feedback(5, "a"), feedback(6, "b"), feedback(6, "c")].concat());
        late.send(&[feedback(5, "d"), feedback(5, "late"), feedback(7, "never")].concat());
        upstreams.turn(session, Instant::now()).unwrap();
        let (answers, is_closed) = early.receive();
        assert!(answers.len() == 3 && !is_closed, "{answers:?}");
        let (answers, is_closed) = late.receive();
        assert!(is_closed && answers.len() == 2, "{answers:?}");
        for expected in [
            "\"line\":2,",
            "\"REJECTED\"",
            "\"rule\":\"time-order\"",
            "\"member\":\"logicalTime\"",
            "6, the last",
        ] {
            assert!(answers[1].contains(expected), "{answers:?}");
        }
        assert_eq!(upstreams.count(), 1);
        early.send(&feedback(6, "e"));
        upstreams.wake(std::iter::repeat(true));
        upstreams.turn(session, Instant::now()).unwrap();
        assert_eq!(early.receive().0.len(), 1);
    });
    assert_eq!(comments, ["a", "d", "b", "c", "e"]);
}

/// The clock of a line runs from its first byte to its LF, and not while its sender is not read from.
#[test]
fn a_line_that_stays_unfinished_ends_its_connection() {
    let comments = on_stores(|session| {
        let limit = Limits::default().line;
        let mut upstreams = Upstreams::new(Limits::default());
        let (mut half, mut slow) = (Client::connect(&mut upstreams), Client::connect(&mut upstreams));
        let start = Instant::now();
        half.send(&[feedback(1, "whole"), "{\"version\":1".into()].concat());
        let line = feedback(1, "slow but whole");
        for (part, at) in [(&line[..9], 0), (&line[9..], 29), ("{\"", 29), ("version", 31)] {
            slow.send(part);
            upstreams.wake(std::iter::repeat(true));
            upstreams.turn(session, start + Duration::from_secs(at)).unwrap();
        }
        let (answers, is_closed) = half.receive();
        assert!(is_closed && answers.len() == 2, "{answers:?}");
        for expected in ["\"line\":2,", "\"REJECTED\"", "\"rule\":\"line-timeout\"", "\"member\":null"] {
            assert!(answers[1].contains(expected), "{answers:?}");
        }
        let (answers, is_closed) = slow.receive();
        assert!(!is_closed && answers.len() == 1, "{answers:?}");
        upstreams.turn(session, start + Duration::from_secs(29) + limit).unwrap();
        assert!(slow.receive().1);
    });
    assert_eq!(comments, ["whole", "slow but whole"]);
}

#[test]
fn more_connections_than_may_be_are_refused() {
    on_stores(|session| {
        let mut upstreams = Upstreams::new(Limits { connections: 2, ..Limits::default() });
        let mut clients: Vec<Client> = (0..3).map(|_| Client::connect(&mut upstreams)).collect();
        let (answers, is_closed) = clients[2].receive();
        assert!(is_closed && answers.len() == 1, "{answers:?}");
        for expected in ["\"line\":0,", "\"REJECTED\"", "\"rule\":\"too-many-connections\""] {
            assert!(answers[0].contains(expected), "{answers:?}");
        }
        clients.truncate(1);
        upstreams.wake(std::iter::repeat(true));
        upstreams.turn(session, Instant::now()).unwrap();
        assert_eq!(upstreams.count(), 1);
        let mut next = Client::connect(&mut upstreams);
        next.send(&feedback(1, "x"));
        upstreams.turn(session, Instant::now()).unwrap();
        assert_eq!(next.receive().0.len(), 1);
    });
}

/// A sender that takes no answers is not read from, and keeps nobody waiting.
#[test]
fn a_sender_that_never_reads_is_not_read_from() {
    on_stores(|session| {
        let mut upstreams = Upstreams::new(Limits::default());
        let (mut deaf, mut other) = (Client::connect(&mut upstreams), Client::connect(&mut upstreams));
        let mut sent = 0;
        let input = |index: usize| feedback(1, &format!("{index}"));
        for turn in 1..=50_usize {
            while deaf.0.write(input(sent).as_bytes()).is_ok_and(|count| count == input(sent).len()) {
                sent += 1;
            }
            other.send(&feedback(1, &format!("other {turn}")));
            upstreams.wake(std::iter::repeat(true));
            upstreams.turn(session, Instant::now()).unwrap();
            assert_eq!(other.receive().0.len(), 1, "turn {turn}");
        }
        let recorded = session.acknowledged() - 50;
        for _ in 0..50 {
            upstreams.wake(std::iter::repeat(true));
            upstreams.turn(session, Instant::now()).unwrap();
        }
        assert_eq!(session.acknowledged(), recorded + 50, "it was read from");
        assert!(recorded < sent as u64, "{recorded} of {sent}: it can send without end");
        let mut answers = 0;
        for _ in 0..1_000 {
            answers += deaf.receive().0.len();
            upstreams.wake(std::iter::repeat(true));
            upstreams.turn(session, Instant::now()).unwrap();
        }
        assert!(answers as u64 >= recorded, "{answers} of {recorded}: an answer is lost");
    });
}
