//! A client that says exactly what a test wants said, and reads exactly what comes.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// No answer takes so long, unless it hangs: the server's own limit is 10 s.
const PATIENCE: Duration = Duration::from_secs(20);

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Names in small letters.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
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

    /// It keeps a browser from making anything of it, and says nothing of who answers.
    #[track_caller]
    pub(crate) fn is_safe(&self) {
        assert_eq!(self.header("x-content-type-options"), Some("nosniff"), "{self:?}");
        assert_eq!(self.header("cache-control"), Some("private, no-cache"), "{self:?}");
        let policy = self.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none';") && policy.contains("frame-ancestors 'none'"));
        assert!(!policy.contains("script") && !policy.contains("http"), "{policy}");
        for (name, value) in &self.headers {
            let tells = ["server", "via", "x-powered-by", "set-cookie", "location"].contains(&name.as_str());
            assert!(!tells && !name.starts_with("access-control-"), "{name}: {value}");
            assert!(!value.contains("hyper") && !value.contains("axum"), "{name}: {value}");
        }
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

/// An event and a decision of the published vectors.
pub(crate) const EVENT: &str = "ac5ad41c-216f-8ffd-b05e-a84435f6b1d9";
pub(crate) const DECISION: &str = "4d6e8f90-da87-821b-9956-a9a0aa072eec";

/// All paths that this OpenAPI document describes, filled in: of the published vectors, each has an answer.
pub(crate) fn paths(document: &serde_json::Value) -> Vec<String> {
    let paths: Vec<String> =
        document["paths"].as_object().unwrap().keys().map(|path| fill_in(path)).collect();
    assert!(paths.len() > 18);
    paths
}

fn fill_in(path: &str) -> String {
    match path {
        "/v1/observe/persistence/proof/inclusion" => format!("{path}?eventId={EVENT}"),
        "/v1/observe/persistence/proof/consistency" => format!("{path}?from=1"),
        path => path.replace("{id}", EVENT).replace("{decisionId}", DECISION),
    }
}
