//! Upstreams of `ingest --listen`, and the log that they must make.

use std::io::{BufRead as _, BufReader, ErrorKind, Write as _};
use std::os::unix::net::UnixStream;

use super::{Bench, PATIENCE, json_lines, tick, wait_until};

pub(crate) const LISTEN: [&str; 3] = ["ingest", "--listen", "unix:{dir}/socket"];

/// An upstream's end of its connection.
pub(crate) struct Upstream {
    pub(crate) stream: BufReader<UnixStream>,
}

impl Upstream {
    pub(crate) fn connect(bench: &Bench) -> Self {
        let mut upstream = None;
        wait_until("a connection", || {
            upstream = Self::try_to_connect(bench);
            upstream.is_some()
        });
        upstream.unwrap()
    }

    /// None: nobody listens.
    pub(crate) fn try_to_connect(bench: &Bench) -> Option<Self> {
        let stream = UnixStream::connect(bench.path("socket")).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Some(Self { stream: BufReader::new(stream) })
    }

    pub(crate) fn send(&mut self, inputs: &str) {
        self.stream.get_mut().write_all(inputs.as_bytes()).unwrap();
    }

    /// The next answer; none: the connection is closed.
    pub(crate) fn answer(&mut self) -> Option<serde_json::Value> {
        let mut line = Vec::new();
        self.stream.read_until(b'\n', &mut line).unwrap();
        json_lines(&line).pop()
    }

    /// The next answer, if it comes whole; none: the connection is closed, or broken.
    pub(crate) fn whole_answer(&mut self) -> Option<String> {
        let mut line = String::new();
        match self.stream.read_line(&mut line) {
            Ok(_) => line.ends_with('\n').then_some(line),
            Err(error) => {
                assert_ne!(error.kind(), ErrorKind::WouldBlock, "no answer");
                None
            }
        }
    }

    pub(crate) fn ask(&mut self, input: &str) -> serde_json::Value {
        self.send(input);
        self.answer().unwrap()
    }
}

/// What a single pipe writes of the inputs in the order of the log.
#[track_caller]
pub(crate) fn check_against_pipe(bench: &Bench) {
    let [log, _] = bench.stores();
    let inputs: String = json_lines(&log)
        .iter()
        .filter(|event| event["type"] == "DECISION_EVALUATED")
        .map(|event| {
            let instance = event["strategyInstanceId"].as_str().unwrap();
            let instance = u8::from_str_radix(&instance[instance.len() - 2..], 16).unwrap();
            tick(instance, event["logicalTime"].as_u64().unwrap())
        })
        .collect();
    let pipe = Bench::new();
    pipe.ingest(inputs.as_bytes()).expect(0);
    assert!(pipe.stores() == bench.stores(), "not the log of a pipe");
}
