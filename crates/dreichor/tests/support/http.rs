//! A client that says exactly what a test wants said, and a runtime to say it to.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::{Bench, Running};

/// No answer takes so long, unless it hangs: the server's own limit is 10 s.
const PATIENCE: Duration = Duration::from_secs(20);

/// A runtime that is ready, and serves.
pub(crate) struct Observed {
    pub(crate) running: Running,
    pub(crate) address: SocketAddr,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Names in small letters.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Bench {
    /// Starts `run` on these stores, and waits until it is ready.
    pub(crate) fn observe(&self, arguments: &[&str]) -> Observed {
        Observed::when_ready(self.start(&[&["run", "--log-format", "json"], arguments].concat()))
    }
}

impl Observed {
    /// Waits until a runtime, whose log is JSON, is ready.
    pub(crate) fn when_ready(running: Running) -> Self {
        Self::when_it_says(running, "READY")
    }

    /// Waits until a process, whose log is JSON, has said this, and with it or before where it serves.
    pub(crate) fn when_it_says(mut running: Running, text: &str) -> Self {
        running.wait_until_it_says(text);
        let log = super::json_lines(running.told().as_bytes());
        let address = log.iter().find_map(|line| line["addr"].as_str()).unwrap().parse().unwrap();
        Self { running, address }
    }

    pub(crate) fn connect(&self) -> TcpStream {
        connect(self.address)
    }

    /// Asks for a path by GET.
    pub(crate) fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[])
    }

    /// Asks by one request on a connection of its own.
    pub(crate) fn ask(&self, method: &str, path: &str, headers: &[&str]) -> Answer {
        ask(self.address, method, path, headers)
    }

    /// Sends these bytes, and reads all that comes back until the server closes the connection.
    pub(crate) fn send(&self, bytes: &[u8]) -> Vec<u8> {
        send(self.address, bytes)
    }
}

pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Sends these bytes, and reads all that comes back until the server closes the connection.
pub(crate) fn send(address: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut stream = connect(address);
    // If the request is refused early, not all of it may be read.
    let _ = stream.write_all(bytes);
    read_to_the_end(stream)
}

/// All that comes until the server closes the connection: in peace, or by a reset if there is something that it has
/// not read.
pub(crate) fn read_to_the_end(mut stream: TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Err(error) = stream.read_to_end(&mut bytes) {
        assert_eq!(error.kind(), ErrorKind::ConnectionReset, "it is not closed");
    }
    bytes
}

/// Asks by one request on a connection of its own.
pub(crate) fn ask(address: SocketAddr, method: &str, path: &str, headers: &[&str]) -> Answer {
    let mut stream = connect(address);
    stream.write_all(&request(address, method, path, &[headers, &["Connection: close"]].concat())).unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    Answer::parse(&bytes)
}

/// One request.
fn request(address: SocketAddr, method: &str, path: &str, headers: &[&str]) -> Vec<u8> {
    let headers: String = headers.iter().flat_map(|header| [*header, "\r\n"]).collect();
    format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\n{headers}\r\n").into_bytes()
}

/// A client that keeps its connection.
pub(crate) struct Client {
    address: SocketAddr,
    stream: BufReader<TcpStream>,
}

impl Client {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { address, stream: BufReader::new(connect(address)) }
    }

    /// Asks for a path by GET.
    pub(crate) fn get(&mut self, path: &str) -> Answer {
        self.ask(path, &[])
    }

    /// The same, unless the answer is the one that has this entity tag.
    pub(crate) fn get_unless(&mut self, path: &str, etag: &str) -> Answer {
        self.ask(path, &[&format!("If-None-Match: {etag}")])
    }

    fn ask(&mut self, path: &str, headers: &[&str]) -> Answer {
        self.stream.get_mut().write_all(&request(self.address, "GET", path, headers)).unwrap();
        Answer::next(&mut self.stream).unwrap_or_else(|| panic!("{path}: no answer"))
    }
}

impl Answer {
    /// Reads one answer that ends with its connection. Its body must be as long as it says, or none at all.
    pub(crate) fn parse(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n");
        let end = end.unwrap_or_else(|| panic!("no answer: {}", String::from_utf8_lossy(bytes)));
        let answer = Self { body: bytes[end + 4..].to_vec(), ..Self::parse_head(&bytes[..end]) };
        if let Some(length) = answer.header("content-length") {
            assert!(answer.body.is_empty() || answer.body.len().to_string() == length, "{answer:?}");
        }
        answer
    }

    /// Reads the next answer to a GET from a connection; none if it is closed. What comes must be whole.
    pub(crate) fn next(source: &mut impl BufRead) -> Option<Self> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            if source.read_until(b'\n', &mut head).unwrap() == 0 {
                assert!(head.is_empty(), "half an answer: {}", String::from_utf8_lossy(&head));
                return None;
            }
        }
        let mut answer = Self::parse_head(&head[..head.len() - 4]);
        if answer.status != 304 {
            let length = answer.header("content-length").unwrap().parse().unwrap();
            answer.body = vec![0; length];
            source.read_exact(&mut answer.body).unwrap();
        }
        Some(answer)
    }

    /// All answers to GETs that came over one connection.
    pub(crate) fn all(mut bytes: &[u8]) -> Vec<Self> {
        std::iter::from_fn(|| Self::next(&mut bytes)).collect()
    }

    /// Status and headers.
    fn parse_head(head: &[u8]) -> Self {
        let head = String::from_utf8(head.to_vec()).unwrap();
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap().strip_prefix("HTTP/1.").unwrap()[2..5].parse().unwrap();
        let headers = lines.map(|line| {
            let (name, value) = line.split_once(": ").unwrap();
            (name.to_ascii_lowercase(), value.to_owned())
        });
        Self { status, headers: headers.collect(), body: Vec::new() }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut values =
            self.headers.iter().filter(|(given, _)| given == name).map(|(_, value)| value.as_str());
        let value = values.next();
        assert!(values.next().is_none(), "{name} is there twice: {self:?}");
        value
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// It has this status.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.body));
        self
    }

    /// It is this problem, told in full.
    #[track_caller]
    pub(crate) fn is_problem(&self, status: u16, kind: &str) -> serde_json::Value {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.body));
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        let problem = self.json();
        assert_eq!(problem["type"], format!("urn:dreichor:problem:{kind}"), "{problem}");
        assert_eq!(problem["status"], status);
        for member in ["title", "detail"] {
            assert!(!problem[member].as_str().unwrap().is_empty(), "{problem}");
        }
        problem
    }
}
